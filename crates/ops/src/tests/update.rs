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

#[test]
fn adamw_moves_as_the_formula_says() {
    use crate::{AdamWCoefficients, FlatBuffer, adamw_update, global_norm_squared};
    let len = 40_000;
    let [mut weights, mut gradients, mut m, mut v] =
        std::array::from_fn(|_| FlatBuffer::zeros(len));
    weights.host_mut().fill(2.0);
    gradients
        .host_mut()
        .iter_mut()
        .enumerate()
        .for_each(|(i, g)| *g = if i % 2 == 0 { 0.5 } else { -0.25 });
    assert!((global_norm_squared(&gradients, 0..len) - 20_000.0 * (0.25 + 0.0625)).abs() < 1e-6);
    let c = AdamWCoefficients {
        learning_rate: 0.1,
        beta1: 0.9,
        beta2: 0.95,
        eps: 1e-8,
        weight_decay: 0.01,
        bias_correction1: 0.1,
        bias_correction2: 0.05,
        gradient_scale: 2.0,
    };
    adamw_update(&mut weights, &gradients, &mut m, &mut v, 0..len, &c);
    // On the first step the direction is the gradient's sign.
    assert!((weights.host()[0] - (2.0 - 0.1 * (1.0 + 0.02))).abs() < 1e-5);
    assert!((weights.host()[1] - (2.0 - 0.1 * (-1.0 + 0.02))).abs() < 1e-5);
    assert!((m.host()[0] - 0.1).abs() < 1e-6 && (v.host()[0] - 0.05).abs() < 1e-6);
    gradients.host_mut()[3] = f32::NAN;
    assert!(!global_norm_squared(&gradients, 0..len).is_finite());
}
