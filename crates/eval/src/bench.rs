//! How fast a model writes on this machine, beside the memory it has to read for each token.

use std::ops::ControlFlow;
use std::time::Instant;

use burn::tensor::Device;
use jikji_model::{Decoder, DecoderConfig, Layout, ParameterTable, Store};
use jikji_ops::{FlatBuffer, Precision, median, time_reading};
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
    /// Every weight that a token needs read once for each, and nothing computed: what no decoding of one text can avoid.
    pub read_limit_seconds: f64,
    /// Every counted text.
    pub decode_seconds_all: Vec<f64>,
}

/// A model of random weights that stands ready to write, so that who calls can begin to watch memory.
#[derive(Debug)]
pub struct DecodeBench {
    decoder: Decoder,
    weights: Store,
    bench: DecodeBenchConfig,
}

impl DecodeBench {
    /// Draws the weights.
    ///
    /// # Errors
    /// A prompt and text longer than the model's positions.
    pub fn new(config: DecoderConfig, bench: DecodeBenchConfig) -> Result<Self, EvalError> {
        let limit = config.max_position_embeddings;
        let len = bench.prompt.saturating_add(bench.tokens);
        if len > limit {
            return Err(EvalError::TooLong { len, limit });
        }
        let layout = Layout::new(ParameterTable::new(&config), &["*".to_owned()])
            .expect("a pattern that matches every parameter");
        Ok(Self {
            weights: Store::initialized(layout, 0),
            decoder: Decoder::new(config, bench.precision),
            bench,
        })
    }

    /// Continues a made-up prompt; the most probable token each time.
    ///
    /// # Errors
    /// An empty prompt.
    pub fn run(&self) -> Result<DecodeBenchReport, EvalError> {
        let bench = self.bench;
        let vocab = self.decoder.config().vocab_size;
        let device = Device::flex();
        let generator = Generator::new(&self.decoder, &self.weights, &device);
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
                reading.push(time_reading(self.weights.buffers().values()));
            }
        }
        let decode_seconds = median(whole.clone());
        Ok(DecodeBenchReport {
            tokens_per_second: bench.tokens as f64 / decode_seconds,
            decode_seconds,
            prompt_seconds: median(first),
            read_limit_seconds: median(reading) * self.share_read() * bench.tokens as f64,
            decode_seconds_all: whole,
        })
    }

    /// Share of the weights that a token needs: all, but of an embedding that is no output projection one row.
    fn share_read(&self) -> f64 {
        let config = self.decoder.config();
        let all: usize = self.weights.buffers().values().map(FlatBuffer::len).sum();
        let unread = if config.tie_word_embeddings {
            0
        } else {
            (config.vocab_size - 1) * config.hidden_size
        };
        (all - unread) as f64 / all as f64
    }
}
