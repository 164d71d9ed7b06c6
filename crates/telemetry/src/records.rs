//! What a trainer reports, and the lines that the two JSON-lines files hold of it.
//!
//! The split decides what can be compared: `metrics.jsonl` holds only what the recipe determines, so equal runs
//! write equal bytes; whatever the machine decides goes to `timing.jsonl`.

use serde::{Deserialize, Serialize};

/// One optimizer update, as the trainer reports it.
#[derive(Debug, Clone, PartialEq)]
pub struct StepRecord {
    /// Updates done, this one included.
    pub step: u64,
    /// Tokens read since step 0.
    pub tokens_total: u64,
    /// Targets that the loss of this step counted (their weights summed).
    pub counted_targets: f64,
    /// Mean negative log-probability per counted target, in nats.
    pub loss: f64,
    /// Global L2 norm before clipping.
    pub gradient_norm: f64,
    /// Whether the gradient was scaled down.
    pub clipped: bool,
    /// Learning rate used by this update.
    pub learning_rate: f64,
    /// Per source, how many times its documents have been seen.
    pub data: Vec<(String, f64)>,
    /// Where the time went.
    pub timing: StepTiming,
}

/// What one update cost on this machine. Part of a `timing.jsonl` line as it stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StepTiming {
    /// Wall-clock seconds of the whole step.
    #[serde(with = "null_is_nan")]
    pub seconds: f64,
    /// Seconds in forward passes.
    #[serde(with = "null_is_nan")]
    pub forward_seconds: f64,
    /// Seconds in backward passes.
    #[serde(with = "null_is_nan")]
    pub backward_seconds: f64,
    /// Seconds in clipping and the optimizer.
    #[serde(with = "null_is_nan")]
    pub update_seconds: f64,
    /// Seconds spent waiting for a batch.
    #[serde(with = "null_is_nan")]
    pub data_wait_seconds: f64,
    /// Tokens of the step by its seconds.
    #[serde(with = "null_is_nan")]
    pub tokens_per_second: f64,
    /// Share (0 to 1) of the machine's measured matrix rate; absent when that was not measured.
    pub matrix_share: Option<f64>,
    /// Resident memory of the process after the step.
    pub resident_bytes: u64,
}

/// One pass over the validation documents, as the trainer reports it.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidationRecord {
    /// Updates done when it was made.
    pub step: u64,
    /// Mean negative log-probability per target, in nats.
    pub loss: f64,
    /// The same information per byte of text, so that tokenizers can be compared.
    pub bits_per_byte: f64,
    /// Targets scored.
    pub tokens: u64,
    /// Bytes of text they stand for.
    pub bytes: u64,
    /// Bits per byte of each source.
    pub per_source: Vec<(String, f64)>,
    /// Wall-clock seconds of the pass.
    pub seconds: f64,
}

/// A step as `metrics.jsonl` keeps it: [`StepRecord`] without its timing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the fields are those of StepRecord, documented there"
)]
pub struct StepMetrics {
    pub step: u64,
    pub tokens_total: u64,
    #[serde(with = "null_is_nan")]
    pub counted_targets: f64,
    #[serde(with = "null_is_nan")]
    pub loss: f64,
    #[serde(with = "null_is_nan")]
    pub gradient_norm: f64,
    pub clipped: bool,
    #[serde(with = "null_is_nan")]
    pub learning_rate: f64,
    #[serde(with = "ordered_map")]
    pub data: Vec<(String, f64)>,
}

/// A validation as `metrics.jsonl` keeps it: [`ValidationRecord`] without its seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the fields are those of ValidationRecord, documented there"
)]
pub struct ValidationMetrics {
    pub step: u64,
    #[serde(with = "null_is_nan")]
    pub loss: f64,
    #[serde(with = "null_is_nan")]
    pub bits_per_byte: f64,
    pub tokens: u64,
    pub bytes: u64,
    #[serde(with = "ordered_map")]
    pub per_source: Vec<(String, f64)>,
}

/// A line of `timing.jsonl` about a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimedStep {
    /// Updates done, this one included.
    pub step: u64,
    /// Seconds since 1970 when it was logged.
    pub wall_time: f64,
    /// Where the time of the step went.
    pub timing: StepTiming,
}

/// A line of `timing.jsonl` about a checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SaveTiming {
    /// The step that was saved.
    pub step: u64,
    /// Seconds since 1970 when it was logged.
    pub wall_time: f64,
    /// Seconds that the save took.
    #[serde(with = "null_is_nan")]
    pub seconds: f64,
    /// Bytes that it wrote.
    pub bytes: u64,
}

/// A line of `timing.jsonl` about a validation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TimedValidation {
    pub(crate) step: u64,
    pub(crate) wall_time: f64,
    #[serde(with = "null_is_nan")]
    pub(crate) seconds: f64,
}

/// A line of `metrics.jsonl`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum MetricsLine {
    Step(StepMetrics),
    Validation(ValidationMetrics),
    Sample(SampleMetrics),
}

/// Text that the model wrote, as `metrics.jsonl` keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleMetrics {
    /// Updates done.
    pub step: u64,
    /// What it was given.
    pub prompt: String,
    /// What it wrote after it.
    pub text: String,
}

/// A line of `timing.jsonl`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum TimingLine {
    Step(TimedStep),
    Validation(TimedValidation),
    Save(SaveTiming),
}

impl From<&StepRecord> for StepMetrics {
    fn from(record: &StepRecord) -> Self {
        let StepRecord {
            step,
            tokens_total,
            counted_targets,
            loss,
            gradient_norm,
            clipped,
            learning_rate,
            ref data,
            timing: _,
        } = *record;
        Self {
            step,
            tokens_total,
            counted_targets,
            loss,
            gradient_norm,
            clipped,
            learning_rate,
            data: data.clone(),
        }
    }
}

impl From<&ValidationRecord> for ValidationMetrics {
    fn from(record: &ValidationRecord) -> Self {
        let ValidationRecord {
            step,
            loss,
            bits_per_byte,
            tokens,
            bytes,
            ref per_source,
            seconds: _,
        } = *record;
        Self {
            step,
            loss,
            bits_per_byte,
            tokens,
            bytes,
            per_source: per_source.clone(),
        }
    }
}

/// JSON has no NaN or infinity: written as `null`, read back as NaN.
mod null_is_nan {
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "the signature that serde asks for"
    )]
    pub(super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(*value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::NAN))
    }
}

/// Named numbers as a JSON object in the caller's order.
mod ordered_map {
    use std::fmt;

    use serde::de::{MapAccess, Visitor};
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        pairs: &[(String, f64)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(String, f64)>, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Vec<(String, f64)>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object of numbers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Option<f64>>()? {
                    pairs.push((name, value.unwrap_or(f64::NAN)));
                }
                Ok(pairs)
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}
