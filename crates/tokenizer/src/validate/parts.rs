//! Each part of a file by itself, so that what the library refuses has a name.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokenizers::{
    DecoderWrapper, NormalizedString, Normalizer, NormalizerWrapper, PostProcessorWrapper,
    PreTokenizedString, PreTokenizer, PreTokenizerWrapper, Tokenizer,
};

use super::{File, shortened};
use crate::TokenizerError;
use crate::guard::guarded;

/// Tries whether the library takes the parts around the model.
pub(super) fn check(file: File<'_>, fields: &Map<String, Value>) -> Result<(), TokenizerError> {
    try_part::<NormalizerWrapper>(file, fields, "normalizer")?;
    try_part::<PreTokenizerWrapper>(file, fields, "pre_tokenizer")?;
    try_part::<PostProcessorWrapper>(file, fields, "post_processor")?;
    try_part::<DecoderWrapper>(file, fields, "decoder")?;
    match fields.get("version") {
        None => Ok(()),
        Some(Value::String(version)) if version == "1.0" => Ok(()),
        Some(other) => Err(file.error("version", "`1.0`", other)),
    }
}

fn try_part<T: DeserializeOwned>(
    file: File<'_>,
    fields: &Map<String, Value>,
    name: &str,
) -> Result<(), TokenizerError> {
    let Some(part) = fields.get(name).filter(|part| !part.is_null()) else {
        return Ok(());
    };
    guarded(|| T::deserialize(part))
        .map(drop)
        .map_err(|reason| {
            let got = Value::from(shortened(&reason));
            file.error(name, "a part that the tokenizer library takes", &got)
        })
}

/// Refuses added tokens that are looked for in normalized text and of which normalizing leaves nothing.
pub(crate) fn check_normalized(
    library: &Tokenizer,
    tokens: &[(String, u32)],
    path: &Path,
) -> Result<(), TokenizerError> {
    let Some(normalizer) = library.get_normalizer() else {
        return Ok(());
    };
    let added = library.get_added_vocabulary().get_added_tokens_decoder();
    for (index, (content, id)) in tokens.iter().enumerate() {
        if !added.get(id).is_some_and(|token| token.normalized) {
            continue;
        }
        let mut text = NormalizedString::from(content.as_str());
        let result = guarded(|| normalizer.normalize(&mut text));
        if result.is_err() || text.get().is_empty() {
            let expected = "a token of which `normalizer` leaves something";
            let field = format!("added_tokens[{index}].content");
            return Err(File { path }.error(&field, expected, &Value::from(content.as_str())));
        }
    }
    Ok(())
}

/// The field of the part that fails on `text`.
pub(crate) fn culprit(library: &Tokenizer, text: &str) -> &'static str {
    let normalizes = library.get_normalizer().is_none_or(|normalizer| {
        guarded(|| normalizer.normalize(&mut NormalizedString::from(text))).is_ok()
    });
    let cuts = library.get_pre_tokenizer().is_none_or(|pre_tokenizer| {
        guarded(|| pre_tokenizer.pre_tokenize(&mut PreTokenizedString::from(text))).is_ok()
    });
    if !normalizes {
        "normalizer"
    } else if !cuts {
        "pre_tokenizer"
    } else if guarded(|| library.encode_fast(text, false)).is_err() {
        "model"
    } else if guarded(|| library.encode_fast(text, true)).is_err() {
        "post_processor"
    } else {
        "decoder"
    }
}
