//! The special tokens that a folder names: `tokenizer_config.json`, and `special_tokens_map.json`
//! of older folders.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::{NAME, read_text, without_mark};
use crate::TokenizerError;
use crate::validate::field_error;
use crate::validate::outline::read_fields;

/// The file that transformers wrote before version 5, and still reads.
const MAP_NAME: &str = "special_tokens_map.json";

/// The roles that every tokenizer of transformers has.
const ROLES: [&str; 7] = [
    "bos_token",
    "eos_token",
    "unk_token",
    "sep_token",
    "pad_token",
    "cls_token",
    "mask_token",
];

/// Fields of `tokenizer_config.json` and `special_tokens_map.json` that name tokens; a `*` stands
/// for any beginning.
pub(super) const FIELDS: [&str; 3] = [
    "*_token",
    "extra_special_tokens",
    "additional_special_tokens",
];

/// The tokens that have a name, such as `bos_token` or `image_token`, by that name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SpecialTokens {
    pub(crate) by_name: Map<String, Value>,
    /// The file that had the last word.
    pub(crate) path: PathBuf,
}

/// What is known of a configuration without reading all of it.
#[derive(Deserialize)]
struct Outline {
    added_tokens_decoder: Option<IgnoredAny>,
}

impl SpecialTokens {
    /// Reads them as transformers 5 does: the map goes before the configuration, entry by entry,
    /// and is read only if the configuration has no `added_tokens_decoder`.
    pub(super) fn read(
        folder: &Path,
        config_text: Option<&str>,
        config: Option<&Map<String, Value>>,
    ) -> Result<Self, TokenizerError> {
        let mut tokens = Self {
            by_name: Map::new(),
            path: folder.join(NAME),
        };
        if let Some(config) = config {
            tokens.add_all(config, false)?;
        }
        let outline: Option<Outline> =
            config_text.and_then(|text| serde_json::from_str(without_mark(text)).ok());
        if outline.is_some_and(|outline| outline.added_tokens_decoder.is_some()) {
            return Ok(tokens);
        }
        let path = folder.join(MAP_NAME);
        let Some(text) = read_text(&path)? else {
            return Ok(tokens);
        };
        let document = read_fields(without_mark(&text), &path, &FIELDS)?;
        let Some(fields) = document.as_object() else {
            return Err(field_error(&path, "(whole file)", "an object", &document));
        };
        tokens.path = path;
        tokens.add_all(fields, true)?;
        Ok(tokens)
    }

    /// The spelling of the token of a role.
    pub(super) fn role(&self, name: &str) -> Option<String> {
        let token = self.by_name.get(name)?;
        token.as_str().map(str::to_owned)
    }

    /// Takes the tokens of a file. In the map, a role without a value takes one away, and other
    /// names do not replace those of the configuration.
    fn add_all(&mut self, fields: &Map<String, Value>, is_map: bool) -> Result<(), TokenizerError> {
        for (name, value) in fields {
            if name.ends_with("_token") {
                self.add(name, value, is_map)?;
            }
        }
        for name in ["additional_special_tokens", "extra_special_tokens"] {
            if let Some(value) = fields.get(name) {
                self.add_extra(name, value)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, name: &str, value: &Value, is_map: bool) -> Result<(), TokenizerError> {
        let is_role = ROLES.contains(&name);
        match spelling(value) {
            Some(_) if is_map && !is_role && self.by_name.contains_key(name) => {}
            Some(token) => {
                self.by_name.insert(name.to_owned(), Value::from(token));
            }
            None if !is_role => {
                // Switches such as `add_bos_token`.
            }
            None if value.is_null() => {
                if is_map {
                    self.by_name.shift_remove(name);
                }
            }
            None => {
                let expected = "a string, or an object with `content`";
                return Err(field_error(&self.path, name, expected, value));
            }
        }
        Ok(())
    }

    /// Tokens without a role: a list, or an object whose names templates can read.
    fn add_extra(&mut self, field: &str, value: &Value) -> Result<(), TokenizerError> {
        let expected = "a token, as a string or an object with `content`";
        match value {
            Value::Null => {}
            Value::Array(tokens) => {
                for (index, token) in tokens.iter().enumerate() {
                    if spelling(token).is_none() {
                        let field = format!("{field}[{index}]");
                        return Err(field_error(&self.path, &field, expected, token));
                    }
                }
            }
            Value::Object(named) => {
                for (name, token) in named {
                    let Some(token) = spelling(token) else {
                        let field = format!("{field}.{name}");
                        return Err(field_error(&self.path, &field, expected, token));
                    };
                    self.by_name.insert(name.clone(), Value::from(token));
                }
            }
            other => {
                let expected = "a list of tokens, or an object of named ones";
                return Err(field_error(&self.path, field, expected, other));
            }
        }
        Ok(())
    }
}

/// The text of a token: a string, or an object with its `content`.
fn spelling(value: &Value) -> Option<&str> {
    match value {
        Value::String(token) => Some(token),
        other => other.get("content").and_then(Value::as_str),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(config: Option<&Value>, map: &Value) -> Result<Map<String, Value>, TokenizerError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(MAP_NAME), map.to_string()).unwrap();
        let text = config.map(Value::to_string);
        let fields = config.and_then(Value::as_object);
        let tokens = SpecialTokens::read(folder.path(), text.as_deref(), fields)?;
        Ok(tokens.by_name)
    }

    fn check(config: Option<&Value>, map: &Value, expected: &Value) {
        assert_eq!(Value::Object(read(config, map).unwrap()), *expected);
    }

    #[test]
    fn the_map_goes_before_a_configuration_without_added_tokens() {
        let config = json!({"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"});
        let map = json!({"eos_token": {"content": "<end>", "lstrip": false}, "pad_token": null});
        check(
            Some(&config),
            &map,
            &json!({"bos_token": "<s>", "eos_token": "<end>"}),
        );
        check(None, &map, &json!({"eos_token": "<end>"}));
        let newer = json!({"bos_token": "<s>", "added_tokens_decoder": {"0": {}}});
        check(Some(&newer), &map, &json!({"bos_token": "<s>"}));
    }

    #[test]
    fn tokens_with_other_names_are_read_too() {
        let config = json!({
            "image_token": "<img>", "add_bos_token": true,
            "extra_special_tokens": {"audio": {"content": "<audio>"}},
        });
        check(
            Some(&config),
            &json!({"additional_special_tokens": ["<a>", {"content": "<b>"}], "boi_token": "<boi>"}),
            &json!({"image_token": "<img>", "audio": "<audio>", "boi_token": "<boi>"}),
        );
    }

    #[test]
    fn what_is_no_token_is_named_with_its_file() {
        for (map, expected) in [
            (
                json!({"eos_token": 3}),
                "special_tokens_map.json`, field `eos_token`",
            ),
            (json!({"eos_token": {"text": "x"}}), "field `eos_token`"),
            (
                json!({"additional_special_tokens": ["<a>", 1]}),
                "field `additional_special_tokens[1]`",
            ),
            (
                json!({"extra_special_tokens": {"a": []}}),
                "field `extra_special_tokens.a`",
            ),
            (
                json!({"extra_special_tokens": 1}),
                "field `extra_special_tokens`",
            ),
            (json!([]), "an object"),
        ] {
            let error = read(None, &map).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
