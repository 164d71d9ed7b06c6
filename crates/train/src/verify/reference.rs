//! The file in which another program says what it computed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use jikji_model::{DecoderConfig, ParameterTable};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::VerifyError;

/// What another program computed, checked against the model it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    /// Lists of token ids, each of two or more.
    pub ids: Vec<Vec<u32>>,
    /// For each list, the natural logarithm of the probability of its second id and of each one after it.
    pub logprobs: Vec<Vec<f64>>,
    /// Their negative mean over all lists, in nats.
    pub loss: f64,
    /// For each parameter, by published name, the L2 norm of the gradient of that loss; `None` where the file has none.
    pub grad_norms: Option<BTreeMap<String, f64>>,
}

const FIELDS: &str = "`ids`, `logprobs`, `loss` and `grad_norms`";
const OTHER_MODEL: &str = "check that the file was made with this model and its tokenizer";
const MADE_WRONG: &str = "write the file again; `scripts/parity/reference.py` shows what it holds";

impl Reference {
    /// Reads a reference for a model of this config.
    ///
    /// # Errors
    /// A file that is no JSON object, or a field that is unknown, missing, of another type or length, or about another model.
    pub fn read(path: &Path, config: &DecoderConfig) -> Result<Self, VerifyError> {
        let bytes = fs::read(path).map_err(|source| VerifyError::Read {
            path: path.to_owned(),
            source,
        })?;
        let fields = serde_json::from_slice(&bytes).map_err(|source| VerifyError::Json {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(fields, config).map_err(|problem| VerifyError::Field {
            path: path.to_owned(),
            field: problem.field,
            reason: problem.reason,
            hint: problem.hint,
        })
    }

    fn parse(mut fields: Map<String, Value>, config: &DecoderConfig) -> Result<Self, Problem> {
        let reference = Self {
            ids: required(&mut fields, "ids")?,
            logprobs: required(&mut fields, "logprobs")?,
            loss: required(&mut fields, "loss")?,
            grad_norms: field(&mut fields, "grad_norms")?,
        };
        if let Some((name, _)) = fields.iter().next() {
            let reason = format!("unknown field, expected {FIELDS}");
            return Err(problem(name.as_str(), reason, MADE_WRONG));
        }
        check_ids(&reference.ids, config)?;
        check_lengths(&reference)?;
        if let Some(norms) = &reference.grad_norms {
            check_norms(norms, config)?;
        }
        Ok(reference)
    }
}

/// What is wrong, before the file is named.
#[derive(Debug)]
struct Problem {
    field: String,
    reason: String,
    hint: &'static str,
}

fn problem(field: impl Into<String>, reason: impl Into<String>, hint: &'static str) -> Problem {
    Problem {
        field: field.into(),
        reason: reason.into(),
        hint,
    }
}

fn required<T: DeserializeOwned>(
    fields: &mut Map<String, Value>,
    name: &'static str,
) -> Result<T, Problem> {
    field(fields, name)?.ok_or_else(|| problem(name, "missing", MADE_WRONG))
}

fn field<T: DeserializeOwned>(
    fields: &mut Map<String, Value>,
    name: &'static str,
) -> Result<Option<T>, Problem> {
    fields
        .remove(name)
        .map(|value| {
            serde_json::from_value(value)
                .map_err(|error| problem(name, error.to_string(), MADE_WRONG))
        })
        .transpose()
}

fn check_ids(rows: &[Vec<u32>], config: &DecoderConfig) -> Result<(), Problem> {
    if rows.is_empty() {
        return Err(problem("ids", "no list, expected at least one", MADE_WRONG));
    }
    let longest = config.max_position_embeddings;
    for (row, ids) in rows.iter().enumerate() {
        let field = format!("ids[{row}]");
        if ids.len() < 2 {
            let reason = format!(
                "has `{}` ids, expected at least `2`: the first one has no log-probability",
                ids.len()
            );
            return Err(problem(field, reason, "leave the list out"));
        }
        if ids.len() > longest {
            let reason = format!(
                "has `{}` ids, but `max_position_embeddings` is `{longest}`",
                ids.len()
            );
            return Err(problem(
                field,
                reason,
                "cut the list into pieces within the model's context",
            ));
        }
        if let Some(at) = ids.iter().position(|id| *id as usize >= config.vocab_size) {
            let reason = format!(
                "id `{}` is outside the vocabulary: `vocab_size` is `{}`",
                ids[at], config.vocab_size
            );
            return Err(problem(format!("{field}[{at}]"), reason, OTHER_MODEL));
        }
    }
    Ok(())
}

fn check_lengths(reference: &Reference) -> Result<(), Problem> {
    let (rows, scored) = (reference.ids.len(), reference.logprobs.len());
    if rows != scored {
        let reason = format!("has `{scored}` lists, expected `{rows}` as in `ids`");
        return Err(problem("logprobs", reason, MADE_WRONG));
    }
    let pairs = reference.ids.iter().zip(&reference.logprobs);
    for (row, (ids, logprobs)) in pairs.enumerate() {
        let (expected, got) = (ids.len() - 1, logprobs.len());
        if expected != got {
            let reason = format!(
                "has `{got}` numbers, expected `{expected}`: one for each id of `ids[{row}]` but the first"
            );
            return Err(problem(format!("logprobs[{row}]"), reason, MADE_WRONG));
        }
    }
    Ok(())
}

fn check_norms(norms: &BTreeMap<String, f64>, config: &DecoderConfig) -> Result<(), Problem> {
    let table = ParameterTable::new(config);
    let known: BTreeSet<&str> = table
        .parameters()
        .iter()
        .map(|parameter| parameter.name.as_str())
        .collect();
    let in_field = |name: &str| format!("grad_norms.{name}");
    for (name, norm) in norms {
        if !known.contains(name.as_str()) {
            let reason = format!(
                "a `{}` model of this config has no such tensor",
                config.model_type.name()
            );
            let hint = "give published names; a head that is tied to the embedding counts as the embedding";
            return Err(problem(in_field(name), reason, hint));
        }
        // Above that, no sum of squares of f32 numbers could have been it, and every bound that follows from it is moot.
        if !(0.0..=f64::from(f32::MAX)).contains(norm) {
            let reason = format!("`{norm}` is no norm, expected a finite number from 0 on");
            return Err(problem(in_field(name), reason, MADE_WRONG));
        }
    }
    match known.iter().find(|name| !norms.contains_key(**name)) {
        Some(name) => Err(problem(
            in_field(name),
            "missing: each tensor of the model needs its norm",
            "add it, or leave `grad_norms` out as a whole",
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config() -> DecoderConfig {
        let keys = json!({"model_type": "llama", "vocab_size": 9, "hidden_size": 4, "intermediate_size": 4,
            "num_attention_heads": 2, "num_hidden_layers": 1, "max_position_embeddings": 5, "rms_norm_eps": 1e-5,
            "tie_word_embeddings": true});
        DecoderConfig::resolve(&serde_json::from_value(keys).expect("a config"))
            .expect("a llama config")
    }

    fn good() -> Value {
        let table = ParameterTable::new(&config());
        let norms: Map<String, Value> = table
            .parameters()
            .iter()
            .map(|parameter| (parameter.name.clone(), json!(0.5)))
            .collect();
        json!({"ids": [[1, 2, 3], [8, 0]], "logprobs": [[-1.5, -2], [-0.25]], "loss": 1.25, "grad_norms": norms})
    }

    fn read(content: impl AsRef<[u8]>) -> Result<Reference, VerifyError> {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("r.json");
        fs::write(&path, content).expect("a file");
        Reference::read(&path, &config())
    }

    fn check(change: impl FnOnce(&mut Map<String, Value>), field: &str, reason: &str) {
        let mut content = good();
        change(content.as_object_mut().expect("an object"));
        let error = read(content.to_string()).expect_err(field);
        assert!(error.hint().is_some());
        match error {
            VerifyError::Field {
                path,
                field: got,
                reason: why,
                ..
            } => {
                assert!(path.ends_with("r.json"));
                assert_eq!(got, field);
                assert!(why.contains(reason), "{why}");
            }
            other => panic!("{field}: {other:?}"),
        }
    }

    #[test]
    fn a_reference_is_read_with_and_without_norms() {
        let reference = read(good().to_string()).expect("a good file");
        assert_eq!(reference.ids, [vec![1, 2, 3], vec![8, 0]]);
        assert_eq!(reference.logprobs, [vec![-1.5, -2.0], vec![-0.25]]);
        assert_eq!(reference.loss.to_bits(), 1.25f64.to_bits());
        let norms = reference.grad_norms.expect("norms");
        assert_eq!(norms["model.norm.weight"].to_bits(), 0.5f64.to_bits());
        let mut without = good();
        without
            .as_object_mut()
            .expect("an object")
            .remove("grad_norms");
        assert_eq!(
            read(without.to_string()).expect("a good file").grad_norms,
            None
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        check(|f| f["ids"] = json!([]), "ids", "no list");
        check(|f| f["ids"] = json!([[1, 2, 3], [-1, 0]]), "ids", "`-1`");
        check(
            |f| f["ids"] = json!([[1, 2, 3], [8]]),
            "ids[1]",
            "at least `2`",
        );
        check(
            |f| f["ids"] = json!([[1, 2, 3, 4, 5, 6], [8, 0]]),
            "ids[0]",
            "`max_position_embeddings` is `5`",
        );
        check(
            |f| f["ids"] = json!([[1, 2, 3], [8, 9]]),
            "ids[1][1]",
            "id `9` is outside the vocabulary: `vocab_size` is `9`",
        );
        check(
            |f| f["logprobs"] = json!([[-1, -2]]),
            "logprobs",
            "has `1` lists, expected `2`",
        );
        check(
            |f| f["logprobs"] = json!([[-1, -2], [-1, -2]]),
            "logprobs[1]",
            "has `2` numbers, expected `1`",
        );
        check(
            |f| f["logprobs"] = json!([[-1, null], [-1]]),
            "logprobs",
            "invalid type: null",
        );
        check(|f| f["loss"] = json!("1.5"), "loss", "invalid type: string");
        check(|f| drop(f.remove("loss")), "loss", "missing");
        check(
            |f| drop(f.insert("grad_norm".to_owned(), json!({}))),
            "grad_norm",
            "unknown field",
        );
        check(
            |f| f["grad_norms"]["lm_head.weight"] = json!(1),
            "grad_norms.lm_head.weight",
            "no such tensor",
        );
        check(
            |f| {
                drop(
                    f["grad_norms"]
                        .as_object_mut()
                        .and_then(|n| n.remove("model.norm.weight")),
                );
            },
            "grad_norms.model.norm.weight",
            "missing",
        );
        for norm in [-0.5, 1e300] {
            check(
                |f| f["grad_norms"]["model.norm.weight"] = json!(norm),
                "grad_norms.model.norm.weight",
                "is no norm",
            );
        }
        for text in ["", "[1]", "{\"ids\": [[1, 2]]", "{\"loss\": NaN}"] {
            let error = read(text).expect_err(text);
            assert!(matches!(error, VerifyError::Json { .. }), "{error:?}");
        }
        let nowhere = Reference::read(Path::new("nowhere.json"), &config());
        assert!(matches!(nowhere, Err(VerifyError::Read { .. })));
    }
}
