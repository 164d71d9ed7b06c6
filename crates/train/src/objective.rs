//! From log-probabilities to the loss and its derivative: all that an objective is.

/// Loss of a micro-batch and its derivative by each log-probability.
pub(crate) struct Scored {
    /// Contribution to the step's loss, in nats.
    pub(crate) loss: f64,
    /// `[batch, seq]`
    pub(crate) derivative: Vec<f32>,
}

/// Weighted negative log-probability, divided by the targets counted in the **whole** step: that makes the loss of a
/// batch cut into micro-batches the loss of the batch.
pub(crate) fn next_token(log_probs: &[f32], weights: &[f32], counted_targets: f64) -> Scored {
    let factor = if counted_targets > 0.0 {
        1.0 / counted_targets
    } else {
        0.0
    };
    let sum: f64 = log_probs
        .iter()
        .zip(weights)
        .filter(|(_, w)| **w != 0.0)
        .map(|(lp, w)| f64::from(*lp) * f64::from(*w))
        .sum();
    Scored {
        loss: -sum * factor,
        derivative: weights
            .iter()
            .map(|weight| (-f64::from(*weight) * factor) as f32)
            .collect(),
    }
}
