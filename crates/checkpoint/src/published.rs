//! The tensors of a published model folder: one `model.safetensors`, or shards and an index.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::tensor_file::FloatType;

mod error;
mod index;
mod read;
mod write;

pub use self::error::PublishedError;
pub use self::read::ModelFiles;
pub use self::write::{write_model, write_model_with};

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// A tensor that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// Published name.
    pub name: String,
    /// Shape; empty for a scalar.
    pub shape: Vec<usize>,
    /// Number format in the file.
    pub float: FloatType,
}

/// An index as it is written; one that a stranger wrote is read by [`index`].
#[derive(Debug, Serialize)]
struct Index {
    metadata: serde_json::Map<String, serde_json::Value>,
    weight_map: BTreeMap<String, String>,
}
