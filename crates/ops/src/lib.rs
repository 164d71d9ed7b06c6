//! The fused operations of a decoder and the flat buffers that hold its state.
//!
//! Everything that touches burn's insides (backends, primitives, the autodiff engine) lives here, so that a newer burn
//! changes one crate. Each differentiable operation exists as a composed reference of plain tensor operations
//! ([`mod@reference`]), as a CPU kernel with its own backward ([`flex`](self)), and behind one function on [`Tensor`]s below.
//!
//! | operation | function | saved for backward |
//! | --- | --- | --- |
//! | `y = x Wᵀ` | [`linear`] | `x`, `W` |
//! | RMSNorm, `w` or `1 + w` | [`rms_norm`] | `x`, `w` |
//! | `x + factor y`; the same with its norm in one pass | [`residual`], [`residual_rms_norm`] | the factor; the sum, `w` |
//! | SwiGLU | [`swiglu`] | `gate`, `up` |
//! | RoPE, halves rotated | [`rope`] | the tables |
//! | causal attention with GQA, window, documents | [`attention`] | `q`, `k`, `v`, output, log-sum-exp |
//! | embedding | [`embedding`] | the ids, `W` |
//! | output projection + log-probability of the target | [`target_log_probs`] | `x`, `W`, the targets, log-sum-exp; with a promise, it and what it gave |
//! | chain rule's entry | [`seed_backward`] | the given derivative |
//!
//! A [`Weight`] that comes with a place for its gradient gets it there, added by the product that finds it.
//!
//! [`Tensor`]: burn::tensor::Tensor

mod autodiff;
mod flat_buffer;
mod flex;
mod fused;
mod gradient;
mod kernels;
mod kv_cache;
mod matrix_rate;
mod muon;
mod operation_bench;
mod precision;
mod profile;
pub mod reference;
mod specs;
mod threads;
mod update;
mod zeros;

pub use flat_buffer::FlatBuffer;
pub use flex::head_chunk_tokens;
pub use fused::{
    attention, embedding, linear, residual, residual_rms_norm, rms_norm, rope, seed_backward,
    swiglu, target_log_probs,
};
pub use gradient::{GradientSlot, GradientSum, Weight};
pub use kv_cache::LayerCache;
pub use matrix_rate::{MatrixRate, measure_matrix_rate, median, time_products, time_reading};
pub use muon::{MuonCoefficients, muon_update};
pub use operation_bench::{
    BenchShape, OperationRate, Roofline, bench_operations, measure_roofline,
};
pub use precision::Precision;
pub use profile::{OperationTime, take_profile};
pub use specs::{AttentionSpec, HeadSpec, NormSpec};
pub use threads::compute_on_this_thread;
pub use update::{AdamWCoefficients, adamw_update, global_norm_squared};

#[cfg(test)]
mod tests;
