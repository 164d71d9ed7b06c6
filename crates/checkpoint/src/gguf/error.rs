//! What can go wrong with a GGUF file.

use std::io;
use std::path::PathBuf;

use crate::durable::DurableError;
use crate::shown::shown;

/// A GGUF file cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GgufError {
    /// The file could not be written; what was there before is still there.
    #[error(transparent)]
    Durable(#[from] DurableError),
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
    #[error("`{}` is not a valid GGUF file: {problem}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, and at which byte.
        problem: String,
    },
    /// The file has no such tensor.
    #[error("`{}` has no tensor `{}`", path.display(), shown(name))]
    Missing {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
    },
    /// A part of a tensor was asked for that it does not have, or that begins inside a block.
    #[error("tensor `{}` in `{}` has {len} elements, of which {count} from {start} on cannot be read", shown(name), path.display())]
    Range {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its elements.
        len: usize,
        /// First element asked for.
        start: usize,
        /// Elements asked for.
        count: usize,
    },
    /// Metadata to be written contradicts the format or itself.
    #[error("key `{key}` cannot be written: {problem}")]
    Key {
        /// The key.
        key: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A tensor to be written contradicts the format, itself or another one.
    #[error("tensor `{name}` cannot be written: {problem}")]
    Tensor {
        /// The tensor.
        name: String,
        /// What is wrong.
        problem: String,
    },
}

impl GgufError {
    /// The way out, where there is one.
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
