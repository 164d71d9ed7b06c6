//! Samples while training: the loop's hook into generation.

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
}

impl<'a> Sampling<'a> {
    pub(super) fn new(config: &'a LogConfig, tokenizer: &'a Tokenizer) -> Self {
        Self { config, tokenizer }
    }
}

impl Hooks for Sampling<'_> {
    fn sample(&mut self, decoder: &Decoder, weights: &Store) -> Vec<(String, String)> {
        let device = Device::flex();
        let generator = Generator::new(decoder, weights, &device);
        let settings = GenerateConfig {
            max_new_tokens: self.config.sample_tokens,
            temperature: 0.7,
            top_p: 0.9,
            seed: 1377,
            stop_ids: self.tokenizer.eos_id().into_iter().collect(),
        };
        let write = |prompt: &String| {
            let written = generator.generate_text(self.tokenizer, prompt, &settings, |_| {
                ControlFlow::Continue(())
            });
            // A sample that fails (a prompt as long as the context) is told, not fatal.
            written.map_or_else(|error| format!("({error})"), |written| written.text)
        };
        let prompts = self.config.prompts.iter();
        prompts
            .map(|prompt| (prompt.clone(), write(prompt)))
            .collect()
    }
}
