//! How fast this machine multiplies matrices: the limit that a training step is held against.

use std::time::Instant;

use crate::FlatBuffer;
use crate::flex::{Matrix, MatrixMut, Product, gemm};
use crate::precision::Precision;
use crate::update::global_norm_squared;

/// Measured speed of matrix products of one format on all threads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MatrixRate {
    /// Multiplications and additions per second.
    pub flop_per_second: f64,
}

impl MatrixRate {
    /// The faster of two measurements: other programs can only slow one down.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            flop_per_second: self.flop_per_second.max(other.flop_per_second),
        }
    }
}

/// Multiplies 1,024 x 1,024 matrices a few times and takes the best: about a fifth of a second.
pub fn measure_matrix_rate(precision: Precision) -> MatrixRate {
    const SIZE: usize = 1024;
    let fastest = (0..8)
        .map(|_| time_products(&[[SIZE, SIZE, SIZE]], precision))
        .fold(f64::INFINITY, f64::min);
    MatrixRate {
        flop_per_second: 2.0 * (SIZE as f64).powi(3) / fastest,
    }
}

/// The middle of some times; of an even number, the mean of the two in the middle; of none, 0.
pub fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    match times.len() {
        0 => 0.0,
        len => f64::midpoint(times[(len - 1) / 2], times[len / 2]),
    }
}

/// Seconds to read every element of some buffers once, on all threads.
pub fn time_reading<'a>(buffers: impl Iterator<Item = &'a FlatBuffer>) -> f64 {
    let start = Instant::now();
    let sum: f64 = buffers
        .map(|buffer| global_norm_squared(buffer, 0..buffer.len()))
        .sum();
    std::hint::black_box(sum);
    start.elapsed().as_secs_f64()
}

/// Seconds of the products `[m, k] x [k, n]` given as `[m, k, n]`, alone, one after the other on all threads.
pub fn time_products(products: &[[usize; 3]], precision: Precision) -> f64 {
    let longest = |size: fn(&[usize; 3]) -> usize| products.iter().map(size).max().unwrap_or(0);
    let a = vec![0.5f32; longest(|[m, k, _]| m * k)];
    let b = vec![0.25f32; longest(|[_, k, n]| k * n)];
    let mut out = vec![0.0f32; longest(|[m, _, n]| m * n)];
    // Touch every page before the clock runs.
    out.fill(1.0);
    let start = Instant::now();
    for &[m, k, n] in products {
        // The second operand lies as a published weight does, `[out, in]`.
        let weight = Matrix::rows(&b[..k * n], n, k).transposed();
        gemm(
            MatrixMut::rows(&mut out, m, n),
            Matrix::rows(&a, m, k),
            weight,
            Product::new(precision),
        );
    }
    start.elapsed().as_secs_f64()
}
