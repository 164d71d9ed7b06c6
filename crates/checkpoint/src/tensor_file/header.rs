//! Reading the header of a safetensors file that may hold anything.
//!
//! Each tensor is checked against the length of the data as soon as its entry is read, so a lie ends the reading where it stands;
//! what only all of them together can show, gaps and overlaps, is checked at the end.

use std::collections::{BTreeMap, btree_map};
use std::fmt;

use safetensors::Dtype;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Entry, num_elements};
use crate::bounded::{self, Texts};
use crate::shown::shown;

/// Most bytes of a header: some 30,000 tensors with names of usual length, where a dense model of 100 layers has 1,200. The format
/// allows 100 MB; a file of that without any data would take seconds and hundreds of megabytes to find wrong.
pub(super) const MAX_HEADER_BYTES: usize = 4 << 20;
const LENGTH_BYTES: usize = 8;

/// What is wrong with a header. Bytes are those of the file where nothing else is said.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum HeaderProblem {
    #[error("it has {got} bytes, fewer than the 8 of the header's length")]
    NoLength { got: usize },
    #[error(
        "its first 8 bytes say that its header has {got} bytes, more than the {MAX_HEADER_BYTES} that are read"
    )]
    TooLarge { got: u64 },
    #[error("its header ends at byte {expected}, the file at byte {got}")]
    Truncated { expected: usize, got: usize },
    #[error("its header does not begin with `{{` at byte {LENGTH_BYTES}")]
    NoBrace,
    #[error("its header is not UTF-8 at byte {at}")]
    NotUtf8 { at: usize },
    #[error("its header is wrong at byte {at}: {problem}")]
    Header { at: usize, problem: String },
    #[error(
        "tensor `{}` begins at byte {got} of the data, expected {expected}, where the one before it ends",
        shown(name)
    )]
    Begin {
        name: String,
        expected: usize,
        got: usize,
    },
    #[error("its data has {got} bytes, expected {expected} by its header")]
    DataLength { expected: usize, got: usize },
}

/// Checks the header of a whole file and says where each tensor lies in it.
pub(super) fn parse(file: &[u8]) -> Result<BTreeMap<String, Entry>, HeaderProblem> {
    let Some((length, rest)) = file.split_first_chunk::<LENGTH_BYTES>() else {
        return Err(HeaderProblem::NoLength { got: file.len() });
    };
    let length = u64::from_le_bytes(*length);
    let header_bytes = usize::try_from(length)
        .ok()
        .filter(|&bytes| bytes <= MAX_HEADER_BYTES)
        .ok_or(HeaderProblem::TooLarge { got: length })?;
    let data_start = LENGTH_BYTES + header_bytes;
    let Some((header, data)) = rest.split_at_checked(header_bytes) else {
        return Err(HeaderProblem::Truncated {
            expected: data_start,
            got: file.len(),
        });
    };
    if header.first() != Some(&b'{') {
        return Err(HeaderProblem::NoBrace);
    }
    let header = std::str::from_utf8(header).map_err(|error| HeaderProblem::NotUtf8 {
        at: LENGTH_BYTES + error.valid_up_to(),
    })?;
    let visitor = HeaderVisitor {
        data_start,
        data_bytes: data.len(),
    };
    let entries = read_json(header, visitor).map_err(|error| {
        let (at, problem) = bounded::place_and_problem(header.as_bytes(), &error);
        HeaderProblem::Header {
            at: LENGTH_BYTES + at,
            problem,
        }
    })?;
    check_cover(&entries, data_start, data.len())?;
    Ok(entries)
}

fn read_json(
    header: &str,
    visitor: HeaderVisitor,
) -> Result<BTreeMap<String, Entry>, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_str(header);
    let entries = json.deserialize_map(visitor)?;
    json.end()?;
    Ok(entries)
}

/// Tensors lie one behind the other, from the first byte of the data to the last. Those without bytes may share a place.
fn check_cover(
    entries: &BTreeMap<String, Entry>,
    data_start: usize,
    data_bytes: usize,
) -> Result<(), HeaderProblem> {
    let mut order: Vec<(&String, &Entry)> = entries.iter().collect();
    order.sort_by_key(|(name, entry)| (entry.range.start, entry.range.end, *name));
    let mut end = data_start;
    for (name, entry) in order {
        if entry.range.start != end {
            return Err(HeaderProblem::Begin {
                name: name.clone(),
                expected: end - data_start,
                got: entry.range.start - data_start,
            });
        }
        end = entry.range.end;
    }
    if end - data_start != data_bytes {
        return Err(HeaderProblem::DataLength {
            expected: end - data_start,
            got: data_bytes,
        });
    }
    Ok(())
}

/// A map type would keep the last of two equal names in silence.
struct HeaderVisitor {
    data_start: usize,
    data_bytes: usize,
}

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = BTreeMap<String, Entry>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with one entry per tensor")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = BTreeMap::new();
        let mut metadata: Option<Texts> = None;
        let mut covered: usize = 0;
        while let Some(name) = map.next_key::<String>()? {
            if name == "__metadata__" {
                if metadata.is_some() {
                    return Err(bounded::twice(&name));
                }
                let texts = map.next_value();
                metadata = Some(texts.map_err(|error| in_entry("", &name, &error))?);
                continue;
            }
            let info: Info = map
                .next_value()
                .map_err(|error| in_entry("tensor ", &name, &error))?;
            let entry = info
                .check(self.data_start, self.data_bytes)
                .map_err(|problem| in_entry("tensor ", &name, &problem))?;
            // No more than the data in all, or some of them overlap: many that share one place end here.
            covered = covered.saturating_add(entry.range.len());
            if covered > self.data_bytes {
                let problem = format!(
                    "it overlaps others, since with it the tensors have {covered} bytes, the data {}",
                    self.data_bytes
                );
                return Err(in_entry("tensor ", &name, &problem));
            }
            match entries.entry(name) {
                btree_map::Entry::Vacant(place) => drop(place.insert(entry)),
                btree_map::Entry::Occupied(first) => return Err(bounded::twice(first.key())),
            }
        }
        Ok(entries)
    }
}

fn in_entry<E: Error>(what: &str, name: &str, problem: &dyn fmt::Display) -> E {
    E::custom(format_args!("{what}`{}`: {problem}", shown(name)))
}

/// What a header says of a tensor.
#[derive(Deserialize)]
struct Info {
    dtype: Dtype,
    #[serde(deserialize_with = "bounded::shape")]
    shape: Vec<usize>,
    data_offsets: (usize, usize),
}

impl Info {
    /// What can be known without the other tensors.
    fn check(self, data_start: usize, data_bytes: usize) -> Result<Entry, String> {
        let Info {
            dtype,
            shape,
            data_offsets: (start, end),
        } = self;
        let bytes = num_elements(&shape)
            .and_then(|elements| elements.checked_mul(dtype.bitsize()))
            .filter(|bits| bits % 8 == 0)
            .map(|bits| bits / 8);
        let Some(bytes) = bytes else {
            return Err(format!(
                "shape {shape:?} of type `{dtype:?}` does not have a whole number of bytes, or too many"
            ));
        };
        if end.checked_sub(start) != Some(bytes) {
            return Err(format!(
                "it has offsets [{start}, {end}], expected {bytes} bytes by shape {shape:?} and type `{dtype:?}`"
            ));
        }
        if end > data_bytes {
            return Err(format!(
                "it has offsets [{start}, {end}], but the data {data_bytes} bytes"
            ));
        }
        Ok(Entry {
            dtype,
            shape,
            range: data_start + start..data_start + end,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data_bytes: usize) -> Vec<u8> {
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend_from_slice(header.as_bytes());
        file.resize(file.len() + data_bytes, 0);
        file
    }

    #[track_caller]
    fn refused(bytes: &[u8], text: &str) {
        let problem = parse(bytes).expect_err(text).to_string();
        assert!(problem.contains(text), "`{problem}` lacks `{text}`");
    }

    #[test]
    fn malformed_headers_are_refused_by_what_is_wrong() {
        let tensor = |name: &str, dtype: &str, shape: &str, offsets: &str| {
            format!(r#""{name}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}"#)
        };
        let one = |dtype: &str, shape: &str, offsets: &str| {
            format!("{{{}}}", tensor("a", dtype, shape, offsets))
        };
        let two = |first: &str, second: &str| {
            format!(
                "{{{},{}}}",
                tensor("a", "U8", "[4]", first),
                tensor("b", "U8", "[4]", second)
            )
        };
        refused(b"", "fewer than the 8");
        refused(b"\x01\0\0\0\0\0\0", "it has 7 bytes");
        refused(&u64::MAX.to_le_bytes(), "more than the 4194304");
        refused(&4_194_305_u64.to_le_bytes(), "more than the 4194304");
        refused(
            &4_194_304_u64.to_le_bytes(),
            "its header ends at byte 4194312, the file at byte 8",
        );
        refused(&file("", 0), "does not begin with `{`");
        refused(&file(" {}", 0), "does not begin with `{`");
        refused(&file("[]", 0), "does not begin with `{`");
        refused(&file("{", 0), "EOF");
        refused(&file("{}{}", 0), "trailing");
        refused(&file("{\"\u{fffd}", 0), "EOF");
        refused(
            &file(&one("F33", "[1]", "[0,4]"), 4),
            "unknown variant `F33`",
        );
        refused(&file(&one("F32", "[-1]", "[0,4]"), 4), "invalid value");
        refused(&file(&one("F32", "[1]", "[0]"), 4), "invalid length");
        refused(
            &file(&one("F32", "[2]", "[0,4]"), 4),
            "offsets [0, 4], expected 8 bytes",
        );
        refused(&file(&one("F32", "[1]", "[4,0]"), 4), "offsets [4, 0]");
        refused(
            &file(&one("F32", "[1]", "[4,8]"), 8),
            "tensor `a` begins at byte 4 of the data, expected 0",
        );
        refused(
            &file(&one("F4", "[3]", "[0,2]"), 2),
            "whole number of bytes",
        );
        refused(
            &file(&one("F32", "[4294967296,4294967296]", "[0,0]"), 0),
            "whole number of bytes",
        );
        refused(
            &file(&one("F32", "[1]", "[0,4]"), 3),
            "tensor `a`: it has offsets [0, 4], but the data 3 bytes",
        );
        refused(
            &file(&one("F32", "[1]", "[0,4]"), 5),
            "data has 5 bytes, expected 4",
        );
        refused(
            &file(&two("[0,4]", "[0,4]"), 4),
            "tensor `b`: it overlaps others, since with it the tensors have 8 bytes, the data 4",
        );
        refused(
            &file(&two("[0,4]", "[5,9]"), 9),
            "tensor `b` begins at byte 5 of the data, expected 4",
        );
        refused(
            &file(&two("[0,4]", "[4,8]").replace("\"b\"", "\"a\""), 8),
            "`a` comes twice",
        );
        refused(&file(r#"{"__metadata__":{"n":1}}"#, 0), "expected a text");
        refused(
            &file(r#"{"__metadata__":{},"__metadata__":{}}"#, 0),
            "`__metadata__` comes twice",
        );
        let deep = format!("{{\"__metadata__\":{}", "[".repeat(10_000));
        refused(
            &file(&deep, 0),
            "`__metadata__`: invalid type: sequence, expected an object of texts",
        );
    }

    #[test]
    fn the_formats_corner_cases_are_accepted() {
        assert_eq!(parse(&file("{}", 0)), Ok(BTreeMap::new()));
        assert_eq!(parse(&file("{}   ", 0)), Ok(BTreeMap::new()));
        let scalar = parse(&file(
            r#"{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}"#,
            4,
        ))
        .unwrap();
        assert_eq!(scalar["a"].range.len(), 4);
        let empty = r#"{"b":{"dtype":"F32","shape":[0,7],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#;
        let tensors = parse(&file(empty, 1)).unwrap();
        assert_eq!((tensors["a"].range.len(), tensors["b"].range.len()), (1, 0));
    }
}
