//! Every fused operation against its reference, forward and gradients, and once against finite differences.

mod attention;
mod threads;
mod update;

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::{AttentionSpec, GradientSlot, HeadSpec, NormSpec, Precision, Weight, reference};

/// A small deterministic generator, so that a failing case can be made again.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 40) as f32 / (1u64 << 24) as f32) * 2.0 - 1.0
    }

    fn below(&mut self, end: usize) -> usize {
        self.next();
        (self.0 >> 33) as usize % end
    }

    fn floats<const D: usize>(&mut self, shape: [usize; D]) -> Tensor<D> {
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| self.next()).collect();
        Tensor::from_data(TensorData::new(values, shape), &Device::flex())
    }
}

fn integers<const D: usize>(values: Vec<i32>, shape: [usize; D]) -> Tensor<D, Int> {
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().expect("f32 tensor")
}

fn assert_close(name: &str, got: &[f32], expected: &[f32]) {
    assert_eq!(got.len(), expected.len(), "{name}");
    // Inputs are of order one, so a derivative that cancels to nothing is right to a rounding of 0.1.
    let largest = expected
        .iter()
        .fold(0.1f32, |largest, v| largest.max(v.abs()));
    for (index, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!(
            (got - expected).abs() <= 1e-5 * largest,
            "{name}[{index}]: {got} instead of {expected}"
        );
    }
}

/// Runs `fused` and `composed` on the same three inputs and compares outputs and all gradients.
fn check<const A: usize, const B: usize, const C: usize, const O: usize>(
    name: &str,
    inputs: (Tensor<A>, Tensor<B>, Tensor<C>),
    fused: impl Fn(Tensor<A>, Tensor<B>, Tensor<C>) -> Tensor<O>,
    composed: impl Fn(Tensor<A>, Tensor<B>, Tensor<C>) -> Tensor<O>,
) {
    let run = |operation: &dyn Fn(Tensor<A>, Tensor<B>, Tensor<C>) -> Tensor<O>| {
        let a = inputs.0.clone().autodiff().require_grad();
        let b = inputs.1.clone().autodiff().require_grad();
        let c = inputs.2.clone().autodiff().require_grad();
        let output = operation(a.clone(), b.clone(), c.clone());
        let dy = Random(99).floats(output.dims());
        let mut gradients = crate::seed_backward(output.clone(), dy).backward();
        [
            values(output.inner()),
            a.grad_remove(&mut gradients)
                .map(values)
                .unwrap_or_default(),
            b.grad_remove(&mut gradients)
                .map(values)
                .unwrap_or_default(),
            c.grad_remove(&mut gradients)
                .map(values)
                .unwrap_or_default(),
        ]
    };
    let (got, expected) = (run(&fused), run(&composed));
    let plain = values(fused(inputs.0.clone(), inputs.1.clone(), inputs.2.clone()));
    assert_eq!(
        plain, got[0],
        "{name}: the same bits with and without a graph"
    );
    for (part, (got, expected)) in ["output", "first", "second", "third"]
        .iter()
        .zip(got.iter().zip(&expected))
    {
        assert_close(&format!("{name} {part}"), got, expected);
    }
}

#[test]
fn linear_equals_reference() {
    for (batch, seq, input, output) in [(1, 1, 1, 1), (2, 3, 5, 7), (2, 33, 64, 48)] {
        let mut random = Random(7);
        let inputs = (
            random.floats([batch, seq, input]),
            random.floats([output, input]),
            random.floats([1]),
        );
        check(
            "linear",
            inputs,
            |x, w, _| crate::linear(x, w, Precision::F32),
            |x, w, _| reference::linear(x, w),
        );
    }
}

#[test]
fn rms_norm_equals_reference() {
    for (rows, columns) in [(1, 1), (3, 5), (700, 64), (5, 130)] {
        let spec = NormSpec {
            eps: 1e-5,
            zero_centered: rows == 3 || rows == 700,
        };
        let mut random = Random(8);
        let inputs = (
            random.floats([1, rows, columns]),
            random.floats([columns]),
            random.floats([1]),
        );
        check(
            "rms_norm",
            inputs,
            |x, w, _| crate::rms_norm(x, w, spec),
            |x, w, _| reference::rms_norm(x, w, spec),
        );
    }
}

#[test]
fn residual_and_its_norm_equal_reference() {
    for (rows, columns, factor) in [(1, 1, 1.0), (3, 5, 0.22), (700, 64, 1.0), (5, 130, -2.0)] {
        let spec = NormSpec {
            eps: 1e-5,
            zero_centered: rows == 3,
        };
        let mut random = Random(18);
        let inputs = (
            random.floats([1, rows, columns]),
            random.floats([1, rows, columns]),
            random.floats([columns]),
        );
        // Both results reach the loss, each with a weight of its own.
        check(
            "residual_rms_norm",
            inputs.clone(),
            |x, y, w| {
                let (sum, normed) = crate::residual_rms_norm(x, y, factor, w, spec);
                sum * 0.5 + normed
            },
            |x, y, w| {
                let sum = reference::residual(x, y, factor);
                sum.clone() * 0.5 + reference::rms_norm(sum, w, spec)
            },
        );
        check(
            "residual",
            inputs,
            |x, y, _| crate::residual(x, y, factor),
            |x, y, _| reference::residual(x, y, factor),
        );
    }
}

#[test]
fn swiglu_equals_reference() {
    let mut random = Random(9);
    for (shape, limit) in [
        ([1, 1, 1], None),
        ([2, 31, 700], None),
        ([2, 31, 700], Some(0.7)),
        ([1, 3, 5], Some(7.0)),
    ] {
        let inputs = (
            random.floats(shape) * 8.0,
            random.floats(shape),
            random.floats([1]),
        );
        check(
            "swiglu",
            inputs,
            |g, u, _| crate::swiglu(g, u, limit),
            |g, u, _| reference::swiglu(g, u, limit),
        );
    }
}

#[test]
fn rope_equals_reference() {
    let mut random = Random(10);
    for [batch, seq, heads, head_dim] in [[1, 1, 1, 2], [2, 5, 3, 8], [1, 300, 4, 64]] {
        let x = random.floats([batch, seq, heads, head_dim]);
        let (cos, sin) = (
            random.floats([batch, seq, head_dim / 2]),
            random.floats([batch, seq, head_dim / 2]),
        );
        let (c, s) = (cos.clone(), sin.clone());
        check(
            "rope",
            (x, random.floats([1]), random.floats([1])),
            move |x, _, _| crate::rope(x, cos.clone(), sin.clone()),
            move |x, _, _| reference::rope(x, c.clone(), s.clone()),
        );
    }
}

#[test]
fn embedding_equals_reference() {
    let mut random = Random(12);
    let ids = integers(vec![0, 4, 4, 2, 1, 4], [2, 3]);
    let other = ids.clone();
    check(
        "embedding",
        (
            random.floats([5, 9]),
            random.floats([1]),
            random.floats([1]),
        ),
        move |w, _, _| crate::embedding(w, ids.clone()),
        move |w, _, _| reference::embedding(w, other.clone()),
    );
}

#[test]
fn target_log_probs_equal_reference() {
    for (batch, seq, hidden, vocab, logits_scale, z_loss) in [
        (1, 1, 1, 2, 1.0, 0.0),
        (2, 11, 16, 67, 0.125, 0.01),
        (1, 40, 8, 3000, 1.0, 0.0),
        (3, 17, 5, 129, 2.0, 0.1),
    ] {
        let spec = HeadSpec {
            logits_scale,
            z_loss,
            ..HeadSpec::plain(Precision::F32)
        };
        assert!(
            batch * seq == 1 || crate::head_chunk_tokens(vocab) < batch * seq,
            "several chunks"
        );
        let mut random = Random(13);
        let targets: Vec<i32> = (0..batch * seq)
            .map(|i| {
                if i % 4 == 3 {
                    -1
                } else {
                    (i * 7919 % vocab) as i32
                }
            })
            .collect();
        let targets = integers(targets, [batch, seq]);
        let inputs = (
            random.floats([batch, seq, hidden]) * 3.0,
            random.floats([vocab, hidden]),
            random.floats([1]),
        );
        // What `check` seeds backward with: kept, broken, and never given.
        let kept = Random(99).floats([batch, seq]);
        let broken = kept.clone() * 2.0;
        for promise in [None, Some(kept), Some(broken)] {
            let (targets, other) = (targets.clone(), targets.clone());
            check(
                "target_log_probs",
                inputs.clone(),
                move |x, w, _| {
                    crate::target_log_probs(x, w, targets.clone(), spec, promise.clone())
                },
                move |x, w, _| reference::target_log_probs(x, w, other.clone(), spec),
            );
        }
    }
}

#[test]
fn a_frozen_head_gets_no_gradient_from_a_promise() {
    let mut random = Random(17);
    let x = random.floats([1, 3, 4]).autodiff().require_grad();
    let w = random.floats([6, 4]);
    let targets = integers(vec![1, 2, 3], [1, 3]);
    let dy = random.floats([1, 3]);
    let spec = HeadSpec::plain(Precision::F32);
    let output = crate::target_log_probs(x.clone(), w, targets, spec, Some(dy.clone()));
    let gradients = crate::seed_backward(output, dy).backward();
    assert!(x.grad(&gradients).is_some());
}

/// Two backward passes into a place, beside twice the gradient that the engine hands out.
#[test]
fn a_weight_s_place_receives_what_a_tensor_would() {
    type Operation = Box<dyn Fn(Tensor<3>, Weight) -> Tensor<2>>;
    let mut random = Random(18);
    // Tokens of several chunks of the head.
    let (batch, seq, vocab) = (2, 40, 61);
    assert!(crate::head_chunk_tokens(vocab) < batch * seq);
    let (x, w) = (random.floats([batch, seq, 5]), random.floats([vocab, 5]));
    let (dy, other) = (random.floats([batch, seq]), random.floats([batch, seq]));
    let spread = |factor: usize| (0..batch * seq).map(move |i| (i * factor % vocab) as i32);
    let ids = integers(spread(17).collect(), [batch, seq]);
    let targets = spread(23).map(|target| if target % 5 == 3 { -1 } else { target });
    let targets = integers(targets.collect(), [batch, seq]);
    let head = |promise: Option<Tensor<2>>| -> Operation {
        let targets = targets.clone();
        let spec = HeadSpec::plain(Precision::F32);
        Box::new(move |x, w| crate::target_log_probs(x, w, targets.clone(), spec, promise.clone()))
    };
    let operations: [(&str, Operation); 5] = [
        (
            "linear",
            Box::new(|x, w| {
                crate::linear(x, w, Precision::F32)
                    .sum_dim(2)
                    .squeeze_dim(2)
            }),
        ),
        (
            "embedding",
            Box::new(move |x, w| {
                (crate::embedding(w, ids.clone()) * x)
                    .sum_dim(2)
                    .squeeze_dim(2)
            }),
        ),
        ("head", head(None)),
        ("head, promise kept", head(Some(dy.clone()))),
        ("head, promise broken", head(Some(other))),
    ];
    for (name, operation) in operations {
        let run = |gradient: Option<GradientSlot>| {
            let x = x.clone().autodiff().require_grad();
            let leaf = w.clone().autodiff().require_grad();
            let weight = Weight {
                values: leaf.clone(),
                gradient,
            };
            let mut found =
                crate::seed_backward(operation(x.clone(), weight), dy.clone()).backward();
            let dx = x.grad_remove(&mut found).expect("a gradient of x");
            (values(dx), leaf.grad_remove(&mut found))
        };
        let (expected_dx, expected) = run(None);
        let expected: Vec<f32> = values(expected.expect("a gradient of the weight"));
        let expected: Vec<f32> = expected.iter().map(|value| 2.0 * value).collect();

        let end = 3 + 5 * vocab;
        let mut room = crate::FlatBuffer::zeros(end + 2);
        room.host_mut().fill(f32::NAN);
        let sum = crate::GradientSum::begin(room);
        for _ in 0..2 {
            let (dx, tensor) = run(Some(sum.slot(3..end)));
            assert_close(&format!("{name}: x"), &dx, &expected_dx);
            assert!(tensor.is_none(), "{name}: not in two places");
        }
        let sum = sum.end();
        assert_close(name, &sum.host()[3..end], &expected);
        assert_eq!(sum.host()[..3], [0.0; 3], "{name}: only in its place");
        assert_eq!(sum.host()[end..], [0.0; 2], "{name}: only in its place");
    }
}

#[test]
fn ignored_targets_give_neither_probability_nor_gradient() {
    let mut random = Random(14);
    let spec = HeadSpec {
        z_loss: 0.1,
        ..HeadSpec::plain(Precision::F32)
    };
    let ones = Tensor::<2>::ones([1, 3], &Device::flex());
    for promise in [None, Some(ones)] {
        let x = random.floats([1, 3, 4]).autodiff().require_grad();
        let w = random.floats([6, 4]).autodiff().require_grad();
        let targets = integers(vec![-1, -1, -1], [1, 3]);
        let output = crate::target_log_probs(x.clone(), w.clone(), targets, spec, promise);
        assert_eq!(values(output.clone().inner()), [0.0; 3]);
        let gradients = output.sum().backward();
        let zeros = |values: Vec<f32>| values.iter().all(|v| *v == 0.0);
        assert!(zeros(values(x.grad(&gradients).expect("gradient of x"))));
        assert!(zeros(values(w.grad(&gradients).expect("gradient of w"))));
    }
}

#[test]
fn gradients_equal_finite_differences() {
    // A loss through norm, rotation, attention, gate and head at once; central differences in f32 hold 1 %.
    let mut random = Random(15);
    let (batch, seq, heads, head_dim) = (1, 5, 2, 4);
    let hidden = heads * head_dim;
    let x = random.floats([batch, seq, hidden]);
    let (norm, head) = (random.floats([hidden]), random.floats([11, hidden]));
    let (cos, sin) = (
        random.floats([batch, seq, head_dim / 2]),
        random.floats([batch, seq, head_dim / 2]),
    );
    let starts = integers(vec![0, 0, 0, 3, 3], [1, 5]);
    let targets = integers(vec![1, 5, -1, 10, 0], [1, 5]);
    let spec = AttentionSpec {
        scale: 0.5,
        window: Some(3),
        softcap: Some(1.5),
        precision: Precision::F32,
    };
    let loss = |x: Tensor<3>| {
        let y = crate::rms_norm(x.clone(), norm.clone(), NormSpec::plain(1e-5));
        let y = y.reshape([batch, seq, heads, head_dim]);
        let y = crate::rope(y, cos.clone(), sin.clone());
        let y = crate::attention(y.clone(), y.clone(), y, starts.clone(), spec);
        let y = crate::swiglu(y.reshape([batch, seq, hidden]), x.clone(), None);
        let (sum, y) = crate::residual_rms_norm(x, y, 0.7, norm.clone(), NormSpec::plain(1e-5));
        let y = crate::residual(sum, y, 0.3);
        let spec = HeadSpec {
            logits_scale: 1.0,
            z_loss: 0.02,
            precision: Precision::F32,
        };
        crate::target_log_probs(y, head.clone(), targets.clone(), spec, None).sum()
    };
    let leaf = x.clone().autodiff().require_grad();
    let gradients = loss(leaf.clone()).backward();
    let gradient = values(leaf.grad(&gradients).expect("gradient of x"));
    let start = values(x);
    let at = |values: &[f32]| -> f64 {
        let x = Tensor::from_data(
            TensorData::new(values.to_vec(), [batch, seq, hidden]),
            &Device::flex(),
        );
        f64::from(loss(x).into_scalar::<f32>())
    };
    for index in (0..start.len()).step_by(3) {
        let step = 4e-3;
        let (mut above, mut below) = (start.clone(), start.clone());
        above[index] += step;
        below[index] -= step;
        let difference = (at(&above) - at(&below)) / f64::from(2.0 * step);
        let error = (difference - f64::from(gradient[index])).abs();
        assert!(
            error < 1e-2 * difference.abs().max(0.2),
            "x[{index}]: {} against {difference}",
            gradient[index]
        );
    }
}

#[test]
fn gradients_of_weights_equal_finite_differences() {
    // Both matrices by their own elements: of the embedding, with an id that comes twice, and of the projection.
    let mut random = Random(21);
    let ids = integers(vec![3, 0, 3, 2], [1, 4]);
    let (table, weight) = (random.floats([5, 6]), random.floats([7, 6]));
    let dy = random.floats([1, 4, 7]);
    let loss = |table: Tensor<2>, weight: Tensor<2>| {
        let y = crate::linear(crate::embedding(table, ids.clone()), weight, Precision::F32);
        (y.clone() * y * dy.clone()).sum()
    };
    let leaves = [&table, &weight].map(|matrix| matrix.clone().autodiff().require_grad());
    let [a, b] = leaves.clone();
    let gradients = loss(a, b).backward();
    for (which, leaf) in leaves.iter().enumerate() {
        let gradient = values(leaf.grad(&gradients).expect("a gradient"));
        let given = [values(table.clone()), values(weight.clone())];
        let at = |index: usize, step: f32| -> f64 {
            let mut given = given.clone();
            given[which][index] += step;
            let [table, weight] = given;
            let matrix = |values: Vec<f32>| {
                let rows = values.len() / 6;
                Tensor::from_data(TensorData::new(values, [rows, 6]), &Device::flex())
            };
            f64::from(loss(matrix(table), matrix(weight)).into_scalar::<f32>())
        };
        let step = 4e-3;
        for (index, gradient) in gradient.iter().enumerate() {
            let difference = (at(index, step) - at(index, -step)) / f64::from(2.0 * step);
            let error = (difference - f64::from(*gradient)).abs();
            assert!(
                error < 1e-2 * difference.abs().max(0.2),
                "{which}[{index}]: {gradient} against {difference}"
            );
        }
    }
}

#[test]
fn bf16_operands_are_rounded_once() {
    let mut random = Random(16);
    let (x, w) = (random.floats([1, 8, 64]), random.floats([16, 64]));
    let f32_product = values(crate::linear(x.clone(), w.clone(), Precision::F32));
    let bf16_product = values(crate::linear(x, w, Precision::Bf16));
    let difference: f32 = f32_product
        .iter()
        .zip(&bf16_product)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    // 64 products of numbers below 1, each operand off by at most 2^-9 of itself.
    assert!(
        difference > 0.0 && difference < 64.0 * 2.0 / 512.0,
        "{difference}"
    );
}
