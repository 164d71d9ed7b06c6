//! Kernels that work row by row: RMSNorm, SwiGLU, RoPE, embedding.

#![expect(
    clippy::inline_always,
    reason = "code is compiled for the wider instructions only where it is inlined into `vectorized`"
)]

use rayon::prelude::*;

use super::lanes::{sigmoid, sum_of_products, vectorized};

/// Elements that one task takes: a few per thread on the smallest model, none so small that starting it costs more.
const TASK_ELEMENTS: usize = 32 * 1024;

fn rows_per_task(columns: usize) -> usize {
    (TASK_ELEMENTS / columns.max(1)).max(1)
}

pub(super) fn rms_norm(x: &[f32], weight: &[f32], columns: usize, eps: f32) -> Vec<f32> {
    let mut y = vec![0.0; x.len()];
    let task = rows_per_task(columns) * columns;
    y.par_chunks_mut(task)
        .zip(x.par_chunks(task))
        .for_each(|(y, x)| {
            vectorized(|| {
                for (y, x) in y.chunks_exact_mut(columns).zip(x.chunks_exact(columns)) {
                    let factor = inverse_rms(x, eps);
                    for ((y, x), weight) in y.iter_mut().zip(x).zip(weight) {
                        *y = x * factor * weight;
                    }
                }
            });
        });
    y
}

/// With `r = 1 / rms(x)`: `dx = r (w dy - x r² mean(w dy x))`, `dw = Σ dy x r`.
pub(super) fn rms_norm_backward(
    x: &[f32],
    weight: &[f32],
    dy: &[f32],
    columns: usize,
    eps: f32,
) -> (Vec<f32>, Vec<f32>) {
    let mut dx = vec![0.0; x.len()];
    let task = rows_per_task(columns) * columns;
    let partial: Vec<Vec<f32>> = dx
        .par_chunks_mut(task)
        .zip(x.par_chunks(task))
        .zip(dy.par_chunks(task))
        .map(|((dx, x), dy)| {
            let mut dweight = vec![0.0; columns];
            let mut scaled = vec![0.0; columns];
            vectorized(|| {
                for ((dx, x), dy) in dx
                    .chunks_exact_mut(columns)
                    .zip(x.chunks_exact(columns))
                    .zip(dy.chunks_exact(columns))
                {
                    let factor = inverse_rms(x, eps);
                    for ((scaled, dy), weight) in scaled.iter_mut().zip(dy).zip(weight) {
                        *scaled = dy * weight;
                    }
                    let shared = factor * factor * sum_of_products(&scaled, x) / columns as f32;
                    for ((dx, x), scaled) in dx.iter_mut().zip(x).zip(&scaled) {
                        *dx = factor * (scaled - x * shared);
                    }
                    for ((dweight, x), dy) in dweight.iter_mut().zip(x).zip(dy) {
                        *dweight += dy * x * factor;
                    }
                }
            });
            dweight
        })
        .collect();
    let mut dweight = vec![0.0; columns];
    for partial in partial {
        for (sum, part) in dweight.iter_mut().zip(partial) {
            *sum += part;
        }
    }
    (dx, dweight)
}

#[inline(always)]
fn inverse_rms(x: &[f32], eps: f32) -> f32 {
    1.0 / (sum_of_products(x, x) / x.len() as f32 + eps).sqrt()
}

pub(super) fn swiglu(gate: &[f32], up: &[f32]) -> Vec<f32> {
    let mut y = vec![0.0; gate.len()];
    y.par_chunks_mut(TASK_ELEMENTS)
        .zip(gate.par_chunks(TASK_ELEMENTS))
        .zip(up.par_chunks(TASK_ELEMENTS))
        .for_each(|((y, gate), up)| {
            vectorized(|| {
                for ((y, gate), up) in y.iter_mut().zip(gate).zip(up) {
                    *y = gate * sigmoid(*gate) * up;
                }
            });
        });
    y
}

pub(super) fn swiglu_backward(gate: &[f32], up: &[f32], dy: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let mut dgate = vec![0.0; gate.len()];
    let mut dup = vec![0.0; gate.len()];
    dgate
        .par_chunks_mut(TASK_ELEMENTS)
        .zip(dup.par_chunks_mut(TASK_ELEMENTS))
        .zip(gate.par_chunks(TASK_ELEMENTS))
        .zip(up.par_chunks(TASK_ELEMENTS))
        .zip(dy.par_chunks(TASK_ELEMENTS))
        .for_each(|((((dgate, dup), gate), up), dy)| {
            vectorized(|| {
                for ((((dgate, dup), gate), up), dy) in dgate
                    .iter_mut()
                    .zip(dup.iter_mut())
                    .zip(gate)
                    .zip(up)
                    .zip(dy)
                {
                    let open = sigmoid(*gate);
                    *dup = dy * gate * open;
                    *dgate = dy * up * open * (1.0 + gate * (1.0 - open));
                }
            });
        });
    (dgate, dup)
}

/// Turns element `i` of a head's first half with element `i` of its second half by the token's angle.
pub(super) fn rope(
    x: &[f32],
    cos: &[f32],
    sin: &[f32],
    heads: usize,
    head_dim: usize,
    inverse: bool,
) -> Vec<f32> {
    let half = head_dim / 2;
    let token = heads * head_dim;
    let tokens_per_task = rows_per_task(token);
    let sign = if inverse { -1.0 } else { 1.0 };
    let mut y = vec![0.0; x.len()];
    y.par_chunks_mut(tokens_per_task * token)
        .zip(x.par_chunks(tokens_per_task * token))
        .zip(cos.par_chunks(tokens_per_task * half))
        .zip(sin.par_chunks(tokens_per_task * half))
        .for_each(|(((y, x), cos), sin)| {
            vectorized(|| {
                for (((y, x), cos), sin) in y
                    .chunks_exact_mut(token)
                    .zip(x.chunks_exact(token))
                    .zip(cos.chunks_exact(half))
                    .zip(sin.chunks_exact(half))
                {
                    for (y, x) in y.chunks_exact_mut(head_dim).zip(x.chunks_exact(head_dim)) {
                        let ((y_low, y_high), (x_low, x_high)) =
                            (y.split_at_mut(half), x.split_at(half));
                        for i in 0..half {
                            y_low[i] = x_low[i] * cos[i] - sign * x_high[i] * sin[i];
                            y_high[i] = x_high[i] * cos[i] + sign * x_low[i] * sin[i];
                        }
                    }
                }
            });
        });
    y
}

pub(super) fn gather(weight: &[f32], ids: &[i32], hidden: usize) -> Vec<f32> {
    let mut y = vec![0.0; ids.len() * hidden];
    for (y, &id) in y.chunks_exact_mut(hidden).zip(ids) {
        let start = id as usize * hidden;
        y.copy_from_slice(&weight[start..start + hidden]);
    }
    y
}

/// Adds each row of `dy` to the row of its id, in the order of the tokens.
pub(super) fn scatter_add(dweight: &mut [f32], ids: &[i32], dy: &[f32], hidden: usize) {
    for (dy, &id) in dy.chunks_exact(hidden).zip(ids) {
        let start = id as usize * hidden;
        for (sum, part) in dweight[start..start + hidden].iter_mut().zip(dy) {
            *sum += part;
        }
    }
}
