//! Whether a model computes what another program computed: log-probabilities, their loss and the norm of each gradient.
//!
//! [`Reference`] is the other program's word, read strictly from a file; [`measure`] is ours, by the forward and backward
//! that training uses; [`compare`] holds one against the other. The bounds are constants: a model is the published one or it
//! is not.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use jikji_model::{Decoder, GradientSums, Input, Promise, Store};

use crate::config::ActivationCheckpointing;
use crate::segments::{MicroBatch, backward, forward};

mod compare;
mod error;
mod reference;

pub use self::compare::{Comparison, Difference, compare};
pub use self::error::VerifyError;
pub use self::reference::Reference;

/// Most that a log-probability may differ, absolute, in nats.
pub const LOG_PROBABILITY_BOUND: f64 = 1e-4;
/// Most that the loss may differ, absolute, in nats.
pub const LOSS_BOUND: f64 = 1e-5;
/// Most that the norm of a tensor's gradient may differ, as a share of that norm ...
pub const GRADIENT_NORM_BOUND: f64 = 1e-3;
/// ... or as a share of the norm of all gradients together, whichever allows more: a gradient that is nearly nothing consists
/// of roundings.
pub const GLOBAL_NORM_BOUND: f64 = 1e-6;

/// What a model computes for some lists of ids.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// For each list, the natural logarithm of the probability of its second id and of each one after it.
    pub logprobs: Vec<Vec<f32>>,
    /// Their negative mean over all lists, in nats.
    pub loss: f64,
    /// For each trained parameter, by published name, the L2 norm of the gradient of that loss.
    pub grad_norms: BTreeMap<String, f64>,
}

/// Forward and backward of each list of ids, one after another, so that nothing is padded.
///
/// Gradients are those of the parameters that `weights` is laid out to train; with none, there is no backward.
///
/// # Panics
/// If a list has fewer than two ids or an id is outside the vocabulary; [`Reference::read`] sees to that.
pub fn measure(decoder: &Decoder, weights: &Store, rows: &[Vec<u32>], device: &Device) -> Measured {
    let mut gradients = Store::of_trained(weights.layout().clone(), |_| true);
    let sums = GradientSums::begin(&mut gradients);
    let counted: usize = rows.iter().map(|ids| ids.len() - 1).sum();
    let mut nats = 0.0;
    let logprobs: Vec<Vec<f32>> = rows
        .iter()
        .map(|ids| {
            let batch = micro_batch(decoder, ids, device);
            let (log_probs, tape) = forward(
                decoder,
                weights,
                &sums,
                &batch,
                ActivationCheckpointing::None,
            );
            let log_probs: Vec<f32> = log_probs
                .into_data()
                .try_to_vec()
                .expect("log-probabilities are f32");
            nats -= log_probs.iter().copied().map(f64::from).sum::<f64>();
            let derivative = vec![-1.0 / counted as f32; log_probs.len()];
            let derivative = TensorData::new(derivative, [1, log_probs.len()]);
            let derivative = Tensor::from_data(derivative, device);
            backward(decoder, weights, &sums, &batch, tape, derivative);
            log_probs
        })
        .collect();
    sums.end(&mut gradients);
    Measured {
        logprobs,
        loss: nats / counted as f64,
        grad_norms: norms(&gradients),
    }
}

fn micro_batch(decoder: &Decoder, ids: &[u32], device: &Device) -> MicroBatch {
    let ids: Vec<i32> = ids.iter().map(|id| *id as i32).collect();
    let (inputs, targets) = (&ids[..ids.len() - 1], &ids[1..]);
    MicroBatch {
        input: Input::continuing(decoder.rotations(), inputs, 0, device),
        targets: Tensor::from_data(
            TensorData::new(targets.to_vec(), [1, targets.len()]),
            device,
        ),
        promise: Promise::default(),
    }
}

fn norms(gradients: &Store) -> BTreeMap<String, f64> {
    let parameters = gradients.layout().table().parameters();
    let named = parameters.iter().enumerate();
    named
        .filter_map(|(index, parameter)| {
            let values = gradients.values(index)?;
            let squares: f64 = values.iter().map(|value| f64::from(*value).powi(2)).sum();
            Some((parameter.name.clone(), squares.sqrt()))
        })
        .collect()
}
