//! The distinct pieces as token ids, one record after the other in one buffer; merging shortens a record in place.

use super::{Pair, pair};

/// A record: how often the word occurs, lower and upper half; its ids and its room for ids; the ids.
const HEAD: usize = 3;

/// All words.
pub(crate) struct Words {
    records: Vec<u32>,
}

/// Where a word's record begins.
pub(super) type Place = u32;

impl Words {
    /// Of pieces of at most 65,535 bytes with their counts; the ids are the bytes until [`number`](Self::number) is called.
    pub(crate) fn new<'a>(pieces: impl Iterator<Item = (&'a [u8], u64)>) -> Self {
        let mut records = Vec::new();
        // What has no pair merges nothing.
        for (piece, count) in pieces.filter(|(piece, _)| piece.len() > 1) {
            debug_assert!(u16::try_from(piece.len()).is_ok(), "its length is a u16");
            let len = piece.len() as u32;
            records.extend([count as u32, (count >> 32) as u32, len << 16 | len]);
            records.extend(piece.iter().map(|byte| u32::from(*byte)));
        }
        Self { records }
    }

    /// Exchanges bytes for their ids.
    pub(super) fn number(&mut self, id_of_byte: &[u32; 256]) {
        let mut at = 0;
        while at < self.records.len() {
            let word = self.word_mut(at as Place);
            for id in &mut *word.ids {
                *id = id_of_byte[*id as usize];
            }
            at += HEAD + word.ids.len();
        }
    }

    /// Closes the gaps that merging left, and drops the words that are one token by now.
    pub(super) fn compact(&mut self) {
        let (mut read, mut write) = (0, 0);
        while read < self.records.len() {
            let [low, high, lens] = [0, 1, 2].map(|index| self.records[read + index]);
            let (len, room) = ((lens & 0xFFFF) as usize, (lens >> 16) as usize);
            let ids = read + HEAD..read + HEAD + len;
            read += HEAD + room;
            if len < 2 {
                continue;
            }
            let len = len as u32;
            self.records[write..write + HEAD].copy_from_slice(&[low, high, len << 16 | len]);
            self.records.copy_within(ids, write + HEAD);
            write += HEAD + len as usize;
        }
        self.records.truncate(write);
    }

    /// Calls `each` with the place, the count and the ids of every word.
    pub(super) fn for_each(&self, mut each: impl FnMut(Place, u64, &[u32])) {
        let mut at = 0;
        while at < self.records.len() {
            let [low, high, lens] = [0, 1, 2].map(|index| self.records[at + index]);
            let ids = at + HEAD;
            let (len, room) = ((lens & 0xFFFF) as usize, (lens >> 16) as usize);
            each(
                at as Place,
                u64::from(high) << 32 | u64::from(low),
                &self.records[ids..ids + len],
            );
            at = ids + room;
        }
    }

    fn word_mut(&mut self, place: Place) -> Word<'_> {
        let (head, ids) = self.records[place as usize..].split_at_mut(HEAD);
        let (count, lens) = head.split_at_mut(2);
        let count = u64::from(count[1]) << 32 | u64::from(count[0]);
        let len = (lens[0] & 0xFFFF) as usize;
        Word {
            count,
            lens: &mut lens[0],
            ids: &mut ids[..len],
        }
    }

    /// Replaces each `merged` in a word by `id`, from the left, and tells which pairs went and came.
    ///
    /// `changed` is called with a pair, the word's count, and whether the pair came.
    pub(super) fn merge(
        &mut self,
        place: Place,
        merged: Pair,
        id: u32,
        mut changed: impl FnMut(Pair, u64, bool),
    ) {
        let Word { count, lens, ids } = self.word_mut(place);
        let len = ids.len();
        let (mut read, mut write) = (0, 0);
        while read < len {
            if read + 1 < len && pair(ids[read], ids[read + 1]) == merged {
                changed(merged, count, false);
                // On the left neighbours are merged already, on the right not yet: in a run like `abab` the second
                // merge corrects what the first one noted.
                if write > 0 {
                    changed(pair(ids[write - 1], ids[read]), count, false);
                    changed(pair(ids[write - 1], id), count, true);
                }
                if read + 2 < len {
                    changed(pair(ids[read + 1], ids[read + 2]), count, false);
                    changed(pair(id, ids[read + 2]), count, true);
                }
                ids[write] = id;
                read += 2;
            } else {
                ids[write] = ids[read];
                read += 1;
            }
            write += 1;
        }
        *lens = *lens & 0xFFFF_0000 | write as u32;
    }
}

struct Word<'a> {
    count: u64,
    lens: &'a mut u32,
    ids: &'a mut [u32],
}
