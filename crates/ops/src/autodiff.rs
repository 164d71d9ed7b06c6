//! The differentiable form of each fused operation, once for every backend that has the [`Kernels`].

use burn_autodiff::Autodiff;
use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::checkpoint::strategy::CheckpointStrategy;
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use burn_backend::tensor::{FloatTensor, IntTensor};

use crate::fused::FusedOps;
use crate::kernels::{AttentionSpec, Kernels};

impl<B: Kernels, C: CheckpointStrategy> FusedOps for Autodiff<B, C> {
    fn linear(x: FloatTensor<Self>, weight: FloatTensor<Self>, bf16: bool) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct LinearBackward;
        impl<B: Kernels> Backward<B, 2> for LinearBackward {
            type State = (FloatTensor<B>, FloatTensor<B>, bool);
            fn backward(
                self,
                ops: Ops<Self::State, 2>,
                grads: &mut Gradients,
                _: &mut Checkpointer,
            ) {
                let dy = grads.consume::<B>(&ops.node);
                let (x, weight, bf16) = ops.state;
                let wanted = [ops.parents[0].is_some(), ops.parents[1].is_some()];
                let derivatives = B::linear_backward(x, weight, dy, bf16, wanted);
                for (parent, derivative) in ops.parents.into_iter().zip(derivatives) {
                    if let (Some(parent), Some(derivative)) = (parent, derivative) {
                        grads.register::<B>(parent.id, derivative);
                    }
                }
            }
        }
        match LinearBackward
            .prepare::<C>([x.node(), weight.node()])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => {
                let state = (x.primitive().clone(), weight.primitive().clone(), bf16);
                let y = <B as Kernels>::linear(x.into_primitive(), weight.into_primitive(), bf16);
                prep.finish(state, y)
            }
            OpsKind::UnTracked(prep) => prep.finish(<B as Kernels>::linear(
                x.into_primitive(),
                weight.into_primitive(),
                bf16,
            )),
        }
    }

    fn rms_norm(x: FloatTensor<Self>, weight: FloatTensor<Self>, eps: f32) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct RmsNormBackward;
        impl<B: Kernels> Backward<B, 2> for RmsNormBackward {
            type State = (FloatTensor<B>, FloatTensor<B>, f32);
            fn backward(
                self,
                ops: Ops<Self::State, 2>,
                grads: &mut Gradients,
                _: &mut Checkpointer,
            ) {
                let dy = grads.consume::<B>(&ops.node);
                let (x, weight, eps) = ops.state;
                register_all::<B, 2>(
                    grads,
                    ops.parents.map(|p| p.map(|p| p.id)),
                    B::rms_norm_backward(x, weight, dy, eps),
                );
            }
        }
        match RmsNormBackward
            .prepare::<C>([x.node(), weight.node()])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => {
                let state = (x.primitive().clone(), weight.primitive().clone(), eps);
                let y = B::rms_norm(x.into_primitive(), weight.into_primitive(), eps);
                prep.finish(state, y)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::rms_norm(
                x.into_primitive(),
                weight.into_primitive(),
                eps,
            )),
        }
    }

    fn swiglu(gate: FloatTensor<Self>, up: FloatTensor<Self>) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct SwigluBackward;
        impl<B: Kernels> Backward<B, 2> for SwigluBackward {
            type State = (FloatTensor<B>, FloatTensor<B>);
            fn backward(
                self,
                ops: Ops<Self::State, 2>,
                grads: &mut Gradients,
                _: &mut Checkpointer,
            ) {
                let dy = grads.consume::<B>(&ops.node);
                let (gate, up) = ops.state;
                register_all::<B, 2>(
                    grads,
                    ops.parents.map(|p| p.map(|p| p.id)),
                    B::swiglu_backward(gate, up, dy),
                );
            }
        }
        match SwigluBackward
            .prepare::<C>([gate.node(), up.node()])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => {
                let state = (gate.primitive().clone(), up.primitive().clone());
                let y = B::swiglu(gate.into_primitive(), up.into_primitive());
                prep.finish(state, y)
            }
            OpsKind::UnTracked(prep) => {
                prep.finish(B::swiglu(gate.into_primitive(), up.into_primitive()))
            }
        }
    }

    fn rope(
        x: FloatTensor<Self>,
        cos: FloatTensor<Self>,
        sin: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct RopeBackward;
        impl<B: Kernels> Backward<B, 1> for RopeBackward {
            type State = (FloatTensor<B>, FloatTensor<B>);
            fn backward(
                self,
                ops: Ops<Self::State, 1>,
                grads: &mut Gradients,
                _: &mut Checkpointer,
            ) {
                let dy = grads.consume::<B>(&ops.node);
                let (cos, sin) = ops.state;
                register_all::<B, 1>(
                    grads,
                    ops.parents.map(|p| p.map(|p| p.id)),
                    [B::rope(dy, cos, sin, true)],
                );
            }
        }
        let (cos, sin) = (cos.into_primitive(), sin.into_primitive());
        match RopeBackward
            .prepare::<C>([x.node()])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => {
                let y = B::rope(x.into_primitive(), cos.clone(), sin.clone(), false);
                prep.finish((cos, sin), y)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::rope(x.into_primitive(), cos, sin, false)),
        }
    }

    fn attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        starts: IntTensor<Self>,
        spec: AttentionSpec,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct AttentionBackward;
        impl<B: Kernels> Backward<B, 3> for AttentionBackward {
            type State = (
                [FloatTensor<B>; 3],
                IntTensor<B>,
                AttentionSpec,
                [FloatTensor<B>; 2],
            );
            fn backward(
                self,
                ops: Ops<Self::State, 3>,
                grads: &mut Gradients,
                _: &mut Checkpointer,
            ) {
                let dy = grads.consume::<B>(&ops.node);
                let ([q, k, v], starts, spec, [output, log_sum_exp]) = ops.state;
                let derivatives =
                    B::attention_backward(q, k, v, starts, spec, output, log_sum_exp, dy);
                register_all::<B, 3>(grads, ops.parents.map(|p| p.map(|p| p.id)), derivatives);
            }
        }
        match AttentionBackward
            .prepare::<C>([q.node(), k.node(), v.node()])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => {
                let inputs = [q.into_primitive(), k.into_primitive(), v.into_primitive()];
                let [q, k, v] = inputs.clone();
                let (y, log_sum_exp) = <B as Kernels>::attention(q, k, v, starts.clone(), spec);
                prep.finish((inputs, starts, spec, [y.clone(), log_sum_exp]), y)
            }
            OpsKind::UnTracked(prep) => {
                let (q, k, v) = (q.into_primitive(), k.into_primitive(), v.into_primitive());
                prep.finish(<B as Kernels>::attention(q, k, v, starts, spec).0)
            }
        }
    }

    fn embedding(weight: FloatTensor<Self>, ids: IntTensor<Self>) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct EmbeddingBackward;
        impl<B: Kernels> Backward<B, 1> for EmbeddingBackward {
            type State = (FloatTensor<B>, IntTensor<B>);
            fn backward(
                self,
                ops: Ops<Self::State, 1>,
                grads: &mut Gradients,
                _: &mut Checkpointer,
            ) {
                let dy = grads.consume::<B>(&ops.node);
                let (weight, ids) = ops.state;
                register_all::<B, 1>(
                    grads,
                    ops.parents.map(|p| p.map(|p| p.id)),
                    [<B as Kernels>::embedding_backward(weight, ids, dy)],
                );
            }
        }
        match EmbeddingBackward
            .prepare::<C>([weight.node()])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => {
                let weight = weight.into_primitive();
                let y = <B as Kernels>::embedding(weight.clone(), ids.clone());
                prep.finish((weight, ids), y)
            }
            OpsKind::UnTracked(prep) => {
                prep.finish(<B as Kernels>::embedding(weight.into_primitive(), ids))
            }
        }
    }

    fn target_log_probs(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        targets: IntTensor<Self>,
        logits_scale: f32,
        bf16: bool,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct TargetLogProbsBackward;
        impl<B: Kernels> Backward<B, 2> for TargetLogProbsBackward {
            type State = ([FloatTensor<B>; 3], IntTensor<B>, f32, bool);
            fn backward(
                self,
                ops: Ops<Self::State, 2>,
                grads: &mut Gradients,
                _: &mut Checkpointer,
            ) {
                let dy = grads.consume::<B>(&ops.node);
                let ([x, weight, log_sum_exp], targets, logits_scale, bf16) = ops.state;
                let wanted = [ops.parents[0].is_some(), ops.parents[1].is_some()];
                let derivatives = B::target_log_probs_backward(
                    x,
                    weight,
                    targets,
                    logits_scale,
                    bf16,
                    log_sum_exp,
                    dy,
                    wanted,
                );
                for (parent, derivative) in ops.parents.into_iter().zip(derivatives) {
                    if let (Some(parent), Some(derivative)) = (parent, derivative) {
                        grads.register::<B>(parent.id, derivative);
                    }
                }
            }
        }
        match TargetLogProbsBackward
            .prepare::<C>([x.node(), weight.node()])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => {
                let (x, weight) = (x.into_primitive(), weight.into_primitive());
                let (y, log_sum_exp) = B::target_log_probs(
                    x.clone(),
                    weight.clone(),
                    targets.clone(),
                    logits_scale,
                    bf16,
                );
                prep.finish(([x, weight, log_sum_exp], targets, logits_scale, bf16), y)
            }
            OpsKind::UnTracked(prep) => {
                let (x, weight) = (x.into_primitive(), weight.into_primitive());
                prep.finish(B::target_log_probs(x, weight, targets, logits_scale, bf16).0)
            }
        }
    }

    fn seed_backward(y: FloatTensor<Self>, dy: FloatTensor<Self>) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct SeedBackward;
        impl<B: Kernels> Backward<B, 1> for SeedBackward {
            type State = FloatTensor<B>;
            fn backward(
                self,
                ops: Ops<Self::State, 1>,
                grads: &mut Gradients,
                _: &mut Checkpointer,
            ) {
                // The ones that the engine starts from are dropped: the derivative was given.
                drop(grads.consume::<B>(&ops.node));
                register_all::<B, 1>(grads, ops.parents.map(|p| p.map(|p| p.id)), [ops.state]);
            }
        }
        match SeedBackward
            .prepare::<C>([y.node()])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => prep.finish(dy.into_primitive(), y.into_primitive()),
            OpsKind::UnTracked(prep) => prep.finish(y.into_primitive()),
        }
    }
}

fn register_all<B: Kernels, const N: usize>(
    grads: &mut Gradients,
    parents: [Option<burn_autodiff::NodeId>; N],
    derivatives: [FloatTensor<B>; N],
) {
    for (parent, derivative) in parents.into_iter().zip(derivatives) {
        if let Some(id) = parent {
            grads.register::<B>(id, derivative);
        }
    }
}
