//! Training: text in, a tokenizer out.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::config::bad;
use crate::config_file::ConfigFile;
use crate::merges::{Learner, Limits, Store};
use crate::morphemes::Morphemes;
use crate::piece_counts::PieceCounter;
use crate::pre_tokenizer::PreTokenizer;
use crate::sample::EvenSample;
use crate::{Algorithm, Tokenizer, TokenizerConfig, TokenizerError, unigram};

/// What each place of a pair costs while merging: its entry in a list, its share of a word, of the pairs' counts and of their sums.
pub(crate) const BYTES_OF_PLACE: u64 = 256;

/// Trains a byte-level tokenizer on `texts`, one document each. [`Trainer`] does the same for documents of several sources.
///
/// # Errors
/// A setting that [`TokenizerConfig::check`] refuses, or no text at all.
pub fn train<I>(texts: I, config: &TokenizerConfig) -> Result<Tokenizer, TokenizerError>
where
    I: IntoIterator,
    I::Item: AsRef<str>,
{
    let mut trainer = Trainer::new(config, &std::env::temp_dir())?;
    for text in texts {
        trainer.add("", text.as_ref())?;
    }
    trainer.finish()
}

/// Takes documents one at a time, and makes a tokenizer of them.
///
/// The result depends on the texts and the configuration only: not on their order, on the number of threads or on the memory it may
/// take. It has `vocab_size` tokens, or fewer where no further pair occurs often enough; [`Tokenizer::vocab_size`] tells.
pub struct Trainer {
    config: TokenizerConfig,
    control_tokens: Vec<String>,
    scratch: PathBuf,
    /// What is kept of the text, if not all of it is read.
    sample: Option<EvenSample>,
    words: PieceCounter,
    /// Wider pieces, for the tokens that may cross a space.
    superwords: Option<PieceCounter>,
    /// Sources that have a weight and no text yet.
    unseen: BTreeSet<String>,
    is_empty: bool,
}

impl Trainer {
    /// With a folder for what does not fit into `config.memory_bytes`; files there have no name and are gone with the trainer.
    ///
    /// # Errors
    /// A setting that [`TokenizerConfig::check`] refuses, or a dictionary of morphemes that cannot be read.
    pub fn new(config: &TokenizerConfig, scratch: &Path) -> Result<Self, TokenizerError> {
        let control_tokens = config.control_tokens()?;
        let morphemes = config
            .morphemes
            .as_deref()
            .map(Morphemes::read)
            .transpose()?;
        let num_counters = if config.has_superwords() { 2 } else { 1 };
        let counter = |with_superwords, morphemes| {
            let json = config.pre_tokenizer_json(with_superwords)?;
            let pre_tokenizer =
                PreTokenizer::new(&json).expect("there are matchers for all of ours");
            let memory_bytes = config.memory_bytes / num_counters;
            Ok(PieceCounter::new(
                pre_tokenizer,
                morphemes,
                memory_bytes,
                scratch,
            ))
        };
        let words = counter(false, morphemes)?;
        let superwords = config
            .has_superwords()
            .then(|| counter(true, None))
            .transpose()?;
        Ok(Self {
            config: config.clone(),
            control_tokens,
            scratch: scratch.to_owned(),
            sample: config.sample_bytes.map(EvenSample::new),
            words,
            superwords,
            unseen: config.weights.keys().cloned().collect(),
            is_empty: true,
        })
    }

    /// Adds a document of a source, which counts as often as the weight of that source says.
    ///
    /// # Errors
    /// A disk that is full.
    pub fn add(&mut self, source: &str, text: &str) -> Result<(), TokenizerError> {
        if text.is_empty() {
            return Ok(());
        }
        self.unseen.remove(source);
        let times = self.config.times(source);
        if times == 0 {
            return Ok(());
        }
        self.is_empty = false;
        match &mut self.sample {
            Some(sample) => {
                sample.add(text, times);
                Ok(())
            }
            None => self.count(text, times),
        }
    }

    fn count(&mut self, text: &str, times: u64) -> Result<(), TokenizerError> {
        let counters = [Some(&mut self.words), self.superwords.as_mut()];
        counters
            .into_iter()
            .flatten()
            .try_for_each(|counter| counter.add(text, times))
            .map_err(scratch_error(&self.scratch))
    }

    /// Learns the vocabulary.
    ///
    /// # Errors
    /// No text at all, or a disk that is full.
    pub fn finish(self) -> Result<Tokenizer, TokenizerError> {
        self.finish_telling(&mut |_| {})
    }

    /// As [`finish`](Self::finish); `told` hears after each merge how many tokens there are.
    ///
    /// # Errors
    /// Those of [`finish`](Self::finish).
    pub fn finish_telling(
        mut self,
        told: &mut dyn FnMut(usize),
    ) -> Result<Tokenizer, TokenizerError> {
        if self.is_empty {
            return Err(TokenizerError::NoText);
        }
        if let Some(source) = self.unseen.first() {
            let expected = "the name of a source that has text";
            return Err(bad(&format!("weights.{source}"), expected, source));
        }
        for (text, times) in self
            .sample
            .take()
            .map(EvenSample::into_pieces)
            .unwrap_or_default()
        {
            self.count(&text, times)?;
        }
        let Self {
            config,
            control_tokens,
            scratch,
            words,
            superwords,
            ..
        } = self;
        let num_control = control_tokens.len();
        let learned = match config.algorithm {
            Algorithm::Bpe => learn_bpe(&config, control_tokens, words, superwords, &scratch, told),
            Algorithm::Unigram => learn_unigram(&config, control_tokens, words),
        };
        let (tokens, model) = learned.map_err(scratch_error(&scratch))?;
        let settings = ConfigFile {
            bos: Some(config.special_tokens.bos.clone()),
            eos: Some(config.special_tokens.eos.clone()),
            pad: Some(config.special_tokens.pad.clone()),
            model_max_length: None,
            chat_template: config.chat_template.clone(),
        };
        let cutting = config.pre_tokenizer_json(config.has_superwords())?;
        let document = document(
            &tokens[..num_control],
            model,
            cutting,
            &config.special_tokens.bos,
        );
        Tokenizer::from_document(document, settings, Path::new("tokenizer.json"))
    }
}

pub(crate) fn scratch_error(scratch: &Path) -> impl Fn(io::Error) -> TokenizerError {
    move |source| TokenizerError::Scratch {
        folder: scratch.to_owned(),
        source,
    }
}

/// The tokens of a byte pair encoding in the order of their ids, and the `model` of its file.
fn learn_bpe(
    config: &TokenizerConfig,
    control_tokens: Vec<String>,
    words: PieceCounter,
    superwords: Option<PieceCounter>,
    scratch: &Path,
    told: &mut dyn FnMut(usize),
) -> io::Result<(Vec<String>, Value)> {
    let mut limits = Limits {
        vocab_size: config.vocab_size - config.num_superwords(),
        min_frequency: config.min_frequency.saturating_mul(config.unit()),
        places: usize::try_from(config.memory_bytes / BYTES_OF_PLACE).unwrap_or(usize::MAX),
    };
    let mut learner = Learner::new(control_tokens);
    let mut store = Store::new(config.memory_bytes, scratch);
    words.for_each_sorted(|piece, count| store.push(count, learner.ids(piece)))?;
    learner.learn(&mut store, limits, told)?;
    if let Some(superwords) = superwords {
        let encoder = learner.encoder();
        let mut ids = Vec::new();
        store = Store::new(config.memory_bytes, scratch);
        superwords.for_each_sorted(|piece, count| {
            ids.clear();
            encoder.encode(piece, &mut ids);
            store.push(count, ids.iter().copied())
        })?;
        limits.vocab_size = config.vocab_size;
        learner.learn(&mut store, limits, told)?;
    }
    let merges: Vec<[&str; 2]> = learner.merges().collect();
    let model = json!({
        "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
        "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
        "vocab": vocab(&learner.tokens), "merges": merges,
    });
    Ok((learner.tokens, model))
}

/// As [`learn_bpe`], of a unigram vocabulary.
fn learn_unigram(
    config: &TokenizerConfig,
    control_tokens: Vec<String>,
    words: PieceCounter,
) -> io::Result<(Vec<String>, Value)> {
    let mut pieces = unigram::Pieces::default();
    words.for_each_sorted(|piece, count| {
        pieces.push(piece, count);
        Ok(())
    })?;
    let vocab = unigram::learn(&pieces, control_tokens, config.vocab_size);
    let model = json!({"type": "Unigram", "unk_id": null, "vocab": vocab, "byte_fallback": false});
    Ok((vocab.into_iter().map(|(token, _)| token).collect(), model))
}

fn vocab(tokens: &[String]) -> Map<String, Value> {
    let ids = tokens.iter().enumerate();
    ids.map(|(id, token)| (token.clone(), Value::from(id)))
        .collect()
}

/// A `tokenizer.json` whose first ids are these control tokens.
fn document(control_tokens: &[String], model: Value, pre_tokenizer: Value, bos: &str) -> Value {
    let control: Vec<Value> = control_tokens
        .iter()
        .enumerate()
        .map(|(id, content)| {
            json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": true})
        })
        .collect();
    let bos_id = control_tokens.iter().position(|token| token == bos);
    let bos_piece = json!({"SpecialToken": {"id": bos, "type_id": 0}});
    let sequence = |id| json!({"Sequence": {"id": id, "type_id": 0}});
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": control,
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": pre_tokenizer,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [bos_piece, sequence("A")],
            "pair": [bos_piece, sequence("A"), bos_piece, sequence("B")],
            "special_tokens": {bos: {"id": bos, "ids": [bos_id], "tokens": [bos]}},
        },
        "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false},
        "model": model,
    })
}
