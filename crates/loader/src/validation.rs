//! The validation split, or a part of it that can be scored in bits per byte.
//!
//! Bits per byte divides what the tokens cost by the bytes they stand for, so the two must be of the same text. A part is
//! therefore made of whole documents, packed by themselves: the bytes of the documents are the bytes of the set, and every
//! (token, next token) pair of a document is scored exactly once. What is not scored is the first token of each document:
//! it is a token of no bytes (`bos`), or its bytes are not among those of the document.

use std::ops::Range;
use std::sync::Arc;

use crate::batch::Batch;
use crate::error::{LoaderError, ShardError};
use crate::loader::checked_packing;
use crate::packing::Packing;
use crate::shard_set::{ShardId, ShardSet};
use crate::split::Split;
use crate::stream::{Piece, num_sequences, sequence_tokens};

/// Validation sequences, each once, in a fixed order.
#[derive(Debug)]
pub struct ValidationSet {
    set: Arc<ShardSet>,
    packing: Packing,
    /// 24 bytes a document, in the order of the stream.
    documents: Vec<Chosen>,
    tokens: u64,
    text_bytes: u64,
}

#[derive(Debug, Clone, Copy)]
struct Chosen {
    shard: ShardId,
    index: u64,
    /// Place of its first token in the stream of chosen documents.
    first: u64,
}

/// What choosing a document needs to know of it.
struct Candidate {
    place: Chosen,
    hash: [u8; 16],
    tokens: u64,
    text_bytes: u64,
}

impl ValidationSet {
    /// All validation documents of `sources` (of every source if empty), or as many as fill `max_sequences`.
    ///
    /// A limited set takes documents in the order of their hashes, a sample that does not depend on units or sources, until
    /// one does not fit any more; documents longer than the whole limit are passed over, and if there are no others the
    /// shortest is taken, so the set is never empty. Fails if there is nothing to predict.
    pub fn new(
        shards: impl Into<Arc<ShardSet>>,
        seq_len: usize,
        cross_documents: bool,
        pad_id: u32,
        max_sequences: Option<usize>,
        sources: &[String],
    ) -> Result<Self, LoaderError> {
        let set = shards.into();
        let packing = checked_packing(&set, seq_len, cross_documents, pad_id)?;
        if max_sequences == Some(0) {
            let [field, expected, got] =
                ["max_sequences", "1 or more, or none for all", "0"].map(str::to_owned);
            return Err(LoaderError::Setting {
                field,
                expected,
                got,
            });
        }
        let names = chosen_sources(&set, sources)?;
        let mut candidates = candidates(&set, &names)?;
        if let Some(max_sequences) = max_sequences {
            // The last token of the stream is only a target, so it needs no room.
            let budget = (max_sequences as u64)
                .saturating_mul(seq_len as u64)
                .saturating_add(1);
            candidates = sample(candidates, budget);
        }

        let (mut tokens, mut text_bytes) = (0, 0);
        let mut documents = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            documents.push(Chosen {
                first: tokens,
                ..candidate.place
            });
            tokens += candidate.tokens;
            text_bytes += candidate.text_bytes;
        }
        // Kept apart, each document has one token that nothing predicts; else only the first of all has none.
        let unpredicted = if cross_documents {
            1
        } else {
            documents.len() as u64
        };
        if tokens <= unpredicted {
            return Err(LoaderError::NothingToPredict {
                path: set.dir().to_owned(),
                split: Split::Validation,
                sources: names,
                documents: documents.len() as u64,
                tokens,
            });
        }
        Ok(Self {
            set,
            packing,
            documents,
            tokens,
            text_bytes,
        })
    }

    /// Number of sequences; the last may be padded.
    pub fn len(&self) -> usize {
        num_sequences(self.tokens, self.packing.seq_len) as usize
    }

    /// Never: an empty set is an error of [`new`](Self::new).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of documents in the set.
    pub fn documents(&self) -> usize {
        self.documents.len()
    }

    /// Tokens of all documents in the set.
    pub fn tokens(&self) -> u64 {
        self.tokens
    }

    /// Bytes of text that the whole set stands for.
    pub fn text_bytes(&self) -> u64 {
        self.text_bytes
    }

    /// The tokens of each document in the set.
    pub fn token_ids(&self) -> impl Iterator<Item = Result<Vec<u32>, ShardError>> + '_ {
        self.documents.iter().map(|chosen| {
            let row = self.set.document(chosen.shard, chosen.index)?;
            let tokens = row.first_token..row.first_token + u64::from(row.tokens);
            let mut ids = Vec::with_capacity(row.tokens as usize);
            self.set.read(chosen.shard, tokens, &mut ids)?;
            Ok(ids)
        })
    }

    /// Some sequences as rows.
    pub fn batch(&self, range: Range<usize>) -> Result<Batch, LoaderError> {
        if range.end > self.len() {
            return Err(LoaderError::OutOfRange {
                index: range.end - 1,
                len: self.len(),
            });
        }
        let mut batch = Batch::with_capacity(range.len(), self.packing.seq_len);
        for index in range {
            let pieces = self.pieces(sequence_tokens(index as u64, self.packing.seq_len))?;
            batch.push(self.packing.pack(&self.set, &pieces)?);
        }
        Ok(batch)
    }

    fn pieces(&self, range: Range<u64>) -> Result<Vec<Piece>, ShardError> {
        let mut pieces = Vec::new();
        let from = self
            .documents
            .partition_point(|chosen| chosen.first <= range.start)
            .saturating_sub(1);
        for chosen in self
            .documents
            .get(from..)
            .unwrap_or_default()
            .iter()
            .take_while(|chosen| chosen.first < range.end)
        {
            let document = self.set.document(chosen.shard, chosen.index)?;
            let start = range
                .start
                .saturating_sub(chosen.first)
                .min(u64::from(document.tokens)) as u32;
            let end = (range.end - chosen.first).min(u64::from(document.tokens)) as u32;
            pieces.push(Piece {
                shard: chosen.shard,
                document,
                tokens: start..end,
            });
        }
        Ok(pieces)
    }
}

fn chosen_sources(set: &ShardSet, sources: &[String]) -> Result<Vec<String>, LoaderError> {
    let known: Vec<String> = set
        .sources(Split::Validation)
        .into_iter()
        .map(|stats| stats.name)
        .collect();
    if sources.is_empty() {
        return Ok(known);
    }
    match sources.iter().find(|name| !known.contains(name)) {
        Some(name) => Err(LoaderError::UnknownSource {
            field: "sources".to_owned(),
            name: name.clone(),
            known,
        }),
        // In the order of the set and each once, whatever the order of the filter.
        None => Ok(known
            .into_iter()
            .filter(|name| sources.contains(name))
            .collect()),
    }
}

fn candidates(set: &ShardSet, sources: &[String]) -> Result<Vec<Candidate>, ShardError> {
    let mut candidates = Vec::new();
    for shard in sources
        .iter()
        .flat_map(|source| set.shards_of(source, Split::Validation))
    {
        for index in 0..set.shard(shard).table.len() {
            let row = set.document(shard, index)?;
            candidates.push(Candidate {
                place: Chosen {
                    shard,
                    index,
                    first: 0,
                },
                hash: row.hash,
                tokens: u64::from(row.tokens),
                text_bytes: u64::from(row.text_bytes),
            });
        }
    }
    Ok(candidates)
}

/// Whole documents of at most `budget` tokens together, in their old order. A document of one token has nothing to predict.
fn sample(candidates: Vec<Candidate>, budget: u64) -> Vec<Candidate> {
    let fits = |candidate: &Candidate| (2..=budget).contains(&candidate.tokens);
    let mut by_hash: Vec<usize> = (0..candidates.len())
        .filter(|&i| fits(&candidates[i]))
        .collect();
    if by_hash.is_empty() {
        let long = candidates
            .into_iter()
            .filter(|candidate| candidate.tokens >= 2);
        return long
            .min_by_key(|candidate| (candidate.tokens, candidate.hash))
            .into_iter()
            .collect();
    }
    by_hash.sort_by_key(|&i| (candidates[i].hash, i));
    let mut left = budget;
    let mut taken = vec![false; candidates.len()];
    for i in by_hash {
        let Some(rest) = left.checked_sub(candidates[i].tokens) else {
            break;
        };
        left = rest;
        taken[i] = true;
    }
    candidates
        .into_iter()
        .zip(taken)
        .filter_map(|(candidate, taken)| taken.then_some(candidate))
        .collect()
}

#[cfg(test)]
mod tests;
