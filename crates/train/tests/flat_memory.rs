//! Memory of a long run: what a step takes it gives back. A test binary of its own, because it looks at the whole process.

use burn::tensor::Device;
use jikji_loader::Batch;
use jikji_model::{Decoder, DecoderConfig, Layout, ModelConfig, ParameterTable};
use jikji_ops::Precision;
use jikji_optim::{OptimizerConfig, Schedule};
use jikji_train::{ActivationCheckpointing, StepSettings, TrainState, resident_bytes, train_step};

const MODEL: &str = r#"
model_type = "llama"
vocab_size = 2000
hidden_size = 64
intermediate_size = 160
num_hidden_layers = 3
num_attention_heads = 4
num_key_value_heads = 2
max_position_embeddings = 128
rms_norm_eps = 1e-5
tie_word_embeddings = true
"#;

/// Rows of `seq` tokens; documents end at other places in every step, as they do in a run.
fn batch(step: usize, rows: usize, seq: usize) -> Batch {
    let at = |index: usize| ((index + step * 7919).wrapping_mul(2_654_435_761) >> 7) % 2000;
    let tokens = rows * seq;
    let ids: Vec<i32> = (0..tokens).map(|index| at(index) as i32).collect();
    let border = 1 + step % (seq - 1);
    Batch {
        batch: rows,
        seq,
        targets: ids.iter().skip(1).chain(ids.first()).copied().collect(),
        loss_weights: vec![1.0; tokens],
        positions: (0..tokens)
            .map(|index| (index % seq % border) as i32)
            .collect(),
        documents: (0..tokens)
            .map(|index| (index % seq / border) as i32)
            .collect(),
        spans: vec![Vec::new(); rows],
        ids,
    }
}

#[test]
fn memory_stays_flat_over_500_steps() {
    let config: ModelConfig = toml::from_str(MODEL).expect("a model config");
    let config = DecoderConfig::resolve(&config).expect("a decoder");
    let layout = Layout::new(ParameterTable::new(&config), &["*".to_owned()]).expect("a layout");
    let decoder = Decoder::new(config, Precision::F32);
    let settings = StepSettings {
        micro_batch_size: 2,
        activation_checkpointing: ActivationCheckpointing::None,
        optimizer: OptimizerConfig {
            learning_rate: 1e-3,
            betas: [0.9, 0.95],
            eps: 1e-8,
            weight_decay: 0.1,
            decay_embeddings: true,
            muon: None,
            max_grad_norm: Some(1.0),
            schedule: Schedule::Constant { warmup_steps: 0 },
        },
        z_loss: 0.0,
        total_steps: 500,
        device: Device::flex(),
    };
    let mut state = TrainState::initialized(&layout, 0, &settings.optimizer);
    let mut after = |steps: std::ops::Range<usize>| {
        for step in steps {
            train_step(&decoder, &mut state, &settings, &batch(step, 4, 96))
                .expect("a finite step");
        }
        resident_bytes()
    };
    let Some(warm) = after(0..50) else {
        eprintln!("skipped: this system does not say what a process holds");
        return;
    };
    let end = after(50..500).expect("said before");
    // A leak of one hidden state a step (2 x 96 x 64 numbers) would be 22 MB.
    let growth = end.saturating_sub(warm);
    assert!(
        growth < 2_000_000,
        "{growth} bytes more after 450 steps than after 50"
    );
}
