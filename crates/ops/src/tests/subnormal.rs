//! No operation computes with subnormal numbers, whatever the size of what it is given.
//!
//! The processor notes in MXCSR that an operand was subnormal (DE) or a result too small (UE). The
//! notes are cleared before an operation on a single thread and read after it. The kernels that
//! have the processor flush restore the register, so what they met does not show.

#![expect(unsafe_code, reason = "reads and clears the processor's notes")]

use std::arch::asm;

use super::*;
use crate::{
    AdamWCoefficients, FlatBuffer, LayerCache, MuonCoefficients, adamw_update, global_norm_squared,
    muon_update,
};

const NOTES: u32 = 0x3f;
const SUBNORMAL_OPERAND: u32 = 1 << 1;
const UNDERFLOW: u32 = 1 << 4;

fn notes() -> u32 {
    let mut state = 0u32;
    // SAFETY: writes four bytes.
    unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut state, options(nostack)) };
    state
}

fn clear_notes() {
    let cleared = notes() & !NOTES;
    // SAFETY: changes only the notes, which Rust code leaves to anybody.
    unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const cleared, options(nostack)) };
}

/// Runs `work` on one thread and tells whether it met subnormal numbers.
fn meets_subnormals(work: impl FnOnce() + Send) -> bool {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    pool.expect("a thread").install(|| {
        clear_notes();
        work();
        notes() & (SUBNORMAL_OPERAND | UNDERFLOW) != 0
    })
}

/// Sizes of all numbers of an input: ordinary, tiny, and as a diverging run has them.
const SIZES: [f32; 9] = [1.0, 1e3, 1e9, 1e-10, 1e-18, 1e-21, 1e-25, 1e-30, 1e-33];

fn sized<const D: usize>(random: &mut Random, shape: [usize; D], size: f32) -> Tensor<D> {
    let values: Vec<f32> = (0..shape.iter().product())
        .map(|_| random.next() * size)
        // The smallest of a draw would be smaller than its size says.
        .map(|value| {
            if value.abs() < size * 1e-3 {
                size
            } else {
                value
            }
        })
        .collect();
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

/// Forward and backward of an operation for inputs and a derivative of every size.
fn check_sizes<const A: usize, const B: usize, const O: usize>(
    name: &str,
    shapes: ([usize; A], [usize; B]),
    operation: impl Fn(Tensor<A>, Tensor<B>) -> Tensor<O> + Sync,
) {
    let mut found = Vec::new();
    for size in SIZES {
        for derivative_size in SIZES {
            let mut random = Random(5);
            let a = sized(&mut random, shapes.0, size);
            let b = sized(&mut random, shapes.1, size);
            let output = operation(a.clone(), b.clone());
            let dy = sized(&mut random, output.dims(), derivative_size);
            let met = meets_subnormals(|| {
                let (a, b) = (a.autodiff().require_grad(), b.autodiff().require_grad());
                drop(crate::seed_backward(operation(a, b), dy).backward());
            });
            if met {
                found.push((size, derivative_size));
            }
        }
    }
    assert_eq!(
        found,
        [],
        "{name} with inputs and derivatives of these sizes"
    );
}

#[test]
fn operations_meet_no_subnormals() {
    for precision in [Precision::F32, Precision::Bf16] {
        check_sizes("linear", ([2, 30, 40], [50, 40]), |x, w| {
            crate::linear(x, w, precision)
        });
    }
    let spec = NormSpec::plain(1e-5);
    check_sizes("rms_norm", ([2, 30, 40], [40]), |x, w| {
        crate::rms_norm(x, w, spec)
    });
    check_sizes("residual", ([2, 30, 40], [2, 30, 40]), |x, y| {
        crate::residual(x, y, 1.0)
    });
    check_sizes("swiglu", ([2, 30, 40], [2, 30, 40]), |gate, up| {
        crate::swiglu(gate, up, None)
    });
    let angles: Vec<f32> = (0..30 * 4).map(|i| (i as f32 * 1e-3).sin()).collect();
    let sin = Tensor::<3>::from_data(TensorData::new(angles, [1, 30, 4]), &Device::flex());
    check_sizes("rope", ([1, 30, 2, 8], [1]), |x, _| {
        crate::rope(x, sin.clone(), sin.clone())
    });
}

/// A width that is used up, or scores so far apart that all but one probability vanish.
#[test]
fn attention_meets_no_subnormals() {
    let starts = integers(vec![0; 100], [1, 100]);
    let spec = AttentionSpec {
        scale: 0.3,
        window: None,
        softcap: None,
        precision: Precision::F32,
    };
    check_sizes("attention", ([1, 100, 4, 8], [1, 100, 2, 8]), |q, k| {
        crate::attention(q, k.clone(), k, starts.clone(), spec)
    });
    for size in SIZES {
        let mut random = Random(6);
        let q = sized(&mut random, [1, 9, 4, 8], size);
        let k = sized(&mut random, [1, 9, 2, 8], size);
        let met = meets_subnormals(|| {
            let mut cache = LayerCache::new(2, 8);
            drop(cache.attend(q, k.clone(), k, spec));
        });
        assert!(!met, "cached attention with inputs of size {size}");
    }
}

#[test]
fn the_head_meets_no_subnormals() {
    let targets = integers((0..60).collect(), [2, 30]);
    for promised in [false, true] {
        let spec = HeadSpec::plain(Precision::F32);
        check_sizes("head", ([2, 30, 40], [90, 40]), |x, w| {
            let derivative = Tensor::<2>::full([2, 30], -1e-3, &Device::flex());
            let derivative = promised.then_some(derivative);
            crate::target_log_probs(x, w, targets.clone(), spec, derivative)
        });
    }
}

/// A weight without a gradient, and gradients of every size.
#[test]
fn updates_meet_no_subnormals_and_leave_none() {
    let (rows, columns) = (12, 50);
    for size in [0.0].into_iter().chain(SIZES) {
        let [mut weights, mut gradients, mut m, mut v] =
            std::array::from_fn(|_| FlatBuffer::zeros(rows * columns));
        let mut random = Random(7);
        let drawn = sized(&mut random, [rows, columns], size);
        weights.host_mut().fill(0.02);
        gradients.host_mut().copy_from_slice(&values(drawn));
        let adamw = |gradient_scale| AdamWCoefficients {
            learning_rate: 3.0,
            beta1: 0.9,
            beta2: 0.95,
            eps: 1e-8,
            weight_decay: 0.1,
            bias_correction1: 1.0,
            bias_correction2: 1.0,
            gradient_scale,
        };
        let muon = MuonCoefficients {
            learning_rate: 3.0,
            momentum: 0.9,
            nesterov: true,
            newton_schulz_steps: 5,
            weight_decay: 0.1,
            gradient_scale: 1.0,
            precision: Precision::F32,
        };
        let all = 0..rows * columns;
        for step in 0..1500 {
            if step == 3 {
                gradients.host_mut().fill(0.0);
            }
            let met = meets_subnormals(|| {
                let norm = global_norm_squared(&gradients, all.clone()).sqrt();
                let scale = if norm > 1.0 { 1.0 / norm as f32 } else { 1.0 };
                let c = adamw(scale);
                adamw_update(&mut weights, &gradients, &mut m, &mut v, all.clone(), &c);
            });
            assert!(!met, "AdamW with gradients of size {size}, update {step}");
        }
        for buffer in [&weights, &m, &v] {
            assert!(buffer.host().iter().all(|value| !value.is_subnormal()));
        }
        gradients.host_mut().fill(size);
        for step in 0..1500 {
            if step == 3 {
                gradients.host_mut().fill(0.0);
            }
            let met = meets_subnormals(|| {
                muon_update(&mut weights, &gradients, &mut m, 0, [rows, columns], &muon);
            });
            assert!(!met, "Muon with gradients of size {size}, update {step}");
        }
        for buffer in [&weights, &m] {
            assert!(buffer.host().iter().all(|value| !value.is_subnormal()));
        }
    }
}
