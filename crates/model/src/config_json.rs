//! Published `config.json` files, read strictly: no key of a model's description is passed over.
//!
//! Every family writes its keys a little differently, and libraries add keys of their own. What is written here turns each
//! spelling into the one of [`ModelConfig`]; a key that is left over, or that asks for something else than what is computed, is
//! refused by name.

use serde_json::{Map, Value, json};

use self::foreign_keys::{INERT, NEUTRAL, NEUTRAL_IN_ROPE_SCALING, remove_neutral, same};
use crate::config::ModelConfig;

mod foreign_keys;

/// Why a `config.json` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigJsonError {
    /// The file is not JSON, or not an object.
    #[error("not a JSON object")]
    Json(#[source] serde_json::Error),
    /// A key is unknown, missing, not supported, or has a value of another type.
    #[error("field `{field}`: {reason}")]
    Field {
        /// The key; with a dot where it stands in a table.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl ConfigJsonError {
    fn field(field: &str, reason: impl Into<String>) -> Self {
        Self::Field {
            field: field.to_owned(),
            reason: reason.into(),
        }
    }

    /// The way out, in one sentence.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Json(_) => "copy the file again from where it was published; it may be cut off",
            Self::Field { .. } => {
                "docs/guides/published-models.md says what is taken; remove the key only if it steers nothing but another program"
            }
        };
        Some(hint.to_owned())
    }
}

impl ModelConfig {
    /// Reads the text of a published `config.json`. A key whose value is null counts as absent.
    ///
    /// # Errors
    /// Text that is not a JSON object, or a key that is unknown, missing, not supported, or of another type.
    pub fn from_json(text: &[u8]) -> Result<Self, ConfigJsonError> {
        let mut keys: Map<String, Value> =
            serde_json::from_slice(text).map_err(ConfigJsonError::Json)?;
        refuse_absent_window(&keys)?;
        keys.retain(|key, value| !value.is_null() && !INERT.contains(&key.as_str()));
        refuse_other_tasks(&mut keys)?;
        remove_neutral(&mut keys, NEUTRAL, "")?;
        for (other, key) in SPELLINGS {
            respell(&mut keys, other, key, key)?;
        }
        if let Some(scaling) = keys.get_mut("rope_scaling").and_then(Value::as_object_mut) {
            scaling.retain(|_, value| !value.is_null());
            respell(scaling, "type", "rope_type", "rope_scaling.rope_type")?;
            remove_neutral(scaling, NEUTRAL_IN_ROPE_SCALING, "rope_scaling.")?;
        }
        drop_second_length(&mut keys)?;
        refuse_unread_multipliers(&keys)?;
        settle_absent(&mut keys);
        spell_out_pattern(&mut keys);
        // Some files say so instead of leaving it out.
        keys.retain(|key, value| key != "pad_token_id" || *value != json!(-1));
        serde_json::from_value(Value::Object(keys.clone())).map_err(|error| {
            let reason = error.to_string();
            let field = offending_key(&keys, &reason);
            // An unknown key is answered with a list of all known ones, which helps nobody; the list of families does.
            let reason = match reason.split_once(", expected one of") {
                Some((front, _)) if front.starts_with("unknown field") => {
                    let here = front == format!("unknown field `{field}`");
                    if here { "unknown here" } else { front }
                }
                _ => reason.as_str(),
            };
            ConfigJsonError::field(&field, in_words(reason))
        })
    }
}

/// Second spellings of keys, and the first: two spellings of one key would be two values.
pub const SPELLINGS: [(&str, &str); 6] = [
    ("num_layers", "num_hidden_layers"),
    ("layer_norm_epsilon", "rms_norm_eps"),
    ("layer_norm_eps", "rms_norm_eps"),
    ("activation_function", "hidden_act"),
    ("rope_parameters", "rope_scaling"),
    ("torch_dtype", "dtype"),
];

/// Saved for another task, a model has the same keys and another head.
fn refuse_other_tasks(keys: &mut Map<String, Value>) -> Result<(), ConfigJsonError> {
    let Some(classes) = keys.shift_remove("architectures") else {
        return Ok(());
    };
    let is_causal = |class: &Value| {
        class
            .as_str()
            .is_some_and(|name| name.ends_with("ForCausalLM"))
    };
    match classes.as_array() {
        Some(classes) if classes.iter().all(is_causal) => Ok(()),
        _ => Err(ConfigJsonError::field(
            "architectures",
            format!("`{classes}` is not supported, only models `...ForCausalLM`"),
        )),
    }
}

/// Some old files have two names for the length, one of which only their own code reads.
fn drop_second_length(keys: &mut Map<String, Value>) -> Result<(), ConfigJsonError> {
    const SECOND: &str = "max_sequence_length";
    let Some(second) = keys.shift_remove(SECOND) else {
        return Ok(());
    };
    if keys.get("max_position_embeddings") == Some(&second) {
        return Ok(());
    }
    let reason = "write the longest context as `max_position_embeddings`";
    Err(ConfigJsonError::field(SECOND, reason))
}

/// Only HyperCLOVA X's code reads them; a file of another family that has one means something that others do not compute.
fn refuse_unread_multipliers(keys: &Map<String, Value>) -> Result<(), ConfigJsonError> {
    const FACTORS: [&str; 3] = [
        "embedding_multiplier",
        "residual_multiplier",
        "logits_scaling",
    ];
    // Not a factor on what others compute but in the place of it: no value says nothing.
    const INSTEAD: &str = "attention_multiplier";
    if keys.get("model_type") == Some(&json!("hyperclovax")) {
        return Ok(());
    }
    let is_unread = |key: &&str| keys.get(*key).is_some_and(|value| !same(value, "1"));
    let instead = keys.contains_key(INSTEAD).then_some(INSTEAD);
    match FACTORS.into_iter().find(is_unread).or(instead) {
        Some(key) => Err(ConfigJsonError::field(
            key,
            "only `hyperclovax` models have it; other programs would pass it over",
        )),
        None => Ok(()),
    }
}

/// What the libraries that saved a file left out because it was their own default.
fn settle_absent(keys: &mut Map<String, Value>) {
    let (key, default) = match keys.get("model_type").and_then(Value::as_str) {
        // Only untied models of the family say so.
        Some("exaone") => ("tie_word_embeddings", json!(true)),
        // Not `hidden_size / num_attention_heads`.
        Some("qwen3") => ("head_dim", json!(128)),
        // A number, which unlike letters says nothing of the last layer.
        Some("exaone4") if !keys.contains_key("layer_types") => {
            ("sliding_window_pattern", json!(4))
        }
        _ => return,
    };
    if !keys.contains_key(key) {
        keys.insert(key.to_owned(), default);
    }
}

/// The types that a message of the JSON reader names, in words.
fn in_words(reason: &str) -> String {
    let words = [
        ("expected usize", "expected a whole number, 0 or above"),
        ("expected u32", "expected a whole number, 0 or above"),
        ("expected f64", "expected a number"),
    ];
    let matching = words.iter().find_map(|(name, word)| {
        let front = reason.strip_suffix(name)?;
        Some(format!("{front}{word}"))
    });
    matching.unwrap_or_else(|| reason.to_owned())
}

/// Two spellings may stand side by side, as libraries of two generations write them, if they say the same.
fn respell(
    keys: &mut Map<String, Value>,
    other: &str,
    key: &str,
    full: &str,
) -> Result<(), ConfigJsonError> {
    let Some(value) = keys.shift_remove(other) else {
        return Ok(());
    };
    match keys.get(key) {
        Some(first) if *first != value => Err(ConfigJsonError::field(
            full,
            format!("`{first}`, but its other spelling `{other}` says `{value}`"),
        )),
        _ => {
            keys.insert(key.to_owned(), value);
            Ok(())
        }
    }
}

/// The one key of which absent and null mean different things: where these families leave it out, other programs take a window of
/// 4096 tokens, and in EXAONE 4 the rotations hang on it too.
fn refuse_absent_window(keys: &Map<String, Value>) -> Result<(), ConfigJsonError> {
    let family = keys.get("model_type").and_then(Value::as_str);
    if matches!(family, Some("mistral" | "exaone4")) && !keys.contains_key("sliding_window") {
        let reason = "missing: write the number of tokens, or null where there is no window";
        return Err(ConfigJsonError::field("sliding_window", reason));
    }
    Ok(())
}

/// transformers also takes EXAONE 4's pattern as a number: every so many layers, one is global. Unlike a pattern in letters it
/// says nothing of the last layer, so it is spelt out as `layer_types`.
fn spell_out_pattern(keys: &mut Map<String, Value>) {
    const MOST_LAYERS: u64 = 10_000;
    let number = |key: &str| keys.get(key).and_then(Value::as_u64);
    let (Some(period), Some(layers @ ..=MOST_LAYERS)) = (
        number("sliding_window_pattern"),
        number("num_hidden_layers"),
    ) else {
        return;
    };
    let has_window = keys.contains_key("sliding_window");
    if period == 0 && has_window {
        // Refused as a pattern: nothing is a multiple of it.
        return;
    }
    keys.shift_remove("sliding_window_pattern");
    if has_window && !keys.contains_key("layer_types") {
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

#[cfg(test)]
mod tests;
