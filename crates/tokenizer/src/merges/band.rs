//! The most frequent pairs with the places where they occur, and merging among them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::{FxHashMap, FxHashSet};

use super::words::{Place, Words};
use super::{Limits, Pair, halves};

/// Every pair that occurred at least `floor` times when the band was made, and every pair with a token that was made since.
///
/// Merging only lowers the counts of the others, but for one case: a token that arises in a second way has more neighbours
/// than before. By how much any of the others can have grown is kept in `grown`, and no pair is given out that one of them
/// could exceed.
pub(super) struct Band {
    pairs: FxHashMap<Pair, PairState>,
    queue: BinaryHeap<(u64, Reverse<Pair>)>,
    /// Pairs whose count grew since they were last queued.
    raised: Vec<Pair>,
    floor: u64,
    min_frequency: u64,
    /// Tokens from here on are younger than the band.
    first_new: u32,
    /// By how much pairs grew that are not listed.
    grown: FxHashMap<Pair, u64>,
    most_grown: u64,
    /// Places that may still be listed.
    places_left: usize,
}

#[derive(Default)]
struct PairState {
    count: u64,
    /// The count it has in the queue; the queue may hold stale, larger ones.
    queued: u64,
    /// Words that held the pair at some time; each is listed at most once in a row.
    words: Vec<Place>,
}

/// A pair when all are counted.
#[derive(Default, Clone, Copy)]
struct Tally {
    count: u64,
    places: usize,
}

impl Band {
    /// The most frequent pairs of `words` that have no more than `limits.places` places, but at least one pair;
    /// those of `refused` are left out.
    pub(super) fn new(
        words: &mut Words,
        first_new: u32,
        limits: Limits,
        refused: &FxHashSet<Pair>,
    ) -> Self {
        words.compact();
        let min_frequency = limits.min_frequency.max(1);
        let mut tallies: FxHashMap<Pair, Tally> = FxHashMap::default();
        words.for_each(|_, count, ids| {
            for neighbours in ids.windows(2) {
                let tally = tallies
                    .entry(super::pair(neighbours[0], neighbours[1]))
                    .or_default();
                tally.count += count;
                tally.places += 1;
            }
        });
        let mut listed: Vec<(Pair, Tally)> = tallies
            .into_iter()
            .filter(|(pair, tally)| tally.count >= min_frequency && !refused.contains(pair))
            .collect();
        let floor = cut_to(&mut listed, limits.places).unwrap_or(min_frequency);
        let mut pairs: FxHashMap<Pair, PairState> = FxHashMap::default();
        let (mut queue, mut places) = (BinaryHeap::with_capacity(listed.len()), 0);
        pairs.reserve(listed.len());
        for (pair, tally) in listed {
            places += tally.places;
            queue.push((tally.count, Reverse(pair)));
            pairs.insert(
                pair,
                PairState {
                    count: tally.count,
                    queued: tally.count,
                    words: Vec::with_capacity(tally.places),
                },
            );
        }
        words.for_each(|place, _, ids| {
            for neighbours in ids.windows(2) {
                if let Some(state) = pairs.get_mut(&super::pair(neighbours[0], neighbours[1])) {
                    state.list(place);
                }
            }
        });
        Self {
            pairs,
            queue,
            raised: Vec::new(),
            floor,
            min_frequency,
            first_new,
            grown: FxHashMap::default(),
            most_grown: 0,
            places_left: (limits.places / 2)
                .saturating_add(limits.places.saturating_sub(places))
                .max(1),
        }
    }

    /// Whether no pair outside of the band occurs often enough to merge.
    pub(super) fn is_last(&self) -> bool {
        self.floor <= self.min_frequency && self.grown.is_empty() && self.places_left > 0
    }

    /// The most frequent pair of all; `None` where a pair that is not listed might be.
    pub(super) fn pop(&mut self) -> Option<Pair> {
        if self.places_left == 0 {
            return None;
        }
        while let Some((queued, Reverse(pair))) = self.queue.pop() {
            let Some(state) = self.pairs.get_mut(&pair) else {
                continue;
            };
            if queued != state.queued {
                continue;
            }
            if state.count == queued {
                state.queued = 0;
                return (queued >= self.floor + self.most_grown).then_some(pair);
            }
            state.queued = state.count;
            if state.count >= self.floor {
                self.queue.push((state.count, Reverse(pair)));
            }
        }
        None
    }

    /// Makes `id` of a pair wherever it occurs.
    pub(super) fn merge(&mut self, words: &mut Words, merged: Pair, id: u32) {
        let mut places = self
            .pairs
            .get_mut(&merged)
            .map(|state| std::mem::take(&mut state.words))
            .unwrap_or_default();
        places.sort_unstable();
        places.dedup();
        for place in places {
            words.merge(place, merged, id, |pair, count, came| {
                if came {
                    self.add(pair, count, place);
                } else if let Some(state) = self.pairs.get_mut(&pair) {
                    state.count = state.count.saturating_sub(count);
                }
            });
        }
        for pair in self.raised.drain(..) {
            if let Some(state) = self.pairs.get_mut(&pair)
                && state.count > state.queued
                && state.count >= self.floor
            {
                state.queued = state.count;
                self.queue.push((state.count, Reverse(pair)));
            }
        }
    }

    fn add(&mut self, pair: Pair, count: u64, place: Place) {
        let (left, right) = halves(pair);
        let state = if left.max(right) >= self.first_new {
            self.pairs.entry(pair).or_default()
        } else if let Some(state) = self.pairs.get_mut(&pair) {
            state
        } else {
            let grown = self.grown.entry(pair).or_default();
            *grown += count;
            self.most_grown = self.most_grown.max(*grown);
            return;
        };
        state.count += count;
        if state.list(place) {
            self.places_left = self.places_left.saturating_sub(1);
        }
        self.raised.push(pair);
    }
}

impl PairState {
    /// Lists a place, if it is not the last one listed.
    fn list(&mut self, place: Place) -> bool {
        let is_new = self.words.last() != Some(&place);
        if is_new {
            self.words.push(place);
        }
        is_new
    }
}

/// Leaves the most frequent pairs, so many that they have at most `places` places; of those that occur equally often all or
/// none. Returns the lowest count that is left complete, if not all of them are left.
fn cut_to(pairs: &mut Vec<(Pair, Tally)>, places: usize) -> Option<u64> {
    pairs.sort_unstable_by_key(|(pair, tally)| (Reverse(tally.count), *pair));
    let mut sum = 0usize;
    let over = pairs.iter().position(|(_, tally)| {
        sum += tally.places;
        sum > places
    })?;
    let refused = pairs[over].1.count;
    let mut end = pairs.partition_point(|(_, tally)| tally.count > refused);
    if end == 0 {
        end = pairs.partition_point(|(_, tally)| tally.count >= refused);
        if end == pairs.len() {
            return None;
        }
    }
    pairs.truncate(end);
    pairs.last().map(|(_, tally)| tally.count)
}
