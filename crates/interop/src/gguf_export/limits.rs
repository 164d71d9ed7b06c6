//! Which decoders llama.cpp computes as they are. Everything else is refused, with the field and what llama.cpp does there.

use jikji_model::{DecoderConfig, ModelConfig, ModelType, Scaling};

use super::names::Architecture;
use super::no_form;
use crate::error::InteropError;
use crate::published_config::check_exportable;

/// Longest model that llama.cpp loads.
const MAX_LAYERS: usize = 512;

/// Of EXAONE 4, llama.cpp tells the model with windows (32B) by its number of layers alone, and gives that every fourth layer
/// without one.
pub(super) const EXAONE4_WINDOW_LAYERS: usize = 64;
const EXAONE4_PERIOD: usize = 4;

/// llama.cpp reads no key for these.
const YARN_BETA_FAST: f64 = 32.0;
const YARN_BETA_SLOW: f64 = 1.0;

/// The graph that computes this decoder.
pub(super) fn check(
    config: &ModelConfig,
    decoder: &DecoderConfig,
) -> Result<Architecture, InteropError> {
    let architecture = match config.model_type {
        // Mistral without windows is Llama.
        ModelType::Llama | ModelType::Mistral => Architecture::Llama,
        ModelType::Qwen2 => Architecture::Qwen2,
        ModelType::Qwen3 => Architecture::Qwen3,
        ModelType::Exaone => Architecture::Exaone,
        ModelType::Exaone4 => Architecture::Exaone4,
        ModelType::Hyperclovax => {
            let reason = "llama.cpp has no graph for `hyperclovax`";
            return Err(no_form("model_type", reason));
        }
    };
    check_exportable(config, decoder)?;
    let name = architecture.name();
    if decoder.num_hidden_layers() > MAX_LAYERS {
        let reason = format!("llama.cpp loads at most {MAX_LAYERS} layers");
        return Err(no_form("num_hidden_layers", reason));
    }
    let widths = decoder.num_attention_heads * decoder.head_dim;
    let square = matches!(architecture, Architecture::Qwen2 | Architecture::Exaone4);
    if square && widths != decoder.hidden_size {
        let reason = format!(
            "llama.cpp's `{name}` graph expects `num_attention_heads * head_dim` = {widths} to be `hidden_size` = {}",
            decoder.hidden_size
        );
        return Err(no_form("head_dim", reason));
    }
    if architecture == Architecture::Qwen3 && decoder.o_bias {
        let reason = "llama.cpp's `qwen3` graph has no bias on the output of attention";
        return Err(no_form("attention_bias", reason));
    }
    check_windows(architecture, decoder)?;
    check_scaling(architecture, decoder)?;
    Ok(architecture)
}

fn check_windows(architecture: Architecture, decoder: &DecoderConfig) -> Result<(), InteropError> {
    let name = architecture.name();
    // A window that no text outgrows does nothing.
    let acts = |window: &usize| *window < decoder.max_position_embeddings;
    let slides = decoder
        .layers
        .iter()
        .any(|layer| layer.window.as_ref().is_some_and(acts));
    if architecture != Architecture::Exaone4 {
        if slides {
            let reason = format!("llama.cpp's `{name}` graph has no sliding windows");
            return Err(no_form("sliding_window", reason));
        }
        return Ok(());
    }
    let with_windows = decoder.num_hidden_layers() == EXAONE4_WINDOW_LAYERS;
    if !with_windows {
        let plain = decoder
            .layers
            .iter()
            .all(|layer| layer.window.is_none() && layer.rope);
        if plain {
            return Ok(());
        }
        let reason = format!(
            "llama.cpp gives `exaone4` windows, and layers without rotation, only in models of {EXAONE4_WINDOW_LAYERS} layers; this one has {}",
            decoder.num_hidden_layers()
        );
        return Err(no_form("sliding_window", reason));
    }
    let expected = |(index, layer): (usize, &jikji_model::LayerConfig)| {
        let slides = index % EXAONE4_PERIOD != EXAONE4_PERIOD - 1;
        layer.window.is_some() == slides && layer.rope == slides
    };
    if decoder.layers.iter().enumerate().all(expected) {
        return Ok(());
    }
    let reason = format!(
        "llama.cpp gives every `exaone4` of {EXAONE4_WINDOW_LAYERS} layers a window in all but each fourth layer"
    );
    Err(no_form("layer_types", reason))
}

fn check_scaling(architecture: Architecture, decoder: &DecoderConfig) -> Result<(), InteropError> {
    match decoder.rope.scaling {
        Scaling::Llama3 { .. }
            if matches!(architecture, Architecture::Qwen2 | Architecture::Qwen3) =>
        {
            let name = architecture.name();
            let reason =
                format!("llama.cpp's `{name}` graph does not read the factors of `llama3`");
            Err(no_form("rope_scaling.rope_type", reason))
        }
        Scaling::Yarn { beta_fast, .. } if beta_fast != YARN_BETA_FAST => Err(no_form(
            "rope_scaling.beta_fast",
            format!("llama.cpp always takes {YARN_BETA_FAST}"),
        )),
        Scaling::Yarn { beta_slow, .. } if beta_slow != YARN_BETA_SLOW => Err(no_form(
            "rope_scaling.beta_slow",
            format!("llama.cpp always takes {YARN_BETA_SLOW}"),
        )),
        Scaling::None | Scaling::Llama3 { .. } | Scaling::Yarn { .. } => Ok(()),
    }
}
