//! What llama.cpp calls a graph and the parameters in it.

use jikji_model::{Parameter, Role, Segment};

/// A graph of llama.cpp, by the value of `general.architecture`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Architecture {
    Llama,
    Qwen2,
    Qwen3,
    Exaone,
    Exaone4,
}

impl Architecture {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
            Self::Exaone => "exaone",
            Self::Exaone4 => "exaone4",
        }
    }

    /// Whether RoPE turns neighbours (`2i`, `2i + 1`) instead of halves (`i`, `i + head_dim / 2`), so that the rows of q and k
    /// have to change places.
    pub(super) fn turns_neighbours(self) -> bool {
        self == Self::Llama
    }
}

/// Factors that stretch the rotary frequencies of the `llama3` scaling.
pub(super) const ROPE_FREQS: &str = "rope_freqs.weight";

pub(super) fn tensor_name(parameter: &Parameter) -> String {
    let inner = match parameter.role {
        Role::Embedding => "token_embd.weight",
        Role::FinalNorm => "output_norm.weight",
        Role::LmHead => "output.weight",
        Role::PreAttentionNorm => "attn_norm.weight",
        Role::QProj => "attn_q.weight",
        Role::KProj => "attn_k.weight",
        Role::VProj => "attn_v.weight",
        Role::OProj => "attn_output.weight",
        Role::QBias => "attn_q.bias",
        Role::KBias => "attn_k.bias",
        Role::VBias => "attn_v.bias",
        Role::OBias => "attn_output.bias",
        Role::QNorm => "attn_q_norm.weight",
        Role::KNorm => "attn_k_norm.weight",
        Role::PostAttentionNorm => "post_attention_norm.weight",
        Role::PreMlpNorm => "ffn_norm.weight",
        Role::GateProj => "ffn_gate.weight",
        Role::UpProj => "ffn_up.weight",
        Role::DownProj => "ffn_down.weight",
        Role::GateBias => "ffn_gate.bias",
        Role::UpBias => "ffn_up.bias",
        Role::DownBias => "ffn_down.bias",
        Role::PostMlpNorm => "post_ffw_norm.weight",
    };
    match parameter.segment {
        Segment::Block(layer) => format!("blk.{layer}.{inner}"),
        Segment::Embedding | Segment::Head => inner.to_owned(),
    }
}
