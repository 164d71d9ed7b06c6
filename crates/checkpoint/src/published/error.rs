//! Errors of published model folders.

use std::io;
use std::path::PathBuf;

use super::{INDEX, SINGLE};
use crate::durable::{DurableError, FolderFileError};
use crate::shown::shown;
use crate::tensor_file::TensorFileError;

/// The tensors of a model folder cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum PublishedError {
    /// A file could not be written.
    #[error(transparent)]
    Durable(#[from] DurableError),
    /// A file of the folder may not be opened.
    #[error(transparent)]
    File(#[from] FolderFileError),
    /// A tensor file or a tensor in it is not valid.
    #[error(transparent)]
    Tensors(#[from] TensorFileError),
    /// The folder contains neither `model.safetensors` nor an index.
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
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// The index is invalid or does not match the files.
    #[error("`{}` is damaged: {problem}", path.display())]
    Index {
        /// The index.
        path: PathBuf,
        /// The problem.
        problem: String,
    },
    /// The folder does not contain this tensor.
    #[error("`{}` has no tensor `{}`", dir.display(), shown(name))]
    Missing {
        /// The folder.
        dir: PathBuf,
        /// The tensor.
        name: String,
    },
    /// The shape of a tensor differs from the model's.
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
    /// A tensor to be written is invalid or duplicate.
    #[error("tensor `{name}` cannot be written: {problem}")]
    Tensor {
        /// The tensor.
        name: String,
        /// The problem.
        problem: String,
    },
}

impl PublishedError {
    /// How to fix the problem, if there is a way.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            PublishedError::Durable(error) => return error.hint(),
            PublishedError::File(error) => return error.hint(),
            PublishedError::Tensors(error) => return error.hint(),
            PublishedError::NoModel { .. } => {
                "weights must be in `model.safetensors`, or in several safetensors files with an index; convert other formats such as pytorch_model.bin first"
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
