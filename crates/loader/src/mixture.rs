//! Which source the sequence at a global index comes from, and which of its sequences it is: a pure function of constant
//! cost.
//!
//! Time is cut into blocks of 1,000 slots. Weights are first rounded to whole slots in a million (largest remainder), which
//! is one period of 1,000 blocks; a source's slots in a block are its share of the period rounded down or up, and the
//! rounding is arranged so that over the period it comes out exactly. So a block is within one slot (0.1 %) of the weights,
//! a long prefix within one in a million, and even a source of 0.0002 % gets its turn. Inside a block the slots are shuffled.
//!
//! Local sequence numbers count up in order of time, also across stages: nothing is repeated or skipped where weights change.

use crate::permutation::mix;

/// Slots in a block.
pub(crate) const BLOCK: u64 = 1_000;
/// Blocks in a period.
const PERIOD: u64 = 1_000;
/// How far the rounding point moves from block to block. Prime to 1,000, so that a period visits every thousandth once, and
/// near the golden section of it, so that any few neighbours are spread evenly.
const STRIDE: u64 = 619;
/// Slots shared out in a period.
const PERIOD_SLOTS: u64 = BLOCK * PERIOD;

/// A place in the training order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    /// Number of the source.
    pub(crate) source: usize,
    /// How many sequences of this source come before.
    pub(crate) local: u64,
}

/// The whole order: stages one after the other, the last without end.
#[derive(Debug)]
pub(crate) struct Mixture {
    seed: u64,
    stages: Vec<StagePlan>,
}

#[derive(Debug)]
struct StagePlan {
    from: u64,
    /// Local number of each source where the stage begins.
    base: Vec<u64>,
    /// Slots of each source in a period.
    per_period: Vec<u64>,
    /// Row `b`: slots of each source in the first `b` blocks of a period, for `b` from 0 to 1,000.
    in_blocks: Vec<Vec<u32>>,
}

impl Mixture {
    /// `first` is the local number of each source at index 0. `stages` are (first global index,
    /// weight of each source), the first from 0, in increasing order; weights are finite, not
    /// negative and not all zero.
    pub(crate) fn new(seed: u64, first: Vec<u64>, stages: &[(u64, Vec<f64>)]) -> Self {
        let mut mixture = Self {
            seed,
            stages: Vec::with_capacity(stages.len()),
        };
        for (from, weights) in stages {
            let base = if mixture.stages.is_empty() {
                first.clone()
            } else {
                mixture.consumed(*from)
            };
            mixture.stages.push(StagePlan::new(*from, base, weights));
        }
        mixture
    }

    /// What stands at a global index.
    pub(crate) fn slot(&self, index: u64) -> Slot {
        let stage = self.stage_at(index);
        let (block, at) = split_offset(index - stage.from);
        let layout = stage.layout(self.seed, block);
        let source = layout[at];
        let in_block = layout[..at]
            .iter()
            .filter(|&&other| other == source)
            .count() as u64;
        Slot {
            source: source as usize,
            local: stage.before_block(block, source as usize) + in_block,
        }
    }

    /// How many sequences of each source come before a global index.
    pub(crate) fn consumed(&self, index: u64) -> Vec<u64> {
        // Asked about a border, the stage that ends there answers: the next one may not exist yet.
        let stage = self.stage_at(index.saturating_sub(1));
        let (block, at) = split_offset(index - stage.from);
        let mut consumed: Vec<u64> = (0..stage.base.len())
            .map(|source| stage.before_block(block, source))
            .collect();
        for &source in &stage.layout(self.seed, block)[..at] {
            consumed[source as usize] += 1;
        }
        consumed
    }

    fn stage_at(&self, index: u64) -> &StagePlan {
        let next = self.stages.partition_point(|stage| stage.from <= index);
        &self.stages[next.saturating_sub(1)]
    }
}

impl StagePlan {
    fn new(from: u64, base: Vec<u64>, weights: &[f64]) -> Self {
        let per_period = apportion(weights, PERIOD_SLOTS);
        let mut total = vec![0_u32; weights.len()];
        let mut in_blocks = vec![total.clone()];
        for block in 0..PERIOD {
            for (sum, count) in total.iter_mut().zip(block_counts(&per_period, block)) {
                *sum += count;
            }
            in_blocks.push(total.clone());
        }
        Self {
            from,
            base,
            per_period,
            in_blocks,
        }
    }

    fn before_block(&self, block: u64, source: usize) -> u64 {
        let in_period = self.in_blocks[(block % PERIOD) as usize][source];
        self.base[source] + block / PERIOD * self.per_period[source] + u64::from(in_period)
    }

    /// The source of each slot of a block: the block's counts, shuffled by (seed, stage, block).
    fn layout(&self, seed: u64, block: u64) -> Vec<u32> {
        let in_period = (block % PERIOD) as usize;
        let mut layout = Vec::with_capacity(BLOCK as usize);
        for (source, (after, before)) in self.in_blocks[in_period + 1]
            .iter()
            .zip(&self.in_blocks[in_period])
            .enumerate()
        {
            layout.extend(std::iter::repeat_n(
                source as u32,
                (after - before) as usize,
            ));
        }
        // Fisher and Yates, the draws counted by the place they fill.
        let key =
            mix(mix(mix(seed ^ 0x6d69_7874_7572_6531).wrapping_add(self.from)).wrapping_add(block));
        for last in (1..layout.len()).rev() {
            let drawn = mix(key.wrapping_add((last as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
            layout.swap(
                last,
                ((u128::from(drawn) * (last as u128 + 1)) >> 64) as usize,
            );
        }
        layout
    }
}

/// Slots of each source in one block of a period.
///
/// Every source gets its share rounded down. What is left, the same number in each block, is dealt by systematic sampling:
/// the sources' missing thousandths lie end to end on a line, and a source gets a slot for each point
/// `1000 j + offset(block)` in its stretch, which is shorter than 1,000. As `offset` visits every thousandth once in a
/// period, each source gets exactly its missing slots.
fn block_counts(per_period: &[u64], block: u64) -> impl Iterator<Item = u32> {
    let offset = (block * STRIDE + PERIOD / 2) % PERIOD;
    let points_below = move |end: u64| (end + PERIOD - 1 - offset) / PERIOD;
    let mut line = 0;
    per_period.iter().map(move |&slots| {
        let before = points_below(line);
        line += slots % PERIOD;
        (slots / PERIOD + points_below(line) - before) as u32
    })
}

/// Whole shares of `total` by the largest remainder. A positive weight never gets nothing while another has more than one.
fn apportion(weights: &[f64], total: u64) -> Vec<u64> {
    // Scaled by the largest first, so that the sum is finite.
    let largest = weights.iter().copied().fold(0.0, f64::max);
    let sum: f64 = weights.iter().map(|weight| weight / largest).sum();
    let quotas: Vec<f64> = weights
        .iter()
        .map(|weight| weight / largest / sum * total as f64)
        .collect();
    let mut shares: Vec<u64> = quotas.iter().map(|quota| quota.floor() as u64).collect();

    let mut by_remainder: Vec<usize> = (0..weights.len()).filter(|&i| weights[i] > 0.0).collect();
    by_remainder.sort_by(|&a, &b| {
        quotas[b]
            .fract()
            .total_cmp(&quotas[a].fract())
            .then(a.cmp(&b))
    });
    let missing = total.saturating_sub(shares.iter().sum());
    for &i in by_remainder.iter().cycle().take(missing as usize) {
        shares[i] += 1;
    }
    for i in 0..shares.len() {
        if weights[i] > 0.0 && shares[i] == 0 {
            let richest = (0..shares.len())
                .rev()
                .max_by_key(|&j| shares[j])
                .unwrap_or(i);
            if shares[richest] > 1 {
                shares[richest] -= 1;
                shares[i] += 1;
            }
        }
    }
    shares
}

fn split_offset(offset: u64) -> (u64, usize) {
    (offset / BLOCK, (offset % BLOCK) as usize)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn from_start(seed: u64, stages: &[(u64, Vec<f64>)]) -> Mixture {
        Mixture::new(seed, vec![0; stages[0].1.len()], stages)
    }

    fn weights() -> impl Strategy<Value = Vec<f64>> {
        proptest::collection::vec(
            prop_oneof![1 => Just(0.0), 5 => 0.0001..1.0_f64, 1 => 1.0..1000.0_f64],
            1..12,
        )
        .prop_filter("all zero", |weights| {
            weights.iter().any(|&weight| weight > 0.0)
        })
    }

    fn shares(weights: &[f64]) -> Vec<f64> {
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|weight| weight / sum).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn every_aligned_window_is_within_half_a_percent(weights in weights(), seed: u64, block in 0_u64..1 << 40) {
            let mixture = from_start(seed, &[(0, weights.clone())]);
            let before = mixture.consumed(block * BLOCK);
            let after = mixture.consumed((block + 1) * BLOCK);
            for (source, share) in shares(&weights).into_iter().enumerate() {
                let got = (after[source] - before[source]) as f64 / BLOCK as f64;
                prop_assert!((got - share).abs() < 0.002, "source {source}: {got} of {share}");
                // Over all blocks so far the error does not add up.
                let long = after[source] as f64 / ((block + 1) * BLOCK) as f64;
                prop_assert!((long - share).abs() < 0.002 / (block + 1) as f64 + 2e-5, "source {source}: {long} of {share}");
            }
        }

        #[test]
        fn local_numbers_count_up_without_gap_across_stages(
            first in weights(), second in weights(), third in weights(), seed: u64, from in 1_u64..2500, more in 1_u64..700,
        ) {
            let sources = first.len().max(second.len()).max(third.len());
            let padded = |mut weights: Vec<f64>| { weights.resize(sources, 0.0); weights };
            let stages = [(0, padded(first)), (from, padded(second)), (from + more, padded(third))];
            let mixture = from_start(seed, &stages);
            let mut next = vec![0_u64; sources];
            for index in 0..from + more + 1200 {
                if index % 97 == 0 || index == from {
                    prop_assert_eq!(&mixture.consumed(index), &next);
                }
                let slot = mixture.slot(index);
                prop_assert_eq!(slot.local, next[slot.source]);
                next[slot.source] += 1;
            }
        }
    }

    #[test]
    fn a_period_gives_each_source_exactly_its_slots() {
        let weights = [0.5, 0.3, 0.1234, 0.07, 0.0066, 0.000_000_1];
        let mixture = from_start(3, &[(0, weights.to_vec())]);
        let counted = mixture.consumed(PERIOD_SLOTS);
        assert_eq!(counted.iter().sum::<u64>(), PERIOD_SLOTS);
        assert_eq!(counted, apportion(&weights, PERIOD_SLOTS));
        assert_eq!(
            counted[5], 1,
            "the smallest source has its turn once in a million"
        );
    }

    #[test]
    fn the_largest_remainder_gets_what_is_left() {
        assert_eq!(apportion(&[1.0, 1.0, 1.0], 1000), [334, 333, 333]);
        assert_eq!(apportion(&[0.0, 5.0], 1000), [0, 1000]);
        assert_eq!(apportion(&[f64::MAX, f64::MAX], 10), [5, 5]);
    }

    #[test]
    fn the_order_is_part_of_the_format() {
        let mixture = from_start(1, &[(0, vec![0.5, 0.3, 0.2])]);
        let sources: Vec<usize> = (123_450..123_470)
            .map(|index| mixture.slot(index).source)
            .collect();
        assert_eq!(
            sources,
            [0, 0, 1, 0, 2, 0, 0, 2, 0, 0, 0, 0, 2, 0, 2, 0, 1, 0, 0, 2],
            "a changed order would make a resumed run read other documents"
        );
    }

    #[test]
    fn neighbouring_slots_are_mixed() {
        let mixture = from_start(1, &[(0, vec![1.0, 1.0])]);
        let changes = (1..1000)
            .filter(|&i| mixture.slot(i).source != mixture.slot(i - 1).source)
            .count();
        assert!(
            (400..600).contains(&changes),
            "{changes} changes of source in 1000 slots"
        );
        let other = from_start(2, &[(0, vec![1.0, 1.0])]);
        assert!((0..1000).any(|i| mixture.slot(i).source != other.slot(i).source));
    }
}
