//! How long an epoch is: from the tokens of each source and the mixture to steps, and back to
//! passes over each source. Pure functions of sizes, so that an estimate before preparation and the
//! real shards are computed alike.
//!
//! Without weights and stages an epoch is one pass over every source. With them, sources are read
//! at different speeds; then so many epochs are done when every source that the last stage reads
//! has been read at least that often, so nothing that is part of the mixture stays unread. What an
//! earlier stage has read counts.

use crate::loader::LoaderConfig;
use crate::mixture::Mixture;
use crate::stream::num_sequences;

/// The fewest steps of `sequences_per_step` sequences after which `epochs` epochs are done.
/// `tokens` are the training tokens of each source; sources without any do not count.
///
/// ```
/// use jikji_loader::{LoaderConfig, steps_of_epochs};
///
/// let config = LoaderConfig {
///     seed: 1,
///     seq_len: 100,
///     cross_documents: false,
///     weights: Vec::new(),
///     stages: Vec::new(),
///     pad_id: 0,
///     first_sequences: Default::default(),
/// };
/// // 101 tokens make one sequence of 100 inputs and their targets, 8,001 make 80 sequences.
/// let tokens = [("law".to_owned(), 101), ("news".to_owned(), 8_001)];
/// assert_eq!(steps_of_epochs(1.0, &tokens, &config, 8), 11);
/// assert_eq!(steps_of_epochs(0.5, &tokens, &config, 8), 6);
/// ```
pub fn steps_of_epochs(
    epochs: f64,
    tokens: &[(String, u64)],
    config: &LoaderConfig,
    sequences_per_step: u64,
) -> u64 {
    let sizes = Sizes::new(tokens, config.seq_len);
    let rows = sequences_per_step.max(1);
    if config.weights.is_empty() && config.stages.is_empty() {
        return needed(epochs, sizes.sequences.iter().sum()).div_ceil(rows);
    }
    let Some(mixture) = sizes.mixture(config) else {
        return 0;
    };
    let last = config.stages.last();
    let read_last = sizes.weights(last.map_or(&config.weights, |stage| &stage.weights));
    let is_done = |steps: u64| {
        let consumed = mixture.consumed(steps.saturating_mul(rows));
        let sources = consumed.iter().zip(&sizes.sequences).zip(&read_last);
        sources
            .filter(|(_, weight)| **weight > 0.0)
            .all(|((consumed, size), _)| *consumed >= needed(epochs, *size))
    };
    fewest(is_done)
}

/// How often each source with training tokens has been read when the first `sequences` sequences
/// are done.
pub fn passes_after(
    sequences: u64,
    tokens: &[(String, u64)],
    config: &LoaderConfig,
) -> Vec<(String, f64)> {
    let sizes = Sizes::new(tokens, config.seq_len);
    let consumed = sizes
        .mixture(config)
        .map_or_else(Vec::new, |mixture| mixture.consumed(sequences));
    let sources = sizes.names.into_iter().zip(&sizes.sequences).zip(consumed);
    sources
        .map(|((name, size), consumed)| (name, consumed as f64 / *size as f64))
        .collect()
}

/// Sequences that so many passes over `size` of them take. What is whole but for the last digits of
/// a float is whole.
fn needed(epochs: f64, size: u64) -> u64 {
    (epochs * size as f64 - 1e-6).ceil().max(0.0) as u64
}

/// The smallest number for which a condition holds that, once it holds, holds for all larger ones.
fn fewest(holds: impl Fn(u64) -> bool) -> u64 {
    /// No run is as long, and indices of sequences stay far from overflowing.
    const MOST: u64 = 1 << 40;
    let mut high = 1;
    while high < MOST && !holds(high) {
        high *= 2;
    }
    let mut low = 0;
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// The sources that have training tokens.
struct Sizes {
    names: Vec<String>,
    tokens: Vec<u64>,
    sequences: Vec<u64>,
}

impl Sizes {
    fn new(tokens: &[(String, u64)], seq_len: usize) -> Self {
        let sequences = |tokens: u64| num_sequences(tokens, seq_len.max(1));
        let sources: Vec<&(String, u64)> = tokens
            .iter()
            .filter(|(_, tokens)| sequences(*tokens) > 0)
            .collect();
        Self {
            names: sources.iter().map(|(name, _)| name.clone()).collect(),
            tokens: sources.iter().map(|(_, tokens)| *tokens).collect(),
            sequences: sources
                .iter()
                .map(|(_, tokens)| sequences(*tokens))
                .collect(),
        }
    }

    /// One weight a source; the number of tokens if none are given.
    fn weights(&self, given: &[(String, f64)]) -> Vec<f64> {
        if given.is_empty() {
            return self.tokens.iter().map(|tokens| *tokens as f64).collect();
        }
        let weight = |name: &String| {
            let found = given.iter().find(|(named, _)| named == name);
            found.map_or(0.0, |(_, weight)| *weight)
        };
        self.names.iter().map(weight).collect()
    }

    /// `None` where a stage reads no source that has tokens.
    fn mixture(&self, config: &LoaderConfig) -> Option<Mixture> {
        let first = std::iter::once((0, &config.weights));
        let later = config.stages.iter();
        let later = later.map(|stage| (stage.from_sequence, &stage.weights));
        let stages: Vec<(u64, Vec<f64>)> = first
            .chain(later)
            .map(|(from, weights)| (from, self.weights(weights)))
            .collect();
        let reads = |weights: &Vec<f64>| weights.iter().any(|weight| *weight > 0.0);
        let is_possible = stages.iter().all(|(_, weights)| reads(weights));
        is_possible.then(|| Mixture::new(config.seed, vec![0; self.names.len()], &stages))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Stage;

    fn config(weights: &[(&str, f64)], stages: &[(u64, &[(&str, f64)])]) -> LoaderConfig {
        let owned = |weights: &[(&str, f64)]| {
            let weights = weights.iter();
            weights
                .map(|(name, weight)| ((*name).to_owned(), *weight))
                .collect()
        };
        LoaderConfig {
            seed: 7,
            seq_len: 100,
            cross_documents: false,
            weights: owned(weights),
            stages: stages
                .iter()
                .map(|(from_sequence, weights)| Stage {
                    from_sequence: *from_sequence,
                    weights: owned(weights),
                })
                .collect(),
            pad_id: 0,
            first_sequences: std::collections::BTreeMap::new(),
        }
    }

    /// Sources of so many whole sequences.
    fn sources(sequences: &[(&str, u64)]) -> Vec<(String, u64)> {
        let source = |(name, n): &(&str, u64)| ((*name).to_owned(), n * 100 + 1);
        sequences.iter().map(source).collect()
    }

    #[test]
    fn without_weights_an_epoch_is_every_sequence_once() {
        let tokens = sources(&[("a", 30), ("b", 70)]);
        let plain = config(&[], &[]);
        for (epochs, rows, steps) in [
            (1.0, 1, 100),
            (1.0, 8, 13),
            (3.0, 8, 38),
            (0.1, 1, 10),
            (0.001, 8, 1),
            (0.3, 10, 3),
        ] {
            let found = steps_of_epochs(epochs, &tokens, &plain, rows);
            assert_eq!(found, steps, "{epochs} epochs of {rows} rows");
        }
        // A source without a target adds nothing.
        let with_empty = [tokens, vec![("c".to_owned(), 1), ("d".to_owned(), 0)]].concat();
        assert_eq!(steps_of_epochs(1.0, &with_empty, &plain, 8), 13);
        assert_eq!(steps_of_epochs(1.0, &[], &plain, 8), 0);
    }

    #[test]
    fn with_weights_the_source_that_is_exhausted_last_decides() {
        let tokens = sources(&[("small", 100), ("large", 3000)]);
        let weighted = config(&[("small", 1.0), ("large", 1.0)], &[]);
        // Half of the sequences are of `large`: 6,000 until it has been read once, and `small` 30
        // times.
        let steps = steps_of_epochs(1.0, &tokens, &weighted, 10);
        assert!((600..=601).contains(&steps), "{steps}");
        let passes = passes_after(steps * 10, &tokens, &weighted);
        assert!(passes[1].1 >= 1.0 && passes[1].1 < 1.01, "{passes:?}");
        assert!((passes[0].1 - 30.0).abs() < 0.2, "{passes:?}");
        // A source without a weight is not read and does not count.
        let alone = config(&[("small", 2.0)], &[]);
        assert_eq!(steps_of_epochs(2.0, &tokens, &alone, 10), 20);
    }

    #[test]
    fn stages_count_what_was_read_before_them() {
        let tokens = sources(&[("a", 1000), ("b", 500)]);
        // 1,000 sequences of `a`, then `b` and `a` in equal shares: `b` decides.
        let staged = config(&[("a", 1.0)], &[(1000, &[("a", 1.0), ("b", 1.0)])]);
        let steps = steps_of_epochs(1.0, &tokens, &staged, 10);
        assert!((200..=201).contains(&steps), "{steps}");
        // `a` alone in the end: half of it is missing when the stage begins.
        let staged = config(&[("a", 1.0), ("b", 1.0)], &[(1000, &[("a", 1.0)])]);
        assert_eq!(steps_of_epochs(1.0, &tokens, &staged, 10), 150);
        // A last stage that begins after everything was read adds nothing.
        let steps = steps_of_epochs(0.1, &tokens, &staged, 10);
        assert!((17..=23).contains(&steps), "{steps}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn the_number_of_steps_is_the_smallest_that_suffices(
            a in 1_u64..2000, b in 1_u64..2000, weight in 0.01..1.0_f64, epochs in 0.1..5.0_f64, rows in 1_u64..64,
        ) {
            let tokens = sources(&[("a", a), ("b", b)]);
            let weighted = config(&[("a", 1.0), ("b", weight)], &[]);
            let steps = steps_of_epochs(epochs, &tokens, &weighted, rows);
            let all_read = |steps: u64| {
                passes_after(steps * rows, &tokens, &weighted).iter().all(|(_, passes)| *passes >= epochs - 1e-9)
            };
            prop_assert!(all_read(steps), "{:?}", passes_after(steps * rows, &tokens, &weighted));
            prop_assert!(steps == 0 || !all_read(steps - 1));
        }
    }
}
