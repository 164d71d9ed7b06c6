//! The loop around the step: fetch, step, report; and, on a few named moments, validate, sample, save.
//!
//! Order of a step's occasional jobs: log, validate, sample, save. The last step always does all of them.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jikji_checkpoint::{RunState, SaveOutcome, Saver};
use jikji_loader::{Prefetcher, RunData, ValidationSet};
use jikji_model::{Decoder, Store, flop_per_token};
use jikji_ops::{MatrixRate, measure_matrix_rate};
use jikji_optim::{global_norm, non_finite_parameter};
use jikji_telemetry::{
    Console, Phase, Progress, ProgressUpdate, RunLog, StepRecord, StepTiming, Unit,
    ValidationRecord,
};

use crate::config::{CheckpointConfig, LogConfig, TrainConfig};
use crate::error::TrainError;
use crate::evaluate::evaluate;
use crate::memory::resident_bytes;
use crate::resume::snapshot;
use crate::state::TrainState;
use crate::step::{StepReport, StepSettings, train_step};
use crate::stop::StopSignal;

/// A measured matrix rate that a step contradicts is measured again, but not more often than this.
const RATE_AGE: Duration = Duration::from_secs(2);

/// Batches prepared ahead of the step.
pub(crate) const PREFETCH: usize = 2;

/// How long to wait before the last save is tried again: no later step will.
const LAST_SAVE_PAUSE: Duration = Duration::from_secs(2);

/// Everything a run is made of.
pub struct RunSetup {
    /// The model.
    pub decoder: Decoder,
    /// Where the run stands.
    pub state: TrainState,
    /// Training batches by step.
    pub data: Arc<RunData>,
    /// Held-back documents by source.
    pub validation: Vec<(String, ValidationSet)>,
    /// The step's settings.
    pub settings: StepSettings,
    /// `[train]`.
    pub train: TrainConfig,
    /// `[checkpoint]`.
    pub checkpoint: CheckpointConfig,
    /// `[log]`.
    pub log: LogConfig,
    /// Where checkpoints go.
    pub checkpoints_dir: PathBuf,
    /// What must match when somebody resumes.
    pub run_state: RunState,
    /// Files that each checkpoint carries beside its tensors.
    pub extra_files: Vec<(String, Vec<u8>)>,
    /// Metrics and TensorBoard.
    pub run_log: RunLog,
    /// Talk.
    pub console: Console,
    /// Request to stop.
    pub stop: StopSignal,
    /// The machine's limit.
    pub matrix_rate: MatrixRate,
}

/// What the loop asks of those above it.
pub trait Hooks {
    /// Texts that the model writes now: each prompt with its continuation.
    fn sample(&mut self, decoder: &Decoder, weights: &Store) -> Vec<(String, String)>;
}

/// Why the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// All steps are done.
    Complete,
    /// Somebody asked; the run was saved.
    Requested,
}

/// What a run leaves behind.
pub struct RunOutcome {
    /// Why it ended.
    pub reason: StopReason,
    /// The state after the last step.
    pub state: TrainState,
    /// The held-back documents that it was measured on.
    pub validation: Vec<(String, ValidationSet)>,
    /// Steps that this process made.
    pub steps: u64,
    /// Median tokens per second of this process's steps.
    pub tokens_per_second: f64,
    /// Median share of the matrix rate.
    pub matrix_share: f64,
    /// Wall time of the loop.
    pub seconds: f64,
}

/// Trains until the last step, or until somebody asks to stop.
pub fn run(mut setup: RunSetup, hooks: &mut dyn Hooks) -> Result<RunOutcome, TrainError> {
    let clock = Instant::now();
    let first_step = setup.state.step;
    let total_steps = setup.train.steps;
    let mut saver = Saves::new(&setup);
    let mut progress = Progress::on(&setup.console, total_steps);
    let mut speeds = Vec::new();
    if first_step == 0 {
        validate(&mut setup)?;
        sample(&mut setup, hooks);
    }

    let batches = Prefetcher::batches(setup.data.clone(), first_step..total_steps, PREFETCH, 0, 1)?;
    let mut reason = StopReason::Complete;
    let mut rate_age = Instant::now();
    let mut step_clock = Instant::now();
    for batch in batches {
        let (_, batch) = batch?;
        if batch.counted_targets() == 0.0 {
            return Err(TrainError::NothingToLearn {
                step: setup.state.step,
            });
        }
        let waited = step_clock.elapsed().as_secs_f64();

        let report = train_step(&setup.decoder, &mut setup.state, &setup.settings, &batch)?;

        let seconds = step_clock.elapsed().as_secs_f64();
        let mut timing = timing(&setup, &report, waited, seconds);
        if timing.matrix_share > Some(1.0) && rate_age.elapsed() > RATE_AGE {
            // Nothing is faster than its products alone: the rate was taken while others used the machine.
            setup.matrix_rate = setup
                .matrix_rate
                .max(measure_matrix_rate(setup.decoder.precision()));
            rate_age = Instant::now();
            timing = self::timing(&setup, &report, waited, seconds);
        }
        speeds.push((timing.tokens_per_second, timing.matrix_share.unwrap_or(0.0)));
        progress.update(&ProgressUpdate {
            step: setup.state.step,
            loss: report.loss,
            tokens_per_second: timing.tokens_per_second,
            matrix_share: timing.matrix_share,
        });
        let last = setup.state.step == total_steps;
        let stopping = setup.stop.is_requested();
        if last || is_due(setup.state.step, Some(setup.log.every_steps)) {
            log_step(&mut setup, &report, timing);
        }
        let saves =
            last || stopping || is_due(setup.state.step, Some(setup.checkpoint.every_steps));
        let validates = last || is_due(setup.state.step, setup.train.validate_every_steps);
        if saves || validates {
            check_weights(&setup.state)?;
        }
        if validates {
            validate(&mut setup)?;
        }
        if last || is_due(setup.state.step, setup.log.sample_every_steps) {
            sample(&mut setup, hooks);
        }
        if saves {
            saver.submit(&mut setup)?;
        }
        saver.settle(&mut setup)?;
        for warning in setup.run_log.take_warnings() {
            setup.console.warn(warning);
        }
        if stopping && !last {
            reason = StopReason::Requested;
            break;
        }
        step_clock = Instant::now();
    }
    progress.finish();
    saver.finish(&mut setup)?;
    setup.run_log.sync();
    let (tokens_per_second, matrix_share) = medians(&mut speeds);
    Ok(RunOutcome {
        reason,
        steps: setup.state.step - first_step,
        state: setup.state,
        validation: setup.validation,
        tokens_per_second,
        matrix_share,
        seconds: clock.elapsed().as_secs_f64(),
    })
}

fn is_due(step: u64, every: Option<NonZeroU64>) -> bool {
    every.is_some_and(|every| step.is_multiple_of(every.get()))
}

/// Finite gradients can still throw a weight out of the numbers: found before anything is said or saved of it.
fn check_weights(state: &TrainState) -> Result<(), TrainError> {
    if global_norm(&state.weights).is_finite() {
        return Ok(());
    }
    let what = match non_finite_parameter(&state.weights) {
        Some(parameter) => format!("the weight `{parameter}` is not finite"),
        None => "the weights are so large that their norm is not finite".to_owned(),
    };
    let step = state.step;
    Err(TrainError::WeightNotFinite { step, what })
}

fn timing(setup: &RunSetup, report: &StepReport, waited: f64, seconds: f64) -> StepTiming {
    let tokens = (setup.train.global_batch_size.get() * setup.train.seq_len.get()) as f64;
    let flop = tokens * flop_per_token(setup.decoder.config(), setup.train.seq_len.get());
    StepTiming {
        seconds,
        forward_seconds: report.forward_seconds,
        backward_seconds: report.backward_seconds,
        update_seconds: report.update_seconds,
        data_wait_seconds: waited,
        tokens_per_second: tokens / seconds,
        matrix_share: Some(flop / (seconds * setup.matrix_rate.flop_per_second)),
        resident_bytes: resident_bytes().unwrap_or(0),
    }
}

fn log_step(setup: &mut RunSetup, report: &StepReport, timing: StepTiming) {
    let position = setup.data.position(setup.state.step);
    setup.run_log.step(&StepRecord {
        step: setup.state.step,
        tokens_total: setup.state.tokens,
        counted_targets: report.counted_targets,
        loss: report.loss,
        gradient_norm: report.gradient_norm,
        clipped: report.clipped,
        learning_rate: report.learning_rate,
        data: position
            .into_iter()
            .map(|p| (p.source, p.epoch as f64 + p.fraction))
            .collect(),
        timing,
    });
}

fn validate(setup: &mut RunSetup) -> Result<(), TrainError> {
    if setup.validation.is_empty() {
        return Ok(());
    }
    let rows = setup.settings.micro_batch_size;
    let phase = Phase::start(&setup.console, "validation");
    let found = evaluate(
        &setup.decoder,
        &setup.state.weights,
        &setup.validation,
        rows,
        &setup.settings.device,
        &mut |done, all| phase.at(done as u64, all as u64, Unit::Count("sequences")),
    )?;
    drop(phase);
    setup.run_log.validation(&ValidationRecord {
        step: setup.state.step,
        loss: found.loss,
        bits_per_byte: found.bits_per_byte,
        tokens: found.tokens,
        bytes: found.bytes,
        per_source: found.per_source.clone(),
        seconds: found.seconds,
    });
    setup.console.say(format!(
        "step {}: validation {:.3} bits/byte (loss {:.3} over {} tokens)",
        setup.state.step, found.bits_per_byte, found.loss, found.tokens
    ));
    Ok(())
}

fn sample(setup: &mut RunSetup, hooks: &mut dyn Hooks) {
    let phase = Phase::start(&setup.console, "samples");
    let samples = hooks.sample(&setup.decoder, &setup.state.weights);
    drop(phase);
    for (prompt, text) in &samples {
        setup.run_log.sample(setup.state.step, prompt, text);
        if setup.state.step == 0 {
            // Noise; the files have it, to compare with.
            continue;
        }
        let line = text.replace('\n', " ");
        setup
            .console
            .say(format!("step {}: {prompt} ▸ {line}", setup.state.step));
    }
}

fn medians(speeds: &mut [(f64, f64)]) -> (f64, f64) {
    if speeds.is_empty() {
        return (0.0, 0.0);
    }
    speeds.sort_by(|a, b| a.0.total_cmp(&b.0));
    speeds[speeds.len() / 2]
}

/// Saving off the training thread, and patience with a disk that fails.
struct Saves {
    saver: Saver,
    failures: usize,
    submitted: Option<u64>,
}

impl Saves {
    fn new(setup: &RunSetup) -> Self {
        Self {
            saver: Self::saver(setup),
            failures: 0,
            submitted: None,
        }
    }

    fn submit(&mut self, setup: &mut RunSetup) -> Result<(), TrainError> {
        if self.submitted == Some(setup.state.step) {
            return Ok(());
        }
        // The log is on disk before a checkpoint that claims its steps.
        setup.run_log.sync();
        let snapshot = snapshot(&setup.state, &setup.run_state, setup.extra_files.clone());
        self.submitted = Some(setup.state.step);
        let outcomes = self.saver.submit(snapshot);
        self.report(setup, outcomes)?;
        if setup.checkpoint.async_save {
            return Ok(());
        }
        self.wait(setup)
    }

    /// Until nothing is being written.
    fn wait(&mut self, setup: &mut RunSetup) -> Result<(), TrainError> {
        let saver = std::mem::replace(&mut self.saver, Self::saver(setup));
        self.report(setup, saver.finish())
    }

    fn settle(&mut self, setup: &mut RunSetup) -> Result<(), TrainError> {
        let outcomes = self.saver.poll();
        self.report(setup, outcomes)
    }

    /// Waits for the saves under way. Nobody comes after the last one, so it is tried again here while patience lasts.
    fn finish(mut self, setup: &mut RunSetup) -> Result<(), TrainError> {
        loop {
            self.wait(setup)?;
            if self.failures == 0 {
                return Ok(());
            }
            std::thread::sleep(LAST_SAVE_PAUSE);
            self.submitted = None;
            self.submit(setup)?;
        }
    }

    fn saver(setup: &RunSetup) -> Saver {
        Saver::new(&setup.checkpoints_dir, setup.checkpoint.keep.get())
    }

    fn report(
        &mut self,
        setup: &mut RunSetup,
        outcomes: Vec<SaveOutcome>,
    ) -> Result<(), TrainError> {
        for outcome in outcomes {
            match outcome.result {
                Ok(_) => {
                    self.failures = 0;
                    setup
                        .run_log
                        .save(outcome.step, outcome.seconds, outcome.bytes);
                    if let Some(error) = outcome.not_retained {
                        setup
                            .console
                            .warn(format!("old checkpoints were not removed: {error}"));
                    }
                }
                Err(error) => {
                    self.failures += 1;
                    let max = setup.checkpoint.max_failed_saves.get();
                    if self.failures >= max {
                        return Err(TrainError::SavesFailed {
                            failures: self.failures,
                            last: with_causes(&error),
                        });
                    }
                    setup.console.warn(format!(
                        "the checkpoint of step {} was not saved ({} of {max} failures in a row before the run stops): {}",
                        outcome.step,
                        self.failures,
                        with_causes(&error)
                    ));
                }
            }
        }
        Ok(())
    }
}

/// An error with everything under it: a failed save is often told by its innermost cause alone, such as a full disk.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
