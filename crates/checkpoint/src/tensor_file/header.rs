//! Reading the header of a safetensors file that may hold anything.

use std::collections::BTreeMap;
use std::fmt;

use safetensors::Dtype;
use safetensors::tensor::TensorInfo;
use serde::Deserializer;
use serde::de::{self, MapAccess, Visitor};

use super::{Entry, num_elements};

/// The format's own bound.
pub(super) const MAX_HEADER_BYTES: usize = 100_000_000;
const LENGTH_BYTES: usize = 8;

/// What is wrong with a header.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum HeaderProblem {
    #[error("it has {got} bytes, fewer than the 8 of the header's length")]
    NoLength { got: usize },
    #[error("its header of {got} bytes is larger than {MAX_HEADER_BYTES}")]
    TooLarge { got: u64 },
    #[error("its header ends at byte {expected}, the file at byte {got}")]
    Truncated { expected: usize, got: usize },
    #[error("its header does not begin with `{{`")]
    NoBrace,
    #[error("its header cannot be read: {0}")]
    Json(String),
    #[error(
        "tensor `{name}` of shape {shape:?} and type `{dtype:?}` does not have a whole number of bytes"
    )]
    Size {
        name: String,
        shape: Vec<usize>,
        dtype: Dtype,
    },
    #[error(
        "tensor `{name}` has offsets {got:?}, expected {expected:?} by its shape, its type and the tensor before it"
    )]
    Offsets {
        name: String,
        expected: (usize, usize),
        got: (usize, usize),
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
    let infos = read_json(header).map_err(|error| HeaderProblem::Json(error.to_string()))?;
    let mut order: Vec<(String, TensorInfo)> = infos.into_iter().collect();
    order.sort_by(|(a_name, a), (b_name, b)| {
        (a.data_offsets, a_name).cmp(&(b.data_offsets, b_name))
    });

    let mut end: usize = 0;
    let mut entries = BTreeMap::new();
    for (name, info) in order {
        let (start, shape) = (end, info.shape);
        let bytes = num_elements(&shape)
            .and_then(|elements| elements.checked_mul(info.dtype.bitsize()))
            .filter(|bits| bits % 8 == 0)
            .map(|bits| bits / 8);
        let Some(tensor_end) = bytes.and_then(|bytes| start.checked_add(bytes)) else {
            return Err(HeaderProblem::Size {
                name,
                shape,
                dtype: info.dtype,
            });
        };
        end = tensor_end;
        if info.data_offsets != (start, end) {
            return Err(HeaderProblem::Offsets {
                name,
                expected: (start, end),
                got: info.data_offsets,
            });
        }
        if end > data.len() {
            return Err(HeaderProblem::DataLength {
                expected: end,
                got: data.len(),
            });
        }
        entries.insert(
            name,
            Entry {
                dtype: info.dtype,
                shape,
                range: data_start + start..data_start + end,
            },
        );
    }
    if end != data.len() {
        return Err(HeaderProblem::DataLength {
            expected: end,
            got: data.len(),
        });
    }
    Ok(entries)
}

fn read_json(header: &[u8]) -> Result<BTreeMap<String, TensorInfo>, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(header);
    let infos = json.deserialize_map(HeaderVisitor)?;
    json.end()?;
    Ok(infos)
}

/// A map type would keep the last of two equal names in silence.
struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = BTreeMap<String, TensorInfo>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with one entry per tensor")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut infos = BTreeMap::new();
        let mut metadata: Option<BTreeMap<String, String>> = None;
        while let Some(name) = map.next_key::<String>()? {
            let twice = if name == "__metadata__" {
                metadata.replace(map.next_value()?).is_some()
            } else {
                infos.insert(name.clone(), map.next_value()?).is_some()
            };
            if twice {
                return Err(de::Error::custom(format_args!(
                    "the name `{name}` comes twice"
                )));
            }
        }
        Ok(infos)
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
        refused(&u64::MAX.to_le_bytes(), "larger than 100000000");
        refused(&100_000_001_u64.to_le_bytes(), "larger than 100000000");
        refused(
            &100_000_000_u64.to_le_bytes(),
            "its header ends at byte 100000008, the file at byte 8",
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
            "offsets (0, 4), expected (0, 8)",
        );
        refused(&file(&one("F32", "[1]", "[4,0]"), 4), "offsets (4, 0)");
        refused(
            &file(&one("F32", "[1]", "[4,8]"), 8),
            "offsets (4, 8), expected (0, 4)",
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
            "data has 3 bytes, expected 4",
        );
        refused(
            &file(&one("F32", "[1]", "[0,4]"), 5),
            "data has 5 bytes, expected 4",
        );
        refused(
            &file(&two("[0,4]", "[0,4]"), 4),
            "tensor `b` has offsets (0, 4), expected (4, 8)",
        );
        refused(
            &file(&two("[0,4]", "[5,9]"), 9),
            "tensor `b` has offsets (5, 9)",
        );
        refused(
            &file(&two("[0,4]", "[4,8]").replace("\"b\"", "\"a\""), 8),
            "`a` comes twice",
        );
        refused(&file(r#"{"__metadata__":{"n":1}}"#, 0), "expected a string");
        refused(
            &file(r#"{"__metadata__":{},"__metadata__":{}}"#, 0),
            "`__metadata__` comes twice",
        );
        let deep = format!("{{\"__metadata__\":{}", "[".repeat(10_000));
        refused(&file(&deep, 0), "header cannot be read");
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
