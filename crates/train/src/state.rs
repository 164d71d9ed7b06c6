//! Everything that a step changes.

use std::sync::Arc;

use jikji_model::{Layout, Store};
use jikji_optim::AdamW;

/// Weights, gradients, optimizer state, and how far the run is.
#[derive(Debug)]
pub struct TrainState {
    /// f32 weights.
    pub weights: Store,
    /// Gradients of the step at hand.
    pub gradients: Store,
    /// Moments.
    pub optimizer: AdamW,
    /// Updates done.
    pub step: u64,
    /// Targets counted in the loss so far.
    pub tokens: u64,
}

impl TrainState {
    /// A run's beginning: fresh weights of a seed.
    pub fn initialized(layout: &Arc<Layout>, seed: u64) -> Self {
        Self::from_weights(Store::initialized(layout.clone(), seed))
    }

    /// A run's beginning from given weights.
    pub fn from_weights(weights: Store) -> Self {
        let layout = weights.layout().clone();
        Self {
            weights,
            gradients: Store::of_trained(layout.clone()),
            optimizer: AdamW::new(&layout),
            step: 0,
            tokens: 0,
        }
    }
}
