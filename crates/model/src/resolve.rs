//! From published keys to what the decoder computes: every choice explicit, nothing optional that is not truly so.

use crate::config::{LayerType, ModelConfig, ModelType, RopeScaling};
use crate::error::ModelError;
use crate::init::Initializer;

/// Where RMSNorms stand around attention and MLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormPlacement {
    /// Before each (Llama).
    Pre,
    /// On the output of each, before the residual add (EXAONE 4's QK-Reorder-LN).
    Post,
    /// Both (Peri-LN, HyperCLOVA X).
    Peri,
}

/// One block's attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerConfig {
    /// Tokens seen, the query among them; `None` sees the whole document.
    pub window: Option<usize>,
    /// Whether q and k are rotated.
    pub rope: bool,
}

/// Rotary frequencies.
#[derive(Debug, Clone, PartialEq)]
pub struct RopeConfig {
    /// Base.
    pub theta: f64,
    /// Stretching beyond the original context.
    pub scaling: crate::rope::Scaling,
}

/// Constant factors (muP); 1 where a model has none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Multipliers {
    /// On the embedding's output.
    pub embedding: f64,
    /// On what attention and MLP add.
    pub residual: f64,
    /// On `q kᵀ` before the softmax.
    pub attention: f64,
    /// On the logits.
    pub logits: f64,
}

/// A decoder, fully described.
#[derive(Debug, Clone, PartialEq)]
pub struct DecoderConfig {
    /// Family, for the parameters' names.
    pub model_type: ModelType,
    /// Rows of the embedding.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width of the MLP.
    pub intermediate_size: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key/value heads.
    pub num_key_value_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Longest context in tokens.
    pub max_position_embeddings: usize,
    /// Inside every RMSNorm.
    pub rms_norm_eps: f32,
    /// Whether the output projection is the embedding.
    pub tie_word_embeddings: bool,
    /// Where the norms stand.
    pub norm_placement: NormPlacement,
    /// Per-head RMSNorm on q and k, before the rotation.
    pub qk_norm: bool,
    /// Biases on q, k, v.
    pub qkv_bias: bool,
    /// Bias on the output projection of attention.
    pub o_bias: bool,
    /// Biases in the MLP.
    pub mlp_bias: bool,
    /// Rotary frequencies.
    pub rope: RopeConfig,
    /// Each block's attention.
    pub layers: Vec<LayerConfig>,
    /// Constant factors.
    pub multipliers: Multipliers,
    /// Standard deviation of initial matrices.
    pub initializer_range: f64,
    /// How it varies.
    pub initializer: Initializer,
}

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
            return Err(invalid(
                "num_key_value_heads",
                &kv_heads,
                format!("a divisor of `num_attention_heads` = {heads}"),
            ));
        }
        let head_dim = match config.head_dim {
            Some(head_dim) => positive("head_dim", head_dim)?,
            None if hidden_size.is_multiple_of(heads) => hidden_size / heads,
            None => {
                return Err(invalid(
                    "hidden_size",
                    &hidden_size,
                    format!(
                        "a multiple of `num_attention_heads` = {heads}, or an explicit `head_dim`"
                    ),
                ));
            }
        };
        if heads * head_dim > MAX_SIZE {
            return Err(invalid(
                "num_attention_heads",
                &heads,
                format!("at most {} of `head_dim` = {head_dim}", MAX_SIZE / head_dim),
            ));
        }
        if !head_dim.is_multiple_of(2) {
            return Err(invalid(
                "head_dim",
                &head_dim,
                "an even number: RoPE turns pairs".to_owned(),
            ));
        }
        if !(config.rms_norm_eps as f32 > 0.0 && config.rms_norm_eps < 1.0) {
            return Err(invalid(
                "rms_norm_eps",
                &config.rms_norm_eps,
                "a small positive number".to_owned(),
            ));
        }
        refuse_keys_of_other_families(config)?;
        check_control_tokens(config)?;
        if let Some(act) = config.hidden_act.as_deref().filter(|act| *act != "silu") {
            return Err(unsupported(config, "hidden_act", &act));
        }
        for (field, dropout) in [
            ("attention_dropout", config.attention_dropout),
            ("embed_dropout", config.embed_dropout),
        ] {
            if let Some(dropout) = dropout.filter(|dropout| *dropout != 0.0) {
                return Err(unsupported(config, field, &dropout));
            }
        }
        if let Some(tp) = config.pretraining_tp.filter(|tp| *tp != 1) {
            return Err(unsupported(config, "pretraining_tp", &tp));
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

    /// Number of blocks.
    pub fn num_hidden_layers(&self) -> usize {
        self.layers.len()
    }
}

/// A key that the family does not read would be believed to act: it is refused, not passed over.
fn refuse_keys_of_other_families(config: &ModelConfig) -> Result<(), ModelError> {
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
        Some(unsupported(config, field, &value))
    });
    unread.map_or(Ok(()), Err)
}

fn check_control_tokens(config: &ModelConfig) -> Result<(), ModelError> {
    let tokens = [
        ("bos_token_id", config.bos_token_id),
        ("eos_token_id", config.eos_token_id),
        ("pad_token_id", config.pad_token_id),
    ];
    for (field, id) in tokens {
        if let Some(id) = id.filter(|id| *id as usize >= config.vocab_size) {
            let most = config.vocab_size.saturating_sub(1);
            return Err(invalid(field, &id, format!("at most {most}")));
        }
    }
    Ok(())
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

fn resolve_layers(config: &ModelConfig, num_layers: usize) -> Result<Vec<LayerConfig>, ModelError> {
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
            return Err(invalid(
                "layer_types",
                &format!("a list of {}", types.len()),
                format!("one entry for each of the {num_layers} layers"),
            ));
        }
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

fn pattern_layers(pattern: &str, num_layers: usize) -> Result<Vec<LayerType>, ModelError> {
    let letters: Vec<LayerType> = pattern
        .chars()
        .map(|letter| match letter {
            'L' => Ok(LayerType::SlidingAttention),
            'G' => Ok(LayerType::FullAttention),
            _ => Err(invalid(
                "sliding_window_pattern",
                &pattern,
                "letters `L` (local) and `G` (global)".to_owned(),
            )),
        })
        .collect::<Result<_, _>>()?;
    if letters.is_empty() {
        return Err(invalid(
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

fn resolve_rope(config: &ModelConfig) -> Result<RopeConfig, ModelError> {
    let scaling = config.rope_scaling.clone().unwrap_or_default();
    let theta = scaling.rope_theta.or(config.rope_theta).unwrap_or(10_000.0);
    if !(theta > 1.0 && theta.is_finite()) {
        return Err(invalid("rope_theta", &theta, "a number above 1".to_owned()));
    }
    Ok(RopeConfig {
        theta,
        scaling: resolve_scaling(config, &scaling)?,
    })
}

fn resolve_scaling(
    config: &ModelConfig,
    scaling: &RopeScaling,
) -> Result<crate::rope::Scaling, ModelError> {
    let plain = RopeScaling {
        rope_type: scaling.rope_type.clone(),
        rope_theta: scaling.rope_theta,
        ..RopeScaling::default()
    };
    let kind = match scaling.rope_type.as_deref() {
        None | Some("default") if *scaling == plain => return Ok(crate::rope::Scaling::None),
        None => {
            return Err(ModelError::Missing {
                field: "rope_scaling.rope_type",
            });
        }
        Some("default") => {
            return Err(invalid(
                "rope_scaling.rope_type",
                &"default",
                "`llama3` or `yarn`, or no key beside it but `rope_theta`".to_owned(),
            ));
        }
        Some(kind) => kind,
    };
    let above = |field, value: Option<f64>, least: f64| match value {
        None => Err(ModelError::Missing { field }),
        Some(value) if value > least && value.is_finite() => Ok(value),
        Some(value) => Err(invalid(field, &value, format!("a number above {least}"))),
    };
    let original = |given: Option<usize>| {
        let field = "rope_scaling.original_max_position_embeddings";
        positive(field, given.ok_or(ModelError::Missing { field })?)
    };
    let factor = || match scaling.factor {
        Some(factor) if factor < 1.0 => Err(invalid(
            "rope_scaling.factor",
            &factor,
            "a number of at least 1".to_owned(),
        )),
        factor => above("rope_scaling.factor", factor, 0.0),
    };
    match kind {
        "llama3" => {
            let low = above("rope_scaling.low_freq_factor", scaling.low_freq_factor, 0.0)?;
            Ok(crate::rope::Scaling::Llama3 {
                factor: factor()?,
                low_freq_factor: low,
                high_freq_factor: above(
                    "rope_scaling.high_freq_factor",
                    scaling.high_freq_factor,
                    low,
                )?,
                original: original(scaling.original_max_position_embeddings)?,
            })
        }
        "yarn" => {
            let factor = factor()?;
            let slow = scaling.beta_slow.unwrap_or(1.0);
            let slow = above("rope_scaling.beta_slow", Some(slow), 0.0)?;
            let fast = scaling.beta_fast.unwrap_or(32.0);
            let given = scaling.original_max_position_embeddings;
            Ok(crate::rope::Scaling::Yarn {
                factor,
                original: original(given.or(Some(config.max_position_embeddings)))?,
                beta_fast: above("rope_scaling.beta_fast", Some(fast), slow)?,
                beta_slow: slow,
                attention_factor: above(
                    "rope_scaling.attention_factor",
                    Some(yarn_attention_factor(scaling, factor)),
                    0.0,
                )?,
            })
        }
        other => Err(unsupported(config, "rope_scaling.rope_type", &other)),
    }
}

/// transformers' rule: `m(mscale) / m(mscale_all_dim)` where both are given and not 0, else `m(1)`, with
/// `m(s) = 0.1 s ln(factor) + 1`.
fn yarn_attention_factor(scaling: &RopeScaling, factor: f64) -> f64 {
    let m = |s: f64| {
        if factor <= 1.0 {
            1.0
        } else {
            0.1 * s * factor.ln() + 1.0
        }
    };
    let given = |value: Option<f64>| value.filter(|value| *value != 0.0);
    scaling.attention_factor.unwrap_or_else(|| {
        match (given(scaling.mscale), given(scaling.mscale_all_dim)) {
            (Some(mscale), Some(all_dim)) => m(mscale) / m(all_dim),
            _ => m(1.0),
        }
    })
}

/// Far above any published model, low enough that no product of sizes leaves 64 bits.
const MAX_SIZE: usize = 1 << 22;
const MAX_LAYERS: usize = 1 << 12;
const MAX_POSITIONS: usize = 1 << 40;

fn positive(field: &'static str, value: usize) -> Result<usize, ModelError> {
    let most = match field {
        "num_hidden_layers" => MAX_LAYERS,
        "max_position_embeddings" | "rope_scaling.original_max_position_embeddings" => {
            MAX_POSITIONS
        }
        _ => MAX_SIZE,
    };
    if value == 0 {
        Err(invalid(field, &0, "at least 1".to_owned()))
    } else if value > most {
        Err(invalid(field, &value, format!("at most {most}")))
    } else {
        Ok(value)
    }
}

/// A constant that numbers are multiplied by: anything but a positive 32-bit number leaves nothing to train.
fn factor(field: &'static str, value: Option<f64>, default: f64) -> Result<f64, ModelError> {
    let value = value.unwrap_or(default);
    if value as f32 > 0.0 && (value as f32).is_finite() {
        Ok(value)
    } else {
        Err(invalid(field, &value, "a positive number".to_owned()))
    }
}

fn invalid(field: &'static str, got: &dyn std::fmt::Display, expected: String) -> ModelError {
    ModelError::Invalid {
        field,
        got: format!("`{got}`"),
        expected,
    }
}

fn unsupported(
    config: &ModelConfig,
    field: &'static str,
    got: &dyn std::fmt::Display,
) -> ModelError {
    ModelError::Unsupported {
        field,
        got: got.to_string(),
        model_type: config.model_type.name().to_owned(),
    }
}

#[cfg(test)]
mod tests;
