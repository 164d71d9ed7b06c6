//! GGUF, version 3: the single-file format of llama.cpp.
//!
//! A file consists of a header (magic, version, two counts), typed metadata, the names, shapes,
//! types and offsets of the tensors, and the aligned data. Everything is little-endian. In this
//! module, shapes are those of the published tensors (rows first); the file stores them reversed.
//!
//! [`write_gguf`] writes a file through a buffer of a few rows. [`GgufFile`] reads untrusted files.
//! The keys and names that a model needs are defined elsewhere.

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

/// Default alignment of the data.
const DEFAULT_ALIGNMENT: u32 = 32;
const ALIGNMENT_KEY: &str = "general.alignment";

/// Limits of ggml: the number of dimensions of a tensor, and the size of its name with a final NUL
/// byte.
const MAX_DIMENSIONS: usize = 4;
const NAME_BYTES: usize = 64;

/// Maximum length of a key in bytes, from the specification.
const MAX_KEY_BYTES: usize = 65_535;

/// Name, shape and type of a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GgufTensor {
    /// The name, such as `blk.0.attn_q.weight`.
    pub name: String,
    /// The shape, rows first as published; the last dimension is contiguous.
    pub shape: Vec<usize>,
    /// The storage type of its values.
    pub number: GgufType,
}

impl GgufTensor {
    /// Number of elements in a row. Rows are contiguous and consist of whole blocks.
    fn row(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }

    /// Total number of elements; `None` on overflow.
    fn num_elements(&self) -> Option<usize> {
        crate::tensor_file::num_elements(&self.shape)
    }

    /// Size of the data in bytes; `None` if a row is not a whole number of blocks, or on overflow.
    fn num_bytes(&self) -> Option<usize> {
        self.row().is_multiple_of(self.number.block()).then(|| {
            self.num_elements()?
                .checked_div(self.number.block())?
                .checked_mul(self.number.block_bytes())
        })?
    }
}
