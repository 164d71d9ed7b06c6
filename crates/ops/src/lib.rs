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
//! # Subnormal numbers
//!
//! An instruction with an operand or result below 2⁻¹²⁶ takes Intel's processors about 150 cycles
//! instead of a few, and a run that diverges, or has learned its text by heart, is full of such
//! numbers. No operation here computes with them or leaves them in memory. Results in the normal
//! range keep their bits: a run at a usual learning rate writes the same bytes as without this.
//! Where they would arise, and what happens instead:
//!
//! - Sums of a matrix product on AVX-512: the kernel sets FTZ and DAZ in MXCSR, computes many
//!   tiles, and restores the register, all inside one `asm!` block (`flex/gemm/avx512/tiles.rs`).
//!   Rust code must not run with a changed MXCSR.
//! - The same on other x86-64 processors: elements of an operand that are too small for a normal
//!   product with any element of the other operand are zeros in a copy (`flex/gemm/library.rs`).
//! - Derivatives by the logits of a confident model (a vanishing probability times a small
//!   derivative): probabilities below a floor count as zero before they are multiplied
//!   (`flex/head.rs`).
//! - Derivatives by attention's scores, SwiGLU with a closed gate, sums of products in norms: the
//!   exponents of both factors are added and compared before the product (`product` in
//!   `flex/subnormal.rs`).
//! - Squares in norms: numbers below 2⁻⁶³ count as zero.
//! - `exp` and the sigmoid: arguments are bounded so that the result is at least 1.6e-38, and `exp`
//!   of a tiny number is 1.
//! - Moments and weights without a gradient, which shrink at every update: numbers below a floor
//!   count as zero before they are multiplied (`update.rs`, `muon.rs`).
//! - Embeddings and norm weights that contain them: flushed when they are read (`flex/rows.rs`).
//!
//! A factor is tested before it is multiplied, with a comparison and a selection: to flush the
//! product would be too late. Sums of two numbers are not tested: they are subnormal only if two
//! tiny normal numbers cancel.
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
mod processor;
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
pub use matrix_rate::{
    MatrixRate, measure_matrix_rate, median, time_library_products, time_products, time_reading,
};
pub use muon::{MuonCoefficients, muon_update};
pub use operation_bench::{
    BenchShape, OperationRate, Roofline, bench_operations, measure_roofline,
};
pub use precision::Precision;
pub use processor::{Bf16Products, Processor, bf16_products};
pub use profile::{OperationTime, take_profile};
pub use specs::{AttentionSpec, HeadSpec, NormSpec};
pub use threads::compute_on_this_thread;
pub use update::{AdamWCoefficients, adamw_update, global_norm_squared};

#[cfg(test)]
mod tests;
