//! Settings of the optimizer.

use std::num::NonZeroUsize;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schedule::Schedule;

/// Step size, moments, decay and clipping.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OptimizerConfig {
    /// Peak learning rate, reached at the end of warm-up.
    pub learning_rate: f64,
    /// Decay of AdamW's first and second moments.
    #[serde(default = "default_betas")]
    pub betas: [f64; 2],
    /// Added to the root of the second moment.
    #[serde(default = "default_eps")]
    pub eps: f64,
    /// Decoupled weight decay on matrices; `0.0` turns it off.
    #[serde(default = "default_weight_decay")]
    pub weight_decay: f64,
    /// Whether the embedding and the output projection decay too; norms and biases never do.
    #[serde(default = "default_decay_embeddings")]
    pub decay_embeddings: bool,
    /// Muon for the hidden matrices, AdamW for the rest; absent means AdamW for everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muon: Option<MuonConfig>,
    /// Gradients are scaled down to this global L2 norm; absent means no clipping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_grad_norm: Option<f64>,
    /// Course of the learning rate over the run.
    pub schedule: Schedule,
}

/// How hidden matrices move: by their momentum, made orthogonal. Learning rate and weight decay are those of AdamW, whose root mean
/// square the update is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MuonConfig {
    /// Share of the old momentum.
    #[serde(default = "default_momentum")]
    pub momentum: f64,
    /// Whether the gradient is mixed in once more.
    #[serde(default = "default_nesterov")]
    pub nesterov: bool,
    /// Rounds of the Newton-Schulz iteration.
    #[serde(default = "default_newton_schulz_steps")]
    pub newton_schulz_steps: NonZeroUsize,
}

impl Default for MuonConfig {
    fn default() -> Self {
        Self {
            momentum: default_momentum(),
            nesterov: default_nesterov(),
            newton_schulz_steps: default_newton_schulz_steps(),
        }
    }
}

fn default_momentum() -> f64 {
    0.95
}

fn default_nesterov() -> bool {
    true
}

fn default_newton_schulz_steps() -> NonZeroUsize {
    NonZeroUsize::new(5).expect("five is not zero")
}

fn default_betas() -> [f64; 2] {
    [0.9, 0.95]
}

fn default_eps() -> f64 {
    1e-8
}

fn default_weight_decay() -> f64 {
    0.1
}

fn default_decay_embeddings() -> bool {
    true
}
