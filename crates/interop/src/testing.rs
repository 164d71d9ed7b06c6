//! Tiny random models for the tests of this crate and of those above.
#![allow(clippy::unwrap_used, reason = "only tests use it")]

use burn::tensor::Device;
use jikji_model::{Decoder, DecoderConfig, Layout, ModelConfig, ParameterTable, Store};
use jikji_ops::Precision;
use jikji_tokenizer::{Tokenizer, TokenizerConfig};

use crate::loaded_model::LoadedModel;

pub const EXAONE4: &str = include_str!("../tests/families/exaone4.toml");
pub const LLAMA: &str = include_str!("../tests/families/llama.toml");
pub const QWEN2: &str = include_str!("../tests/families/qwen2.toml");
pub const QWEN3: &str = include_str!("../tests/families/qwen3.toml");
pub const MISTRAL: &str = include_str!("../tests/families/mistral.toml");
pub const EXAONE: &str = include_str!("../tests/families/exaone.toml");
pub const HYPERCLOVAX: &str = include_str!("../tests/families/hyperclovax.toml");

pub const FAMILIES: [&str; 7] = [EXAONE4, LLAMA, QWEN2, QWEN3, MISTRAL, EXAONE, HYPERCLOVAX];

pub fn config(text: &str) -> ModelConfig {
    toml::from_str(text).unwrap()
}

/// Random weights, norms and biases among them: at their initial 1 and 0 they could be left out unnoticed.
pub fn model(text: &str) -> LoadedModel {
    let config = config(text);
    let resolved = DecoderConfig::resolve(&config).unwrap();
    let layout = Layout::new(ParameterTable::new(&resolved), &[]).unwrap();
    let mut weights = Store::initialized(layout.clone(), 7);
    for (index, parameter) in layout.table().parameters().iter().enumerate() {
        if parameter.shape.len() == 1 {
            for (place, value) in weights.values_mut(index).iter_mut().enumerate() {
                *value += 0.2 * ((place * 7 + index * 3) as f32).sin();
            }
        }
    }
    LoadedModel {
        decoder: Decoder::new(resolved, Precision::F32),
        weights,
        tokenizer: None,
        config,
        stop_ids: Vec::new(),
        unapplied_settings: Vec::new(),
        device: Device::flex(),
        dir: "tiny".into(),
    }
}

/// A sequence without a pattern.
pub fn ids(len: usize, vocab_size: u32) -> Vec<u32> {
    (0..len as u32)
        .map(|index| (index * index * 31 + index * 17 + 5) % vocab_size)
        .collect()
}

pub fn tokenizer() -> Tokenizer {
    let config = TokenizerConfig {
        min_frequency: 1,
        reserved_tokens: 2,
        ..TokenizerConfig::with_vocab_size(280)
    };
    jikji_tokenizer::train(
        ["나라의 말이 서로 달라 뜻을 펴지 못하는 이가 많다."],
        &config,
    )
    .unwrap()
}
