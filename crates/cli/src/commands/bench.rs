//! `jikji bench`.

use std::path::Path;

use jikji_eval::{DecodeBench, DecodeBenchConfig, EvalError};
use jikji_model::{DecoderConfig, Layout, ParameterTable};
use jikji_ops::{BenchShape, OperationRate, Precision, bench_operations, measure_roofline};
use jikji_telemetry::human_units::human_bytes;
use jikji_train::{
    ActivationCheckpointing, BenchConfig, BenchError, MemoryPlan, StepSize, bench_train_step,
    peak_resident_bytes, reset_peak,
};

use crate::arguments::{BenchCommand, CheckpointingArgument, PrecisionArgument};
use crate::commands::BF16_IN_F32;
use crate::commands::doctor::available_memory;
use crate::console;
use crate::exit;
use crate::failure::Failure;

pub(crate) fn run(command: &BenchCommand) -> Result<(), Failure> {
    match command {
        BenchCommand::TrainStep {
            sizes,
            activation_checkpointing,
            steps,
            json,
        } => {
            let bench = BenchConfig {
                batch: sizes.batch,
                seq: sizes.seq,
                precision: precision_of(sizes.precision),
                activation_checkpointing: match activation_checkpointing {
                    CheckpointingArgument::None => ActivationCheckpointing::None,
                    CheckpointingArgument::Blocks => ActivationCheckpointing::Blocks,
                },
                steps: *steps,
            };
            train_step(&sizes.model, &bench, *json)
        }
        BenchCommand::Ops {
            sizes,
            name,
            repeats,
            json,
        } => {
            let config = DecoderConfig::resolve(&jikji_recipe::load_model_config(&sizes.model)?)?;
            let shape = BenchShape {
                batch: sizes.batch.get(),
                seq: sizes.seq.get(),
                hidden: config.hidden_size,
                ffn: config.intermediate_size,
                heads: config.num_attention_heads,
                kv_heads: config.num_key_value_heads,
                head_dim: config.head_dim,
                vocab: config.vocab_size,
            };
            let precision = precision_of(sizes.precision);
            operations(shape, precision, name, repeats.get(), *json)
        }
        BenchCommand::Decode {
            model,
            prompt,
            tokens,
            precision,
            repeats,
            json,
        } => {
            let bench = DecodeBenchConfig {
                prompt: prompt.get(),
                tokens: tokens.get(),
                precision: precision_of(*precision),
                repeats: repeats.get(),
            };
            decode(model, bench, *json)
        }
        BenchCommand::Encode {
            tokenizer,
            texts,
            repeats,
            json,
        } => super::encode_bench::run(tokenizer, texts, repeats.get(), *json),
    }
}

/// The format asked for; says so where this processor only imitates it.
fn precision_of(argument: PrecisionArgument) -> Precision {
    let precision = match argument {
        PrecisionArgument::F32 => Precision::F32,
        PrecisionArgument::Bf16 => Precision::Bf16,
    };
    if !precision.is_native() {
        console::say(format!("note: {BF16_IN_F32}"));
    }
    precision
}

fn train_step(model: &Path, bench: &BenchConfig, json: bool) -> Result<(), Failure> {
    let config = DecoderConfig::resolve(&jikji_recipe::load_model_config(model)?)?;
    check_memory(&config, bench)?;
    let report = bench_train_step(config, bench).map_err(|error| match error {
        BenchError::Model(error) => error.into(),
        BenchError::Train(error) => error.into(),
        BenchError::TooLong {
            max_position_embeddings,
            ..
        } => Failure::from_error(
            exit::RECIPE,
            &error,
            Some(format!("use `--seq {max_position_embeddings}` or less")),
        ),
    })?;
    if json {
        let text = serde_json::to_string_pretty(&report).expect("numbers are JSON");
        console::data(text);
        return Ok(());
    }
    let profile: Vec<String> = report
        .profile
        .iter()
        .map(|entry| {
            format!(
                "{:>22} {:8.1} ms {:5.1} %",
                entry.operation,
                1e3 * entry.seconds,
                100.0 * entry.share
            )
        })
        .collect();
    let limit = report.matmul_limit_seconds + report.attention_limit_seconds;
    console::data(format!(
        "{:.0} tokens/s; a step takes {:.3} s: forward {:.3}, backward {:.3}, update {:.3}\n\
         its matrix products alone take {:.3} s, attention's {:.3} s more: {:.0} % of the step\n\
         peak memory {}\n\n{}",
        report.tokens_per_second,
        report.step_seconds,
        report.forward_seconds,
        report.backward_seconds,
        report.update_seconds,
        report.matmul_limit_seconds,
        report.attention_limit_seconds,
        100.0 * limit / report.step_seconds,
        human_bytes(report.peak_rss_bytes),
        profile.join("\n"),
    ));
    Ok(())
}

fn operations(
    shape: BenchShape,
    precision: Precision,
    name: &str,
    repeats: usize,
    json: bool,
) -> Result<(), Failure> {
    fits(
        shape.peak_bytes(),
        "lower `--batch` or `--seq`, or choose a smaller `--model`",
    )?;
    let roofline = measure_roofline(precision);
    let rates = bench_operations(shape, precision, name, repeats, roofline);
    if rates.is_empty() {
        let failure = Failure::new(
            exit::COMMAND_LINE,
            format!("`--name`: no operation's name contains `{name}`"),
        );
        return Err(failure.with_hint("without `--name` all are listed"));
    }
    if json {
        let operation = |rate: &OperationRate| {
            serde_json::json!({
                "operation": rate.operation,
                "direction": rate.direction,
                "seconds": rate.seconds,
                "flop_per_second": rate.flop_per_second,
                "bytes_per_second": rate.bytes_per_second,
                "roofline_share": rate.roofline_share,
            })
        };
        let report = serde_json::json!({
            "flop_per_second": roofline.flop_per_second,
            "bytes_per_second": roofline.bytes_per_second,
            "operations": rates.iter().map(operation).collect::<Vec<_>>(),
        });
        let text = serde_json::to_string_pretty(&report).expect("numbers are JSON");
        console::data(text);
        return Ok(());
    }
    let lines: Vec<String> = rates.iter().map(OperationRate::to_string).collect();
    console::data(format!("{roofline}\n{}", lines.join("\n")));
    Ok(())
}

fn decode(model: &Path, bench: DecodeBenchConfig, json: bool) -> Result<(), Failure> {
    let config = DecoderConfig::resolve(&jikji_recipe::load_model_config(model)?)?;
    let failure = |error| match error {
        EvalError::TooLong { limit, .. } => Failure::from_error(
            exit::RECIPE,
            &error,
            Some(format!(
                "`--prompt` and `--tokens` together are {limit} at most"
            )),
        ),
        error => Failure::from(error),
    };
    let ready = DecodeBench::new(config, bench).map_err(failure)?;
    reset_peak();
    let report = ready.run().map_err(failure)?;
    let peak = peak_resident_bytes().unwrap_or(0);
    if json {
        let mut value = serde_json::to_value(&report).expect("numbers are JSON");
        value["peak_rss_bytes"] = peak.into();
        console::data(serde_json::to_string_pretty(&value).expect("numbers are JSON"));
        return Ok(());
    }
    console::data(format!(
        "{:.1} tokens/s; a text of {} tokens after {} takes {:.3} s, {:.3} s of it until the first\n\
         reading the weights once for each token takes {:.3} s: {:.0} % of it\n\
         peak memory {}",
        report.tokens_per_second,
        bench.tokens,
        bench.prompt,
        report.decode_seconds,
        report.prompt_seconds,
        report.read_limit_seconds,
        100.0 * report.read_limit_seconds / report.decode_seconds,
        human_bytes(peak),
    ));
    Ok(())
}

fn check_memory(config: &DecoderConfig, bench: &BenchConfig) -> Result<(), Failure> {
    let layout = Layout::new(ParameterTable::new(config), &["*".to_owned()])?;
    let step = StepSize {
        micro_batch_size: bench.batch.get(),
        global_batch_size: bench.batch.get(),
        seq_len: bench.seq.get(),
        activation_checkpointing: bench.activation_checkpointing,
        muon: false,
    };
    let plan = MemoryPlan::new(config, &layout, step, 0);
    // A bench saves nothing.
    let needed = plan
        .total()
        .saturating_sub(plan.bytes_of("checkpoint copy"));
    fits(
        needed,
        "lower `--batch` or `--seq`, set `--activation-checkpointing blocks`, or choose a smaller `--model`",
    )
}

fn fits(needed: u64, hint: &str) -> Result<(), Failure> {
    match available_memory() {
        Some(available) if available < needed => Err(Failure::new(
            exit::MEMORY,
            format!(
                "the bench needs {}, {} are available",
                human_bytes(needed),
                human_bytes(available)
            ),
        )
        .with_hint(hint)),
        _ => Ok(()),
    }
}
