//! The counter-based random source: every document has its own stream, keyed by (seed, index), so any document can be
//! made alone and in any order.

/// SplitMix64 (Steele, Lea, Flood 2014): one addition and one mix per draw, full period, no warm-up.
#[derive(Debug, Clone)]
pub(super) struct Rng {
    state: u64,
}

impl Rng {
    /// The stream of `(seed, index)`; `purpose` separates streams of one document that must not be correlated.
    pub(super) fn new(seed: u64, index: u64, purpose: u64) -> Self {
        let mut state = mix(seed ^ 0x6a69_6b6a_6931_3337);
        state = mix(state ^ index);
        Self {
            state: mix(state ^ purpose),
        }
    }

    pub(super) fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }

    /// Uniform in `0..bound`; 0 when `bound` is 0. The bias of the multiply-shift is below 2^-40 for our bounds.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next_u64()) * bound as u128) >> 64) as usize
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
