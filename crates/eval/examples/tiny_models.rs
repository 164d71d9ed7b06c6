//! Exports a tiny random model of each family and scores random ids with it, for comparison with other programs:
//!
//! ```text
//! cargo run --release -p jikji-eval --example tiny_models -- DIR
//! python scripts/check_transformers_model.py DIR/llama DIR/llama.scores.jsonl
//! ```

use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use jikji_checkpoint::FloatType;
use jikji_eval::{LoadedModel, export_model, score_file};
use jikji_model::{DecoderConfig, Layout, ModelConfig, ParameterTable, Store};
use jikji_ops::Precision;

const FAMILIES: [&str; 7] = [
    include_str!("../tests/families/exaone.toml"),
    include_str!("../tests/families/exaone4.toml"),
    include_str!("../tests/families/hyperclovax.toml"),
    include_str!("../tests/families/llama.toml"),
    include_str!("../tests/families/mistral.toml"),
    include_str!("../tests/families/qwen2.toml"),
    include_str!("../tests/families/qwen3.toml"),
];

const ROWS: u64 = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = PathBuf::from(std::env::args_os().nth(1).ok_or("usage: tiny_models DIR")?);
    for text in FAMILIES {
        let config: ModelConfig = toml::from_str(text)?;
        let name = config.model_type.name();
        let folder = dir.join(name);
        export_model(
            &folder,
            &config,
            &random_weights(&config)?,
            None,
            FloatType::F32,
            1 << 30,
        )?;

        let ids = dir.join(format!("{name}.ids.jsonl"));
        fs::write(&ids, random_ids(&config)?)?;
        let model = LoadedModel::load(&folder, Precision::F32)?;
        score_file(&model, &ids, &dir.join(format!("{name}.scores.jsonl")))?;
    }
    Ok(())
}

/// Norms and biases too are random: at their initial 1 and 0, leaving one out would not show.
fn random_weights(config: &ModelConfig) -> Result<Store, Box<dyn Error>> {
    let layout = Layout::new(ParameterTable::new(&DecoderConfig::resolve(config)?), &[])?;
    let mut weights = Store::initialized(layout.clone(), 7);
    for (index, parameter) in layout.table().parameters().iter().enumerate() {
        if parameter.shape.len() == 1 {
            for (place, value) in weights.values_mut(index).iter_mut().enumerate() {
                *value += 0.2 * ((place * 7 + index * 3) as f32).sin();
            }
        }
    }
    Ok(weights)
}

/// Rows of growing length, the last as long as the context.
fn random_ids(config: &ModelConfig) -> Result<String, Box<dyn Error>> {
    let mut state = 1u64;
    let mut lines = String::new();
    for row in 1..=ROWS {
        let len = (config.max_position_embeddings as u64 * row / ROWS).max(2);
        let ids: Vec<u64> = (0..len)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) % config.vocab_size as u64
            })
            .collect();
        writeln!(lines, "{{\"ids\": {ids:?}}}")?;
    }
    Ok(lines)
}
