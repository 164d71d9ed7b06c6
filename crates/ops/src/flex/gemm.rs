//! Matrix products on slices, through the crate `gemm` (AVX-512, AVX2, NEON chosen at run time).

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
        let needed = if rows == 0 || columns == 0 {
            0
        } else {
            (rows - 1) * row_stride + columns
        };
        assert!(
            needed <= data.len(),
            "a {rows} x {columns} matrix needs {needed} elements, got {}",
            data.len()
        );
        Self {
            data,
            rows,
            columns,
            row_stride,
            column_stride: 1,
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

/// Who works on a product: inside a parallel region each product stays on its thread.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Threads {
    One,
    All,
}

/// `out = factor · a b`, or `out += factor · a b`; `out` is row-major without gaps.
pub(crate) fn gemm(
    out: &mut [f32],
    a: Matrix<'_>,
    b: Matrix<'_>,
    factor: f32,
    accumulate: bool,
    threads: Threads,
) {
    assert_eq!(a.columns, b.rows, "inner dimensions of a product");
    assert_eq!(out.len(), a.rows * b.columns, "size of a product");
    if out.is_empty() {
        return;
    }
    let parallelism = match threads {
        Threads::One => gemm::Parallelism::None,
        Threads::All => gemm::Parallelism::Rayon(0),
    };
    // SAFETY: `Matrix` checked on construction that every element its strides reach lies in its slice, `out` has
    // exactly rows x columns elements, and a shared and a mutable slice cannot overlap.
    #[expect(
        unsafe_code,
        reason = "the product's entry point takes pointers and strides"
    )]
    unsafe {
        gemm::gemm(
            a.rows,
            b.columns,
            a.columns,
            out.as_mut_ptr(),
            1,
            b.columns as isize,
            accumulate,
            a.data.as_ptr(),
            a.column_stride as isize,
            a.row_stride as isize,
            b.data.as_ptr(),
            b.column_stride as isize,
            b.row_stride as isize,
            1.0,
            factor,
            false,
            false,
            false,
            parallelism,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_follow_strides_and_accumulate() {
        let a: Vec<f32> = (0..12).map(|v| v as f32).collect(); // 3 x 2 inside rows of 4
        let b: Vec<f32> = (0..10).map(|v| v as f32 * 0.5).collect(); // 5 x 2, used transposed
        let (a, b) = (
            Matrix::strided(&a, 3, 2, 4),
            Matrix::rows(&b, 5, 2).transposed(),
        );
        let mut out = vec![1.0; 15];
        gemm(&mut out, a, b, 2.0, true, Threads::One);
        for row in 0..3 {
            for column in 0..5 {
                let expected: f32 = (0..2)
                    .map(|i| a.data[row * 4 + i] * b.data[column * 2 + i])
                    .sum();
                assert_eq!(out[row * 5 + column], 1.0 + 2.0 * expected);
            }
        }
    }
}
