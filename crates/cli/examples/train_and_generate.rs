//! The library in one page: read a text, train a tokenizer and a small model on it, let it write.
//!
//! ```text
//! cargo run --release --example train_and_generate -- data/korean/general 30
//! ```
//!
//! `jikji train` does the same with checkpoints, validation, logs and an exported model.

use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;

use burn::tensor::Device;
use jikji_corpus::{BuildConfig, InputConfig};
use jikji_eval::{GenerateConfig, Generator};
use jikji_loader::{Loader, LoaderConfig, PrepareConfig, TokenizerPlan, ValidationSplit, prepare};
use jikji_model::{Decoder, DecoderConfig, Layout, ModelConfig, ParameterTable, Store};
use jikji_ops::Precision;
use jikji_train::{ActivationCheckpointing, StepSettings, TrainState, train_step};
use serde_json::{from_value, json};

const BATCH: usize = 8;
const SEQ: usize = 64;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let text = arguments
        .first()
        .map_or("data/korean/general", String::as_str);
    let steps = arguments.get(1).map_or(Ok(30), |steps| steps.parse())?;
    let scratch = std::env::temp_dir().join(format!("jikji-example-{}", std::process::id()));
    let written = train_and_generate(Path::new(text), &scratch, steps, "오늘 아침에는");
    std::fs::remove_dir_all(&scratch)?;
    let (first_loss, last_loss, text) = written?;
    show(&format!("loss {first_loss:.3} -> {last_loss:.3}\n{text}"));
    Ok(())
}

/// The first loss, the last one, and what the model writes after `prompt`.
fn train_and_generate(
    folder: &Path,
    scratch: &Path,
    steps: u64,
    prompt: &str,
) -> Result<(f64, f64, String), Box<dyn Error>> {
    // From raw files to token shards; the second call with the same settings finds them again.
    let input = InputConfig {
        path: folder.display().to_string(),
        ..from_value(json!({ "name": "text", "path": "" }))?
    };
    let config = PrepareConfig {
        dir: scratch.to_owned(),
        corpus: BuildConfig {
            inputs: vec![input],
            ..BuildConfig::default()
        },
        tokenizer: TokenizerPlan::Train(from_value(json!({ "vocab_size": 512 }))?),
        validation: ValidationSplit {
            fraction: 0.0,
            sources: Vec::new(),
        },
    };
    let prepared = prepare(&config, &mut |_| {})?;

    // A decoder, described by the keys of a published `config.json`.
    let config: ModelConfig = from_value(json!({
        "model_type": "llama", "vocab_size": 512, "hidden_size": 64, "intermediate_size": 128,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "max_position_embeddings": 128, "rms_norm_eps": 1e-5, "rope_theta": 1e4,
        "tie_word_embeddings": true,
    }))?;
    let config = DecoderConfig::resolve(&config)?;
    let layout = Layout::new(ParameterTable::new(&config), &["*".to_owned()])?;
    let decoder = Decoder::new(config, Precision::F32);
    let settings = StepSettings {
        micro_batch_size: BATCH,
        activation_checkpointing: ActivationCheckpointing::None,
        optimizer: from_value(json!({
            "learning_rate": 3e-3,
            "schedule": { "type": "constant", "warmup_steps": 2 },
        }))?,
        z_loss: 0.0,
        total_steps: steps,
        device: Device::flex(),
    };
    let mut state = TrainState::from_weights(Store::initialized(layout, 1377), &settings.optimizer);

    // A batch is a function of its index: nothing has to be remembered to go on later.
    let order: LoaderConfig = from_value(json!({ "seed": 1377, "seq_len": SEQ, "pad_id": 0 }))?;
    let loader = Loader::new(prepared.shards, order)?;
    let (mut first, mut last) = (None, f64::NAN);
    for step in 0..steps {
        let rows = step * BATCH as u64..(step + 1) * BATCH as u64;
        let report = train_step(&decoder, &mut state, &settings, &loader.batch(rows)?)?;
        first = first.or(Some(report.loss));
        last = report.loss;
    }

    let generator = Generator::new(&decoder, &state.weights, &settings.device);
    let greedy = GenerateConfig {
        max_new_tokens: 32,
        temperature: 0.0,
        ..GenerateConfig::default()
    };
    let show_nothing = |_: &str| ControlFlow::Continue(());
    let generated = generator.generate_text(&prepared.tokenizer, prompt, &greedy, show_nothing)?;
    Ok((
        first.unwrap_or(f64::NAN),
        last,
        format!("{prompt}{}", generated.text),
    ))
}

#[expect(clippy::print_stdout, reason = "an example shows its result")]
fn show(text: &str) {
    println!("{text}");
}

#[test]
fn the_loss_falls_and_the_model_writes() {
    let text = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/korean/general");
    let scratch = tempfile::tempdir().unwrap();
    let (first, last, text) = train_and_generate(&text, scratch.path(), 12, "오늘").unwrap();
    assert!(last < first - 0.5, "{first} -> {last}");
    assert!(
        text.starts_with("오늘") && text.chars().count() > 2,
        "{text}"
    );
}
