//! A warning when a run's loss or gradient norm leaves its band.
//!
//! The band is a function of the run's own losses and norms, not of time, so equal runs warn at
//! equal steps. A value is outside if one of these holds:
//!
//! | value | outside | from |
//! | --- | --- | --- |
//! | loss | more than 1 nat above a guess among all tokens, or above the loss of step 1 where that is higher | step 2 |
//! | loss | above the median of the last 64 by 1 nat and by 8 standard deviations (of their median deviation) | 16 steps |
//! | loss | the median of 64 is above 1.25 times the lowest such median, plus half a nat | 64 steps |
//! | norm | more than 30 times the median of the last 64, and 8 standard deviations above it in its logarithm | 16 steps |
//! | norm | 0, or below a millionth of that median, while the loss is not | 16 steps; 0 from step 1 |
//!
//! One bad batch is no divergence: three of five steps outside begin an **episode**, which gives
//! one warning. It ends after 16 steps inside. A resumed run begins with an empty window: it knows
//! the guess among all tokens and learns the rest again.

use std::collections::VecDeque;
use std::fmt;

use jikji_optim::OptimizerConfig;

/// Steps that a value is compared with, and the fewest.
const WINDOW: usize = 64;
const FEWEST: usize = 16;
/// How many of the last steps must be outside, and of how many.
const OUTSIDE: u32 = 3;
const OF_THE_LAST: u32 = 5;
/// Steps inside that end an episode.
const CALM: u32 = 16;
/// A loss below this, in nats, needs no gradient.
const LEARNED: f64 = 0.01;

/// Watches the steps of a run.
#[derive(Debug)]
pub(crate) struct Watch {
    guess: f64,
    /// Loss of step 1, if this process made it.
    first_loss: Option<f64>,
    is_fresh: bool,
    losses: Window,
    /// Logarithms of norms that are not zero.
    norms: Window,
    lowest_median: f64,
    /// A bit for each step, the last one lowest; set if it was outside.
    outside: u32,
    calm_steps: u32,
    in_episode: bool,
}

impl Watch {
    /// Of a run that has made `steps` steps before.
    pub(crate) fn new(vocab_size: usize, steps: u64) -> Self {
        Self {
            guess: (vocab_size as f64).ln(),
            first_loss: None,
            is_fresh: steps == 0,
            losses: Window::default(),
            norms: Window::default(),
            lowest_median: f64::INFINITY,
            outside: 0,
            calm_steps: 0,
            in_episode: false,
        }
    }

    /// Takes the next step's loss and gradient norm. Returns what is wrong once an episode begins.
    pub(crate) fn observe(&mut self, loss: f64, gradient_norm: f64) -> Option<Departure> {
        let departure = self.departure(loss, gradient_norm);
        if self.is_fresh {
            self.first_loss.get_or_insert(loss);
        }
        self.losses.push(loss);
        if gradient_norm > 0.0 {
            self.norms.push(gradient_norm.ln());
        }
        if self.losses.len() == WINDOW {
            self.lowest_median = self.lowest_median.min(self.losses.median());
        }
        self.outside = self.outside << 1 | u32::from(departure.is_some());
        self.calm_steps = if departure.is_some() {
            0
        } else {
            self.calm_steps.saturating_add(1)
        };
        if self.calm_steps >= CALM {
            self.in_episode = false;
        }
        let recent = self.outside & ((1 << OF_THE_LAST) - 1);
        if self.in_episode || recent.count_ones() < OUTSIDE {
            return None;
        }
        self.in_episode = departure.is_some();
        departure
    }

    fn departure(&self, loss: f64, gradient_norm: f64) -> Option<Departure> {
        let guess = self.guess.max(self.first_loss.unwrap_or(0.0));
        let is_later = self.first_loss.is_some() || !self.is_fresh;
        if is_later && loss > guess + 1.0 {
            return Some(Departure::WorseThanAGuess { loss, guess });
        }
        let known = self.losses.len() >= FEWEST;
        let usual = self.losses.median();
        if known && loss > usual + (8.0 * self.losses.deviation()).max(1.0) {
            return Some(Departure::LossJumped { loss, usual });
        }
        if self.losses.len() == WINDOW && usual > 1.25 * self.lowest_median + 0.5 {
            let lowest = self.lowest_median;
            return Some(Departure::LossCrept { usual, lowest });
        }
        if loss > LEARNED && gradient_norm == 0.0 {
            return Some(Departure::NoGradient);
        }
        if self.norms.len() < FEWEST {
            return None;
        }
        let (usual, norm) = (self.norms.median().exp(), gradient_norm);
        let deviations = (8.0 * self.norms.deviation()).exp();
        if norm > usual * deviations.max(30.0) {
            return Some(Departure::NormJumped { norm, usual });
        }
        (loss > LEARNED && norm < usual * 1e-6).then_some(Departure::NormVanished { norm, usual })
    }
}

/// The last values of a kind.
#[derive(Debug, Default)]
struct Window(VecDeque<f64>);

impl Window {
    fn push(&mut self, value: f64) {
        if self.0.len() == WINDOW {
            self.0.pop_front();
        }
        self.0.push_back(value);
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn median(&self) -> f64 {
        jikji_ops::median(self.0.iter().copied().collect())
    }

    /// Standard deviation of a normal distribution with this median deviation from the median.
    fn deviation(&self) -> f64 {
        let median = self.median();
        1.4826 * jikji_ops::median(self.0.iter().map(|value| (value - median).abs()).collect())
    }
}

/// How a run left its band.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Departure {
    WorseThanAGuess { loss: f64, guess: f64 },
    LossJumped { loss: f64, usual: f64 },
    LossCrept { usual: f64, lowest: f64 },
    NoGradient,
    NormJumped { norm: f64, usual: f64 },
    NormVanished { norm: f64, usual: f64 },
}

impl Departure {
    /// The warning of a step of a run of `total_steps`, with the way out.
    pub(crate) fn warning(
        self,
        step: u64,
        total_steps: u64,
        optimizer: &OptimizerConfig,
    ) -> String {
        let clipping = optimizer.max_grad_norm.map_or_else(
            || "set `optimizer.max_grad_norm` (absent; 1.0 is common)".to_owned(),
            |norm| format!("lower `optimizer.max_grad_norm` (now {norm})"),
        );
        format!(
            "step {step}: {self}; the run may be diverging\n\
             hint: lower `optimizer.learning_rate` (now {}), warm up longer with `optimizer.schedule.warmup_steps` (now {}), or \
             {clipping}, and begin again with `--fresh`; to keep earlier steps, stop, move the checkpoints since then out of \
             the run's folder, and add `--resume --allow-change 'optimizer.*'`",
            optimizer.learning_rate,
            optimizer.schedule.warmup_steps(total_steps),
        )
    }
}

impl fmt::Display for Departure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WorseThanAGuess { loss, guess } => write!(
                f,
                "the loss is {loss:.2}, worse than the {guess:.2} of a model that knows nothing"
            ),
            Self::LossJumped { loss, usual } => {
                write!(
                    f,
                    "the loss is {loss:.2}, the median of the steps before is {usual:.2}"
                )
            }
            Self::LossCrept { usual, lowest } => write!(
                f,
                "the median loss of {WINDOW} steps has risen to {usual:.2} from {lowest:.2}"
            ),
            Self::NoGradient => write!(f, "the gradient is zero, so no weight learns"),
            Self::NormJumped { norm, usual } => write!(
                f,
                "the gradient norm is {norm:.2e}, the median of the steps before is {usual:.2e}"
            ),
            Self::NormVanished { norm, usual } => write!(
                f,
                "the gradient norm has vanished to {norm:.2e}, the median of the steps before is {usual:.2e}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VOCAB: usize = 4096;

    /// Steps, counted from 1, at which these losses and norms give a warning.
    fn warnings(steps: impl IntoIterator<Item = (f64, f64)>) -> Vec<(usize, Departure)> {
        let mut watch = Watch::new(VOCAB, 0);
        steps
            .into_iter()
            .enumerate()
            .filter_map(|(index, (loss, norm))| Some((index + 1, watch.observe(loss, norm)?)))
            .collect()
    }

    /// A healthy course: from a guess down to 3 nats.
    fn course(step: usize) -> f64 {
        3.0 + 5.3 * (-(step as f64) / 40.0).exp()
    }

    #[test]
    fn a_learning_rate_far_too_high_warns_once_in_the_first_steps() {
        // Losses and norms of the tiny quickstart at learning rates 0.3 and 3.
        let losses = [
            8.35, 9.84, 32.25, 21.39, 26.89, 36.33, 21.21, 17.22, 12.62, 11.45, 10.28, 9.53,
        ];
        let got = warnings(losses.map(|loss| (loss, 5.0)));
        assert_eq!(got.len(), 1, "{got:?}");
        assert_eq!(got[0].0, 4);
        let losses = [
            8.35, 105.78, 351.27, 865.14, 719.01, 1010.84, 895.28, 836.74,
        ];
        assert_eq!(warnings(losses.map(|loss| (loss, 100.0))).len(), 1);
    }

    #[test]
    fn an_ordinary_start_is_silent() {
        // The tiny quickstart, with its outlier at step 19.
        let losses = [
            8.35, 8.32, 8.11, 7.95, 7.93, 7.86, 7.75, 7.74, 7.7, 7.65, 7.6, 7.64, 7.68, 7.65, 7.71,
            7.65, 7.55, 7.56, 7.69, 7.63, 7.5, 7.62, 7.55, 7.63,
        ];
        let norms = [
            4.67, 3.23, 0.71, 0.66, 0.51, 0.5, 0.48, 0.46, 0.49, 1.64, 1.64, 1.31, 2.0, 1.77, 1.83,
            1.31, 4.56, 3.99, 83.3, 2.32, 14.7, 6.46, 1.86, 2.81,
        ];
        assert_eq!(warnings(losses.into_iter().zip(norms)), []);
    }

    #[test]
    fn a_late_divergence_warns_once_and_again_after_a_calm() {
        let steps = (0..600).map(|step| {
            let diverged = (200..260).contains(&step) || (400..440).contains(&step);
            (course(step) + if diverged { 2.5 } else { 0.0 }, 1.0)
        });
        let got = warnings(steps);
        let at: Vec<usize> = got.iter().map(|(step, _)| *step).collect();
        assert_eq!(at, [203, 403], "{got:?}");
        assert!(matches!(got[0].1, Departure::LossJumped { .. }));
    }

    #[test]
    fn a_loss_that_creeps_up_is_seen() {
        let got = warnings((0..2000).map(|step| (2.0 + f64::from(step) / 1000.0, 1.0)));
        assert_eq!(got.len(), 1);
        assert!(matches!(got[0].1, Departure::LossCrept { .. }), "{got:?}");
    }

    #[test]
    fn a_norm_that_explodes_vanishes_or_is_zero_is_seen() {
        let after = |norm: f64| {
            warnings((0..100).map(|step| (course(step), if step < 50 { 1.0 } else { norm })))
        };
        for norm in [1e4, 1e-9, 0.0] {
            let got = after(norm);
            assert_eq!(got.len(), 1, "{norm}: {got:?}");
            assert_eq!(got[0].0, 53, "{norm}");
        }
        assert_eq!(after(10.0), []);
        let got = warnings((0..10).map(|_| (8.3, 0.0)));
        assert_eq!(got, [(3, Departure::NoGradient)]);
    }

    #[test]
    fn a_text_learned_by_heart_is_no_divergence() {
        let steps = (0..1000).map(|step| {
            let loss = 8.0 * (-(f64::from(step)) / 50.0).exp();
            (loss, loss * loss)
        });
        assert_eq!(warnings(steps), []);
    }

    #[test]
    fn one_bad_batch_is_no_divergence() {
        let steps = (0..300).map(|step| {
            if step % 40 == 39 {
                (30.0, 1e6)
            } else {
                (course(step), 1.0)
            }
        });
        assert_eq!(warnings(steps), []);
    }

    #[test]
    fn a_resumed_run_knows_the_guess_at_once_and_a_later_first_loss_is_no_measure() {
        let mut watch = Watch::new(VOCAB, 100);
        let found: Vec<bool> = [50.0; 4]
            .map(|loss| watch.observe(loss, 1.0).is_some())
            .into();
        assert_eq!(found, [false, false, true, false]);
    }

    #[test]
    fn the_warning_names_step_values_and_ways_out() {
        let optimizer: OptimizerConfig = toml::from_str(
            "learning_rate = 0.3\nschedule = { type = \"constant\", warmup_steps = 2 }",
        )
        .unwrap();
        let departure = Departure::WorseThanAGuess {
            loss: 21.39,
            guess: 8.35,
        };
        assert_eq!(
            departure.warning(4, 100, &optimizer),
            "step 4: the loss is 21.39, worse than the 8.35 of a model that knows nothing; the run may be diverging\n\
             hint: lower `optimizer.learning_rate` (now 0.3), warm up longer with `optimizer.schedule.warmup_steps` (now 2), or \
             set `optimizer.max_grad_norm` (absent; 1.0 is common), and begin again with `--fresh`; to keep earlier steps, stop, \
             move the checkpoints since then out of the run's folder, and add `--resume --allow-change 'optimizer.*'`"
        );
    }

    proptest! {
        /// Whatever the noise of a healthy course within a nat, and its norms within a factor of
        /// ten, nothing is said.
        #[test]
        fn noise_is_no_divergence(noise in prop::collection::vec((-0.45f64..0.45, -1.0f64..1.0), 1..400)) {
            let steps = noise.iter().enumerate().map(|(step, (loss, norm))| (course(step) + loss, 10f64.powf(*norm)));
            prop_assert_eq!(warnings(steps), []);
        }

        /// Whatever a run does, episodes are at least a calm apart, and equal runs warn alike.
        #[test]
        fn warnings_are_apart_and_repeat(steps in prop::collection::vec((0.0f64..40.0, 0.0f64..1e6), 0..300)) {
            let got = warnings(steps.iter().copied());
            prop_assert_eq!(&got, &warnings(steps.iter().copied()));
            for pair in got.windows(2) {
                prop_assert!(pair[1].0 - pair[0].0 > CALM as usize, "{:?}", got);
            }
        }
    }
}
