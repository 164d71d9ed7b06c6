//! What a backend must provide: forward and backward of each fused operation, on its own primitives.
//!
//! The differentiable forms in [`autodiff`](crate::autodiff) are written once on top of this trait, for every backend.

use burn_backend::Backend;
use burn_backend::tensor::{FloatTensor, IntTensor};

/// What [`Kernels::attention`] is told beside its tensors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct AttentionSpec {
    /// Factor on `q kᵀ` before the softmax.
    pub(crate) scale: f32,
    /// A query sees itself and the `window - 1` keys before it; `None` sees the whole document.
    pub(crate) window: Option<usize>,
}

/// Forward and backward of the fused operations on one backend.
pub(crate) trait Kernels: Backend {
    fn linear(x: FloatTensor<Self>, weight: FloatTensor<Self>, bf16: bool) -> FloatTensor<Self>;
    /// Returns `(dx, dweight)`; a derivative that nobody asks for is not computed.
    fn linear_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        bf16: bool,
        wanted: [bool; 2],
    ) -> [Option<FloatTensor<Self>>; 2];

    fn rms_norm(x: FloatTensor<Self>, weight: FloatTensor<Self>, eps: f32) -> FloatTensor<Self>;
    fn rms_norm_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        eps: f32,
    ) -> [FloatTensor<Self>; 2];

    fn swiglu(gate: FloatTensor<Self>, up: FloatTensor<Self>) -> FloatTensor<Self>;
    fn swiglu_backward(
        gate: FloatTensor<Self>,
        up: FloatTensor<Self>,
        dy: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 2];

    /// `inverse` turns by the opposite angle, which is also the backward.
    fn rope(
        x: FloatTensor<Self>,
        cos: FloatTensor<Self>,
        sin: FloatTensor<Self>,
        inverse: bool,
    ) -> FloatTensor<Self>;

    /// Returns the output and the log-sum-exp of each query's scores, `[batch, heads, seq_q]`.
    fn attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        starts: IntTensor<Self>,
        spec: AttentionSpec,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
    #[allow(clippy::too_many_arguments)]
    fn attention_backward(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        starts: IntTensor<Self>,
        spec: AttentionSpec,
        output: FloatTensor<Self>,
        log_sum_exp: FloatTensor<Self>,
        dy: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3];

    fn embedding(weight: FloatTensor<Self>, ids: IntTensor<Self>) -> FloatTensor<Self>;
    fn embedding_backward(
        weight: FloatTensor<Self>,
        ids: IntTensor<Self>,
        dy: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// Returns the log-probabilities and the log-sum-exp of each token's logits, both `[tokens]`.
    fn target_log_probs(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        targets: IntTensor<Self>,
        logits_scale: f32,
        bf16: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
    #[allow(clippy::too_many_arguments)]
    fn target_log_probs_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        targets: IntTensor<Self>,
        logits_scale: f32,
        bf16: bool,
        log_sum_exp: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        wanted: [bool; 2],
    ) -> [Option<FloatTensor<Self>>; 2];
}
