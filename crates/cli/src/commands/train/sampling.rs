//! Samples while training: the loop's hook into generation.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use burn::tensor::Device;
use jikji_eval::{GenerateConfig, Generator};
use jikji_model::{Decoder, Store};
use jikji_tokenizer::Tokenizer;
use jikji_train::{Hooks, LogConfig};

/// Continues the recipe's prompts, always with the same seed, so that two samples differ by the weights alone.
pub(super) struct Sampling<'a> {
    config: &'a LogConfig,
    tokenizer: &'a Tokenizer,
    /// What was written, by step.
    pub(super) written: BTreeMap<u64, Vec<(String, String)>>,
}

impl<'a> Sampling<'a> {
    pub(super) fn new(config: &'a LogConfig, tokenizer: &'a Tokenizer) -> Self {
        Self {
            config,
            tokenizer,
            written: BTreeMap::new(),
        }
    }
}

impl Hooks for Sampling<'_> {
    fn sample(&mut self, decoder: &Decoder, weights: &Store, step: u64) -> Vec<(String, String)> {
        let device = Device::flex();
        let generator = Generator::new(decoder, weights, &device);
        let settings = GenerateConfig {
            max_new_tokens: self.config.sample_tokens,
            temperature: 0.7,
            top_p: 0.9,
            seed: 1377,
            stop_ids: self.tokenizer.eos_id().into_iter().collect(),
        };
        let mut samples = Vec::new();
        for prompt in &self.config.prompts {
            let written = generator.generate_text(self.tokenizer, prompt, &settings, |_| {
                ControlFlow::Continue(())
            });
            // A sample that fails (a prompt as long as the context) is told, not fatal.
            let text = written.map_or_else(|error| format!("({error})"), |written| written.text);
            samples.push((prompt.clone(), text));
        }
        self.written.insert(step, samples.clone());
        samples
    }
}
