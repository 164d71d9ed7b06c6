//! The public API: generates the document of a number from a topic and a scene.

use super::render::render;
use super::rng::Rng;
use super::scene::Grammar;
use super::topic::Topic;

/// Incremented whenever the text of any (seed, index) changes, so that the provenance of a corpus
/// is exact.
pub const GENERATOR_VERSION: u32 = 1;

const PURPOSE_TEXT: u64 = 0;
const PURPOSE_TOPIC: u64 = 1;

/// Settings of the generator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SynthConfig {
    /// Seed; equal seeds give equal documents.
    pub seed: u64,
    /// Number of documents.
    pub documents: usize,
    /// Topics, used equally often; empty means all topics.
    pub topics: Vec<Topic>,
}

/// A generated document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SynthDocument {
    /// The topic of the document.
    pub topic: Topic,
    /// The text in NFC, without a trailing newline.
    pub text: String,
}

/// Generates document `index` of `seed`; a pure function of its arguments. Each block of
/// `topics.len()` consecutive indices contains every topic once. Empty `topics` means all topics.
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

/// Generates the documents `0..config.documents`, in order.
pub fn documents(config: &SynthConfig) -> impl Iterator<Item = SynthDocument> {
    (0..config.documents as u64).map(|index| document(config.seed, index, &config.topics))
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
