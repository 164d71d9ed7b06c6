//! One update of every trained weight: AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101) with decay by parameter group, and,
//! where the recipe asks for it, Muon for the hidden matrices.

use std::sync::Arc;

use jikji_model::{Group, Layout, Store};
use jikji_ops::{AdamWCoefficients, MuonCoefficients, Precision, adamw_update, muon_update};

use crate::config::{MuonConfig, OptimizerConfig};

/// The optimizer's state: moments of every trained parameter and the number of updates done.
#[derive(Debug)]
pub struct Optimizer {
    /// First moments; Muon's momentum.
    pub m: Store,
    /// Second moments, of what AdamW moves.
    pub v: Store,
    /// Updates done.
    pub updates: u64,
}

/// What an update is told beside its configuration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UpdateScale {
    /// Step size of this update.
    pub learning_rate: f64,
    /// Factor on every gradient.
    pub gradient_scale: f64,
    /// Operands of Muon's products.
    pub precision: Precision,
}

impl Optimizer {
    /// Zero moments.
    pub fn new(layout: &Arc<Layout>, config: &OptimizerConfig) -> Self {
        let by_adamw = |group: Group| config.muon.is_none() || group != Group::Matrix;
        Self {
            m: Store::of_trained(layout.clone(), |_| true),
            v: Store::of_trained(layout.clone(), by_adamw),
            updates: 0,
        }
    }

    /// One update of every trained weight, in place.
    ///
    /// # Panics
    /// If the stores are not of one layout.
    pub fn update(
        &mut self,
        weights: &mut Store,
        gradients: &Store,
        config: &OptimizerConfig,
        scale: UpdateScale,
    ) {
        self.updates += 1;
        let groups: Vec<Group> = gradients.buffers().keys().copied().collect();
        for group in groups {
            match &config.muon {
                Some(muon) if group == Group::Matrix => {
                    self.muon(weights, gradients, config, muon, scale);
                }
                _ => self.adamw(group, weights, gradients, config, scale),
            }
        }
    }

    fn adamw(
        &mut self,
        group: Group,
        weights: &mut Store,
        gradients: &Store,
        config: &OptimizerConfig,
        scale: UpdateScale,
    ) {
        let [beta1, beta2] = config.betas;
        let bias_correction = |beta: f64| (1.0 - beta.powf(self.updates as f64)) as f32;
        let coefficients = AdamWCoefficients {
            learning_rate: scale.learning_rate as f32,
            beta1: beta1 as f32,
            beta2: beta2 as f32,
            eps: config.eps as f32,
            weight_decay: decay_of(group, config) as f32,
            bias_correction1: bias_correction(beta1),
            bias_correction2: bias_correction(beta2),
            gradient_scale: scale.gradient_scale as f32,
        };
        let gradients = &gradients.buffers()[&group];
        let range = 0..gradients.len();
        let [weights, m, v] = [&mut *weights, &mut self.m, &mut self.v].map(|store| {
            store
                .buffers_mut()
                .get_mut(&group)
                .expect("all stores of a run share one layout")
        });
        adamw_update(weights, gradients, m, v, range, &coefficients);
    }

    fn muon(
        &mut self,
        weights: &mut Store,
        gradients: &Store,
        config: &OptimizerConfig,
        muon: &MuonConfig,
        scale: UpdateScale,
    ) {
        let coefficients = MuonCoefficients {
            learning_rate: scale.learning_rate as f32,
            momentum: muon.momentum as f32,
            nesterov: muon.nesterov,
            newton_schulz_steps: muon.newton_schulz_steps.get(),
            weight_decay: decay_of(Group::Matrix, config) as f32,
            gradient_scale: scale.gradient_scale as f32,
            precision: scale.precision,
        };
        let layout = gradients.layout().clone();
        let gradients = &gradients.buffers()[&Group::Matrix];
        let [weights, momentum] = [weights, &mut self.m].map(|store| {
            store
                .buffers_mut()
                .get_mut(&Group::Matrix)
                .expect("all stores of a run share one layout")
        });
        for (index, parameter) in layout.table().parameters().iter().enumerate() {
            if let (Group::Matrix, range) = layout.place(index)
                && let [rows, columns] = parameter.shape[..]
            {
                let shape = [rows, columns];
                muon_update(
                    weights,
                    gradients,
                    momentum,
                    range.start,
                    shape,
                    &coefficients,
                );
            }
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
