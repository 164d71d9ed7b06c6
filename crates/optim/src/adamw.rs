//! AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101) with decay by parameter group.

use std::sync::Arc;

use jikji_model::{Group, Layout, Store};
use jikji_ops::{AdamWCoefficients, adamw_update};

use crate::config::OptimizerConfig;

/// The optimizer's state: both moments of every trained parameter and the number of updates done.
#[derive(Debug)]
pub struct AdamW {
    /// First moments.
    pub m: Store,
    /// Second moments.
    pub v: Store,
    /// Updates done.
    pub updates: u64,
}

impl AdamW {
    /// Zero moments.
    pub fn new(layout: &Arc<Layout>) -> Self {
        Self {
            m: Store::of_trained(layout.clone()),
            v: Store::of_trained(layout.clone()),
            updates: 0,
        }
    }

    /// One update of every trained weight, in place. Gradients are multiplied by `gradient_scale` first.
    ///
    /// # Panics
    /// If the stores are not of one layout.
    pub fn update(
        &mut self,
        weights: &mut Store,
        gradients: &Store,
        config: &OptimizerConfig,
        learning_rate: f64,
        gradient_scale: f64,
    ) {
        self.updates += 1;
        let [beta1, beta2] = config.betas;
        let bias_correction = |beta: f64| (1.0 - beta.powf(self.updates as f64)) as f32;
        for (group, gradients) in gradients.buffers() {
            let coefficients = AdamWCoefficients {
                learning_rate: learning_rate as f32,
                beta1: beta1 as f32,
                beta2: beta2 as f32,
                eps: config.eps as f32,
                weight_decay: decay_of(*group, config) as f32,
                bias_correction1: bias_correction(beta1),
                bias_correction2: bias_correction(beta2),
                gradient_scale: gradient_scale as f32,
            };
            let range = 0..gradients.len();
            let [weights, m, v] = [&mut *weights, &mut self.m, &mut self.v].map(|store| {
                store
                    .buffers_mut()
                    .get_mut(group)
                    .expect("all stores of a run share one layout")
            });
            adamw_update(weights, gradients, m, v, range, &coefficients);
        }
    }
}

fn decay_of(group: Group, config: &OptimizerConfig) -> f64 {
    match group {
        Group::Matrix => config.weight_decay,
        Group::Embedding if config.decay_embeddings => config.weight_decay,
        Group::Embedding | Group::Vector | Group::Frozen => 0.0,
    }
}
