//! What a `tokenizer.json` must be before the library sees it.
//!
//! The library trusts its input: it copies merges into a buffer sized by the vocabulary, indexes by ids, and compiles any
//! regular expression. Everything here is a limit or a cross-reference that makes those steps safe, with the field named.
//! [`outline`] bounds what a file becomes in memory, [`model`] checks vocabulary and merges, [`components`] the parts around
//! it with the patterns and tables inside these ([`regex`], [`steps`], [`charsmap`]), and [`parts`] tries each of them by itself.

mod charsmap;
mod components;
mod model;
pub(crate) mod outline;
mod parts;
mod regex;
mod steps;

pub(crate) use parts::{check_normalized, culprit};

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::TokenizerError;

/// The longest file that is read; the largest published `tokenizer.json` have about 35 MB.
pub(crate) const MAX_FILE_BYTES: u64 = 256 << 20;

/// The most ids; the largest published vocabularies have about 260,000.
pub(crate) const MAX_VOCAB: usize = 1 << 20;

/// The longest spelling of an added token, in bytes.
const MAX_ADDED_TOKEN_BYTES: usize = 1024;

/// What the checks learned.
pub(crate) struct Facts {
    /// One more than the largest id.
    pub(crate) vocab_size: usize,
    /// Content and id of the added tokens, in file order.
    pub(crate) added_tokens: Vec<(String, u32)>,
}

/// Removes what belongs to one program's run and not to the tokenizer: a file saved with truncation would cut documents.
pub(crate) fn strip_run_settings(document: &mut Value) {
    for name in ["truncation", "padding"] {
        if let Some(value) = document.get_mut(name) {
            *value = Value::Null;
        }
    }
}

/// Checks a whole file.
pub(crate) fn check_document(document: &Value, path: &Path) -> Result<Facts, TokenizerError> {
    let file = File { path };
    let Some(fields) = document.as_object() else {
        return Err(file.error("(whole file)", "an object", document));
    };
    let model = model::check(file, file.required(fields, "model", "model")?)?;
    let added_tokens = check_added_tokens(file, fields.get("added_tokens"), &model)?;
    let largest = added_tokens
        .iter()
        .map(|(_, id)| *id)
        .chain(std::iter::once(model.largest_id))
        .max();
    let vocab_size = largest.map_or(0, |id| id as usize + 1);
    components::check(file, fields, vocab_size)?;
    parts::check(file, fields)?;
    Ok(Facts {
        vocab_size,
        added_tokens,
    })
}

/// The error for a field of `path`, with the value shortened to a line.
pub(crate) fn field_error(path: &Path, field: &str, expected: &str, got: &Value) -> TokenizerError {
    File { path }.error(field, expected, got)
}

fn check_added_tokens(
    file: File<'_>,
    tokens: Option<&Value>,
    model: &model::Model<'_>,
) -> Result<Vec<(String, u32)>, TokenizerError> {
    let tokens = match tokens {
        None => return Ok(Vec::new()),
        Some(Value::Array(tokens)) => tokens,
        Some(other) => return Err(file.error("added_tokens", "a list", other)),
    };
    let mut checked = Vec::with_capacity(tokens.len());
    let mut contents = BTreeMap::new();
    let mut ids = BTreeMap::new();
    for (index, token) in tokens.iter().enumerate() {
        let field = |name: &str| format!("added_tokens[{index}].{name}");
        let Some(fields) = token.as_object() else {
            return Err(file.error(&format!("added_tokens[{index}]"), "an object", token));
        };
        let content = match fields.get("content") {
            Some(Value::String(content))
                if (1..=MAX_ADDED_TOKEN_BYTES).contains(&content.len()) =>
            {
                content
            }
            other => {
                return Err(file.error(
                    &field("content"),
                    "a string of 1 to 1024 bytes",
                    other.unwrap_or(&Value::Null),
                ));
            }
        };
        let value = fields.get("id").unwrap_or(&Value::Null);
        let id = id(value).ok_or_else(|| file.error(&field("id"), "an id below 1048576", value))?;
        for name in ["single_word", "lstrip", "rstrip", "normalized", "special"] {
            let value = file.required(fields, name, &field(name))?;
            if !value.is_boolean() {
                return Err(file.error(&field(name), "true or false", value));
            }
        }
        if let Some(earlier) = contents.insert(content.as_str(), index) {
            let expected = format!("a content that `added_tokens[{earlier}]` does not have");
            return Err(file.error(&field("content"), &expected, &fields["content"]));
        }
        if let Some(earlier) = ids.insert(id, index) {
            let expected = format!("an id that `added_tokens[{earlier}]` does not have");
            return Err(file.error(&field("id"), &expected, value));
        }
        match (model.vocab.get(content.as_str()), model.token_of.get(&id)) {
            (Some(&in_vocab), _) if in_vocab != id => {
                return Err(file.error(
                    &field("id"),
                    &format!("{in_vocab}, as in `model.vocab`"),
                    value,
                ));
            }
            (None, Some(owner)) => {
                let expected = format!(
                    "an id other than that of `{}` in `model.vocab`",
                    shortened(owner)
                );
                return Err(file.error(&field("id"), &expected, value));
            }
            _ => checked.push((content.clone(), id)),
        }
    }
    Ok(checked)
}

/// The file being checked: what every message starts with.
#[derive(Clone, Copy)]
struct File<'a> {
    path: &'a Path,
}

impl File<'_> {
    fn error(self, field: &str, expected: &str, got: &Value) -> TokenizerError {
        let got = match got {
            Value::Null => "nothing".to_owned(),
            Value::Array(items) => format!("a list of {}", items.len()),
            Value::Object(fields) => format!("an object with {} fields", fields.len()),
            Value::String(text) => format!("`{}`", shortened(text)),
            Value::Bool(_) | Value::Number(_) => format!("`{got}`"),
        };
        TokenizerError::Field {
            path: self.path.to_owned(),
            field: field.to_owned(),
            expected: expected.to_owned(),
            got,
        }
    }

    fn required<'v>(
        self,
        fields: &'v serde_json::Map<String, Value>,
        name: &str,
        field: &str,
    ) -> Result<&'v Value, TokenizerError> {
        fields
            .get(name)
            .ok_or_else(|| self.error(field, "a value", &Value::Null))
    }
}

/// A usable id.
fn id(value: &Value) -> Option<u32> {
    let id = value.as_u64()?;
    (id < MAX_VOCAB as u64).then_some(id as u32)
}

fn shortened(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars()
        .take(LONGEST)
        .chain(std::iter::once('…'))
        .collect()
}
