//! What a training step costs on this machine, beside the matrix products that no way of training can avoid.

use std::num::NonZeroUsize;
use std::time::Instant;

use burn::tensor::Device;
use jikji_loader::Batch;
use jikji_model::{
    Decoder, DecoderConfig, Layout, ModelError, ParameterTable, attention_flop_per_token,
    products_of_a_step,
};
use jikji_ops::{OperationTime, Precision, median, take_profile, time_products};
use jikji_optim::{OptimizerConfig, Schedule};
use serde::Serialize;

use crate::config::ActivationCheckpointing;
use crate::error::TrainError;
use crate::memory::{peak_resident_bytes, reset_peak};
use crate::state::TrainState;
use crate::step::{StepSettings, train_step};

/// Steps that are not counted.
const WARM_UP: usize = 2;

/// What to measure.
#[derive(Debug, Clone)]
pub struct BenchConfig {
    /// Sequences of a step.
    pub batch: NonZeroUsize,
    /// Tokens of a sequence.
    pub seq: NonZeroUsize,
    /// Number format of matrix products.
    pub precision: Precision,
    /// What forward leaves for backward.
    pub activation_checkpointing: ActivationCheckpointing,
    /// Steps counted.
    pub steps: NonZeroUsize,
}

/// Medians over the counted steps.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BenchReport {
    /// Tokens of a step over its time.
    pub tokens_per_second: f64,
    /// Fetch excluded: forward, backward, update.
    pub step_seconds: f64,
    /// All forward passes.
    pub forward_seconds: f64,
    /// All backward passes.
    pub backward_seconds: f64,
    /// Norm, clipping, optimizer.
    pub update_seconds: f64,
    /// The most memory held while stepping.
    pub peak_rss_bytes: u64,
    /// The step's matrix products alone, in the format of the run.
    pub matmul_limit_seconds: f64,
    /// Attention's scores and sums over values, at the rate of those products.
    pub attention_limit_seconds: f64,
    /// Every counted step.
    pub step_seconds_all: Vec<f64>,
    /// Wall time of each operation, a step's mean.
    pub profile: Vec<OperationShare>,
}

/// An operation's part of a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OperationShare {
    /// The operation and its direction; what is left over is `other`.
    pub operation: &'static str,
    /// Mean over the counted steps.
    pub seconds: f64,
    /// Of the mean step, 0 to 1.
    pub share: f64,
}

/// Trains on made-up tokens; the limit is measured between the steps, so that both see the same machine.
pub fn bench_train_step(
    config: DecoderConfig,
    bench: &BenchConfig,
) -> Result<BenchReport, BenchError> {
    let (rows, seq) = (bench.batch.get(), bench.seq.get());
    if seq > config.max_position_embeddings {
        return Err(BenchError::TooLong {
            seq,
            max_position_embeddings: config.max_position_embeddings,
        });
    }
    let layout = Layout::new(ParameterTable::new(&config), &["*".to_owned()])?;
    let batch = made_up_batch(config.vocab_size, rows, seq);
    let products = products_of_a_step(&config, rows * seq);
    let products_flop: f64 = products
        .iter()
        .map(|[m, k, n]| 2.0 * (m * k * n) as f64)
        .sum();
    let attention_flop = attention_flop_per_token(&config, seq) * (rows * seq) as f64;
    let decoder = Decoder::new(config, bench.precision);
    let settings = StepSettings {
        micro_batch_size: rows,
        activation_checkpointing: bench.activation_checkpointing,
        optimizer: OptimizerConfig {
            learning_rate: 1e-4,
            betas: [0.9, 0.95],
            eps: 1e-8,
            weight_decay: 0.1,
            decay_embeddings: true,
            muon: None,
            max_grad_norm: Some(1.0),
            schedule: Schedule::Constant { warmup_steps: 0 },
        },
        z_loss: 0.0,
        total_steps: u64::MAX,
        device: Device::flex(),
    };
    let mut state = TrainState::initialized(&layout, 0, &settings.optimizer);
    let mut columns: [Vec<f64>; 5] = Default::default();
    let mut peak = 0;
    for step in 0..WARM_UP + bench.steps.get() {
        if step == WARM_UP {
            take_profile();
        }
        // The limit's own operands do not count.
        reset_peak();
        let clock = Instant::now();
        let report =
            train_step(&decoder, &mut state, &settings, &batch).map_err(TrainError::from)?;
        let seconds = clock.elapsed().as_secs_f64();
        peak = peak.max(peak_resident_bytes().unwrap_or(0));
        if step >= WARM_UP {
            let limit = time_products(&products, bench.precision);
            let measured = [
                seconds,
                report.forward_seconds,
                report.backward_seconds,
                report.update_seconds,
                limit,
            ];
            for (column, value) in columns.iter_mut().zip(measured) {
                column.push(value);
            }
        }
    }
    let step_seconds_all = columns[0].clone();
    let profile = shares(take_profile(), &step_seconds_all);
    let [
        step_seconds,
        forward_seconds,
        backward_seconds,
        update_seconds,
        matmul_limit_seconds,
    ] = columns.map(median);
    Ok(BenchReport {
        tokens_per_second: (rows * seq) as f64 / step_seconds,
        step_seconds,
        forward_seconds,
        backward_seconds,
        update_seconds,
        peak_rss_bytes: peak,
        matmul_limit_seconds,
        attention_limit_seconds: matmul_limit_seconds * attention_flop / products_flop,
        step_seconds_all,
        profile,
    })
}

fn shares(profile: Vec<OperationTime>, steps: &[f64]) -> Vec<OperationShare> {
    let all: f64 = steps.iter().sum();
    let timed: f64 = profile.iter().map(|entry| entry.seconds).sum();
    let mut entries: Vec<(&'static str, f64)> = profile
        .into_iter()
        .map(|entry| (entry.operation, entry.seconds))
        .collect();
    entries.push(("other", all - timed));
    entries.sort_by(|a, b| b.1.total_cmp(&a.1));
    entries
        .into_iter()
        .map(|(operation, seconds)| OperationShare {
            operation,
            seconds: seconds / steps.len() as f64,
            share: seconds / all,
        })
        .collect()
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The model has no such position.
    #[error(
        "`--seq` is {seq}, beyond the model's `max_position_embeddings` = {max_position_embeddings}"
    )]
    TooLong {
        /// Asked for.
        seq: usize,
        /// Longest possible.
        max_position_embeddings: usize,
    },
    /// The model's description is wrong.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A step failed.
    #[error(transparent)]
    Train(#[from] TrainError),
}

/// One document a row, ids spread over the vocabulary.
fn made_up_batch(vocab: usize, rows: usize, seq: usize) -> Batch {
    let id = |index: usize| (index.wrapping_mul(2_654_435_761) >> 7) % vocab;
    let ids: Vec<i32> = (0..rows * seq).map(|index| id(index) as i32).collect();
    Batch {
        batch: rows,
        seq,
        targets: ids.iter().skip(1).chain(ids.first()).copied().collect(),
        loss_weights: vec![1.0; rows * seq],
        positions: (0..rows * seq).map(|index| (index % seq) as i32).collect(),
        documents: vec![0; rows * seq],
        spans: vec![Vec::new(); rows],
        ids,
    }
}
