//! The data of a run over its stages: which shard set each step reads, recorded in `data.json`.

use std::sync::Arc;

use jikji_checkpoint::{Loaded, durable};
use jikji_loader::{
    Change, DataHistory, Loader, LoaderError, OrderSettings, RunData, ShardSet, StagedLoader,
    WeightStage,
};
use jikji_recipe::RunConfig;
use jikji_telemetry::Console;
use jikji_telemetry::human_units::with_separators;

use super::folder::RunFolder;
use super::identity;
use crate::exit;
use crate::failure::Failure;

/// The record, in the run's folder and in each checkpoint.
pub(super) const FILE: &str = "data.json";

/// Plans the data from the run's present step on, and records the plan in the run's folder.
///
/// Returns the data, and the record for the checkpoints.
pub(super) fn plan(
    config: &RunConfig,
    folder: &RunFolder,
    shards: &Arc<ShardSet>,
    pad_id: u32,
    console: &Console,
) -> Result<(RunData, Vec<u8>), Failure> {
    let order = order(config);
    let step = folder.step();
    let mut history = match &folder.checkpoint {
        None => DataHistory::new(shards, order.clone()),
        Some(checkpoint) => recorded(config, folder, checkpoint, &order)?,
    };
    let mut change = history.resume(step, shards, order.clone())?;
    let mut earlier = earlier_sets(config, &history, step);
    if earlier.is_none() {
        console.warn(format!(
            "the steps after {step} once read other text, whose shards are no longer in `{}`: \
             this time they read the present text",
            config.data.prepared.display()
        ));
        history.forget_from(step);
        change = history.resume(step, shards, order)?;
        earlier = Some(Vec::new());
    }
    if let Some(change) = change {
        tell(&change, console);
    }
    let record = history.to_json();
    durable::write_file(&folder.path.join(FILE), &record)?;

    let mut sets: Vec<Arc<ShardSet>> = earlier.into_iter().flatten().map(Arc::new).collect();
    sets.push(shards.clone());
    // The sets belong to the last stages; the stages before them are done.
    let stages = &history.stages()[history.stages().len() - sets.len()..];
    let staged = stages.iter().zip(sets).map(|(stage, set)| {
        Ok(StagedLoader {
            from_step: stage.from_step,
            global_batch_size: stage.order.global_batch_size,
            loader: Loader::new(set, stage.loader_config(pad_id))?.into(),
        })
    });
    let staged = staged.collect::<Result<Vec<_>, LoaderError>>()?;
    Ok((RunData::staged(staged), record))
}

/// The first step that the stage does not read.
fn ends(history: &DataHistory, index: usize) -> u64 {
    let next = history.stages().get(index + 1);
    next.map_or(u64::MAX, |next| next.from_step)
}

/// The shard sets of the stages before the last one that have steps after `step`; `None` if one is
/// gone.
fn earlier_sets(config: &RunConfig, history: &DataHistory, step: u64) -> Option<Vec<ShardSet>> {
    let last = history.stages().len() - 1;
    let stages = history.stages()[..last].iter().enumerate();
    stages
        .filter(|(index, _)| ends(history, *index) > step)
        .map(|(_, stage)| find_set(config, &stage.content).filter(|set| set.verify().is_ok()))
        .collect()
}

/// The prepared shard set with this content.
fn find_set(config: &RunConfig, content: &str) -> Option<ShardSet> {
    std::fs::read_dir(&config.data.prepared)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("tokens-"))
        .filter_map(|entry| ShardSet::open(entry.path()).ok())
        .find(|set| set.content_hash() == content)
}

/// What the checkpoint and the run's folder say. The folder's record may know of stages that began
/// after an older checkpoint.
fn recorded(
    config: &RunConfig,
    folder: &RunFolder,
    checkpoint: &Loaded,
    order: &OrderSettings,
) -> Result<DataHistory, Failure> {
    if !checkpoint.has_file(FILE) {
        return Ok(of_older_version(config, checkpoint, order));
    }
    let path = checkpoint.dir().join(FILE);
    let saved = DataHistory::from_json(&checkpoint.file(FILE)?).map_err(|reason| {
        Failure::new(
            exit::RUN_FOLDER,
            format!(
                "`{}` is not a record of data stages: {reason}",
                path.display()
            ),
        )
        .with_hint("use the version of jikji that wrote the checkpoint")
    })?;
    // A record that cannot be read knows nothing that the checkpoint does not.
    let latest = std::fs::read(folder.path.join(FILE))
        .ok()
        .and_then(|json| DataHistory::from_json(&json).ok())
        .filter(|latest| latest.agrees_until(&saved, checkpoint.step()));
    Ok(latest.unwrap_or(saved))
}

/// Versions without a record compared the content of the shards.
fn of_older_version(config: &RunConfig, checkpoint: &Loaded, order: &OrderSettings) -> DataHistory {
    let content = checkpoint.run().identity.get(identity::DATA);
    let content = content
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default();
    match find_set(config, content) {
        Some(set) => DataHistory::new(&set, order.clone()),
        None => DataHistory::of_content(content.to_owned(), order.clone()),
    }
}

fn order(config: &RunConfig) -> OrderSettings {
    let weighted = config.data.sources.iter();
    let weight_stages = config.data.stages.iter().map(|stage| WeightStage {
        from_step: stage.from_step,
        weights: stage.weights.clone(),
    });
    OrderSettings {
        seed: config.run.seed,
        seq_len: config.train.seq_len.get(),
        global_batch_size: config.train.global_batch_size.get(),
        cross_documents: config.data.cross_documents,
        weights: weighted
            .filter_map(|source| Some((source.name.clone(), source.weight?)))
            .collect(),
        weight_stages: weight_stages.collect(),
    }
}

fn tell(change: &Change, console: &Console) {
    let from = change.from_step;
    console.say(format!("from step {} on: a new data stage", from + 1));
    for (name, before, now) in &change.changed {
        console.say(format!(
            "  `{name}`: {} training documents, {} before",
            with_separators(*now),
            with_separators(*before)
        ));
    }
    if !change.may_recur.is_empty() {
        let names: Vec<String> = change
            .may_recur
            .iter()
            .map(|name| format!("`{name}`"))
            .collect();
        console.say(format!(
            "  {}: read from the start, so rows seen before step {} may come again",
            names.join(", "),
            from + 1
        ));
    }
    let (before, now) = change.validation;
    if before != now {
        console.say(format!(
            "  validation: {} documents, {} before; losses before and after are not over the same text",
            with_separators(now),
            with_separators(before)
        ));
    }
}
