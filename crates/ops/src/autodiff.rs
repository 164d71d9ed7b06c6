//! The differentiable form of each fused operation, once for every backend that has the [`Kernels`].

use std::fmt;
use std::marker::PhantomData;

use burn_autodiff::Autodiff;
use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::checkpoint::strategy::CheckpointStrategy;
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn_backend::tensor::{FloatTensor, IntTensor};
use burn_backend::{Backend, TensorMetadata};

use crate::fused::FusedOps;
use crate::gradient::GradientSlot;
use crate::kernels::{Derivatives, Kernels, Promised, Wanted};
use crate::precision::Precision;
use crate::specs::{AttentionSpec, HeadSpec, NormSpec};

/// From what forward saved, the derivative of the output, and which inputs want one: the derivatives by the inputs.
type Rule<B, S, const N: usize> = fn(S, FloatTensor<B>, [bool; N]) -> Derivatives<B, N>;

struct Step<B: Backend, S, const N: usize> {
    rule: Rule<B, S, N>,
    of: PhantomData<(B, S)>,
}

impl<B: Backend, S, const N: usize> fmt::Debug for Step<B, S, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("fused operation")
    }
}

impl<B, S, const N: usize> Backward<B, N> for Step<B, S, N>
where
    B: Backend,
    S: Clone + Send + fmt::Debug + 'static,
{
    type State = S;

    fn backward(self, ops: Ops<S, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<B>(&ops.node);
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let derivatives = (self.rule)(ops.state, dy, wanted);
        for (parent, derivative) in ops.parents.into_iter().zip(derivatives) {
            if let (Some(parent), Some(derivative)) = (parent, derivative) {
                grads.register::<B>(parent.id, derivative);
            }
        }
    }
}

/// Enters an operation into the graph: its inputs, its output, and what its rule will need.
fn recorded<B, C, S, const N: usize>(
    inputs: [NodeGuard; N],
    (output, saved): (FloatTensor<B>, S),
    rule: Rule<B, S, N>,
) -> FloatTensor<Autodiff<B, C>>
where
    B: Backend,
    C: CheckpointStrategy,
    S: Clone + Send + fmt::Debug + 'static,
{
    let step = Step {
        rule,
        of: PhantomData,
    };
    match step.prepare::<C>(inputs).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish(saved, output),
        OpsKind::UnTracked(prep) => prep.finish(output),
    }
}

/// Whether a derivative by this input is wanted: asked of the engine by starting an operation that is never finished.
fn is_tracked<B: Backend, C: CheckpointStrategy>(input: NodeGuard) -> bool {
    let step = Step::<B, (), 1> {
        rule: |(), dy, _| [Some(dy)],
        of: PhantomData,
    };
    matches!(
        step.prepare::<C>([input]).compute_bound().stateful(),
        OpsKind::Tracked(_)
    )
}

impl<B: Kernels, C: CheckpointStrategy> FusedOps for Autodiff<B, C> {
    fn linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gradient: Option<GradientSlot>,
        precision: Precision,
    ) -> FloatTensor<Self> {
        let ((x, x_node), (weight, weight_node)) = (x.into_parts(), weight.into_parts());
        let y = <B as Kernels>::linear(x.clone(), weight.clone(), precision);
        recorded::<B, C, _, 2>(
            [x_node, weight_node],
            (y, (x, weight, gradient, precision)),
            |(x, weight, gradient, precision), dy, [wants_x, wants_weight]| {
                let wants_weight = Wanted::new(wants_weight, gradient.as_ref());
                B::linear_backward(x, weight, dy, precision, wants_x, wants_weight)
            },
        )
    }

    fn rms_norm(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        spec: NormSpec,
    ) -> FloatTensor<Self> {
        let ((x, x_node), (weight, weight_node)) = (x.into_parts(), weight.into_parts());
        let y = <B as Kernels>::rms_norm(x.clone(), weight.clone(), spec);
        recorded::<B, C, _, 2>(
            [x_node, weight_node],
            (y, (x, weight, spec)),
            norm_rule::<B>,
        )
    }

    fn residual(x: FloatTensor<Self>, y: FloatTensor<Self>, factor: f32) -> FloatTensor<Self> {
        let ((x, x_node), (y, y_node)) = (x.into_parts(), y.into_parts());
        let sum = <B as Kernels>::residual(x, y, factor);
        recorded::<B, C, _, 2>([x_node, y_node], (sum, factor), residual_rule::<B>)
    }

    fn residual_rms_norm(
        x: FloatTensor<Self>,
        y: FloatTensor<Self>,
        factor: f32,
        weight: FloatTensor<Self>,
        spec: NormSpec,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let ((x, x_node), (y, y_node)) = (x.into_parts(), y.into_parts());
        let (weight, weight_node) = weight.into_parts();
        let (sum, normed) = <B as Kernels>::residual_rms_norm(x, y, factor, weight.clone(), spec);
        // Two nodes, one pass: the sum, and the norm whose input it is.
        let saved = (sum.clone(), weight, spec);
        let sum = recorded::<B, C, _, 2>([x_node, y_node], (sum, factor), residual_rule::<B>);
        let normed =
            recorded::<B, C, _, 2>([sum.node(), weight_node], (normed, saved), norm_rule::<B>);
        (sum, normed)
    }

    fn swiglu(
        gate: FloatTensor<Self>,
        up: FloatTensor<Self>,
        limit: Option<f32>,
    ) -> FloatTensor<Self> {
        let ((gate, gate_node), (up, up_node)) = (gate.into_parts(), up.into_parts());
        let y = <B as Kernels>::swiglu(gate.clone(), up.clone(), limit);
        recorded::<B, C, _, 2>(
            [gate_node, up_node],
            (y, (gate, up, limit)),
            |(gate, up, limit), dy, _| B::swiglu_backward(gate, up, dy, limit).map(Some),
        )
    }

    fn rope(
        x: FloatTensor<Self>,
        cos: FloatTensor<Self>,
        sin: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let (x, x_node) = x.into_parts();
        let (cos, sin) = (cos.into_primitive(), sin.into_primitive());
        let y = <B as Kernels>::rope(x, cos.clone(), sin.clone(), false);
        recorded::<B, C, _, 1>([x_node], (y, (cos, sin)), |(cos, sin), dy, _| {
            [Some(<B as Kernels>::rope(dy, cos, sin, true))]
        })
    }

    fn attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        starts: IntTensor<Self>,
        spec: AttentionSpec,
    ) -> FloatTensor<Self> {
        let ((q, q_node), (k, k_node)) = (q.into_parts(), k.into_parts());
        let (v, v_node) = v.into_parts();
        let (y, log_sum_exp) =
            <B as Kernels>::attention(q.clone(), k.clone(), v.clone(), starts.clone(), spec);
        let saved = ([q, k, v], starts, spec, [y.clone(), log_sum_exp]);
        recorded::<B, C, _, 3>(
            [q_node, k_node, v_node],
            (y, saved),
            |([q, k, v], starts, spec, [y, log_sum_exp]), dy, _| {
                B::attention_backward(q, k, v, starts, spec, y, log_sum_exp, dy).map(Some)
            },
        )
    }

    fn embedding(
        weight: FloatTensor<Self>,
        gradient: Option<GradientSlot>,
        ids: IntTensor<Self>,
    ) -> FloatTensor<Self> {
        let (weight, weight_node) = weight.into_parts();
        let y = <B as Kernels>::embedding(weight.clone(), ids.clone());
        recorded::<B, C, _, 1>(
            [weight_node],
            (y, (weight, gradient, ids)),
            |(weight, gradient, ids), dy, [wanted]| {
                let wanted = Wanted::new(wanted, gradient.as_ref());
                <B as Kernels>::embedding_backward(weight, ids, dy, wanted)
            },
        )
    }

    fn target_log_probs(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gradient: Option<GradientSlot>,
        targets: IntTensor<Self>,
        spec: HeadSpec,
        promised: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let [wants_x, wants_weight] = [&x, &weight].map(|input| is_tracked::<B, C>(input.node()));
        let ((x, x_node), (weight, weight_node)) = (x.into_parts(), weight.into_parts());
        let promised = promised.into_primitive();
        let promised = (promised.shape().num_elements() > 0).then_some(promised);
        let found = <B as Kernels>::target_log_probs(
            x.clone(),
            weight.clone(),
            targets.clone(),
            spec,
            promised.clone().map(|derivative| Promised {
                derivative,
                wants_x,
                weight: Wanted::new(wants_weight, gradient.as_ref()),
            }),
        );
        let early = promised.map(|promised| (promised, found.derivatives));
        let saved = (
            [x, weight, found.log_sum_exp],
            gradient,
            targets,
            spec,
            early,
        );
        recorded::<B, C, _, 2>(
            [x_node, weight_node],
            (found.log_probs, saved),
            |([x, weight, log_sum_exp], gradient, targets, spec, early), dy, wanted| {
                let follow = |dy| {
                    let ([wants_x, weight_wanted], place) = (wanted, gradient.as_ref());
                    let wants_weight = Wanted::new(weight_wanted, place);
                    B::target_log_probs_backward(
                        x,
                        weight,
                        targets,
                        spec,
                        log_sum_exp,
                        dy,
                        wants_x,
                        wants_weight,
                    )
                };
                match early {
                    None => follow(dy),
                    // The promise was kept: the work is done.
                    Some((promised, found)) if B::same(&promised, &dy) => found,
                    // Gradients are linear in `dy`: what was promised stays where it is, and the difference follows.
                    Some((promised, found)) => {
                        let [dx, dweight] = follow(B::float_sub(dy, promised));
                        let [early_dx, early_dweight] = found;
                        [sum::<B>(early_dx, dx), sum::<B>(early_dweight, dweight)]
                    }
                }
            },
        )
    }

    fn seed_backward(y: FloatTensor<Self>, dy: FloatTensor<Self>) -> FloatTensor<Self> {
        let (y, y_node) = y.into_parts();
        // The ones that the engine starts from are dropped: the derivative was given.
        recorded::<B, C, _, 1>([y_node], (y, dy.into_primitive()), |given, _ones, _| {
            [Some(given)]
        })
    }
}

fn sum<B: Backend>(a: Option<FloatTensor<B>>, b: Option<FloatTensor<B>>) -> Option<FloatTensor<B>> {
    a.zip(b).map(|(a, b)| B::float_add(a, b))
}

fn norm_rule<B: Kernels>(
    (x, weight, spec): (FloatTensor<B>, FloatTensor<B>, NormSpec),
    dy: FloatTensor<B>,
    _: [bool; 2],
) -> Derivatives<B, 2> {
    B::rms_norm_backward(x, weight, dy, spec).map(Some)
}

fn residual_rule<B: Kernels>(
    factor: f32,
    dy: FloatTensor<B>,
    [_, wants_y]: [bool; 2],
) -> Derivatives<B, 2> {
    let scaled = wants_y.then(|| {
        if factor == 1.0 {
            dy.clone()
        } else {
            B::scaled(dy.clone(), factor)
        }
    });
    [Some(dy), scaled]
}
