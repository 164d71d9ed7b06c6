//! Words as token ids, one record after the other in one buffer; merging shortens a record in place.

use super::{Pair, pair};

/// A record: how often the word occurs, lower and upper half; its ids and its room for ids; the ids.
const HEAD: usize = 3;

/// Words in memory.
#[derive(Default)]
pub(super) struct Words {
    records: Vec<u32>,
}

/// Where a word's record begins.
pub(super) type Place = u32;

impl Words {
    /// Adds a word of at most 65,535 ids, if it has a pair: what has none merges nothing.
    pub(super) fn push(&mut self, count: u64, ids: impl ExactSizeIterator<Item = u32>) {
        if ids.len() > 1 {
            debug_assert!(u16::try_from(ids.len()).is_ok(), "its length is a u16");
            let len = ids.len() as u32;
            self.records
                .extend([count as u32, (count >> 32) as u32, len << 16 | len]);
            self.records.extend(ids);
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.records.len() * size_of::<u32>()
    }

    /// Whether a place can still be told for another word.
    pub(super) fn has_room(&self) -> bool {
        self.records.len() < Place::MAX as usize - usize::from(u16::MAX) - HEAD
    }

    pub(super) fn clear(&mut self) {
        self.records.clear();
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

    /// As [`merge`], in the word at `place`.
    pub(super) fn merge_at(
        &mut self,
        place: Place,
        merged: Pair,
        id: u32,
        changed: impl FnMut(Pair, u64, bool),
    ) {
        let (head, ids) = self.records[place as usize..].split_at_mut(HEAD);
        let count = u64::from(head[1]) << 32 | u64::from(head[0]);
        let len = merge(
            &mut ids[..(head[2] & 0xFFFF) as usize],
            count,
            merged,
            id,
            changed,
        );
        head[2] = head[2] & 0xFFFF_0000 | len as u32;
    }
}

/// Replaces each `merged` in a word by `id`, from the left, tells which pairs went and came, and returns how many ids are left.
///
/// `changed` is called with a pair, the word's count, and whether the pair came.
pub(super) fn merge(
    ids: &mut [u32],
    count: u64,
    merged: Pair,
    id: u32,
    mut changed: impl FnMut(Pair, u64, bool),
) -> usize {
    let (mut read, mut write) = (0, 0);
    while read < ids.len() {
        if read + 1 < ids.len() && pair(ids[read], ids[read + 1]) == merged {
            changed(merged, count, false);
            // On the left neighbours are merged already, on the right not yet: in a run like `abab` the second
            // merge corrects what the first one noted.
            if write > 0 {
                changed(pair(ids[write - 1], ids[read]), count, false);
                changed(pair(ids[write - 1], id), count, true);
            }
            if read + 2 < ids.len() {
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
    write
}
