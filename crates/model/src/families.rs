//! Published parameter names of each family.

use crate::config::ModelType;
use crate::decoder_config::NormPlacement;

/// What a parameter does, whatever it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// `[vocab, hidden]`
    Embedding,
    /// `[hidden]`, before attention
    PreAttentionNorm,
    /// `[heads * head_dim, hidden]`
    QProj,
    /// `[kv_heads * head_dim, hidden]`
    KProj,
    /// `[kv_heads * head_dim, hidden]`
    VProj,
    /// `[hidden, heads * head_dim]`
    OProj,
    /// `[heads * head_dim]`
    QBias,
    /// `[kv_heads * head_dim]`
    KBias,
    /// `[kv_heads * head_dim]`
    VBias,
    /// `[hidden]`
    OBias,
    /// `[head_dim]`
    QNorm,
    /// `[head_dim]`
    KNorm,
    /// `[hidden]`, on attention's output
    PostAttentionNorm,
    /// `[hidden]`, before the MLP
    PreMlpNorm,
    /// `[ffn, hidden]`
    GateProj,
    /// `[ffn, hidden]`
    UpProj,
    /// `[hidden, ffn]`
    DownProj,
    /// `[ffn]`
    GateBias,
    /// `[ffn]`
    UpBias,
    /// `[hidden]`
    DownBias,
    /// `[hidden]`, on the MLP's output
    PostMlpNorm,
    /// `[hidden]`, before the output projection
    FinalNorm,
    /// `[vocab, hidden]`
    LmHead,
}

/// The published name of a role; `layer` counts for roles inside blocks.
pub(crate) fn published_name(
    model_type: ModelType,
    placement: NormPlacement,
    role: Role,
    layer: usize,
) -> String {
    if model_type == ModelType::Exaone {
        return exaone_name(role, layer);
    }
    let inner = match role {
        Role::Embedding => return "model.embed_tokens.weight".to_owned(),
        Role::FinalNorm => return "model.norm.weight".to_owned(),
        Role::LmHead => return "lm_head.weight".to_owned(),
        Role::PreAttentionNorm => "input_layernorm.weight",
        // The same words name the norm before the MLP in a pre-norm block and the one after attention in EXAONE 4.
        Role::PreMlpNorm => "post_attention_layernorm.weight",
        Role::PostAttentionNorm if placement == NormPlacement::Post => {
            "post_attention_layernorm.weight"
        }
        Role::PostMlpNorm if placement == NormPlacement::Post => {
            "post_feedforward_layernorm.weight"
        }
        Role::PostAttentionNorm => "post_norm1.weight",
        Role::PostMlpNorm => "post_norm2.weight",
        Role::QProj => "self_attn.q_proj.weight",
        Role::KProj => "self_attn.k_proj.weight",
        Role::VProj => "self_attn.v_proj.weight",
        Role::OProj => "self_attn.o_proj.weight",
        Role::QBias => "self_attn.q_proj.bias",
        Role::KBias => "self_attn.k_proj.bias",
        Role::VBias => "self_attn.v_proj.bias",
        Role::OBias => "self_attn.o_proj.bias",
        Role::QNorm => "self_attn.q_norm.weight",
        Role::KNorm => "self_attn.k_norm.weight",
        Role::GateProj => "mlp.gate_proj.weight",
        Role::UpProj => "mlp.up_proj.weight",
        Role::DownProj => "mlp.down_proj.weight",
        Role::GateBias => "mlp.gate_proj.bias",
        Role::UpBias => "mlp.up_proj.bias",
        Role::DownBias => "mlp.down_proj.bias",
    };
    format!("model.layers.{layer}.{inner}")
}

fn exaone_name(role: Role, layer: usize) -> String {
    let inner = match role {
        Role::Embedding => return "transformer.wte.weight".to_owned(),
        Role::FinalNorm => return "transformer.ln_f.weight".to_owned(),
        Role::LmHead => return "lm_head.weight".to_owned(),
        Role::PreAttentionNorm => "ln_1.weight",
        Role::PreMlpNorm => "ln_2.weight",
        Role::PostAttentionNorm => "post_norm1.weight",
        Role::PostMlpNorm => "post_norm2.weight",
        Role::QProj => "attn.attention.q_proj.weight",
        Role::KProj => "attn.attention.k_proj.weight",
        Role::VProj => "attn.attention.v_proj.weight",
        Role::OProj => "attn.attention.out_proj.weight",
        Role::QBias => "attn.attention.q_proj.bias",
        Role::KBias => "attn.attention.k_proj.bias",
        Role::VBias => "attn.attention.v_proj.bias",
        Role::OBias => "attn.attention.out_proj.bias",
        Role::QNorm => "attn.attention.q_norm.weight",
        Role::KNorm => "attn.attention.k_norm.weight",
        Role::GateProj => "mlp.c_fc_0.weight",
        Role::UpProj => "mlp.c_fc_1.weight",
        Role::DownProj => "mlp.c_proj.weight",
        Role::GateBias => "mlp.c_fc_0.bias",
        Role::UpBias => "mlp.c_fc_1.bias",
        Role::DownBias => "mlp.c_proj.bias",
    };
    format!("transformer.h.{layer}.{inner}")
}
