//! A seeded grammar that generates Korean text, as an addition to a small hand-written corpus.
//!
//! Particles agree with the preceding sound, and predicates are conjugated on jamo. People, places,
//! numbers and the speech level are consistent within a document. Every document is a pure function
//! of (seed, index). The text is synthetic: code that stores it must label it, with
//! [`GENERATOR_VERSION`].
//!
//! The words and sentences are in `lexicon/*.txt` and `grammar/*.txt`. The module `template`
//! documents the notation of a sentence, `scene` the notation of a document.
//!
//! ```
//! use jikji_corpus::synth::{Topic, document};
//!
//! let first = document(1377, 0, &[Topic::Food]);
//! assert_eq!(first.topic, Topic::Food);
//! assert_eq!(first.text, document(1377, 0, &[Topic::Food]).text);
//! ```

pub mod conjugate;
pub mod hangul;

mod document;
mod ending;
mod expression;
mod lexicon;
mod numerals;
mod reading;
mod render;
mod rng;
mod scene;
mod template;
mod topic;

pub use document::{GENERATOR_VERSION, SynthConfig, SynthDocument, document, documents};
pub use topic::Topic;
