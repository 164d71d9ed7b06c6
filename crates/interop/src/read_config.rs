//! `config.json` and `generation_config.json`, read strictly: no key of a model's description is passed over.

use std::fs;
use std::path::Path;

use jikji_model::ModelConfig;
use serde_json::{Map, Value};

use crate::error::InteropError;

pub(crate) const CONFIG_NAME: &str = "config.json";
pub(crate) const GENERATION_NAME: &str = "generation_config.json";

/// Reads the `config.json` of a folder. A key whose value is null counts as absent.
///
/// # Errors
/// A file that cannot be read, or a key that is unknown, missing or has a value of another type.
pub fn read_config(dir: &Path) -> Result<ModelConfig, InteropError> {
    let path = dir.join(CONFIG_NAME);
    let mut keys = read_object(&path)?;
    if let Some(reason) = absent_window(&keys) {
        let field = "sliding_window".to_owned();
        return Err(InteropError::Field {
            path,
            field,
            reason,
        });
    }
    keys.retain(|_, value| !value.is_null());
    spell_out_pattern(&mut keys);
    serde_json::from_value(Value::Object(keys.clone())).map_err(|error| {
        let reason = error.to_string();
        let field = offending_key(&keys, &reason);
        // An unknown key is answered with a list of all known ones, which helps nobody.
        let reason = reason
            .split_once(", expected one of")
            .map_or(reason.as_str(), |(front, _)| front)
            .to_owned();
        InteropError::Field {
            path,
            field,
            reason,
        }
    })
}

/// The one key of which absent and null mean different things: where these families leave it out, other programs take a window of
/// 4096 tokens, and in EXAONE 4 the rotations hang on it too.
fn absent_window(keys: &Map<String, Value>) -> Option<String> {
    let family = keys.get("model_type").and_then(Value::as_str)?;
    let guessed = matches!(family, "mistral" | "exaone4") && !keys.contains_key("sliding_window");
    guessed
        .then(|| "missing: write the number of tokens, or null where there is no window".to_owned())
}

/// transformers also takes EXAONE 4's pattern as a number: every so many layers, one is global. Unlike a pattern in letters it
/// says nothing of the last layer, so it is spelt out as `layer_types`.
fn spell_out_pattern(keys: &mut Map<String, Value>) {
    const MOST_LAYERS: u64 = 10_000;
    let number = |key: &str| keys.get(key).and_then(Value::as_u64);
    let (Some(period @ 1..), Some(layers @ ..=MOST_LAYERS)) = (
        number("sliding_window_pattern"),
        number("num_hidden_layers"),
    ) else {
        return;
    };
    keys.shift_remove("sliding_window_pattern");
    if keys.contains_key("sliding_window") && !keys.contains_key("layer_types") {
        let types = (1..=layers).map(|layer| {
            if layer.is_multiple_of(period) {
                "full_attention"
            } else {
                "sliding_attention"
            }
        });
        keys.insert("layer_types".to_owned(), types.collect());
    }
}

/// The key that a message of the JSON reader is about: the one that is missing, or else the one without which the message
/// would be another. The reader itself names keys only where they are unknown or missing.
fn offending_key(keys: &Map<String, Value>, reason: &str) -> String {
    if let Some(rest) = reason.strip_prefix("missing field `") {
        return rest.trim_end_matches('`').to_owned();
    }
    let is_to_blame = |key: &&String| {
        let mut others = keys.clone();
        others.shift_remove(*key);
        match serde_json::from_value::<ModelConfig>(Value::Object(others)) {
            Ok(_) => true,
            Err(error) => error.to_string() != reason,
        }
    };
    keys.keys().find(is_to_blame).cloned().unwrap_or_default()
}

/// The `eos_token_id` of `generation_config.json`, one or several; `None` where the folder does not say.
pub(crate) fn read_stop_ids(dir: &Path) -> Result<Option<Vec<u32>>, InteropError> {
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
    ids.map(Some).ok_or_else(|| InteropError::Field {
        path,
        field: "eos_token_id".to_owned(),
        reason: "expected a token id or a list of them".to_owned(),
    })
}

fn read_object(path: &Path) -> Result<Map<String, Value>, InteropError> {
    let bytes = fs::read(path).map_err(|source| InteropError::Read {
        path: path.to_owned(),
        source,
    })?;
    serde_json::from_slice(&bytes).map_err(|source| InteropError::Json {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use jikji_model::LayerType;

    use super::*;

    fn read(keys: &str) -> Result<ModelConfig, InteropError> {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(CONFIG_NAME), keys).unwrap();
        read_config(dir.path())
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
                Err(InteropError::Field {
                    field: got,
                    reason: why,
                    ..
                }) => assert_eq!((got.as_str(), why.as_str()), (field, reason)),
                other => panic!("{extra}: {other:?}"),
            }
        }
        let four = read(
            &keys(", \"rms_norm_eps\": 1e-5, \"sliding_window\": 4, \"sliding_window_pattern\": 2")
                .replace("llama", "exaone4")
                .replace("\"num_hidden_layers\": 1", "\"num_hidden_layers\": 3"),
        )
        .unwrap();
        let (local, global) = (LayerType::SlidingAttention, LayerType::FullAttention);
        assert_eq!(four.layer_types, Some(vec![local, global, local]));
        assert_eq!(four.sliding_window_pattern, None);
        for family in ["exaone4", "mistral"] {
            let silent = keys(", \"rms_norm_eps\": 1e-5").replace("llama", family);
            match read(&silent) {
                Err(InteropError::Field { field, reason, .. }) => {
                    assert_eq!(field, "sliding_window");
                    assert!(reason.starts_with("missing: "), "{reason}");
                }
                other => panic!("{family}: {other:?}"),
            }
            let null = silent.replace("1e-5", "1e-5, \"sliding_window\": null");
            assert_eq!(read(&null).unwrap().sliding_window, None);
        }
        assert!(matches!(read("[1]"), Err(InteropError::Json { .. })));
        assert!(matches!(
            read_config(Path::new("nowhere")),
            Err(InteropError::Read { .. })
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
            Err(InteropError::Field { .. })
        ));
    }
}
