//! Plain concatenation: sequence `k` has the tokens `[k S, (k + 1) S)` of a stream as inputs and the same, one further, as
//! targets. The last target of a sequence is the first input of the next, so every pair (token, next token) of the stream
//! stands in exactly one sequence.
//!
//! With documents kept apart, a target counts only if it is of the same document as its input, positions restart with each
//! document, and `documents` says who may attend to whom.

use crate::batch::{DocumentSpan, Sequence};
use crate::error::ShardError;
use crate::shard_set::ShardSet;
use crate::stream::Piece;

/// How sequences are made of tokens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packing {
    pub(crate) seq_len: usize,
    /// Whether attention and loss cross the borders of documents.
    pub(crate) cross_documents: bool,
    pub(crate) pad_id: u32,
}

impl Packing {
    /// Makes a sequence of pieces that hold at most `seq_len + 1` tokens.
    pub(crate) fn pack(&self, set: &ShardSet, pieces: &[Piece]) -> Result<Sequence, ShardError> {
        let seq_len = self.seq_len;
        let mut tokens = Vec::with_capacity(seq_len + 1);
        let mut sequence = Sequence {
            ids: Vec::new(),
            targets: Vec::with_capacity(seq_len),
            loss_weights: vec![0.0; seq_len],
            positions: Vec::with_capacity(seq_len),
            documents: Vec::with_capacity(seq_len),
            provenance: Vec::with_capacity(pieces.len()),
        };
        for (number, piece) in pieces.iter().enumerate() {
            let start = tokens.len();
            set.read(piece.shard, piece.in_shard(), &mut tokens)?;
            let inputs = start..tokens.len().min(seq_len);
            if inputs.is_empty() {
                // Only the one target beyond the inputs.
                continue;
            }
            let restart = if self.cross_documents { 0 } else { start };
            let document = if self.cross_documents {
                0
            } else {
                number as u32
            };
            sequence
                .positions
                .extend(inputs.clone().map(|at| (at - restart) as u32));
            sequence.documents.extend(inputs.clone().map(|_| document));
            // The last token of a piece has its target in the next piece.
            let counted = inputs.start..inputs.end.min(tokens.len() - 1);
            sequence.loss_weights[counted].fill(1.0);
            if self.cross_documents && start > 0 {
                sequence.loss_weights[start - 1] = 1.0;
            }
            let shard = set.shard(piece.shard);
            sequence.provenance.push(DocumentSpan {
                source: shard.source.clone(),
                hash: piece.document.hash,
                shard: shard.file.clone(),
                tokens: inputs.start as u32..inputs.end as u32,
                first_in_document: piece.tokens.start,
            });
        }
        if self.cross_documents && tokens.len() > seq_len {
            // The target beyond the inputs may be the first token of a document that has no input here.
            if let Some(last) = sequence.loss_weights.last_mut() {
                *last = 1.0;
            }
        }

        sequence.targets.extend(tokens.iter().skip(1));
        sequence.targets.resize(seq_len, self.pad_id);
        tokens.truncate(seq_len);
        sequence.ids = tokens;
        self.pad(&mut sequence);
        Ok(sequence)
    }

    /// Fills the rest with a document of its own.
    fn pad(&self, sequence: &mut Sequence) {
        let padding = self.seq_len - sequence.ids.len();
        let document = sequence.documents.last().map_or(0, |last| last + 1);
        sequence.ids.resize(self.seq_len, self.pad_id);
        sequence.positions.extend(0..padding as u32);
        sequence.documents.resize(self.seq_len, document);
    }
}
