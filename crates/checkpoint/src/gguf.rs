//! GGUF, version 3: the single file that llama.cpp and its relatives load.
//!
//! A file is a header (magic, version, two counts), typed metadata, the tensors' names, shapes, types and offsets, and the data,
//! aligned. Everything is little-endian. Shapes are those of the published tensors (rows first); the file has them reversed.
//!
//! [`write_gguf`] writes a whole file through a buffer of a few rows; [`GgufFile`] reads one that may hold anything. Which keys
//! and names a model needs is not known here.

mod error;
mod number;
mod value;

mod write;

mod cursor;
mod header;
mod read;

#[cfg(test)]
mod tests;

pub use self::error::GgufError;
pub use self::number::GgufType;
pub use self::read::GgufFile;
pub use self::value::{GgufArray, GgufValue};
pub use self::write::write_gguf;

const MAGIC: [u8; 4] = *b"GGUF";
const VERSION: u32 = 3;

/// Where data may begin, unless a file says otherwise.
const DEFAULT_ALIGNMENT: u32 = 32;
const ALIGNMENT_KEY: &str = "general.alignment";

/// Of ggml: a tensor has at most this many dimensions, and a name shorter than this many bytes.
const MAX_DIMENSIONS: usize = 4;
const NAME_BYTES: usize = 64;

/// Longest key, in bytes; the specification's.
const MAX_KEY_BYTES: usize = 65_535;

/// A tensor that a file has or is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GgufTensor {
    /// The name, such as `blk.0.attn_q.weight`.
    pub name: String,
    /// Rows first, as published; the last dimension is contiguous.
    pub shape: Vec<usize>,
    /// How its numbers are stored.
    pub number: GgufType,
}

impl GgufTensor {
    /// Elements of a row: what is contiguous, and what blocks divide.
    fn row(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }

    /// Elements in all; `None` if there are too many to count.
    fn num_elements(&self) -> Option<usize> {
        crate::tensor_file::num_elements(&self.shape)
    }

    /// Bytes of the data; `None` if a row is not whole blocks, or there are too many to count.
    fn num_bytes(&self) -> Option<usize> {
        self.row().is_multiple_of(self.number.block()).then(|| {
            self.num_elements()?
                .checked_div(self.number.block())?
                .checked_mul(self.number.block_bytes())
        })?
    }
}
