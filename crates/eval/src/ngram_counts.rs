//! How often each n-gram occurs, in order of the n-grams and in bounded memory.
//!
//! An n-gram of at most three symbols is one number, its newest symbol in the lowest bits. Numbers are gathered, sorted and merged
//! into what was counted before: no hash tables, so nothing depends on their order, and a context's continuations lie
//! side by side.

use rayon::prelude::*;

/// Bits of a symbol: a byte, a code point, or a mark beyond them.
pub(crate) const SYMBOL_BITS: u32 = 21;

/// N-grams gathered before they are merged: 32 MiB.
const GATHERED: usize = 1 << 22;

/// An n-gram, and how often it came.
pub(crate) type Counted = (u64, u32);

/// Counts what it is given.
#[derive(Debug, Default)]
pub(crate) struct NgramCounter {
    gathered: Vec<u64>,
    merged: Vec<Counted>,
}

impl NgramCounter {
    pub(crate) fn add(&mut self, ngram: u64) {
        if self.gathered.len() >= GATHERED {
            self.merge();
        }
        self.gathered.push(ngram);
    }

    /// All n-grams in order.
    pub(crate) fn finish(mut self) -> Vec<Counted> {
        self.merge();
        self.merged
    }

    fn merge(&mut self) {
        self.gathered.par_sort_unstable();
        let fresh = run_lengths(&self.gathered);
        self.gathered.clear();
        let old = std::mem::take(&mut self.merged);
        self.merged = merge_counts(old, fresh);
    }
}

fn run_lengths(sorted: &[u64]) -> Vec<Counted> {
    sorted
        .chunk_by(|a, b| a == b)
        .filter_map(|run| Some((*run.first()?, count(run.len()))))
        .collect()
}

fn merge_counts(old: Vec<Counted>, fresh: Vec<Counted>) -> Vec<Counted> {
    if old.is_empty() {
        return fresh;
    }
    let mut merged = Vec::with_capacity(old.len().max(fresh.len()));
    let (mut old, mut fresh) = (old.into_iter().peekable(), fresh.into_iter().peekable());
    loop {
        let next = match (old.peek(), fresh.peek()) {
            (Some((a, _)), Some((b, _))) if a < b => old.next(),
            (Some((a, _)), Some((b, _))) if b < a => fresh.next(),
            (Some(_), Some(_)) => old
                .next()
                .zip(fresh.next())
                .map(|((ngram, a), (_, b))| (ngram, a.saturating_add(b))),
            (Some(_), None) => old.next(),
            (None, _) => fresh.next(),
        };
        match next {
            Some(counted) => merged.push(counted),
            None => return merged,
        }
    }
}

/// For each n-gram without its oldest symbol (`order - 1` symbols are left), how many different symbols stood before it.
pub(crate) fn continuation_counts(ngrams: &[Counted], order: u32) -> Vec<Counted> {
    let kept = (1u64 << (SYMBOL_BITS * (order - 1))) - 1;
    let mut shorter: Vec<u64> = ngrams.iter().map(|(ngram, _)| ngram & kept).collect();
    shorter.par_sort_unstable();
    run_lengths(&shorter)
}

fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn merged_pieces_count_as_the_whole(numbers in prop::collection::vec(0u64..50, 0..300), cuts in prop::collection::vec(0usize..300, 0..5)) {
            let mut counter = NgramCounter::default();
            let mut expected: BTreeMap<u64, u32> = BTreeMap::new();
            for (index, number) in numbers.iter().enumerate() {
                if cuts.contains(&index) {
                    counter.merge();
                }
                counter.add(*number);
                *expected.entry(*number).or_default() += 1;
            }
            prop_assert_eq!(counter.finish(), expected.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn continuations_count_different_predecessors() {
        let pair = |a: u64, b: u64| (a << SYMBOL_BITS) | b;
        let ngrams = [(pair(1, 7), 5), (pair(2, 7), 1), (pair(2, 8), 9)];
        assert_eq!(continuation_counts(&ngrams, 2), [(7, 2), (8, 1)]);
    }
}
