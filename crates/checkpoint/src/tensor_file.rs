//! One safetensors file: a header that is checked before anything is believed, and tensors read or written one at a time.
//!
//! A file is eight bytes of header length, a JSON header and the data. The format demands that the tensors cover the data
//! without gap or overlap, that each has as many bytes as its shape and type say, and that no name comes twice.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use memmap2::Mmap;
use safetensors::Dtype;
use safetensors::tensor::TensorInfo;

mod header;

use self::header::HeaderProblem;
use crate::bounded::MAX_DIMENSIONS;
use crate::shown::shown;

/// Why a tensor file, or a tensor in it, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TensorFileError {
    /// The file cannot be opened or mapped.
    #[error("failed to read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// The file is not what the format demands.
    #[error("`{}` is not a valid safetensors file: {problem}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong and where.
        problem: String,
    },
    /// The file has no such tensor.
    #[error("`{}` has no tensor `{}`", path.display(), shown(name))]
    Missing {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        name: String,
    },
    /// The tensor's type cannot be read as `f32` without loss of meaning.
    #[error("tensor `{}` in `{}` has type `{got}`, expected `F32`, `BF16` or `F16`", shown(name), path.display())]
    Type {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        name: String,
        /// Its type.
        got: String,
    },
    /// The tensor has another number of elements than the place it is read into, or ends before the range that was asked for.
    #[error("tensor `{}` in `{}` has {got} elements, expected {expected}", shown(name), path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        name: String,
        /// Elements wanted.
        expected: usize,
        /// Elements there are.
        got: usize,
    },
}

impl TensorFileError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        Some(
            match self {
                TensorFileError::Read { .. } => "check that the file exists and may be read",
                TensorFileError::Malformed { .. } => {
                    "copy or download the file again and compare its hash with the original"
                }
                TensorFileError::Missing { .. } | TensorFileError::Length { .. } => {
                    "check that the model's config and its weights belong together"
                }
                TensorFileError::Type { .. } => "convert the model to bf16, f16 or f32 first",
            }
            .to_owned(),
        )
    }
}

/// A safetensors file mapped into memory with its header checked.
#[derive(Debug)]
pub(crate) struct TensorFile {
    path: PathBuf,
    bytes: Mmap,
    tensors: BTreeMap<String, Entry>,
}

/// Where a tensor lies and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    /// Bytes of the file.
    range: Range<usize>,
}

impl TensorFile {
    pub(crate) fn open(path: &Path) -> Result<Self, TensorFileError> {
        let bytes = map(path).map_err(|source| TensorFileError::Read {
            path: path.to_path_buf(),
            source,
        })?;
        let tensors =
            header::parse(&bytes).map_err(|problem: HeaderProblem| TensorFileError::Malformed {
                path: path.to_path_buf(),
                problem: problem.to_string(),
            })?;
        Ok(TensorFile {
            path: path.to_path_buf(),
            bytes,
            tensors,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn tensors(&self) -> &BTreeMap<String, Entry> {
        &self.tensors
    }

    /// The type of a tensor, if it can be read as `f32`.
    pub(crate) fn expect_float(&self, name: &str) -> Result<FloatType, TensorFileError> {
        let (path, name) = (|| self.path.clone(), || name.to_owned());
        let entry = self.tensors.get(&name());
        match entry.map(|entry| entry.dtype) {
            Some(Dtype::F32) => Ok(FloatType::F32),
            Some(Dtype::BF16) => Ok(FloatType::BF16),
            Some(Dtype::F16) => Ok(FloatType::F16),
            Some(other) => Err(TensorFileError::Type {
                path: path(),
                name: name(),
                got: format!("{other:?}"),
            }),
            None => Err(TensorFileError::Missing {
                path: path(),
                name: name(),
            }),
        }
    }

    /// Reads `out.len()` elements of a tensor from element `start` on.
    pub(crate) fn read_f32(
        &self,
        name: &str,
        start: usize,
        out: &mut [f32],
    ) -> Result<(), TensorFileError> {
        let float = self.expect_float(name)?;
        let (element_bytes, range) = (float.bytes(), self.range(name));
        let data = self.bytes.get(range.clone()).unwrap_or_default();
        let wanted = start
            .checked_add(out.len())
            .and_then(|end| {
                Some(start.checked_mul(element_bytes)?..end.checked_mul(element_bytes)?)
            })
            .and_then(|range| data.get(range));
        let Some(wanted) = wanted else {
            let expected = start.saturating_add(out.len());
            return Err(TensorFileError::Length {
                path: self.path.clone(),
                name: name.to_owned(),
                expected,
                got: data.len() / element_bytes,
            });
        };
        let first = range.start + start * element_bytes;
        for (piece, out) in (0..).zip(out.chunks_mut(RELEASED_ELEMENTS)) {
            let from = piece * RELEASED_ELEMENTS * element_bytes;
            let bytes = &wanted[from..from + out.len() * element_bytes];
            convert(float, bytes, out);
            self.release(first + from..first + from + bytes.len());
        }
        Ok(())
    }

    fn range(&self, name: &str) -> Range<usize> {
        let entry = self.tensors.get(name);
        entry.map(|entry| entry.range.clone()).unwrap_or_default()
    }

    /// Gives pages that were read back to the system: a mapped page counts as this process's memory, and a model is read once.
    fn release(&self, bytes: Range<usize>) {
        // SAFETY: the mapping is shared, of a file and never written, so a page that is dropped and asked for again has the same
        // bytes.
        #[cfg(unix)]
        #[expect(unsafe_code, reason = "dropping pages is unsafe by signature")]
        let released = unsafe {
            let advice = memmap2::UncheckedAdvice::DontNeed;
            self.bytes
                .unchecked_advise_range(advice, bytes.start, bytes.len())
        };
        // A system that does not take the advice costs memory only.
        #[cfg(unix)]
        let _ = released;
        #[cfg(not(unix))]
        let _ = bytes;
    }
}

/// Elements read between two releases of pages.
const RELEASED_ELEMENTS: usize = 4 << 20;

fn convert(float: FloatType, bytes: &[u8], out: &mut [f32]) {
    match float {
        FloatType::F32 => {
            let (elements, _) = bytes.as_chunks::<4>();
            out.iter_mut()
                .zip(elements)
                .for_each(|(value, bytes)| *value = f32::from_le_bytes(*bytes));
        }
        FloatType::BF16 => {
            let (elements, _) = bytes.as_chunks::<2>();
            out.iter_mut()
                .zip(elements)
                .for_each(|(value, bytes)| *value = bf16::from_le_bytes(*bytes).to_f32());
        }
        FloatType::F16 => {
            let (elements, _) = bytes.as_chunks::<2>();
            out.iter_mut()
                .zip(elements)
                .for_each(|(value, bytes)| *value = f16::from_le_bytes(*bytes).to_f32());
        }
    }
}

pub(crate) fn map(path: &Path) -> io::Result<Mmap> {
    // Asked before opening: opening a named pipe would wait for ever.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file",
        ));
    }
    let file = File::open(path)?;
    // SAFETY: the bytes are only ever read as `u8` and every value is valid. That nobody shortens the file meanwhile is the
    // contract of a checkpoint and of a published model: they are written aside and renamed, never changed in place.
    #[expect(unsafe_code, reason = "mapping a file is unsafe by signature")]
    unsafe {
        Mmap::map(&file)
    }
}

/// The types in which weights are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FloatType {
    /// 32-bit IEEE 754.
    F32,
    /// The upper half of `F32`, rounded to nearest even.
    BF16,
    /// 16-bit IEEE 754, rounded to nearest even; values beyond 65504 become infinite.
    F16,
}

impl FloatType {
    /// Bytes of one element.
    pub const fn bytes(self) -> usize {
        match self {
            FloatType::F32 => 4,
            FloatType::BF16 | FloatType::F16 => 2,
        }
    }

    /// Whether a number is finite and stays so in this type.
    pub fn holds(self, value: f32) -> bool {
        match self {
            FloatType::F32 => value.is_finite(),
            FloatType::BF16 => bf16::from_f32(value).is_finite(),
            FloatType::F16 => f16::from_f32(value).is_finite(),
        }
    }

    fn dtype(self) -> Dtype {
        match self {
            FloatType::F32 => Dtype::F32,
            FloatType::BF16 => Dtype::BF16,
            FloatType::F16 => Dtype::F16,
        }
    }
}

/// The header of a file to be written: names, shapes and types in the order in which the data follows.
#[derive(Debug)]
pub(crate) struct Layout {
    header: Vec<u8>,
    data_bytes: u64,
}

impl Layout {
    /// `None` if a size goes beyond what the format can say or the reader takes.
    pub(crate) fn new<'a>(
        tensors: impl IntoIterator<Item = (&'a str, &'a [usize], FloatType)>,
    ) -> Option<Self> {
        let mut header = serde_json::Map::new();
        header.insert("__metadata__".into(), serde_json::json!({"format": "pt"}));
        let mut end: usize = 0;
        for (name, shape, float) in tensors {
            if shape.len() > MAX_DIMENSIONS {
                return None;
            }
            let start = end;
            end = start.checked_add(num_elements(shape)?.checked_mul(float.bytes())?)?;
            let info = TensorInfo {
                dtype: float.dtype(),
                shape: shape.to_vec(),
                data_offsets: (start, end),
            };
            header.insert(name.to_owned(), serde_json::to_value(info).ok()?);
        }
        let mut header = serde_json::to_vec(&header).ok()?;
        // Data that starts at a multiple of eight lets other readers use it in place.
        header.resize(header.len().next_multiple_of(8), b' ');
        (header.len() <= header::MAX_HEADER_BYTES).then_some(Layout {
            header,
            data_bytes: end as u64,
        })
    }

    /// Bytes of the tensors.
    pub(crate) fn data_bytes(&self) -> u64 {
        self.data_bytes
    }

    /// Size of the whole file.
    pub(crate) fn file_bytes(&self) -> u64 {
        8 + self.header.len() as u64 + self.data_bytes
    }

    pub(crate) fn write_header(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&(self.header.len() as u64).to_le_bytes())?;
        out.write_all(&self.header)
    }
}

/// Writes elements in little-endian order, through a buffer of fixed size.
pub(crate) fn write_elements(
    out: &mut dyn Write,
    data: &[f32],
    float: FloatType,
) -> io::Result<()> {
    const BUFFERED: usize = 16 * 1024;
    let mut bytes = vec![0_u8; BUFFERED * float.bytes()];
    for piece in data.chunks(BUFFERED) {
        match float {
            FloatType::F32 => {
                let (slots, _) = bytes.as_chunks_mut::<4>();
                slots
                    .iter_mut()
                    .zip(piece)
                    .for_each(|(slot, value)| *slot = value.to_le_bytes());
            }
            FloatType::BF16 => {
                let (slots, _) = bytes.as_chunks_mut::<2>();
                slots
                    .iter_mut()
                    .zip(piece)
                    .for_each(|(slot, value)| *slot = bf16::from_f32(*value).to_le_bytes());
            }
            FloatType::F16 => {
                let (slots, _) = bytes.as_chunks_mut::<2>();
                slots
                    .iter_mut()
                    .zip(piece)
                    .for_each(|(slot, value)| *slot = f16::from_f32(*value).to_le_bytes());
            }
        }
        out.write_all(&bytes[..piece.len() * float.bytes()])?;
    }
    Ok(())
}

/// Elements of a shape; `None` if the product overflows.
pub(crate) fn num_elements(shape: &[usize]) -> Option<usize> {
    shape
        .iter()
        .try_fold(1_usize, |product, &size| product.checked_mul(size))
}
