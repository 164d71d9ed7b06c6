//! The documents of some shards, end to end, as one stream of tokens; and where in it a document lies.

use std::ops::Range;

use crate::document_table::DocumentRow;
use crate::error::ShardError;
use crate::shard_set::{ShardId, ShardSet};

/// A part of one document.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) shard: ShardId,
    pub(crate) document: DocumentRow,
    /// Which of the document's tokens.
    pub(crate) tokens: Range<u32>,
}

impl Piece {
    /// The same tokens, counted from the shard's first.
    pub(crate) fn in_shard(&self) -> Range<u64> {
        let first = self.document.first_token;
        first + u64::from(self.tokens.start)..first + u64::from(self.tokens.end)
    }
}

/// Shards end to end. Holds 16 bytes a shard; documents are looked up on disk.
#[derive(Debug)]
pub(crate) struct TokenStream {
    /// Each shard with the place of its first token in the stream.
    shards: Vec<(u64, ShardId)>,
    tokens: u64,
}

impl TokenStream {
    pub(crate) fn new(set: &ShardSet, ids: impl Iterator<Item = ShardId>) -> Self {
        let mut stream = Self {
            shards: Vec::new(),
            tokens: 0,
        };
        for id in ids {
            stream.shards.push((stream.tokens, id));
            stream.tokens += set.shard(id).tokens;
        }
        stream
    }

    pub(crate) fn tokens(&self) -> u64 {
        self.tokens
    }

    /// The documents' parts that make up a range of the stream, in order; the range is cut at the stream's end.
    pub(crate) fn pieces(
        &self,
        set: &ShardSet,
        range: Range<u64>,
    ) -> Result<Vec<Piece>, ShardError> {
        let mut pieces = Vec::new();
        let end = range.end.min(self.tokens);
        let mut at = range.start;
        let first_shard = self
            .shards
            .partition_point(|&(first, _)| first <= at)
            .saturating_sub(1);
        for &(first, shard) in self.shards.get(first_shard..).unwrap_or_default() {
            if at >= end {
                break;
            }
            let documents = set.shard(shard).table.len();
            let mut index = set.find_document(shard, at.saturating_sub(first))?;
            while at < end && index < documents {
                let document = set.document(shard, index)?;
                let start = first.saturating_add(document.first_token);
                let place = start..start.saturating_add(u64::from(document.tokens));
                if !place.contains(&at) {
                    // Sound when the set was opened, so somebody is writing to the file.
                    return Err(set.shard(shard).table.misplaced(
                        index,
                        at.saturating_sub(first),
                        document,
                    ));
                }
                let until = end.min(place.end);
                pieces.push(Piece {
                    shard,
                    document,
                    tokens: (at - place.start) as u32..(until - place.start) as u32,
                });
                at = until;
                index += 1;
            }
        }
        Ok(pieces)
    }
}

/// Number of sequences that cover every (input, target) pair of a stream: the last token is only ever a target.
pub(crate) fn num_sequences(tokens: u64, seq_len: usize) -> u64 {
    tokens.saturating_sub(1).div_ceil(seq_len as u64)
}

/// The tokens that sequence `index` reads: its inputs and the one target beyond them.
pub(crate) fn sequence_tokens(index: u64, seq_len: usize) -> Range<u64> {
    let start = index * seq_len as u64;
    start..start + seq_len as u64 + 1
}
