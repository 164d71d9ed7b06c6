//! Which part of a step's global batch a rank computes.

use std::ops::Range;

/// The global sequence indices of rank `rank` of `world` in step `step`.
///
/// The shares of a step are contiguous, disjoint, in rank order, cover `[step * global_batch_size, (step + 1) *
/// global_batch_size)` and differ by at most one sequence, so the global order is the same at any number of ranks. A rank
/// that does not exist has an empty share.
pub fn rank_share(step: u64, global_batch_size: usize, rank: usize, world: usize) -> Range<u64> {
    let first = step.saturating_mul(global_batch_size as u64);
    if rank >= world {
        return first..first;
    }
    let (each, more) = (global_batch_size / world, global_batch_size % world);
    // The first `more` ranks take one sequence more.
    let start = rank * each + rank.min(more);
    let end = start + each + usize::from(rank < more);
    first.saturating_add(start as u64)..first.saturating_add(end as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_disjoint_complete_and_even_for_any_world() {
        for world in 1..=8 {
            for global_batch_size in 1..=37 {
                for step in [0, 1, 1_000_003] {
                    let shares: Vec<Range<u64>> = (0..world)
                        .map(|rank| rank_share(step, global_batch_size, rank, world))
                        .collect();
                    let joined: Vec<u64> = shares.iter().cloned().flatten().collect();
                    let whole = rank_share(step, global_batch_size, 0, 1);
                    assert_eq!(joined, whole.collect::<Vec<_>>());
                    let lengths = shares.iter().map(|share| share.end - share.start);
                    assert!(lengths.clone().max().unwrap() - lengths.min().unwrap() <= 1);
                }
            }
        }
    }

    #[test]
    fn steps_follow_each_other() {
        assert_eq!(rank_share(4, 10, 0, 1), 40..50);
        assert_eq!(rank_share(5, 10, 1, 3), 54..57);
    }

    #[test]
    fn a_rank_that_does_not_exist_has_nothing() {
        assert!(rank_share(3, 8, 2, 2).is_empty());
        assert!(rank_share(3, 8, 0, 0).is_empty());
        assert!(rank_share(u64::MAX, 8, 0, 1).is_empty());
    }
}
