//! What the optimizers do to flat buffers, against their formulas.

use super::*;

#[test]
fn muon_moves_as_the_formula_says() {
    use crate::{FlatBuffer, MuonCoefficients, muon_update};
    let (rows, columns, start) = (10, 23, 5);
    let mut random = Random(30);
    let given = random.floats([rows, columns]);
    let [mut weights, mut gradients, mut momentum] =
        std::array::from_fn(|_| FlatBuffer::zeros(rows * columns + start));
    weights.host_mut().fill(2.0);
    gradients.host_mut()[start..].copy_from_slice(&values(given.clone()));
    let c = MuonCoefficients {
        learning_rate: 0.1,
        momentum: 0.9,
        nesterov: true,
        newton_schulz_steps: 5,
        weight_decay: 0.3,
        gradient_scale: 0.5,
        precision: Precision::F32,
    };
    muon_update(
        &mut weights,
        &gradients,
        &mut momentum,
        start,
        [rows, columns],
        &c,
    );
    let expected_momentum = values(given.clone() * 0.05);
    assert_close("momentum", &momentum.host()[start..], &expected_momentum);
    // One gradient alone: momentum and gradient have one direction, and the norm goes.
    let step = 0.1 * 0.2 * (columns as f32).sqrt();
    let expected = reference::orthogonal(given, 5) * -step + (1.0 - 0.1 * 0.3) * 2.0;
    assert_close("weights", &weights.host()[start..], &values(expected));
    assert!(weights.host()[..start].iter().all(|w| *w == 2.0));
}

/// Three updates of a part of the buffers, beside the formula in f64.
#[test]
fn adamw_moves_as_the_formula_says() {
    use crate::{AdamWCoefficients, FlatBuffer, adamw_update};
    let (len, range) = (40_000, 5..39_990);
    let [mut weights, mut gradients, mut m, mut v] =
        std::array::from_fn(|_| FlatBuffer::zeros(len));
    let mut random = Random(31);
    weights
        .host_mut()
        .copy_from_slice(&values(random.floats([len])));
    let mut expected: Vec<[f64; 3]> = weights
        .host()
        .iter()
        .map(|w| [f64::from(*w), 0.0, 0.0])
        .collect();
    let (beta1, beta2, learning_rate, weight_decay, scale) = (0.9, 0.95, 0.1, 0.01, 2.0);
    for step in 1..=3 {
        gradients
            .host_mut()
            .copy_from_slice(&values(random.floats([len])));
        let c = AdamWCoefficients {
            learning_rate: learning_rate as f32,
            beta1: beta1 as f32,
            beta2: beta2 as f32,
            eps: 1e-3,
            weight_decay: weight_decay as f32,
            bias_correction1: (1.0 - f64::powi(beta1, step)) as f32,
            bias_correction2: (1.0 - f64::powi(beta2, step)) as f32,
            gradient_scale: scale as f32,
        };
        adamw_update(&mut weights, &gradients, &mut m, &mut v, range.clone(), &c);
        for (index, [w, m, v]) in expected.iter_mut().enumerate() {
            if range.contains(&index) {
                let gradient = f64::from(gradients.host()[index]) * scale;
                *m = beta1 * *m + (1.0 - beta1) * gradient;
                *v = beta2 * *v + (1.0 - beta2) * gradient * gradient;
                let m_hat = *m / (1.0 - f64::powi(beta1, step));
                let v_hat = *v / (1.0 - f64::powi(beta2, step));
                *w -= learning_rate * (m_hat / (v_hat.sqrt() + 1e-3) + weight_decay * *w);
            }
        }
    }
    for (part, buffer) in [&weights, &m, &v].into_iter().enumerate() {
        let expected: Vec<f32> = expected.iter().map(|state| state[part] as f32).collect();
        assert_close(&format!("part {part}"), buffer.host(), &expected);
    }
}

#[test]
fn the_norm_sums_all_squares_and_shows_what_is_not_finite() {
    use crate::{FlatBuffer, global_norm_squared};
    let mut gradients = FlatBuffer::zeros(40_000);
    let drawn = |(i, g): (usize, &mut f32)| *g = if i % 2 == 0 { 0.5 } else { -0.25 };
    gradients.host_mut().iter_mut().enumerate().for_each(drawn);
    let norm = |gradients: &FlatBuffer, range| global_norm_squared(gradients, range);
    assert!((norm(&gradients, 0..40_000) - 20_000.0 * (0.25 + 0.0625)).abs() < 1e-6);
    assert!((norm(&gradients, 1..3) - (0.25 + 0.0625)).abs() < 1e-12);
    gradients.host_mut()[3] = f32::NAN;
    assert!(!norm(&gradients, 0..40_000).is_finite());
}
