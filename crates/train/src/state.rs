//! Everything that a step changes.

use std::sync::Arc;

use jikji_model::{Layout, Store};
use jikji_optim::{Optimizer, OptimizerConfig};

/// Weights, gradients, optimizer state, and how far the run is.
#[derive(Debug)]
pub struct TrainState {
    /// f32 weights.
    pub weights: Store,
    /// Gradients of the step at hand.
    pub gradients: Store,
    /// Moments.
    pub optimizer: Optimizer,
    /// Updates done.
    pub step: u64,
    /// Targets counted in the loss so far.
    pub tokens: u64,
}

impl TrainState {
    /// A run's beginning: fresh weights of a seed.
    pub fn initialized(layout: &Arc<Layout>, seed: u64, optimizer: &OptimizerConfig) -> Self {
        Self::from_weights(Store::initialized(layout.clone(), seed), optimizer)
    }

    /// A run's beginning from given weights.
    pub fn from_weights(weights: Store, optimizer: &OptimizerConfig) -> Self {
        let layout = weights.layout().clone();
        Self {
            weights,
            gradients: Store::of_trained(layout.clone(), |_| true),
            optimizer: Optimizer::new(&layout, optimizer),
            step: 0,
            tokens: 0,
        }
    }
}
