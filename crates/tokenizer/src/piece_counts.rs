//! How often each piece of text occurs: all that learning a vocabulary needs to know of a corpus.

mod runs;

use std::hash::Hasher;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use hashbrown::HashTable;
use rayon::prelude::*;
use rustc_hash::FxHasher;

use crate::char_class::nfc;
use crate::morphemes::Morphemes;
use crate::pre_tokenizer::PreTokenizer;
use runs::Run;

/// Longer pieces (pages without a space, ruled lines) are counted in parts of this many bytes: merging walks over a whole
/// piece each time one of its pairs merges.
pub(crate) const LONGEST_PIECE_BYTES: usize = 4096;

/// Texts are counted together when there are so many bytes of them, for threads to share.
const BATCH_BYTES: usize = 8 << 20;

/// Counts pieces on all threads. What does not fit into memory goes to disk, sorted, and is merged when it is read back.
pub(crate) struct PieceCounter {
    pre_tokenizer: PreTokenizer,
    /// Where pieces are cut further, if the user has a dictionary.
    morphemes: Option<Morphemes>,
    /// Whether texts are brought to NFC before.
    to_nfc: bool,
    /// Texts that wait to be counted, each with how often it counts.
    batch: Vec<(String, u64)>,
    batch_bytes: usize,
    /// One for each thread.
    shards: Vec<Shard>,
    /// Bytes that one shard may count to.
    shard_bytes: usize,
    scratch: PathBuf,
}

#[derive(Default)]
struct Shard {
    counts: PieceCounts,
    runs: Vec<Run>,
}

impl PieceCounter {
    /// With so much memory, and a folder for what does not fit.
    pub(crate) fn new(
        pre_tokenizer: PreTokenizer,
        morphemes: Option<Morphemes>,
        memory_bytes: u64,
        scratch: &Path,
    ) -> Self {
        let num_threads = rayon::current_num_threads();
        let shard_bytes = usize::try_from(memory_bytes).unwrap_or(usize::MAX) / num_threads;
        Self {
            pre_tokenizer,
            morphemes,
            to_nfc: true,
            batch: Vec::new(),
            batch_bytes: 0,
            shards: std::iter::repeat_with(Shard::default)
                .take(num_threads)
                .collect(),
            shard_bytes,
            scratch: scratch.to_owned(),
        }
    }

    /// Counts texts as they are given, without bringing them to NFC.
    pub(crate) fn of_text_as_it_is(self) -> Self {
        Self {
            to_nfc: false,
            ..self
        }
    }

    /// Counts the pieces of a text, each `times` times.
    pub(crate) fn add(&mut self, text: &str, times: u64) -> io::Result<()> {
        self.batch_bytes += text.len();
        self.batch.push((text.to_owned(), times));
        if self.batch_bytes >= BATCH_BYTES {
            self.count_batch()?;
        }
        Ok(())
    }

    fn count_batch(&mut self) -> io::Result<()> {
        let texts = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        let next = AtomicUsize::new(0);
        let Self {
            pre_tokenizer,
            to_nfc,
            shards,
            shard_bytes,
            scratch,
            ..
        } = self;
        let morphemes = self.morphemes.as_ref();
        shards.par_iter_mut().try_for_each(|shard| {
            while let Some((text, times)) = texts.get(next.fetch_add(1, Ordering::Relaxed)) {
                let text = if *to_nfc { nfc(text) } else { text.into() };
                shard.counts.add_text(&text, *times, |text, piece| {
                    pre_tokenizer.cut(text, |text| match morphemes {
                        Some(morphemes) => morphemes.cut(text, &mut *piece),
                        None => piece(text),
                    });
                });
                // Growing takes three times what was there before.
                if shard.counts.memory_bytes() > *shard_bytes / 3 {
                    shard.spill(scratch)?;
                }
            }
            Ok(())
        })
    }

    /// Each piece with its count, in byte order: neither the number of threads nor the order of a hash table, nor what went to
    /// disk, can show in what is made of it.
    pub(crate) fn for_each_sorted(
        mut self,
        mut each: impl FnMut(&[u8], u64) -> io::Result<()>,
    ) -> io::Result<()> {
        self.count_batch()?;
        if self.shards.iter().all(|shard| shard.runs.is_empty()) {
            let counts = self.shards.into_par_iter().map(|shard| shard.counts);
            let counts = counts.reduce(PieceCounts::default, PieceCounts::merged);
            return counts
                .sorted()
                .into_iter()
                .try_for_each(|(piece, count)| each(piece, count));
        }
        let scratch = &self.scratch;
        self.shards
            .par_iter_mut()
            .try_for_each(|shard| shard.spill(scratch))?;
        let runs = self.shards.into_iter().flat_map(|shard| shard.runs);
        runs::merge(&self.scratch.clone(), runs.collect(), &mut each)
    }
}

impl Shard {
    fn spill(&mut self, scratch: &Path) -> io::Result<()> {
        if !self.counts.table.is_empty() {
            self.runs.push(Run::write(scratch, self.counts.sorted())?);
            self.counts.clear();
        }
        Ok(())
    }
}

/// Distinct pieces with their counts; the pieces lie one after the other in one buffer.
#[derive(Default)]
struct PieceCounts {
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
    /// Each piece with its count, in byte order.
    fn sorted(&self) -> Vec<(&[u8], u64)> {
        let mut pieces: Vec<_> = self
            .table
            .iter()
            .map(|entry| (entry.piece(&self.bytes), entry.count))
            .collect();
        pieces.par_sort_unstable();
        pieces
    }

    /// Room taken, with that for sorting.
    fn memory_bytes(&self) -> usize {
        const ENTRY_BYTES: usize = size_of::<Entry>() + size_of::<(&[u8], u64)>() + 8;
        self.bytes.len() + self.table.len() * ENTRY_BYTES
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.table.clear();
    }

    /// Counts the pieces of a text, `times` times.
    fn add_text(&mut self, text: &str, times: u64, cut: impl Fn(&str, &mut dyn FnMut(&str))) {
        cut(text, &mut |mut piece| {
            while !piece.is_empty() {
                let (part, rest) = piece.split_at(piece.floor_char_boundary(LONGEST_PIECE_BYTES));
                self.add(part.as_bytes(), times);
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
        entry.count = entry.count.saturating_add(count);
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
    use unicode_normalization::UnicodeNormalization;

    fn counts(texts: &[(String, u64)], memory_bytes: u64) -> Vec<(String, u64)> {
        let bytes = json!({"type": "ByteLevel", "add_prefix_space": false, "use_regex": true});
        let pre_tokenizer = PreTokenizer::new(&bytes).unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let mut counter = PieceCounter::new(pre_tokenizer, None, memory_bytes, scratch.path());
        for (index, (text, times)) in texts.iter().enumerate() {
            counter.add(text, *times).unwrap();
            if index % 7 == 6 {
                counter.count_batch().unwrap();
            }
        }
        let mut counts = Vec::new();
        let each = |piece: &[u8], count| {
            counts.push((String::from_utf8(piece.to_vec()).unwrap(), count));
            Ok(())
        };
        counter.for_each_sorted(each).unwrap();
        counts
    }

    #[test]
    fn counts_are_sorted_normalized_and_complete() {
        let texts = [
            ("한글 한글을".to_owned(), 1),
            ("한글".nfd().collect(), 1),
            ("한글 한글을".to_owned(), 5),
        ];
        let expected =
            [(" 한글을", 6), ("한글", 7)].map(|(piece, count)| (piece.to_owned(), count));
        assert_eq!(counts(&texts, u64::MAX), expected);
    }

    #[test]
    fn what_went_to_disk_counts_as_what_stayed() {
        let text = |seed: u64| {
            let words = (0..seed % 9).map(|index| format!("{}", (seed * seed + index) % 50));
            (words.collect::<Vec<_>>().join(" "), seed % 4 + 1)
        };
        let texts: Vec<_> = (0..200).map(text).collect();
        let expected = counts(&texts, u64::MAX);
        assert!(expected.len() > 50);
        for memory_bytes in [0, 1_000, 10_000] {
            assert_eq!(counts(&texts, memory_bytes), expected, "{memory_bytes}");
        }
    }

    #[test]
    fn long_pieces_are_counted_in_parts() {
        let counts = counts(&[("가".repeat(10_000), 1)], u64::MAX);
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
