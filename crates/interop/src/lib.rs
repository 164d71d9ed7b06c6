//! Model folders as others publish and load them.
//!
//! Read in this order:
//!
//! 1. [`read_config`]: a published `config.json`, strictly; [`LoadedModel`]: the whole folder in memory;
//! 2. [`export_model`]: a folder that other programs load; [`export_gguf`]: one file for llama.cpp.
//!
//! What the numbers mean is `jikji_model`'s; how tensor files look is `jikji_checkpoint`'s.

mod error;

mod model_folder;
mod read_config;

mod export;
mod gguf_export;
mod published_config;

#[cfg(any(test, feature = "testing"))]
#[doc(hidden)]
pub mod testing;

pub use error::InteropError;
pub use export::export_model;
pub use gguf_export::{GgufExport, export_gguf};
pub use model_folder::{LoadedModel, load_weights};
pub use published_config::check_exportable;
pub use read_config::read_config;
