//! `config.json` and `generation_config.json` as published folders have them.
//!
//! Readers of published folders fill absent keys with defaults of their own that differ by family and by version (Mistral's
//! window is 4096, `tie_word_embeddings` is sometimes true). So whatever steers the computation is written out.

use jikji_checkpoint::FloatType;
use jikji_model::{
    DecoderConfig, LayerConfig, LayerType, ModelConfig, ModelType, RopeScaling, TokenIds,
};
use jikji_tokenizer::Tokenizer;
use serde_json::{Map, Value, json};

use crate::error::InteropError;

/// Tokens with a meaning for other programs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ControlIds {
    pub(crate) bos: Option<u32>,
    pub(crate) eos: Option<TokenIds>,
    pub(crate) pad: Option<u32>,
}

impl ControlIds {
    /// As the model's config says.
    pub(crate) fn of(config: &ModelConfig) -> Self {
        Self {
            bos: config.bos_token_id,
            eos: config.eos_token_id.clone(),
            pad: config.pad_token_id,
        }
    }
}

/// What the tokenizer says counts; without one, what the config says.
pub(crate) fn control_ids(
    config: &ModelConfig,
    tokenizer: Option<&Tokenizer>,
) -> Result<ControlIds, InteropError> {
    let Some(tokenizer) = tokenizer else {
        return Ok(ControlIds::of(config));
    };
    if tokenizer.vocab_size() > config.vocab_size {
        let (tokens, vocab_size) = (tokenizer.vocab_size(), config.vocab_size);
        return Err(InteropError::TokenizerTooLarge { tokens, vocab_size });
    }
    // A config may know further tokens that end a text.
    let listed = config.eos_token_id.as_ref();
    let more = listed.filter(|ids| {
        tokenizer
            .eos_id()
            .is_some_and(|id| ids.as_slice().contains(&id))
    });
    Ok(ControlIds {
        bos: tokenizer.bos_id(),
        eos: more.cloned().or(tokenizer.eos_id().map(TokenIds::One)),
        pad: tokenizer.pad_id(),
    })
}

/// Whether a model of this config can be exported at all: what a run asks before it trains one.
///
/// # Errors
/// A setting that the family's published form has no key for.
pub fn check_exportable(config: &ModelConfig, decoder: &DecoderConfig) -> Result<(), InteropError> {
    published_config(config, decoder, &ControlIds::default(), FloatType::F32).map(drop)
}

/// The keys of a `config.json` as the family publishes them.
///
/// # Errors
/// A setting that the family's published form has no key for.
pub(crate) fn published_config(
    config: &ModelConfig,
    decoder: &DecoderConfig,
    control: &ControlIds,
    float: FloatType,
) -> Result<Map<String, Value>, InteropError> {
    let family = config.model_type;
    let is_exaone = family == ModelType::Exaone;
    let mut keys = Map::new();
    let mut put = |key: &str, value: Value| keys.insert(key.to_owned(), value);
    put("architectures", json!([architecture(family)]));
    put("model_type", json!(family.name()));
    put("dtype", json!(dtype_name(float)));
    put("vocab_size", json!(decoder.vocab_size));
    put("hidden_size", json!(decoder.hidden_size));
    put("intermediate_size", json!(decoder.intermediate_size));
    put(
        if is_exaone {
            "num_layers"
        } else {
            "num_hidden_layers"
        },
        json!(decoder.num_hidden_layers()),
    );
    put("num_attention_heads", json!(decoder.num_attention_heads));
    put("num_key_value_heads", json!(decoder.num_key_value_heads));
    put("head_dim", json!(decoder.head_dim));
    put(
        "max_position_embeddings",
        json!(decoder.max_position_embeddings),
    );
    put(
        if is_exaone {
            "layer_norm_epsilon"
        } else {
            "rms_norm_eps"
        },
        json!(config.rms_norm_eps),
    );
    put(
        if is_exaone {
            "activation_function"
        } else {
            "hidden_act"
        },
        json!("silu"),
    );
    put("tie_word_embeddings", json!(decoder.tie_word_embeddings));
    put("rope_theta", json!(decoder.rope.theta));
    match published_scaling(config.rope_scaling.as_ref()) {
        Some(scaling) => put("rope_scaling", scaling),
        // mlx-lm demands the key of this family.
        None if family == ModelType::Exaone4 => put("rope_scaling", Value::Null),
        None => None,
    };
    for (key, value) in window_keys(config, decoder) {
        put(key, value);
    }
    for (key, value) in bias_keys(config, decoder)? {
        put(key, value);
    }
    for (key, value) in multiplier_keys(config, decoder)? {
        put(key, value);
    }
    put("attention_dropout", json!(0.0));
    put("initializer_range", json!(decoder.initializer_range));
    put("use_cache", json!(true));
    // Not who wrote it but what it is: to older formats transformers applies repairs that these files do not need.
    put("transformers_version", json!("5.0.0"));
    put("bos_token_id", json!(control.bos));
    put("eos_token_id", json!(control.eos));
    put("pad_token_id", json!(control.pad));
    Ok(keys)
}

/// The keys of a `generation_config.json`.
pub(crate) fn generation_config(control: &ControlIds) -> Map<String, Value> {
    let ids = [
        ("bos_token_id", json!(control.bos)),
        ("eos_token_id", json!(control.eos)),
        ("pad_token_id", json!(control.pad)),
    ];
    ids.into_iter()
        .filter(|(_, id)| !id.is_null())
        .map(|(key, id)| (key.to_owned(), id))
        .collect()
}

fn architecture(family: ModelType) -> &'static str {
    match family {
        ModelType::Llama => "LlamaForCausalLM",
        ModelType::Mistral => "MistralForCausalLM",
        ModelType::Qwen2 => "Qwen2ForCausalLM",
        ModelType::Qwen3 => "Qwen3ForCausalLM",
        ModelType::Exaone => "ExaoneForCausalLM",
        ModelType::Exaone4 => "Exaone4ForCausalLM",
        ModelType::Hyperclovax => "HyperCLOVAXForCausalLM",
    }
}

pub(crate) fn dtype_name(float: FloatType) -> &'static str {
    match float {
        FloatType::F32 => "float32",
        FloatType::BF16 => "bfloat16",
        FloatType::F16 => "float16",
    }
}

/// The base stands beside the table, where every reader finds it.
fn published_scaling(scaling: Option<&RopeScaling>) -> Option<Value> {
    let scaling = scaling
        .filter(|scaling| !matches!(scaling.rope_type.as_deref(), None | Some("default")))?;
    Some(json!(RopeScaling {
        rope_theta: None,
        ..scaling.clone()
    }))
}

type Keys = Vec<(&'static str, Value)>;

fn window_keys(config: &ModelConfig, decoder: &DecoderConfig) -> Keys {
    let slides = |layer: &LayerConfig| layer.window.is_some();
    let any_slides = decoder.layers.iter().any(slides);
    let layer_types: Vec<LayerType> = decoder
        .layers
        .iter()
        .map(|layer| {
            if slides(layer) {
                LayerType::SlidingAttention
            } else {
                LayerType::FullAttention
            }
        })
        .collect();
    match config.model_type {
        ModelType::Exaone4 => vec![
            // Null says that every layer is rotated; a window without a sliding layer says that none is.
            ("sliding_window", json!(config.sliding_window)),
            ("layer_types", json!(layer_types)),
            // What programs that do not know `layer_types` read: here one letter for each layer.
            ("sliding_window_pattern", json!(letters(config, decoder))),
        ],
        ModelType::Qwen2 | ModelType::Qwen3 => vec![
            ("use_sliding_window", json!(any_slides)),
            (
                "sliding_window",
                json!(config.sliding_window.filter(|_| any_slides)),
            ),
            ("max_window_layers", json!(first_sliding_layer(decoder))),
            ("layer_types", json!(layer_types)),
        ],
        ModelType::Mistral => {
            vec![(
                "sliding_window",
                json!(config.sliding_window.filter(|_| any_slides)),
            )]
        }
        _ => Vec::new(),
    }
}

/// `LLLG` and so on; `None` for a model that has no window at all.
fn letters(config: &ModelConfig, decoder: &DecoderConfig) -> Option<String> {
    let letter = |layer: &LayerConfig| if layer.window.is_some() { 'L' } else { 'G' };
    let letters = || decoder.layers.iter().map(letter).collect();
    config.sliding_window.map(|_| letters())
}

fn first_sliding_layer(decoder: &DecoderConfig) -> usize {
    decoder
        .layers
        .iter()
        .position(|layer| layer.window.is_some())
        .unwrap_or(decoder.num_hidden_layers())
}

fn bias_keys(config: &ModelConfig, decoder: &DecoderConfig) -> Result<Keys, InteropError> {
    let (mut keys, family) = (Vec::new(), config.model_type);
    if matches!(
        family,
        ModelType::Llama | ModelType::Qwen3 | ModelType::Hyperclovax
    ) {
        keys.push(("attention_bias", json!(decoder.qkv_bias)));
    } else if decoder.o_bias || (decoder.qkv_bias && family != ModelType::Qwen2) {
        return Err(not_publishable("attention_bias", config));
    }
    if matches!(family, ModelType::Llama | ModelType::Hyperclovax) {
        keys.push(("mlp_bias", json!(decoder.mlp_bias)));
    } else if decoder.mlp_bias {
        return Err(not_publishable("mlp_bias", config));
    }
    Ok(keys)
}

fn multiplier_keys(config: &ModelConfig, decoder: &DecoderConfig) -> Result<Keys, InteropError> {
    let factors = decoder.multipliers;
    if config.model_type == ModelType::Hyperclovax {
        return Ok(vec![
            ("use_post_norm", json!(config.use_post_norm.unwrap_or(true))),
            ("embedding_multiplier", json!(factors.embedding)),
            ("residual_multiplier", json!(factors.residual)),
            ("attention_multiplier", json!(factors.attention)),
            ("logits_scaling", json!(factors.logits)),
        ]);
    }
    let usual_attention = (decoder.head_dim as f64).powf(-0.5);
    let unusual = [
        ("embedding_multiplier", factors.embedding != 1.0),
        ("residual_multiplier", factors.residual != 1.0),
        (
            "attention_multiplier",
            (factors.attention / usual_attention - 1.0).abs() > 1e-12,
        ),
        ("logits_scaling", factors.logits != 1.0),
    ];
    match unusual.into_iter().find(|(_, is_unusual)| *is_unusual) {
        Some((field, _)) => Err(not_publishable(field, config)),
        None => Ok(Vec::new()),
    }
}

fn not_publishable(field: &'static str, config: &ModelConfig) -> InteropError {
    InteropError::NotPublishable {
        field,
        model_type: config.model_type.name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{EXAONE, EXAONE4, LLAMA, MISTRAL, QWEN2, config};

    fn published(config: &ModelConfig) -> Result<Map<String, Value>, InteropError> {
        published_config(
            config,
            &DecoderConfig::resolve(config).unwrap(),
            &ControlIds::default(),
            FloatType::BF16,
        )
    }

    fn check(keys: &Map<String, Value>, expected: &[(&str, Value)]) {
        for (key, value) in expected {
            assert_eq!(keys.get(*key), Some(value), "{key}");
        }
    }

    #[test]
    fn what_other_readers_would_guess_is_written_out() {
        let full = "full_attention";
        let sliding = "sliding_attention";
        let mut exaone4 = config(EXAONE4);
        let keys = published(&exaone4).unwrap();
        check(
            &keys,
            &[
                ("layer_types", json!([sliding, sliding, sliding, full])),
                ("sliding_window", json!(3)),
                ("tie_word_embeddings", json!(true)),
                ("hidden_act", json!("silu")),
                ("dtype", json!("bfloat16")),
                ("bos_token_id", Value::Null),
            ],
        );
        check(&keys, &[("sliding_window_pattern", json!("LLLG"))]);
        exaone4.sliding_window = None;
        check(
            &published(&exaone4).unwrap(),
            &[
                ("layer_types", json!([full, full, full, full])),
                ("sliding_window", Value::Null),
                ("architectures", json!(["Exaone4ForCausalLM"])),
            ],
        );
        let mut mistral = config(MISTRAL);
        mistral.sliding_window = None;
        check(
            &published(&mistral).unwrap(),
            &[("sliding_window", Value::Null), ("head_dim", json!(4))],
        );
        check(
            &published(&config(QWEN2)).unwrap(),
            &[
                ("use_sliding_window", json!(true)),
                ("layer_types", json!([full, full, sliding])),
                ("tie_word_embeddings", json!(false)),
                ("num_key_value_heads", json!(1)),
            ],
        );
        let keys = published(&config(EXAONE)).unwrap();
        check(
            &keys,
            &[
                ("num_layers", json!(2)),
                ("layer_norm_epsilon", json!(1e-5)),
                ("activation_function", json!("silu")),
            ],
        );
        assert!(!keys.contains_key("num_hidden_layers") && !keys.contains_key("rms_norm_eps"));
    }

    #[test]
    fn settings_without_a_published_key_are_refused() {
        let refuses = |text: &str, change: fn(&mut ModelConfig), expected: &str| {
            let mut config = config(text);
            change(&mut config);
            match published(&config) {
                Err(InteropError::NotPublishable { field, .. }) => assert_eq!(field, expected),
                other => panic!("{expected}: {other:?}"),
            }
        };
        refuses(
            EXAONE4,
            |config| config.attention_bias = Some(true),
            "attention_bias",
        );
        refuses(QWEN2, |config| config.mlp_bias = Some(true), "mlp_bias");
        refuses(
            LLAMA,
            |config| config.residual_multiplier = Some(0.5),
            "residual_multiplier",
        );
    }
}
