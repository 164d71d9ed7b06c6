//! A model config with the keys of published `config.json` files: one flat table, read from TOML or
//! JSON. The doc comments are the manual: `docs/reference/recipe.md` is generated from them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The family of a model: its keys, its parameter names, its order of operations.
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
    /// Pre-norm with parameter names of its own; EXAONE 3.0 and 3.5.
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

/// Which tokens the attention of a layer sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LayerType {
    /// Every earlier token of the document.
    FullAttention,
    /// The last `sliding_window` tokens.
    SlidingAttention,
}

/// `rope_scaling`, or `rope_parameters` as newer files call it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RopeScaling {
    /// The rule: `default`, `linear`, `dynamic`, `llama3` or `yarn`. Second spelling: `type`.
    #[serde(alias = "type", skip_serializing_if = "Option::is_none")]
    pub rope_type: Option<String>,
    /// Base of the rotary frequencies, for files that keep it here; wins over `rope_theta` outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rope_theta: Option<f64>,
    /// How many times longer the context is than the original one; 1 or above. Required by llama3
    /// and yarn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
    /// llama3, required: wavelengths above `original_max_position_embeddings / low_freq_factor` are
    /// stretched fully.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low_freq_factor: Option<f64>,
    /// llama3, required: wavelengths below `original_max_position_embeddings / high_freq_factor`
    /// stay as they are. Larger than `low_freq_factor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high_freq_factor: Option<f64>,
    /// Context length before stretching, in tokens. Required by llama3; `max_position_embeddings`
    /// if absent for yarn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_max_position_embeddings: Option<usize>,
    /// yarn: a frequency with more rotations over the original context stays as it is; above
    /// `beta_slow`, 32 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta_fast: Option<f64>,
    /// yarn: a frequency with fewer rotations over the original context is stretched fully; above
    /// 0, 1 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta_slow: Option<f64>,
    /// yarn: factor on cos and sin. If absent it follows from `mscale` and `mscale_all_dim`, and
    /// without those it is `0.1 ln(factor) + 1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attention_factor: Option<f64>,
    /// yarn: with `mscale_all_dim`, gives the factor on cos and sin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mscale: Option<f64>,
    /// yarn: see `mscale`.
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

/// How the standard deviation of initial matrices depends on the matrix.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Initializer {
    /// `initializer_range` for every matrix.
    Normal,
    /// `o_proj` and `down_proj`, which write to the residual stream, are divided by `sqrt(2 *
    /// num_hidden_layers)`, so that its variance does not grow with depth (Radford et al. 2019).
    #[default]
    DepthScaled,
    /// As `depth_scaled`, and hidden matrices are multiplied by `sqrt(base_hidden_size /
    /// hidden_size)`, so that models of different widths can share a learning rate (muP, arXiv
    /// 2203.03466).
    Mup {
        /// The `hidden_size` for which the learning rate was tuned.
        base_hidden_size: usize,
    },
}

/// A model config, with the keys of published `config.json` files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// The family: which keys apply, and how parameters are named.
    pub model_type: ModelType,
    /// Rows of the embedding; at least as many as the tokenizer has tokens.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width of the MLP.
    pub intermediate_size: usize,
    /// Number of blocks. Second spelling: `num_layers`.
    #[serde(alias = "num_layers")]
    pub num_hidden_layers: usize,
    /// Number of query heads.
    pub num_attention_heads: usize,
    /// Number of key/value heads, a divisor of `num_attention_heads`; as many as query heads if
    /// absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub num_key_value_heads: Option<usize>,
    /// Width of a head, even; `hidden_size / num_attention_heads` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_dim: Option<usize>,
    /// Longest context, in tokens.
    pub max_position_embeddings: usize,
    /// Added to the mean square in RMSNorm; between 0 and 1. Second spellings:
    /// `layer_norm_epsilon`, `layer_norm_eps`.
    #[serde(alias = "layer_norm_epsilon", alias = "layer_norm_eps")]
    pub rms_norm_eps: f64,
    /// Whether the output projection shares the embedding's weights; `false` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tie_word_embeddings: Option<bool>,
    /// Activation of the MLP's gate: `silu`, or `swish`, another name for it. Second spelling:
    /// `activation_function`.
    #[serde(
        default,
        alias = "activation_function",
        skip_serializing_if = "Option::is_none"
    )]
    pub hidden_act: Option<String>,
    /// Base of the rotary frequencies, above 1; 10000 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rope_theta: Option<f64>,
    /// How rotary frequencies are stretched beyond the original context; not stretched if absent.
    /// Second spelling: `rope_parameters`.
    #[serde(
        default,
        alias = "rope_parameters",
        skip_serializing_if = "Option::is_none"
    )]
    pub rope_scaling: Option<RopeScaling>,
    /// mistral, qwen2, qwen3, exaone4: number of tokens that a sliding layer sees, including the
    /// query's own; no window if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sliding_window: Option<usize>,
    /// exaone4: a string of `L` (local) and `G` (global), repeated over the layers; `LLLG` if
    /// absent and there is a window. The last layer is always global. Global layers are then not
    /// rotated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sliding_window_pattern: Option<String>,
    /// Kind of each layer, one entry a layer; wins over `sliding_window_pattern`. Sliding layers
    /// exist only in families with a window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer_types: Option<Vec<LayerType>>,
    /// qwen2, qwen3: whether `sliding_window` is on; `false` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_sliding_window: Option<bool>,
    /// qwen2, qwen3: layers from this index on are sliding if `use_sliding_window` is on; 28 if
    /// absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_window_layers: Option<usize>,
    /// llama, qwen3, hyperclovax: biases on q, k, v and o; `false` if absent. qwen2 always has them
    /// on q, k and v.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention_bias: Option<bool>,
    /// Biases on the MLP's matrices; `false` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mlp_bias: Option<bool>,
    /// hyperclovax: whether there are norms after attention and MLP too; `true` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_post_norm: Option<bool>,
    /// Factor on the embedding's output, above 0; 1 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding_multiplier: Option<f64>,
    /// Factor on what attention and MLP add to the residual stream, above 0; 1 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residual_multiplier: Option<f64>,
    /// Factor on the attention scores, above 0; `head_dim^-0.5` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention_multiplier: Option<f64>,
    /// Factor on the logits, above 0; 1 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logits_scaling: Option<f64>,
    /// Standard deviation of initial matrices, above 0; 0.02 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initializer_range: Option<f64>,
    /// How that deviation depends on the matrix; `depth_scaled` if absent. Used for training only
    /// and not exported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initializer: Option<Initializer>,
    /// Id of the token that begins a document, for the exported config; the tokenizer's if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bos_token_id: Option<u32>,
    /// Id of the token that ends a document, or a list of ids, for the exported config; the
    /// tokenizer's if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eos_token_id: Option<TokenIds>,
    /// Id of the token that fills up a batch, for the exported config; the tokenizer's if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pad_token_id: Option<u32>,
    /// Number format of the published weights; has no effect here. Second spelling: `torch_dtype`.
    #[serde(
        default,
        alias = "torch_dtype",
        skip_serializing_if = "Option::is_none"
    )]
    pub dtype: Option<String>,
}
