//! One optimizer update, top to bottom.

use std::time::Instant;

use burn::tensor::{Device, Tensor, TensorData};
use jikji_loader::Batch;
use jikji_model::{Decoder, GradientSums, Input, Promise};
use jikji_optim::{OptimizerConfig, UpdateScale, clip_factor, global_norm, non_finite_parameter};

use crate::config::ActivationCheckpointing;
use crate::error::NonFinite;
use crate::objective::{next_token_derivative, next_token_loss};
use crate::segments::{MicroBatch, backward, forward};
use crate::state::TrainState;

/// What a step needs to know beside its state and its batch.
#[derive(Debug, Clone)]
pub struct StepSettings {
    /// Rows of one forward-backward.
    pub micro_batch_size: usize,
    /// What forward leaves for backward.
    pub activation_checkpointing: ActivationCheckpointing,
    /// Step size, decay, clipping.
    pub optimizer: OptimizerConfig,
    /// Weight of the squared log-sum-exp of the logits in the loss.
    pub z_loss: f32,
    /// Length of the run, for the schedule.
    pub total_steps: u64,
    /// Where tensors live.
    pub device: Device,
}

/// What a step found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepReport {
    /// Mean over the counted targets, in nats.
    pub loss: f64,
    /// Targets that counted.
    pub counted_targets: f64,
    /// Global norm before clipping.
    pub gradient_norm: f64,
    /// Whether the norm was above the bound.
    pub clipped: bool,
    /// Learning rate of this update.
    pub learning_rate: f64,
    /// Wall time of the forward passes.
    pub forward_seconds: f64,
    /// Wall time of the backward passes.
    pub backward_seconds: f64,
    /// Wall time from the complete gradient to the new weights.
    pub update_seconds: f64,
}

/// Forward and backward of every micro-batch, then one update of the weights.
///
/// A loss or gradient that is not finite ends the step **before** any weight or moment changes.
pub fn train_step(
    decoder: &Decoder,
    state: &mut TrainState,
    settings: &StepSettings,
    batch: &Batch,
) -> Result<StepReport, NonFinite> {
    let counted_targets = batch.counted_targets();
    let sums = GradientSums::begin(&mut state.gradients);
    let found = micro_batches(decoder, state, &sums, settings, batch);
    sums.end(&mut state.gradients);
    let found = found?;

    let clock = Instant::now();
    let gradient_norm = global_norm(&state.gradients);
    if !gradient_norm.is_finite() {
        return Err(NonFinite::gradient(
            state.step,
            non_finite_parameter(&state.gradients),
            batch,
        ));
    }
    let clip = clip_factor(gradient_norm, settings.optimizer.max_grad_norm);
    let learning_rate = settings.optimizer.learning_rate
        * settings
            .optimizer
            .schedule
            .ratio(state.step, settings.total_steps);
    let scale = UpdateScale {
        learning_rate,
        gradient_scale: clip,
        precision: decoder.precision(),
    };
    state.optimizer.update(
        &mut state.weights,
        &state.gradients,
        &settings.optimizer,
        scale,
    );
    state.step += 1;
    state.tokens += counted_targets as u64;

    Ok(StepReport {
        loss: found.loss,
        counted_targets,
        gradient_norm,
        clipped: clip < 1.0,
        learning_rate,
        forward_seconds: found.forward_seconds,
        backward_seconds: found.backward_seconds,
        update_seconds: clock.elapsed().as_secs_f64(),
    })
}

/// What the micro-batches of a step give beside the gradients.
#[derive(Default)]
struct Found {
    loss: f64,
    forward_seconds: f64,
    backward_seconds: f64,
}

/// Forward and backward of one micro-batch after the other; their gradients add up in `sums`.
fn micro_batches(
    decoder: &Decoder,
    state: &TrainState,
    sums: &GradientSums,
    settings: &StepSettings,
    batch: &Batch,
) -> Result<Found, NonFinite> {
    let counted_targets = batch.counted_targets();
    let mut found = Found::default();
    for first in (0..batch.batch).step_by(settings.micro_batch_size) {
        let rows = batch.rows(first..(first + settings.micro_batch_size).min(batch.batch));
        let derivative = next_token_derivative(&rows.loss_weights, counted_targets);
        let derivative = TensorData::new(derivative, [rows.batch, rows.seq]);
        let derivative = Tensor::from_data(derivative, &settings.device);
        let mut micro = on_device(decoder, &rows, &settings.device);
        micro.promise = Promise {
            derivative: Some(derivative.clone()),
            z_loss: settings.z_loss,
        };

        let clock = Instant::now();
        let checkpointing = settings.activation_checkpointing;
        let (log_probs, tape) = forward(decoder, &state.weights, sums, &micro, checkpointing);
        let log_probs: Vec<f32> = log_probs
            .into_data()
            .try_to_vec()
            .expect("log-probabilities are f32");
        let loss = next_token_loss(&log_probs, &rows.loss_weights, counted_targets);
        found.forward_seconds += clock.elapsed().as_secs_f64();
        if !loss.is_finite() {
            return Err(NonFinite::loss(state.step, &log_probs, &rows));
        }
        found.loss += loss;

        let clock = Instant::now();
        backward(decoder, &state.weights, sums, &micro, tape, derivative);
        found.backward_seconds += clock.elapsed().as_secs_f64();
    }
    Ok(found)
}

/// A micro-batch's columns as tensors; targets that do not count become negative, so that the head skips them.
pub(crate) fn on_device(decoder: &Decoder, rows: &Batch, device: &Device) -> MicroBatch {
    let shape = [rows.batch, rows.seq];
    let targets: Vec<i32> = rows
        .targets
        .iter()
        .zip(&rows.loss_weights)
        .map(|(target, weight)| if *weight == 0.0 { -1 } else { *target })
        .collect();
    MicroBatch {
        input: Input::new(
            decoder.rotations(),
            shape,
            &rows.ids,
            &rows.positions,
            &rows.documents,
            device,
        ),
        targets: Tensor::from_data(TensorData::new(targets, shape), device),
        promise: Promise::default(),
    }
}
