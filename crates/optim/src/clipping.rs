//! The gradient's global norm: finite or not, clipped or not.

use jikji_model::Store;
use jikji_ops::global_norm_squared;

/// L2 norm of all gradients together.
pub fn global_norm(gradients: &Store) -> f64 {
    let squares: f64 = gradients
        .buffers()
        .values()
        .map(|buffer| global_norm_squared(buffer, 0..buffer.len()))
        .sum();
    squares.sqrt()
}

/// Factor that brings a norm down to `max_grad_norm`; 1 where it is below, or where there is no bound.
pub fn clip_factor(norm: f64, max_grad_norm: Option<f64>) -> f64 {
    match max_grad_norm {
        Some(max) if norm > max => max / norm,
        _ => 1.0,
    }
}

/// Published name of the first parameter with a value (a gradient, a weight) that is not finite.
pub fn non_finite_parameter(values: &Store) -> Option<String> {
    let parameters = values.layout().table().parameters();
    parameters
        .iter()
        .enumerate()
        .find_map(|(index, parameter)| {
            let values = values.values(index)?;
            values
                .iter()
                .any(|value| !value.is_finite())
                .then(|| parameter.name.clone())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clipping_bounds_the_norm_and_nothing_else() {
        assert_eq!(clip_factor(0.5, Some(1.0)), 1.0);
        assert_eq!(clip_factor(4.0, Some(1.0)), 0.25);
        assert_eq!(clip_factor(4.0, None), 1.0);
    }
}
