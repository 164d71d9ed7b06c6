//! Reading everything before the data of a file that may hold anything.
//!
//! No count or length of the file is believed before the bytes that it speaks of are there, so memory stays in proportion to
//! the bytes that were read, and these are limited. What takes more memory than bytes of the file has a limit of its own.

use std::collections::BTreeSet;

use super::cursor::Cursor;
use super::value::ARRAY_CODE;
use super::{
    ALIGNMENT_KEY, DEFAULT_ALIGNMENT, GgufArray, GgufTensor, GgufType, GgufValue, MAGIC,
    MAX_DIMENSIONS, MAX_KEY_BYTES, NAME_BYTES, VERSION,
};
use crate::shown::shown;

/// Most keys and most tensors; models of today have some 50 and, experts being stacked, some 2,000.
const MAX_ENTRIES: u64 = 65_536;

/// Most texts of all lists together.
const MAX_TEXTS: u64 = 2_000_000;

/// Largest alignment: what pages of any system need.
const MAX_ALIGNMENT: u64 = 1 << 20;

/// What a file says of itself.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) metadata: Vec<(String, GgufValue)>,
    /// Each with the byte of the file at which its data begins.
    pub(super) tensors: Vec<(GgufTensor, usize)>,
    /// Indices into `tensors`, in the order of their names.
    pub(super) by_name: Vec<usize>,
}

impl Header {
    /// A tensor, and the byte of the file at which its data begins.
    pub(super) fn tensor(&self, name: &str) -> Option<&(GgufTensor, usize)> {
        let name_at = |index: &usize| Some(self.tensors.get(*index)?.0.name.as_str());
        let found = self
            .by_name
            .binary_search_by_key(&Some(name), name_at)
            .ok()?;
        self.tensors.get(*self.by_name.get(found)?)
    }
}

/// Checks all of a file but the numbers in its tensors.
pub(super) fn parse(file: &[u8]) -> Result<Header, String> {
    let mut cursor = Cursor::new(file);
    if cursor.take::<4>("the magic")? != MAGIC {
        return Err("its first 4 bytes are not `GGUF`".to_owned());
    }
    match cursor.u32("the version")? {
        VERSION => {}
        version if version.swap_bytes() == VERSION => {
            return Err(
                "by its version at byte 4 it is big-endian, expected little-endian".to_owned(),
            );
        }
        version => {
            return Err(format!(
                "its version at byte 4 is {version}, expected {VERSION}"
            ));
        }
    }
    let num_tensors = cursor.u64("the number of tensors")?;
    let num_keys = cursor.u64("the number of keys")?;
    let metadata = read_metadata(&mut cursor, num_keys)?;
    let alignment = alignment(&metadata)?;
    let tensors = read_tensors(&mut cursor, num_tensors)?;
    let tensors = place(tensors, cursor.at, alignment, file.len())?;
    let mut by_name: Vec<(&str, usize)> = tensors
        .iter()
        .enumerate()
        .map(|(index, (tensor, _))| (tensor.name.as_str(), index))
        .collect();
    by_name.sort_unstable();
    let by_name = by_name.into_iter().map(|(_, index)| index).collect();
    Ok(Header {
        metadata,
        tensors,
        by_name,
    })
}

fn read_metadata(cursor: &mut Cursor<'_>, count: u64) -> Result<Vec<(String, GgufValue)>, String> {
    // A key of one byte with a value of one byte.
    const LEAST: usize = 8 + 1 + 4 + 1;
    cursor.expect(count, LEAST, "keys")?;
    cursor.at_most(count, MAX_ENTRIES, "keys")?;
    let mut metadata = Vec::new();
    let mut seen = BTreeSet::new();
    for _ in 0..count {
        let at = cursor.at;
        let key = cursor.text("a key")?;
        if key.is_empty() || key.len() > MAX_KEY_BYTES {
            return Err(format!(
                "the key at byte {at} has {} bytes, expected 1 to {MAX_KEY_BYTES}",
                key.len()
            ));
        }
        if !seen.insert(key) {
            return Err(format!("the key `{}` comes twice", shown(key)));
        }
        let value = cursor
            .u32("a type")
            .and_then(|code| read_value(cursor, code))
            .map_err(|problem| format!("key `{}`: {problem}", shown(key)))?;
        metadata.push((key.to_owned(), value));
    }
    Ok(metadata)
}

fn read_value(cursor: &mut Cursor<'_>, code: u32) -> Result<GgufValue, String> {
    let what = "a value";
    Ok(match code {
        0 => GgufValue::U8(u8::from_le_bytes(cursor.take(what)?)),
        1 => GgufValue::I8(i8::from_le_bytes(cursor.take(what)?)),
        2 => GgufValue::U16(u16::from_le_bytes(cursor.take(what)?)),
        3 => GgufValue::I16(i16::from_le_bytes(cursor.take(what)?)),
        4 => GgufValue::U32(u32::from_le_bytes(cursor.take(what)?)),
        5 => GgufValue::I32(i32::from_le_bytes(cursor.take(what)?)),
        6 => GgufValue::F32(f32::from_le_bytes(cursor.take(what)?)),
        7 => GgufValue::Bool(truth(cursor.take(what)?)?),
        8 => GgufValue::Text(cursor.text(what)?.to_owned()),
        ARRAY_CODE => GgufValue::Array(read_array(cursor)?),
        10 => GgufValue::U64(u64::from_le_bytes(cursor.take(what)?)),
        11 => GgufValue::I64(i64::from_le_bytes(cursor.take(what)?)),
        12 => GgufValue::F64(f64::from_le_bytes(cursor.take(what)?)),
        other => return Err(format!("its type is {other}, expected 0 to 12")),
    })
}

fn read_array(cursor: &mut Cursor<'_>) -> Result<GgufArray, String> {
    let code = cursor.u32("a type")?;
    let count = cursor.u64("a number of entries")?;
    Ok(match code {
        0 => GgufArray::U8(cursor.list(count, u8::from_le_bytes)?),
        1 => GgufArray::I8(cursor.list(count, i8::from_le_bytes)?),
        2 => GgufArray::U16(cursor.list(count, u16::from_le_bytes)?),
        3 => GgufArray::I16(cursor.list(count, i16::from_le_bytes)?),
        4 => GgufArray::U32(cursor.list(count, u32::from_le_bytes)?),
        5 => GgufArray::I32(cursor.list(count, i32::from_le_bytes)?),
        6 => GgufArray::F32(cursor.list(count, f32::from_le_bytes)?),
        7 => {
            cursor.expect(count, 1, "entries")?;
            let bytes = cursor.slice(count as usize, "a list")?;
            let truths = bytes.iter().map(|byte| truth([*byte]));
            GgufArray::Bool(truths.collect::<Result<_, _>>()?)
        }
        8 => {
            cursor.expect(count, size_of::<u64>(), "texts")?;
            cursor.texts += count;
            cursor.at_most(cursor.texts, MAX_TEXTS, "texts in lists")?;
            let mut texts = Vec::with_capacity(count as usize);
            for _ in 0..count {
                texts.push(cursor.text("an entry")?.to_owned());
            }
            GgufArray::Text(texts)
        }
        10 => GgufArray::U64(cursor.list(count, u64::from_le_bytes)?),
        11 => GgufArray::I64(cursor.list(count, i64::from_le_bytes)?),
        12 => GgufArray::F64(cursor.list(count, f64::from_le_bytes)?),
        ARRAY_CODE => return Err("it is a list of lists, which is not read".to_owned()),
        other => {
            return Err(format!(
                "the type of its entries is {other}, expected 0 to 12"
            ));
        }
    })
}

fn truth(byte: [u8; 1]) -> Result<bool, String> {
    match byte {
        [0] => Ok(false),
        [1] => Ok(true),
        [other] => Err(format!("a truth value is {other}, expected 0 or 1")),
    }
}

fn alignment(metadata: &[(String, GgufValue)]) -> Result<u64, String> {
    let given = metadata.iter().find(|(key, _)| key == ALIGNMENT_KEY);
    match given.map(|(_, value)| value) {
        None => Ok(DEFAULT_ALIGNMENT.into()),
        Some(GgufValue::U32(value))
            if value.is_power_of_two() && *value >= 8 && u64::from(*value) <= MAX_ALIGNMENT =>
        {
            Ok((*value).into())
        }
        Some(_) => Err(format!(
            "key `{ALIGNMENT_KEY}`: expected a 32-bit power of two from 8 to {MAX_ALIGNMENT}"
        )),
    }
}

/// Each tensor with its offset as the file says it.
fn read_tensors(cursor: &mut Cursor<'_>, count: u64) -> Result<Vec<(GgufTensor, u64)>, String> {
    // A name of one byte, one dimension.
    const LEAST: usize = 8 + 1 + 4 + 8 + 4 + 8;
    cursor.expect(count, LEAST, "tensors")?;
    cursor.at_most(count, MAX_ENTRIES, "tensors")?;
    let mut tensors = Vec::new();
    let mut seen = BTreeSet::new();
    for _ in 0..count {
        let at = cursor.at;
        let name = cursor.text("a tensor's name")?;
        if name.is_empty() || name.len() >= NAME_BYTES {
            return Err(format!(
                "the tensor's name at byte {at} has {} bytes, expected 1 to {}",
                name.len(),
                NAME_BYTES - 1
            ));
        }
        if !seen.insert(name) {
            return Err(format!("the tensor `{}` comes twice", shown(name)));
        }
        let known_as = shown(name);
        let dimensions = cursor.u32("a number of dimensions")? as usize;
        if !(1..=MAX_DIMENSIONS).contains(&dimensions) {
            return Err(format!(
                "tensor `{known_as}` has {dimensions} dimensions, expected 1 to {MAX_DIMENSIONS}"
            ));
        }
        let mut shape = Vec::with_capacity(dimensions);
        for _ in 0..dimensions {
            let size = cursor.u64("a dimension")?;
            let size = usize::try_from(size).ok().filter(|size| *size > 0);
            shape.push(size.ok_or_else(|| {
                format!("tensor `{known_as}` has a dimension of 0 or more than can be counted")
            })?);
        }
        shape.reverse();
        let code = cursor.u32("a tensor's type")?;
        let number = GgufType::of_code(code).ok_or_else(|| {
            let known = GgufType::ALL.map(|known| format!("{} ({})", known.code(), known.name()));
            format!(
                "tensor `{known_as}` has type {code}, expected {}",
                known.join(", ")
            )
        })?;
        let offset = cursor.u64("a tensor's offset")?;
        let tensor = GgufTensor {
            name: name.to_owned(),
            shape,
            number,
        };
        tensors.push((tensor, offset));
    }
    Ok(tensors)
}

/// Finds the data: each tensor begins where the one before it ends, aligned, and the last ends with the file.
fn place(
    tensors: Vec<(GgufTensor, u64)>,
    head_bytes: usize,
    alignment: u64,
    file_bytes: usize,
) -> Result<Vec<(GgufTensor, usize)>, String> {
    let begin = (head_bytes as u64).next_multiple_of(alignment);
    let mut end = 0_u64;
    let mut expected = 0_u64;
    let mut placed = Vec::with_capacity(tensors.len());
    for (tensor, offset) in tensors {
        let name = shown(&tensor.name);
        if offset != expected {
            return Err(format!(
                "tensor `{name}` has offset {offset}, expected {expected} by the tensors before it"
            ));
        }
        let next = tensor.num_bytes().and_then(|bytes| {
            end = offset.checked_add(bytes as u64)?;
            end.checked_next_multiple_of(alignment)
        });
        expected = next.ok_or_else(|| {
            let (shape, number) = (&tensor.shape, tensor.number.name());
            format!("tensor `{name}` of shape {shape:?} and type `{number}` does not have a whole number of blocks, or too many")
        })?;
        let whole = begin
            .checked_add(end)
            .is_some_and(|end| end <= file_bytes as u64);
        if !whole {
            return Err(format!(
                "the data of tensor `{name}` ends behind the end of the file at byte {file_bytes}"
            ));
        }
        placed.push((tensor, (begin + offset) as usize));
    }
    // Behind the last tensor, writers pad or do not.
    let padded = begin.saturating_add(expected);
    if file_bytes as u64 > padded {
        return Err(format!(
            "it has {file_bytes} bytes, expected at most {padded} by its header"
        ));
    }
    Ok(placed)
}
