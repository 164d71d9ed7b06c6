//! The keys that hold the tokenizer. They are the whole of it: llama.cpp knows neither normalizers nor post-processors.

use std::collections::BTreeSet;

use jikji_checkpoint::gguf::{GgufArray, GgufValue};
use jikji_tokenizer::Tokenizer;
use serde_json::Value;

use super::pre_tokenizer::pre_tokenizer;
use super::{Keys, no_form};
use crate::error::InteropError;
use crate::published_config::ControlIds;

pub(super) struct Vocabulary {
    pub(super) keys: Keys,
    pub(super) warnings: Vec<String>,
}

/// llama.cpp's kinds of tokens.
const NORMAL: i32 = 1;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;
const UNUSED: i32 = 5;

/// What stands in a file without a tokenizer.
pub(super) fn none() -> (String, GgufValue) {
    (
        "tokenizer.ggml.model".to_owned(),
        GgufValue::Text("none".to_owned()),
    )
}

/// The keys of a byte-level tokenizer for an embedding of `rows` rows.
///
/// # Errors
/// A part of the tokenizer that llama.cpp has no form for.
pub(super) fn vocabulary(
    tokenizer: &Tokenizer,
    control: &ControlIds,
    rows: usize,
) -> Result<Vocabulary, InteropError> {
    let document = tokenizer.to_json()?;
    let part = |name: &str| document.get(name).unwrap_or(&Value::Null);
    let model = part("model");
    check_model(model)?;
    let mut warnings: Vec<String> = normalizer_warning(part("normalizer"))?
        .into_iter()
        .collect();
    let ignore_merges = model.get("ignore_merges") == Some(&Value::Bool(true));
    let pre = pre_tokenizer(part("pre_tokenizer"), ignore_merges)?;
    warnings.extend(pre.difference.map(str::to_owned));
    let (tokens, kinds) = tokens(&document, rows)?;
    let (add_bos, add_eos) = added_around(tokenizer)?;
    // llama.cpp would stop at token 11 otherwise.
    let eos = control.eos.as_ref().and_then(|ids| ids.as_slice().first());
    let Some(&eos) = eos else {
        let reason = "llama.cpp needs a token that ends a text";
        return Err(no_form("eos_token", reason));
    };
    if let Some(added) = list(&document, "added_tokens")
        .iter()
        .find(|token| strips(token))
    {
        let content = added
            .get("content")
            .and_then(Value::as_str)
            .unwrap_or_default();
        warnings.push(format!(
            "llama.cpp takes token `{content}` without regard to its `lstrip`, `rstrip` or `single_word`"
        ));
    }

    let mut keys = Keys::new();
    let mut put = |key: &str, value| keys.push((format!("tokenizer.{key}"), value));
    put("ggml.model", GgufValue::Text("gpt2".to_owned()));
    put("ggml.pre", GgufValue::Text(pre.name.to_owned()));
    put("ggml.tokens", GgufValue::Array(GgufArray::Text(tokens)));
    put("ggml.token_type", GgufValue::Array(GgufArray::I32(kinds)));
    put(
        "ggml.merges",
        GgufValue::Array(GgufArray::Text(merges(model)?)),
    );
    let ids = [
        ("ggml.bos_token_id", control.bos),
        ("ggml.eos_token_id", Some(eos)),
        ("ggml.padding_token_id", control.pad),
    ];
    for (key, id) in ids {
        if let Some(id) = id {
            put(key, GgufValue::U32(id));
        }
    }
    put("ggml.add_bos_token", GgufValue::Bool(add_bos));
    put("ggml.add_eos_token", GgufValue::Bool(add_eos));
    if let Some(template) = tokenizer.chat_template() {
        put("chat_template", GgufValue::Text(template.to_owned()));
    }
    Ok(Vocabulary { keys, warnings })
}

fn check_model(model: &Value) -> Result<(), InteropError> {
    let is_set = |key: &str| match model.get(key) {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(_) => true,
    };
    if model.get("type").and_then(Value::as_str) != Some("BPE") {
        return Err(no_form("model.type", "only `BPE` is written"));
    }
    let unwritten = [
        (
            "byte_fallback",
            "SentencePiece vocabularies need scores, which the file does not hold",
        ),
        (
            "continuing_subword_prefix",
            "llama.cpp knows no prefix of tokens",
        ),
        ("end_of_word_suffix", "llama.cpp knows no suffix of tokens"),
        ("dropout", "llama.cpp applies every merge"),
    ];
    match unwritten.into_iter().find(|(key, _)| is_set(key)) {
        Some((key, reason)) => Err(no_form(format!("model.{key}"), reason)),
        None => Ok(()),
    }
}

fn normalizer_warning(normalizer: &Value) -> Result<Option<String>, InteropError> {
    let kind = normalizer.get("type").and_then(Value::as_str);
    match kind {
        None if normalizer.is_null() => Ok(None),
        Some(form @ ("NFC" | "NFKC")) => Ok(Some(format!(
            "llama.cpp does not normalize text: give it {form}, or ids differ"
        ))),
        _ => {
            let reason =
                "llama.cpp does not normalize text, and this does more than `NFC` or `NFKC`";
            Err(no_form("normalizer", reason))
        }
    }
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn strips(token: &Value) -> bool {
    let keys = ["lstrip", "rstrip", "single_word"];
    keys.iter()
        .any(|key| token.get(key) == Some(&Value::Bool(true)))
}

/// The spelling and kind of each row of the embedding.
fn tokens(document: &Value, rows: usize) -> Result<(Vec<String>, Vec<i32>), InteropError> {
    let mut spellings = vec![String::new(); rows];
    let mut kinds = vec![UNUSED; rows];
    let mut put = |id: &Value, spelling: &str, kind: i32| {
        let place = id.as_u64().map(|id| id as usize);
        let slots = place.and_then(|id| Some((spellings.get_mut(id)?, kinds.get_mut(id)?)));
        let (slot, kind_slot) =
            slots.ok_or_else(|| no_form("model.vocab", format!("`{spelling}` has no row")))?;
        (*slot, *kind_slot) = (spelling.to_owned(), kind);
        Ok::<(), InteropError>(())
    };
    let vocab = document
        .get("model")
        .and_then(|model| model.get("vocab")?.as_object());
    for (spelling, id) in vocab.into_iter().flatten() {
        put(id, spelling, NORMAL)?;
    }
    for token in list(document, "added_tokens") {
        let spelling = token
            .get("content")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let is_special = token.get("special") == Some(&Value::Bool(true));
        let kind = if is_special { CONTROL } else { USER_DEFINED };
        put(token.get("id").unwrap_or(&Value::Null), spelling, kind)?;
    }
    // Rows without a token need a spelling too, one that no token has.
    let taken: BTreeSet<String> = spellings
        .iter()
        .filter(|text| !text.is_empty())
        .cloned()
        .collect();
    for (id, slot) in spellings
        .iter_mut()
        .enumerate()
        .filter(|(_, slot)| slot.is_empty())
    {
        let mut spelling = format!("[PAD{id}]");
        while taken.contains(&spelling) {
            spelling.push(']');
        }
        *slot = spelling;
    }
    Ok((spellings, kinds))
}

/// Each merge as its two sides with a space between.
fn merges(model: &Value) -> Result<Vec<String>, InteropError> {
    let merge = |merge: &Value| {
        let sides = merge.as_array().map(Vec::as_slice).unwrap_or_default();
        match sides {
            [Value::String(left), Value::String(right)]
                if !left.is_empty() && !left.contains(' ') && !right.contains(' ') =>
            {
                Ok(format!("{left} {right}"))
            }
            _ => Err(no_form(
                "model.merges",
                "a side that is empty or has a space cannot be written",
            )),
        }
    };
    list(model, "merges").iter().map(merge).collect()
}

/// Whether the post-processor puts BOS in front of a text and EOS behind it.
fn added_around(tokenizer: &Tokenizer) -> Result<(bool, bool), InteropError> {
    let text = "a";
    let plain = tokenizer.encode(text)?;
    let whole = tokenizer.encode_with_post_processor(text)?;
    for (bos, eos) in [(false, false), (true, false), (false, true), (true, true)] {
        let around = (
            tokenizer.bos_id().filter(|_| bos),
            tokenizer.eos_id().filter(|_| eos),
        );
        let expected: Vec<u32> = around
            .0
            .into_iter()
            .chain(plain.iter().copied())
            .chain(around.1)
            .collect();
        if (around.0.is_some(), around.1.is_some()) == (bos, eos) && expected == whole {
            return Ok((bos, eos));
        }
    }
    let reason = "llama.cpp adds at most the BOS token in front and the EOS token behind";
    Err(no_form("post_processor", reason))
}
