//! Model folders as others publish and load them.
//!
//! Read in this order:
//!
//! 1. [`ModelFolder`]: a published folder, opened and checked; [`LoadedModel`]: the same in memory;
//! 2. [`WeightSource`]: where numbers come from when a folder is written;
//! 3. [`export_model`]: a folder that other programs load; [`export_gguf`]: one file for llama.cpp;
//! 4. [`Deepened`], [`Merged`], [`WithRows`]: new models from the weights of others; [`Lineage`]: what a folder was made from.
//!
//! What the numbers mean is `jikji_model`'s; how tensor files look is `jikji_checkpoint`'s.

mod error;
mod file_names;

mod generation_file;
mod loaded_model;
mod model_folder;
mod number_check;
mod small_file;
mod weight_source;

mod export;
mod gguf_export;
mod lineage;
mod other_form;
mod published_config;
mod written;

mod surgery;

#[cfg(any(test, feature = "testing"))]
#[doc(hidden)]
pub mod testing;

pub use error::InteropError;
pub use export::{Beside, Export, check_not_itself, check_replaceable, export_model};
pub use file_names::LINEAGE_NAME;
pub use gguf_export::export_gguf;
pub use lineage::Lineage;
pub use loaded_model::LoadedModel;
pub use model_folder::{ModelFolder, read_config};
pub use other_form::OtherForm;
pub use published_config::check_exportable;
pub use surgery::{
    Deepened, LayerMap, MergeMethod, Merged, Neighbours, NewRows, Rows, TextStatistics,
    TokenCounts, WithRows, vocabulary_matrices,
};
pub use weight_source::WeightSource;
pub use written::Written;
