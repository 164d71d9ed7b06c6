//! From log-probabilities to the loss and its derivative: all that an objective is.
//!
//! The loss of next-token prediction is linear in the log-probabilities, so its derivative is known before the forward
//! pass, and the head is [promised](jikji_model::Promise) it.

/// Derivative of the loss by each log-probability, `[batch, seq]`: the negative weight, divided by the targets counted in the
/// **whole** step. That makes the loss of a batch cut into micro-batches the loss of the batch.
pub(crate) fn next_token_derivative(weights: &[f32], counted_targets: f64) -> Vec<f32> {
    let factor = normalizer(counted_targets);
    weights
        .iter()
        .map(|weight| (-f64::from(*weight) * factor) as f32)
        .collect()
}

/// A micro-batch's part of the step's loss, in nats.
pub(crate) fn next_token_loss(log_probs: &[f32], weights: &[f32], counted_targets: f64) -> f64 {
    let sum: f64 = log_probs
        .iter()
        .zip(weights)
        .filter(|(_, w)| **w != 0.0)
        .map(|(lp, w)| f64::from(*lp) * f64::from(*w))
        .sum();
    -sum * normalizer(counted_targets)
}

fn normalizer(counted_targets: f64) -> f64 {
    if counted_targets > 0.0 {
        1.0 / counted_targets
    } else {
        0.0
    }
}
