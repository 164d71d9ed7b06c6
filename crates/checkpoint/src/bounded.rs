//! Lists and maps of a JSON file that a stranger made: no longer than a bound, and no name twice.
//!
//! A number of two bytes of JSON takes eight in memory, so the length of the file alone is no bound of use.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::shown::{shown, shown_problem};

/// Most dimensions of a shape that is read; published weights have at most five.
pub(crate) const MAX_DIMENSIONS: usize = 16;

/// For `deserialize_with`: a shape.
pub(crate) fn shape<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<usize>, D::Error> {
    list::<D, usize, MAX_DIMENSIONS>(deserializer)
}

/// For `deserialize_with`: a list of at most `MAX` entries.
pub(crate) fn list<'de, D, T, const MAX: usize>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct List<T, const MAX: usize>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for List<T, MAX> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {MAX} entries")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Vec<T>, A::Error> {
            let mut list = Vec::new();
            while let Some(entry) = entries.next_element()? {
                if list.len() == MAX {
                    return Err(A::Error::custom(format_args!(
                        "a list has more than {MAX} entries"
                    )));
                }
                list.push(entry);
            }
            list.shrink_to_fit();
            Ok(list)
        }
    }

    deserializer.deserialize_seq(List::<T, MAX>(PhantomData))
}

/// For `deserialize_with`: a map of at most `MAX` entries. A map type would keep the last of two equal names in silence.
pub(crate) fn map<'de, D, T, const MAX: usize>(
    deserializer: D,
) -> Result<BTreeMap<String, T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Map<T, const MAX: usize>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for Map<T, MAX> {
        type Value = BTreeMap<String, T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "an object of at most {MAX} entries")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            let mut map = BTreeMap::new();
            while let Some((name, value)) = entries.next_entry::<String, T>()? {
                if map.len() == MAX {
                    return Err(A::Error::custom(format_args!(
                        "an object has more than {MAX} entries"
                    )));
                }
                if map.contains_key(&name) {
                    return Err(twice(&name));
                }
                map.insert(name, value);
            }
            Ok(map)
        }
    }

    deserializer.deserialize_map(Map::<T, MAX>(PhantomData))
}

pub(crate) fn twice<E: Error>(name: &str) -> E {
    E::custom(format_args!("the name `{}` comes twice", shown(name)))
}

/// An object whose values are texts, none of which is kept.
#[derive(Debug)]
pub(crate) struct Texts;

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Texts)
    }
}

impl<'de> Visitor<'de> for Texts {
    type Value = Texts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Texts, A::Error> {
        while entries.next_entry::<Text, Text>()?.is_some() {}
        Ok(Texts)
    }
}

struct Text;

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text)
    }
}

impl Visitor<'_> for Text {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E>(self, _: &str) -> Result<Text, E> {
        Ok(Text)
    }
}

/// An object of anything, of which nothing is kept.
#[derive(Debug)]
pub(crate) struct Ignored;

impl<'de> Deserialize<'de> for Ignored {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Ignored)
    }
}

impl<'de> Visitor<'de> for Ignored {
    type Value = Ignored;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Ignored, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Ignored)
    }
}

/// What a parser says, fit for a message, and the byte of `json` at which it says so.
pub(crate) fn place_and_problem(json: &[u8], error: &serde_json::Error) -> (usize, String) {
    let line_begin = error.line().checked_sub(2).map_or(0, |newlines_before| {
        let mut newlines = json.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        newlines.nth(newlines_before).map_or(0, |(at, _)| at + 1)
    });
    let whole = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let problem = whole.strip_suffix(&place).unwrap_or(&whole);
    (
        line_begin + error.column().saturating_sub(1),
        shown_problem(problem).to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_the_byte() {
        for (json, at) in [
            ("{\"a\":x}", 5),
            ("\n\n {\n  \"a\": x}", 12),
            ("{\"\u{ac00}\":x}", 7),
        ] {
            let error = serde_json::from_str::<serde_json::Value>(json).unwrap_err();
            assert_eq!(json.as_bytes()[at], b'x');
            assert_eq!(
                place_and_problem(json.as_bytes(), &error),
                (at, "expected value".to_owned())
            );
        }
    }
}
