//! The learning rate of each step, as a pure function.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Course of the learning rate: a linear warm-up to the peak, then the shape that `type` names. The
/// length of the warm-up is given in steps or as a share of the run, just one of the two; so is the
/// length of WSD's decay. A share of the steps is rounded up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// Stays at the peak.
    Constant {
        /// Steps of the warm-up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        warmup_steps: Option<u64>,
        /// Share of the run's steps that is warm-up, from 0 to below 1; instead of `warmup_steps`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        warmup_ratio: Option<f64>,
    },
    /// A straight line down, which reaches `final_ratio` at the last step.
    Linear {
        /// Steps of the warm-up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        warmup_steps: Option<u64>,
        /// Share of the run's steps that is warm-up, from 0 to below 1; instead of `warmup_steps`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        warmup_ratio: Option<f64>,
        /// Learning rate of the last step as a share of the peak, 0 to 1.
        final_ratio: f64,
    },
    /// Half a cosine down, which reaches `final_ratio` at the last step (arXiv 1608.03983).
    Cosine {
        /// Steps of the warm-up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        warmup_steps: Option<u64>,
        /// Share of the run's steps that is warm-up, from 0 to below 1; instead of `warmup_steps`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        warmup_ratio: Option<f64>,
        /// Learning rate of the last step as a share of the peak, 0 to 1.
        final_ratio: f64,
    },
    /// Warm-up, stable, decay: stays at the peak until the decay, then a straight line down that
    /// reaches `final_ratio` at the last step (arXiv 2404.06395). A checkpoint of the stable part
    /// can go on in a longer run.
    Wsd {
        /// Steps of the warm-up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        warmup_steps: Option<u64>,
        /// Share of the run's steps that is warm-up, from 0 to below 1; instead of `warmup_steps`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        warmup_ratio: Option<f64>,
        /// Steps of the decay, at the end of the run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decay_steps: Option<u64>,
        /// Share of the run's steps that is decay, from 0 to 1; instead of `decay_steps`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decay_ratio: Option<f64>,
        /// Learning rate of the last step as a share of the peak, 0 to 1.
        final_ratio: f64,
    },
}

/// A schedule that does not fit into the number of steps of the run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// The run ends during the warm-up.
    #[error(
        "the warm-up of {warmup_steps} steps is longer than the run of {total_steps}: the learning rate would never \
         reach its peak"
    )]
    WarmupTooLong {
        /// Length of the warm-up.
        warmup_steps: u64,
        /// Length of the run.
        total_steps: u64,
    },
    /// Warm-up and decay overlap.
    #[error(
        "the warm-up of {warmup_steps} steps and the decay of {decay_steps} are together longer than the run of \
         {total_steps}"
    )]
    PartsTooLong {
        /// Length of the warm-up.
        warmup_steps: u64,
        /// Length of the decay.
        decay_steps: u64,
        /// Length of the run.
        total_steps: u64,
    },
}

impl Schedule {
    /// A constant schedule with this number of warm-up steps.
    pub fn constant(warmup_steps: u64) -> Self {
        Self::Constant {
            warmup_steps: Some(warmup_steps),
            warmup_ratio: None,
        }
    }

    /// The share of the peak learning rate that update number `step` (from 0) of `total_steps`
    /// uses.
    pub fn ratio(&self, step: u64, total_steps: u64) -> f64 {
        let warmup_steps = self.warmup_steps(total_steps);
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
            Self::Wsd { final_ratio, .. } => {
                let decay_steps = self.decay_steps(total_steps).unwrap_or(0);
                let first_decay = total_steps.saturating_sub(decay_steps).max(warmup_steps);
                if step < first_decay || decay_steps == 0 {
                    1.0
                } else {
                    1.0 - (1.0 - final_ratio) * progress(first_decay.saturating_sub(1))
                }
            }
        }
    }

    /// Number of warm-up steps in a run of `total_steps`.
    pub fn warmup_steps(&self, total_steps: u64) -> u64 {
        let (steps, ratio) = self.warmup();
        steps.unwrap_or_else(|| share(ratio.unwrap_or(0.0), total_steps))
    }

    /// Number of decay steps in a run of `total_steps`; `None` for shapes without a separate decay.
    pub fn decay_steps(&self, total_steps: u64) -> Option<u64> {
        self.decay()
            .map(|(steps, ratio)| steps.unwrap_or_else(|| share(ratio.unwrap_or(0.0), total_steps)))
    }

    /// `warmup_steps` and `warmup_ratio` as written.
    pub fn warmup(&self) -> (Option<u64>, Option<f64>) {
        match *self {
            Self::Constant {
                warmup_steps,
                warmup_ratio,
            }
            | Self::Linear {
                warmup_steps,
                warmup_ratio,
                ..
            }
            | Self::Cosine {
                warmup_steps,
                warmup_ratio,
                ..
            }
            | Self::Wsd {
                warmup_steps,
                warmup_ratio,
                ..
            } => (warmup_steps, warmup_ratio),
        }
    }

    /// `decay_steps` and `decay_ratio` as written; `None` for shapes without a separate decay.
    pub fn decay(&self) -> Option<(Option<u64>, Option<f64>)> {
        match *self {
            Self::Wsd {
                decay_steps,
                decay_ratio,
                ..
            } => Some((decay_steps, decay_ratio)),
            Self::Constant { .. } | Self::Linear { .. } | Self::Cosine { .. } => None,
        }
    }

    /// The last learning rate as a share of the peak; `None` if it stays at the peak.
    pub fn final_ratio(&self) -> Option<f64> {
        match *self {
            Self::Constant { .. } => None,
            Self::Linear { final_ratio, .. }
            | Self::Cosine { final_ratio, .. }
            | Self::Wsd { final_ratio, .. } => Some(final_ratio),
        }
    }

    /// The same schedule for a run of `total_steps`, with all lengths in steps.
    #[must_use]
    pub fn settled(&self, total_steps: u64) -> Self {
        let settled = self.with_warmup_steps(self.warmup_steps(total_steps));
        match self.decay_steps(total_steps) {
            Some(steps) => settled.with_decay_steps(steps),
            None => settled,
        }
    }

    /// The same schedule with this number of warm-up steps.
    #[must_use]
    pub fn with_warmup_steps(&self, steps: u64) -> Self {
        let mut changed = self.clone();
        match &mut changed {
            Self::Constant {
                warmup_steps,
                warmup_ratio,
            }
            | Self::Linear {
                warmup_steps,
                warmup_ratio,
                ..
            }
            | Self::Cosine {
                warmup_steps,
                warmup_ratio,
                ..
            }
            | Self::Wsd {
                warmup_steps,
                warmup_ratio,
                ..
            } => (*warmup_steps, *warmup_ratio) = (Some(steps), None),
        }
        changed
    }

    /// The same schedule with this number of decay steps, if it has a separate decay.
    #[must_use]
    pub fn with_decay_steps(&self, steps: u64) -> Self {
        let mut changed = self.clone();
        if let Self::Wsd {
            decay_steps,
            decay_ratio,
            ..
        } = &mut changed
        {
            (*decay_steps, *decay_ratio) = (Some(steps), None);
        }
        changed
    }

    /// Checks that warm-up and decay fit into a run of `total_steps`. A run without steps needs no
    /// learning rate.
    ///
    /// # Errors
    /// If a part would be shortened.
    pub fn check(&self, total_steps: u64) -> Result<(), ScheduleError> {
        let warmup_steps = self.warmup_steps(total_steps);
        let decay_steps = self.decay_steps(total_steps).unwrap_or(0);
        if total_steps == 0 {
            Ok(())
        } else if warmup_steps > total_steps {
            Err(ScheduleError::WarmupTooLong {
                warmup_steps,
                total_steps,
            })
        } else if decay_steps > total_steps - warmup_steps {
            Err(ScheduleError::PartsTooLong {
                warmup_steps,
                decay_steps,
                total_steps,
            })
        } else {
            Ok(())
        }
    }
}

/// A share of the steps, rounded up. A product within float rounding of a whole number is that
/// number: 0.07 of 100 is 7.
fn share(ratio: f64, total_steps: u64) -> u64 {
    (ratio * total_steps as f64 - 1e-6).ceil().max(0.0) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(warmup_steps: u64, decay_steps: u64, final_ratio: f64) -> Vec<Schedule> {
        vec![
            linear(warmup_steps, final_ratio),
            Schedule::Cosine {
                warmup_steps: Some(warmup_steps),
                warmup_ratio: None,
                final_ratio,
            },
            wsd(warmup_steps, decay_steps, final_ratio),
        ]
    }

    fn linear(warmup_steps: u64, final_ratio: f64) -> Schedule {
        Schedule::Linear {
            warmup_steps: Some(warmup_steps),
            warmup_ratio: None,
            final_ratio,
        }
    }

    fn wsd(warmup_steps: u64, decay_steps: u64, final_ratio: f64) -> Schedule {
        Schedule::Wsd {
            warmup_steps: Some(warmup_steps),
            warmup_ratio: None,
            decay_steps: Some(decay_steps),
            decay_ratio: None,
            final_ratio,
        }
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
            let schedule = wsd(10, 50, 0.0);
            prop_assert_eq!(schedule.ratio(step, total), 1.0);
        }
    }

    #[test]
    fn shapes_at_their_middle() {
        let cosine = Schedule::Cosine {
            warmup_steps: Some(0),
            warmup_ratio: None,
            final_ratio: 0.1,
        };
        assert!((cosine.ratio(50, 101) - 0.55).abs() < 1e-12);
        let linear = linear(0, 0.0);
        assert!((linear.ratio(25, 101) - 0.75).abs() < 1e-12);
        let warmup = Schedule::constant(4);
        for schedule in all(0, 0, 0.0) {
            assert_eq!(schedule.ratio(0, 1), 1.0, "a run of one step learns");
        }
        assert_eq!(
            [0, 1, 2, 3, 4, 99].map(|step| warmup.ratio(step, 100)),
            [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
        );
    }

    #[test]
    fn shares_are_rounded_up_and_settled_into_steps() {
        let schedule = Schedule::Wsd {
            warmup_steps: None,
            warmup_ratio: Some(0.07),
            decay_steps: None,
            decay_ratio: Some(0.2),
            final_ratio: 0.0,
        };
        assert_eq!(schedule.settled(100), wsd(7, 20, 0.0));
        assert_eq!(schedule.settled(101), wsd(8, 21, 0.0));
        assert_eq!(schedule.settled(1), wsd(1, 1, 0.0));
        for step in 0..101 {
            assert_eq!(
                schedule.ratio(step, 101),
                schedule.settled(101).ratio(step, 101)
            );
        }
        let given = wsd(3, 5, 0.5);
        assert_eq!(given.settled(1000), given);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let refusal = |schedule: &Schedule, total| {
            let refused = schedule.check(total);
            refused.map_or_else(|error| error.to_string(), |()| "fits".to_owned())
        };
        for schedule in all(0, 0, 0.1) {
            assert_eq!(refusal(&schedule, 0), "fits");
            assert_eq!(refusal(&schedule, 1), "fits");
        }
        assert_eq!(refusal(&Schedule::constant(10), 10), "fits");
        assert!(refusal(&Schedule::constant(11), 10).contains("never reach its peak"));
        assert!(refusal(&linear(11, 0.1), 10).contains("never reach its peak"));
        assert_eq!(refusal(&linear(10, 0.1), 10), "fits");
        assert_eq!(refusal(&wsd(5, 5, 0.1), 10), "fits");
        assert!(refusal(&wsd(8, 8, 0.1), 10).contains("together longer than the run of 10"));
        assert!(refusal(&wsd(10, 10, 0.1), 10).contains("together longer"));
        assert!(refusal(&wsd(0, 11, 0.1), 10).contains("together longer"));
        assert!(refusal(&wsd(u64::MAX, u64::MAX, 0.1), u64::MAX).contains("together longer"));
    }
}
