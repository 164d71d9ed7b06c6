//! The parts around the model: normalizer, pre-tokenizer, post-processor, decoder.
//!
//! Known types only (an unknown one makes the library try every type it has), few and shallow, and together unable to blow a
//! text up: some parts lengthen what passes through, and a chain of them multiplies.

use serde_json::{Map, Value};

use super::{File, charsmap, id, regex};
use crate::TokenizerError;

/// The most parts in one chain, and how deep chains nest; published files have up to five, two deep.
const MAX_PARTS: usize = 32;
const MAX_DEPTH: usize = 4;

/// The most bytes that a chain may make of one byte of text; the library keeps forty bytes for each of them.
const MAX_EXPANSION: usize = 64;

/// The most bytes of all patterns of a chain: each of them costs time on each text.
const MAX_PATTERN_BYTES: usize = 4096;

/// The longest text that is put in front of each text, in bytes.
const MAX_PREPENDED_BYTES: usize = 64;

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
            has_template: false,
            pattern_bytes: 0,
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
    has_template: bool,
    pattern_bytes: usize,
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
                let pattern = fields.get("pattern").unwrap_or(&Value::Null);
                regex::check_pattern(self.file, pattern, field)?;
                self.pattern_bytes += regex::length(pattern);
                if self.pattern_bytes > MAX_PATTERN_BYTES {
                    let expected = "a chain whose patterns have 4096 bytes together";
                    return Err(self.file.error(field, expected, part));
                }
                let content = fields
                    .get("content")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                let literal = pattern.get("String").and_then(Value::as_str);
                self.expand(
                    match literal {
                        Some(literal) => content.len().div_ceil(literal.len().max(1)).max(1),
                        // May match between any two characters.
                        None => content.len() + 1,
                    },
                    part,
                    field,
                )
            }
            "Prepend" => match fields.get("prepend") {
                Some(Value::String(text)) if text.len() <= MAX_PREPENDED_BYTES => Ok(()),
                other => Err(self.file.error(
                    &format!("{field}.prepend"),
                    "a string of at most 64 bytes",
                    other.unwrap_or(&Value::Null),
                )),
            },
            // A byte becomes a character of two; a space becomes `▁` of three; U+FDFA of three bytes has 33 as compatible.
            "ByteLevel" | "Lowercase" | "BertNormalizer" => self.expand(2, part, field),
            "Metaspace" | "NFC" | "NFD" => self.expand(3, part, field),
            "NFKC" | "NFKD" => self.expand(11, part, field),
            "Precompiled" => {
                let table = fields.get("precompiled_charsmap").unwrap_or(&Value::Null);
                let name = format!("{field}.precompiled_charsmap");
                charsmap::check(self.file, table, &name)?;
                self.expand(charsmap::MAX_EXPANSION, part, field)
            }
            "Strip" => self.check_strip(fields, field),
            "TemplateProcessing" => {
                self.adds_tokens(part, field)?;
                self.check_template(fields, field)
            }
            "BertProcessing" | "RobertaProcessing" => {
                self.adds_tokens(part, field)?;
                // Without its switches the library takes the one for the other.
                for name in ["trim_offsets", "add_prefix_space"] {
                    let value = fields.get(name).unwrap_or(&Value::Null);
                    if kind == "RobertaProcessing" && !value.is_boolean() {
                        let name = format!("{field}.{name}");
                        return Err(self.file.error(&name, "true or false", value));
                    }
                }
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

    /// Each part that adds tokens makes several pieces of one text, which a second one does not understand.
    fn adds_tokens(&mut self, part: &Value, field: &str) -> Result<(), TokenizerError> {
        if std::mem::replace(&mut self.has_template, true) {
            let expected = "a chain with one part that adds tokens";
            return Err(self.file.error(field, expected, part));
        }
        Ok(())
    }

    fn expand(&mut self, factor: usize, part: &Value, field: &str) -> Result<(), TokenizerError> {
        self.expansion = self.expansion.saturating_mul(factor);
        if self.expansion > MAX_EXPANSION {
            return Err(self
                .file
                .error(field, "a chain that lengthens text by at most 64", part));
        }
        Ok(())
    }

    /// The decoder of this name counts characters to strip; the normalizer has two switches instead. The library cannot strip
    /// the end of a token that is shorter than the count, and any may be empty.
    fn check_strip(&self, fields: &Map<String, Value>, field: &str) -> Result<(), TokenizerError> {
        for (name, most, expected) in [
            ("start", 16, "a count of at most 16"),
            ("stop", 0, "a count of 0"),
        ] {
            if let Some(value) = fields.get(name)
                && value.as_u64().is_none_or(|count| count > most)
            {
                return Err(self.file.error(&format!("{field}.{name}"), expected, value));
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
            let mut texts = 0;
            for piece in pieces {
                let sequence = piece.pointer("/Sequence/id").and_then(Value::as_str);
                texts += usize::from(sequence == Some("A"));
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
            if name == "single" && texts != 1 {
                return Err(self.file.error(
                    &path,
                    "a template with the text in it, once",
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
