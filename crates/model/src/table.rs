//! The parameter table: everything anybody needs to know of a parameter without touching its numbers.

use crate::decoder_config::{DecoderConfig, NormPlacement};
use crate::distribution::Distribution;
use crate::families::{Role, published_name};
use crate::segment::Segment;

/// One parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// As published checkpoints call it.
    pub name: String,
    /// Published shape; matrices are `[out, in]`.
    pub shape: Vec<usize>,
    /// What it does.
    pub role: Role,
    /// The segment that owns it.
    pub segment: Segment,
    pub(crate) distribution: Distribution,
}

impl Parameter {
    /// Number of elements.
    pub fn num_elements(&self) -> usize {
        self.shape.iter().product()
    }
}

/// All parameters of a decoder, in the order of the forward pass.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterTable {
    parameters: Vec<Parameter>,
    /// Whether the head uses the embedding's matrix.
    tied: bool,
}

impl ParameterTable {
    /// Lists the parameters of a decoder.
    pub fn new(config: &DecoderConfig) -> Self {
        let mut parameters = Vec::new();
        let mut add = |segment: Segment, layer: usize, role: Role, shape: Vec<usize>| {
            parameters.push(Parameter {
                name: published_name(config.model_type, config.norm_placement, role, layer),
                distribution: config.initializer.distribution(config, role, &shape),
                shape,
                role,
                segment,
            });
        };
        let (hidden, ffn) = (config.hidden_size, config.intermediate_size);
        add(
            Segment::Embedding,
            0,
            Role::Embedding,
            vec![config.vocab_size, hidden],
        );
        for layer in 0..config.num_hidden_layers() {
            for (role, shape) in block_roles(config, hidden, ffn) {
                add(Segment::Block(layer), layer, role, shape);
            }
        }
        add(Segment::Head, 0, Role::FinalNorm, vec![hidden]);
        if !config.tie_word_embeddings {
            add(
                Segment::Head,
                0,
                Role::LmHead,
                vec![config.vocab_size, hidden],
            );
        }
        Self {
            parameters,
            tied: config.tie_word_embeddings,
        }
    }

    /// All parameters, each once.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// Indices of the parameters that a segment's forward uses; a tied head uses the embedding too.
    pub fn used_by(&self, segment: Segment) -> impl Iterator<Item = usize> + '_ {
        let borrows = self.tied && segment == Segment::Head;
        self.parameters
            .iter()
            .enumerate()
            .filter_map(move |(index, parameter)| {
                (parameter.segment == segment || (borrows && parameter.role == Role::Embedding))
                    .then_some(index)
            })
    }

    /// Elements in all.
    pub fn num_elements(&self) -> usize {
        self.parameters.iter().map(Parameter::num_elements).sum()
    }
}

fn block_roles(config: &DecoderConfig, hidden: usize, ffn: usize) -> Vec<(Role, Vec<usize>)> {
    let q = config.num_attention_heads * config.head_dim;
    let kv = config.num_key_value_heads * config.head_dim;
    let pre = config.norm_placement != NormPlacement::Post;
    let post = config.norm_placement != NormPlacement::Pre;
    let candidates = [
        (pre, Role::PreAttentionNorm, vec![hidden]),
        (true, Role::QProj, vec![q, hidden]),
        (config.qkv_bias, Role::QBias, vec![q]),
        (true, Role::KProj, vec![kv, hidden]),
        (config.qkv_bias, Role::KBias, vec![kv]),
        (true, Role::VProj, vec![kv, hidden]),
        (config.qkv_bias, Role::VBias, vec![kv]),
        (config.qk_norm, Role::QNorm, vec![config.head_dim]),
        (config.qk_norm, Role::KNorm, vec![config.head_dim]),
        (true, Role::OProj, vec![hidden, q]),
        (config.o_bias, Role::OBias, vec![hidden]),
        (post, Role::PostAttentionNorm, vec![hidden]),
        (pre, Role::PreMlpNorm, vec![hidden]),
        (true, Role::GateProj, vec![ffn, hidden]),
        (config.mlp_bias, Role::GateBias, vec![ffn]),
        (true, Role::UpProj, vec![ffn, hidden]),
        (config.mlp_bias, Role::UpBias, vec![ffn]),
        (true, Role::DownProj, vec![hidden, ffn]),
        (config.mlp_bias, Role::DownBias, vec![hidden]),
        (post, Role::PostMlpNorm, vec![hidden]),
    ];
    candidates
        .into_iter()
        .filter(|(present, ..)| *present)
        .map(|(_, role, shape)| (role, shape))
        .collect()
}
