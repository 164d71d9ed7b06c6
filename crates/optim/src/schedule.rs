//! The learning rate of each step, as a pure function.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Course of the learning rate: a linear rise over `warmup_steps`, then the named shape down to
/// `final_ratio` times the peak at the last step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// Stays at the peak.
    Constant {
        /// Steps of the rise.
        warmup_steps: u64,
    },
    /// A straight line down.
    Linear {
        /// Steps of the rise.
        warmup_steps: u64,
        /// Last learning rate as a share of the peak.
        final_ratio: f64,
    },
    /// Half a cosine down (Loshchilov and Hutter 2017, arXiv 1608.03983).
    Cosine {
        /// Steps of the rise.
        warmup_steps: u64,
        /// Last learning rate as a share of the peak.
        final_ratio: f64,
    },
    /// Warm-up, stable, decay: at the peak until `decay_steps` before the end, then a straight line down
    /// (Hu et al. 2024, arXiv 2404.06395). The stable part does not depend on the run's length.
    Wsd {
        /// Steps of the rise.
        warmup_steps: u64,
        /// Steps of the descent at the end.
        decay_steps: u64,
        /// Last learning rate as a share of the peak.
        final_ratio: f64,
    },
}

impl Schedule {
    /// The share of the peak learning rate that update number `step` (from 0) of `total_steps` uses.
    pub fn ratio(&self, step: u64, total_steps: u64) -> f64 {
        let warmup_steps = self.warmup_steps();
        if step < warmup_steps {
            return (step + 1) as f64 / warmup_steps as f64;
        }
        // 0 at the first step after warm-up, 1 at the last step.
        let progress = |first: u64| {
            let last = total_steps.saturating_sub(1);
            if last == 0 {
                // The only step is the first more than the last: a run of one step learns.
                0.0
            } else if last <= first {
                1.0
            } else {
                ((step.saturating_sub(first)) as f64 / (last - first) as f64).min(1.0)
            }
        };
        match *self {
            Self::Constant { .. } => 1.0,
            Self::Linear { final_ratio, .. } => 1.0 - (1.0 - final_ratio) * progress(warmup_steps),
            Self::Cosine { final_ratio, .. } => {
                let cosine = (std::f64::consts::PI * progress(warmup_steps)).cos();
                final_ratio + (1.0 - final_ratio) * 0.5 * (1.0 + cosine)
            }
            Self::Wsd {
                decay_steps,
                final_ratio,
                ..
            } => {
                let first_decay = total_steps.saturating_sub(decay_steps).max(warmup_steps);
                if step < first_decay || decay_steps == 0 {
                    1.0
                } else {
                    1.0 - (1.0 - final_ratio) * progress(first_decay.saturating_sub(1))
                }
            }
        }
    }

    /// Steps of the rise.
    pub fn warmup_steps(&self) -> u64 {
        match *self {
            Self::Constant { warmup_steps }
            | Self::Linear { warmup_steps, .. }
            | Self::Cosine { warmup_steps, .. }
            | Self::Wsd { warmup_steps, .. } => warmup_steps,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(warmup_steps: u64, decay_steps: u64, final_ratio: f64) -> Vec<Schedule> {
        vec![
            Schedule::Linear {
                warmup_steps,
                final_ratio,
            },
            Schedule::Cosine {
                warmup_steps,
                final_ratio,
            },
            Schedule::Wsd {
                warmup_steps,
                decay_steps,
                final_ratio,
            },
        ]
    }

    proptest! {
        #[test]
        fn schedules_hit_their_ends(
            total in 10u64..5000, warmup in 0u64..5, decay in 1u64..5, final_ratio in 0.0f64..1.0
        ) {
            for schedule in all(warmup, decay, final_ratio) {
                let ratio = |step| schedule.ratio(step, total);
                if warmup > 0 {
                    prop_assert!((ratio(warmup - 1) - 1.0).abs() < 1e-12, "{schedule:?} reaches its peak");
                    prop_assert!(ratio(0) > 0.0);
                }
                prop_assert!((ratio(total - 1) - final_ratio).abs() < 1e-9, "{schedule:?} ends at {}", ratio(total - 1));
                for step in warmup.max(1)..total {
                    prop_assert!(ratio(step) <= ratio(step - 1).max(ratio(warmup)) + 1e-12, "{schedule:?} falls");
                    prop_assert!(ratio(step) >= final_ratio - 1e-12 && ratio(step) <= 1.0);
                }
            }
        }

        #[test]
        fn the_stable_part_of_wsd_ignores_the_length(step in 10u64..100, total in 200u64..10_000) {
            let schedule = Schedule::Wsd { warmup_steps: 10, decay_steps: 50, final_ratio: 0.0 };
            prop_assert_eq!(schedule.ratio(step, total), 1.0);
        }
    }

    #[test]
    fn shapes_at_their_middle() {
        let cosine = Schedule::Cosine {
            warmup_steps: 0,
            final_ratio: 0.1,
        };
        assert!((cosine.ratio(50, 101) - 0.55).abs() < 1e-12);
        let linear = Schedule::Linear {
            warmup_steps: 0,
            final_ratio: 0.0,
        };
        assert!((linear.ratio(25, 101) - 0.75).abs() < 1e-12);
        let warmup = Schedule::Constant { warmup_steps: 4 };
        for schedule in all(0, 0, 0.0) {
            assert_eq!(schedule.ratio(0, 1), 1.0, "a run of one step learns");
        }
        assert_eq!(
            [0, 1, 2, 3, 4, 99].map(|step| warmup.ratio(step, 100)),
            [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
        );
    }
}
