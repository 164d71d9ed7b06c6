//! The mapped fields of one row, in whatever format it stands: which are wanted, what was found, and the text and
//! licence they make.

use std::fmt;
use std::path::Path;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::RawRow;
use crate::{CorpusError, FieldMapping};

/// The fields that a mapping names, each once.
#[derive(Debug, Clone)]
pub(crate) struct Fields {
    names: Vec<String>,
    /// Positions in `names`, in the order in which they are joined.
    text: Vec<usize>,
    license: Option<usize>,
}

/// A wanted field's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Null,
    /// Anything else, in words.
    Other(&'static str),
}

/// Values by position in [`Fields::names`]; absent where the row has no such field.
pub(crate) type Values = Vec<Option<Value>>;

impl Fields {
    pub(crate) fn of(mapping: &FieldMapping) -> Self {
        let mut names: Vec<String> = Vec::new();
        let mut place = |name: &String| {
            names
                .iter()
                .position(|known| known == name)
                .unwrap_or_else(|| {
                    names.push(name.clone());
                    names.len() - 1
                })
        };
        let text = mapping.text.iter().map(&mut place).collect();
        let license = mapping.license.as_ref().map(&mut place);
        Self {
            names,
            text,
            license,
        }
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Text fields that `has` denies; the licence field may be absent.
    pub(crate) fn missing(&self, has: impl Fn(usize) -> bool) -> Option<&str> {
        let absent = self.text.iter().find(|place| !has(**place))?;
        self.names.get(*absent).map(String::as_str)
    }

    /// Makes the row of its values. A null text field is left out, a null or absent licence is not stated.
    ///
    /// # Errors
    /// A text field that is absent (`found` then lists what the row has), a field that is not a string.
    pub(crate) fn assemble(
        &self,
        path: &Path,
        number: u64,
        mut values: Values,
        found: impl FnOnce() -> String,
    ) -> Result<RawRow, CorpusError> {
        let is_there = |place: usize| values.get(place).is_some_and(Option::is_some);
        if let Some(field) = self.missing(is_there) {
            return Err(CorpusError::MissingField {
                path: path.to_owned(),
                row: number,
                field: field.to_owned(),
                found: found(),
            });
        }
        for (name, value) in self.names.iter().zip(&values) {
            if let Some(Value::Other(got)) = value {
                return Err(CorpusError::FieldType {
                    path: path.to_owned(),
                    row: number,
                    field: name.clone(),
                    got,
                });
            }
        }
        let license = self
            .license
            .and_then(|place| text_at(&values, place))
            .map(str::to_owned);
        let text = match self.text.as_slice() {
            // The common case takes the string instead of copying it.
            [only] => match values.get_mut(*only).and_then(Option::take) {
                Some(Value::Text(text)) => text,
                _ => String::new(),
            },
            several => {
                let parts: Vec<&str> = several
                    .iter()
                    .filter_map(|place| text_at(&values, *place))
                    .collect();
                parts.join("\n")
            }
        };
        Ok(RawRow {
            number,
            text,
            license,
        })
    }
}

fn text_at(values: &Values, place: usize) -> Option<&str> {
    match values.get(place) {
        Some(Some(Value::Text(text))) => Some(text),
        _ => None,
    }
}

/// Names for a message: quoted, at most twenty, each cut at 64 characters.
pub(crate) fn list_names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 20;
    let mut names = names.peekable();
    if names.peek().is_none() {
        return "none".to_owned();
    }
    let quote = |name: &str| format!("`{}`", name.chars().take(64).collect::<String>());
    let shown = names
        .by_ref()
        .take(SHOWN)
        .map(quote)
        .collect::<Vec<_>>()
        .join(", ");
    match names.count() {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Reads a JSON object, keeps the wanted fields and passes over the rest without storing it: a row of a gigabyte of
/// numbers costs no memory.
pub(crate) struct ObjectSeed<'a>(pub(crate) &'a Fields);

impl<'de> DeserializeSeed<'de> for ObjectSeed<'_> {
    type Value = Values;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Values, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ObjectSeed<'_> {
    type Value = Values;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Values, A::Error> {
        let mut values = vec![None; self.0.names.len()];
        while let Some(key) = map.next_key::<String>()? {
            let place = self.0.names.iter().position(|name| *name == key);
            match place.and_then(|place| values.get_mut(place)) {
                Some(value) => *value = Some(map.next_value_seed(ValueSeed)?),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(values)
    }
}

/// The names of an object's fields, in their order, the values passed over.
pub(crate) struct Names(pub(crate) Vec<String>);

impl<'de> de::Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NamesVisitor;

        impl<'de> Visitor<'de> for NamesVisitor {
            type Value = Names;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some((name, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
                    names.push(name);
                }
                Ok(Names(names))
            }
        }

        deserializer.deserialize_map(NamesVisitor)
    }
}

struct ValueSeed;

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Value, E> {
        Ok(Value::Other("true or false"))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Value, E> {
        Ok(Value::Other("a number"))
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Value, E> {
        Ok(Value::Other("a number"))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Other("a number"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Other("an array"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Other("an object"))
    }
}
