//! The operations as the model sees them: functions on tensors, dispatched to a backend's kernel or its autodiff form.
//!
//! Numbers are f32, ids and positions i32. Every function panics where its tensors' shapes do not fit each other: kernels read
//! by sizes alone.

use burn::backend::{Dispatch, backend_extension};
use burn::tensor::{Int, Tensor};
use burn_backend::Backend;
use burn_backend::tensor::{FloatTensor, IntTensor};
use burn_flex::Flex;

use crate::gradient::{GradientSlot, Weight};
use crate::kernels::Kernels;
use crate::precision::Precision;
use crate::specs::{AttentionSpec, HeadSpec, NormSpec};

#[backend_extension(Autodiff, Flex)]
pub(crate) trait FusedOps: Backend {
    fn linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gradient: Option<GradientSlot>,
        precision: Precision,
    ) -> FloatTensor<Self>;
    fn rms_norm(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        spec: NormSpec,
    ) -> FloatTensor<Self>;
    fn residual(x: FloatTensor<Self>, y: FloatTensor<Self>, factor: f32) -> FloatTensor<Self>;
    fn residual_rms_norm(
        x: FloatTensor<Self>,
        y: FloatTensor<Self>,
        factor: f32,
        weight: FloatTensor<Self>,
        spec: NormSpec,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
    fn swiglu(
        gate: FloatTensor<Self>,
        up: FloatTensor<Self>,
        limit: Option<f32>,
    ) -> FloatTensor<Self>;
    fn rope(
        x: FloatTensor<Self>,
        cos: FloatTensor<Self>,
        sin: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
    fn attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        starts: IntTensor<Self>,
        spec: AttentionSpec,
    ) -> FloatTensor<Self>;
    fn embedding(
        weight: FloatTensor<Self>,
        gradient: Option<GradientSlot>,
        ids: IntTensor<Self>,
    ) -> FloatTensor<Self>;
    fn target_log_probs(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gradient: Option<GradientSlot>,
        targets: IntTensor<Self>,
        spec: HeadSpec,
        promised: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
    fn seed_backward(y: FloatTensor<Self>, dy: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl FusedOps for Flex {
    fn linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        _gradient: Option<GradientSlot>,
        precision: Precision,
    ) -> FloatTensor<Self> {
        <Self as Kernels>::linear(x, weight, precision)
    }

    fn rms_norm(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        spec: NormSpec,
    ) -> FloatTensor<Self> {
        <Self as Kernels>::rms_norm(x, weight, spec)
    }

    fn residual(x: FloatTensor<Self>, y: FloatTensor<Self>, factor: f32) -> FloatTensor<Self> {
        <Self as Kernels>::residual(x, y, factor)
    }

    fn residual_rms_norm(
        x: FloatTensor<Self>,
        y: FloatTensor<Self>,
        factor: f32,
        weight: FloatTensor<Self>,
        spec: NormSpec,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        <Self as Kernels>::residual_rms_norm(x, y, factor, weight, spec)
    }

    fn swiglu(
        gate: FloatTensor<Self>,
        up: FloatTensor<Self>,
        limit: Option<f32>,
    ) -> FloatTensor<Self> {
        <Self as Kernels>::swiglu(gate, up, limit)
    }

    fn rope(
        x: FloatTensor<Self>,
        cos: FloatTensor<Self>,
        sin: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        <Self as Kernels>::rope(x, cos, sin, false)
    }

    fn attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        starts: IntTensor<Self>,
        spec: AttentionSpec,
    ) -> FloatTensor<Self> {
        <Self as Kernels>::attention(q, k, v, starts, spec).0
    }

    fn embedding(
        weight: FloatTensor<Self>,
        _gradient: Option<GradientSlot>,
        ids: IntTensor<Self>,
    ) -> FloatTensor<Self> {
        <Self as Kernels>::embedding(weight, ids)
    }

    fn target_log_probs(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        _gradient: Option<GradientSlot>,
        targets: IntTensor<Self>,
        spec: HeadSpec,
        _promised: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        <Self as Kernels>::target_log_probs(x, weight, targets, spec, None).log_probs
    }

    fn seed_backward(y: FloatTensor<Self>, _dy: FloatTensor<Self>) -> FloatTensor<Self> {
        y
    }
}

fn expect_shape<const D: usize>(what: &str, got: [usize; D], expected: [usize; D]) {
    assert_eq!(got, expected, "shape of {what}");
}

/// A matrix product with a weight stored as published, `y = x Wᵀ`.
///
/// # Shapes
/// - `x`: `[batch, seq, in]`
/// - `weight`: `[out, in]`
/// - returns: `[batch, seq, out]`
pub fn linear(x: Tensor<3>, weight: impl Into<Weight>, precision: Precision) -> Tensor<3> {
    let Weight { values, gradient } = weight.into();
    let ([_, _, input], [output, _]) = (x.dims(), values.dims());
    expect_shape("linear's weight", values.dims(), [output, input]);
    Tensor::from_dispatch(<Dispatch as FusedOps>::linear(
        x.into_dispatch(),
        values.into_dispatch(),
        gradient,
        precision,
    ))
}

/// Root-mean-square norm over the last dimension, `w x / sqrt(mean(x²) + eps)`
/// (Zhang and Sennrich 2019, arXiv 1910.07467), computed in f32; with a zero-centred weight, `1 + w` instead of `w`.
///
/// # Shapes
/// - `x`: `[.., hidden]`
/// - `weight`: `[hidden]`
/// - returns: the shape of `x`
pub fn rms_norm<const D: usize>(x: Tensor<D>, weight: Tensor<1>, spec: NormSpec) -> Tensor<D> {
    expect_shape("rms_norm's weight", weight.dims(), [x.dims()[D - 1]]);
    Tensor::from_dispatch(<Dispatch as FusedOps>::rms_norm(
        x.into_dispatch(),
        weight.into_dispatch(),
        spec,
    ))
}

/// `x + factor · y`: what a block adds to the residual stream.
///
/// # Shapes
/// - `x`, `y`, and the result: `[batch, seq, hidden]`
pub fn residual(x: Tensor<3>, y: Tensor<3>, factor: f32) -> Tensor<3> {
    expect_shape("what residual adds", y.dims(), x.dims());
    Tensor::from_dispatch(<Dispatch as FusedOps>::residual(
        x.into_dispatch(),
        y.into_dispatch(),
        factor,
    ))
}

/// [`residual`] and the [`rms_norm`] of its sum, in one pass over memory.
///
/// # Shapes
/// - `x`, `y`, and both results: `[batch, seq, hidden]`
/// - `weight`: `[hidden]`
/// - returns: the sum, and its norm
pub fn residual_rms_norm(
    x: Tensor<3>,
    y: Tensor<3>,
    factor: f32,
    weight: Tensor<1>,
    spec: NormSpec,
) -> (Tensor<3>, Tensor<3>) {
    let [_, _, hidden] = x.dims();
    expect_shape("what residual_rms_norm adds", y.dims(), x.dims());
    expect_shape("residual_rms_norm's weight", weight.dims(), [hidden]);
    let (sum, normed) = <Dispatch as FusedOps>::residual_rms_norm(
        x.into_dispatch(),
        y.into_dispatch(),
        factor,
        weight.into_dispatch(),
        spec,
    );
    (Tensor::from_dispatch(sum), Tensor::from_dispatch(normed))
}

/// `silu(gate) · up` (Shazeer 2020, arXiv 2002.05202). With a limit, the gate is cut off above it and `up` on both sides,
/// which holds activations within the range of narrow formats.
///
/// # Shapes
/// - `gate`, `up`, and the result: `[batch, seq, ffn]`
pub fn swiglu(gate: Tensor<3>, up: Tensor<3>, limit: Option<f32>) -> Tensor<3> {
    expect_shape("swiglu's up", up.dims(), gate.dims());
    Tensor::from_dispatch(<Dispatch as FusedOps>::swiglu(
        gate.into_dispatch(),
        up.into_dispatch(),
        limit,
    ))
}

/// Rotary position embedding as published checkpoints have it: element `i` of the first half of a head turns together
/// with element `i` of the second half (Su et al. 2021, arXiv 2104.09864, in the layout of Llama's reference code).
///
/// # Shapes
/// - `x`: `[batch, seq, heads, head_dim]`
/// - `cos`, `sin`: `[batch, seq, head_dim / 2]`, the angle of each token's position
/// - returns: `[batch, seq, heads, head_dim]`
pub fn rope(x: Tensor<4>, cos: Tensor<3>, sin: Tensor<3>) -> Tensor<4> {
    let [batch, seq, _, head_dim] = x.dims();
    assert!(
        head_dim.is_multiple_of(2),
        "rope turns pairs: head_dim is {head_dim}"
    );
    expect_shape("rope's cos", cos.dims(), [batch, seq, head_dim / 2]);
    expect_shape("rope's sin", sin.dims(), [batch, seq, head_dim / 2]);
    Tensor::from_dispatch(<Dispatch as FusedOps>::rope(
        x.into_dispatch(),
        cos.into_dispatch(),
        sin.into_dispatch(),
    ))
}

/// Causal softmax attention; several query heads may share a key/value head.
///
/// The queries are the last `seq_q` of the `seq_k` positions. Query at position `p` sees the keys from
/// `max(starts, p + 1 - window)` to `p`. Scores never exist for the whole `seq_q x seq_k` square at once
/// (the row-block form of Dao et al. 2022, arXiv 2205.14135).
///
/// # Shapes
/// - `q`: `[batch, seq_q, heads, head_dim]`
/// - `k`, `v`: `[batch, seq_k, kv_heads, head_dim]`
/// - `starts`: `[batch, seq_q]`, position of the first key of the query's document
/// - returns: `[batch, seq_q, heads, head_dim]`
pub fn attention(
    q: Tensor<4>,
    k: Tensor<4>,
    v: Tensor<4>,
    starts: Tensor<2, Int>,
    spec: AttentionSpec,
) -> Tensor<4> {
    let ([batch, seq_q, heads, head_dim], [_, seq_k, kv_heads, _]) = (q.dims(), k.dims());
    expect_shape(
        "attention's k",
        k.dims(),
        [batch, seq_k, kv_heads, head_dim],
    );
    expect_shape("attention's v", v.dims(), k.dims());
    expect_shape("attention's starts", starts.dims(), [batch, seq_q]);
    spec.expect_fit(seq_q, seq_k, heads, kv_heads);
    Tensor::from_dispatch(<Dispatch as FusedOps>::attention(
        q.into_dispatch(),
        k.into_dispatch(),
        v.into_dispatch(),
        starts.into_dispatch(),
        spec,
    ))
}

/// Rows of `weight` by id.
///
/// # Shapes
/// - `weight`: `[vocab, hidden]`
/// - `ids`: `[batch, seq]`
/// - returns: `[batch, seq, hidden]`
pub fn embedding(weight: impl Into<Weight>, ids: Tensor<2, Int>) -> Tensor<3> {
    let Weight { values, gradient } = weight.into();
    Tensor::from_dispatch(<Dispatch as FusedOps>::embedding(
        values.into_dispatch(),
        gradient,
        ids.into_dispatch(),
    ))
}

/// Natural log-probability of each target under `softmax(scale · x Wᵀ)`; never holds `[tokens, vocab]` whole.
///
/// A negative target is ignored: its log-probability is 0 and no gradient comes from it.
///
/// Who knows the loss's derivative by each log-probability beforehand promises it: the gradients of `x` and `weight` are then
/// found together with the log-probabilities, and no chunk of logits is computed twice. A derivative that turns out otherwise
/// in backward costs the second computation, never a wrong gradient. A weight's place for its gradient is then written to in
/// the forward pass.
///
/// # Shapes
/// - `x`: `[batch, seq, hidden]`
/// - `weight`: `[vocab, hidden]`
/// - `targets`, `promised`: `[batch, seq]`
/// - returns: `[batch, seq]`
pub fn target_log_probs(
    x: Tensor<3>,
    weight: impl Into<Weight>,
    targets: Tensor<2, Int>,
    spec: HeadSpec,
    promised: Option<Tensor<2>>,
) -> Tensor<2> {
    let Weight { values, gradient } = weight.into();
    let ([batch, seq, hidden], [vocab, _]) = (x.dims(), values.dims());
    expect_shape("the head's weight", values.dims(), [vocab, hidden]);
    expect_shape("the head's targets", targets.dims(), [batch, seq]);
    if let Some(promised) = &promised {
        expect_shape("the head's promise", promised.dims(), [batch, seq]);
    }
    // A tensor of nothing promises nothing: backends dispatch on tensors, not on options.
    let promised = promised.unwrap_or_else(|| Tensor::empty([0, 0], &x.device()));
    Tensor::from_dispatch(<Dispatch as FusedOps>::target_log_probs(
        x.into_dispatch(),
        values.into_dispatch(),
        gradient,
        targets.into_dispatch(),
        spec,
        promised.into_dispatch(),
    ))
}

/// `y` itself forward; backward starts from `dy` instead of from ones, so that `seed_backward(y, dy).backward()` is the
/// vector-Jacobian product of a segment whose derivative came from the one above it.
///
/// # Shapes
/// - `y`, `dy`, and the result: the same
pub fn seed_backward<const D: usize>(y: Tensor<D>, dy: Tensor<D>) -> Tensor<D> {
    expect_shape("a derivative", dy.dims(), y.dims());
    Tensor::from_dispatch(<Dispatch as FusedOps>::seed_backward(
        y.into_dispatch(),
        dy.into_dispatch(),
    ))
}
