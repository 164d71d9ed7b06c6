//! Pieces that were encoded before: words come back, and looking one up costs less than merging it.

/// The longest piece and the most ids that are kept.
const MOST_BYTES: usize = 31;
const MOST_IDS: usize = 7;

/// 8 MB for each thread that encodes.
const SLOTS: usize = 1 << 17;

/// One place for each hash; a later piece takes the place of an earlier one.
#[derive(Debug)]
pub(super) struct Cache {
    slots: Vec<Slot>,
}

/// A cache line: a piece with its length, and its ids with their number.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(64))]
struct Slot {
    piece: Key,
    ids: [u32; MOST_IDS],
    num_ids: u32,
}

/// Where a piece is looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    key: Key,
    slot: usize,
}

/// A piece, zeros, and its length in the last byte: no other piece has the same words.
type Key = [u64; 4];

impl Default for Cache {
    fn default() -> Self {
        Self {
            slots: vec![Slot::default(); SLOTS],
        }
    }
}

impl Cache {
    /// Where the piece that the first `len` bytes of `text` are is looked for; `None` if it is too long to be kept.
    #[inline]
    pub(super) fn place(text: &[u8], len: usize) -> Option<Place> {
        let key = key(text, len)?;
        Some(Place {
            key,
            slot: place(key),
        })
    }

    /// Brings the slots of several pieces near: reads that do not wait for each other take as long as one.
    #[inline]
    pub(super) fn touch<'a>(&self, places: impl Iterator<Item = &'a Place>) {
        let touched: u64 = places
            .map(|place| self.slots[place.slot].piece[0])
            .fold(0, |sum, word| sum ^ word);
        std::hint::black_box(touched);
    }

    /// Appends the ids of a piece, which `merge` appends where they are not known.
    #[inline]
    pub(super) fn encode(
        &mut self,
        place: Option<Place>,
        ids: &mut Vec<u32>,
        merge: impl FnOnce(&mut Vec<u32>),
    ) {
        let Some(Place { key, slot }) = place else {
            return merge(ids);
        };
        let slot = &mut self.slots[slot];
        if slot.piece == key {
            // All of them, and back: a copy of one size is faster than one that varies.
            let end = ids.len() + slot.num_ids as usize;
            ids.extend_from_slice(&slot.ids);
            ids.truncate(end);
            return;
        }
        let start = ids.len();
        merge(ids);
        let found = &ids[start..];
        if let Some(room) = slot.ids.get_mut(..found.len()) {
            room.copy_from_slice(found);
            slot.num_ids = found.len() as u32;
            slot.piece = key;
        }
    }
}

/// What is left of four words when a piece has so many bytes.
const MASKS: [Key; MOST_BYTES + 1] = {
    let mut masks = [[0; 4]; MOST_BYTES + 1];
    let mut len = 0;
    while len <= MOST_BYTES {
        let mut byte = 0;
        while byte < len {
            masks[len][byte / 8] |= 0xFF << (8 * (byte % 8));
            byte += 1;
        }
        len += 1;
    }
    masks
};

#[inline]
fn key(text: &[u8], len: usize) -> Option<Key> {
    let masks = MASKS.get(len)?;
    let mut bytes = [0; MOST_BYTES + 1];
    match text.first_chunk() {
        // What follows the piece is masked away, which is faster than copying a number of bytes that varies.
        Some(chunk) => bytes = *chunk,
        None => bytes[..len].copy_from_slice(&text[..len]),
    }
    let (words, _) = bytes.as_chunks();
    let mut key: Key = std::array::from_fn(|word| u64::from_le_bytes(words[word]) & masks[word]);
    key[3] |= (len as u64) << 56;
    Some(key)
}

#[inline]
fn place([a, b, c, d]: Key) -> usize {
    // Multiply and fold, as in wyhash: every bit of the words reaches the upper half of the product.
    let fold = |x: u64, y: u64| {
        let product = u128::from(x ^ 0x9E37_79B9_7F4A_7C15) * u128::from(y ^ 0xD6E8_FEB8_6659_FD93);
        (product >> 64) as u64 ^ product as u64
    };
    (fold(fold(a, b), fold(c, d)) >> 32) as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_merged_once_while_it_keeps_its_place() {
        let mut cache = Cache::default();
        let long = [b'x'; MOST_BYTES];
        for (piece, found) in [
            (&b"a"[..], &[1][..]),
            (b"a\0", &[2, 3]),
            (b"", &[]),
            (&long, &[4; MOST_IDS]),
        ] {
            let mut ids = vec![9];
            let len = piece.len();
            cache.encode(Cache::place(piece, len), &mut ids, |ids| ids.extend(found));
            // In front of more text.
            let text = [piece, &[b'z'; 40]].concat();
            cache.encode(Cache::place(&text, len), &mut ids, |_| {
                unreachable!("known by now")
            });
            assert_eq!(ids, [&[9], found, found].concat());
        }
    }

    #[test]
    fn long_pieces_and_pieces_of_many_ids_are_merged_each_time() {
        let mut cache = Cache::default();
        let long = [b'x'; MOST_BYTES + 1];
        for (piece, found) in [(&long[..], &[1][..]), (b"xyz", &[2; MOST_IDS + 1])] {
            let (mut ids, mut merged) = (Vec::new(), 0);
            for _ in 0..2 {
                cache.encode(Cache::place(piece, piece.len()), &mut ids, |ids| {
                    merged += 1;
                    ids.extend(found);
                });
            }
            assert_eq!(merged, 2);
            assert_eq!(ids, [found, found].concat());
        }
    }
}
