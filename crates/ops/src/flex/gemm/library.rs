//! Products by the crate `gemm`, on processors for which there are no kernels of our own.
//!
//! On x86-64 its kernels take a hundred times as long where a product is subnormal, so operands
//! whose products with every element of the other operand would be subnormal are given to it as
//! zeros, in a copy. Products of numbers in between are left to it. Other processors multiply
//! subnormal numbers as fast as any.

#![expect(
    clippy::inline_always,
    reason = "code is compiled for the wider instructions only where it is inlined into `vectorized`"
)]

use rayon::prelude::*;

use super::{Matrix, MatrixMut, Product, Threads};
use crate::flex::buffer::Buffer;
use crate::flex::lanes::{rounded_to_bf16, vectorized};
use crate::flex::subnormal::{above, floor_for};
use crate::precision::Precision;

/// Rows of an operand that one task reads.
const TASK_ROWS: usize = 64;

/// See [`gemm`](super::gemm). What is already rounded to bf16 is not rounded again.
pub(super) fn gemm(
    out: MatrixMut<'_>,
    a: Matrix<'_>,
    b: Matrix<'_>,
    product: Product,
    b_is_rounded: bool,
) {
    let [a_floor, b_floor] = floors(a, b, product.threads);
    let rounds = product.precision == Precision::Bf16;
    let a_copy = Copied::where_needed(a, rounds, a_floor, product.threads);
    let b_copy = Copied::where_needed(b, rounds && !b_is_rounded, b_floor, product.threads);
    multiply(
        out,
        a_copy.as_ref().map_or(a, Copied::matrix),
        b_copy.as_ref().map_or(b, Copied::matrix),
        product,
    );
}

/// An operand's own memory: rounded, and without numbers below a floor.
pub(super) struct Copied {
    values: Buffer,
    rows: usize,
    columns: usize,
    /// Whether columns lie one after the other instead of rows.
    transposed: bool,
}

impl Copied {
    /// An operand rounded to bf16, for many products.
    pub(super) fn rounded(matrix: Matrix<'_>) -> Self {
        Self::new(matrix, true, None, Threads::One)
    }

    fn where_needed(
        matrix: Matrix<'_>,
        rounds: bool,
        floor: Option<f32>,
        threads: Threads,
    ) -> Option<Self> {
        (rounds || floor.is_some()).then(|| Self::new(matrix, rounds, floor, threads))
    }

    fn new(matrix: Matrix<'_>, rounds: bool, floor: Option<f32>, threads: Threads) -> Self {
        let transposed = matrix.column_stride != 1;
        let stored = stored_rows(matrix);
        let floor = floor.unwrap_or(0.0);
        let mut values = Buffer::any(stored.rows * stored.columns);
        let copy = |(task, out): (usize, &mut [f32])| {
            vectorized(
                #[inline(always)]
                || {
                    for (row, out) in out.chunks_exact_mut(stored.columns).enumerate() {
                        let read = stored.row(task * TASK_ROWS + row);
                        for (out, value) in out.iter_mut().zip(read) {
                            let value = above(*value, floor);
                            *out = if rounds {
                                rounded_to_bf16(value)
                            } else {
                                value
                            };
                        }
                    }
                },
            );
        };
        let task = TASK_ROWS * stored.columns.max(1);
        match threads {
            Threads::One => values.chunks_mut(task).enumerate().for_each(copy),
            Threads::All => values.par_chunks_mut(task).enumerate().for_each(copy),
        }
        Self {
            values,
            rows: stored.rows,
            columns: stored.columns,
            transposed,
        }
    }

    pub(super) fn matrix(&self) -> Matrix<'_> {
        let matrix = Matrix::rows(&self.values, self.rows, self.columns);
        if self.transposed {
            matrix.transposed()
        } else {
            matrix
        }
    }
}

/// The matrix, or its transpose, whose rows are without gaps.
fn stored_rows(matrix: Matrix<'_>) -> Matrix<'_> {
    let stored = if matrix.column_stride == 1 {
        matrix
    } else {
        matrix.transposed()
    };
    assert!(
        stored.column_stride == 1 || stored.columns <= 1,
        "an operand's rows or columns are without gaps"
    );
    stored
}

/// For each operand, the magnitude below which no product with an element of the other is normal,
/// if it has such elements.
fn floors(a: Matrix<'_>, b: Matrix<'_>, threads: Threads) -> [Option<f32>; 2] {
    if !cfg!(target_arch = "x86_64") {
        return [None, None];
    }
    let [of_a, of_b] = [a, b].map(|matrix| Magnitudes::of(matrix, threads));
    let floor = |own: Magnitudes, other: Magnitudes| {
        let floor = floor_for(other.largest());
        (own.smallest() < floor).then_some(floor)
    };
    [floor(of_a, of_b), floor(of_b, of_a)]
}

/// Bits of magnitudes, which are ordered as the magnitudes are.
#[derive(Clone, Copy)]
struct Magnitudes {
    largest: u32,
    /// One less than the smallest that is not zero.
    below_smallest: u32,
}

impl Magnitudes {
    const NONE: Self = Self {
        largest: 0,
        below_smallest: u32::MAX,
    };

    fn of(matrix: Matrix<'_>, threads: Threads) -> Self {
        let stored = stored_rows(matrix);
        if stored.columns == 0 {
            return Self::NONE;
        }
        let tasks = stored.rows.div_ceil(TASK_ROWS);
        let of_task = |task: usize| {
            vectorized(
                #[inline(always)]
                || {
                    let rows = task * TASK_ROWS..stored.rows.min((task + 1) * TASK_ROWS);
                    rows.flat_map(|row| stored.row(row))
                        .fold(Self::NONE, |found, value| found.with(*value))
                },
            )
        };
        match threads {
            Threads::One => (0..tasks).map(of_task).fold(Self::NONE, Self::and),
            Threads::All => (0..tasks)
                .into_par_iter()
                .map(of_task)
                .reduce(|| Self::NONE, Self::and),
        }
    }

    #[inline(always)]
    fn with(self, value: f32) -> Self {
        let bits = value.abs().to_bits();
        Self {
            largest: self.largest.max(bits),
            below_smallest: self.below_smallest.min(bits.wrapping_sub(1)),
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            largest: self.largest.max(other.largest),
            below_smallest: self.below_smallest.min(other.below_smallest),
        }
    }

    fn largest(self) -> f32 {
        f32::from_bits(self.largest)
    }

    fn smallest(self) -> f32 {
        f32::from_bits(
            self.below_smallest
                .wrapping_add(1)
                .min(f32::INFINITY.to_bits()),
        )
    }
}

/// The product of f32 operands as they are.
pub(super) fn multiply(out: MatrixMut<'_>, a: Matrix<'_>, b: Matrix<'_>, product: Product) {
    let parallelism = match product.threads {
        Threads::One => gemm::Parallelism::None,
        Threads::All => gemm::Parallelism::Rayon(0),
    };
    // SAFETY: the constructors of `Matrix` and `MatrixMut` cut their slices so that every element
    // their strides reach lies inside, the sizes fit each other (asserted by the caller), and
    // shared and mutable slices cannot overlap.
    #[expect(
        unsafe_code,
        reason = "the product's entry point takes pointers and strides"
    )]
    unsafe {
        gemm::gemm(
            a.rows,
            b.columns,
            a.columns,
            out.data.as_mut_ptr(),
            1,
            out.row_stride as isize,
            product.accumulate,
            a.data.as_ptr(),
            a.column_stride as isize,
            a.row_stride as isize,
            b.data.as_ptr(),
            b.column_stride as isize,
            b.row_stride as isize,
            1.0,
            product.factor,
            false,
            false,
            false,
            parallelism,
        );
    }
}
