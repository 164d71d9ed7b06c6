//! What ends a run early.

use std::fmt;
use std::path::PathBuf;

use jikji_loader::{Batch, DocumentSpan};

/// A number that is not finite, found before it reached a weight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NonFinite {
    /// The step that was not taken (updates done before it).
    pub step: u64,
    /// What was not finite.
    pub what: String,
    /// Documents that the step had read, `source:hash`, the suspects first.
    pub documents: Vec<String>,
}

impl NonFinite {
    pub(crate) fn loss(step: u64, log_probs: &[f32], rows: &Batch) -> Self {
        let row = log_probs
            .iter()
            .position(|value| !value.is_finite())
            .map_or(0, |index| index / rows.seq.max(1));
        let spans = rows.spans.get(row).map(Vec::as_slice).unwrap_or_default();
        Self {
            step,
            what: "the loss".to_owned(),
            documents: name_documents(spans),
        }
    }

    pub(crate) fn gradient(step: u64, parameter: Option<String>, batch: &Batch) -> Self {
        let what = match parameter {
            Some(name) => format!("the gradient of `{name}`"),
            None => "the gradient's norm (each element is finite, their sum of squares is not)"
                .to_owned(),
        };
        let documents = batch
            .spans
            .iter()
            .flat_map(|spans| name_documents(spans))
            .collect();
        Self {
            step,
            what,
            documents,
        }
    }
}

fn name_documents(spans: &[DocumentSpan]) -> Vec<String> {
    let name =
        |span: &DocumentSpan| format!("{}:{:032x}", span.source, u128::from_be_bytes(span.hash));
    spans.iter().map(name).collect()
}

impl fmt::Display for NonFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 8;
        write!(
            f,
            "{} is not finite at step {}; no weight was changed",
            self.what,
            self.step + 1
        )?;
        if !self.documents.is_empty() {
            let shown: Vec<&str> = self
                .documents
                .iter()
                .take(SHOWN)
                .map(String::as_str)
                .collect();
            write!(f, "; documents of the step: {}", shown.join(", "))?;
            if self.documents.len() > SHOWN {
                write!(f, " and {} more", self.documents.len() - SHOWN)?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for NonFinite {}

/// Why a run ended without its last step.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// See [`NonFinite`].
    #[error(transparent)]
    NonFinite(#[from] NonFinite),
    /// An update went so far that a weight is no number any more.
    #[error("after step {step} {what}; nothing of it was saved")]
    WeightNotFinite {
        /// Updates done.
        step: u64,
        /// What is wrong with which of them.
        what: String,
    },
    /// The data could not be read.
    #[error(transparent)]
    Loader(#[from] jikji_loader::LoaderError),
    /// A batch that teaches nothing.
    #[error("step {step}: none of the batch's targets counts in the loss")]
    NothingToLearn {
        /// Updates done before it.
        step: u64,
    },
    /// Too many checkpoints in a row could not be written.
    #[error("{failures} saves in a row failed; the last one said: {last}")]
    SavesFailed {
        /// How many.
        failures: usize,
        /// Why the last one failed.
        last: String,
    },
    /// A checkpoint could not be read.
    #[error(transparent)]
    Checkpoint(#[from] jikji_checkpoint::CheckpointError),
    /// A checkpoint lacks something of this model.
    #[error("the checkpoint in `{path}` does not fit this run: {reason}")]
    DoesNotFit {
        /// The checkpoint.
        path: PathBuf,
        /// What differs.
        reason: String,
    },
}

impl TrainError {
    /// The way out, in one sentence.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NonFinite(_) => Some(
                "look at the named documents, lower `optimizer.learning_rate` or set `optimizer.max_grad_norm`; \
                 `--resume` continues from the last checkpoint"
                    .to_owned(),
            ),
            Self::WeightNotFinite { .. } => Some(
                "lower `optimizer.learning_rate` or `optimizer.weight_decay`; `--resume` continues from the last checkpoint"
                    .to_owned(),
            ),
            Self::Loader(error) => error.hint(),
            Self::NothingToLearn { .. } => Some("look at what is masked with `--dry-run`".to_owned()),
            Self::SavesFailed { .. } => {
                Some("free space or repair the disk, then continue from the last checkpoint with `--resume`".to_owned())
            }
            Self::Checkpoint(error) => error.hint(),
            Self::DoesNotFit { .. } => {
                Some("resume with the recipe that wrote it, or start anew with `--fresh`".to_owned())
            }
        }
    }
}
