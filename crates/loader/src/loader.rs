//! The training order: from a global sequence index to its tokens.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::batch::{Batch, Sequence};
use crate::error::LoaderError;
use crate::mixture::Mixture;
use crate::packing::Packing;
use crate::permutation::Permutation;
use crate::shard_set::{ShardSet, SourceStats};
use crate::split::Split;
use crate::stream::{TokenStream, num_sequences, sequence_tokens};

/// What the order of training depends on, beside the shards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoaderConfig {
    /// Seed of the order.
    pub seed: u64,
    /// Tokens in a sequence.
    pub seq_len: usize,
    /// Whether attention and loss cross the borders of documents inside a sequence.
    #[serde(default)]
    pub cross_documents: bool,
    /// Share of the tokens from each source, in any unit; a source not named is not read. Empty means by token count.
    #[serde(default)]
    pub weights: Vec<(String, f64)>,
    /// Later parts of the run with other weights.
    #[serde(default)]
    pub stages: Vec<Stage>,
    /// The id that fills the last sequence of a source; it is never a counted target.
    pub pad_id: u32,
    /// How many sequences of a source count as read before index 0; a source that is not named
    /// starts at its first sequence.
    #[serde(default)]
    pub first_sequences: BTreeMap<String, u64>,
}

/// Weights from some point of the run on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// The first global sequence index of the stage; larger than that of the stage before.
    pub from_sequence: u64,
    /// As in [`LoaderConfig::weights`].
    pub weights: Vec<(String, f64)>,
}

/// How far a source has been read.
#[derive(Debug, Clone, PartialEq)]
pub struct SourcePosition {
    /// The source.
    pub source: String,
    /// Completed passes over it.
    pub epoch: u64,
    /// The part of the present pass that is done, from 0 to below 1.
    pub fraction: f64,
    /// Sequences read from it in all.
    pub sequences: u64,
}

/// Training sequences by global index.
///
/// Safe to share between threads. Memory does not grow with the corpus.
#[derive(Debug)]
pub struct Loader {
    set: Arc<ShardSet>,
    seed: u64,
    packing: Packing,
    mixture: Mixture,
    /// The sources that some stage reads, by name.
    sources: Vec<Source>,
}

#[derive(Debug)]
struct Source {
    name: String,
    stream: TokenStream,
    sequences: u64,
}

impl Loader {
    /// Plans the order. Fails if a setting is impossible or a source that is to be read does not fill one sequence.
    pub fn new(
        shards: impl Into<Arc<ShardSet>>,
        config: LoaderConfig,
    ) -> Result<Self, LoaderError> {
        let set = shards.into();
        let LoaderConfig {
            seed,
            seq_len,
            cross_documents,
            weights,
            stages,
            pad_id,
            first_sequences,
        } = config;
        let packing = checked_packing(&set, seq_len, cross_documents, pad_id)?;

        let known = set.sources(Split::Train);
        let weights = SourceWeights::new(&known, &weights, &stages, set.dir())?;
        let mut sources = Vec::with_capacity(weights.read.len());
        for stats in weights.read.iter().map(|&i| &known[i]) {
            let stream = TokenStream::new(&set, set.shards_of(&stats.name, Split::Train));
            let tokens = stream.tokens();
            if tokens <= seq_len as u64 {
                return Err(LoaderError::SequenceTooLong {
                    name: stats.name.clone(),
                    tokens,
                    split: Split::Train,
                    seq_len,
                });
            }
            if !cross_documents && stats.documents == tokens {
                return Err(nothing_to_predict(set.dir(), std::slice::from_ref(stats)));
            }
            sources.push(Source {
                name: stats.name.clone(),
                stream,
                sequences: num_sequences(tokens, seq_len),
            });
        }
        let first_sequence = |source: &Source| first_sequences.get(&source.name).copied();
        let first = sources
            .iter()
            .map(|source| first_sequence(source).unwrap_or(0));
        Ok(Self {
            mixture: Mixture::new(seed, first.collect(), &weights.by_stage),
            set,
            seed,
            packing,
            sources,
        })
    }

    /// The sequence at a global index; the cost does not depend on the index.
    pub fn sequence(&self, global_index: u64) -> Result<Sequence, LoaderError> {
        let (source, sequence) = self.locate(global_index);
        let pieces = source
            .stream
            .pieces(&self.set, sequence_tokens(sequence, self.packing.seq_len))?;
        Ok(self.packing.pack(&self.set, &pieces)?)
    }

    /// Several sequences as rows, in the order given.
    pub fn batch(&self, indices: impl Iterator<Item = u64>) -> Result<Batch, LoaderError> {
        let mut batch =
            Batch::with_capacity(indices.size_hint().0.min(1 << 12), self.packing.seq_len);
        for index in indices {
            batch.push(self.sequence(index)?);
        }
        Ok(batch)
    }

    /// Tokens in the training split of all sources that are read.
    pub fn tokens_per_epoch(&self) -> u64 {
        self.sources
            .iter()
            .map(|source| source.stream.tokens())
            .sum()
    }

    /// Sequences in one pass over a source, if it is read.
    pub fn sequences_per_epoch(&self, source: &str) -> Option<u64> {
        self.sources
            .iter()
            .find(|candidate| candidate.name == source)
            .map(|source| source.sequences)
    }

    /// How far each source has been read when the sequences before `global_index` are done.
    pub fn position(&self, global_index: u64) -> Vec<SourcePosition> {
        let consumed = self.mixture.consumed(global_index);
        let position = |(source, sequences): (&Source, u64)| SourcePosition {
            source: source.name.clone(),
            epoch: sequences / source.sequences,
            fraction: (sequences % source.sequences) as f64 / source.sequences as f64,
            sequences,
        };
        self.sources.iter().zip(consumed).map(position).collect()
    }

    /// Tokens in a sequence.
    pub fn seq_len(&self) -> usize {
        self.packing.seq_len
    }

    /// The shards that are read.
    pub fn shards(&self) -> &Arc<ShardSet> {
        &self.set
    }

    /// The source of a global index, and which sequence of its stream.
    fn locate(&self, global_index: u64) -> (&Source, u64) {
        let slot = self.mixture.slot(global_index);
        let source = &self.sources[slot.source];
        let (epoch, place) = (slot.local / source.sequences, slot.local % source.sequences);
        (
            source,
            Permutation::of_epoch(self.seed, &source.name, epoch, source.sequences).at(place),
        )
    }
}

/// The checks that training and validation share.
pub(crate) fn checked_packing(
    set: &ShardSet,
    seq_len: usize,
    cross_documents: bool,
    pad_id: u32,
) -> Result<Packing, LoaderError> {
    let fail = |field: &str, expected: String, got: String| {
        Err(LoaderError::Setting {
            field: field.to_owned(),
            expected,
            got,
        })
    };
    // A row is counted in i32 by the model.
    if seq_len == 0 || seq_len >= i32::MAX as usize {
        return fail(
            "seq_len",
            format!("1 to {}", i32::MAX - 1),
            seq_len.to_string(),
        );
    }
    if pad_id as usize >= set.vocab_size() {
        return fail(
            "pad_id",
            format!("less than the shards' `vocab_size = {}`", set.vocab_size()),
            pad_id.to_string(),
        );
    }
    Ok(Packing {
        seq_len,
        cross_documents,
        pad_id,
    })
}

/// The weights of all stages over the sources that some stage reads.
pub(crate) struct SourceWeights {
    /// Places in the list of known sources, ascending.
    pub(crate) read: Vec<usize>,
    /// First global sequence index of each stage, and one weight for each source of `read`.
    pub(crate) by_stage: Vec<(u64, Vec<f64>)>,
}

impl SourceWeights {
    /// `dir` is the shard set's folder, for messages.
    pub(crate) fn new(
        known: &[SourceStats],
        weights: &[(String, f64)],
        stages: &[Stage],
        dir: &Path,
    ) -> Result<Self, LoaderError> {
        let mut by_stage = vec![(0, resolve_weights("weights", weights, known, dir)?)];
        for (number, stage) in stages.iter().enumerate() {
            let previous = by_stage.last().map_or(0, |&(from, _)| from);
            if stage.from_sequence <= previous {
                return Err(LoaderError::Setting {
                    field: format!("stages[{number}].from_sequence"),
                    expected: format!("more than {previous}, where the part before begins"),
                    got: stage.from_sequence.to_string(),
                });
            }
            let field = format!("stages[{number}].weights");
            by_stage.push((
                stage.from_sequence,
                resolve_weights(&field, &stage.weights, known, dir)?,
            ));
        }
        let read: Vec<usize> = (0..known.len())
            .filter(|&i| by_stage.iter().any(|(_, weights)| weights[i] > 0.0))
            .collect();
        for (_, weights) in &mut by_stage {
            *weights = read.iter().map(|&i| weights[i]).collect();
        }
        Ok(Self { read, by_stage })
    }
}

fn nothing_to_predict(dir: &Path, sources: &[SourceStats]) -> LoaderError {
    LoaderError::NothingToPredict {
        path: dir.to_owned(),
        split: Split::Train,
        sources: sources.iter().map(|stats| stats.name.clone()).collect(),
        documents: sources.iter().map(|stats| stats.documents).sum(),
        tokens: sources.iter().map(|stats| stats.tokens).sum(),
    }
}

/// One weight for each known source.
fn resolve_weights(
    field: &str,
    weights: &[(String, f64)],
    known: &[SourceStats],
    dir: &Path,
) -> Result<Vec<f64>, LoaderError> {
    if known.is_empty() {
        return Err(nothing_to_predict(dir, known));
    }
    if weights.is_empty() {
        return Ok(known.iter().map(|stats| stats.tokens as f64).collect());
    }
    let fail = |name: &str, expected: &str, got: String| {
        Err(LoaderError::Setting {
            field: format!("{field}.{name}"),
            expected: expected.to_owned(),
            got,
        })
    };
    let mut named = BTreeMap::new();
    for (name, weight) in weights {
        if !known.iter().any(|stats| stats.name == *name) {
            let known = known.iter().map(|stats| stats.name.clone()).collect();
            return Err(LoaderError::UnknownSource {
                field: field.to_owned(),
                name: name.clone(),
                known,
            });
        }
        if !weight.is_finite() || *weight < 0.0 {
            return fail(name, "a finite number, 0 or more", weight.to_string());
        }
        if named.insert(name.as_str(), *weight).is_some() {
            return fail(name, "one weight for a source", "two".to_owned());
        }
    }
    if named.values().all(|&weight| weight == 0.0) {
        let expected = "at least one weight above 0".to_owned();
        return Err(LoaderError::Setting {
            field: field.to_owned(),
            expected,
            got: format!("{weights:?}"),
        });
    }
    Ok(known
        .iter()
        .map(|stats| named.get(stats.name.as_str()).copied().unwrap_or(0.0))
        .collect())
}

#[cfg(test)]
mod tests;
