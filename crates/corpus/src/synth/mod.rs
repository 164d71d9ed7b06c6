//! A seeded grammar of Korean that widens a small hand-written corpus.
//!
//! Particles follow the sound before them, predicates are conjugated on jamo, a document keeps its people, places, numbers
//! and speech level. Everything is a pure function of (seed, index). What it writes is synthetic: whoever stores it says so,
//! with [`GENERATOR_VERSION`].
//!
//! The language lies in `lexicon/*.txt` and `grammar/*.txt`; `template` explains the notation of a sentence, `scene` that
//! of a document.

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
