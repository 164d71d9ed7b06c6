//! The direction in which the rows of a matrix tell how frequent their tokens are.
//!
//! Hidden states have a mean, and the product of a row with it is what the token's logit is on average: rows of frequent tokens
//! point along it. So the logarithm of a token's frequency is nearly linear in its row, and least squares find the direction.

use std::cmp::Reverse;

use rayon::prelude::*;

use super::super::extend::{Rows, row};
use super::add;
use crate::model_folder::ModelFolder;

/// Rows that are fitted at most: those of the most frequent tokens.
const MOST_ROWS: usize = 1 << 14;

/// Tokens that occur less often in every million say little.
const LEAST_PER_MILLION: f64 = 0.3;

/// Added to a frequency: the logarithm of one that was not seen.
const UNSEEN_PER_MILLION: f64 = 0.05;

/// Ridge, as a part of the mean of the squares of all directions.
const RIDGE: f64 = 0.1;

/// Of conjugate gradients; the ridge keeps the problem well conditioned.
const STEPS: usize = 100;

/// Of the first residual.
const TOLERANCE: f64 = 1e-6;

/// Fewer rows than this for each dimension fit by chance.
const LEAST_ROWS_PER_DIMENSION: usize = 2;

pub(super) struct FrequencyDirection {
    direction: Vec<f32>,
    square: f64,
    offset: f64,
}

impl FrequencyDirection {
    /// From the rows of tokens that are not new, with their frequencies. `None` where there are too few.
    pub(super) fn fit(
        folder: &ModelFolder,
        parameter: usize,
        new: &Rows,
        per_million: &[f64],
    ) -> Option<Self> {
        let dims = folder.decoder().hidden_size;
        let rows = folder.config().vocab_size.min(per_million.len());
        let mut ids: Vec<u32> = (0..rows as u32)
            .filter(|id| per_million[*id as usize] > LEAST_PER_MILLION && !new.contains_key(id))
            .collect();
        ids.sort_by(|a, b| {
            let [a, b] = [*a, *b].map(|id| (per_million[id as usize], Reverse(id)));
            b.0.total_cmp(&a.0).then(b.1.cmp(&a.1))
        });
        ids.truncate(MOST_ROWS);
        if ids.len() < LEAST_ROWS_PER_DIMENSION * dims {
            return None;
        }
        let rows: Vec<Vec<f32>> = ids.iter().map(|id| row(folder, parameter, *id)).collect();
        let targets = ids
            .iter()
            .map(|id| (per_million[*id as usize] + UNSEEN_PER_MILLION).ln());
        Self::of(rows, &targets.collect::<Vec<_>>())
    }

    fn of(mut rows: Vec<Vec<f32>>, targets: &[f64]) -> Option<Self> {
        let count = rows.len() as f64;
        let mut mean = vec![0.0; rows.first()?.len()];
        for row in &rows {
            add(&mut mean, row, (1.0 / count) as f32);
        }
        for row in &mut rows {
            add(row, &mean, -1.0);
        }
        let mean_target = targets.iter().sum::<f64>() / count;
        let centred: Vec<f64> = targets.iter().map(|target| target - mean_target).collect();
        let direction = ridge(&rows, &centred);
        let square = dot(&direction, &direction);
        (square > 0.0).then(|| Self {
            offset: mean_target - dot(&mean, &direction),
            square,
            direction,
        })
    }

    /// Moves a row until it tells this frequency.
    pub(super) fn bring(&self, row: &mut [f32], per_million: f64) {
        let told = dot(row, &self.direction) + self.offset;
        let target = (per_million + UNSEEN_PER_MILLION).ln();
        add(row, &self.direction, ((target - told) / self.square) as f32);
    }
}

/// The weights with which centred rows give centred targets, by conjugate gradients on the normal equations.
fn ridge(rows: &[Vec<f32>], targets: &[f64]) -> Vec<f32> {
    let dims = rows.first().map_or(0, Vec::len);
    let squares: f64 = rows.iter().map(|row| dot(row, row)).sum();
    let ridge = RIDGE * squares / dims.max(1) as f64;
    let mut weights = vec![0.0_f64; dims];
    let mut residual = weighted_sum(rows, targets);
    let mut step = residual.clone();
    let mut size: f64 = residual.iter().map(|value| value * value).sum();
    let enough = size * TOLERANCE * TOLERANCE;
    for _ in 0..STEPS {
        if size <= enough {
            break;
        }
        let step_f32: Vec<f32> = step.iter().map(|value| *value as f32).collect();
        let products: Vec<f64> = rows.par_iter().map(|row| dot(row, &step_f32)).collect();
        let mut image = weighted_sum(rows, &products);
        for (image, step) in image.iter_mut().zip(&step) {
            *image += ridge * step;
        }
        let curvature: f64 = image
            .iter()
            .zip(&step)
            .map(|(image, step)| image * step)
            .sum();
        let length = size / curvature;
        for (weight, step) in weights.iter_mut().zip(&step) {
            *weight += length * step;
        }
        for (residual, image) in residual.iter_mut().zip(&image) {
            *residual -= length * image;
        }
        let before = size;
        size = residual.iter().map(|value| value * value).sum();
        for (step, residual) in step.iter_mut().zip(&residual) {
            *step = residual + size / before * *step;
        }
    }
    weights.iter().map(|weight| *weight as f32).collect()
}

/// Summed in parts of one size, in their order: threads do not show in the result.
fn weighted_sum(rows: &[Vec<f32>], weights: &[f64]) -> Vec<f64> {
    const PART: usize = 256;
    let dims = rows.first().map_or(0, Vec::len);
    let parts: Vec<Vec<f64>> = rows
        .par_chunks(PART)
        .zip(weights.par_chunks(PART))
        .map(|(rows, weights)| {
            let mut sum = vec![0.0; dims];
            for (row, weight) in rows.iter().zip(weights) {
                for (sum, value) in sum.iter_mut().zip(row) {
                    *sum += weight * f64::from(*value);
                }
            }
            sum
        })
        .collect();
    let mut total = vec![0.0; dims];
    for part in parts {
        total
            .iter_mut()
            .zip(part)
            .for_each(|(total, part)| *total += part);
    }
    total
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(a, b)| f64::from(*a) * f64::from(*b))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_moved_to_the_frequency_of_its_token() {
        let dims = 8;
        let row = |index: usize| -> Vec<f32> {
            (0..dims)
                .map(|dim| (((index * 37 + dim * 101) % 97) as f32 - 48.0) / 48.0)
                .collect()
        };
        let truth: Vec<f32> = (0..dims).map(|dim| 0.3 * dim as f32 - 1.0).collect();
        let rows: Vec<Vec<f32>> = (0..400).map(row).collect();
        let targets: Vec<f64> = rows.iter().map(|row| dot(row, &truth) + 2.0).collect();
        let direction = FrequencyDirection::of(rows, &targets).unwrap();
        // A ridge shortens the weights; they point where they should.
        let cosine =
            dot(&direction.direction, &truth) / (direction.square * dot(&truth, &truth)).sqrt();
        assert!(cosine > 0.999, "{cosine}");
        let mut moved = row(1000);
        direction.bring(&mut moved, 5.0);
        let told = dot(&moved, &direction.direction) + direction.offset;
        assert!((told - 5.05_f64.ln()).abs() < 1e-5, "{told}");
    }

    #[test]
    fn the_weights_solve_the_normal_equations() {
        let rows: Vec<Vec<f32>> = (0..50)
            .map(|index| {
                (0..5)
                    .map(|dim| ((index * 7 + dim * 13) % 11) as f32 - 5.0)
                    .collect()
            })
            .collect();
        let targets: Vec<f64> = (0..50).map(|index| f64::from(index % 9) - 4.0).collect();
        let weights = ridge(&rows, &targets);
        let squares: f64 = rows.iter().map(|row| dot(row, row)).sum();
        let errors: Vec<f64> = rows
            .iter()
            .zip(&targets)
            .map(|(row, target)| dot(row, &weights) - target)
            .collect();
        for (gradient, weight) in weighted_sum(&rows, &errors).iter().zip(&weights) {
            let gradient = gradient + RIDGE * squares / 5.0 * f64::from(*weight);
            assert!(gradient.abs() < 1e-3, "{gradient}");
        }
    }
}
