//! Keys that must not be passed over: those of other families, and control tokens beyond the vocabulary.

use crate::config::{LayerType, ModelConfig, ModelType};
use crate::error::ModelError;

/// A key that the family does not read would be believed to act: it is refused, not passed over.
pub(super) fn refuse_keys_of_other_families(config: &ModelConfig) -> Result<(), ModelError> {
    use ModelType::{Exaone4, Hyperclovax, Mistral, Qwen2, Qwen3};
    let family = config.model_type;
    let is_qwen = matches!(family, Qwen2 | Qwen3);
    let slides = is_qwen || matches!(family, Exaone4 | Mistral);
    let types = config.layer_types.as_deref().unwrap_or_default();
    let sliding = types.contains(&LayerType::SlidingAttention);
    let text = |value: Option<usize>| value.map(|value| value.to_string());
    let truth = |value: Option<bool>| value.map(|value| value.to_string());
    let keys = [
        (slides, "sliding_window", text(config.sliding_window)),
        (
            slides,
            "layer_types",
            sliding.then(|| "sliding_attention".to_owned()),
        ),
        (
            is_qwen,
            "use_sliding_window",
            truth(config.use_sliding_window),
        ),
        (is_qwen, "max_window_layers", text(config.max_window_layers)),
        (
            family == Exaone4,
            "sliding_window_pattern",
            config.sliding_window_pattern.clone(),
        ),
        (
            family == Hyperclovax,
            "use_post_norm",
            truth(config.use_post_norm),
        ),
        // Its q, k and v have biases whatever the key says.
        (
            family != Qwen2,
            "attention_bias",
            truth(config.attention_bias.filter(|bias| !bias)),
        ),
    ];
    let unread = keys.into_iter().find_map(|(reads, field, value)| {
        let value = value.filter(|_| !reads)?;
        Some(ModelError::unsupported(config.model_type, field, &value))
    });
    unread.map_or(Ok(()), Err)
}

pub(super) fn check_control_tokens(config: &ModelConfig) -> Result<(), ModelError> {
    let one = |id: &Option<u32>| id.iter().copied().collect();
    let eos = config.eos_token_id.as_ref();
    let tokens: [(_, Vec<u32>); 3] = [
        ("bos_token_id", one(&config.bos_token_id)),
        (
            "eos_token_id",
            eos.map_or_else(Vec::new, |ids| ids.as_slice().to_vec()),
        ),
        ("pad_token_id", one(&config.pad_token_id)),
    ];
    for (field, ids) in tokens {
        if let Some(id) = ids.iter().find(|id| **id as usize >= config.vocab_size) {
            let most = config.vocab_size.saturating_sub(1);
            return Err(ModelError::invalid(field, id, format!("at most {most}")));
        }
    }
    Ok(())
}
