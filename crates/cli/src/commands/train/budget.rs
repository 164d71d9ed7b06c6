//! What a run would take, for a dry run: text and tokens at hand, tokens asked for, disk and time.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use jikji_checkpoint::durable::free_space;
use jikji_model::flop_per_token;
use jikji_ops::Precision;
use jikji_recipe::RunConfig;
use jikji_telemetry::human_units::{human_bytes, human_count, human_duration, with_separators};
use jikji_tokenizer::Tokenizer;
use jikji_train::ActivationCheckpointing;

use super::assemble::Plan;
use super::checks;
use super::sample::SourceSample;
use crate::failure::Failure;

/// Share of the matrix rate that training steps of usual sizes reach
/// (docs/benchmarks/train-step.md).
const USUAL_SHARE: f64 = 0.7;

/// Level of the compression of a corpus on disk.
const ZSTD_LEVEL: i32 = 3;

/// Text and tokens of one source.
pub(super) struct SourceBudget {
    pub(super) name: String,
    documents: u64,
    text_bytes: u64,
    is_exact: bool,
    tokens: u64,
    /// Tokens of the documents that are not held back.
    training_tokens: u64,
    /// Bytes of the documents on disk, compressed.
    corpus_bytes: u64,
}

/// Counts the tokens of each sample and carries them over to the whole source.
pub(super) fn of_sources(
    config: &RunConfig,
    samples: &[SourceSample],
    tokenizer: &Tokenizer,
) -> Result<Vec<SourceBudget>, Failure> {
    let specials = [tokenizer.bos_id(), tokenizer.eos_id()];
    let specials = specials.iter().flatten().count() as u64;
    let mut budgets = Vec::new();
    for sample in samples {
        let (mut bytes, mut tokens) = (0_u64, 0_u64);
        for text in &sample.texts {
            bytes += text.len() as u64;
            tokens += tokenizer.encode(text)?.len() as u64;
        }
        let packed = zstd::bulk::compress(sample.texts.concat().as_bytes(), ZSTD_LEVEL);
        let packed = packed.map_or(bytes, |packed| packed.len() as u64);
        let scale = sample.text_bytes as f64 / bytes.max(1) as f64;
        let tokens = (tokens as f64 * scale) as u64 + specials * sample.documents;
        let held_back = held_back(config, &sample.name);
        budgets.push(SourceBudget {
            name: sample.name.clone(),
            documents: sample.documents,
            text_bytes: sample.text_bytes,
            is_exact: sample.is_exact,
            tokens,
            training_tokens: (tokens as f64 * (1.0 - held_back)) as u64,
            corpus_bytes: (packed as f64 * scale) as u64,
        });
    }
    Ok(budgets)
}

/// Share of a source's documents that is held back for validation.
fn held_back(config: &RunConfig, source: &str) -> f64 {
    let names = &config.data.validation_sources;
    let takes_part = names.iter().any(|name| name == source);
    if takes_part {
        config.data.validation_fraction
    } else {
        0.0
    }
}

/// Training tokens of each source, as the loader counts them.
pub(super) fn training_tokens(sources: &[SourceBudget]) -> Vec<(String, u64)> {
    let sources = sources.iter();
    sources
        .map(|source| (source.name.clone(), source.training_tokens))
        .collect()
}

/// The lines on text and tokens; `tokenizer` says whose tokens they are.
pub(super) fn text_lines(sources: &[SourceBudget], tokenizer: &str) -> Vec<String> {
    let mut lines: Vec<String> = sources.iter().map(SourceBudget::line).collect();
    let total = |of: fn(&SourceBudget) -> u64| sources.iter().map(of).sum::<u64>();
    lines.push(format!(
        "text in all: {} documents, {}, {} tokens, {} of them for training (tokens estimated with {tokenizer}; before \
         duplicates are dropped)",
        with_separators(total(|source| source.documents)),
        human_bytes(total(|source| source.text_bytes)),
        human_count(total(|source| source.tokens)),
        human_count(total(|source| source.training_tokens)),
    ));
    lines
}

impl SourceBudget {
    fn line(&self) -> String {
        let how = if self.is_exact {
            "counted"
        } else {
            "estimated from the beginning of each file"
        };
        format!(
            "text of {}: {} documents, {} ({how}), about {} tokens",
            self.name,
            with_separators(self.documents),
            human_bytes(self.text_bytes),
            human_count(self.tokens)
        )
    }
}

/// The line on the tokens that the run asks for; the length of the run is settled.
pub(super) fn asked_line(config: &RunConfig, passes: &str) -> String {
    let (steps, tokens) = (config.train.total_steps(), config.train.tokens_per_step());
    format!(
        "asked for: {} tokens ({} steps of {}); {passes}",
        human_count(steps.saturating_mul(tokens)),
        with_separators(steps),
        with_separators(tokens)
    )
}

/// The lines on disk: what is written, and what is free where it goes.
pub(super) fn disk_lines(
    config: &RunConfig,
    plan: &Plan,
    sources: &[SourceBudget],
    tokenizer: &Tokenizer,
) -> Vec<String> {
    // As `Manifest::token_dtype` chooses.
    let bytes_per_token = if tokenizer.vocab_size() <= 1 << 16 {
        2
    } else {
        4
    };
    let tokens: u64 = sources.iter().map(|source| source.tokens).sum();
    let corpus: u64 = sources.iter().map(|source| source.corpus_bytes).sum();
    let shards = tokens * bytes_per_token;
    let prepared = config.data.prepared.as_path();
    let output = config.run.output.as_path();
    let run = checks::run_folder_bytes(plan, config);
    let mut lines = vec![
        format!(
            "disk, prepared text: about {} in `{}` ({} of documents, {} of tokens); {}",
            human_bytes(corpus + shards),
            prepared.display(),
            human_bytes(corpus),
            human_bytes(shards),
            free_in_words(prepared)
        ),
        format!(
            "disk, run: {} in `{}` ({} checkpoints of {} and one being written, the exported model {}); {}",
            human_bytes(run),
            output.display(),
            config.checkpoint.keep,
            human_bytes(checks::checkpoint_bytes(plan)),
            human_bytes(plan.memory.bytes_of("weights")),
            free_in_words(output)
        ),
    ];
    lines.extend(shortage(&[(prepared, corpus + shards), (output, run)]));
    lines
}

fn free_in_words(path: &Path) -> String {
    free_space(path).map_or_else(
        |error| format!("free space unknown ({error})"),
        |free| format!("{} free", human_bytes(free)),
    )
}

/// A sentence for each disk that cannot hold all that goes there.
fn shortage(writes: &[(&Path, u64); 2]) -> Vec<String> {
    let [(first, a), (second, b)] = *writes;
    let together = match (device(first), device(second)) {
        (Some(one), Some(other)) if one == other => vec![(first, a.saturating_add(b))],
        _ => vec![(first, a), (second, b)],
    };
    let is_short =
        |(path, needed): &(&Path, u64)| free_space(path).is_ok_and(|free| free < *needed);
    together
        .into_iter()
        .filter(is_short)
        .map(|(path, needed)| {
            format!(
                "warning: the disk of `{}` is too small: about {} are needed, {}",
                path.display(),
                human_bytes(needed),
                free_in_words(path)
            )
        })
        .collect()
}

/// The file system of a path, or of its nearest ancestor that exists.
fn device(path: &Path) -> Option<u64> {
    let mut ancestors = path.ancestors();
    ancestors.find_map(|path| {
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        path.metadata().ok().map(|found| found.dev())
    })
}

/// The line on time, for a machine that has nothing else to do.
pub(super) fn time_line(config: &RunConfig, plan: &Plan) -> String {
    let precision = Precision::from(config.train.precision);
    let rate = jikji_ops::measure_matrix_rate(precision).flop_per_second;
    let recomputed = match config.train.activation_checkpointing {
        ActivationCheckpointing::None => 1.0,
        // Forward is computed twice: four thirds of forward and backward.
        ActivationCheckpointing::Blocks => 4.0 / 3.0,
    };
    let flop = flop_per_token(&plan.decoder, config.train.seq_len.get()) * recomputed;
    let tokens_per_second = rate * USUAL_SHARE / flop;
    let step = config.train.tokens_per_step() as f64 / tokens_per_second;
    format!(
        "time: about {} for {} steps, {} a step ({} tokens/s: {:.0} % of the {:.0} GFLOP/s at which this machine multiplied \
         matrices just now; validation, samples and saves not counted)",
        human_duration(step * config.train.total_steps() as f64),
        with_separators(config.train.total_steps()),
        human_duration(step),
        human_count(tokens_per_second as u64),
        100.0 * USUAL_SHARE,
        rate / 1e9
    )
}
