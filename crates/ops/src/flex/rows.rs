//! Kernels that work row by row: RMSNorm, SwiGLU, RoPE, embedding.

#![expect(
    clippy::inline_always,
    reason = "code is compiled for the wider instructions only where it is inlined into `vectorized`"
)]

use std::borrow::Cow;

use rayon::prelude::*;

use super::buffer::Buffer;
use super::lanes::{sigmoid, sum_of_products, vectorized};
use crate::specs::NormSpec;

/// Elements that one task takes: a few per thread on the smallest model, none so small that starting it costs more.
const TASK_ELEMENTS: usize = 32 * 1024;

fn rows_per_task(columns: usize) -> usize {
    (TASK_ELEMENTS / columns.max(1)).max(1)
}

/// `w x / rms(x)`, row by row; rows are as long as the weight.
pub(super) fn rms_norm(x: &[f32], weight: &[f32], spec: NormSpec) -> Buffer {
    let columns = weight.len();
    let weight = effective(weight, spec);
    let mut y = Buffer::any(x.len());
    let task = rows_per_task(columns) * columns;
    y.par_chunks_mut(task)
        .zip(x.par_chunks(task))
        .for_each(|(y, x)| {
            vectorized(
                #[inline(always)]
                || {
                    for (y, x) in y.chunks_exact_mut(columns).zip(x.chunks_exact(columns)) {
                        norm_row(y, x, &weight, spec.eps);
                    }
                },
            );
        });
    y
}

/// `x + factor · y`, and its norm.
pub(super) fn residual_rms_norm(
    x: &[f32],
    y: &[f32],
    factor: f32,
    weight: &[f32],
    spec: NormSpec,
) -> (Buffer, Buffer) {
    let columns = weight.len();
    let weight = effective(weight, spec);
    let (mut sum, mut normed) = (Buffer::any(x.len()), Buffer::any(x.len()));
    let task = rows_per_task(columns) * columns;
    sum.par_chunks_mut(task)
        .zip(normed.par_chunks_mut(task))
        .zip(x.par_chunks(task))
        .zip(y.par_chunks(task))
        .for_each(|(((sum, normed), x), y)| {
            vectorized(
                #[inline(always)]
                || {
                    for (((sum, normed), x), y) in sum
                        .chunks_exact_mut(columns)
                        .zip(normed.chunks_exact_mut(columns))
                        .zip(x.chunks_exact(columns))
                        .zip(y.chunks_exact(columns))
                    {
                        add_scaled(sum, x, y, factor);
                        norm_row(normed, sum, &weight, spec.eps);
                    }
                },
            );
        });
    (sum, normed)
}

/// `x + factor · y`.
pub(super) fn residual(x: &[f32], y: &[f32], factor: f32) -> Buffer {
    let mut sum = Buffer::any(x.len());
    sum.par_chunks_mut(TASK_ELEMENTS)
        .zip(x.par_chunks(TASK_ELEMENTS))
        .zip(y.par_chunks(TASK_ELEMENTS))
        .for_each(|((sum, x), y)| {
            vectorized(
                #[inline(always)]
                || add_scaled(sum, x, y, factor),
            );
        });
    sum
}

/// `factor · y`.
pub(super) fn scaled(y: &[f32], factor: f32) -> Buffer {
    let mut out = Buffer::any(y.len());
    out.par_chunks_mut(TASK_ELEMENTS)
        .zip(y.par_chunks(TASK_ELEMENTS))
        .for_each(|(out, y)| {
            vectorized(
                #[inline(always)]
                || {
                    for (out, y) in out.iter_mut().zip(y) {
                        *out = factor * y;
                    }
                },
            );
        });
    out
}

#[inline(always)]
fn add_scaled(sum: &mut [f32], x: &[f32], y: &[f32], factor: f32) {
    for ((sum, x), y) in sum.iter_mut().zip(x).zip(y) {
        *sum = x + factor * y;
    }
}

#[inline(always)]
fn norm_row(y: &mut [f32], x: &[f32], weight: &[f32], eps: f32) {
    let factor = inverse_rms(x, eps);
    for ((y, x), weight) in y.iter_mut().zip(x).zip(weight) {
        *y = x * factor * weight;
    }
}

/// What rows are multiplied by.
fn effective(weight: &[f32], spec: NormSpec) -> Cow<'_, [f32]> {
    if spec.zero_centered {
        weight.iter().map(|w| 1.0 + w).collect()
    } else {
        weight.into()
    }
}

/// With `r = 1 / rms(x)`: `dx = r (w dy - x r² mean(w dy x))`, `dw = Σ dy x r`.
pub(super) fn rms_norm_backward(
    x: &[f32],
    weight: &[f32],
    dy: &[f32],
    spec: NormSpec,
) -> (Buffer, Buffer) {
    let columns = weight.len();
    let weight = effective(weight, spec);
    let mut dx = Buffer::any(x.len());
    let task = rows_per_task(columns) * columns;
    let partial: Vec<Vec<f32>> = dx
        .par_chunks_mut(task)
        .zip(x.par_chunks(task))
        .zip(dy.par_chunks(task))
        .map(|((dx, x), dy)| {
            let mut dweight = vec![0.0; columns];
            let mut scaled = vec![0.0; columns];
            vectorized(
                #[inline(always)]
                || {
                    for ((dx, x), dy) in dx
                        .chunks_exact_mut(columns)
                        .zip(x.chunks_exact(columns))
                        .zip(dy.chunks_exact(columns))
                    {
                        let factor = inverse_rms(x, spec.eps);
                        for ((scaled, dy), weight) in scaled.iter_mut().zip(dy).zip(&*weight) {
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
                },
            );
            dweight
        })
        .collect();
    let mut dweight = Buffer::zeros(columns);
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

/// `silu(gate) · up`; with a limit, of `min(gate, limit)` and of `up` between `-limit` and `limit`.
pub(super) fn swiglu(gate: &[f32], up: &[f32], limit: Option<f32>) -> Buffer {
    let limit = limit.unwrap_or(f32::INFINITY);
    let mut y = Buffer::any(gate.len());
    y.par_chunks_mut(TASK_ELEMENTS)
        .zip(gate.par_chunks(TASK_ELEMENTS))
        .zip(up.par_chunks(TASK_ELEMENTS))
        .for_each(|((y, gate), up)| {
            vectorized(
                #[inline(always)]
                || {
                    for ((y, gate), up) in y.iter_mut().zip(gate).zip(up) {
                        let gate = at_most(*gate, limit);
                        *y = gate * sigmoid(gate) * at_least(at_most(*up, limit), -limit);
                    }
                },
            );
        });
    y
}

/// Where a limit cut something off, its derivative is zero.
pub(super) fn swiglu_backward(
    gate: &[f32],
    up: &[f32],
    dy: &[f32],
    limit: Option<f32>,
) -> (Buffer, Buffer) {
    let limit = limit.unwrap_or(f32::INFINITY);
    let mut dgate = Buffer::any(gate.len());
    let mut dup = Buffer::any(gate.len());
    dgate
        .par_chunks_mut(TASK_ELEMENTS)
        .zip(dup.par_chunks_mut(TASK_ELEMENTS))
        .zip(gate.par_chunks(TASK_ELEMENTS))
        .zip(up.par_chunks(TASK_ELEMENTS))
        .zip(dy.par_chunks(TASK_ELEMENTS))
        .for_each(|((((dgate, dup), gate), up), dy)| {
            vectorized(
                #[inline(always)]
                || {
                    let len = dgate.len();
                    let (dup, gate) = (&mut dup[..len], &gate[..len]);
                    let (up, dy) = (&up[..len], &dy[..len]);
                    for i in 0..len {
                        let cut_gate = at_most(gate[i], limit);
                        let cut_up = at_least(at_most(up[i], limit), -limit);
                        let open = sigmoid(cut_gate);
                        let by_gate = dy[i] * cut_up * open * (1.0 + cut_gate * (1.0 - open));
                        let by_up = dy[i] * cut_gate * open;
                        dgate[i] = if gate[i] > limit { 0.0 } else { by_gate };
                        let cut = up[i] > limit || up[i] < -limit;
                        dup[i] = if cut { 0.0 } else { by_up };
                    }
                },
            );
        });
    (dgate, dup)
}

/// The smaller of two; NaN stays, so that a broken number is found.
#[inline(always)]
fn at_most(value: f32, limit: f32) -> f32 {
    if value > limit { limit } else { value }
}

#[inline(always)]
fn at_least(value: f32, limit: f32) -> f32 {
    if value < limit { limit } else { value }
}

/// Turns element `i` of a head's first half with element `i` of its second half by the token's angle.
pub(super) fn rope(
    x: &[f32],
    cos: &[f32],
    sin: &[f32],
    heads: usize,
    head_dim: usize,
    inverse: bool,
) -> Buffer {
    let half = head_dim / 2;
    let token = heads * head_dim;
    let tokens_per_task = rows_per_task(token);
    let sign = if inverse { -1.0 } else { 1.0 };
    let mut y = Buffer::any(x.len());
    y.par_chunks_mut(tokens_per_task * token)
        .zip(x.par_chunks(tokens_per_task * token))
        .zip(cos.par_chunks(tokens_per_task * half))
        .zip(sin.par_chunks(tokens_per_task * half))
        .for_each(|(((y, x), cos), sin)| {
            vectorized(
                #[inline(always)]
                || {
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
                },
            );
        });
    y
}

pub(super) fn gather(weight: &[f32], ids: &[i32], hidden: usize) -> Buffer {
    let mut y = Buffer::any(ids.len() * hidden);
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
