//! A product with a few rows of `a`, such as a token's hidden state with a weight: each value of `b` is read once and used so
//! few times that memory decides the speed, and packing would only read it again.

#![expect(
    clippy::inline_always,
    reason = "code is compiled for the wider instructions only where it is inlined into `vectorized`"
)]

use rayon::prelude::*;

use super::{Matrix, MatrixMut, Product, Threads};
use crate::flex::lanes::{rounded_to_bf16, vectorized};
use crate::precision::Precision;

/// With more rows than these, packing pays.
pub(super) const FEW_ROWS: usize = 4;
/// Values of `b` that one task reads: half a megabyte.
const TASK_VALUES: usize = 128 * 1024;
/// Partial sums of a dot product: four AVX-512 registers, so that additions do not wait for each other.
const LANES: usize = 64;

/// See [`gemm`](super::gemm); `b` has columns or rows without gaps.
pub(super) fn gemm(out: MatrixMut<'_>, a: Matrix<'_>, b: Matrix<'_>, product: Product) {
    let bf16 = product.precision == Precision::Bf16;
    let (rows, inner) = (a.rows, a.columns);
    let a: Vec<f32> = (0..rows * inner)
        .map(|index| {
            let (row, column) = (index / inner, index % inner);
            let value = a.data[row * a.row_stride + column * a.column_stride];
            if bf16 { rounded_to_bf16(value) } else { value }
        })
        .collect();
    // Sums by column, so that a task has a part of its own: [columns, rows].
    let columns_per_task = (TASK_VALUES / inner.max(1)).max(1);
    let work = |(task, sums): (usize, &mut [f32])| {
        let first = task * columns_per_task;
        match (b.row_stride, bf16) {
            (1, false) => vectorized(
                #[inline(always)]
                || dots(sums, &a, b, first, |value| value),
            ),
            (1, true) => vectorized(
                #[inline(always)]
                || dots(sums, &a, b, first, rounded_to_bf16),
            ),
            (_, false) => vectorized(
                #[inline(always)]
                || scaled_rows(sums, &a, b, first, |value| value),
            ),
            (_, true) => vectorized(
                #[inline(always)]
                || scaled_rows(sums, &a, b, first, rounded_to_bf16),
            ),
        }
    };
    let mut sums = vec![0.0; rows * out.columns];
    let tasks = sums.chunks_mut(columns_per_task * rows).enumerate();
    if product.threads == Threads::One || tasks.len() == 1 {
        tasks.for_each(work);
    } else {
        sums.par_chunks_mut(columns_per_task * rows)
            .enumerate()
            .for_each(work);
    }
    for (row, out) in out.data.chunks_mut(out.row_stride).enumerate() {
        for (column, out) in out.iter_mut().take(b.columns).enumerate() {
            let value = product.factor * sums[column * rows + row];
            *out = if product.accumulate {
                *out + value
            } else {
                value
            };
        }
    }
}

/// Columns of `b` whose values lie one after the other: a dot product with each row of `a`.
#[inline(always)]
fn dots(sums: &mut [f32], a: &[f32], b: Matrix<'_>, first: usize, read: impl Fn(f32) -> f32) {
    let inner = b.rows;
    let rows = a.len() / inner.max(1);
    for (column, sums) in sums.chunks_exact_mut(rows.max(1)).enumerate() {
        let start = (first + column) * b.column_stride;
        let values = &b.data[start..start + inner];
        for (sum, a) in sums.iter_mut().zip(a.chunks_exact(inner.max(1))) {
            let mut partial = [0.0f32; LANES];
            let (a_lanes, b_lanes) = (a.chunks_exact(LANES), values.chunks_exact(LANES));
            let tail: f32 = a_lanes
                .remainder()
                .iter()
                .zip(b_lanes.remainder())
                .map(|(a, b)| a * read(*b))
                .sum();
            for (a, b) in a_lanes.zip(b_lanes) {
                for lane in 0..LANES {
                    partial[lane] += a[lane] * read(b[lane]);
                }
            }
            *sum = partial.iter().sum::<f32>() + tail;
        }
    }
}

/// Rows of `b` whose values lie one after the other: each is added, times the value of `a` that it meets.
#[inline(always)]
fn scaled_rows(
    sums: &mut [f32],
    a: &[f32],
    b: Matrix<'_>,
    first: usize,
    read: impl Fn(f32) -> f32,
) {
    let inner = b.rows;
    let rows = a.len() / inner.max(1);
    let columns = sums.len() / rows.max(1);
    let mut row_sums = vec![0.0f32; columns];
    for row in 0..rows {
        row_sums.fill(0.0);
        for index in 0..inner {
            let start = index * b.row_stride + first * b.column_stride;
            let factor = a[row * inner + index];
            for (sum, value) in row_sums.iter_mut().zip(&b.data[start..start + columns]) {
                *sum += factor * read(*value);
            }
        }
        for (column, sum) in row_sums.iter().enumerate() {
            sums[column * rows + row] = *sum;
        }
    }
}
