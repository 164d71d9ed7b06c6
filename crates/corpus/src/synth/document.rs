//! The public door: which topic and scene a document number gets.

use super::render::render;
use super::rng::Rng;
use super::scene::Grammar;
use super::topic::Topic;

/// Rises whenever the text of any (seed, index) changes, so that papers can tell corpora apart.
pub const GENERATOR_VERSION: u32 = 1;

const PURPOSE_TEXT: u64 = 0;
const PURPOSE_TOPIC: u64 = 1;

/// What to generate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SynthConfig {
    /// The same seed gives the same documents.
    pub seed: u64,
    /// How many.
    pub documents: usize,
    /// From which topics, evenly; empty means all.
    pub topics: Vec<Topic>,
}

/// One generated text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SynthDocument {
    /// The topic it was drawn from.
    pub topic: Topic,
    /// NFC, no trailing newline.
    pub text: String,
}

/// Document `index` of `seed`, a pure function of its arguments. In every run of `topics.len()` indices from a multiple of
/// it, each topic comes once; empty `topics` means all.
pub fn document(seed: u64, index: u64, topics: &[Topic]) -> SynthDocument {
    let topics = if topics.is_empty() {
        &Topic::ALL
    } else {
        topics
    };
    let block = index / topics.len() as u64;
    let mut order: Vec<Topic> = topics.to_vec();
    let mut shuffle = Rng::new(seed, block, PURPOSE_TOPIC);
    for at in (1..order.len()).rev() {
        order.swap(at, shuffle.below(at + 1));
    }
    let topic = order[(index % topics.len() as u64) as usize];
    let grammar = Grammar::get();
    let mut rng = Rng::new(seed, index, PURPOSE_TEXT);
    let text = match grammar.scenes.get(&topic) {
        Some(scenes) => {
            let scene = &scenes[rng.below(scenes.len())];
            render(scene, &grammar.lexicon, rng)
        }
        None => String::new(),
    };
    SynthDocument { topic, text }
}

/// The documents `0..config.documents`, in order.
pub fn documents(config: &SynthConfig) -> impl Iterator<Item = SynthDocument> {
    (0..config.documents as u64).map(|index| document(config.seed, index, &config.topics))
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
