//! The length of a run in steps. `train.epochs` and the ratios of a schedule become steps once,
//! when the text is prepared; a checkpoint records them, so that a resumed run keeps them even if
//! text was added.

use std::collections::BTreeMap;

use jikji_checkpoint::{Loaded, RunState};
use jikji_loader::{ShardSet, Split, passes_after, steps_of_epochs};
use jikji_recipe::RunConfig;
use jikji_telemetry::Console;
use jikji_telemetry::human_units::with_separators;
use jikji_train::Horizon;
use serde_json::Value;

use super::data_stages;
use crate::failure::Failure;

// Keys of a checkpoint's `progress`: what the recipe said, beside what it was settled to.
const STEPS: &str = "train.steps";
const EPOCHS: &str = "train.epochs";
const WARMUP_RATIO: &str = "optimizer.schedule.warmup_ratio";
const DECAY_RATIO: &str = "optimizer.schedule.decay_ratio";
// Keys of its `identity`.
const WARMUP_STEPS: &str = "optimizer.schedule.warmup_steps";
const DECAY_STEPS: &str = "optimizer.schedule.decay_steps";

/// A run whose length is settled.
pub(super) struct Settled {
    pub(super) config: RunConfig,
    /// What a checkpoint records of the length.
    pub(super) record: BTreeMap<String, Value>,
    /// Parts of the identity that follow the length and may differ from the checkpoint's.
    follows: BTreeMap<String, Value>,
}

impl Settled {
    /// The keys that are compared with a checkpoint's. A decay given as a share of the run follows
    /// the run's length, so it never differs.
    pub(super) fn identity(&self) -> BTreeMap<String, Value> {
        let mut identity = self.config.identity();
        identity.extend(self.follows.clone());
        identity
    }
}

/// Training tokens of each source.
pub(super) fn tokens_of(shards: &ShardSet) -> Vec<(String, u64)> {
    let sources = shards.sources(Split::Train).into_iter();
    sources.map(|source| (source.name, source.tokens)).collect()
}

/// The run's steps as far as they are known without its text: as written, or settled by the
/// checkpoint for the same number of epochs.
pub(super) fn known_steps(config: &RunConfig, saved: Option<&RunState>) -> Option<u64> {
    match config.train.horizon() {
        Horizon::Steps(steps) => Some(steps),
        Horizon::Epochs(epochs) => {
            let saved = saved?;
            let is_same = number(saved, EPOCHS) == Some(epochs);
            saved.progress.get(STEPS)?.as_u64().filter(|_| is_same)
        }
    }
}

fn number(saved: &RunState, key: &str) -> Option<f64> {
    saved.progress.get(key)?.as_f64()
}

/// Settles the length of a run that starts, or goes on from a checkpoint.
pub(super) fn settle(
    config: &RunConfig,
    tokens: &[(String, u64)],
    saved: Option<&RunState>,
) -> Result<Settled, Failure> {
    let steps = known_steps(config, saved).unwrap_or_else(|| {
        let rows = config.train.global_batch_size.get() as u64;
        steps_of_epochs(
            config.train.epochs.unwrap_or(0.0),
            tokens,
            &data_stages::order(config).loader_config(0, 0),
            rows,
        )
    });
    let schedule = &config.optimizer.schedule;
    let warmup_ratio = schedule.warmup().1;
    let decay_ratio = schedule.decay().and_then(|(_, ratio)| ratio);
    let is_same = |key: &str, ratio: Option<f64>| {
        let saved = saved.and_then(|saved| number(saved, key));
        ratio.is_some() && saved == ratio
    };
    let saved_value = |key: &str| saved?.identity.get(key).cloned();

    let mut written = config.clone();
    let mut follows = BTreeMap::new();
    if is_same(WARMUP_RATIO, warmup_ratio)
        && let Some(steps) = saved_value(WARMUP_STEPS).as_ref().and_then(Value::as_u64)
    {
        // A warm-up that was made is not made again in another length.
        written.optimizer.schedule = schedule.with_warmup_steps(steps);
    }
    if is_same(DECAY_RATIO, decay_ratio)
        && let Some(value) = saved_value(DECAY_STEPS)
    {
        follows.insert(DECAY_STEPS.to_owned(), value);
    }
    let said = [
        (STEPS, Some(Value::from(steps))),
        (EPOCHS, config.train.epochs.map(Value::from)),
        (WARMUP_RATIO, warmup_ratio.map(Value::from)),
        (DECAY_RATIO, decay_ratio.map(Value::from)),
    ];
    let record = said
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect();
    Ok(Settled {
        config: written.settled(steps)?,
        record,
        follows,
    })
}

/// What the settled length means, and what is surprising about it.
pub(super) fn tell(
    written: &RunConfig,
    settled: &Settled,
    tokens: &[(String, u64)],
    checkpoint: Option<&Loaded>,
    console: &Console,
) {
    let config = &settled.config;
    let steps = config.train.total_steps();
    if let Horizon::Epochs(epochs) = written.train.horizon() {
        let saved = checkpoint.and_then(|checkpoint| known_steps(written, Some(checkpoint.run())));
        let origin = match saved {
            Some(_) => " as settled when the run started",
            None => "",
        };
        console.say(format!(
            "train.epochs = {epochs}: {} steps{origin}; {}",
            with_separators(steps),
            passes_line(config, tokens)
        ));
    }
    for warning in config.warnings() {
        console.warn(warning);
    }
    if let Some(checkpoint) = checkpoint {
        tell_new_length(config, checkpoint, console);
    }
}

/// How often each source is read in the run.
pub(super) fn passes_line(config: &RunConfig, tokens: &[(String, u64)]) -> String {
    let rows = config.train.global_batch_size.get() as u64;
    let sequences = config.train.total_steps().saturating_mul(rows);
    let passes = passes_after(
        sequences,
        tokens,
        &data_stages::order(config).loader_config(0, 0),
    );
    let passes = passes.iter();
    let passes: Vec<String> = passes
        .map(|(name, passes)| format!("{name} {passes:.2} times"))
        .collect();
    format!("reads {}", passes.join(", "))
}

/// A run that was made longer or shorter follows another schedule from here on.
fn tell_new_length(config: &RunConfig, checkpoint: &Loaded, console: &Console) {
    let (saved, step) = (checkpoint.run(), checkpoint.step());
    let (Some(before), now) = (
        saved.progress.get(STEPS).and_then(Value::as_u64),
        config.train.total_steps(),
    ) else {
        return;
    };
    if before == now || step >= now {
        return;
    }
    let mut old = config.clone();
    old.train.steps = Some(before);
    if let Some(steps) = saved.identity.get(DECAY_STEPS).and_then(Value::as_u64) {
        old.optimizer.schedule = old.optimizer.schedule.with_decay_steps(steps);
    }
    let (old, new) = (
        old.learning_rate(step.min(before.saturating_sub(1))),
        config.learning_rate(step),
    );
    let change = format!("the run is {now} steps long now, {before} before");
    if (old - new).abs() <= 1e-9 * old.abs().max(new.abs()) {
        console.say(format!("{change}; the learning rate goes on at {new:.3e}"));
    } else {
        let verb = if new > old { "rises" } else { "falls" };
        console.warn(format!(
            "{change}: at step {} the learning rate {verb} from {old:.3e} to {new:.3e}, where the schedule of {now} steps \
             has it",
            step + 1
        ));
    }
}
