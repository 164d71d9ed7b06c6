//! What a backend must provide: forward and backward of each fused operation, on its own primitives.
//!
//! The differentiable forms in [`autodiff`](crate::autodiff) are written once on top of this trait, for every backend.
//! A backward is told which derivatives are wanted, and may leave the others out. One that was written to its place in a flat
//! buffer does not come back as a tensor.

use burn_backend::Backend;
use burn_backend::tensor::{FloatTensor, IntTensor};

use crate::gradient::GradientSlot;
use crate::precision::Precision;
use crate::specs::{AttentionSpec, HeadSpec, NormSpec};

/// Derivatives by each of `N` inputs.
pub(crate) type Derivatives<B, const N: usize> = [Option<FloatTensor<B>>; N];

/// What is to become of the derivative by a weight matrix.
#[derive(Clone, Copy)]
pub(crate) enum Wanted<'a> {
    No,
    AsTensor,
    At(&'a GradientSlot),
}

impl<'a> Wanted<'a> {
    pub(crate) fn new(wanted: bool, place: Option<&'a GradientSlot>) -> Self {
        match (wanted, place) {
            (false, _) => Self::No,
            (true, None) => Self::AsTensor,
            (true, Some(place)) => Self::At(place),
        }
    }
}

/// The derivative by each log-probability, known before they are, and what is to be found with it at once.
pub(crate) struct Promised<'a, B: Backend> {
    /// `[batch, seq]`
    pub(crate) derivative: FloatTensor<B>,
    pub(crate) wants_x: bool,
    pub(crate) weight: Wanted<'a>,
}

/// What [`Kernels::target_log_probs`] finds.
pub(crate) struct HeadOutput<B: Backend> {
    /// `[batch, seq]`
    pub(crate) log_probs: FloatTensor<B>,
    /// `[batch, seq]`, of each token's logits.
    pub(crate) log_sum_exp: FloatTensor<B>,
    /// By `x` and `weight`, where a derivative was promised.
    pub(crate) derivatives: Derivatives<B, 2>,
}

/// Forward and backward of the fused operations on one backend.
pub(crate) trait Kernels: Backend {
    fn linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        precision: Precision,
    ) -> FloatTensor<Self>;
    fn linear_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        precision: Precision,
        wants_x: bool,
        wants_weight: Wanted<'_>,
    ) -> Derivatives<Self, 2>;

    fn rms_norm(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        spec: NormSpec,
    ) -> FloatTensor<Self>;
    fn rms_norm_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        spec: NormSpec,
    ) -> [FloatTensor<Self>; 2];

    /// `x + factor · y`.
    fn residual(x: FloatTensor<Self>, y: FloatTensor<Self>, factor: f32) -> FloatTensor<Self>;
    /// `x + factor · y` and the norm of it, in one pass.
    fn residual_rms_norm(
        x: FloatTensor<Self>,
        y: FloatTensor<Self>,
        factor: f32,
        weight: FloatTensor<Self>,
        spec: NormSpec,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
    /// `factor · y`.
    fn scaled(y: FloatTensor<Self>, factor: f32) -> FloatTensor<Self>;

    fn swiglu(
        gate: FloatTensor<Self>,
        up: FloatTensor<Self>,
        limit: Option<f32>,
    ) -> FloatTensor<Self>;
    fn swiglu_backward(
        gate: FloatTensor<Self>,
        up: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        limit: Option<f32>,
    ) -> [FloatTensor<Self>; 2];

    /// `inverse` turns by the opposite angle, which is also the backward.
    fn rope(
        x: FloatTensor<Self>,
        cos: FloatTensor<Self>,
        sin: FloatTensor<Self>,
        inverse: bool,
    ) -> FloatTensor<Self>;

    /// Returns the output and the log-sum-exp of each query's scores, `[batch, seq_q, heads]`.
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
        wanted: Wanted<'_>,
    ) -> Derivatives<Self, 1>;

    /// With a `promised` derivative by each log-probability, those by the inputs are found on the way: the logits then exist
    /// once.
    fn target_log_probs(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        targets: IntTensor<Self>,
        spec: HeadSpec,
        promised: Option<Promised<'_, Self>>,
    ) -> HeadOutput<Self>;
    #[allow(clippy::too_many_arguments)]
    fn target_log_probs_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        targets: IntTensor<Self>,
        spec: HeadSpec,
        log_sum_exp: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        wants_x: bool,
        wants_weight: Wanted<'_>,
    ) -> Derivatives<Self, 2>;

    /// Whether two tensors hold equal numbers.
    fn same(a: &FloatTensor<Self>, b: &FloatTensor<Self>) -> bool;
}
