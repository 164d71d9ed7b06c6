//! The log-probability of each token after those before it.

use burn::tensor::{Device, Tensor, TensorData};
use jikji_model::{Decoder, Input, Segment, Store};

use crate::error::EvalError;
use jikji_interop::LoadedModel;

/// What a model thinks of a sequence.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// Natural logarithm of the probability of the second token and of each one after it.
    pub logprobs: Vec<f32>,
    /// Their negative mean, in nats.
    pub loss: f64,
}

/// Scores one sequence; its numbers depend on nothing that is scored beside it.
///
/// # Errors
/// Fewer than two ids, more than the context, an id outside the vocabulary, or a log-probability that is not finite.
pub fn score_ids(model: &LoadedModel, ids: &[u32]) -> Result<Scored, EvalError> {
    score_with(&model.decoder, &model.weights, &model.device, ids)
}

/// The logits after each id of a sequence.
///
/// # Shapes
/// - returns: `[seq, vocab]`, row-major
///
/// # Errors
/// As [`score_ids`], but for logits that are not finite: they are given as they are.
pub fn logits(model: &LoadedModel, ids: &[u32]) -> Result<Vec<f32>, EvalError> {
    let decoder = &model.decoder;
    check_ids(decoder, ids)?;
    let ids: Vec<i32> = ids.iter().map(|id| *id as i32).collect();
    let input = Input::continuing(decoder.rotations(), &ids, 0, &model.device);
    let x = decoder.forward_hidden(&model.weights, &input, None);
    let logits = decoder.logits(&model.weights.segment(Segment::Head), x);
    Ok(logits.into_data().try_to_vec().expect("logits are f32"))
}

pub(crate) fn score_with(
    decoder: &Decoder,
    weights: &Store,
    device: &Device,
    ids: &[u32],
) -> Result<Scored, EvalError> {
    check_ids(decoder, ids)?;
    let ids: Vec<i32> = ids.iter().map(|id| *id as i32).collect();
    let (inputs, targets) = (&ids[..ids.len() - 1], &ids[1..]);
    let input = Input::continuing(decoder.rotations(), inputs, 0, device);
    let targets = Tensor::from_data(
        TensorData::new(targets.to_vec(), [1, targets.len()]),
        device,
    );
    let logprobs = decoder.forward_log_probs(weights, &input, targets);
    let logprobs: Vec<f32> = logprobs
        .into_data()
        .try_to_vec()
        .expect("log-probabilities are f32");
    if let Some(index) = logprobs.iter().position(|value| !value.is_finite()) {
        return Err(EvalError::NotFinite {
            position: index + 1,
        });
    }
    let loss = -logprobs.iter().copied().map(f64::from).sum::<f64>() / logprobs.len() as f64;
    Ok(Scored { logprobs, loss })
}

/// Whether a sequence can be scored at all.
pub(crate) fn check_ids(decoder: &Decoder, ids: &[u32]) -> Result<(), EvalError> {
    let (len, limit) = (ids.len(), decoder.config().max_position_embeddings);
    if len < 2 {
        return Err(EvalError::TooShort { len });
    }
    if len > limit {
        return Err(EvalError::TooLong { len, limit });
    }
    check_vocabulary(decoder, ids)
}

pub(crate) fn check_vocabulary(decoder: &Decoder, ids: &[u32]) -> Result<(), EvalError> {
    let vocab_size = decoder.config().vocab_size;
    match ids
        .iter()
        .enumerate()
        .find(|(_, id)| **id as usize >= vocab_size)
    {
        Some((position, id)) => Err(EvalError::OutsideVocabulary {
            position,
            id: *id,
            vocab_size,
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jikji_interop::testing::{EXAONE4, FAMILIES, QWEN2, ids, model};

    /// The logits' softmax, in f64.
    fn by_logits(model: &LoadedModel, ids: &[u32]) -> Vec<f64> {
        let inputs: Vec<i32> = ids.iter().map(|id| *id as i32).collect();
        let input = Input::continuing(model.decoder.rotations(), &inputs, 0, &model.device);
        let hidden = model.decoder.forward_hidden(&model.weights, &input, None);
        let head = model.weights.segment(jikji_model::Segment::Head);
        let logits: Vec<f32> = model
            .decoder
            .logits(&head, hidden)
            .into_data()
            .try_to_vec()
            .unwrap();
        let rows = logits.chunks(model.config.vocab_size);
        rows.zip(&ids[1..])
            .map(|(row, target)| {
                let sum: f64 = row.iter().map(|logit| f64::from(*logit).exp()).sum();
                f64::from(row[*target as usize]) - sum.ln()
            })
            .collect()
    }

    #[test]
    fn each_number_is_the_softmax_of_the_logits() {
        for text in FAMILIES {
            let model = model(text);
            let ids = ids(30, 300);
            let scored = score_ids(&model, &ids).unwrap();
            let expected = by_logits(&model, &ids);
            assert_eq!(scored.logprobs.len(), 29);
            for (got, expected) in scored.logprobs.iter().zip(&expected) {
                assert!(
                    (f64::from(*got) - expected).abs() < 2e-5,
                    "{got} for {expected}"
                );
            }
            let mean = -expected.iter().sum::<f64>() / 29.0;
            assert!(
                (scored.loss - mean).abs() < 2e-5,
                "{} for {mean}",
                scored.loss
            );
        }
    }

    #[test]
    fn what_follows_changes_nothing_before_it() {
        let model = model(EXAONE4);
        let long = score_ids(&model, &ids(40, 300)).unwrap();
        let short = score_ids(&model, &ids(12, 300)).unwrap();
        for (long, short) in long.logprobs.iter().zip(&short.logprobs) {
            assert!((long - short).abs() < 1e-5, "{long} {short}");
        }
    }

    #[test]
    fn sequences_that_cannot_be_scored_are_refused() {
        let mut model = model(QWEN2);
        let message =
            |model: &LoadedModel, ids: &[u32]| score_ids(model, ids).unwrap_err().to_string();
        assert!(score_ids(&model, &ids(48, 300)).is_ok());
        assert_eq!(
            message(&model, &ids(49, 300)),
            "got `49` ids, but `max_position_embeddings` is `48`"
        );
        assert_eq!(
            message(&model, &[7]),
            "got `1` ids, expected at least `2`: the first token has no log-probability"
        );
        assert!(matches!(
            score_ids(&model, &[]),
            Err(EvalError::TooShort { len: 0 })
        ));
        assert_eq!(
            message(&model, &[1, 2, 300]),
            "id `300` at position `2` is outside the vocabulary: `vocab_size` is `300`"
        );
        assert!(matches!(
            score_ids(&model, &[1, u32::MAX]),
            Err(EvalError::OutsideVocabulary { position: 1, .. })
        ));
        model.weights.values_mut(0)[5 * 16] = f32::NAN;
        assert!(matches!(
            score_ids(&model, &[1, 5, 2]),
            Err(EvalError::NotFinite { .. })
        ));
    }
}
