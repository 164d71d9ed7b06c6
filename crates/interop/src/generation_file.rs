//! `generation_config.json`: what ends a generated text, and what else it asks for.

use std::path::Path;

use jikji_model::TokenIds;
use serde_json::{Map, Value};

use crate::error::InteropError;
use crate::file_names::GENERATION_NAME;
use crate::small_file::read_small;

/// Settings that change what is written whatever is sampled, and the value in JSON with which they change nothing.
const UNAPPLIED: [(&str, &str); 13] = [
    ("bad_words_ids", "[]"),
    ("begin_suppress_tokens", "[]"),
    ("encoder_repetition_penalty", "1"),
    ("exponential_decay_length_penalty", "[]"),
    ("forced_bos_token_id", "null"),
    ("forced_eos_token_id", "null"),
    ("min_length", "0"),
    ("min_new_tokens", "0"),
    ("no_repeat_ngram_size", "0"),
    ("num_beams", "1"),
    ("repetition_penalty", "1"),
    ("stop_strings", "[]"),
    ("suppress_tokens", "[]"),
];

/// What a folder's file says, where it has one.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct GenerationFile {
    /// `eos_token_id`, one or several.
    pub(crate) stop_ids: Option<TokenIds>,
    /// `key = value` of each setting that is not applied here and would change the text.
    pub(crate) unapplied: Vec<String>,
}

impl GenerationFile {
    pub(crate) fn read(dir: &Path) -> Result<Self, InteropError> {
        let Some((path, bytes)) = read_small(dir, GENERATION_NAME)? else {
            return Ok(Self::default());
        };
        let mut keys: Map<String, Value> =
            serde_json::from_slice(&bytes).map_err(|source| InteropError::Json {
                path: path.clone(),
                source,
            })?;
        keys.retain(|_, value| !value.is_null());
        let unapplied = UNAPPLIED
            .iter()
            .filter_map(|(key, neutral)| {
                let value = keys.get(*key)?;
                (!same(value, neutral)).then(|| format!("{key} = {value}"))
            })
            .collect();
        let ids = keys.get("eos_token_id").cloned();
        let stop_ids = ids.map(serde_json::from_value).transpose();
        Ok(Self {
            stop_ids: stop_ids.map_err(|error| InteropError::Field {
                path,
                field: "eos_token_id".to_owned(),
                reason: error.to_string(),
            })?,
            unapplied,
        })
    }
}

/// `1` and `1.0` are the same number.
fn same(value: &Value, json: &str) -> bool {
    let expected: Value = serde_json::from_str(json).unwrap_or_default();
    match (value.as_f64(), expected.as_f64()) {
        (Some(value), Some(expected)) => value == expected,
        _ => *value == expected,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(keys: &str) -> Result<GenerationFile, InteropError> {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(GENERATION_NAME), keys).unwrap();
        GenerationFile::read(dir.path())
    }

    #[test]
    fn stop_ids_are_one_or_several() {
        let nowhere = GenerationFile::read(Path::new("nowhere")).unwrap();
        assert_eq!(nowhere, GenerationFile::default());
        for (keys, expected) in [
            ("{}", None),
            ("{\"eos_token_id\": null}", None),
            ("{\"eos_token_id\": 4}", Some(TokenIds::One(4))),
            (
                "{\"eos_token_id\": [4, 9]}",
                Some(TokenIds::Several(vec![4, 9])),
            ),
        ] {
            assert_eq!(read(keys).unwrap().stop_ids, expected);
        }
        for keys in [
            "{\"eos_token_id\": \"x\"}",
            "{\"eos_token_id\": [4, \"x\"]}",
            "{\"eos_token_id\": -1}",
        ] {
            let message = read(keys).unwrap_err().to_string();
            assert!(
                message.ends_with("field `eos_token_id`: expected a token id or a list of them"),
                "{message}"
            );
        }
    }

    #[test]
    fn settings_that_are_not_applied_are_named() {
        let said = read(
            "{\"repetition_penalty\": 1.05, \"num_beams\": 1, \"min_length\": 0, \"temperature\": 0.6, \"stop_strings\": [\"a\"]}",
        );
        assert_eq!(
            said.unwrap().unapplied,
            ["repetition_penalty = 1.05", "stop_strings = [\"a\"]"]
        );
    }
}
