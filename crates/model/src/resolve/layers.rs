//! What each layer's attention sees, and which layers rotate.

use super::numbers::positive;
use crate::config::{LayerType, ModelConfig, ModelType};
use crate::decoder_config::LayerConfig;
use crate::error::ModelError;

pub(super) fn resolve_layers(
    config: &ModelConfig,
    num_layers: usize,
) -> Result<Vec<LayerConfig>, ModelError> {
    let types = layer_types(config, num_layers)?;
    let window = match (
        types.contains(&LayerType::SlidingAttention),
        config.sliding_window,
    ) {
        (false, _) => None,
        (true, Some(window)) => Some(positive("sliding_window", window)?),
        (true, None) => {
            return Err(ModelError::Missing {
                field: "sliding_window",
            });
        }
    };
    // EXAONE 4 rotates q and k in its sliding layers only, unless it has no window at all.
    let rope_everywhere =
        config.model_type != ModelType::Exaone4 || config.sliding_window.is_none();
    Ok(types
        .into_iter()
        .map(|layer| {
            let sliding = layer == LayerType::SlidingAttention;
            LayerConfig {
                window: window.filter(|_| sliding),
                rope: rope_everywhere || sliding,
            }
        })
        .collect())
}

/// What transformers assumes where a Qwen config leaves `max_window_layers` out.
const QWEN_MAX_WINDOW_LAYERS: usize = 28;

fn layer_types(config: &ModelConfig, num_layers: usize) -> Result<Vec<LayerType>, ModelError> {
    if let Some(types) = &config.layer_types {
        if types.len() != num_layers {
            return Err(ModelError::invalid(
                "layer_types",
                &format!("a list of {}", types.len()),
                format!("one entry for each of the {num_layers} layers"),
            ));
        }
        check_types(config, types)?;
        return Ok(types.clone());
    }
    let all = |layer: LayerType| vec![layer; num_layers];
    Ok(match config.model_type {
        ModelType::Exaone4 => match (&config.sliding_window_pattern, config.sliding_window) {
            (Some(pattern), Some(_)) => pattern_layers(pattern, num_layers)?,
            // The published default: every fourth layer is global.
            (None, Some(_)) => pattern_layers("LLLG", num_layers)?,
            (_, None) => all(LayerType::FullAttention),
        },
        ModelType::Mistral if config.sliding_window.is_some() => all(LayerType::SlidingAttention),
        ModelType::Qwen2 | ModelType::Qwen3 if config.use_sliding_window == Some(true) => {
            let first = config.max_window_layers.unwrap_or(QWEN_MAX_WINDOW_LAYERS);
            (0..num_layers)
                .map(|layer| {
                    if layer >= first {
                        LayerType::SlidingAttention
                    } else {
                        LayerType::FullAttention
                    }
                })
                .collect()
        }
        _ => all(LayerType::FullAttention),
    })
}

/// What other programs read of these families beside the list: where it contradicts, they would not follow it.
fn check_types(config: &ModelConfig, types: &[LayerType]) -> Result<(), ModelError> {
    let sliding = LayerType::SlidingAttention;
    let contradicts = match config.model_type {
        ModelType::Mistral => {
            let slides = config.sliding_window.is_some();
            types.iter().any(|layer| (*layer == sliding) != slides)
        }
        ModelType::Qwen2 | ModelType::Qwen3 => {
            config.use_sliding_window == Some(false) && types.contains(&sliding)
        }
        _ => false,
    };
    if !contradicts {
        return Ok(());
    }
    let expected = match config.model_type {
        ModelType::Mistral => {
            "`sliding_attention` everywhere with `sliding_window`, and nowhere without"
        }
        _ => "no `sliding_attention` where `use_sliding_window` is false",
    };
    let got = "a list that says otherwise";
    Err(ModelError::invalid("layer_types", &got, expected))
}

fn pattern_layers(pattern: &str, num_layers: usize) -> Result<Vec<LayerType>, ModelError> {
    let letters: Vec<LayerType> = pattern
        .chars()
        .map(|letter| match letter {
            'L' => Ok(LayerType::SlidingAttention),
            'G' => Ok(LayerType::FullAttention),
            _ => Err(ModelError::invalid(
                "sliding_window_pattern",
                &pattern,
                "letters `L` (local) and `G` (global)".to_owned(),
            )),
        })
        .collect::<Result<_, _>>()?;
    if letters.is_empty() {
        return Err(ModelError::invalid(
            "sliding_window_pattern",
            &"empty",
            "at least one letter".to_owned(),
        ));
    }
    // As EXAONE 4's own code reads a pattern in letters: the last layer is global whatever its letter.
    let last = std::iter::once(LayerType::FullAttention);
    let before = letters.into_iter().cycle().take(num_layers - 1);
    Ok(before.chain(last).collect())
}
