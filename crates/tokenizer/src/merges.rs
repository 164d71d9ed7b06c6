//! Learning the merges of byte pair encoding from counted pieces.
//!
//! The most frequent pair of neighbouring tokens becomes a token, again and again. Of equally frequent pairs the one with the
//! smaller ids (left, then right) goes first: the rule of Hugging Face's trainer, kept here without its dependence on hash
//! order (there, a token that arises in two ways can be queued twice) and with 64-bit counts. On 76 MB of Korean all 32,488
//! merges of a vocabulary of 32,768 were the library's when long documents and pieces were left uncut (2026-11).

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet};

use crate::byte_alphabet;

type Pair = (u32, u32);

/// A vocabulary in the order of its ids, and the merges in the order of their ranks.
pub(crate) struct Learned {
    pub(crate) tokens: Vec<String>,
    pub(crate) merges: Vec<(String, String)>,
}

/// Learns merges until there are `vocab_size` tokens or no pair occurs `min_frequency` times.
///
/// The vocabulary starts with `control_tokens` and the 256 bytes. No merge ever spells a control token: text could
/// otherwise be encoded as one.
pub(crate) fn learn(
    pieces: &[(String, u64)],
    control_tokens: Vec<String>,
    vocab_size: usize,
    min_frequency: u64,
) -> Learned {
    let forbidden: BTreeSet<String> = control_tokens.iter().cloned().collect();
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

    let mut words = Words::new(pieces, &id_of_byte);
    let mut pairs = Pairs::count(&words);
    let mut id_of: HashMap<String, u32> = tokens
        .iter()
        .enumerate()
        .map(|(id, token)| (token.clone(), id as u32))
        .collect();
    let mut merges = Vec::new();
    let mut merged: HashSet<Pair> = HashSet::new();
    let min_frequency = min_frequency.max(1);
    while tokens.len() < vocab_size {
        let Some((pair, count)) = pairs.pop() else {
            break;
        };
        if count < min_frequency {
            break;
        }
        let (left, right) = (&tokens[pair.0 as usize], &tokens[pair.1 as usize]);
        let spelling = format!("{left}{right}");
        if forbidden.contains(&spelling) {
            continue;
        }
        // A token that arises in two ways can bring back a pair that merged before; its rank stands.
        if merged.insert(pair) {
            merges.push((left.clone(), right.clone()));
        }
        let id = *id_of.entry(spelling).or_insert_with_key(|spelling| {
            tokens.push(spelling.clone());
            tokens.len() as u32 - 1
        });
        for word in pairs.take_words(pair) {
            words.merge(word as usize, pair, id, &mut pairs);
        }
        pairs.requeue();
    }
    Learned { tokens, merges }
}

/// All pieces as token ids, one after the other in one buffer; merging shortens a piece in place.
struct Words {
    ids: Vec<u32>,
    /// Where each word starts in `ids`, how many ids it has, and how often it occurs.
    spans: Vec<Span>,
}

#[derive(Clone, Copy)]
struct Span {
    start: usize,
    len: usize,
    count: u64,
}

impl Words {
    fn new(pieces: &[(String, u64)], id_of_byte: &[u32; 256]) -> Self {
        let mut ids = Vec::with_capacity(pieces.iter().map(|(piece, _)| piece.len()).sum());
        let mut spans = Vec::with_capacity(pieces.len());
        for (piece, count) in pieces {
            spans.push(Span {
                start: ids.len(),
                len: piece.len(),
                count: *count,
            });
            ids.extend(piece.bytes().map(|byte| id_of_byte[usize::from(byte)]));
        }
        Self { ids, spans }
    }

    fn ids(&self, word: usize) -> &[u32] {
        let Span { start, len, .. } = self.spans[word];
        &self.ids[start..start + len]
    }

    /// Replaces each `pair` in `word` by `id`, from the left, and tells `pairs` which neighbours came and went.
    fn merge(&mut self, word: usize, pair: Pair, id: u32, pairs: &mut Pairs) {
        let Span { start, len, count } = self.spans[word];
        let ids = &mut self.ids[start..start + len];
        let (mut read, mut write) = (0, 0);
        while read < len {
            if read + 1 < len && (ids[read], ids[read + 1]) == pair {
                pairs.remove(pair, count);
                // On the left neighbours are merged already, on the right not yet: in a run like `abab` the second
                // merge corrects what the first one noted.
                if write > 0 {
                    pairs.remove((ids[write - 1], pair.0), count);
                    pairs.add((ids[write - 1], id), count, word as u32);
                }
                if read + 2 < len {
                    pairs.remove((pair.1, ids[read + 2]), count);
                    pairs.add((id, ids[read + 2]), count, word as u32);
                }
                ids[write] = id;
                read += 2;
            } else {
                ids[write] = ids[read];
                read += 1;
            }
            write += 1;
        }
        self.spans[word].len = write;
    }
}

/// Counts of neighbouring pairs, the words that may hold them, and a queue by count.
struct Pairs {
    counts: HashMap<Pair, PairState>,
    queue: BinaryHeap<(u64, Reverse<Pair>)>,
    /// Pairs whose count grew since they were last queued.
    grown: Vec<Pair>,
}

#[derive(Default)]
struct PairState {
    count: u64,
    /// The count it has in the queue; the queue may hold stale, larger ones.
    queued: u64,
    /// Words that held the pair at some time; each is listed at most once in a row.
    words: Vec<u32>,
}

impl Pairs {
    fn count(words: &Words) -> Self {
        let mut pairs = Self {
            counts: HashMap::new(),
            queue: BinaryHeap::new(),
            grown: Vec::new(),
        };
        for (word, span) in words.spans.iter().enumerate() {
            for neighbours in words.ids(word).windows(2) {
                pairs.add((neighbours[0], neighbours[1]), span.count, word as u32);
            }
        }
        pairs.requeue();
        pairs
    }

    fn add(&mut self, pair: Pair, count: u64, word: u32) {
        let state = self.counts.entry(pair).or_default();
        state.count += count;
        if state.words.last() != Some(&word) {
            state.words.push(word);
        }
        self.grown.push(pair);
    }

    fn remove(&mut self, pair: Pair, count: u64) {
        if let Some(state) = self.counts.get_mut(&pair) {
            state.count = state.count.saturating_sub(count);
        }
    }

    /// Puts pairs whose count grew beyond what the queue knows into the queue.
    fn requeue(&mut self) {
        for pair in self.grown.drain(..) {
            if let Some(state) = self.counts.get_mut(&pair)
                && state.count > state.queued
            {
                state.queued = state.count;
                self.queue.push((state.count, Reverse(pair)));
            }
        }
    }

    /// The most frequent pair, by true counts.
    fn pop(&mut self) -> Option<(Pair, u64)> {
        while let Some((queued, Reverse(pair))) = self.queue.pop() {
            let Some(state) = self.counts.get_mut(&pair) else {
                continue;
            };
            if queued != state.queued {
                continue;
            }
            if state.count == queued {
                state.queued = 0;
                return Some((pair, queued));
            }
            state.queued = state.count;
            if state.count > 0 {
                self.queue.push((state.count, Reverse(pair)));
            } else {
                self.counts.remove(&pair);
            }
        }
        None
    }

    /// The words that may hold `pair`, each once, in order.
    fn take_words(&mut self, pair: Pair) -> Vec<u32> {
        let mut words = self
            .counts
            .get_mut(&pair)
            .map(|state| std::mem::take(&mut state.words))
            .unwrap_or_default();
        words.sort_unstable();
        words.dedup();
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merges(pieces: &[(&str, u64)], num_merges: usize, min_frequency: u64) -> Vec<String> {
        let pieces: Vec<_> = pieces
            .iter()
            .map(|(piece, count)| ((*piece).to_owned(), *count))
            .collect();
        let learned = learn(
            &pieces,
            vec!["<|end|>".to_owned(), "zz".to_owned()],
            258 + num_merges,
            min_frequency,
        );
        assert!(learned.tokens.len() <= 258 + num_merges);
        learned
            .merges
            .iter()
            .map(|(left, right)| format!("{left}+{right}"))
            .collect()
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
        let learned = learn(&pieces, Vec::new(), 256 + 40, 1);
        let mut words: Vec<(Vec<String>, u64)> = pieces
            .iter()
            .map(|(piece, count)| (piece.chars().map(String::from).collect(), *count))
            .collect();
        let ids: HashMap<String, usize> = learned.tokens.iter().cloned().zip(0..).collect();
        let mut expected: Vec<(String, String)> = Vec::new();
        while expected.len() < learned.merges.len() {
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
        assert_eq!(learned.merges, expected);
    }
}
