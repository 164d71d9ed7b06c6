//! `generation_config.json`: what ends a generated text.

use std::path::Path;

use jikji_model::TokenIds;
use serde_json::{Map, Value};

use crate::error::InteropError;
use crate::small_file::read_small;

pub(crate) const GENERATION_NAME: &str = "generation_config.json";

/// The `eos_token_id` of a folder's file, one or several; `None` where the folder does not say.
pub(crate) fn read_stop_ids(dir: &Path) -> Result<Option<TokenIds>, InteropError> {
    let Some((path, bytes)) = read_small(dir, GENERATION_NAME)? else {
        return Ok(None);
    };
    let keys: Map<String, Value> =
        serde_json::from_slice(&bytes).map_err(|source| InteropError::Json {
            path: path.clone(),
            source,
        })?;
    match keys.get("eos_token_id") {
        None | Some(Value::Null) => Ok(None),
        Some(ids) => {
            let ids = serde_json::from_value(ids.clone());
            ids.map(Some).map_err(|error| InteropError::Field {
                path,
                field: "eos_token_id".to_owned(),
                reason: error.to_string(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn stop_ids_are_one_or_several() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read_stop_ids(dir.path()).unwrap(), None);
        for (keys, expected) in [
            ("{}", None),
            ("{\"eos_token_id\": null}", None),
            ("{\"eos_token_id\": 4}", Some(TokenIds::One(4))),
            (
                "{\"eos_token_id\": [4, 9]}",
                Some(TokenIds::Several(vec![4, 9])),
            ),
        ] {
            fs::write(dir.path().join(GENERATION_NAME), keys).unwrap();
            assert_eq!(read_stop_ids(dir.path()).unwrap(), expected);
        }
        for keys in [
            "{\"eos_token_id\": \"x\"}",
            "{\"eos_token_id\": [4, \"x\"]}",
            "{\"eos_token_id\": -1}",
        ] {
            fs::write(dir.path().join(GENERATION_NAME), keys).unwrap();
            let message = read_stop_ids(dir.path()).unwrap_err().to_string();
            assert!(
                message.ends_with("field `eos_token_id`: expected a token id or a list of them"),
                "{message}"
            );
        }
    }
}
