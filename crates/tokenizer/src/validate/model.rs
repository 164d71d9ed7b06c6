//! Vocabulary and merges: ids unique, each merge made of entries that exist into one that exists.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{File, MAX_VOCAB, id, shortened};
use crate::TokenizerError;

/// The longest token in bytes; published ones stay below 1,000 (runs of blanks).
const MAX_TOKEN_BYTES: usize = 4096;

/// All tokens of a unigram vocabulary; the largest published ones have about 2 MB.
const MAX_UNIGRAM_BYTES: usize = 8 << 20;

/// A vocabulary that passed.
pub(super) struct Model<'a> {
    pub(super) vocab: HashMap<&'a str, u32>,
    pub(super) token_of: HashMap<u32, &'a str>,
    pub(super) largest_id: u32,
}

pub(super) fn check<'a>(file: File<'_>, model: &'a Value) -> Result<Model<'a>, TokenizerError> {
    let Some(fields) = model.as_object() else {
        return Err(file.error("model", "an object", model));
    };
    let kind = fields.get("type").unwrap_or(&Value::Null);
    match kind.as_str() {
        Some("BPE") => check_bpe(file, fields),
        Some("Unigram") => check_unigram(file, fields),
        _ => Err(file.error("model.type", "`BPE` or `Unigram`", kind)),
    }
}

fn check_bpe<'a>(
    file: File<'_>,
    fields: &'a Map<String, Value>,
) -> Result<Model<'a>, TokenizerError> {
    let prefix = check_switches(file, fields)?;
    let model = check_vocab(file, file.required(fields, "vocab", "model.vocab")?)?;
    if let Some(value @ Value::String(token)) = fields.get("unk_token")
        && !model.vocab.contains_key(token.as_str())
    {
        return Err(file.error("model.unk_token", "an entry of `model.vocab`", value));
    }
    check_merges(
        file,
        file.required(fields, "merges", "model.merges")?,
        &model.vocab,
        prefix,
    )?;
    Ok(model)
}

/// Ids are places in the list. The library keeps a node for each byte of the tokens.
fn check_unigram<'a>(
    file: File<'_>,
    fields: &'a Map<String, Value>,
) -> Result<Model<'a>, TokenizerError> {
    let vocab = file.required(fields, "vocab", "model.vocab")?;
    let entries = match vocab {
        Value::Array(entries) if (1..=MAX_VOCAB).contains(&entries.len()) => entries,
        other => return Err(file.error("model.vocab", "a list of 1 to 1048576 tokens", other)),
    };
    match fields.get("byte_fallback") {
        None | Some(Value::Bool(_)) => {}
        Some(other) => return Err(file.error("model.byte_fallback", "true or false", other)),
    }
    match fields.get("unk_id") {
        None | Some(Value::Null) => {}
        Some(id) if id.as_u64().is_some_and(|id| id < entries.len() as u64) => {}
        Some(other) => {
            return Err(file.error("model.unk_id", "null or a place in `model.vocab`", other));
        }
    }
    let mut model = Model {
        vocab: HashMap::with_capacity(entries.len()),
        token_of: HashMap::with_capacity(entries.len()),
        largest_id: entries.len() as u32 - 1,
    };
    let mut bytes = 0;
    for (entry, id) in entries.iter().zip(0..) {
        let field = || format!("model.vocab[{id}]");
        let parts = entry.as_array().map(Vec::as_slice);
        let Some([Value::String(token), Value::Number(_)]) = parts else {
            return Err(file.error(&field(), "a token and its score", entry));
        };
        bytes += token.len();
        if token.len() > MAX_TOKEN_BYTES || bytes > MAX_UNIGRAM_BYTES {
            let expected = "tokens of at most 4096 bytes, of 8388608 bytes in all";
            return Err(file.error(&field(), expected, &Value::from(token.len())));
        }
        if let Some(other) = model.vocab.insert(token, id) {
            let expected = format!("a token that `model.vocab[{other}]` is not");
            return Err(file.error(&field(), &expected, &entry[0]));
        }
        model.token_of.insert(id, token);
    }
    Ok(model)
}

/// The small settings; gives the prefix that continuing tokens carry, which merges drop.
fn check_switches<'a>(
    file: File<'_>,
    fields: &'a Map<String, Value>,
) -> Result<&'a str, TokenizerError> {
    // Merges dropped at random would make one text encode differently each time.
    match fields.get("dropout") {
        None | Some(Value::Null) => {}
        Some(dropout) if dropout.as_f64() == Some(0.0) => {}
        Some(dropout) => return Err(file.error("model.dropout", "null or 0", dropout)),
    }
    for name in ["fuse_unk", "byte_fallback", "ignore_merges"] {
        match fields.get(name) {
            None | Some(Value::Null | Value::Bool(_)) => {}
            Some(other) => {
                return Err(file.error(&format!("model.{name}"), "true or false", other));
            }
        }
    }
    for name in [
        "unk_token",
        "continuing_subword_prefix",
        "end_of_word_suffix",
    ] {
        match fields.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if text.len() <= MAX_TOKEN_BYTES => {}
            Some(other) => {
                return Err(file.error(&format!("model.{name}"), "null or a short string", other));
            }
        }
    }
    Ok(fields
        .get("continuing_subword_prefix")
        .and_then(Value::as_str)
        .unwrap_or_default())
}

fn check_vocab<'a>(file: File<'_>, vocab: &'a Value) -> Result<Model<'a>, TokenizerError> {
    let entries = match vocab {
        Value::Object(entries) if !entries.is_empty() => entries,
        other => return Err(file.error("model.vocab", "an object with at least one token", other)),
    };
    let mut model = Model {
        vocab: HashMap::with_capacity(entries.len()),
        token_of: HashMap::with_capacity(entries.len()),
        largest_id: 0,
    };
    for (token, value) in entries {
        let field = || format!("model.vocab[`{}`]", shortened(token));
        if token.len() > MAX_TOKEN_BYTES {
            return Err(file.error(
                &field(),
                "a token of at most 4096 bytes",
                &Value::from(token.len()),
            ));
        }
        let id = id(value).ok_or_else(|| file.error(&field(), "an id below 1048576", value))?;
        if let Some(other) = model.token_of.insert(id, token) {
            return Err(file.error(
                &field(),
                &format!("an id that `{}` does not have", shortened(other)),
                value,
            ));
        }
        model.vocab.insert(token, id);
        model.largest_id = model.largest_id.max(id);
    }
    Ok(model)
}

fn check_merges(
    file: File<'_>,
    merges: &Value,
    vocab: &HashMap<&str, u32>,
    prefix: &str,
) -> Result<(), TokenizerError> {
    let Some(merges) = merges.as_array() else {
        return Err(file.error("model.merges", "a list", merges));
    };
    let first_is_list = merges.first().is_some_and(Value::is_array);
    let mut joined = String::new();
    for (index, merge) in merges.iter().enumerate() {
        let field = || format!("model.merges[{index}]");
        let pair = match merge {
            Value::Array(pair) if first_is_list => match &pair[..] {
                [Value::String(left), Value::String(right)] => {
                    Some((left.as_str(), right.as_str()))
                }
                _ => None,
            },
            // The older form; a token with a space in it cannot be written this way.
            Value::String(pair) if !first_is_list && !pair.starts_with("#version") => pair
                .split_once(' ')
                .filter(|(_, right)| !right.contains(' ')),
            _ => None,
        };
        let Some((left, right)) = pair else {
            return Err(file.error(
                &field(),
                "two tokens, written as all other merges are",
                merge,
            ));
        };
        for token in [left, right] {
            if token.is_empty() || !vocab.contains_key(token) {
                return Err(file.error(
                    &field(),
                    "two entries of `model.vocab`",
                    &Value::from(token),
                ));
            }
        }
        // The library cuts the prefix's length off blindly, so it has to be there.
        let Some(continued) = right.strip_prefix(prefix) else {
            let expected = format!("a second token that starts with `{}`", shortened(prefix));
            return Err(file.error(&field(), &expected, &Value::from(right)));
        };
        joined.clear();
        joined.push_str(left);
        joined.push_str(continued);
        if !vocab.contains_key(joined.as_str()) {
            return Err(file.error(
                &field(),
                "two tokens whose union is in `model.vocab`",
                &Value::from(joined),
            ));
        }
    }
    Ok(())
}
