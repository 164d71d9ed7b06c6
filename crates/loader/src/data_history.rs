//! Which shard set a run reads at which step.
//!
//! A run may be resumed over other text than it began with, most often because documents were added.
//! Each such change begins a stage. The steps before it keep their data, so a resume from an older
//! checkpoint repeats them exactly as long as their shard set is still on disk.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::LoaderError;
use crate::loader::{LoaderConfig, SourceWeights, Stage};
use crate::mixture::Mixture;
use crate::shard_set::{ShardSet, SourceStats};
use crate::split::Split;
use crate::stream::num_sequences;

/// Version of the JSON form.
const FORMAT_VERSION: u32 = 1;

/// The stages of a run's data, the first from step 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataHistory {
    format_version: u32,
    stages: Vec<DataStage>,
}

/// The data from some step on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataStage {
    /// Steps done when the stage begins.
    pub from_step: u64,
    /// [`ShardSet::content_hash`] of the shard set. Where it lies is not part of the history.
    pub content: String,
    /// What decides the order beside the shards.
    pub order: OrderSettings,
    /// Training side of each source.
    pub sources: BTreeMap<String, StagedSource>,
    /// Validation documents of each source.
    pub validation_documents: BTreeMap<String, u64>,
}

/// The settings that decide which sequence comes when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderSettings {
    /// Seed of the order.
    pub seed: u64,
    /// Tokens in a sequence.
    pub seq_len: usize,
    /// Sequences in a step.
    pub global_batch_size: usize,
    /// Whether attention and loss cross the borders of documents.
    pub cross_documents: bool,
    /// Share of the tokens from each source; empty means by token count.
    pub weights: BTreeMap<String, f64>,
    /// Later weights, by increasing step.
    pub weight_stages: Vec<WeightStage>,
}

/// Weights of the sources from some step on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightStage {
    /// First step with these weights.
    pub from_step: u64,
    /// Share of the tokens from each source.
    pub weights: BTreeMap<String, f64>,
}

/// The training side of one source in one stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StagedSource {
    /// Documents.
    pub documents: u64,
    /// Tokens.
    pub tokens: u64,
    /// Identity of the tokens.
    pub content: String,
    /// Sequences of the source that count as read when the stage begins: all of its earlier reads if
    /// its text did not change, else whole passes, so that the new text is read from its start.
    pub first_sequence: u64,
}

/// How the data of a new stage differs from the stage before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Step at which the stage begins.
    pub from_step: u64,
    /// Sources whose text changed: name, training documents before, training documents now.
    pub changed: Vec<(String, u64, u64)>,
    /// Validation documents before and now.
    pub validation: (u64, u64),
    /// Changed sources that were read before: their rows may be read again.
    pub may_recur: Vec<String>,
}

impl DataHistory {
    /// The history of a run that begins at step 0.
    pub fn new(shards: &ShardSet, order: OrderSettings) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            stages: vec![DataStage::new(0, shards, order, |_, _| 0)],
        }
    }

    /// The history of a run that recorded none: all that is known is the identity of its shards.
    pub fn of_content(content: String, order: OrderSettings) -> Self {
        let stage = DataStage {
            from_step: 0,
            content,
            order,
            sources: BTreeMap::new(),
            validation_documents: BTreeMap::new(),
        };
        Self {
            format_version: FORMAT_VERSION,
            stages: vec![stage],
        }
    }

    /// The stages, by increasing first step; never empty.
    pub fn stages(&self) -> &[DataStage] {
        &self.stages
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    /// What is no history: malformed JSON, unknown fields, another version, steps out of order.
    pub fn from_json(json: &[u8]) -> Result<Self, String> {
        let history: Self = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        if history.format_version != FORMAT_VERSION {
            return Err(format!(
                "`format_version`: expected {FORMAT_VERSION}, got {}",
                history.format_version
            ));
        }
        let steps: Vec<u64> = history.stages.iter().map(|stage| stage.from_step).collect();
        if steps.first() != Some(&0) || !steps.is_sorted_by(|a, b| a < b) {
            return Err(format!(
                "`stages`: expected `from_step` to begin with 0 and increase, got {steps:?}"
            ));
        }
        Ok(history)
    }

    /// The JSON form.
    ///
    /// # Panics
    /// Never: names and numbers always have a JSON form.
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self).expect("a history is text and numbers");
        json.push(b'\n');
        json
    }

    /// Whether `other` has the same stages up to `step`.
    pub fn agrees_until(&self, other: &Self, step: u64) -> bool {
        let until = |history: &Self| -> Vec<DataStage> {
            let stages = history.stages.iter();
            stages
                .filter(|stage| stage.from_step < step)
                .cloned()
                .collect()
        };
        until(self) == until(other)
    }

    /// Drops the stages that begin at `step` or later, but for the first.
    pub fn forget_from(&mut self, step: u64) {
        self.stages
            .retain(|stage| stage.from_step == 0 || stage.from_step < step);
    }

    /// Goes on at `step` over `shards`. Begins a stage, and returns what changed, unless the last
    /// stage is of this data in this order.
    ///
    /// # Errors
    /// Weights that the shards cannot meet.
    pub fn resume(
        &mut self,
        step: u64,
        shards: &ShardSet,
        order: OrderSettings,
    ) -> Result<Option<Change>, LoaderError> {
        let content = shards.content_hash();
        let is_same = |stage: &DataStage| stage.content == content && stage.order == order;
        if self.stages.last().is_some_and(is_same) {
            return Ok(None);
        }
        // A stage of which no step was made, or none that is left, never happened.
        self.forget_from(step);
        let [.., last] = self.stages.as_slice() else {
            unreachable!("the stage from step 0 stays");
        };
        if is_same(last) {
            return Ok(None);
        }
        if step == 0 {
            *self = Self::new(shards, order);
            return Ok(None);
        }
        let is_recorded = !last.sources.is_empty();
        let read = last.sequences_read(step)?;
        let seq_len = last.order.seq_len;
        let keeps_order = seq_len == order.seq_len && last.order.seed == order.seed;
        let stage = DataStage::new(step, shards, order, |source, now| {
            let (Some(&read), Some(before)) = (read.get(source), last.sources.get(source)) else {
                // Where nothing was recorded, the first pass may have been made.
                let passes = u64::from(!is_recorded);
                return passes * num_sequences(now.tokens, now.seq_len);
            };
            if keeps_order && before.content == now.content {
                return read;
            }
            // Passes are counted on, so that no pass of the new text has the order of an old one.
            let passes = read.div_ceil(num_sequences(before.tokens, seq_len).max(1));
            passes * num_sequences(now.tokens, now.seq_len)
        });
        let change = stage.change_since(last, &read);
        self.stages.push(stage);
        Ok(Some(change))
    }
}

/// A source of a new stage, before its place is known.
struct NewSource<'a> {
    content: &'a str,
    tokens: u64,
    seq_len: usize,
}

impl DataStage {
    fn new(
        from_step: u64,
        shards: &ShardSet,
        order: OrderSettings,
        first_sequence: impl Fn(&str, &NewSource<'_>) -> u64,
    ) -> Self {
        let staged = |stats: SourceStats| {
            let content = shards.source_hash(&stats.name, Split::Train);
            let now = NewSource {
                content: &content,
                tokens: stats.tokens,
                seq_len: order.seq_len,
            };
            let first_sequence = first_sequence(&stats.name, &now);
            let source = StagedSource {
                documents: stats.documents,
                tokens: stats.tokens,
                content,
                first_sequence,
            };
            (stats.name, source)
        };
        let held_back = shards.sources(Split::Validation).into_iter();
        Self {
            from_step,
            content: shards.content_hash(),
            sources: shards
                .sources(Split::Train)
                .into_iter()
                .map(staged)
                .collect(),
            validation_documents: held_back
                .map(|stats| (stats.name, stats.documents))
                .collect(),
            order,
        }
    }

    /// The loader's settings; its index 0 is the stage's first sequence.
    pub fn loader_config(&self, pad_id: u32) -> LoaderConfig {
        let (weights, stages) = self.weights();
        LoaderConfig {
            seed: self.order.seed,
            seq_len: self.order.seq_len,
            cross_documents: self.order.cross_documents,
            weights,
            stages,
            pad_id,
            first_sequences: self
                .sources
                .iter()
                .map(|(name, source)| (name.clone(), source.first_sequence))
                .collect(),
        }
    }

    /// The weights where the stage begins, and the later ones by the stage's own sequences.
    fn weights(&self) -> (Vec<(String, f64)>, Vec<Stage>) {
        let listed = |weights: &BTreeMap<String, f64>| -> Vec<(String, f64)> {
            weights
                .iter()
                .map(|(name, weight)| (name.clone(), *weight))
                .collect()
        };
        let mut first = listed(&self.order.weights);
        let mut later = Vec::new();
        for stage in &self.order.weight_stages {
            if stage.from_step <= self.from_step {
                first = listed(&stage.weights);
            } else {
                let steps = stage.from_step - self.from_step;
                later.push(Stage {
                    from_sequence: steps.saturating_mul(self.order.global_batch_size as u64),
                    weights: listed(&stage.weights),
                });
            }
        }
        (first, later)
    }

    /// Sequences of each source that count as read when the steps before `step` are done.
    fn sequences_read(&self, step: u64) -> Result<BTreeMap<String, u64>, LoaderError> {
        if self.sources.is_empty() {
            return Ok(BTreeMap::new());
        }
        let known: Vec<SourceStats> = self
            .sources
            .iter()
            .map(|(name, source)| SourceStats {
                name: name.clone(),
                synthetic: false,
                documents: source.documents,
                tokens: source.tokens,
                text_bytes: 0,
            })
            .collect();
        let (weights, stages) = self.weights();
        let weights = SourceWeights::new(&known, &weights, &stages, Path::new("data.json"))?;
        let first = weights
            .read
            .iter()
            .map(|&i| self.sources[&known[i].name].first_sequence);
        let mixture = Mixture::new(self.order.seed, first.collect(), &weights.by_stage);
        let steps = step.saturating_sub(self.from_step);
        let read = mixture.consumed(steps.saturating_mul(self.order.global_batch_size as u64));
        let names = weights.read.iter().map(|&i| known[i].name.clone());
        Ok(names.zip(read).collect())
    }

    fn change_since(&self, before: &Self, read: &BTreeMap<String, u64>) -> Change {
        let documents =
            |stage: &Self, name: &str| stage.sources.get(name).map_or(0, |source| source.documents);
        let content =
            |stage: &Self, name: &str| stage.sources.get(name).map(|source| source.content.clone());
        let names: BTreeSet<&String> = before.sources.keys().chain(self.sources.keys()).collect();
        let changed: Vec<(String, u64, u64)> = names
            .into_iter()
            .filter(|name| content(before, name) != content(self, name))
            .map(|name| (name.clone(), documents(before, name), documents(self, name)))
            .collect();
        let is_recorded = !before.sources.is_empty();
        let may_recur = self.sources.iter().filter(|(name, source)| {
            let was_read = read.get(*name).copied().unwrap_or(0);
            !is_recorded || was_read > 0 && source.first_sequence != was_read
        });
        let held_back = |stage: &Self| stage.validation_documents.values().sum();
        Change {
            from_step: self.from_step,
            may_recur: may_recur.map(|(name, _)| name.clone()).collect(),
            validation: (held_back(before), held_back(self)),
            changed,
        }
    }
}

#[cfg(test)]
mod tests;
