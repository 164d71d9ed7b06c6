//! A model's description as published `config.json` files spell it: one flat table, read from TOML or JSON.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Families whose published names and keys are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ModelType {
    /// Pre-norm; SOLAR 10.7B, HyperCLOVA X SEED 0.5B/1.5B, Llama-VARCO, A.X 3.1.
    Llama,
    /// Pre-norm with a sliding window.
    Mistral,
    /// Pre-norm with biases on q, k, v; A.X 4.0.
    Qwen2,
    /// Pre-norm with norms on q and k.
    Qwen3,
    /// Pre-norm under names of its own; EXAONE 3.0 and 3.5.
    Exaone,
    /// Norms after attention and MLP, norms on q and k, local and global layers; EXAONE 4.0.
    Exaone4,
    /// Multipliers (muP) and norms before and after; HyperCLOVA X.
    Hyperclovax,
}

impl ModelType {
    /// The word that stands in `config.json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Mistral => "mistral",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
            Self::Exaone => "exaone",
            Self::Exaone4 => "exaone4",
            Self::Hyperclovax => "hyperclovax",
        }
    }
}

/// What a layer's attention sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LayerType {
    /// Everything before it in its document.
    FullAttention,
    /// The last `sliding_window` tokens.
    SlidingAttention,
}

/// `rope_scaling`, or `rope_parameters` as newer files call it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RopeScaling {
    /// `default`, `llama3` or `yarn`.
    #[serde(alias = "type", skip_serializing_if = "Option::is_none")]
    pub rope_type: Option<String>,
    /// Base of the frequencies, where the file keeps it here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rope_theta: Option<f64>,
    /// How many times longer than the original context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
    /// llama3: wavelengths above `original / low_freq_factor` are stretched fully.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low_freq_factor: Option<f64>,
    /// llama3: wavelengths below `original / high_freq_factor` stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high_freq_factor: Option<f64>,
    /// Context length before stretching, in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_max_position_embeddings: Option<usize>,
    /// YaRN: rotations over the original context above which a frequency stays; 32 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta_fast: Option<f64>,
    /// YaRN: rotations below which a frequency is stretched fully; 1 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta_slow: Option<f64>,
    /// YaRN: factor on cos and sin; `0.1 ln(factor) + 1` if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attention_factor: Option<f64>,
    /// YaRN: weight in the factor on cos and sin, together with `mscale_all_dim`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mscale: Option<f64>,
    /// YaRN: see `mscale`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mscale_all_dim: Option<f64>,
}

/// One token or, in models that end a turn and a text differently, several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a token id or a list of them")]
pub enum TokenIds {
    /// One.
    One(u32),
    /// Several, the most important first.
    Several(Vec<u32>),
}

impl TokenIds {
    /// All of them.
    pub fn as_slice(&self) -> &[u32] {
        match self {
            Self::One(id) => std::slice::from_ref(id),
            Self::Several(ids) => ids,
        }
    }
}

/// How the standard deviation of initial matrices varies around `initializer_range`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Initializer {
    /// The same for every matrix.
    Normal,
    /// The projections that write to the residual stream are divided by `sqrt(2 * num_hidden_layers)`
    /// (Radford et al. 2019), so that its variance does not grow with depth.
    #[default]
    DepthScaled,
    /// As `depth_scaled`, and hidden matrices by `sqrt(base_hidden_size / hidden_size)`: widths trained with the same
    /// learning rate behave alike (muP, Yang et al. 2022, arXiv 2203.03466).
    Mup {
        /// Width at which the learning rate was found.
        base_hidden_size: usize,
    },
}

/// A model config: the published key names, nothing renamed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// The family: which keys count and what the parameters are called.
    pub model_type: ModelType,
    /// Rows of the embedding.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width of the MLP.
    pub intermediate_size: usize,
    /// Number of blocks.
    #[serde(alias = "num_layers")]
    pub num_hidden_layers: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key/value heads; as many as query heads if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub num_key_value_heads: Option<usize>,
    /// Width of a head; `hidden_size / num_attention_heads` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_dim: Option<usize>,
    /// Longest context in tokens.
    pub max_position_embeddings: usize,
    /// Added to the mean square inside RMSNorm.
    #[serde(alias = "layer_norm_epsilon", alias = "layer_norm_eps")]
    pub rms_norm_eps: f64,
    /// Whether the output projection is the embedding; `false` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tie_word_embeddings: Option<bool>,
    /// Activation of the MLP's gate; only `silu` exists.
    #[serde(
        default,
        alias = "activation_function",
        skip_serializing_if = "Option::is_none"
    )]
    pub hidden_act: Option<String>,
    /// Base of the rotary frequencies; 10,000 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rope_theta: Option<f64>,
    /// How rotary frequencies are stretched beyond the original context.
    #[serde(
        default,
        alias = "rope_parameters",
        skip_serializing_if = "Option::is_none"
    )]
    pub rope_scaling: Option<RopeScaling>,
    /// Tokens that a sliding layer sees, the query among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sliding_window: Option<usize>,
    /// exaone4: a string such as `LLLG` (L local, G global), repeated over the layers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sliding_window_pattern: Option<String>,
    /// What each layer sees; wins over `sliding_window_pattern`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer_types: Option<Vec<LayerType>>,
    /// qwen2, qwen3: whether `sliding_window` is on; `false` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_sliding_window: Option<bool>,
    /// qwen2, qwen3: layers from this index on slide, where `use_sliding_window` is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_window_layers: Option<usize>,
    /// Biases on q, k, v and o (llama, qwen3, hyperclovax); qwen2 has them on q, k, v always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention_bias: Option<bool>,
    /// Biases on the MLP's matrices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mlp_bias: Option<bool>,
    /// hyperclovax: norms after attention and MLP too; `true` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_post_norm: Option<bool>,
    /// Factor on the embedding's output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding_multiplier: Option<f64>,
    /// Factor on what attention and MLP add to the residual stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residual_multiplier: Option<f64>,
    /// Factor on `q kᵀ`; `head_dim^-0.5` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention_multiplier: Option<f64>,
    /// Factor that logits are multiplied by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logits_scaling: Option<f64>,
    /// Standard deviation of initial matrices; 0.02 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initializer_range: Option<f64>,
    /// How that deviation varies over the matrices; steers training only and is not exported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initializer: Option<Initializer>,
    /// Token that starts a document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bos_token_id: Option<u32>,
    /// Token that ends a document, or several that end a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eos_token_id: Option<TokenIds>,
    /// Token that fills short sequences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pad_token_id: Option<u32>,
    /// Number format of the published weights.
    #[serde(
        default,
        alias = "torch_dtype",
        skip_serializing_if = "Option::is_none"
    )]
    pub dtype: Option<String>,
}
