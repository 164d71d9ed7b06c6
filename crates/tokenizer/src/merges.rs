//! Learning the merges of byte pair encoding from counted pieces.
//!
//! The most frequent pair of neighbouring tokens becomes a token, again and again. Of equally frequent pairs the one with the
//! smaller ids (left, then right) goes first: the rule of Hugging Face's trainer, kept here without its dependence on hash
//! order (there, a token that arises in two ways can be queued twice) and with 64-bit counts.
//!
//! Most pairs are rare and never merge. So merging goes in bands ([`Band`]): the most frequent pairs and the words that hold
//! them are listed, as many as the limit allows, and merged until a pair that is not listed could be the next.

mod band;
mod store;
mod sums;
mod words;

use std::collections::BTreeSet;
use std::io;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::byte_alphabet;
use crate::encoder::Merges;
use band::Band;
pub(crate) use store::Store;
use sums::Sums;

/// Longer tokens are rulers and padding, which a model need not know by one id; a character of a spelling is a byte.
const LONGEST_TOKEN_BYTES: usize = 512;

/// Two neighbours, the left one in the upper half: smaller ids are smaller numbers.
type Pair = u64;

fn pair(left: u32, right: u32) -> Pair {
    u64::from(left) << 32 | u64::from(right)
}

fn halves(pair: Pair) -> (u32, u32) {
    ((pair >> 32) as u32, pair as u32)
}

/// When learning ends, and how much of the words it lists at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) vocab_size: usize,
    pub(crate) min_frequency: u64,
    /// Places of pairs in words that are listed at once. More is faster; the merges are the same.
    pub(crate) places: usize,
}

/// A vocabulary in the order of its ids, and its merges in the order of their ranks.
pub(crate) struct Learner {
    pub(crate) tokens: Vec<String>,
    id_of: FxHashMap<String, u32>,
    id_of_byte: [u32; 256],
    /// Each with what it becomes.
    merges: Vec<(Pair, u32)>,
    merged: FxHashSet<Pair>,
    forbidden: BTreeSet<String>,
}

impl Learner {
    /// The vocabulary starts with `control_tokens` and the 256 bytes. No merge ever spells a control token: text could
    /// otherwise be encoded as one.
    pub(crate) fn new(control_tokens: Vec<String>) -> Self {
        let forbidden = control_tokens.iter().cloned().collect();
        let mut tokens = control_tokens;
        let first_byte = tokens.len() as u32;
        // By code point, as every byte-level trainer orders its alphabet; ties between merges depend on it.
        let mut alphabet: Vec<char> = (0..=255).map(byte_alphabet::char_of).collect();
        alphabet.sort_unstable();
        let mut id_of_byte = [0u32; 256];
        for (index, &character) in alphabet.iter().enumerate() {
            if let Some(byte) = byte_alphabet::byte_of(character) {
                id_of_byte[usize::from(byte)] = first_byte + index as u32;
            }
            tokens.push(character.to_string());
        }
        let ids = tokens.iter().cloned().zip(0..);
        Self {
            id_of: ids.collect(),
            tokens,
            id_of_byte,
            merges: Vec::new(),
            merged: FxHashSet::default(),
            forbidden,
        }
    }

    /// Goes on where other merges ended, with their tokens by id: an empty one where an id has none.
    pub(crate) fn resume(
        tokens: Vec<String>,
        id_of_byte: &[u32; 256],
        merges: impl Iterator<Item = ((u32, u32), u32)>,
        forbidden: BTreeSet<String>,
    ) -> Self {
        let ids = tokens.iter().cloned().zip(0..);
        let merges: Vec<(Pair, u32)> = merges
            .map(|((left, right), id)| (pair(left, right), id))
            .collect();
        Self {
            id_of: ids.filter(|(token, _)| !token.is_empty()).collect(),
            tokens,
            id_of_byte: *id_of_byte,
            merged: merges.iter().map(|(pair, _)| *pair).collect(),
            merges,
            forbidden,
        }
    }

    /// The ids of the bytes of a piece, before any merge.
    pub(crate) fn ids(&self, piece: &[u8]) -> impl ExactSizeIterator<Item = u32> {
        piece.iter().map(|byte| self.id_of_byte[usize::from(*byte)])
    }

    /// What encodes pieces by the merges learned so far.
    pub(crate) fn encoder(&self) -> Merges {
        let merges = self.merges.iter().map(|(pair, id)| (halves(*pair), *id));
        Merges::from_ids(&self.id_of_byte, merges)
    }

    /// The left and the right id of each merge.
    pub(crate) fn pairs(&self) -> impl ExactSizeIterator<Item = (u32, u32)> {
        self.merges.iter().map(|(pair, _)| halves(*pair))
    }

    /// The merges in the spelling of their tokens.
    pub(crate) fn merges(&self) -> impl Iterator<Item = [&str; 2]> {
        let token = |id: u32| self.tokens[id as usize].as_str();
        self.pairs()
            .map(move |(left, right)| [token(left), token(right)])
    }

    /// Learns merges until there are `vocab_size` tokens or no pair occurs `min_frequency` times. The words of `store` are those
    /// that the merges learned before have left. `told` hears how many tokens there are.
    pub(crate) fn learn(
        &mut self,
        store: &mut Store,
        limits: Limits,
        told: &mut dyn FnMut(usize),
    ) -> io::Result<()> {
        let mut refused: FxHashSet<Pair> = FxHashSet::default();
        let mut sums = Sums::of(store, limits.places)?;
        let mut band = Band::new(store, self.tokens.len() as u32, limits, &sums, &refused)?;
        while self.tokens.len() < limits.vocab_size {
            let Some(best) = band.pop() else {
                if band.is_last() {
                    break;
                }
                band = Band::new(store, self.tokens.len() as u32, limits, &sums, &refused)?;
                continue;
            };
            let spelling = self.spelling(best);
            if self.refuses(&spelling) {
                refused.insert(best);
                continue;
            }
            let is_new = !self.id_of.contains_key(&spelling);
            let mut merges = vec![(best, self.merge(best, spelling))];
            // What can be merged in the same pass over all words is.
            while is_new
                && self.tokens.len() < limits.vocab_size
                && let Some(next) = band.pop_beside(&merges)
            {
                let spelling = self.spelling(next);
                if self.refuses(&spelling) || self.id_of.contains_key(&spelling) {
                    band.put_back(next);
                    break;
                }
                merges.push((next, self.merge(next, spelling)));
            }
            band.merge(store, &mut sums, &merges)?;
            told(self.tokens.len());
        }
        Ok(())
    }

    /// Whether no token may be spelled so.
    fn refuses(&self, spelling: &str) -> bool {
        spelling.len() > LONGEST_TOKEN_BYTES && spelling.chars().count() > LONGEST_TOKEN_BYTES
            || self.forbidden.contains(spelling)
    }

    fn spelling(&self, pair: Pair) -> String {
        let (left, right) = halves(pair);
        [left, right]
            .map(|id| self.tokens[id as usize].as_str())
            .concat()
    }

    /// Notes that a pair merges, and gives the id of what it becomes.
    fn merge(&mut self, pair: Pair, spelling: String) -> u32 {
        let tokens = &mut self.tokens;
        let id = *self.id_of.entry(spelling).or_insert_with_key(|spelling| {
            tokens.push(spelling.clone());
            tokens.len() as u32 - 1
        });
        // A token that arises in two ways can bring back a pair that merged before; its rank stands.
        if self.merged.insert(pair) {
            self.merges.push((pair, id));
        }
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cmp::Reverse;
    use std::collections::HashMap;

    /// Learned with so many places and so much memory for words.
    fn learned(
        pieces: &[(impl AsRef<str>, u64)],
        control: &[&str],
        limits: Limits,
        memory_bytes: u64,
    ) -> Learner {
        let scratch = tempfile::tempdir().unwrap();
        let mut learner = Learner::new(control.iter().map(ToString::to_string).collect());
        let mut store = Store::new(memory_bytes, scratch.path());
        for (piece, count) in pieces {
            let ids = learner.ids(piece.as_ref().as_bytes());
            store.push(*count, ids).unwrap();
        }
        learner.learn(&mut store, limits, &mut |_| {}).unwrap();
        learner
    }

    fn spelled(learner: &Learner) -> Vec<String> {
        learner
            .merges()
            .map(|[left, right]| format!("{left}+{right}"))
            .collect()
    }

    fn merges(pieces: &[(&str, u64)], num_merges: usize, min_frequency: u64) -> Vec<String> {
        let limits = Limits {
            vocab_size: 258 + num_merges,
            min_frequency,
            places: 1000,
        };
        let learner = learned(pieces, &["<|end|>", "zz"], limits, u64::MAX);
        assert!(learner.tokens.len() <= 258 + num_merges);
        spelled(&learner)
    }

    #[test]
    fn the_most_frequent_pair_goes_first_and_ties_go_to_smaller_ids() {
        assert_eq!(merges(&[("abc", 3), ("bc", 1)], 2, 1), ["b+c", "a+bc"]);
        assert_eq!(merges(&[("cd", 2), ("ab", 2)], 2, 1), ["a+b", "c+d"]);
        assert_eq!(
            merges(&[("abab", 1), ("aaaa", 1)], 9, 1),
            ["a+a", "a+b", "aa+aa", "ab+ab"]
        );
    }

    #[test]
    fn rare_pairs_and_spellings_of_control_tokens_are_never_merged() {
        assert_eq!(merges(&[("ab", 1)], 5, 2), [""; 0]);
        assert_eq!(merges(&[("zz", 9), ("xy", 2)], 5, 1), ["x+y"]);
    }

    /// Counting all pairs anew before each merge, which cannot be wrong.
    #[test]
    fn incremental_counts_equal_counting_anew() {
        let pieces: Vec<(String, u64)> = (0..60u64)
            .map(|seed| {
                let letters = (0..(seed % 13))
                    .map(|i| char::from(b'a' + (((seed + 3) * (i * i + 7) + i) % 4) as u8));
                (letters.collect(), seed % 5 + 1)
            })
            .collect();
        let learned = |places, memory_bytes| {
            let limits = Limits {
                vocab_size: 256 + 40,
                min_frequency: 1,
                places,
            };
            learned(&pieces, &[], limits, memory_bytes)
        };
        let mut words: Vec<(Vec<String>, u64)> = pieces
            .iter()
            .map(|(piece, count)| (piece.chars().map(String::from).collect(), *count))
            .collect();
        let all_at_once = learned(usize::MAX, u64::MAX);
        let ids: HashMap<String, usize> = all_at_once.tokens.iter().cloned().zip(0..).collect();
        let mut expected: Vec<(String, String)> = Vec::new();
        while expected.len() < all_at_once.merges.len() {
            let mut counts: HashMap<(String, String), u64> = HashMap::new();
            for (word, count) in &words {
                for pair in word.windows(2) {
                    *counts
                        .entry((pair[0].clone(), pair[1].clone()))
                        .or_default() += count;
                }
            }
            let best = counts
                .into_iter()
                .max_by_key(|((a, b), count)| (*count, Reverse((ids[a], ids[b]))))
                .unwrap()
                .0;
            let joined = format!("{}{}", best.0, best.1);
            for (word, _) in &mut words {
                let mut at = 0;
                // Overlaps in a run of one letter make counts differ from occurrences, but never which pair is merged.
                while at + 1 < word.len() {
                    if word[at] == best.0 && word[at + 1] == best.1 {
                        word.splice(at..at + 2, [joined.clone()]);
                    }
                    at += 1;
                }
            }
            if !expected.contains(&best) {
                expected.push(best);
            }
        }
        let expected: Vec<String> = expected
            .iter()
            .map(|(left, right)| format!("{left}+{right}"))
            .collect();
        assert_eq!(spelled(&all_at_once), expected);
        for places in [0, 1, 10, 100, 1000] {
            for memory_bytes in [0, 500, 5_000, u64::MAX] {
                let learner = learned(places, memory_bytes);
                assert_eq!(
                    spelled(&learner),
                    expected,
                    "{places} places, {memory_bytes} bytes"
                );
            }
        }
    }

    /// Few ties, and many pairs that have nothing to do with each other: several merges go in one pass.
    #[test]
    fn merges_of_one_pass_are_those_one_by_one() {
        let mut state = 7_u64;
        let mut random = move |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) % below
        };
        let pieces: Vec<(String, u64)> = (0..600)
            .map(|_| {
                let len = 1 + random(9);
                let letter =
                    |random: &mut dyn FnMut(u64) -> u64| char::from(b'a' + random(26) as u8);
                let piece = (0..len).map(|_| letter(&mut random)).collect();
                (piece, 1 + random(100_000))
            })
            .collect();
        let learned = |places, memory_bytes| {
            let limits = Limits {
                vocab_size: 256 + 300,
                min_frequency: 2,
                places,
            };
            spelled(&learned(&pieces, &["bb", "xyz"], limits, memory_bytes))
        };
        let expected = learned(usize::MAX, u64::MAX);
        assert_eq!(expected.len(), 298);
        for places in [0, 5, 50, 500] {
            assert_eq!(learned(places, 0), expected, "{places} places");
        }
    }
}
