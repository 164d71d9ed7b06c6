//! A file, mapped into memory, with everything but its numbers checked.

use std::path::{Path, PathBuf};

use memmap2::Mmap;

use super::header::{Header, parse};
use super::{GgufError, GgufTensor, GgufValue};
use crate::tensor_file::map;

/// A GGUF file that is open for reading.
#[derive(Debug)]
pub struct GgufFile {
    path: PathBuf,
    bytes: Mmap,
    header: Header,
}

impl GgufFile {
    /// Opens a file and checks its header; no tensor is read.
    ///
    /// Strict where the format leaves room: version 3, little-endian, texts in UTF-8, tensors one behind the other, nothing behind
    /// the last, and no type of number but those of [`GgufType`](super::GgufType).
    ///
    /// # Errors
    /// A file that cannot be read, or is not that.
    pub fn open(path: &Path) -> Result<Self, GgufError> {
        let bytes = map(path).map_err(|source| GgufError::Read {
            path: path.to_path_buf(),
            source,
        })?;
        let header = parse(&bytes).map_err(|problem| GgufError::Malformed {
            path: path.to_path_buf(),
            problem,
        })?;
        Ok(Self {
            path: path.to_path_buf(),
            bytes,
            header,
        })
    }

    /// Keys and values, in the order of the file.
    pub fn metadata(&self) -> &[(String, GgufValue)] {
        &self.header.metadata
    }

    /// What stands under a key.
    pub fn get(&self, key: &str) -> Option<&GgufValue> {
        let metadata = &self.header.metadata;
        metadata
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    /// The tensors, in the order of the file.
    pub fn tensors(&self) -> impl ExactSizeIterator<Item = &GgufTensor> {
        self.header.tensors.iter().map(|(tensor, _)| tensor)
    }

    /// Reads `out.len()` elements of a tensor from element `start` on; both must be whole blocks.
    ///
    /// # Errors
    /// A tensor that is not there, or has no such elements.
    pub fn read_f32(&self, name: &str, start: usize, out: &mut [f32]) -> Result<(), GgufError> {
        let Some((tensor, begin)) = self.header.tensor(name) else {
            return Err(GgufError::Missing {
                path: self.path.clone(),
                name: name.to_owned(),
            });
        };
        let len = tensor.num_elements().unwrap_or(0);
        let (block, block_bytes) = (tensor.number.block(), tensor.number.block_bytes());
        let in_blocks = start.is_multiple_of(block) && out.len().is_multiple_of(block);
        let fits = start.checked_add(out.len()).is_some_and(|end| end <= len);
        let bytes = (in_blocks && fits).then(|| {
            let first = begin + start / block * block_bytes;
            self.bytes
                .get(first..first + out.len() / block * block_bytes)
        });
        let Some(bytes) = bytes.flatten() else {
            return Err(GgufError::Range {
                path: self.path.clone(),
                name: name.to_owned(),
                len,
                start,
                count: out.len(),
            });
        };
        tensor.number.decode(bytes, out);
        Ok(())
    }
}
