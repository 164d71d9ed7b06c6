//! What happens to flat buffers once a step's gradients are complete: norm, scaling, AdamW.

use std::ops::Range;

use rayon::prelude::*;

use crate::FlatBuffer;
use crate::flex::{sum_of_products, vectorized};
use crate::profile::{Timed, timed};

/// Elements of a task; also the span of one partial sum, so a norm does not depend on the number of threads.
const TASK_ELEMENTS: usize = 16 * 1024;

/// The numbers of one AdamW update (Loshchilov and Hutter 2019, arXiv 1711.05101).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWCoefficients {
    /// Step size of this update.
    pub learning_rate: f32,
    /// Decay of the first moment.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// Added to the root of the second moment.
    pub eps: f32,
    /// Decoupled decay: weights shrink by `learning_rate * weight_decay`.
    pub weight_decay: f32,
    /// `1 - beta1^t` after `t` updates.
    pub bias_correction1: f32,
    /// `1 - beta2^t` after `t` updates.
    pub bias_correction2: f32,
    /// Factor on every gradient: normalization and clipping in one.
    pub gradient_scale: f32,
}

/// `w ← w - lr (m̂ / (√v̂ + eps) + decay w)` over `range`, in place, in one pass.
///
/// # Panics
/// If a buffer ends before `range`.
pub fn adamw_update(
    weights: &mut FlatBuffer,
    gradients: &FlatBuffer,
    moment1: &mut FlatBuffer,
    moment2: &mut FlatBuffer,
    range: Range<usize>,
    coefficients: &AdamWCoefficients,
) {
    let c = *coefficients;
    let correction1 = 1.0 / c.bias_correction1;
    let correction2 = 1.0 / c.bias_correction2;
    timed(Timed::Optimizer, || {
        weights.host_mut()[range.clone()]
            .par_chunks_mut(TASK_ELEMENTS)
            .zip(gradients.host()[range.clone()].par_chunks(TASK_ELEMENTS))
            .zip(moment1.host_mut()[range.clone()].par_chunks_mut(TASK_ELEMENTS))
            .zip(moment2.host_mut()[range].par_chunks_mut(TASK_ELEMENTS))
            .for_each(|(((weights, gradients), moment1), moment2)| {
                vectorized(
                    #[inline(always)]
                    || {
                        for (((weight, gradient), m), v) in
                            weights.iter_mut().zip(gradients).zip(moment1).zip(moment2)
                        {
                            let gradient = gradient * c.gradient_scale;
                            *m = c.beta1 * *m + (1.0 - c.beta1) * gradient;
                            *v = c.beta2 * *v + (1.0 - c.beta2) * gradient * gradient;
                            let direction = *m * correction1 / ((*v * correction2).sqrt() + c.eps);
                            *weight -= c.learning_rate * (direction + c.weight_decay * *weight);
                        }
                    },
                );
            });
    });
}

/// `Σ g²` of a range, the same bits at any number of threads; not finite if an element is not.
pub fn global_norm_squared(buffer: &FlatBuffer, range: Range<usize>) -> f64 {
    let partial: Vec<f64> = timed(Timed::Optimizer, || {
        buffer.host()[range]
            .par_chunks(TASK_ELEMENTS)
            .map(|values| {
                vectorized(
                    #[inline(always)]
                    || {
                        values
                            .chunks(1024)
                            .map(|values| f64::from(sum_of_products(values, values)))
                            .sum()
                    },
                )
            })
            .collect()
    });
    partial.iter().sum()
}
