//! The training data of a run, step by step, over all stages of its history.

use std::sync::Arc;

use crate::batch::Batch;
use crate::error::LoaderError;
use crate::loader::{Loader, SourcePosition};
use crate::rank_share::rank_share;

/// Batches by step. Cheap to share: the shards are memory mapped.
#[derive(Debug)]
pub struct RunData {
    /// By increasing first step; never empty.
    stages: Vec<StagedLoader>,
}

/// A loader whose index 0 is the first sequence of the step that follows `from_step` done steps.
#[derive(Debug)]
pub struct StagedLoader {
    /// Steps done when the stage begins.
    pub from_step: u64,
    /// Sequences in a step.
    pub global_batch_size: usize,
    /// What the stage reads.
    pub loader: Arc<Loader>,
}

impl RunData {
    /// Data that one loader gives from step 0 on.
    pub fn new(loader: impl Into<Arc<Loader>>, global_batch_size: usize) -> Self {
        Self::staged(vec![StagedLoader {
            from_step: 0,
            global_batch_size,
            loader: loader.into(),
        }])
    }

    /// Data in stages, by increasing first step. A run that goes on inside a stage needs none of the
    /// stages before it.
    ///
    /// # Panics
    /// Without a stage.
    pub fn staged(stages: Vec<StagedLoader>) -> Self {
        assert!(!stages.is_empty(), "a run reads something");
        Self { stages }
    }

    /// What rank `rank` of `world` computes in the step that follows `step` done steps.
    pub fn batch(&self, step: u64, rank: usize, world: usize) -> Result<Batch, LoaderError> {
        let stage = self.stage_of(step);
        let local = step.saturating_sub(stage.from_step);
        stage
            .loader
            .batch(rank_share(local, stage.global_batch_size, rank, world))
    }

    /// How far each source has been read when `steps` steps are done.
    pub fn position(&self, steps: u64) -> Vec<SourcePosition> {
        // At a border the stage that ends there answers: the next one has not read anything.
        let stage = self.stage_of(steps.saturating_sub(1));
        let local = steps.saturating_sub(stage.from_step);
        stage
            .loader
            .position(local.saturating_mul(stage.global_batch_size as u64))
    }

    fn stage_of(&self, step: u64) -> &StagedLoader {
        let next = self.stages.partition_point(|stage| stage.from_step <= step);
        &self.stages[next.saturating_sub(1)]
    }
}
