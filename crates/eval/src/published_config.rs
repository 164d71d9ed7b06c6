//! `config.json` and `generation_config.json`, in and out: strict when read, complete when written.
//!
//! Readers of published folders fill absent keys with defaults of their own that differ by family and by version (Mistral's
//! window is 4096, `tie_word_embeddings` is sometimes true). So whatever steers the computation is written out.

use std::fs;
use std::path::Path;

use jikji_checkpoint::FloatType;
use jikji_model::{DecoderConfig, LayerType, ModelConfig, ModelType, RopeScaling};
use serde_json::{Map, Value, json};

use crate::error::EvalError;

pub(crate) const CONFIG_NAME: &str = "config.json";
pub(crate) const GENERATION_NAME: &str = "generation_config.json";

/// Tokens with a meaning for other programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ControlIds {
    pub(crate) bos: Option<u32>,
    pub(crate) eos: Option<u32>,
    pub(crate) pad: Option<u32>,
}

/// Reads the `config.json` of a folder. A key whose value is null counts as absent.
///
/// # Errors
/// A file that cannot be read, or a key that is unknown, missing or has a value of another type.
pub fn read_config(dir: &Path) -> Result<ModelConfig, EvalError> {
    let path = dir.join(CONFIG_NAME);
    let mut keys = read_object(&path)?;
    keys.retain(|_, value| !value.is_null());
    serde_json::from_value(Value::Object(keys.clone())).map_err(|error| {
        let reason = error.to_string();
        let field = offending_key(&keys, &reason).unwrap_or_else(|| quoted(&reason).to_owned());
        // An unknown key is answered with a list of all known ones, which helps nobody.
        let reason = reason
            .split_once(", expected one of")
            .map_or(reason.as_str(), |(front, _)| front)
            .to_owned();
        EvalError::Field {
            path,
            field,
            reason,
        }
    })
}

/// The key without which reading fails otherwise, or not at all.
fn offending_key(keys: &Map<String, Value>, reason: &str) -> Option<String> {
    let is_to_blame = |key: &&String| {
        let mut others = keys.clone();
        others.shift_remove(*key);
        match serde_json::from_value::<ModelConfig>(Value::Object(others)) {
            Ok(_) => true,
            Err(error) => error.to_string() != reason,
        }
    };
    keys.keys().find(is_to_blame).cloned()
}

/// The first word in backticks: the key that is missing.
fn quoted(reason: &str) -> &str {
    reason.split('`').nth(1).unwrap_or("(whole file)")
}

/// The `eos_token_id` of `generation_config.json`, one or several; `None` where the folder does not say.
pub(crate) fn read_stop_ids(dir: &Path) -> Result<Option<Vec<u32>>, EvalError> {
    let path = dir.join(GENERATION_NAME);
    if !path.exists() {
        return Ok(None);
    }
    let keys = read_object(&path)?;
    let id = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
    let ids = match keys.get("eos_token_id") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(ids)) => ids.iter().map(id).collect::<Option<Vec<u32>>>(),
        Some(one) => id(one).map(|id| vec![id]),
    };
    ids.map(Some).ok_or_else(|| EvalError::Field {
        path,
        field: "eos_token_id".to_owned(),
        reason: "expected a token id or a list of them".to_owned(),
    })
}

fn read_object(path: &Path) -> Result<Map<String, Value>, EvalError> {
    let bytes = fs::read(path).map_err(|source| EvalError::Read {
        path: path.to_owned(),
        source,
    })?;
    serde_json::from_slice(&bytes).map_err(|source| EvalError::Json {
        path: path.to_owned(),
        source,
    })
}

/// The keys of a `config.json` as the family publishes them.
///
/// # Errors
/// A setting that the family's published form has no key for.
pub(crate) fn published_config(
    config: &ModelConfig,
    decoder: &DecoderConfig,
    control: ControlIds,
    float: FloatType,
) -> Result<Map<String, Value>, EvalError> {
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
    if let Some(scaling) = published_scaling(config.rope_scaling.as_ref()) {
        put("rope_scaling", scaling);
    }
    for (key, value) in window_keys(config, decoder)? {
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
    put("bos_token_id", json!(control.bos));
    put("eos_token_id", json!(control.eos));
    put("pad_token_id", json!(control.pad));
    Ok(keys)
}

/// The keys of a `generation_config.json`.
pub(crate) fn generation_config(control: ControlIds) -> Map<String, Value> {
    let ids = [
        ("bos_token_id", control.bos),
        ("eos_token_id", control.eos),
        ("pad_token_id", control.pad),
    ];
    ids.into_iter()
        .filter_map(|(key, id)| Some((key.to_owned(), json!(id?))))
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

fn dtype_name(float: FloatType) -> &'static str {
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

fn window_keys(config: &ModelConfig, decoder: &DecoderConfig) -> Result<Keys, EvalError> {
    let slides = |layer: &jikji_model::LayerConfig| layer.window.is_some();
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
    Ok(match config.model_type {
        ModelType::Exaone4 => vec![
            // Null says that every layer is rotated; a window without a sliding layer says that none is.
            ("sliding_window", json!(config.sliding_window)),
            ("layer_types", json!(layer_types)),
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
        ModelType::Mistral if !any_slides || decoder.layers.iter().all(slides) => {
            vec![(
                "sliding_window",
                json!(config.sliding_window.filter(|_| any_slides)),
            )]
        }
        ModelType::Mistral => return Err(not_publishable("layer_types", config)),
        _ if any_slides => return Err(not_publishable("sliding_window", config)),
        _ => Vec::new(),
    })
}

fn first_sliding_layer(decoder: &DecoderConfig) -> usize {
    decoder
        .layers
        .iter()
        .position(|layer| layer.window.is_some())
        .unwrap_or(decoder.num_hidden_layers())
}

fn bias_keys(config: &ModelConfig, decoder: &DecoderConfig) -> Result<Keys, EvalError> {
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

fn multiplier_keys(config: &ModelConfig, decoder: &DecoderConfig) -> Result<Keys, EvalError> {
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

fn not_publishable(field: &'static str, config: &ModelConfig) -> EvalError {
    EvalError::NotPublishable {
        field,
        model_type: config.model_type.name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{EXAONE, EXAONE4, LLAMA, MISTRAL, QWEN2, config};

    const NO_CONTROL: ControlIds = ControlIds {
        bos: None,
        eos: None,
        pad: None,
    };

    fn published(config: &ModelConfig) -> Result<Map<String, Value>, EvalError> {
        published_config(
            config,
            &DecoderConfig::resolve(config).unwrap(),
            NO_CONTROL,
            FloatType::BF16,
        )
    }

    fn check(keys: &Map<String, Value>, expected: &[(&str, Value)]) {
        for (key, value) in expected {
            assert_eq!(keys.get(*key), Some(value), "{key}");
        }
    }

    fn read(keys: &str) -> Result<ModelConfig, EvalError> {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(CONFIG_NAME), keys).unwrap();
        read_config(dir.path())
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
        assert!(!keys.contains_key("sliding_window_pattern"));
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
                Err(EvalError::NotPublishable { field, .. }) => assert_eq!(field, expected),
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
        let types = vec![LayerType::SlidingAttention, LayerType::FullAttention];
        let mut mixed = config(MISTRAL);
        mixed.layer_types = Some(types.clone());
        assert!(matches!(
            published(&mixed),
            Err(EvalError::NotPublishable {
                field: "layer_types",
                ..
            })
        ));
        let mut llama = config(LLAMA);
        (llama.layer_types, llama.sliding_window) = (Some(types), Some(4));
        assert!(matches!(
            published(&llama),
            Err(EvalError::NotPublishable {
                field: "sliding_window",
                ..
            })
        ));
    }

    #[test]
    fn keys_are_read_strictly_and_null_is_absent() {
        let keys = |extra: &str| {
            format!(
                "{{\"model_type\": \"llama\", \"vocab_size\": 9, \"hidden_size\": 8, \"intermediate_size\": 8, \
                 \"num_attention_heads\": 2, \"num_hidden_layers\": 1, \"max_position_embeddings\": 8{extra}}}"
            )
        };
        let config = read(&keys(
            ", \"rms_norm_eps\": 1e-5, \"rope_scaling\": null, \"quantum\": null",
        ))
        .unwrap();
        assert_eq!(config.rope_scaling, None);
        for (extra, field, reason) in [
            (
                ", \"rms_norm_eps\": 1e-5, \"windwo\": 4",
                "windwo",
                "unknown field `windwo`",
            ),
            ("", "rms_norm_eps", "missing field `rms_norm_eps`"),
            (
                ", \"rms_norm_eps\": null",
                "rms_norm_eps",
                "missing field `rms_norm_eps`",
            ),
            (
                ", \"rms_norm_eps\": \"a\"",
                "rms_norm_eps",
                "invalid type: string \"a\", expected f64",
            ),
            (
                ", \"rms_norm_eps\": 1e-5, \"head_dim\": -4",
                "head_dim",
                "invalid value: integer `-4`, expected usize",
            ),
            (
                ", \"rms_norm_eps\": 1e-5, \"rope_scaling\": {\"factr\": 2}",
                "rope_scaling",
                "unknown field `factr`",
            ),
        ] {
            match read(&keys(extra)) {
                Err(EvalError::Field {
                    field: got,
                    reason: why,
                    ..
                }) => assert_eq!((got.as_str(), why.as_str()), (field, reason)),
                other => panic!("{extra}: {other:?}"),
            }
        }
        assert!(matches!(read("[1]"), Err(EvalError::Json { .. })));
        assert!(matches!(
            read_config(Path::new("nowhere")),
            Err(EvalError::Read { .. })
        ));
    }

    #[test]
    fn stop_tokens_are_one_or_several() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read_stop_ids(dir.path()).unwrap(), None);
        for (text, expected) in [
            ("{}", None),
            ("{\"eos_token_id\": 4}", Some(vec![4])),
            ("{\"eos_token_id\": [4, 9]}", Some(vec![4, 9])),
        ] {
            fs::write(dir.path().join(GENERATION_NAME), text).unwrap();
            assert_eq!(read_stop_ids(dir.path()).unwrap(), expected);
        }
        fs::write(
            dir.path().join(GENERATION_NAME),
            "{\"eos_token_id\": [4, \"x\"]}",
        )
        .unwrap();
        assert!(matches!(
            read_stop_ids(dir.path()),
            Err(EvalError::Field { .. })
        ));
    }
}
