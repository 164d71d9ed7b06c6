//! The keys that describe the file and the decoder.

use std::path::Path;

use jikji_checkpoint::gguf::{GgufArray, GgufType, GgufValue};
use jikji_model::{DecoderConfig, ModelConfig, Scaling};

use super::Keys;
use super::limits::EXAONE4_WINDOW_LAYERS;
use super::names::Architecture;

/// What the file is.
pub(super) fn general(architecture: Architecture, path: &Path, number: GgufType) -> Keys {
    let mut keys = Keys::new();
    let mut put = |key: &str, value| keys.push((format!("general.{key}"), value));
    put(
        "architecture",
        GgufValue::Text(architecture.name().to_owned()),
    );
    put("type", GgufValue::Text("model".to_owned()));
    if let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()) {
        put("name", GgufValue::Text(stem.to_owned()));
    }
    // llama.cpp's numbers for the type that most of a file has.
    let file_type = match number {
        GgufType::F32 => 0,
        GgufType::F16 => 1,
        GgufType::Q8_0 => 7,
        GgufType::BF16 => 32,
    };
    put("file_type", GgufValue::U32(file_type));
    if number == GgufType::Q8_0 {
        put("quantization_version", GgufValue::U32(2));
    }
    keys
}

/// What the decoder computes.
pub(super) fn model(
    architecture: Architecture,
    config: &ModelConfig,
    decoder: &DecoderConfig,
) -> Keys {
    let mut keys = Keys::new();
    let mut put = |key: &str, value| keys.push((format!("{}.{key}", architecture.name()), value));
    let size = |size: usize| GgufValue::U32(u32::try_from(size).unwrap_or(u32::MAX));
    put("vocab_size", size(decoder.vocab_size));
    put("context_length", size(decoder.max_position_embeddings));
    put("embedding_length", size(decoder.hidden_size));
    put("block_count", size(decoder.num_hidden_layers()));
    put("feed_forward_length", size(decoder.intermediate_size));
    put("attention.head_count", size(decoder.num_attention_heads));
    put("attention.head_count_kv", size(decoder.num_key_value_heads));
    put("attention.key_length", size(decoder.head_dim));
    put("attention.value_length", size(decoder.head_dim));
    put(
        "attention.layer_norm_rms_epsilon",
        GgufValue::F32(decoder.rms_norm_eps),
    );
    put("rope.dimension_count", size(decoder.head_dim));
    put("rope.freq_base", GgufValue::F32(decoder.rope.theta as f32));
    if let Scaling::Yarn {
        factor,
        original,
        attention_factor,
        ..
    } = decoder.rope.scaling
    {
        put("rope.scaling.type", GgufValue::Text("yarn".to_owned()));
        put("rope.scaling.factor", GgufValue::F32(factor as f32));
        put("rope.scaling.original_context_length", size(original));
        // llama.cpp multiplies cos and sin by YaRN's own factor, and then by this one.
        let own = 0.1 * factor.ln() + 1.0;
        if (attention_factor / own - 1.0).abs() > 1e-9 {
            let value = GgufValue::F32((attention_factor / own) as f32);
            put("rope.scaling.attn_factor", value);
        }
    }
    if architecture == Architecture::Exaone4
        && decoder.num_hidden_layers() == EXAONE4_WINDOW_LAYERS
        && let Some(window) = config.sliding_window
    {
        put("attention.sliding_window", size(window));
        let pattern = decoder.layers.iter().map(|layer| layer.window.is_some());
        let pattern = GgufValue::Array(GgufArray::Bool(pattern.collect()));
        put("attention.sliding_window_pattern", pattern);
    }
    keys
}
