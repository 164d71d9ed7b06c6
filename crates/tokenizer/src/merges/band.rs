//! The most frequent pairs with the places where they occur, and merging among them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;

use rustc_hash::{FxHashMap, FxHashSet};

use super::store::Store;
use super::sums::Sums;
use super::words::Place;
use super::{Limits, Pair, halves};

/// How often all words on disk are gone through for merges, before it is tried again whether lists suffice.
const MOST_PASSES: u32 = 8;

/// What lists may take for each place of the limit: more where words are on disk, for another band costs far more time there.
const LIST_BYTES: usize = 16;
const LIST_BYTES_ON_DISK: usize = 64;

/// A place in a list that has grown, and a pair with its short list.
const PLACE_BYTES: usize = 8;
const PAIR_BYTES: usize = 112;

/// Merges in one pass; a word's are noted in the bits of a number.
const MOST_AT_ONCE: usize = u64::BITS as usize;

/// Every pair that occurred at least `floor` times when the band was made, and every pair with a token that was made since.
///
/// Merging only lowers the counts of the others, but for one case: a token that arises in a second way has more neighbours
/// than before. By how much any of the others can have grown is kept in `grown`, and no pair is given out that one of them
/// could exceed.
pub(super) struct Band {
    pairs: FxHashMap<Pair, PairState>,
    queue: BinaryHeap<(u64, Reverse<Pair>)>,
    /// Pairs that came somewhere since the last merge, each once.
    raised: Vec<Pair>,
    floor: u64,
    min_frequency: u64,
    /// Tokens from here on are younger than the band.
    first_new: u32,
    /// By how much pairs grew that are not listed.
    grown: FxHashMap<Pair, u64>,
    most_grown: u64,
    /// What lists may still take.
    bytes_left: usize,
    /// Set where pairs have no lists and all words are gone through for each merge: how often that may still be.
    passes_left: Option<u32>,
}

#[derive(Default)]
struct PairState {
    count: u64,
    /// The count it has in the queue; the queue may hold stale, larger ones.
    queued: u64,
    /// Whether it is among those that are raised.
    is_raised: bool,
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
    /// The most frequent pairs of a store's words that have no more than `limits.places` places; those of `refused` are left
    /// out. If the most frequent one alone has more, and the words are on disk, pairs are counted and not listed.
    pub(super) fn new(
        store: &mut Store,
        first_new: u32,
        limits: Limits,
        sums: &Sums,
        refused: &FxHashSet<Pair>,
    ) -> io::Result<Self> {
        store.settle()?;
        let min_frequency = limits.min_frequency.max(1);
        let (mut most_frequent, least) = tallies(store, min_frequency, sums, refused)?;
        most_frequent.sort_unstable_by_key(|(pair, tally)| (Reverse(tally.count), *pair));
        let mut is_listed = !store.is_on_disk()
            || most_frequent
                .first()
                .is_none_or(|(_, tally)| tally.places <= limits.places);
        let mut floor = least;
        let mut places = limits.places;
        let mut pairs: FxHashMap<Pair, PairState> = FxHashMap::default();
        while is_listed {
            floor = cut_to(&mut most_frequent, places).unwrap_or(floor);
            pairs.clear();
            pairs.reserve(most_frequent.len());
            pairs.extend(
                most_frequent
                    .iter()
                    .map(|(pair, _)| (*pair, PairState::default())),
            );
            if store.fetch(|pair| pairs.contains_key(&pair))? {
                break;
            }
            // Words are so long that those of fewer pairs fill the memory.
            store.settle()?;
            is_listed = places > 0;
            places = (places / 2).min(most_frequent.iter().map(|(_, tally)| tally.places).sum());
        }
        let list_bytes = if store.is_on_disk() {
            LIST_BYTES_ON_DISK
        } else {
            LIST_BYTES
        };
        let mut listed = 0;
        let mut queue = BinaryHeap::with_capacity(most_frequent.len());
        for (pair, tally) in most_frequent {
            listed += tally.places;
            queue.push((tally.count, Reverse(pair)));
            let state = pairs.entry(pair).or_default();
            (state.count, state.queued) = (tally.count, tally.count);
            if is_listed {
                state.words.reserve_exact(tally.places);
            }
        }
        if is_listed {
            store.near.for_each(|place, _, ids| {
                for neighbours in ids.windows(2) {
                    if let Some(state) = pairs.get_mut(&super::pair(neighbours[0], neighbours[1])) {
                        state.list(place);
                    }
                }
            });
        }
        Ok(Self {
            pairs,
            queue,
            raised: Vec::new(),
            floor,
            min_frequency,
            first_new,
            grown: FxHashMap::default(),
            most_grown: 0,
            // At least enough for half as many places again, however many the most frequent pair has.
            bytes_left: (limits.places.saturating_mul(list_bytes))
                .saturating_sub(listed.saturating_mul(PLACE_BYTES))
                .max(limits.places.saturating_mul(PLACE_BYTES) / 2)
                .max(1),
            passes_left: (!is_listed).then_some(MOST_PASSES),
        })
    }

    /// Whether no pair outside of the band occurs often enough to merge.
    pub(super) fn is_last(&self) -> bool {
        self.floor <= self.min_frequency
            && self.grown.is_empty()
            && self.bytes_left > 0
            && self.passes_left.is_none()
    }

    /// The most frequent pair of all; `None` where a pair that is not listed might be.
    pub(super) fn pop(&mut self) -> Option<Pair> {
        if self.bytes_left == 0 || self.passes_left == Some(0) {
            return None;
        }
        let (count, pair) = self.best()?;
        self.queue.pop();
        if let Some(state) = self.pairs.get_mut(&pair) {
            state.queued = 0;
        }
        (count >= self.floor + self.most_grown).then_some(pair)
    }

    /// The best pair in the queue, with its count; stale entries above it go.
    fn best(&mut self) -> Option<(u64, Pair)> {
        while let Some(&(queued, Reverse(pair))) = self.queue.peek() {
            let state = self.pairs.get_mut(&pair);
            let Some(state) = state.filter(|state| state.queued == queued) else {
                self.queue.pop();
                continue;
            };
            if state.count == queued {
                return Some((queued, pair));
            }
            self.queue.pop();
            state.queued = state.count;
            if state.count >= self.floor {
                self.queue.push((state.count, Reverse(pair)));
            }
        }
        None
    }

    /// The pair that is merged after those of `merges` whatever they change, where all words are gone through; it may be merged in
    /// the same pass. Each of them became a token that is new.
    ///
    /// Merging a pair `a b` changes only the counts of pairs that end in `a` or begin with `b`, and what comes of those occurs no
    /// more often than they did. So the next pair is the next one in the queue, if it ends in no `a` and begins with no `b`,
    /// and if no other pair occurs as often as it does.
    pub(super) fn pop_beside(&mut self, merges: &[(Pair, u32)]) -> Option<Pair> {
        if self.passes_left.is_none() || merges.len() == MOST_AT_ONCE {
            return None;
        }
        let pair = self.pop()?;
        let (left, right) = halves(pair);
        let is_apart = left != right
            && merges.iter().all(|(merged, _)| {
                let (merged_left, merged_right) = halves(*merged);
                merged_left != merged_right && right != merged_left && left != merged_right
            });
        let count = self.pairs.get(&pair).map_or(0, |state| state.count);
        let is_alone = self.best().is_none_or(|(next, _)| next < count);
        if is_apart && is_alone {
            return Some(pair);
        }
        self.put_back(pair);
        None
    }

    /// Takes back a pair that was popped and not merged.
    pub(super) fn put_back(&mut self, pair: Pair) {
        if let Some(state) = self.pairs.get_mut(&pair) {
            state.queued = state.count;
            self.queue.push((state.count, Reverse(pair)));
        }
    }

    /// Makes a token of each pair wherever it occurs: of one pair or, after [`pop_beside`](Self::pop_beside), of several.
    pub(super) fn merge(
        &mut self,
        store: &mut Store,
        sums: &mut Sums,
        merges: &[(Pair, u32)],
    ) -> io::Result<()> {
        if let Some(passes) = &mut self.passes_left {
            *passes -= 1;
            store.merge_everywhere(merges, |pair, count, came| {
                sums.change(pair, count, came);
                self.change(pair, count, came.then_some(0));
            })?;
        } else if let [(merged, id)] = *merges {
            let mut places = self
                .pairs
                .get_mut(&merged)
                .map(|state| std::mem::take(&mut state.words))
                .unwrap_or_default();
            places.sort_unstable();
            places.dedup();
            for place in places {
                store.near.merge_at(place, merged, id, |pair, count, came| {
                    sums.change(pair, count, came);
                    self.change(pair, count, came.then_some(place));
                });
            }
        }
        for pair in self.raised.drain(..) {
            let Some(state) = self.pairs.get_mut(&pair) else {
                continue;
            };
            state.is_raised = false;
            if state.count > state.queued && state.count >= self.floor {
                state.queued = state.count;
                self.queue.push((state.count, Reverse(pair)));
            }
        }
        Ok(())
    }

    /// Notes that a pair went from a word, or came at a place.
    fn change(&mut self, pair: Pair, count: u64, came_at: Option<Place>) {
        if let Some(place) = came_at {
            self.add(pair, count, place);
        } else if let Some(state) = self.pairs.get_mut(&pair) {
            state.count = state.count.saturating_sub(count);
        }
    }

    fn add(&mut self, pair: Pair, count: u64, place: Place) {
        let (left, right) = halves(pair);
        let state = if left.max(right) >= self.first_new {
            self.pairs.entry(pair).or_insert_with(|| {
                self.bytes_left = self.bytes_left.saturating_sub(PAIR_BYTES);
                PairState::default()
            })
        } else if let Some(state) = self.pairs.get_mut(&pair) {
            state
        } else {
            let grown = self.grown.entry(pair).or_default();
            *grown += count;
            self.most_grown = self.most_grown.max(*grown);
            return;
        };
        state.count += count;
        if self.passes_left.is_none() && state.list(place) {
            self.bytes_left = self.bytes_left.saturating_sub(PLACE_BYTES);
        }
        if !state.is_raised {
            state.is_raised = true;
            self.raised.push(pair);
        }
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

/// All pairs that occur at least so often, with that number: `min_frequency`, or more where words are on disk and the pairs might
/// not fit into memory. There, only pairs whose sums are among the largest are counted.
fn tallies(
    store: &mut Store,
    min_frequency: u64,
    sums: &Sums,
    refused: &FxHashSet<Pair>,
) -> io::Result<(Vec<(Pair, Tally)>, u64)> {
    let mut num_counted = sums.len() / 16;
    loop {
        let least = sums.nth(num_counted).max(min_frequency);
        let large = sums.at_least(least);
        let mut tallies: FxHashMap<Pair, Tally> = FxHashMap::default();
        store.for_each(|count, ids| {
            for neighbours in ids.windows(2) {
                let pair = super::pair(neighbours[0], neighbours[1]);
                if large.has(pair) {
                    let tally = tallies.entry(pair).or_default();
                    tally.count += count;
                    tally.places += 1;
                }
            }
        })?;
        let frequent: Vec<(Pair, Tally)> = tallies
            .into_iter()
            .filter(|(pair, tally)| tally.count >= least && !refused.contains(pair))
            .collect();
        if !frequent.is_empty() || least == min_frequency {
            return Ok((frequent, least));
        }
        // Rare pairs with one hash looked like a frequent one.
        num_counted = (num_counted * 2).max(1);
    }
}

/// Of pairs sorted by count leaves the most frequent ones, so many that they have at most `places` places; of those that occur equally often all or
/// none. Returns the lowest count that is left complete, if not all of them are left.
fn cut_to(pairs: &mut Vec<(Pair, Tally)>, places: usize) -> Option<u64> {
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
