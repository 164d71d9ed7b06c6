//! A bijection on `[0, len)` that is computed, not stored: any place of a shuffled epoch is found in constant time.
//!
//! A balanced Feistel network permutes the smallest even-bit power of two that holds `len`; a result beyond `len` is put
//! through again until it falls inside (cycle walking). The network covers fewer than `4 len` values, so this takes fewer
//! than four rounds on average, and it always ends, because the cycle comes back to its start.

/// Luby and Rackoff need four rounds for random round functions; these are only well mixed, and rounds are cheap.
const ROUNDS: usize = 8;

/// A permutation of `[0, len)`.
#[derive(Debug, Clone)]
pub(crate) struct Permutation {
    keys: [u64; ROUNDS],
    half_bits: u32,
    len: u64,
}

impl Permutation {
    /// The order in which an epoch of a source visits its sequences.
    pub(crate) fn of_epoch(seed: u64, source: &str, epoch: u64, len: u64) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("jikji loader 1: order of an epoch");
        hasher
            .update(&seed.to_le_bytes())
            .update(&epoch.to_le_bytes())
            .update(source.as_bytes());
        let mut xof = hasher.finalize_xof();
        let keys = std::array::from_fn(|_| {
            let mut key = [0; 8];
            xof.fill(&mut key);
            u64::from_le_bytes(key)
        });
        let bits = u64::BITS - len.saturating_sub(1).leading_zeros();
        Self {
            keys,
            half_bits: bits.div_ceil(2).max(1),
            len,
        }
    }

    /// Where `index` goes. An index beyond the end is taken modulo the length.
    pub(crate) fn at(&self, index: u64) -> u64 {
        let mut value = index % self.len.max(1);
        loop {
            value = self.network(value);
            if value < self.len.max(1) {
                return value;
            }
        }
    }

    fn network(&self, value: u64) -> u64 {
        let mask = (1_u64 << self.half_bits) - 1;
        let (mut left, mut right) = (value >> self.half_bits, value & mask);
        for key in self.keys {
            (left, right) = (right, left ^ (mix(right ^ key) & mask));
        }
        left << self.half_bits | right
    }
}

/// The finalizer of splitmix64 (Steele, Lea and Flood 2014): every input bit reaches every output bit.
pub(crate) fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn order(seed: u64, source: &str, epoch: u64, len: u64) -> Vec<u64> {
        let permutation = Permutation::of_epoch(seed, source, epoch, len);
        (0..len).map(|i| permutation.at(i)).collect()
    }

    proptest! {
        #[test]
        fn every_index_is_reached_once(seed: u64, epoch: u64, len in 1_u64..3000) {
            let mut reached = order(seed, "law", epoch, len);
            reached.sort_unstable();
            prop_assert_eq!(reached, (0..len).collect::<Vec<_>>());
        }

        #[test]
        fn huge_lengths_stay_inside(seed: u64, index: u64, len in 1_u64..=u64::MAX) {
            let permutation = Permutation::of_epoch(seed, "law", 0, len);
            prop_assert!(permutation.at(index) < len);
        }

        #[test]
        fn seed_source_and_epoch_all_change_the_order(seed: u64, epoch in 0..u64::MAX) {
            let base = order(seed, "law", epoch, 100);
            prop_assert_ne!(&base, &order(seed ^ 1, "law", epoch, 100));
            prop_assert_ne!(&base, &order(seed, "low", epoch, 100));
            prop_assert_ne!(&base, &order(seed, "law", epoch + 1, 100));
        }
    }

    #[test]
    fn the_order_is_part_of_the_format() {
        let orders = [order(1, "law", 0, 10), order(1, "law", 1, 10)];
        let changed = "a changed order would make a resumed run read other documents";
        assert_eq!(
            orders,
            [
                [3, 4, 0, 6, 5, 2, 7, 1, 8, 9],
                [2, 6, 0, 7, 3, 8, 9, 4, 5, 1]
            ],
            "{changed}"
        );
    }

    #[test]
    fn places_are_spread_evenly() {
        // Over many epochs, element 0 should visit every tenth of the range about equally often.
        let mut tenths = [0_u32; 10];
        for epoch in 0..2_000 {
            tenths[(Permutation::of_epoch(7, "law", epoch, 1000).at(0) / 100) as usize] += 1;
        }
        assert!(
            tenths.iter().all(|&count| (140..260).contains(&count)),
            "{tenths:?}"
        );
    }
}
