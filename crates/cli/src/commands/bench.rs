//! `jikji bench`.

use jikji_model::{DecoderConfig, Layout, ParameterTable};
use jikji_ops::Precision;
use jikji_telemetry::human_units::human_bytes;
use jikji_train::{
    ActivationCheckpointing, BenchConfig, BenchError, MemoryPlan, StepSize, bench_train_step,
};

use crate::arguments::{BenchCommand, CheckpointingArgument, PrecisionArgument};
use crate::commands::doctor::available_memory;
use crate::console;
use crate::exit;
use crate::failure::Failure;

pub(crate) fn run(command: &BenchCommand) -> Result<(), Failure> {
    let BenchCommand::TrainStep {
        model,
        batch,
        seq,
        precision,
        activation_checkpointing,
        steps,
        json,
    } = command;
    let config = DecoderConfig::resolve(&jikji_recipe::load_model_config(model)?)?;
    let bench = BenchConfig {
        batch: *batch,
        seq: *seq,
        precision: match precision {
            PrecisionArgument::F32 => Precision::F32,
            PrecisionArgument::Bf16 => Precision::Bf16,
        },
        activation_checkpointing: match activation_checkpointing {
            CheckpointingArgument::None => ActivationCheckpointing::None,
            CheckpointingArgument::Blocks => ActivationCheckpointing::Blocks,
        },
        steps: *steps,
    };
    if !bench.precision.is_native() {
        console::say(
            "note: this processor has no bf16 products: they run in f32 on rounded operands, with bf16's numbers and f32's speed",
        );
    }
    check_memory(&config, &bench)?;
    let report = bench_train_step(config, &bench).map_err(|error| match error {
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
    if *json {
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
    let percent = 100.0 * report.matmul_limit_seconds / report.step_seconds;
    console::data(format!(
        "{:.0} tokens/s; a step takes {:.3} s: forward {:.3}, backward {:.3}, update {:.3}\n\
         its matrix products alone take {:.3} s: {percent:.0} % of the step\n\
         peak memory {}\n\n{}",
        report.tokens_per_second,
        report.step_seconds,
        report.forward_seconds,
        report.backward_seconds,
        report.update_seconds,
        report.matmul_limit_seconds,
        human_bytes(report.peak_rss_bytes),
        profile.join("\n"),
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
    };
    let plan = MemoryPlan::new(config, &layout, step, 0);
    // A bench saves nothing.
    let needed = plan
        .total()
        .saturating_sub(plan.bytes_of("checkpoint copy"));
    match available_memory() {
        Some(available) if available < needed => Err(Failure::new(
            exit::MEMORY,
            format!(
                "the bench needs {}, {} are available",
                human_bytes(needed),
                human_bytes(available)
            ),
        )
        .with_hint("lower `--batch` or `--seq`, set `--activation-checkpointing blocks`, or choose a smaller `--model`")),
        _ => Ok(()),
    }
}
