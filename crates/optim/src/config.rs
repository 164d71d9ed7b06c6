//! Settings of the optimizer. The doc comments are the manual: `docs/reference/recipe.md` is
//! generated from them.

use std::num::NonZeroUsize;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schedule::Schedule;

/// AdamW, learning-rate schedule, clipping; Muon for the hidden matrices if `muon` is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OptimizerConfig {
    /// Peak learning rate, above 0; reached at the end of the warm-up.
    pub learning_rate: f64,
    /// Decay rates of AdamW's first and second moments, each from 0 to below 1.
    #[serde(default = "default_betas")]
    pub betas: [f64; 2],
    /// Added to the square root of the second moment; above 0.
    #[serde(default = "default_eps")]
    pub eps: f64,
    /// Decoupled weight decay on matrices, 0 or above. Norms and biases never decay.
    #[serde(default = "default_weight_decay")]
    pub weight_decay: f64,
    /// Whether the embedding and the output projection decay too.
    #[serde(default = "default_decay_embeddings")]
    pub decay_embeddings: bool,
    /// Muon for the hidden matrices, AdamW for the rest (arXiv 2502.16982); AdamW for everything if
    /// absent. An empty table takes every default. Learning rate and weight decay are those of
    /// `[optimizer]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muon: Option<MuonConfig>,
    /// Gradients are scaled down to this global L2 norm if theirs is larger; above 0, no clipping
    /// if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_grad_norm: Option<f64>,
    /// Course of the learning rate over the run.
    pub schedule: Schedule,
}

/// Muon for hidden matrices: the orthogonalized momentum, rescaled to AdamW's RMS so that both
/// share learning rate and weight decay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MuonConfig {
    /// Share of the old momentum that is kept, from 0 to below 1.
    #[serde(default = "default_momentum")]
    pub momentum: f64,
    /// Whether the gradient is added to the momentum once more (Nesterov).
    #[serde(default = "default_nesterov")]
    pub nesterov: bool,
    /// Iterations of Newton-Schulz, which orthogonalizes the momentum; above 0.
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
