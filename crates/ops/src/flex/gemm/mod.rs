//! Matrix products on slices. Who computes one is chosen at run time by the processor:
//!
//! | operands | processor | computed by |
//! | --- | --- | --- |
//! | f32 | AVX-512 | [`avx512`] in the blocks of [`packed`] |
//! | either, four rows or fewer | any | [`few_rows`] |
//! | f32 | any other | the crate `gemm` (AVX2, NEON) |
//! | bf16 | AVX512-BF16 | [`avx512`] in the blocks of [`packed`] |
//! | bf16 | any other | operands rounded, then as f32 |
//!
//! Sums are in f32 in every case, and in an order that depends on the sizes alone.

#[cfg(target_arch = "x86_64")]
mod avx512;
mod few_rows;
#[cfg(target_arch = "x86_64")]
mod packed;
#[cfg(test)]
mod tests;

use std::ops::Range;

use super::lanes::round_to_bf16;
use crate::precision::Precision;

/// A read-only matrix in a slice, with strides in elements.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// Row after row, nothing between them.
    pub(crate) fn rows(data: &'a [f32], rows: usize, columns: usize) -> Self {
        Self::strided(data, rows, columns, columns)
    }

    /// Row after row, `row_stride` elements from one row's start to the next.
    pub(crate) fn strided(data: &'a [f32], rows: usize, columns: usize, row_stride: usize) -> Self {
        Self {
            data: &data[..extent(rows, columns, row_stride)],
            rows,
            columns,
            row_stride,
            column_stride: 1,
        }
    }

    /// Some of its rows and columns, and nothing of its data but what lies between their first and last element.
    fn part(self, rows: Range<usize>, columns: Range<usize>) -> Self {
        let at = |row: usize, column: usize| row * self.row_stride + column * self.column_stride;
        let data = if rows.is_empty() || columns.is_empty() {
            &[]
        } else {
            &self.data[at(rows.start, columns.start)..=at(rows.end - 1, columns.end - 1)]
        };
        Self {
            data,
            rows: rows.len(),
            columns: columns.len(),
            ..self
        }
    }

    pub(crate) fn transposed(self) -> Self {
        Self {
            data: self.data,
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
        }
    }
}

/// A row-major matrix to write to, `row_stride` elements from one row's start to the next.
pub(crate) struct MatrixMut<'a> {
    data: &'a mut [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
}

impl<'a> MatrixMut<'a> {
    /// Row after row, nothing between them.
    pub(crate) fn rows(data: &'a mut [f32], rows: usize, columns: usize) -> Self {
        Self::strided(data, rows, columns, columns)
    }

    /// Row after row, `row_stride` elements from one row's start to the next.
    pub(crate) fn strided(
        data: &'a mut [f32],
        rows: usize,
        columns: usize,
        row_stride: usize,
    ) -> Self {
        assert!(row_stride >= columns, "rows of a result do not overlap");
        Self {
            data: &mut data[..extent(rows, columns, row_stride)],
            rows,
            columns,
            row_stride,
        }
    }
}

/// Elements from the first to the last of a row-major matrix.
fn extent(rows: usize, columns: usize, row_stride: usize) -> usize {
    if rows == 0 || columns == 0 {
        0
    } else {
        (rows - 1) * row_stride + columns
    }
}

/// Who works on a product: inside a parallel region each product stays on its thread.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Threads {
    One,
    All,
}

/// What of a product need not be computed, because a query sees no later key: with `d` the difference between the positions of
/// the first row and the first column. Kernels may skip it or not.
#[derive(Clone, Copy)]
pub(crate) enum Causal {
    /// All of it is needed.
    No,
    /// Of the result's row `r`, what comes after column `r + d` is not needed, and may be left as it was.
    Result(usize),
    /// Of row `r` of `a`, what comes after column `r + d` is zero.
    Rows(usize),
    /// Of column `c` of `a`, what comes after row `c + d` is zero.
    Columns(usize),
}

/// How a product is taken: `out = factor · a b`, or `out += factor · a b`.
#[derive(Clone, Copy)]
pub(crate) struct Product {
    pub(crate) factor: f32,
    pub(crate) accumulate: bool,
    pub(crate) precision: Precision,
    pub(crate) threads: Threads,
    pub(crate) causal: Causal,
}

impl Product {
    /// `out = a b` on all threads.
    pub(crate) const fn new(precision: Precision) -> Self {
        Self {
            factor: 1.0,
            accumulate: false,
            precision,
            threads: Threads::All,
            causal: Causal::No,
        }
    }

    /// `out += a b` on all threads.
    pub(crate) const fn added(precision: Precision) -> Self {
        Self {
            accumulate: true,
            ..Self::new(precision)
        }
    }

    pub(crate) const fn times(self, factor: f32) -> Self {
        Self { factor, ..self }
    }

    pub(crate) const fn causal(self, causal: Causal) -> Self {
        Self { causal, ..self }
    }

    pub(crate) const fn on_this_thread(self) -> Self {
        Self {
            threads: Threads::One,
            ..self
        }
    }
}

/// Whether products of bf16 operands have instructions of their own here, or run in f32 after rounding.
pub(crate) fn has_bf16_products() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        avx512::Kernel::bf16().is_some()
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}

/// `[m, n] = [m, k] x [k, n]`.
pub(crate) fn gemm(out: MatrixMut<'_>, a: Matrix<'_>, b: Matrix<'_>, product: Product) {
    assert_eq!(a.columns, b.rows, "inner dimensions of a product");
    assert_eq!(
        [out.rows, out.columns],
        [a.rows, b.columns],
        "size of a product"
    );
    if out.rows == 0 || out.columns == 0 {
        return;
    }
    if out.rows <= few_rows::FEW_ROWS && (b.row_stride == 1 || b.column_stride == 1) {
        return few_rows::gemm(out, a, b, product);
    }
    #[cfg(target_arch = "x86_64")]
    if let Some(kernel) = kernel(product.precision) {
        return packed::gemm(kernel, out, a, b, product);
    }
    anywhere(out, a, b, product);
}

/// The right operand of many products, packed once where kernels of our own read it.
pub(crate) struct Columns<'a> {
    matrix: Matrix<'a>,
    #[cfg(target_arch = "x86_64")]
    packed: Option<packed::Columns>,
}

impl<'a> Columns<'a> {
    /// Parts begin at multiples of this.
    pub(crate) const BORDER: usize = 32;

    /// Packs on this thread, for products of this precision.
    pub(crate) fn new(matrix: Matrix<'a>, precision: Precision) -> Self {
        Self {
            matrix,
            #[cfg(target_arch = "x86_64")]
            packed: kernel(precision).map(|kernel| packed::Columns::new(kernel, matrix)),
        }
    }

    /// `[m, n] = [m, k] x [k, n]` with the `k` rows `inner` and the `n` columns from `first_column` on; both begin at a multiple
    /// of [`BORDER`](Self::BORDER).
    pub(crate) fn multiply(
        &self,
        #[cfg_attr(not(target_arch = "x86_64"), expect(unused_mut))] mut out: MatrixMut<'_>,
        a: Matrix<'_>,
        inner: Range<usize>,
        first_column: usize,
        product: Product,
    ) {
        assert_eq!(a.columns, inner.len(), "inner dimensions of a product");
        assert_eq!(out.rows, a.rows, "rows of a product");
        if out.rows == 0 || out.columns == 0 {
            return;
        }
        #[cfg(target_arch = "x86_64")]
        if let Some(packed) = &self.packed {
            return packed.multiply(&mut out, a, inner, first_column, product);
        }
        let columns = first_column..first_column + out.columns;
        gemm(out, a, self.matrix.part(inner, columns), product);
    }
}

/// Kernels of our own for this precision, if this processor has what they need.
#[cfg(target_arch = "x86_64")]
fn kernel(precision: Precision) -> Option<avx512::Kernel> {
    match precision {
        Precision::F32 => avx512::Kernel::f32(),
        Precision::Bf16 => avx512::Kernel::bf16(),
    }
}

/// For a processor without kernels of our own.
fn anywhere(out: MatrixMut<'_>, a: Matrix<'_>, b: Matrix<'_>, product: Product) {
    match product.precision {
        Precision::F32 => through_crate(out, a, b, product),
        Precision::Bf16 => {
            let (rounded_a, rounded_b) = (round_to_bf16(a.data), round_to_bf16(b.data));
            let a = Matrix {
                data: &rounded_a,
                ..a
            };
            let b = Matrix {
                data: &rounded_b,
                ..b
            };
            through_crate(out, a, b, product);
        }
    }
}

fn through_crate(out: MatrixMut<'_>, a: Matrix<'_>, b: Matrix<'_>, product: Product) {
    let parallelism = match product.threads {
        Threads::One => gemm::Parallelism::None,
        Threads::All => gemm::Parallelism::Rayon(0),
    };
    // SAFETY: the constructors of `Matrix` and `MatrixMut` cut their slices so that every element their strides reach
    // lies inside, the sizes fit each other (asserted by the caller), and shared and mutable slices cannot overlap.
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
