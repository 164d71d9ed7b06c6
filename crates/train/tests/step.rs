//! The segmented step on tiny decoders: gradients against finite differences, and the equalities that a step must keep.

use burn::tensor::Device;
use jikji_loader::Batch;
use jikji_model::{Decoder, DecoderConfig, Group, Layout, ModelConfig, ParameterTable};
use jikji_ops::Precision;
use jikji_optim::{MuonConfig, OptimizerConfig, Schedule};
use jikji_train::{ActivationCheckpointing, StepSettings, TrainState, train_step};

const EXAONE4: &str = r#"
model_type = "exaone4"
vocab_size = 23
hidden_size = 8
intermediate_size = 12
num_hidden_layers = 4
num_attention_heads = 4
num_key_value_heads = 2
head_dim = 4
max_position_embeddings = 64
rms_norm_eps = 1e-5
sliding_window = 3
sliding_window_pattern = "LLLG"
tie_word_embeddings = true
initializer_range = 0.3
rope_scaling = { rope_type = "llama3", factor = 4.0, low_freq_factor = 1.0, high_freq_factor = 4.0, original_max_position_embeddings = 16 }
"#;

const QWEN2: &str = r#"
model_type = "qwen2"
vocab_size = 19
hidden_size = 8
intermediate_size = 10
num_hidden_layers = 2
num_attention_heads = 2
num_key_value_heads = 1
max_position_embeddings = 64
rms_norm_eps = 1e-6
initializer_range = 0.3
"#;

const HYPERCLOVAX: &str = r#"
model_type = "hyperclovax"
vocab_size = 19
hidden_size = 8
intermediate_size = 10
num_hidden_layers = 2
num_attention_heads = 2
num_key_value_heads = 2
max_position_embeddings = 64
rms_norm_eps = 1e-5
embedding_multiplier = 3.0
residual_multiplier = 0.7
attention_multiplier = 0.3
logits_scaling = 0.5
initializer_range = 0.3
rope_scaling = { rope_type = "yarn", factor = 2.0, original_max_position_embeddings = 16 }
"#;

fn model(text: &str, trainable: &[&str]) -> (Decoder, TrainState) {
    let config: ModelConfig = toml::from_str(text).expect("a model config");
    let config = DecoderConfig::resolve(&config).expect("a decoder");
    let trainable: Vec<String> = trainable
        .iter()
        .map(|pattern| (*pattern).to_owned())
        .collect();
    let layout = Layout::new(ParameterTable::new(&config), &trainable).expect("a layout");
    (
        Decoder::new(config, Precision::F32),
        TrainState::initialized(
            &layout,
            5,
            &settings(1, ActivationCheckpointing::None).optimizer,
        ),
    )
}

fn settings(rows: usize, activation_checkpointing: ActivationCheckpointing) -> StepSettings {
    StepSettings {
        micro_batch_size: rows,
        activation_checkpointing,
        optimizer: OptimizerConfig {
            learning_rate: 1e-2,
            betas: [0.9, 0.95],
            eps: 1e-8,
            weight_decay: 0.1,
            decay_embeddings: true,
            muon: None,
            max_grad_norm: None,
            schedule: Schedule::Constant { warmup_steps: 0 },
        },
        z_loss: 0.0,
        total_steps: 10,
        device: Device::flex(),
    }
}

/// Rows of documents given by length; the last target of each document does not count.
fn batch_of(vocab: i32, rows: &[&[usize]]) -> Batch {
    let seq = rows[0].iter().sum();
    let mut batch = Batch {
        batch: rows.len(),
        seq,
        ..Batch::default()
    };
    let mut counter = 1i32;
    for documents in rows {
        for (document, &len) in documents.iter().enumerate() {
            for position in 0..len {
                counter = (counter * 7 + 3) % vocab;
                batch.ids.push(counter);
                batch.targets.push((counter * 7 + 3) % vocab);
                batch
                    .loss_weights
                    .push(if position + 1 == len { 0.0 } else { 1.0 });
                batch.positions.push(position as i32);
                batch.documents.push(document as i32);
            }
        }
        batch.spans.push(Vec::new());
    }
    batch
}

fn gradients_of(state: &TrainState) -> Vec<(String, Vec<f32>)> {
    let parameters = state.gradients.layout().table().parameters();
    let named = parameters.iter().enumerate();
    named
        .filter_map(|(i, p)| Some((p.name.clone(), state.gradients.values(i)?.to_vec())))
        .collect()
}

fn bits(state: &TrainState) -> Vec<u32> {
    let parameters = state.weights.layout().table().parameters().len();
    (0..parameters)
        .flat_map(|i| {
            state
                .weights
                .values(i)
                .expect("weights")
                .iter()
                .map(|v| v.to_bits())
        })
        .collect()
}

#[test]
fn gradients_of_the_whole_decoder_equal_finite_differences() {
    for (name, text, vocab) in [
        ("exaone4", EXAONE4, 23),
        ("qwen2", QWEN2, 19),
        ("hyperclovax", HYPERCLOVAX, 19),
    ] {
        let batch = batch_of(vocab, &[&[5, 4], &[9]]);
        let settings = settings(2, ActivationCheckpointing::None);
        let (decoder, mut state) = model(text, &["*"]);
        train_step(&decoder, &mut state, &settings, &batch).expect("a finite step");
        let gradients = gradients_of(&state);
        // The loss at moved weights: a fresh state whose step reports it before anything moves.
        let loss_at = |parameter: usize, element: usize, shift: f32| {
            let (decoder, mut state) = model(text, &["*"]);
            state.weights.values_mut(parameter)[element] += shift;
            train_step(&decoder, &mut state, &settings, &batch)
                .expect("a finite step")
                .loss
        };
        for (parameter, (tensor, gradient)) in gradients.iter().enumerate() {
            // The elements that matter most, where a difference in f32 says something.
            let largest = (0..gradient.len())
                .max_by(|a, b| gradient[*a].abs().total_cmp(&gradient[*b].abs()));
            let middle = Some(gradient.len() / 2);
            for element in [largest, middle].into_iter().flatten() {
                let step = 2e-3f32;
                let difference = (loss_at(parameter, element, step)
                    - loss_at(parameter, element, -step))
                    / f64::from(2.0 * step);
                let got = f64::from(gradient[element]);
                assert!(
                    (difference - got).abs() <= 1e-2 * got.abs().max(0.02),
                    "{name} {tensor}[{element}]: gradient {got}, difference {difference}"
                );
            }
        }
    }
}

#[test]
fn accumulation_of_parts_equals_the_whole_batch() {
    let batch = batch_of(23, &[&[5, 4], &[9], &[2, 7], &[3, 3, 3]]);
    let (decoder, mut whole) = model(EXAONE4, &["*"]);
    let report = train_step(
        &decoder,
        &mut whole,
        &settings(4, ActivationCheckpointing::None),
        &batch,
    )
    .expect("finite");
    for rows in [1, 2, 3] {
        let (decoder, mut parts) = model(EXAONE4, &["*"]);
        let part = train_step(
            &decoder,
            &mut parts,
            &settings(rows, ActivationCheckpointing::None),
            &batch,
        )
        .expect("finite");
        assert!(
            (report.loss - part.loss).abs() < 1e-6,
            "loss with {rows} rows at a time"
        );
        assert!((report.gradient_norm - part.gradient_norm).abs() < 1e-5 * report.gradient_norm);
        for ((name, a), (_, b)) in gradients_of(&whole).iter().zip(&gradients_of(&parts)) {
            let largest = a
                .iter()
                .fold(0.0f32, |largest, value| largest.max(value.abs()));
            for (a, b) in a.iter().zip(b) {
                // Sums in another order, carried through four post-norm layers: a hundred roundings of f32. A wrong
                // normalization would be off by percents.
                assert!(
                    (a - b).abs() <= 1e-4 * largest,
                    "{name}: {a} against {b} with {rows} rows at a time"
                );
            }
        }
    }
}

#[test]
fn packed_documents_equal_documents_alone() {
    for text in [EXAONE4, HYPERCLOVAX] {
        let packed = batch_of(19, &[&[4, 6, 2]]);
        let (decoder, mut state) = model(text, &["*"]);
        let together = train_step(
            &decoder,
            &mut state,
            &settings(1, ActivationCheckpointing::None),
            &packed,
        )
        .expect("finite");
        let (mut first, mut nats, mut counted) = (0, 0.0, 0.0);
        for len in [4usize, 6, 2] {
            let range = first..first + len;
            let alone = Batch {
                batch: 1,
                seq: len,
                ids: packed.ids[range.clone()].to_vec(),
                targets: packed.targets[range.clone()].to_vec(),
                loss_weights: packed.loss_weights[range.clone()].to_vec(),
                positions: packed.positions[range.clone()].to_vec(),
                documents: vec![0; len],
                spans: vec![Vec::new()],
            };
            first += len;
            let (decoder, mut state) = model(text, &["*"]);
            let report = train_step(
                &decoder,
                &mut state,
                &settings(1, ActivationCheckpointing::None),
                &alone,
            )
            .expect("finite");
            nats += report.loss * report.counted_targets;
            counted += report.counted_targets;
        }
        assert!(
            (together.loss - nats / counted).abs() < 2e-6,
            "{} against {}",
            together.loss,
            nats / counted
        );
    }
}

#[test]
fn recomputed_blocks_give_the_same_bits() {
    for text in [EXAONE4, QWEN2, HYPERCLOVAX] {
        let batch = batch_of(19, &[&[5, 4], &[9]]);
        let [kept, recomputed] = [
            ActivationCheckpointing::None,
            ActivationCheckpointing::Blocks,
        ]
        .map(|checkpointing| {
            let (decoder, mut state) = model(text, &["*"]);
            for _ in 0..3 {
                train_step(&decoder, &mut state, &settings(1, checkpointing), &batch)
                    .expect("finite");
            }
            bits(&state)
        });
        assert!(kept == recomputed, "weights after three steps differ");
    }
}

#[test]
fn frozen_parameters_stay_and_the_others_learn_the_same() {
    let batch = batch_of(23, &[&[5, 4], &[9]]);
    let (decoder, mut all) = model(EXAONE4, &["*"]);
    train_step(
        &decoder,
        &mut all,
        &settings(2, ActivationCheckpointing::None),
        &batch,
    )
    .expect("finite");
    let expected = gradients_of(&all);
    let (decoder, mut some) = model(EXAONE4, &["model.layers.2.*", "model.norm.weight"]);
    let before = bits(&some);
    train_step(
        &decoder,
        &mut some,
        &settings(2, ActivationCheckpointing::Blocks),
        &batch,
    )
    .expect("finite");
    let trained = gradients_of(&some);
    assert!(!trained.is_empty() && trained.len() < expected.len());
    for (name, gradient) in &trained {
        let (_, whole) = expected
            .iter()
            .find(|(n, _)| n == name)
            .expect("the same names");
        assert_eq!(gradient, whole, "{name}");
    }
    let layout = some.weights.layout().clone();
    let mut start = 0;
    for (index, parameter) in layout.table().parameters().iter().enumerate() {
        let values = some.weights.values(index).expect("weights");
        let moved = values
            .iter()
            .zip(&before[start..])
            .any(|(value, before)| value.to_bits() != *before);
        start += values.len();
        assert_eq!(
            moved,
            trained.iter().any(|(name, _)| *name == parameter.name),
            "{}",
            parameter.name
        );
    }
}

#[test]
fn a_number_that_is_not_finite_changes_no_weight() {
    let batch = batch_of(23, &[&[5, 4], &[9]]);
    let (decoder, mut state) = model(EXAONE4, &["*"]);
    state.weights.values_mut(3)[1] = f32::NAN;
    let before = bits(&state);
    let error = train_step(
        &decoder,
        &mut state,
        &settings(2, ActivationCheckpointing::None),
        &batch,
    )
    .expect_err("a NaN");
    assert!(
        error
            .to_string()
            .starts_with("the loss is not finite at step 1"),
        "{error}"
    );
    assert!(bits(&state) == before);

    // A finite loss whose gradient overflows: huge output rows behind a tiny norm give logits of order one, but the
    // derivative by the norm's weight is of the rows' size, and its square is beyond f32.
    let (decoder, mut state) = model(QWEN2, &["*"]);
    let last = state.weights.layout().table().parameters().len() - 1;
    for (parameter, factor) in [(last, 1e22), (last - 1, 1e-22)] {
        let values = state.weights.values_mut(parameter);
        for value in values {
            *value *= factor;
        }
    }
    let before = bits(&state);
    let batch = batch_of(19, &[&[9]]);
    let settings = settings(2, ActivationCheckpointing::None);
    let error = train_step(&decoder, &mut state, &settings, &batch).expect_err("an overflow");
    assert!(
        error
            .to_string()
            .contains("is not finite at step 1; no weight was changed"),
        "{error}"
    );
    assert!(bits(&state) == before);
}

#[test]
fn a_gradient_that_is_not_finite_is_named() {
    let (_, mut state) = model(QWEN2, &["*"]);
    assert_eq!(jikji_optim::non_finite_parameter(&state.gradients), None);
    state.gradients.values_mut(4)[2] = f32::INFINITY;
    let name = state.gradients.layout().table().parameters()[4]
        .name
        .clone();
    assert_eq!(
        jikji_optim::non_finite_parameter(&state.gradients),
        Some(name)
    );
}

#[test]
fn muon_learns_with_half_the_moments_of_matrices() {
    let (decoder, state) = model(EXAONE4, &["*"]);
    let mut settings = settings(2, ActivationCheckpointing::None);
    settings.optimizer.muon = Some(MuonConfig::default());
    settings.optimizer.learning_rate = 0.02;
    settings.total_steps = 60;
    let mut state = TrainState::from_weights(state.weights, &settings.optimizer);
    assert!(state.optimizer.m.buffers().contains_key(&Group::Matrix));
    assert!(!state.optimizer.v.buffers().contains_key(&Group::Matrix));
    let batch = batch_of(23, &[&[9], &[4, 5]]);
    let losses: Vec<f64> = (0..60)
        .map(|_| {
            train_step(&decoder, &mut state, &settings, &batch)
                .expect("a finite step")
                .loss
        })
        .collect();
    assert!(losses[59] < losses[0] / 3.0, "{losses:?}");
}

/// The loss with a z-loss is the loss without, plus the mean of the squared log-sum-exps: both directions from a difference.
#[test]
fn a_z_loss_is_added_for_each_target() {
    let (decoder, mut state) = model(QWEN2, &["*"]);
    let batch = batch_of(19, &[&[6], &[2, 4]]);
    let mut loss_with = |z_loss: f32| {
        let mut settings = settings(2, ActivationCheckpointing::None);
        settings.z_loss = z_loss;
        settings.optimizer.learning_rate = 0.0;
        train_step(&decoder, &mut state, &settings, &batch)
            .expect("a finite step")
            .loss
    };
    let (none, some, twice) = (loss_with(0.0), loss_with(0.05), loss_with(0.1));
    assert!(some > none + 0.05 * 2.9f64.powi(2) * 0.5, "{none} {some}");
    assert!((twice - none - 2.0 * (some - none)).abs() < 1e-5);
}

#[test]
fn a_step_learns_one_batch_by_heart() {
    let batch = batch_of(23, &[&[9], &[9]]);
    let (decoder, mut state) = model(EXAONE4, &["*"]);
    let settings = settings(2, ActivationCheckpointing::None);
    let first = train_step(&decoder, &mut state, &settings, &batch)
        .expect("finite")
        .loss;
    let mut last = first;
    for _ in 0..150 {
        last = train_step(&decoder, &mut state, &settings, &batch)
            .expect("finite")
            .loss;
    }
    assert!(last < 0.1 * first, "{first} -> {last}");
}
