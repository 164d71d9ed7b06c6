//! Writing a file, a few rows at a time: it appears under its name only when it is whole.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;

use super::value::encode_text;
use super::{
    ALIGNMENT_KEY, DEFAULT_ALIGNMENT, GgufError, GgufTensor, GgufValue, MAGIC, MAX_DIMENSIONS,
    MAX_KEY_BYTES, NAME_BYTES, VERSION,
};
use crate::durable;

/// Elements that are in memory at a time, unless a single row has more.
const BUFFERED: usize = 1 << 16;

/// Writes a file. `general.alignment` stands first and is written here.
///
/// For each tensor in turn, `fill(index, start, out)` is asked for the elements from `start` on: whole rows, as many as `out`
/// holds, each place of which must be given a value; its error ends the writing.
///
/// # Errors
/// If a key or name comes twice or is not what the format allows, a row is not whole blocks, or a call fails; what stood under
/// `path` before is then still there.
pub fn write_gguf(
    path: &Path,
    metadata: &[(String, GgufValue)],
    tensors: &[GgufTensor],
    mut fill: impl FnMut(usize, usize, &mut [f32]) -> io::Result<()>,
) -> Result<(), GgufError> {
    check_keys(metadata)?;
    let offsets = check_tensors(tensors)?;
    let head = head(metadata, tensors, &offsets);
    durable::write_file_with(path, |out| {
        out.write_all(&head)?;
        for (index, tensor) in tensors.iter().enumerate() {
            write_tensor(out, tensor, |start, values| fill(index, start, values))?;
        }
        Ok(())
    })?;
    Ok(())
}

fn check_keys(metadata: &[(String, GgufValue)]) -> Result<(), GgufError> {
    let mut seen = BTreeSet::from([ALIGNMENT_KEY]);
    for (key, _) in metadata {
        let problem = if key.is_empty() || key.len() > MAX_KEY_BYTES {
            "a key has 1 to 65535 bytes"
        } else if !seen.insert(key) {
            "it comes twice"
        } else {
            continue;
        };
        return Err(GgufError::Key {
            key: key.clone(),
            problem,
        });
    }
    Ok(())
}

/// Where each tensor's data begins, counted from the first.
fn check_tensors(tensors: &[GgufTensor]) -> Result<Vec<u64>, GgufError> {
    let mut seen = BTreeSet::new();
    let mut offsets = Vec::with_capacity(tensors.len());
    let mut offset = 0_u64;
    for tensor in tensors {
        let refuse = |problem: String| GgufError::Tensor {
            name: tensor.name.clone(),
            problem,
        };
        if tensor.name.is_empty() || tensor.name.len() >= NAME_BYTES {
            return Err(refuse(format!("a name has 1 to {} bytes", NAME_BYTES - 1)));
        }
        if !seen.insert(&tensor.name) {
            return Err(refuse("the name comes twice".to_owned()));
        }
        if tensor.shape.is_empty()
            || tensor.shape.len() > MAX_DIMENSIONS
            || tensor.shape.contains(&0)
        {
            let shape = &tensor.shape;
            return Err(refuse(format!(
                "its shape is {shape:?}, expected 1 to {MAX_DIMENSIONS} dimensions above 0"
            )));
        }
        let end = tensor.num_bytes().and_then(|bytes| {
            offset
                .checked_add(bytes as u64)?
                .checked_next_multiple_of(DEFAULT_ALIGNMENT.into())
        });
        let Some(end) = end else {
            return Err(refuse(format!(
                "its rows of {} elements are not whole blocks of {}, or there are too many",
                tensor.row(),
                tensor.number.block()
            )));
        };
        offsets.push(offset);
        offset = end;
    }
    Ok(offsets)
}

/// Everything before the data.
fn head(metadata: &[(String, GgufValue)], tensors: &[GgufTensor], offsets: &[u64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(MAGIC);
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend((tensors.len() as u64).to_le_bytes());
    bytes.extend((metadata.len() as u64 + 1).to_le_bytes());
    let mut put = |key: &str, value: &GgufValue| {
        encode_text(key, &mut bytes);
        bytes.extend(value.code().to_le_bytes());
        value.encode(&mut bytes);
    };
    put(ALIGNMENT_KEY, &GgufValue::U32(DEFAULT_ALIGNMENT));
    for (key, value) in metadata {
        put(key, value);
    }
    for (tensor, offset) in tensors.iter().zip(offsets) {
        encode_text(&tensor.name, &mut bytes);
        bytes.extend((tensor.shape.len() as u32).to_le_bytes());
        let innermost_first = tensor.shape.iter().rev();
        bytes.extend(innermost_first.flat_map(|size| (*size as u64).to_le_bytes()));
        bytes.extend(tensor.number.code().to_le_bytes());
        bytes.extend(offset.to_le_bytes());
    }
    bytes.resize(bytes.len().next_multiple_of(DEFAULT_ALIGNMENT as usize), 0);
    bytes
}

fn write_tensor(
    out: &mut dyn Write,
    tensor: &GgufTensor,
    mut fill: impl FnMut(usize, &mut [f32]) -> io::Result<()>,
) -> io::Result<()> {
    let elements = tensor.num_elements().unwrap_or(0);
    let buffered = (BUFFERED / tensor.row().max(1)).max(1) * tensor.row();
    let mut values = vec![0.0; buffered.min(elements)];
    let mut bytes = Vec::new();
    let mut written = 0;
    let mut start = 0;
    while start < elements {
        let count = buffered.min(elements - start);
        let piece = &mut values[..count];
        fill(start, piece)?;
        bytes.clear();
        tensor.number.encode(piece, &mut bytes);
        out.write_all(&bytes)?;
        written += bytes.len();
        start += count;
    }
    let padding = written.next_multiple_of(DEFAULT_ALIGNMENT as usize) - written;
    out.write_all(&[0; DEFAULT_ALIGNMENT as usize][..padding])
}
