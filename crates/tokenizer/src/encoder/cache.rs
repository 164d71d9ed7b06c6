//! Pieces that were encoded before: words come back, and looking one up costs less than merging it.

/// The longest piece and the most ids that are kept.
const MOST_BYTES: usize = 31;
const MOST_IDS: usize = 7;

const SLOTS: usize = 1 << 15;

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
    /// Appends the ids of a piece, which `merge` appends where they are not known.
    #[inline]
    pub(super) fn encode(
        &mut self,
        piece: &[u8],
        ids: &mut Vec<u32>,
        merge: impl FnOnce(&mut Vec<u32>),
    ) {
        let Some(key) = key(piece) else {
            return merge(ids);
        };
        let slot = &mut self.slots[place(key)];
        if slot.piece == key {
            ids.extend_from_slice(&slot.ids[..slot.num_ids as usize]);
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

#[inline]
fn key(piece: &[u8]) -> Option<Key> {
    let mut bytes = [0; MOST_BYTES + 1];
    bytes.get_mut(..piece.len())?[..].copy_from_slice(piece);
    if piece.len() > MOST_BYTES {
        return None;
    }
    bytes[MOST_BYTES] = piece.len() as u8;
    let (words, _) = bytes.as_chunks::<8>();
    Some(std::array::from_fn(|word| u64::from_le_bytes(words[word])))
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
            cache.encode(piece, &mut ids, |ids| ids.extend(found));
            cache.encode(piece, &mut ids, |_| unreachable!("known by now"));
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
                cache.encode(piece, &mut ids, |ids| {
                    merged += 1;
                    ids.extend(found);
                });
            }
            assert_eq!(merged, 2);
            assert_eq!(ids, [found, found].concat());
        }
    }
}
