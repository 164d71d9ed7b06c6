//! Counts of pairs in bounded memory.

use std::cmp::Reverse;
use std::io;

use super::Pair;
use super::store::Store;

/// How often pairs occur, summed by a hash of the pair: a pair whose sum is small is itself rare and need not be counted alone
/// (Park, Chen and Yu 1995, "An effective hash-based algorithm for mining association rules").
///
/// For words in memory there are none, and every pair is taken for frequent.
#[derive(Default)]
pub(super) struct Sums {
    counts: Vec<u64>,
}

impl Sums {
    /// Of all words, if any are on disk.
    pub(super) fn of(store: &mut Store, places: usize) -> io::Result<Self> {
        let mut sums = Self::default();
        if store.is_on_disk() {
            sums.counts = vec![0; places.next_power_of_two().clamp(1 << 8, 1 << 24)];
            store.for_each(|count, ids| {
                for neighbours in ids.windows(2) {
                    sums.change(super::pair(neighbours[0], neighbours[1]), count, true);
                }
            })?;
        }
        Ok(sums)
    }

    pub(super) fn len(&self) -> usize {
        self.counts.len()
    }

    /// Notes that a pair came so many times, or went.
    pub(super) fn change(&mut self, pair: Pair, count: u64, came: bool) {
        if self.counts.is_empty() {
            return;
        }
        let index = index(pair, self.counts.len());
        let sum = &mut self.counts[index];
        *sum = if came {
            sum.wrapping_add(count)
        } else {
            sum.wrapping_sub(count)
        };
    }

    /// The sum that so many are larger than; 0 if there are not so many.
    pub(super) fn nth(&self, index: usize) -> u64 {
        if index >= self.counts.len() {
            return 0;
        }
        let mut counts = self.counts.clone();
        let (_, nth, _) = counts.select_nth_unstable_by_key(index, |count| Reverse(*count));
        *nth + 1
    }

    /// The pairs whose sum is no smaller.
    pub(super) fn at_least(&self, least: u64) -> Large {
        let bit = |(at, sum): (usize, &u64)| u64::from(*sum >= least) << at;
        Large {
            bits: (self.counts.chunks(64))
                .map(|sums| sums.iter().enumerate().map(bit).sum())
                .collect(),
        }
    }
}

/// A bit for each sum that is large: they lie closer together than the sums.
pub(super) struct Large {
    bits: Vec<u64>,
}

impl Large {
    #[inline]
    pub(super) fn has(&self, pair: Pair) -> bool {
        if self.bits.is_empty() {
            return true;
        }
        let index = index(pair, self.bits.len() * 64);
        self.bits[index / 64] >> (index % 64) & 1 == 1
    }
}

/// Of a pair among a power of two.
#[inline]
fn index(pair: Pair, len: usize) -> usize {
    // The upper bits of the product depend on all of the pair.
    let mixed = pair.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((mixed ^ mixed >> 32) as usize) & (len - 1)
}
