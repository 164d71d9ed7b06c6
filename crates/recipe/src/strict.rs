//! Reading a TOML value into a type so that a refusal says which key, what was expected and what stands there.
//!
//! serde's errors are text once a format has made them. This deserializer keeps their parts, and the path of keys that led
//! to each.

use std::fmt;

use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, Visitor,
};
use toml::Value;

/// Why a value was refused, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Keys and indices from the top.
    pub(crate) path: Vec<String>,
    pub(crate) complaint: Complaint,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Complaint {
    /// The last key of the path means nothing there.
    Unknown { known: Vec<&'static str> },
    /// The last key of the path is required.
    Missing,
    /// Another kind of value, or a value out of range.
    Value { expected: String, got: String },
    /// None of the words that may stand there.
    Choice {
        got: String,
        known: Vec<&'static str>,
    },
    /// Anything else a type may say.
    Other(String),
}

/// Reads `value` as a `T`.
pub(crate) fn read<T: DeserializeOwned>(value: &Value) -> Result<T, Refusal> {
    T::deserialize(Strict(value.clone())).map_err(|refusal| refusal.pinned(value))
}

impl Refusal {
    fn new(complaint: Complaint) -> Self {
        Self {
            path: Vec::new(),
            complaint,
        }
    }

    /// The same, seen from the table or list that holds `key`.
    pub(crate) fn under(mut self, key: &str) -> Self {
        self.path.insert(0, key.to_owned());
        self
    }

    /// serde reads a table with a `type` in two passes and forgets keys in the second; where just one entry of the refused
    /// table looks like what was got, it is that one.
    fn pinned(mut self, root: &Value) -> Self {
        let Complaint::Value { got, .. } = &self.complaint else {
            return self;
        };
        let Some(Value::Table(table)) = at(root, &self.path) else {
            return self;
        };
        if *got == describe(Unexpected::Map) {
            return self;
        }
        let mut alike = table
            .iter()
            .filter(|(_, value)| *got == describe(unexpected(value)));
        if let (Some((key, _)), None) = (alike.next(), alike.next()) {
            self.path.push(key.clone());
        }
        self
    }
}

fn at<'a>(root: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(root, |value, key| match value {
        Value::Table(table) => table.get(key),
        Value::Array(list) => list.get(key.parse::<usize>().ok()?),
        _ => None,
    })
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {:?}", self.path.join("."), self.complaint)
    }
}

impl std::error::Error for Refusal {}

impl de::Error for Refusal {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Complaint::Other(message.to_string()))
    }

    fn invalid_type(got: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Complaint::Value {
            expected: in_words(expected),
            got: describe(got),
        })
    }

    fn invalid_value(got: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(got, expected)
    }

    fn invalid_length(got: usize, expected: &dyn Expected) -> Self {
        Self::new(Complaint::Value {
            expected: in_words(expected),
            got: format!("a list of {got}"),
        })
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Complaint::Choice {
            got: variant.to_owned(),
            known: expected.to_vec(),
        })
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Complaint::Unknown {
            known: expected.to_vec(),
        })
        .under(field)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Complaint::Missing).under(field)
    }
}

/// serde's names of what it expects are Rust's; these are a reader's.
fn in_words(expected: &dyn Expected) -> String {
    let rust = expected.to_string();
    match rust.as_str() {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or above".to_owned(),
        "i64" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "`true` or `false`".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a table".to_owned(),
        "path string" => "a path in quotes".to_owned(),
        _ if rust.starts_with("a nonzero ") => "a whole number, 1 or above".to_owned(),
        _ if rust.starts_with("struct ") || rust.starts_with("internally tagged enum ") => {
            "a table".to_owned()
        }
        _ => rust
            .strip_prefix("an array of length ")
            .map_or(rust.clone(), |length| format!("a list of {length}")),
    }
}

fn describe(got: Unexpected<'_>) -> String {
    match got {
        Unexpected::Str(text) => format!("the string `{text}`"),
        Unexpected::Signed(number) => format!("`{number}`"),
        Unexpected::Unsigned(number) => format!("`{number}`"),
        Unexpected::Float(number) => format!("`{number:?}`"),
        Unexpected::Bool(value) => format!("`{value}`"),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a table".to_owned(),
        other => other.to_string(),
    }
}

fn unexpected(value: &Value) -> Unexpected<'_> {
    match value {
        Value::String(text) => Unexpected::Str(text),
        Value::Integer(number) => Unexpected::Signed(*number),
        Value::Float(number) => Unexpected::Float(*number),
        Value::Boolean(value) => Unexpected::Bool(*value),
        Value::Datetime(_) => Unexpected::Other("a date"),
        Value::Array(_) => Unexpected::Seq,
        Value::Table(_) => Unexpected::Map,
    }
}

struct Strict(Value);

impl<'de> Deserializer<'de> for Strict {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match self.0 {
            Value::String(text) => visitor.visit_string(text),
            Value::Integer(number) => visitor.visit_i64(number),
            Value::Float(number) => visitor.visit_f64(number),
            Value::Boolean(value) => visitor.visit_bool(value),
            // No setting is a date.
            Value::Datetime(_) => Err(de::Error::invalid_type(unexpected(&self.0), &visitor)),
            Value::Array(list) => {
                let length = list.len();
                let expected = visitor_words(&visitor);
                let mut elements = Elements {
                    rest: list.into_iter(),
                    index: 0,
                };
                let value = visitor.visit_seq(&mut elements)?;
                // A list of fixed length stops reading when it is full.
                if elements.rest.len() > 0 {
                    let got = format!("a list of {length}");
                    return Err(Refusal::new(Complaint::Value { expected, got }));
                }
                Ok(value)
            }
            Value::Table(table) => visitor.visit_map(Entries {
                rest: table.into_iter(),
                next: None,
            }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        match self.0 {
            Value::String(word) => visitor.visit_enum(word.into_deserializer()),
            other => Err(Refusal::new(Complaint::Value {
                expected: one_of(variants),
                got: describe(unexpected(&other)),
            })),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

fn visitor_words<'de>(visitor: &impl Visitor<'de>) -> String {
    let expected: &dyn Expected = visitor;
    in_words(expected)
}

/// "one of `a`, `b`".
pub(crate) fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [one] => one.clone(),
        several => format!("one of {}", several.join(", ")),
    }
}

struct Entries {
    rest: <toml::Table as IntoIterator>::IntoIter,
    next: Option<(String, Value)>,
}

impl<'de> MapAccess<'de> for Entries {
    type Error = Refusal;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Refusal> {
        self.next = self.rest.next();
        self.next
            .as_ref()
            .map(|(key, _)| seed.deserialize(key.as_str().into_deserializer()))
            .transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refusal> {
        let (key, value) = self.next.take().expect("serde asks for a key first");
        seed.deserialize(Strict(value))
            .map_err(|refusal| refusal.under(&key))
    }
}

struct Elements {
    rest: std::vec::IntoIter<Value>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Elements {
    type Error = Refusal;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Refusal> {
        let Some(value) = self.rest.next() else {
            return Ok(None);
        };
        let index = self.index;
        self.index += 1;
        seed.deserialize(Strict(value))
            .map(Some)
            .map_err(|refusal| refusal.under(&index.to_string()))
    }
}
