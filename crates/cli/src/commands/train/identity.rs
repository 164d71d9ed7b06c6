//! What must be the same when a run goes on: the recipe's keys, compared with the checkpoint's.
//!
//! Three kinds of keys. *Settled* ones belong to the run from its first step and never change: with
//! another tokenizer the weights would meet other ids, with another split validation documents would
//! be trained on. Keys of the *model* change what the weights compute: they are accepted by name, but
//! no hint proposes it. All others are accepted by name, and the hint says so. New sources of text
//! are no difference at all: they begin a stage of the run's data.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use jikji_checkpoint::{Difference, Loaded, RunState, compare_identity};
use jikji_recipe::{RunConfig, TokenizerSource};
use serde_json::Value;

use super::folder::quoted;
use crate::arguments::TrainArguments;
use crate::exit;
use crate::failure::Failure;

/// Fingerprint of the tokenizer, in the identity of a checkpoint.
pub(super) const TOKENIZER: &str = "tokenizer";

/// Content hash of the shards, in checkpoints of versions that had no data stages.
pub(super) const DATA: &str = "data";

const VALIDATION_SOURCES: &str = "data.validation_sources";

/// Keys, and with them all keys below, that are settled at the first step of a run.
const SETTLED: [(&str, &str); 3] = [
    (
        TOKENIZER,
        "the weights know the ids of the run's own tokenizer and of no other",
    ),
    ("data.validation_fraction", KEEPS_SIDES),
    (VALIDATION_SOURCES, KEEPS_SIDES),
];

const KEEPS_SIDES: &str = "documents would move between training and validation";

/// `--allow-change` for a settled key is refused before anything is read.
pub(super) fn check_allowed(arguments: &TrainArguments) -> Result<(), Failure> {
    for allowed in &arguments.allow_change {
        let key = allowed.strip_suffix(".*").unwrap_or(allowed);
        if let Some((settled, why)) = settled(key) {
            return Err(Failure::new(
                exit::COMMAND_LINE,
                format!("`--allow-change {allowed}`: `{settled}` cannot change in a run: {why}"),
            )
            .with_hint(
                "documents can be added to `data.path` without it; \
                 to change the key, start another run (`run.output`, or `--fresh`)",
            ));
        }
    }
    Ok(())
}

/// The keys of this recipe must be those of the checkpoint, but for the keys that were named.
pub(super) fn check(
    config: &RunConfig,
    checkpoint: &Loaded,
    arguments: &TrainArguments,
) -> Result<(), Failure> {
    let allowed: BTreeSet<String> = arguments.allow_change.iter().cloned().collect();
    let differences = differences(config, checkpoint.run(), &allowed);
    if differences.is_empty() {
        return Ok(());
    }
    let mut message = format!(
        "the checkpoint `{}` was made with other settings:",
        checkpoint.dir().display()
    );
    for Difference {
        key,
        saved,
        current,
    } in &differences
    {
        let _ = write!(
            message,
            "\n  `{key}`: the checkpoint has {}, this run {}",
            shown(saved.as_ref()),
            shown(current.as_ref())
        );
        if let Some((_, why)) = settled(key) {
            let _ = write!(message, " (cannot change in a run: {why})");
        }
    }
    Err(Failure::new(exit::RUN_FOLDER, message).with_hint(hint(&differences)))
}

fn hint(differences: &[Difference]) -> String {
    let may_be_accepted =
        |key: &str| settled(key).is_none() && !key.starts_with("model.") && key != "model";
    let by_name: Vec<String> = differences
        .iter()
        .filter(|difference| may_be_accepted(&difference.key))
        .map(|difference| format!("--allow-change {}", quoted(&difference.key)))
        .collect();
    if by_name.len() < differences.len() {
        return "set it back, or start another run (`--fresh` moves this one aside)".to_owned();
    }
    format!(
        "set it back, begin anew with `--fresh`, or accept the change by name with `{}`",
        by_name.join(" ")
    )
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "absent".to_owned(), ToString::to_string)
}

fn settled(key: &str) -> Option<(&'static str, &'static str)> {
    let is_below = |settled: &str| {
        key.strip_prefix(settled)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    SETTLED.into_iter().find(|(settled, _)| is_below(settled))
}

fn differences(
    config: &RunConfig,
    saved: &RunState,
    allowed: &BTreeSet<String>,
) -> Vec<Difference> {
    let current = RunState {
        identity: config.identity(),
        ..saved.clone()
    };
    let nothing = BTreeSet::new();
    // A tokenizer that exists has no settings: it is compared by its content, elsewhere.
    let has_tokenizer = matches!(config.tokenizer, TokenizerSource::From(_));
    compare_identity(saved, &current, &nothing)
        .into_iter()
        // Compared by what they hold, elsewhere.
        .filter(|difference| ![TOKENIZER, DATA].contains(&difference.key.as_str()))
        .filter(|difference| !has_tokenizer || !difference.key.starts_with("tokenizer."))
        .filter(|difference| !is_growth(config, saved, difference))
        .filter(|difference| {
            settled(&difference.key).is_some() || !is_allowed(&difference.key, allowed)
        })
        .collect()
}

fn is_allowed(key: &str, allowed: &BTreeSet<String>) -> bool {
    let at_dots = key
        .match_indices('.')
        .map(|(dot, _)| format!("{}.*", &key[..dot]));
    allowed.contains(key)
        || at_dots
            .into_iter()
            .any(|pattern| allowed.contains(&pattern))
}

/// Whether the difference is that a source was added.
fn is_growth(config: &RunConfig, saved: &RunState, difference: &Difference) -> bool {
    let is_new = |name: &str| {
        let prefix = format!("data.sources.{name}.");
        !saved.identity.keys().any(|key| key.starts_with(&prefix))
    };
    let sources = config.data.sources.iter().map(|source| &source.name);
    let added: Vec<&String> = sources.filter(|name| is_new(name)).collect();
    if difference.key == VALIDATION_SOURCES {
        let listed = |value: &Option<Value>| -> Vec<String> {
            let list = value.as_ref().and_then(Value::as_array);
            let names = list.into_iter().flatten().filter_map(Value::as_str);
            names
                .filter(|name| !added.iter().any(|added| added == name))
                .map(str::to_owned)
                .collect()
        };
        return listed(&difference.saved) == listed(&difference.current);
    }
    added.iter().any(|name| {
        let prefix = format!("data.sources.{name}.");
        difference.key.starts_with(&prefix)
    })
}

/// The identity that this run's checkpoints carry. What was settled by the checkpoint that it goes
/// on from stays as it was.
pub(super) fn of_run(
    config: &RunConfig,
    tokenizer: &str,
    checkpoint: Option<&Loaded>,
) -> BTreeMap<String, Value> {
    let mut identity = config.identity();
    if let Some(checkpoint) = checkpoint {
        let is_of_tokenizer = |key: &str| key.starts_with("tokenizer.");
        identity.retain(|key, _| !is_of_tokenizer(key));
        let saved = checkpoint.run().identity.iter();
        let kept = saved.filter(|(key, _)| is_of_tokenizer(key));
        identity.extend(kept.map(|(key, value)| (key.clone(), value.clone())));
    }
    identity.insert(TOKENIZER.to_owned(), tokenizer.into());
    identity
}
