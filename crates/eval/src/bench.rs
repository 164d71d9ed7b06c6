//! How fast a model writes on this machine, beside the memory it has to read for each token.

use std::ops::ControlFlow;
use std::time::Instant;

use burn::tensor::Device;
use jikji_model::{Decoder, DecoderConfig, Layout, ParameterTable, Store};
use jikji_ops::{Precision, time_reading};
use serde::Serialize;

use crate::error::EvalError;
use crate::generate::{GenerateConfig, Generator};

/// What to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeBenchConfig {
    /// Tokens of the prompt.
    pub prompt: usize,
    /// Tokens written after it.
    pub tokens: usize,
    /// Number format of matrix products.
    pub precision: Precision,
    /// Texts counted, after one that is not.
    pub repeats: usize,
}

/// Medians over the counted texts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DecodeBenchReport {
    /// New tokens of a text over its time, prompt included.
    pub tokens_per_second: f64,
    /// One whole text: prompt and new tokens.
    pub decode_seconds: f64,
    /// Until the first new token.
    pub prompt_seconds: f64,
    /// Every weight read once for each new token, and nothing computed: what no decoding of one text can avoid.
    pub read_limit_seconds: f64,
    /// Every counted text.
    pub decode_seconds_all: Vec<f64>,
}

/// Continues a made-up prompt with random weights; the most probable token each time.
///
/// # Errors
/// A prompt and text longer than the model's positions, or an empty prompt.
pub fn bench_decode(
    config: DecoderConfig,
    bench: DecodeBenchConfig,
) -> Result<DecodeBenchReport, EvalError> {
    let limit = config.max_position_embeddings;
    let len = bench.prompt.saturating_add(bench.tokens);
    if len > limit {
        return Err(EvalError::TooLong { len, limit });
    }
    let vocab = config.vocab_size;
    let layout = Layout::new(ParameterTable::new(&config), &["*".to_owned()])
        .expect("a pattern that matches every parameter");
    let weights = Store::initialized(layout, 0);
    let decoder = Decoder::new(config, bench.precision);
    let device = Device::flex();
    let generator = Generator::new(&decoder, &weights, &device);
    let prompt: Vec<u32> = (0..bench.prompt)
        .map(|index| ((index.wrapping_mul(2_654_435_761) >> 7) % vocab) as u32)
        .collect();
    let settings = GenerateConfig {
        max_new_tokens: bench.tokens,
        temperature: 0.0,
        ..GenerateConfig::default()
    };
    let (mut whole, mut first, mut reading) = (Vec::new(), Vec::new(), Vec::new());
    for repeat in 0..=bench.repeats {
        let clock = Instant::now();
        let mut until_first = None;
        generator.generate(&prompt, &settings, |_| {
            until_first.get_or_insert_with(|| clock.elapsed().as_secs_f64());
            ControlFlow::Continue(())
        })?;
        let seconds = clock.elapsed().as_secs_f64();
        if repeat > 0 {
            whole.push(seconds);
            first.push(until_first.unwrap_or(seconds));
            reading.push(time_reading(weights.buffers().values()));
        }
    }
    let decode_seconds = median(&whole);
    Ok(DecodeBenchReport {
        tokens_per_second: bench.tokens as f64 / decode_seconds,
        decode_seconds,
        prompt_seconds: median(&first),
        read_limit_seconds: median(&reading) * bench.tokens as f64,
        decode_seconds_all: whole,
    })
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}
