//! What the trainer gets: one sequence, and a batch of them as row-major columns.

use std::ops::Range;
use std::sync::Arc;

/// The part of a document that stands in a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentSpan {
    /// The source of the document.
    pub source: Arc<str>,
    /// The document's hash.
    pub hash: [u8; 16],
    /// The token file it was read from.
    pub shard: Arc<str>,
    /// Which inputs of the sequence.
    pub tokens: Range<u32>,
    /// Which token of the document the first of them is.
    pub first_in_document: u32,
}

/// One packed sequence; every column has `seq_len` values.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequence {
    /// Input ids.
    pub ids: Vec<u32>,
    /// The id after each input; the pad id beyond the end of the stream.
    pub targets: Vec<u32>,
    /// 1 where the target counts, 0 where it belongs to another document or to nothing.
    pub loss_weights: Vec<f32>,
    /// Position of each input, from 0 at the start of the sequence and of each document in it.
    pub positions: Vec<u32>,
    /// Which document each input belongs to, from 0 in the sequence; padding is one more, so that it attends to nothing else.
    pub documents: Vec<u32>,
    /// Where the inputs come from.
    pub provenance: Vec<DocumentSpan>,
}

/// Sequences as rows.
///
/// # Shapes
/// Every column but `spans` is row-major `[batch, seq]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch {
    /// Number of rows.
    pub batch: usize,
    /// Tokens in a row.
    pub seq: usize,
    /// Input ids.
    pub ids: Vec<i32>,
    /// The id after each input.
    pub targets: Vec<i32>,
    /// 1 where the target counts, 0 where it does not.
    pub loss_weights: Vec<f32>,
    /// Position of each input in its document (from the start of the row if it began before).
    pub positions: Vec<i32>,
    /// Which document of the row each input belongs to.
    pub documents: Vec<i32>,
    /// Where each row comes from.
    pub spans: Vec<Vec<DocumentSpan>>,
}

impl Batch {
    /// A batch without rows.
    pub(crate) fn with_capacity(rows: usize, seq: usize) -> Self {
        let len = rows * seq;
        Self {
            batch: 0,
            seq,
            ids: Vec::with_capacity(len),
            targets: Vec::with_capacity(len),
            loss_weights: Vec::with_capacity(len),
            positions: Vec::with_capacity(len),
            documents: Vec::with_capacity(len),
            spans: Vec::with_capacity(rows),
        }
    }

    pub(crate) fn push(&mut self, sequence: Sequence) {
        let Sequence {
            ids,
            targets,
            loss_weights,
            positions,
            documents,
            provenance,
        } = sequence;
        // Exact: a vocabulary ends at `i32::MAX`, and so does a sequence.
        let signed = |values: Vec<u32>| values.into_iter().map(|value| value as i32);
        self.batch += 1;
        self.ids.extend(signed(ids));
        self.targets.extend(signed(targets));
        self.loss_weights.extend(loss_weights);
        self.positions.extend(signed(positions));
        self.documents.extend(signed(documents));
        self.spans.push(provenance);
    }

    /// The sum of the loss weights: what a loss summed over this batch is divided by (over all ranks and micro-batches).
    pub fn counted_targets(&self) -> f64 {
        self.loss_weights
            .iter()
            .map(|&weight| f64::from(weight))
            .sum()
    }

    /// A micro-batch of some rows; rows beyond the last are left out.
    #[must_use]
    pub fn rows(&self, range: Range<usize>) -> Self {
        let end = range.end.min(self.batch);
        let start = range.start.min(end);
        let values = start * self.seq..end * self.seq;
        Self {
            batch: end - start,
            seq: self.seq,
            ids: self.ids[values.clone()].to_vec(),
            targets: self.targets[values.clone()].to_vec(),
            loss_weights: self.loss_weights[values.clone()].to_vec(),
            positions: self.positions[values.clone()].to_vec(),
            documents: self.documents[values].to_vec(),
            spans: self.spans[start..end].to_vec(),
        }
    }
}
