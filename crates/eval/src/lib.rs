//! What a trained model says: log-probabilities, generated text, and the n-gram models that it has to beat.
//!
//! Read in this order:
//!
//! 1. [`score_ids`], [`score_file`]: the log-probability of each token after those before it;
//! 2. [`Generator`]: text from a prompt, with keys and values kept;
//! 3. [`NgramBaseline`], [`CharacterBaseline`]: bits per byte that counting alone reaches.
//!
//! Log-probabilities are natural logarithms everywhere; bits appear only in bits per byte.

mod error;

mod score;
mod score_file;

mod bench;
mod generate;
mod sampling;

mod byte_ngram;
mod character_ngram;
mod kneser_ney;
mod ngram_counts;

pub use bench::{DecodeBench, DecodeBenchConfig, DecodeBenchReport};
pub use byte_ngram::NgramBaseline;
pub use character_ngram::CharacterBaseline;
pub use error::EvalError;
pub use generate::{GenerateConfig, Generated, GeneratedText, Generator, StopReason};
pub use kneser_ney::Order;
pub use score::{Scored, logits, score_ids};
pub use score_file::{ScoreReport, score_file};
