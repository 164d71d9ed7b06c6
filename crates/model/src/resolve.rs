//! From published keys to what the decoder computes.

use self::keys::{check_control_tokens, refuse_keys_of_other_families};
use self::layers::resolve_layers;
use self::numbers::{MAX_SIZE, factor, positive};
use self::rope::resolve_rope;
use crate::config::{Initializer, ModelConfig, ModelType};
use crate::decoder_config::{DecoderConfig, Multipliers, NormPlacement};
use crate::error::ModelError;

mod keys;
mod layers;
mod numbers;
mod rope;

impl DecoderConfig {
    /// Reads what a published config means; checks every size against every other.
    pub fn resolve(config: &ModelConfig) -> Result<Self, ModelError> {
        let heads = positive("num_attention_heads", config.num_attention_heads)?;
        let hidden_size = positive("hidden_size", config.hidden_size)?;
        let num_layers = positive("num_hidden_layers", config.num_hidden_layers)?;
        let kv_heads = positive(
            "num_key_value_heads",
            config.num_key_value_heads.unwrap_or(heads),
        )?;
        if !heads.is_multiple_of(kv_heads) {
            return Err(ModelError::invalid(
                "num_key_value_heads",
                &kv_heads,
                format!("a divisor of `num_attention_heads` = {heads}"),
            ));
        }
        let head_dim = match config.head_dim {
            Some(head_dim) => positive("head_dim", head_dim)?,
            None if hidden_size.is_multiple_of(heads) => hidden_size / heads,
            None => {
                return Err(ModelError::invalid(
                    "hidden_size",
                    &hidden_size,
                    format!(
                        "a multiple of `num_attention_heads` = {heads}, or an explicit `head_dim`"
                    ),
                ));
            }
        };
        if heads * head_dim > MAX_SIZE {
            return Err(ModelError::invalid(
                "num_attention_heads",
                &heads,
                format!("at most {} of `head_dim` = {head_dim}", MAX_SIZE / head_dim),
            ));
        }
        if !head_dim.is_multiple_of(2) {
            return Err(ModelError::invalid(
                "head_dim",
                &head_dim,
                "an even number: RoPE turns pairs".to_owned(),
            ));
        }
        if !(config.rms_norm_eps as f32 > 0.0 && config.rms_norm_eps < 1.0) {
            return Err(ModelError::invalid(
                "rms_norm_eps",
                &config.rms_norm_eps,
                "a small positive number".to_owned(),
            ));
        }
        refuse_keys_of_other_families(config)?;
        check_control_tokens(config)?;
        if let Some(act) = config.hidden_act.as_deref().filter(|act| *act != "silu") {
            return Err(ModelError::unsupported(
                config.model_type,
                "hidden_act",
                &act,
            ));
        }
        let attention_bias = config.attention_bias.unwrap_or(false);
        Ok(Self {
            model_type: config.model_type,
            vocab_size: positive("vocab_size", config.vocab_size)?,
            hidden_size,
            intermediate_size: positive("intermediate_size", config.intermediate_size)?,
            num_attention_heads: heads,
            num_key_value_heads: kv_heads,
            head_dim,
            max_position_embeddings: positive(
                "max_position_embeddings",
                config.max_position_embeddings,
            )?,
            rms_norm_eps: config.rms_norm_eps as f32,
            tie_word_embeddings: config.tie_word_embeddings.unwrap_or(false),
            norm_placement: norm_placement(config),
            qk_norm: matches!(config.model_type, ModelType::Qwen3 | ModelType::Exaone4),
            qkv_bias: attention_bias || config.model_type == ModelType::Qwen2,
            o_bias: attention_bias && config.model_type != ModelType::Qwen2,
            mlp_bias: config.mlp_bias.unwrap_or(false),
            rope: resolve_rope(config)?,
            layers: resolve_layers(config, num_layers)?,
            multipliers: Multipliers {
                embedding: factor("embedding_multiplier", config.embedding_multiplier, 1.0)?,
                residual: factor("residual_multiplier", config.residual_multiplier, 1.0)?,
                attention: factor(
                    "attention_multiplier",
                    config.attention_multiplier,
                    (head_dim as f64).powf(-0.5),
                )?,
                logits: factor("logits_scaling", config.logits_scaling, 1.0)?,
            },
            initializer_range: factor("initializer_range", config.initializer_range, 0.02)?,
            initializer: resolve_initializer(config)?,
        })
    }
}

fn resolve_initializer(config: &ModelConfig) -> Result<Initializer, ModelError> {
    let initializer = config.initializer.unwrap_or_default();
    if let Initializer::Mup { base_hidden_size } = initializer {
        positive("initializer.base_hidden_size", base_hidden_size)?;
    }
    Ok(initializer)
}

fn norm_placement(config: &ModelConfig) -> NormPlacement {
    match config.model_type {
        ModelType::Exaone4 => NormPlacement::Post,
        ModelType::Hyperclovax if config.use_post_norm.unwrap_or(true) => NormPlacement::Peri,
        _ => NormPlacement::Pre,
    }
}

#[cfg(test)]
mod tests;
