//! Validation: the loss on documents held back from training.

use std::time::Instant;

use burn::tensor::Device;
use jikji_loader::{LoaderError, ValidationSet};
use jikji_model::{Decoder, Store};

use crate::step::on_device;

/// What a validation found.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Mean over the tokens, in nats.
    pub loss: f64,
    /// Nats of all tokens over the bytes of the text they stand for, in bits: comparable between tokenizers.
    pub bits_per_byte: f64,
    /// Tokens predicted.
    pub tokens: u64,
    /// Bytes of text they stand for.
    pub bytes: u64,
    /// Bits per byte of each source.
    pub per_source: Vec<(String, f64)>,
    /// Wall time.
    pub seconds: f64,
}

/// Runs over every sequence of every set, `rows` at a time, without a graph. `progress` receives the
/// sequences done and those of all sets.
pub fn evaluate(
    decoder: &Decoder,
    weights: &Store,
    sets: &[(String, ValidationSet)],
    rows: usize,
    device: &Device,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Evaluation, LoaderError> {
    let clock = Instant::now();
    let sequences = sets.iter().map(|(_, set)| set.len()).sum();
    let mut done = 0;
    let (mut nats, mut tokens, mut bytes) = (0.0, 0, 0);
    let mut per_source = Vec::with_capacity(sets.len());
    for (source, set) in sets {
        let (source_nats, source_tokens) =
            nats_of(decoder, weights, set, rows, device, &mut |more| {
                done += more;
                progress(done, sequences);
            })?;
        per_source.push((source.clone(), bits_per_byte(source_nats, set.text_bytes())));
        nats += source_nats;
        tokens += source_tokens;
        bytes += set.text_bytes();
    }
    Ok(Evaluation {
        loss: nats / (tokens.max(1) as f64),
        bits_per_byte: bits_per_byte(nats, bytes),
        tokens,
        bytes,
        per_source,
        seconds: clock.elapsed().as_secs_f64(),
    })
}

fn nats_of(
    decoder: &Decoder,
    weights: &Store,
    set: &ValidationSet,
    rows: usize,
    device: &Device,
    scored: &mut dyn FnMut(usize),
) -> Result<(f64, u64), LoaderError> {
    let (mut nats, mut tokens) = (0.0, 0);
    for first in (0..set.len()).step_by(rows) {
        let end = (first + rows).min(set.len());
        let batch = set.batch(first..end)?;
        let micro = on_device(decoder, &batch, device);
        let log_probs = decoder.forward_log_probs(weights, &micro.input, micro.targets.clone());
        let log_probs: Vec<f32> = log_probs
            .into_data()
            .try_to_vec()
            .expect("log-probabilities are f32");
        for (log_prob, weight) in log_probs.iter().zip(&batch.loss_weights) {
            if *weight != 0.0 {
                nats -= f64::from(*log_prob);
                tokens += 1;
            }
        }
        scored(end - first);
    }
    Ok((nats, tokens))
}

fn bits_per_byte(nats: f64, bytes: u64) -> f64 {
    nats / std::f64::consts::LN_2 / (bytes.max(1) as f64)
}
