//! The global gradient norm, clipping, and the search for values that are not finite.

use jikji_model::Store;
use jikji_ops::global_norm_squared;

/// L2 norm over all gradients together; NaN or infinite if any gradient is.
pub fn global_norm(gradients: &Store) -> f64 {
    let squares: f64 = gradients
        .buffers()
        .values()
        .map(|buffer| global_norm_squared(buffer, 0..buffer.len()))
        .sum();
    squares.sqrt()
}

/// The factor that scales a gradient of this norm down to `max_grad_norm`; 1 if the norm is not
/// larger, or without a limit.
pub fn clip_factor(norm: f64, max_grad_norm: Option<f64>) -> f64 {
    match max_grad_norm {
        Some(max) if norm > max => max / norm,
        _ => 1.0,
    }
}

/// Published name of the first parameter with a value that is not finite. `values` are weights or
/// gradients.
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
