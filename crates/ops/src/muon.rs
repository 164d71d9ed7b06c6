//! Muon: momentum, made orthogonal, as the update of a hidden matrix (Jordan et al. 2024).

use rayon::prelude::*;

use crate::FlatBuffer;
use crate::flex::{Buffer, Matrix, MatrixMut, Product, gemm, sum_of_products, vectorized};
use crate::precision::Precision;
use crate::profile::{Timed, timed};

/// Coefficients of the quintic iteration: it need not end at one, only grow small singular values fast.
const QUINTIC: [f32; 3] = [3.4445, -4.7750, 2.0315];
/// A matrix is divided by its norm, or by this where that is smaller: zeros stay zeros.
const SMALLEST_NORM: f64 = 1e-7;
/// Elements of a task.
const TASK_ELEMENTS: usize = 16 * 1024;

/// The numbers of one Muon update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MuonCoefficients {
    /// Step size of this update.
    pub learning_rate: f32,
    /// Share of the old momentum.
    pub momentum: f32,
    /// Whether the gradient is mixed in once more.
    pub nesterov: bool,
    /// Rounds of the Newton-Schulz iteration.
    pub newton_schulz_steps: usize,
    /// Decoupled decay: weights shrink by `learning_rate * weight_decay`.
    pub weight_decay: f32,
    /// Factor on every gradient: normalization and clipping in one.
    pub gradient_scale: f32,
    /// Operands of the iteration's products.
    pub precision: Precision,
}

/// With `m ← μ m + (1 - μ) g` and `u = μ m + (1 - μ) g` (without Nesterov: `u = m`):
/// `w ← w - lr (0.2 √max(rows, columns) orthogonal(u) + decay w)`, in place.
///
/// The factor gives the update the root mean square that AdamW's has, so both share a learning rate and a decay
/// (Liu et al. 2025, arXiv 2502.16982).
///
/// # Shapes
/// - `[rows, columns]` of each buffer from `start` on
///
/// # Panics
/// If a buffer ends before.
pub fn muon_update(
    weights: &mut FlatBuffer,
    gradients: &FlatBuffer,
    momentum: &mut FlatBuffer,
    start: usize,
    [rows, columns]: [usize; 2],
    coefficients: &MuonCoefficients,
) {
    let c = *coefficients;
    let range = start..start + rows * columns;
    timed(Timed::Optimizer, || {
        let mut update = Buffer::any(rows * columns);
        momentum.host_mut()[range.clone()]
            .par_chunks_mut(TASK_ELEMENTS)
            .zip(gradients.host()[range.clone()].par_chunks(TASK_ELEMENTS))
            .zip(update.par_chunks_mut(TASK_ELEMENTS))
            .for_each(|((momentum, gradients), update)| {
                vectorized(
                    #[inline(always)]
                    || {
                        for ((m, gradient), update) in
                            momentum.iter_mut().zip(gradients).zip(update)
                        {
                            let gradient = (1.0 - c.momentum) * gradient * c.gradient_scale;
                            *m = c.momentum * *m + gradient;
                            *update = if c.nesterov {
                                c.momentum * *m + gradient
                            } else {
                                *m
                            };
                        }
                    },
                );
            });
        let update = orthogonal(update, [rows, columns], c.newton_schulz_steps, c.precision);
        let step = c.learning_rate * 0.2 * (rows.max(columns) as f32).sqrt();
        let shrink = 1.0 - c.learning_rate * c.weight_decay;
        weights.host_mut()[range]
            .par_chunks_mut(TASK_ELEMENTS)
            .zip(update.par_chunks(TASK_ELEMENTS))
            .for_each(|(weights, update)| {
                vectorized(
                    #[inline(always)]
                    || {
                        for (weight, update) in weights.iter_mut().zip(update) {
                            *weight = shrink * *weight - step * update;
                        }
                    },
                );
            });
    });
}

/// A matrix with the same singular vectors and singular values near one (0.7 to 1.2 after five steps):
/// `x ← a x + (b s + c s²) x` with `s = x xᵀ`, from `x` over its norm, on the shorter side.
fn orthogonal(
    update: Buffer,
    [rows, columns]: [usize; 2],
    steps: usize,
    precision: Precision,
) -> Buffer {
    let wide = rows <= columns;
    let mut x = if wide {
        update
    } else {
        transposed(&update, [rows, columns])
    };
    let (short, long) = (rows.min(columns), rows.max(columns));
    let squares: f64 = x
        .chunks(1024)
        .map(|values| {
            vectorized(
                #[inline(always)]
                || f64::from(sum_of_products(values, values)),
            )
        })
        .sum();
    let factor = (1.0 / squares.sqrt().max(SMALLEST_NORM)) as f32;
    x.iter_mut().for_each(|value| *value *= factor);
    let [a, b, c] = QUINTIC;
    let mut gram = Buffer::any(short * short);
    let mut mix = Buffer::any(short * short);
    let mut next = Buffer::any(short * long);
    for _ in 0..steps {
        let product = Product::new(precision);
        let rows_of_x = Matrix::rows(&x, short, long);
        gemm(
            MatrixMut::rows(&mut gram, short, short),
            rows_of_x,
            rows_of_x.transposed(),
            product,
        );
        // b s + c s², and the a of the diagonal: one product less.
        for (mix, gram) in mix.iter_mut().zip(&*gram) {
            *mix = b * gram;
        }
        let rows_of_gram = Matrix::rows(&gram, short, short);
        gemm(
            MatrixMut::rows(&mut mix, short, short),
            rows_of_gram,
            rows_of_gram,
            Product::added(precision).times(c),
        );
        next.copy_from_slice(&x);
        next.iter_mut().for_each(|value| *value *= a);
        gemm(
            MatrixMut::rows(&mut next, short, long),
            Matrix::rows(&mix, short, short),
            rows_of_x,
            Product::added(precision),
        );
        std::mem::swap(&mut x, &mut next);
    }
    if wide {
        x
    } else {
        transposed(&x, [short, long])
    }
}

/// `[columns, rows]` of a `[rows, columns]` matrix, in squares that stay in the cache.
fn transposed(values: &[f32], [rows, columns]: [usize; 2]) -> Buffer {
    const SIDE: usize = 32;
    let mut out = Buffer::any(values.len());
    out.par_chunks_mut(SIDE * rows)
        .enumerate()
        .for_each(|(block, out)| {
            let first = block * SIDE;
            for row in (0..rows).step_by(SIDE) {
                for (column, out) in out.chunks_exact_mut(rows).enumerate() {
                    for row in row..rows.min(row + SIDE) {
                        out[row] = values[row * columns + first + column];
                    }
                }
            }
        });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(rows: usize, columns: usize) -> Buffer {
        let mut values = Buffer::any(rows * columns);
        let mut state = 3u32;
        for value in values.iter_mut() {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *value = (state >> 8) as f32 / (1u32 << 23) as f32 - 1.0;
        }
        values
    }

    /// `x xᵀ` on the shorter side has the squares of the singular values for eigenvalues; those of a random matrix end
    /// between 0.7 and 1.2.
    #[test]
    fn singular_values_end_near_one() {
        for (rows, columns) in [(24, 60), (60, 24), (1, 7), (16, 1)] {
            for precision in [Precision::F32, Precision::Bf16] {
                let x = orthogonal(matrix(rows, columns), [rows, columns], 5, precision);
                let short = rows.min(columns);
                let side = |i: usize, k: usize| {
                    let (row, column) = if rows <= columns { (i, k) } else { (k, i) };
                    f64::from(x[row * columns + column])
                };
                let mut trace = 0.0;
                for i in 0..short {
                    let mut off_diagonal = 0.0;
                    for j in 0..short {
                        let entry: f64 = (0..rows.max(columns))
                            .map(|k| side(i, k) * side(j, k))
                            .sum();
                        if i == j {
                            trace += entry;
                            assert!((0.4..1.5).contains(&entry), "{rows} x {columns}: {entry}");
                        } else {
                            off_diagonal += entry.abs();
                        }
                    }
                    assert!(
                        off_diagonal < 2.5,
                        "{rows} x {columns}: row {i} has {off_diagonal}"
                    );
                }
                let mean = trace / short as f64;
                assert!((0.45..1.45).contains(&mean), "{rows} x {columns}: {mean}");
            }
        }
    }

    #[test]
    fn a_transposed_matrix_is_updated_alike() {
        let wide = matrix(20, 50);
        let tall = transposed(&wide, [20, 50]);
        let one = orthogonal(wide, [20, 50], 5, Precision::F32);
        let other = orthogonal(tall, [50, 20], 5, Precision::F32);
        assert_eq!(transposed(&one, [20, 50])[..], other[..]);
    }

    #[test]
    fn nothing_moves_a_matrix_without_a_gradient_but_decay() {
        let [mut weights, gradients, mut momentum] = std::array::from_fn(|_| FlatBuffer::zeros(12));
        weights.host_mut().fill(2.0);
        let coefficients = MuonCoefficients {
            learning_rate: 0.1,
            momentum: 0.95,
            nesterov: true,
            newton_schulz_steps: 5,
            weight_decay: 0.5,
            gradient_scale: 1.0,
            precision: Precision::F32,
        };
        muon_update(
            &mut weights,
            &gradients,
            &mut momentum,
            4,
            [2, 4],
            &coefficients,
        );
        assert_eq!(weights.host()[..4], [2.0; 4]);
        assert_eq!(weights.host()[4..], [1.9; 8]);
    }
}
