//! What the decoder computes: every choice explicit, nothing optional that is not truly so.

use crate::config::{Initializer, ModelType};
use crate::rope::Scaling;

/// Where RMSNorms stand around attention and MLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormPlacement {
    /// Before each (Llama).
    Pre,
    /// On the output of each, before the residual add (EXAONE 4's QK-Reorder-LN).
    Post,
    /// Both (Peri-LN, HyperCLOVA X).
    Peri,
}

/// One block's attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerConfig {
    /// Tokens seen, the query among them; `None` sees the whole document.
    pub window: Option<usize>,
    /// Whether q and k are rotated.
    pub rope: bool,
}

/// Rotary frequencies.
#[derive(Debug, Clone, PartialEq)]
pub struct RopeConfig {
    /// Base.
    pub theta: f64,
    /// Stretching beyond the original context.
    pub scaling: Scaling,
}

/// Constant factors (muP); 1 where a model has none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Multipliers {
    /// On the embedding's output.
    pub embedding: f64,
    /// On what attention and MLP add.
    pub residual: f64,
    /// On `q kᵀ` before the softmax.
    pub attention: f64,
    /// On the logits.
    pub logits: f64,
}

/// A decoder, fully described.
#[derive(Debug, Clone, PartialEq)]
pub struct DecoderConfig {
    /// Family, for the parameters' names.
    pub model_type: ModelType,
    /// Rows of the embedding.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width of the MLP.
    pub intermediate_size: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key/value heads.
    pub num_key_value_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Longest context in tokens.
    pub max_position_embeddings: usize,
    /// Inside every RMSNorm.
    pub rms_norm_eps: f32,
    /// Whether the output projection is the embedding.
    pub tie_word_embeddings: bool,
    /// Where the norms stand.
    pub norm_placement: NormPlacement,
    /// Per-head RMSNorm on q and k, before the rotation.
    pub qk_norm: bool,
    /// Biases on q, k, v.
    pub qkv_bias: bool,
    /// Bias on the output projection of attention.
    pub o_bias: bool,
    /// Biases in the MLP.
    pub mlp_bias: bool,
    /// Rotary frequencies.
    pub rope: RopeConfig,
    /// Each block's attention.
    pub layers: Vec<LayerConfig>,
    /// Constant factors.
    pub multipliers: Multipliers,
    /// Standard deviation of initial matrices.
    pub initializer_range: f64,
    /// How it varies.
    pub initializer: Initializer,
}

impl DecoderConfig {
    /// Number of blocks.
    pub fn num_hidden_layers(&self) -> usize {
        self.layers.len()
    }
}
