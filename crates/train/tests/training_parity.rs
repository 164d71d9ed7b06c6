//! A hundred steps from the same weights over the same batches: each loss against the one that transformers and PyTorch have.
//!
//! `scripts/parity/train_reference.py` made the references.

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use jikji_checkpoint::ModelFiles;
use jikji_loader::Batch;
use jikji_model::{Decoder, DecoderConfig, Layout, ModelConfig, ParameterTable, Store};
use jikji_ops::Precision;
use jikji_optim::OptimizerConfig;
use jikji_train::{ActivationCheckpointing, StepSettings, TrainState, train_step};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Most that a step's loss may differ, in nats.
const BOUND: f64 = 1e-4;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    fixture: String,
    steps: u64,
    optimizer: OptimizerConfig,
    losses: Vec<f64>,
}

/// For each step, rows of ids of one length.
#[derive(Deserialize)]
struct Batches {
    batches: Vec<Vec<Vec<i32>>>,
}

fn parity(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../scripts/parity")
        .join(path)
}

fn read<T: DeserializeOwned>(path: &Path) -> T {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn start(fixture: &Path, optimizer: &OptimizerConfig) -> (Decoder, TrainState) {
    let text = std::fs::read(fixture.join("config.json")).expect("a file");
    let config = ModelConfig::from_json(&text).expect("a config");
    let config = DecoderConfig::resolve(&config).expect("a decoder");
    let layout =
        Layout::new(ParameterTable::new(&config), &["*".to_owned()]).expect("everything trains");
    let mut weights = Store::weights(layout.clone());
    let files = ModelFiles::open(fixture).expect("tensors");
    for (index, parameter) in layout.table().parameters().iter().enumerate() {
        files
            .read_f32(&parameter.name, 0, weights.values_mut(index))
            .expect("a tensor");
    }
    (
        Decoder::new(config, Precision::F32),
        TrainState::from_weights(weights, optimizer),
    )
}

fn batch(rows: &[Vec<i32>]) -> Batch {
    let seq = rows[0].len() - 1;
    let flat = |part: fn(&[i32]) -> &[i32]| -> Vec<i32> {
        rows.iter().flat_map(|row| part(row)).copied().collect()
    };
    Batch {
        batch: rows.len(),
        seq,
        ids: flat(|row| &row[..row.len() - 1]),
        targets: flat(|row| &row[1..]),
        loss_weights: vec![1.0; rows.len() * seq],
        positions: (0..rows.len()).flat_map(|_| 0..seq as i32).collect(),
        documents: vec![0; rows.len() * seq],
        spans: vec![Vec::new(); rows.len()],
    }
}

/// The largest difference between the losses, and the step it is at.
fn worst(run: &Run, change: impl FnOnce(&mut StepSettings)) -> (f64, usize) {
    let Batches { batches } = read(&parity("training/batches.json"));
    let (decoder, mut state) = start(&parity("fixtures").join(&run.fixture), &run.optimizer);
    let mut settings = StepSettings {
        // Two halves of a batch: what is summed over them is part of what is compared.
        micro_batch_size: 2,
        activation_checkpointing: ActivationCheckpointing::None,
        optimizer: run.optimizer.clone(),
        z_loss: 0.0,
        total_steps: run.steps,
        device: Device::flex(),
    };
    change(&mut settings);
    assert_eq!(run.losses.len() as u64, run.steps);
    let differences = run
        .losses
        .iter()
        .zip(batches.iter().cycle())
        .map(|(expected, rows)| {
            let report =
                train_step(&decoder, &mut state, &settings, &batch(rows)).expect("a finite step");
            (report.loss - expected).abs()
        });
    let mut worst = (0.0, 0);
    for (step, difference) in differences.enumerate() {
        if difference > worst.0 {
            worst = (difference, step);
        }
    }
    worst
}

fn check(name: &str) {
    let run: Run = read(&parity(&format!("training/{name}.json")));
    assert_eq!(run.fixture, name);
    let (difference, step) = worst(&run, |_| ());
    assert!(
        difference <= BOUND,
        "{name}: the loss of step {step} differs by {difference:e}"
    );
}

#[test]
fn qwen2_learns_as_in_pytorch() {
    check("qwen2");
}

#[test]
fn exaone4_learns_as_in_pytorch() {
    check("exaone4-hybrid");
}

#[test]
fn a_setting_that_differs_shows() {
    let run: Run = read(&parity("training/qwen2.json"));
    let shows = |change: fn(&mut OptimizerConfig)| {
        worst(&run, |settings| change(&mut settings.optimizer)).0 > BOUND
    };
    assert!(shows(|optimizer| optimizer.weight_decay *= 0.9));
    assert!(shows(|optimizer| optimizer.eps = 1e-5));
    assert!(shows(|optimizer| optimizer.decay_embeddings = false));
    assert!(shows(|optimizer| optimizer.betas[1] = 0.951));
    assert!(shows(|optimizer| optimizer.learning_rate *= 1.001));
}
