//! Errors of GGUF files.

use std::io;
use std::path::PathBuf;

use crate::durable::DurableError;
use crate::shown::shown;

/// A GGUF file cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GgufError {
    /// The file could not be written. An existing file is unchanged.
    #[error(transparent)]
    Durable(#[from] DurableError),
    /// The file cannot be opened or mapped.
    #[error("failed to read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// The file is not valid GGUF.
    #[error("`{}` is not a valid GGUF file: {problem}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The problem and its byte offset.
        problem: String,
    },
    /// The file does not contain this tensor.
    #[error("`{}` has no tensor `{}`", path.display(), shown(name))]
    Missing {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
    },
    /// The requested range is outside the tensor or starts inside a block.
    #[error("tensor `{}` in `{}` has {len} elements; the {count} elements from {start} on cannot be read", shown(name), path.display())]
    Range {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Number of elements in the tensor.
        len: usize,
        /// First requested element.
        start: usize,
        /// Number of requested elements.
        count: usize,
    },
    /// A metadata key to be written is invalid or duplicate.
    #[error("key `{key}` cannot be written: {problem}")]
    Key {
        /// The key.
        key: String,
        /// The problem.
        problem: &'static str,
    },
    /// A tensor to be written is invalid or duplicate.
    #[error("tensor `{name}` cannot be written: {problem}")]
    Tensor {
        /// The tensor.
        name: String,
        /// The problem.
        problem: String,
    },
}

impl GgufError {
    /// How to fix the problem, if there is a way.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            GgufError::Durable(error) => return error.hint(),
            GgufError::Read { .. } => "check that the file exists and may be read",
            GgufError::Malformed { .. } => {
                "copy or download the file again and compare its hash with the original"
            }
            GgufError::Missing { .. } => "list the file's tensors with `jikji model info`",
            GgufError::Range { .. } | GgufError::Key { .. } | GgufError::Tensor { .. } => {
                return None;
            }
        };
        Some(hint.to_owned())
    }
}
