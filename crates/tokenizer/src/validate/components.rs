//! The parts around the model: normalizer, pre-tokenizer, post-processor, decoder.
//!
//! Known types only (an unknown one makes the library try every type it has), few and shallow, and together unable to blow a
//! text up: some parts lengthen what passes through, and a chain of them multiplies.

use serde_json::{Map, Value};

use super::{File, id, regex};
use crate::TokenizerError;

/// The most parts in one chain, and how deep chains nest; published files have up to five, two deep.
const MAX_PARTS: usize = 32;
const MAX_DEPTH: usize = 4;

/// The most bytes that a chain may make of one byte of text.
const MAX_EXPANSION: usize = 4096;

/// The longest table of a `Precompiled` normalizer, in base64.
const MAX_CHARSMAP_BYTES: usize = 1 << 20;

const NORMALIZERS: &[&str] = &[
    "BertNormalizer",
    "ByteLevel",
    "Lowercase",
    "NFC",
    "NFD",
    "NFKC",
    "NFKD",
    "Nmt",
    "Precompiled",
    "Prepend",
    "Replace",
    "Sequence",
    "Strip",
    "StripAccents",
];
const PRE_TOKENIZERS: &[&str] = &[
    "BertPreTokenizer",
    "ByteLevel",
    "Digits",
    "Metaspace",
    "Punctuation",
    "Sequence",
    "Split",
    "UnicodeScripts",
    "Whitespace",
    "WhitespaceSplit",
];
const POST_PROCESSORS: &[&str] = &[
    "BertProcessing",
    "ByteLevel",
    "RobertaProcessing",
    "Sequence",
    "TemplateProcessing",
];
const DECODERS: &[&str] = &[
    "BPEDecoder",
    "ByteFallback",
    "ByteLevel",
    "Fuse",
    "Metaspace",
    "Replace",
    "Sequence",
    "Strip",
    "WordPiece",
];

pub(super) fn check(
    file: File<'_>,
    fields: &Map<String, Value>,
    vocab_size: usize,
) -> Result<(), TokenizerError> {
    for (name, known, members) in [
        ("normalizer", NORMALIZERS, "normalizers"),
        ("pre_tokenizer", PRE_TOKENIZERS, "pretokenizers"),
        ("post_processor", POST_PROCESSORS, "processors"),
        ("decoder", DECODERS, "decoders"),
    ] {
        let part = fields.get(name).unwrap_or(&Value::Null);
        let mut chain = Chain {
            file,
            known,
            members,
            vocab_size,
            parts: 0,
            expansion: 1,
        };
        if !part.is_null() {
            chain.check(part, name, 0)?;
        }
    }
    Ok(())
}

struct Chain<'a> {
    file: File<'a>,
    known: &'static [&'static str],
    members: &'static str,
    vocab_size: usize,
    parts: usize,
    expansion: usize,
}

impl Chain<'_> {
    fn check(&mut self, part: &Value, field: &str, depth: usize) -> Result<(), TokenizerError> {
        let Some(fields) = part.as_object() else {
            return Err(self.file.error(field, "null or an object", part));
        };
        self.parts += 1;
        if self.parts > MAX_PARTS || depth > MAX_DEPTH {
            return Err(self.file.error(
                field,
                "a chain of at most 32 parts, at most 4 deep",
                part,
            ));
        }
        let kind = fields.get("type").unwrap_or(&Value::Null);
        let Some(kind) = kind.as_str().filter(|kind| self.known.contains(kind)) else {
            let expected = format!("one of {}", self.known.join(", "));
            return Err(self.file.error(&format!("{field}.type"), &expected, kind));
        };
        match kind {
            "Sequence" => {
                let name = format!("{field}.{}", self.members);
                let members = fields.get(self.members).unwrap_or(&Value::Null);
                let Some(members) = members.as_array() else {
                    return Err(self.file.error(&name, "a list", members));
                };
                for (index, member) in members.iter().enumerate() {
                    self.check(member, &format!("{name}[{index}]"), depth + 1)?;
                }
                Ok(())
            }
            "Split" | "Replace" => {
                let content = fields
                    .get("content")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                self.expand(content.len() + 1, part, field)?;
                regex::check_pattern(
                    self.file,
                    fields.get("pattern").unwrap_or(&Value::Null),
                    field,
                )
            }
            "Prepend" => {
                let content = fields
                    .get("prepend")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                self.expand(content.len() + 1, part, field)
            }
            // A byte becomes a character of two; a space becomes `▁` of three; compatibility forms of up to 18 characters.
            "ByteLevel" => self.expand(2, part, field),
            "Metaspace" => self.expand(4, part, field),
            "NFKC" | "NFKD" | "NFC" | "NFD" => {
                self.expand(if self.expansion > 1 { 18 } else { 1 }, part, field)
            }
            "Precompiled" => match fields.get("precompiled_charsmap") {
                Some(Value::String(table)) if table.len() <= MAX_CHARSMAP_BYTES => Ok(()),
                other => {
                    let name = format!("{field}.precompiled_charsmap");
                    Err(self.file.error(
                        &name,
                        "base64 of at most 1 MiB",
                        other.unwrap_or(&Value::Null),
                    ))
                }
            },
            "Strip" => self.check_strip(fields, field),
            "TemplateProcessing" => self.check_template(fields, field),
            "BertProcessing" | "RobertaProcessing" => {
                for name in ["sep", "cls"] {
                    let value = fields.get(name).unwrap_or(&Value::Null);
                    self.check_id(
                        value.get(1).unwrap_or(&Value::Null),
                        &format!("{field}.{name}[1]"),
                    )?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn expand(&mut self, factor: usize, part: &Value, field: &str) -> Result<(), TokenizerError> {
        self.expansion = self.expansion.saturating_mul(factor);
        if self.expansion > MAX_EXPANSION {
            return Err(self.file.error(
                field,
                "a chain that lengthens text by at most 4096",
                part,
            ));
        }
        Ok(())
    }

    /// The decoder of this name counts characters to strip; the normalizer has two switches instead.
    fn check_strip(&self, fields: &Map<String, Value>, field: &str) -> Result<(), TokenizerError> {
        for name in ["start", "stop"] {
            if let Some(value) = fields.get(name)
                && value.as_u64().is_none_or(|count| count > 16)
            {
                return Err(self.file.error(
                    &format!("{field}.{name}"),
                    "a count of at most 16",
                    value,
                ));
            }
        }
        Ok(())
    }

    /// Each special token that a template uses is described, with ids that exist.
    fn check_template(
        &self,
        fields: &Map<String, Value>,
        field: &str,
    ) -> Result<(), TokenizerError> {
        let described = fields.get("special_tokens").unwrap_or(&Value::Null);
        let Some(described) = described.as_object() else {
            return Err(self.file.error(
                &format!("{field}.special_tokens"),
                "an object",
                described,
            ));
        };
        for (token, description) in described {
            let name = format!("{field}.special_tokens[`{}`]", super::shortened(token));
            let list = |key: &str| description.get(key).and_then(Value::as_array);
            let (Some(ids), Some(tokens)) = (list("ids"), list("tokens")) else {
                return Err(self
                    .file
                    .error(&name, "lists `ids` and `tokens`", description));
            };
            if ids.len() != tokens.len() || ids.len() > 64 {
                return Err(self.file.error(
                    &name,
                    "as many ids as tokens, at most 64",
                    description,
                ));
            }
            for value in ids {
                self.check_id(value, &format!("{name}.ids"))?;
            }
        }
        for name in ["single", "pair"] {
            let path = format!("{field}.{name}");
            let pieces = fields.get(name).unwrap_or(&Value::Null);
            let Some(pieces) = pieces.as_array().filter(|pieces| pieces.len() <= 64) else {
                return Err(self
                    .file
                    .error(&path, "a list of at most 64 pieces", pieces));
            };
            let mut has_text = false;
            for piece in pieces {
                let sequence = piece.pointer("/Sequence/id").and_then(Value::as_str);
                has_text |= sequence == Some("A");
                if name == "single" && sequence == Some("B") {
                    return Err(self.file.error(&path, "pieces of one text", piece));
                }
                if let Some(token) = piece.pointer("/SpecialToken/id")
                    && !token
                        .as_str()
                        .is_some_and(|token| described.contains_key(token))
                {
                    return Err(self.file.error(
                        &path,
                        "tokens that `special_tokens` describes",
                        token,
                    ));
                }
            }
            if name == "single" && !has_text {
                return Err(self.file.error(
                    &path,
                    "a template with the text in it",
                    &fields[name],
                ));
            }
        }
        Ok(())
    }

    fn check_id(&self, value: &Value, field: &str) -> Result<(), TokenizerError> {
        match id(value) {
            Some(id) if (id as usize) < self.vocab_size => Ok(()),
            _ => Err(self
                .file
                .error(field, &format!("an id below {}", self.vocab_size), value)),
        }
    }
}
