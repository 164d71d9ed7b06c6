//! How often each piece of text occurs: all that merging needs to know of a corpus.

use hashbrown::HashTable;
use rayon::prelude::*;
use rustc_hash::FxHasher;
use std::hash::Hasher;
use unicode_normalization::UnicodeNormalization;

use crate::char_class::is_nfc_for_certain;
use crate::pre_tokenizer::PreTokenizer;

/// Longer pieces (pages without a space, ruled lines) are counted in parts of this many bytes: merging walks over a whole
/// piece each time one of its pairs merges.
const LONGEST_PIECE_BYTES: usize = 4096;

/// Distinct pieces with their counts; the pieces lie one after the other in one buffer.
#[derive(Default)]
pub(crate) struct PieceCounts {
    bytes: Vec<u8>,
    table: HashTable<Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    start: usize,
    len: usize,
    count: u64,
}

impl PieceCounts {
    /// Of `texts`, in NFC.
    pub(crate) fn of(texts: &[String], pre_tokenizer: &PreTokenizer) -> Self {
        texts
            .par_iter()
            .fold(Self::default, |mut counts, text| {
                counts.add_text(text, pre_tokenizer);
                counts
            })
            .reduce(Self::default, Self::merged)
    }

    /// Each piece with its count, in byte order: neither the number of threads nor the order of a hash table can show in
    /// what is made of it.
    pub(crate) fn sorted(&self) -> Vec<(&[u8], u64)> {
        let mut pieces: Vec<_> = self
            .table
            .iter()
            .map(|entry| (entry.piece(&self.bytes), entry.count))
            .collect();
        pieces.par_sort_unstable();
        pieces
    }

    fn add_text(&mut self, text: &str, pre_tokenizer: &PreTokenizer) {
        let normalized: String;
        let text = if is_nfc_for_certain(text) {
            text
        } else {
            normalized = text.nfc().collect();
            &normalized
        };
        pre_tokenizer.cut(text, |mut piece| {
            while !piece.is_empty() {
                let (part, rest) = piece.split_at(piece.floor_char_boundary(LONGEST_PIECE_BYTES));
                self.add(part.as_bytes(), 1);
                piece = rest;
            }
        });
    }

    fn add(&mut self, piece: &[u8], count: u64) {
        let Self { bytes, table } = self;
        let entry = table.entry(
            hash(piece),
            |entry| entry.piece(bytes) == piece,
            |entry| hash(entry.piece(bytes)),
        );
        let start = bytes.len();
        let entry = entry.or_insert_with(|| Entry {
            start,
            len: piece.len(),
            count: 0,
        });
        let entry = entry.into_mut();
        entry.count += count;
        if entry.start == start {
            bytes.extend_from_slice(piece);
        }
    }

    fn merged(left: Self, right: Self) -> Self {
        let (mut large, small) = if left.table.len() < right.table.len() {
            (right, left)
        } else {
            (left, right)
        };
        for entry in &small.table {
            large.add(entry.piece(&small.bytes), entry.count);
        }
        large
    }
}

impl Entry {
    fn piece(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start..self.start + self.len]
    }
}

fn hash(piece: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(piece);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn counts(texts: &[String]) -> Vec<(String, u64)> {
        let bytes = json!({"type": "ByteLevel", "add_prefix_space": false, "use_regex": true});
        let pre_tokenizer = PreTokenizer::new(&bytes).unwrap();
        PieceCounts::of(texts, &pre_tokenizer)
            .sorted()
            .into_iter()
            .map(|(piece, count)| (String::from_utf8(piece.to_vec()).unwrap(), count))
            .collect()
    }

    #[test]
    fn counts_are_sorted_normalized_and_complete() {
        let decomposed: String = "한글".nfd().collect();
        let counts = counts(&[
            "한글 한글을".to_owned(),
            decomposed,
            "한글 한글을".to_owned(),
        ]);
        let expected =
            [(" 한글을", 2), ("한글", 3)].map(|(piece, count)| (piece.to_owned(), count));
        assert_eq!(counts, expected);
    }

    #[test]
    fn long_pieces_are_counted_in_parts() {
        let counts = counts(&["가".repeat(10_000)]);
        let bytes: u64 = counts
            .iter()
            .map(|(piece, count)| piece.len() as u64 * count)
            .sum();
        assert_eq!(bytes, 30_000);
        assert!(
            counts
                .iter()
                .all(|(piece, _)| piece.len() <= LONGEST_PIECE_BYTES)
        );
    }
}
