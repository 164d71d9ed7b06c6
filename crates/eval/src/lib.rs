//! What a trained model says: log-probabilities, generated text, and the n-gram models that it has to beat.
//!
//! Read in this order:
//!
//! 1. [`LoadedModel`]: a published model folder in memory; [`export_model`]: one on disk; [`export_gguf`]: as llama.cpp loads it;
//! 2. [`score_ids`], [`score_file`]: the log-probability of each token after those before it;
//! 3. [`Generator`]: text from a prompt, with keys and values kept;
//! 4. [`NgramBaseline`], [`CharacterBaseline`]: bits per byte that counting alone reaches.
//!
//! Log-probabilities are natural logarithms everywhere; bits appear only in bits per byte.

mod error;

mod export;
mod gguf_export;
mod model_folder;
mod published_config;
mod read_config;

mod score;
mod score_file;

mod generate;
mod sampling;

mod byte_ngram;
mod character_ngram;
mod kneser_ney;
mod ngram_counts;

#[cfg(test)]
mod testing;

pub use byte_ngram::NgramBaseline;
pub use character_ngram::CharacterBaseline;
pub use error::EvalError;
pub use export::export_model;
pub use generate::{GenerateConfig, Generated, GeneratedText, Generator, StopReason};
pub use gguf_export::{GgufExport, export_gguf};
pub use kneser_ney::Order;
pub use model_folder::{LoadedModel, load_weights};
pub use published_config::check_exportable;
pub use read_config::read_config;
pub use score::{Scored, score_ids};
pub use score_file::{ScoreReport, score_file};
