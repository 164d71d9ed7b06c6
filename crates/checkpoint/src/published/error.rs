//! What can go wrong with a published model folder.

use std::io;
use std::path::PathBuf;

use super::{INDEX, SINGLE};
use crate::durable::{DurableError, FolderFileError};
use crate::shown::shown;
use crate::tensor_file::TensorFileError;

/// A model folder's tensors cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum PublishedError {
    /// A file could not be written.
    #[error(transparent)]
    Durable(#[from] DurableError),
    /// A file of the folder must not be opened.
    #[error(transparent)]
    File(#[from] FolderFileError),
    /// A tensor file, or a tensor in it, cannot be used.
    #[error(transparent)]
    Tensors(#[from] TensorFileError),
    /// The folder has neither a single file nor an index.
    #[error("`{}` has neither `{SINGLE}` nor `{INDEX}`", dir.display())]
    NoModel {
        /// The folder.
        dir: PathBuf,
    },
    /// The index cannot be read.
    #[error("failed to read `{}`", path.display())]
    Read {
        /// The index.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// The index is not what its format says, or disagrees with the files.
    #[error("`{}` is damaged: {problem}", path.display())]
    Index {
        /// The index.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The folder has no such tensor.
    #[error("`{}` has no tensor `{}`", dir.display(), shown(name))]
    Missing {
        /// The folder.
        dir: PathBuf,
        /// The tensor.
        name: String,
    },
    /// A tensor has another shape than the model.
    #[error("tensor `{}` in `{}` has shape {got:?}, expected {expected:?}", shown(name), dir.display())]
    Shape {
        /// The folder.
        dir: PathBuf,
        /// The tensor.
        name: String,
        /// The model's shape.
        expected: Vec<usize>,
        /// The file's shape.
        got: Vec<usize>,
    },
    /// A tensor to be written contradicts itself or another one.
    #[error("tensor `{name}` cannot be written: {problem}")]
    Tensor {
        /// The tensor.
        name: String,
        /// What is wrong.
        problem: String,
    },
}

impl PublishedError {
    /// The way out, where there is one.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            PublishedError::Durable(error) => return error.hint(),
            PublishedError::File(error) => return error.hint(),
            PublishedError::Tensors(error) => return error.hint(),
            PublishedError::NoModel { .. } => {
                "weights are read from `model.safetensors`, or from shards that the index names; other formats, such as pytorch_model.bin, have to be converted first"
            }
            PublishedError::Read { .. } => "check that it may be read",
            PublishedError::Index { .. } => {
                "copy or download the folder again, with all its shards"
            }
            PublishedError::Missing { .. } | PublishedError::Shape { .. } => {
                "check that the model's config and its weights belong together"
            }
            PublishedError::Tensor { .. } => return None,
        };
        Some(hint.to_owned())
    }
}
