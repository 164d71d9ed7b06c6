//! Text from a prompt: one token at a time, with the keys and values of all earlier ones kept.

use std::ops::ControlFlow;

use burn::tensor::{Device, Tensor};
use jikji_model::{Decoder, Input, KeyValueCache, Segment, Store};
use jikji_tokenizer::Tokenizer;

use crate::error::EvalError;
use crate::sampling::Sampler;
use crate::score::check_vocabulary;
use jikji_interop::LoadedModel;

/// How a text is continued.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerateConfig {
    /// Longest continuation in tokens.
    pub max_new_tokens: usize,
    /// Logits are divided by it; 0 takes the most probable token each time.
    pub temperature: f64,
    /// Only the most probable tokens that together have this probability are drawn from; 1 is all.
    pub top_p: f64,
    /// The same seed draws the same tokens.
    pub seed: u64,
    /// Tokens that end the text; they are not part of it.
    pub stop_ids: Vec<u32>,
}

impl Default for GenerateConfig {
    fn default() -> Self {
        Self {
            max_new_tokens: 128,
            temperature: 0.8,
            top_p: 0.95,
            seed: 0,
            stop_ids: Vec::new(),
        }
    }
}

/// Why a text ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// The model chose this token of `stop_ids`.
    StopId(u32),
    /// `max_new_tokens` were made.
    MaxNewTokens,
    /// `max_position_embeddings` is reached.
    ContextEnd,
    /// The callback asked for it.
    Caller,
}

/// New tokens, and why there are no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// Without the prompt and without the stop token.
    pub ids: Vec<u32>,
    /// Why it ended.
    pub stop: StopReason,
}

/// A continued text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedText {
    /// All pieces that the callback was given.
    pub text: String,
    /// Tokens of the prompt, with what the tokenizer's post-processor adds.
    pub prompt_tokens: usize,
    /// The new tokens.
    pub generated: Generated,
}

/// Continues texts with a model that somebody else holds.
#[derive(Debug, Clone, Copy)]
pub struct Generator<'a> {
    decoder: &'a Decoder,
    weights: &'a Store,
    device: &'a Device,
}

impl<'a> Generator<'a> {
    /// A generator over weights, for example those of a run in training.
    pub fn new(decoder: &'a Decoder, weights: &'a Store, device: &'a Device) -> Self {
        Self {
            decoder,
            weights,
            device,
        }
    }

    /// A generator over a loaded model.
    pub fn of(model: &'a LoadedModel) -> Self {
        Self::new(&model.decoder, &model.weights, &model.device)
    }

    /// Continues `prompt`; `on_token` hears each new token and may end the text.
    ///
    /// # Errors
    /// A setting out of range, a prompt that is empty, leaves no room or has ids outside the vocabulary, or logits that are
    /// not finite.
    pub fn generate(
        &self,
        prompt: &[u32],
        config: &GenerateConfig,
        mut on_token: impl FnMut(u32) -> ControlFlow<()>,
    ) -> Result<Generated, EvalError> {
        self.try_generate(prompt, config, |id| Ok(on_token(id)))
    }

    /// Continues a text; `on_piece` hears whole characters as they come and may end the text.
    ///
    /// The prompt is encoded as the tokenizer's own post-processor says.
    ///
    /// # Errors
    /// Those of [`generate`](Self::generate), and those of the tokenizer.
    pub fn generate_text(
        &self,
        tokenizer: &Tokenizer,
        prompt: &str,
        config: &GenerateConfig,
        on_piece: impl FnMut(&str) -> ControlFlow<()>,
    ) -> Result<GeneratedText, EvalError> {
        let prompt = tokenizer.encode_with_post_processor(prompt)?;
        self.continue_text(tokenizer, &prompt, config, on_piece)
    }

    /// As [`generate_text`](Self::generate_text) from ids, such as those of a conversation.
    ///
    /// # Errors
    /// Those of [`generate`](Self::generate), and those of the tokenizer.
    pub fn continue_text(
        &self,
        tokenizer: &Tokenizer,
        prompt: &[u32],
        config: &GenerateConfig,
        mut on_piece: impl FnMut(&str) -> ControlFlow<()>,
    ) -> Result<GeneratedText, EvalError> {
        let mut stream = tokenizer.decode_stream();
        let mut text = String::new();
        let generated = self.try_generate(prompt, config, |id| {
            let piece = stream.push(id)?;
            text.push_str(&piece);
            Ok(if piece.is_empty() {
                ControlFlow::Continue(())
            } else {
                on_piece(&piece)
            })
        })?;
        let rest = stream.finish()?;
        if !rest.is_empty() && generated.stop != StopReason::Caller {
            text.push_str(&rest);
            // Nothing follows that could be ended.
            let _ = on_piece(&rest);
        }
        Ok(GeneratedText {
            text,
            prompt_tokens: prompt.len(),
            generated,
        })
    }

    fn try_generate(
        &self,
        prompt: &[u32],
        config: &GenerateConfig,
        mut on_token: impl FnMut(u32) -> Result<ControlFlow<()>, EvalError>,
    ) -> Result<Generated, EvalError> {
        let sampler = Sampler::new(config.temperature, config.top_p, config.seed)?;
        let limit = self.decoder.config().max_position_embeddings;
        if prompt.is_empty() {
            return Err(EvalError::EmptyPrompt);
        }
        check_vocabulary(self.decoder, prompt)?;
        if prompt.len() >= limit {
            return Err(EvalError::PromptTooLong {
                len: prompt.len(),
                limit,
            });
        }
        let mut cache = KeyValueCache::new(self.decoder.config());
        let mut ids = Vec::new();
        let mut fresh = prompt.to_vec();
        let stop = loop {
            if ids.len() >= config.max_new_tokens {
                break StopReason::MaxNewTokens;
            }
            let len = prompt.len() + ids.len();
            if len >= limit {
                break StopReason::ContextEnd;
            }
            let logits = self.next_logits(&fresh, &mut cache);
            let id = sampler
                .choose(&logits, ids.len() as u64)
                .ok_or(EvalError::NotFinite { position: len })?;
            if config.stop_ids.contains(&id) {
                break StopReason::StopId(id);
            }
            ids.push(id);
            fresh = vec![id];
            if on_token(id)?.is_break() {
                break StopReason::Caller;
            }
        };
        Ok(Generated { ids, stop })
    }

    /// Logits of the token after `fresh`, which follows what the cache holds.
    fn next_logits(&self, fresh: &[u32], cache: &mut KeyValueCache) -> Vec<f32> {
        let fresh: Vec<i32> = fresh.iter().map(|id| *id as i32).collect();
        let input = Input::continuing(self.decoder.rotations(), &fresh, cache.len(), self.device);
        let hidden = self
            .decoder
            .forward_hidden(self.weights, &input, Some(cache));
        let last: Tensor<3> = hidden.narrow(1, fresh.len() - 1, 1); // [1, 1, hidden]
        let logits = self
            .decoder
            .logits(&self.weights.segment(Segment::Head), last); // [1, 1, vocab]
        logits.into_data().try_to_vec().expect("logits are f32")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jikji_interop::testing::{EXAONE4, FAMILIES, LLAMA, ids, model, tokenizer};

    fn greedy(max_new_tokens: usize) -> GenerateConfig {
        GenerateConfig {
            max_new_tokens,
            temperature: 0.0,
            ..GenerateConfig::default()
        }
    }

    fn generate(model: &LoadedModel, prompt: &[u32], config: &GenerateConfig) -> Generated {
        let mut heard = Vec::new();
        let generated = Generator::of(model).generate(prompt, config, |id| {
            heard.push(id);
            ControlFlow::Continue(())
        });
        let generated = generated.unwrap();
        assert_eq!(heard, generated.ids);
        generated
    }

    /// The most probable next token, everything computed anew.
    fn next_from_scratch(model: &LoadedModel, ids: &[u32]) -> u32 {
        let mut cache = KeyValueCache::new(model.decoder.config());
        let logits = Generator::of(model).next_logits(ids, &mut cache);
        Sampler::new(0.0, 1.0, 0)
            .unwrap()
            .choose(&logits, 0)
            .unwrap()
    }

    #[test]
    fn kept_keys_and_values_give_the_tokens_of_a_fresh_pass() {
        for text in FAMILIES {
            let model = model(text);
            for len in [1, 2, 5, 13] {
                let prompt = ids(len, 300);
                let generated = generate(&model, &prompt, &greedy(30));
                let mut all = prompt;
                for id in generated.ids {
                    assert_eq!(
                        id,
                        next_from_scratch(&model, &all),
                        "{} after {}",
                        model.config.model_type.name(),
                        all.len()
                    );
                    all.push(id);
                }
            }
        }
    }

    #[test]
    fn a_text_ends_where_it_must() {
        let model = model(EXAONE4);
        let prompt = ids(5, 300);
        let whole = generate(&model, &prompt, &greedy(100));
        assert_eq!((whole.ids.len(), whole.stop), (43, StopReason::ContextEnd));
        assert_eq!(
            generate(&model, &prompt, &greedy(0)),
            Generated {
                ids: vec![],
                stop: StopReason::MaxNewTokens
            }
        );
        let short = generate(&model, &prompt, &greedy(4));
        assert_eq!(
            (short.ids.as_slice(), short.stop),
            (&whole.ids[..4], StopReason::MaxNewTokens)
        );
        let at = whole.ids.iter().position(|id| *id != whole.ids[0]).unwrap();
        let config = GenerateConfig {
            stop_ids: vec![299, whole.ids[at]],
            ..greedy(100)
        };
        let stopped = generate(&model, &prompt, &config);
        assert_eq!(
            stopped,
            Generated {
                ids: whole.ids[..at].to_vec(),
                stop: StopReason::StopId(whole.ids[at])
            }
        );
        let first_only =
            Generator::of(&model).generate(&prompt, &greedy(100), |_| ControlFlow::Break(()));
        assert_eq!(
            first_only.unwrap(),
            Generated {
                ids: whole.ids[..1].to_vec(),
                stop: StopReason::Caller
            }
        );
    }

    #[test]
    fn seeds_repeat_and_differ() {
        let model = model(LLAMA);
        let with_seed = |seed| {
            let config = GenerateConfig {
                temperature: 1.5,
                top_p: 0.99,
                seed,
                max_new_tokens: 30,
                stop_ids: vec![],
            };
            generate(&model, &[3, 4], &config).ids
        };
        assert_eq!(with_seed(1), with_seed(1));
        assert_ne!(with_seed(1), with_seed(2));
    }

    #[test]
    fn pieces_are_the_text() {
        let model = model(LLAMA);
        let tokenizer = tokenizer();
        let config = GenerateConfig {
            temperature: 2.0,
            max_new_tokens: 40,
            ..GenerateConfig::default()
        };
        let mut pieces = String::new();
        let made = Generator::of(&model).generate_text(&tokenizer, "말이", &config, |piece| {
            pieces.push_str(piece);
            ControlFlow::Continue(())
        });
        let made = made.unwrap();
        assert!(!made.text.is_empty());
        assert_eq!(pieces, made.text);
        assert_eq!(made.text, tokenizer.decode(&made.generated.ids).unwrap());
        let prompt = tokenizer.encode_with_post_processor("말이").unwrap();
        assert_eq!(made.prompt_tokens, prompt.len());
        assert_eq!(generate(&model, &prompt, &config), made.generated);
    }

    #[test]
    fn prompts_that_cannot_be_continued_are_refused() {
        let mut model = model(EXAONE4);
        let error = |model: &LoadedModel, prompt: &[u32]| {
            Generator::of(model)
                .generate(prompt, &greedy(3), |_| ControlFlow::Continue(()))
                .unwrap_err()
        };
        assert!(matches!(error(&model, &[]), EvalError::EmptyPrompt));
        assert!(matches!(
            error(&model, &ids(48, 300)),
            EvalError::PromptTooLong { len: 48, limit: 48 }
        ));
        assert_eq!(generate(&model, &ids(47, 300), &greedy(3)).ids.len(), 1);
        assert!(matches!(
            error(&model, &[300]),
            EvalError::OutsideVocabulary { position: 0, .. }
        ));
        model.weights.values_mut(0)[5 * 16] = f32::NAN;
        assert!(matches!(
            error(&model, &[5]),
            EvalError::NotFinite { position: 1 }
        ));
    }
}
