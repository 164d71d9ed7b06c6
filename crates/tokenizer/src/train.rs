//! Training: text in, a tokenizer out.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::config_file::ConfigFile;
use crate::merges::{Learned, Limits, Words, learn};
use crate::pattern::split_pattern;
use crate::piece_counts::PieceCounts;
use crate::pre_tokenizer::PreTokenizer;
use crate::sample::EvenSample;
use crate::{Tokenizer, TokenizerConfig, TokenizerError};

/// Places of pairs that merging lists at once: 32 MB.
const PLACES: usize = 8 << 20;

/// Trains a byte-level BPE tokenizer on `texts`, one document each.
///
/// The result depends on the texts and `config` only: not on the number of threads, not on the run. It has
/// `config.vocab_size` tokens, or fewer where no further pair occurs often enough; [`Tokenizer::vocab_size`] tells.
///
/// # Errors
/// A setting that [`TokenizerConfig::check`] refuses, or no text at all.
pub fn train<I>(texts: I, config: &TokenizerConfig) -> Result<Tokenizer, TokenizerError>
where
    I: IntoIterator,
    I::Item: AsRef<str>,
{
    let control_tokens = config.control_tokens()?;
    let mut sample = EvenSample::new(config.sample_bytes);
    for text in texts {
        sample.add(text.as_ref());
    }
    let texts = sample.into_pieces();
    if texts.is_empty() {
        return Err(TokenizerError::NoText);
    }
    let split = json!({"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": split_pattern(config.digits)}, "behavior": "Isolated", "invert": false},
        {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false},
    ]});
    let pre_tokenizer = PreTokenizer::new(&split).ok_or_else(|| TokenizerError::Library {
        action: "cut text",
        reason: format!("no matcher for {split}"),
    })?;
    let pieces = PieceCounts::of(&texts, &pre_tokenizer);
    drop(texts);
    let words = Words::new(pieces.sorted().into_iter());
    drop(pieces);
    let num_control = control_tokens.len();
    let limits = Limits {
        vocab_size: config.vocab_size,
        min_frequency: config.min_frequency,
        places: PLACES,
    };
    let learned = learn(words, control_tokens, limits);
    let settings = ConfigFile {
        bos: Some(config.special_tokens.bos.clone()),
        eos: Some(config.special_tokens.eos.clone()),
        pad: Some(config.special_tokens.pad.clone()),
        model_max_length: None,
        chat_template: config.chat_template.clone(),
    };
    let document = document(learned, num_control, split, &config.special_tokens.bos);
    Tokenizer::from_document(document, settings, Path::new("tokenizer.json"))
}

/// The `tokenizer.json` of a vocabulary whose first `num_control` ids are control tokens.
fn document(learned: Learned, num_control: usize, pre_tokenizer: Value, bos: &str) -> Value {
    let control: Vec<Value> = learned.tokens[..num_control]
        .iter()
        .enumerate()
        .map(|(id, content)| {
            json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": true})
        })
        .collect();
    let bos_id = learned.tokens.iter().position(|token| token == bos);
    let vocab: Map<String, Value> = learned
        .tokens
        .into_iter()
        .enumerate()
        .map(|(id, token)| (token, Value::from(id)))
        .collect();
    let merges: Vec<Value> = learned
        .merges
        .into_iter()
        .map(|(left, right)| json!([left, right]))
        .collect();
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
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
            "vocab": vocab, "merges": merges,
        },
    })
}
