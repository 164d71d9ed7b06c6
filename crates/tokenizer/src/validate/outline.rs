//! A JSON file on its way into memory: refused while it is still only text, where it holds what no tokenizer does.
//!
//! A byte of JSON can take a hundred bytes as a value (`[{},{},{}`), so a file's length says little about what reading it
//! costs. Vocabulary, merges and added tokens may be long, in their usual forms; everything else shares a small allowance.
//! What the entries mean is checked later, on the values.

use std::fmt;
use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::{File, MAX_VOCAB, shortened};
use crate::TokenizerError;

/// The longest string, in bytes of the file: the table of a `Precompiled` normalizer in base64, or a long template.
const MAX_STRING_BYTES: usize = 2 << 20;

/// The longest number.
const MAX_NUMBER_BYTES: usize = 400;

/// Values outside of vocabulary, merges and added tokens; published files have some hundred. A value takes up to 500 bytes.
const MAX_OTHER_VALUES: usize = 50_000;

/// Merges and added tokens; the published files with most have 515,000 and 29,000.
const MAX_MERGES: usize = 1 << 20;
const MAX_ADDED_TOKENS: usize = 1 << 17;

/// Reads a `tokenizer.json`.
pub(crate) fn read_tokenizer(text: &str, path: &Path) -> Result<Value, TokenizerError> {
    read(text, path, Place::File)
}

/// Reads the fields of an object that are in `wanted`, and nothing of the others but their end.
pub(crate) fn read_fields(
    text: &str,
    path: &Path,
    wanted: &'static [&'static str],
) -> Result<Value, TokenizerError> {
    read(text, path, Place::Fields(wanted))
}

fn read(text: &str, path: &Path, place: Place) -> Result<Value, TokenizerError> {
    check_lengths(text, path)?;
    let mut reader = Reader {
        others: MAX_OTHER_VALUES,
        refused: None,
    };
    let mut json = serde_json::Deserializer::from_str(text);
    let result = Seed {
        reader: &mut reader,
        place,
    }
    .deserialize(&mut json)
    .and_then(|value| json.end().map(|()| value));
    match (result, reader.refused) {
        (_, Some((field, expected, got))) => Err(File { path }.error(&field, &expected, &got)),
        (Ok(value), None) => Ok(value),
        (Err(source), None) => Err(TokenizerError::Json {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Refuses strings and numbers that the parser would copy before anybody sees them.
fn check_lengths(text: &str, path: &Path) -> Result<(), TokenizerError> {
    let bytes = text.as_bytes();
    let refuse = |at: usize, expected: &str, length: usize| {
        let got = Value::from(format!("{length} bytes and more"));
        Err(File { path }.error(&format!("(byte {at})"), expected, &got))
    };
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        at += 1;
        if byte == b'"' {
            while let Some(&byte) = bytes.get(at) {
                at += 1 + usize::from(byte == b'\\');
                if byte == b'"' {
                    break;
                }
            }
            if at - start > MAX_STRING_BYTES {
                return refuse(start, "a string of at most 2 MiB", MAX_STRING_BYTES);
            }
        } else if byte.is_ascii_digit() {
            while bytes.get(at).is_some_and(u8::is_ascii_digit) {
                at += 1;
            }
            if at - start > MAX_NUMBER_BYTES {
                return refuse(start, "a number of at most 400 digits", MAX_NUMBER_BYTES);
            }
        }
    }
    Ok(())
}

/// What is being read.
#[derive(Debug, Clone, Copy)]
enum Place {
    File,
    /// The object of which only some fields matter.
    Fields(&'static [&'static str]),
    Model,
    Vocab,
    /// A token with its score, where the vocabulary is a list.
    Scored,
    Merges,
    Merge,
    AddedTokens,
    AddedToken,
    Other,
}

impl Place {
    /// Where the value of `name` is; nothing if it does not matter.
    fn of_field(self, name: &str) -> Option<Self> {
        Some(match (self, name) {
            (Self::File, "model") => Self::Model,
            (Self::File, "added_tokens") => Self::AddedTokens,
            // Belong to one program's run and are not read.
            (Self::File, "truncation" | "padding") => return None,
            (Self::Fields(wanted), name) if !wanted.contains(&name) => return None,
            (Self::Model, "vocab") => Self::Vocab,
            (Self::Model, "merges") => Self::Merges,
            (Self::Vocab | Self::AddedToken, _) => self,
            _ => Self::Other,
        })
    }

    /// Where the entries of a list are, and how many there may be.
    fn of_items(self) -> (Self, &'static str, usize) {
        match self {
            Self::Merges => (Self::Merge, "model.merges", MAX_MERGES),
            Self::AddedTokens => (Self::AddedToken, "added_tokens", MAX_ADDED_TOKENS),
            Self::Vocab => (Self::Scored, "model.vocab", MAX_VOCAB),
            Self::Merge | Self::Scored => (self, "", 2),
            _ => (Self::Other, "", usize::MAX),
        }
    }
}

struct Reader {
    /// What is left of the allowance.
    others: usize,
    /// Field, expected and got of what was refused.
    refused: Option<(String, String, Value)>,
}

impl Reader {
    fn refuse<E: serde::de::Error>(&mut self, field: &str, expected: &str, got: Value) -> E {
        self.refused = Some((field.to_owned(), expected.to_owned(), got));
        E::custom("refused")
    }

    /// Takes a value out of the allowance.
    fn other<E: serde::de::Error>(&mut self) -> Result<(), E> {
        match self.others.checked_sub(1) {
            Some(left) => {
                self.others = left;
                Ok(())
            }
            None => Err(E::custom(format!(
                "more than {MAX_OTHER_VALUES} values that are no tokens and no merges"
            ))),
        }
    }
}

struct Seed<'a> {
    reader: &'a mut Reader,
    place: Place,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Seed<'_> {
    /// Pays for a value that is not one of many of its kind.
    fn pay<E: serde::de::Error>(self, usual: bool, value: Value) -> Result<Value, E> {
        if !usual {
            self.reader.other()?;
        }
        Ok(value)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Value, E> {
        let usual = matches!(self.place, Place::AddedToken);
        self.pay(usual, Value::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        let usual = matches!(self.place, Place::Scored);
        self.pay(usual, value.into())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        let usual = matches!(self.place, Place::Vocab | Place::Scored | Place::AddedToken);
        self.pay(usual, value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        let usual = matches!(self.place, Place::Scored);
        self.pay(
            usual,
            Number::from_f64(value).map_or(Value::Null, Value::Number),
        )
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E: serde::de::Error>(self, value: String) -> Result<Value, E> {
        let usual = matches!(self.place, Place::Merge | Place::Scored | Place::AddedToken);
        self.pay(usual, Value::String(value))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        self.pay(false, Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let (place, field, most) = self.place.of_items();
        let is_pair = matches!(self.place, Place::Merge | Place::Scored);
        if !is_pair {
            self.reader.other()?;
        }
        let mut items = Vec::new();
        loop {
            let entry = Seed {
                reader: &mut *self.reader,
                // A longer one is paid for, and refused when merges or tokens are checked.
                place: if is_pair && items.len() >= 2 {
                    Place::Other
                } else {
                    place
                },
            };
            let Some(item) = list.next_element_seed(entry)? else {
                break;
            };
            if items.len() == most && most > 2 {
                let expected = format!("at most {most} entries");
                return Err(self.reader.refuse(
                    field,
                    &expected,
                    Value::from(format!("{most} and more")),
                ));
            }
            items.push(item);
        }
        if is_pair {
            items.shrink_to_fit();
            if items.len() != 2 {
                self.reader.other()?;
            }
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let is_vocab = matches!(self.place, Place::Vocab);
        if !matches!(self.place, Place::AddedToken) {
            self.reader.other()?;
        }
        let mut fields = Map::new();
        while let Some(name) = object.next_key::<String>()? {
            let Some(place) = self.place.of_field(&name) else {
                object.next_value::<IgnoredAny>()?;
                continue;
            };
            if is_vocab && fields.contains_key(&name) {
                let field = format!("model.vocab[`{}`]", shortened(&name));
                let got = Value::from("a second one");
                return Err(self.reader.refuse(&field, "one entry of this name", got));
            }
            if is_vocab && fields.len() == MAX_VOCAB {
                let expected = format!("at most {MAX_VOCAB} tokens");
                let got = Value::from(format!("{MAX_VOCAB} and more"));
                return Err(self.reader.refuse("model.vocab", &expected, got));
            }
            if matches!(self.place, Place::AddedToken) && fields.len() >= 8 {
                self.reader.other()?;
            }
            let value = object.next_value_seed(Seed {
                reader: &mut *self.reader,
                place,
            })?;
            fields.insert(name, value);
        }
        if matches!(self.place, Place::AddedToken) && fields.len() < 7 {
            self.reader.other()?;
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Value, TokenizerError> {
        read_tokenizer(text, Path::new("t.json"))
    }

    #[test]
    fn what_is_read_is_what_stands_there() {
        let text = r#"{"a":[1,-2,2.5,"x",null,true,{"b":{}}],"model":{"vocab":{"a":0},"merges":[["a","b"],"a b",[1],["a","b","c"]]},
            "added_tokens":[{"id":3,"content":"c"}]}"#;
        assert_eq!(
            read(text).unwrap(),
            serde_json::from_str::<Value>(text).unwrap()
        );
        let fields = read_fields(
            r#"{"a":1,"b":[[[]]],"c":{"d":2}}"#,
            Path::new("c.json"),
            &["a", "c"],
        );
        assert_eq!(fields.unwrap().to_string(), r#"{"a":1,"c":{"d":2}}"#);
    }

    #[test]
    fn a_list_of_tokens_with_scores_may_be_long() {
        let entry = "[\"ab\",-1.5]";
        let text = format!(
            "{{\"model\":{{\"vocab\":[{entry}{}]}}}}",
            format!(",{entry}").repeat(100_000)
        );
        assert_eq!(
            read(&text).unwrap()["model"]["vocab"]
                .as_array()
                .unwrap()
                .len(),
            100_001
        );
    }

    #[test]
    fn amplification_is_refused() {
        let many = |entry: &str| format!("[{entry}{}]", format!(",{entry}").repeat(60_000));
        for text in [
            many("0"),
            format!("{{\"a\":{}}}", many("{}")),
            format!("{{\"model\":{{\"vocab\":{}}}}}", many("[]")),
            format!("{{\"model\":{{\"merges\":{}}}}}", many("[]")),
            format!("{{\"model\":{{\"merges\":{}}}}}", many("{}")),
            format!("{{\"added_tokens\":{}}}", many("{}")),
        ] {
            assert!(
                matches!(read(&text), Err(TokenizerError::Json { .. })),
                "{}",
                &text[..40]
            );
        }
        let error = read(r#"{"model":{"vocab":{"a":0,"a":1}}}"#).unwrap_err();
        insta::assert_snapshot!(error, @"`t.json`, field `model.vocab[`a`]`: expected one entry of this name, got `a second one`");
        let error = read(&format!("[{}]", "1".repeat(1000))).unwrap_err();
        insta::assert_snapshot!(error, @"`t.json`, field `(byte 1)`: expected a number of at most 400 digits, got `400 bytes and more`");
    }
}
