//! How a tokenizer is trained: the table that a recipe or a file under `configs/tokenizers` holds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{TokenizerError, byte_alphabet};

/// How to train a byte-level tokenizer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenizerConfig {
    /// Number of tokens, all special and reserved ones and the 256 bytes included. Little text may give fewer.
    pub vocab_size: usize,
    /// How the vocabulary is learned.
    #[serde(default)]
    pub algorithm: Algorithm,
    /// Where text is cut before merging.
    #[serde(default)]
    pub pre_tokenizer: PreTokenization,
    /// How runs of digits are cut, where `pre_tokenizer` does not say so itself.
    #[serde(default)]
    pub digits: Digits,
    /// A pair of tokens is merged only if it occurs at least this often in the text read.
    #[serde(default = "default_min_frequency")]
    pub min_frequency: u64,
    /// Which part of the tokens that are learned may cross a space, 0 to 0.9: the last ones, merged of whole words
    /// (SuperBPE, arXiv 2503.13423). For `pre_tokenizer` `korean` and `k_exaone`.
    #[serde(default)]
    pub superword_share: f64,
    /// Folder of a dictionary whose morphemes no token that is learned crosses: `.csv` files as MeCab's dictionaries have, `.txt` files
    /// with a morpheme a line. Text is cut at them while training only, so rare words can still be encoded otherwise.
    #[serde(default)]
    pub morphemes: Option<PathBuf>,
    /// How often the documents of a source count, by its name: 1 for those not named, 0 for none of them, to three decimals.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub weights: BTreeMap<String, f64>,
    /// How much text training reads at most, in bytes of UTF-8, spread evenly over the documents given and held in memory; absent
    /// for all of it.
    #[serde(default)]
    pub sample_bytes: Option<u64>,
    /// Memory that training takes for counts, at most; what does not fit is kept on disk, and the tokens are the same.
    #[serde(default = "default_memory_bytes")]
    pub memory_bytes: u64,
    /// Control tokens. They take the first ids: pad 0, bos 1, eos 2, then the extra ones in their order.
    #[serde(default)]
    pub special_tokens: SpecialTokens,
    /// Control tokens without a meaning yet (`<|reserved_0|>` and on), kept so that later stages need no new rows.
    #[serde(default = "default_reserved_tokens")]
    pub reserved_tokens: usize,
    /// Jinja template that renders a conversation; absent for a tokenizer of plain text.
    #[serde(default)]
    pub chat_template: Option<String>,
}

/// How a vocabulary is learned, and text encoded with it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// Byte pair encoding: the most frequent pair of neighbours becomes a token, again and again (arXiv 1508.07909).
    #[default]
    Bpe,
    /// Tokens with probabilities, and text in the most probable ones (arXiv 1804.10959). Learning it takes memory for all distinct
    /// words, whatever `memory_bytes` says.
    Unigram,
}

/// Where text is cut before merging: no token spans two pieces. [`pattern`](crate::pattern) has the expressions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PreTokenization {
    /// Eojeol with the punctuation around them, cut from the Latin and digits glued to them.
    #[default]
    Korean,
    /// GPT-2's, also A.X 4.0's: runs of letters, of digits and of symbols.
    Gpt2,
    /// Llama 3's: as GPT-2's, digits in threes from the left, one symbol may begin a word.
    Llama3,
    /// Qwen2's and Solar Open's: as Llama 3's, single digits.
    Qwen2,
    /// EXAONE 3's and 4's: single digits, then GPT-2's.
    Exaone,
    /// K-EXAONE's, for superwords.
    KExaone,
    /// GPT-4o's: as Llama 3's, words are also cut between a lower-case and an upper-case letter.
    O200k,
}

/// How runs of digits are cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Digits {
    /// Each digit is a token of its own: numbers of any length look alike to the model.
    Single,
    /// Groups of three digits from the right, as numbers are read: fewer tokens, and places of a number line up.
    #[default]
    UpToThree,
}

/// Spellings of the control tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SpecialTokens {
    /// Stands before each document.
    pub bos: String,
    /// Ends each document, and generation.
    pub eos: String,
    /// Fills a batch; never a target.
    pub pad: String,
    /// Further control tokens, such as the role markers of a chat template.
    pub extra: Vec<String>,
}

impl Default for SpecialTokens {
    fn default() -> Self {
        Self {
            bos: "<|bos|>".to_owned(),
            eos: "<|eos|>".to_owned(),
            pad: "<|pad|>".to_owned(),
            extra: [
                "<|system|>",
                "<|user|>",
                "<|assistant|>",
                "<|tool|>",
                "<|endofturn|>",
            ]
            .map(str::to_owned)
            .to_vec(),
        }
    }
}

fn default_min_frequency() -> u64 {
    2
}

fn default_memory_bytes() -> u64 {
    1 << 30
}

fn default_reserved_tokens() -> usize {
    16
}

/// The most control tokens a configuration may ask for; published models have at most a few hundred.
const MAX_SPECIAL_TOKENS: usize = 65_536;

/// Less is not enough for the buffers.
const MIN_MEMORY_BYTES: u64 = 64 << 20;

/// The longest spelling of a control token, in bytes.
const MAX_SPECIAL_TOKEN_BYTES: usize = 128;

impl TokenizerConfig {
    /// A configuration of this size with every other setting at its default.
    pub fn with_vocab_size(vocab_size: usize) -> Self {
        Self {
            vocab_size,
            algorithm: Algorithm::default(),
            pre_tokenizer: PreTokenization::default(),
            digits: Digits::default(),
            min_frequency: default_min_frequency(),
            superword_share: 0.0,
            morphemes: None,
            weights: BTreeMap::new(),
            sample_bytes: None,
            memory_bytes: default_memory_bytes(),
            special_tokens: SpecialTokens::default(),
            reserved_tokens: default_reserved_tokens(),
            chat_template: None,
        }
    }

    /// Checks everything that can be said without text: what [`train`](crate::train) does first.
    ///
    /// # Errors
    /// A setting out of range, two control tokens with one spelling, or a vocabulary that cannot hold them and the bytes.
    pub fn check(&self) -> Result<(), TokenizerError> {
        self.control_tokens().map(|_| ())
    }

    /// How often each occurrence counts where the weight is 1: more than once if a weight has decimals.
    pub(crate) fn unit(&self) -> u64 {
        let is_whole = self.weights.values().all(|weight| weight.fract() == 0.0);
        if is_whole { 1 } else { 1000 }
    }

    /// How often each occurrence in a source counts.
    pub(crate) fn times(&self, source: &str) -> u64 {
        let unit = self.unit();
        let weight = self.weights.get(source);
        weight.map_or(unit, |weight| (weight * unit as f64).round() as u64)
    }

    pub(crate) fn has_superwords(&self) -> bool {
        self.superword_share > 0.0
    }

    /// How many tokens the second stage learns.
    pub(crate) fn num_superwords(&self) -> usize {
        let learned = self.vocab_size.saturating_sub(256);
        (learned as f64 * self.superword_share).round() as usize
    }

    /// The `pre_tokenizer` of the file.
    pub(crate) fn pre_tokenizer_json(
        &self,
        with_superwords: bool,
    ) -> Result<Value, TokenizerError> {
        let json = self.pre_tokenizer.json(self.digits, with_superwords);
        json.ok_or_else(|| {
            let expected = "0 for a pre-tokenizer other than `korean` and `k_exaone`";
            bad("superword_share", expected, &self.superword_share)
        })
    }

    /// All control tokens in the order of their ids.
    pub(crate) fn control_tokens(&self) -> Result<Vec<String>, TokenizerError> {
        let SpecialTokens {
            bos,
            eos,
            pad,
            extra,
        } = &self.special_tokens;
        let total = 3usize
            .saturating_add(extra.len())
            .saturating_add(self.reserved_tokens);
        if total > MAX_SPECIAL_TOKENS {
            let field = if extra.len() > self.reserved_tokens {
                "special_tokens.extra"
            } else {
                "reserved_tokens"
            };
            return Err(bad(field, "at most 65536 control tokens in all", &total));
        }
        if self.sample_bytes == Some(0) {
            return Err(bad("sample_bytes", "at least one byte", &0));
        }
        if self.memory_bytes < MIN_MEMORY_BYTES {
            return Err(bad("memory_bytes", "at least 67108864", &self.memory_bytes));
        }
        for (source, weight) in &self.weights {
            if !(0.0..=1000.0).contains(weight) {
                return Err(bad(
                    &format!("weights.{source}"),
                    "a number from 0 to 1000",
                    weight,
                ));
            }
        }
        if !(0.0..=0.9).contains(&self.superword_share) {
            return Err(bad(
                "superword_share",
                "a share from 0 to 0.9",
                &self.superword_share,
            ));
        }
        if self.has_superwords() && self.algorithm != Algorithm::Bpe {
            return Err(bad(
                "superword_share",
                "0 for an algorithm other than `bpe`",
                &self.superword_share,
            ));
        }
        self.pre_tokenizer_json(self.has_superwords())?;
        if self.vocab_size > crate::validate::MAX_VOCAB {
            return Err(bad(
                "vocab_size",
                "at most 4194304 tokens",
                &self.vocab_size,
            ));
        }
        let named = [
            ("special_tokens.pad", pad),
            ("special_tokens.bos", bos),
            ("special_tokens.eos", eos),
        ]
        .map(|(field, token)| (field, token.clone()));
        let extra = extra
            .iter()
            .map(|token| ("special_tokens.extra", token.clone()));
        let reserved = (0..self.reserved_tokens)
            .map(|index| ("reserved_tokens", format!("<|reserved_{index}|>")));

        let mut seen = BTreeSet::new();
        let mut tokens = Vec::with_capacity(total);
        for (field, token) in named.into_iter().chain(extra).chain(reserved) {
            let stands_for_byte = token.chars().count() == 1
                && token.chars().all(|c| byte_alphabet::byte_of(c).is_some());
            if token.is_empty() || token.len() > MAX_SPECIAL_TOKEN_BYTES || stands_for_byte {
                return Err(bad(field, "a spelling of 2 to 128 bytes", &token));
            }
            if !seen.insert(token.clone()) {
                return Err(bad(
                    field,
                    "a spelling that no other control token has",
                    &token,
                ));
            }
            tokens.push(token);
        }
        let needed = tokens.len() + 256;
        if self.vocab_size < needed {
            return Err(TokenizerError::VocabTooSmall {
                vocab_size: self.vocab_size,
                needed,
            });
        }
        Ok(tokens)
    }
}

pub(crate) fn bad(
    field: &str,
    expected: &'static str,
    got: &dyn std::fmt::Display,
) -> TokenizerError {
    TokenizerError::Config {
        field: field.to_owned(),
        expected,
        got: got.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(change: impl FnOnce(&mut TokenizerConfig)) -> String {
        let mut config = TokenizerConfig::with_vocab_size(1_000);
        change(&mut config);
        config.check().unwrap_err().to_string()
    }

    #[test]
    fn only_the_size_is_required_and_unknown_keys_are_refused() {
        let config: TokenizerConfig = serde_json::from_str(r#"{"vocab_size": 4096}"#).unwrap();
        assert_eq!(config, TokenizerConfig::with_vocab_size(4096));
        let config: TokenizerConfig =
            serde_json::from_str(r#"{"vocab_size": 4096, "digits": "single"}"#).unwrap();
        assert_eq!(config.digits, Digits::Single);
        let error = serde_json::from_str::<TokenizerConfig>(r#"{"vocab_size": 1, "vocabsize": 2}"#)
            .unwrap_err();
        assert!(
            error.to_string().contains("unknown field `vocabsize`"),
            "{error}"
        );
        let error = serde_json::from_str::<SpecialTokens>(r#"{"boss": "x"}"#).unwrap_err();
        assert!(
            error.to_string().contains("unknown field `boss`"),
            "{error}"
        );
    }

    #[test]
    fn refusals_name_the_setting() {
        insta::assert_snapshot!(
            refusal(|c| c.vocab_size = 200),
            @"`vocab_size` is `200`, but the special tokens and the 256 bytes alone need `280`"
        );
        insta::assert_snapshot!(
            refusal(|c| c.special_tokens.bos = String::new()),
            @"tokenizer setting `special_tokens.bos`: expected a spelling of 2 to 128 bytes, got ``"
        );
        insta::assert_snapshot!(
            refusal(|c| c.special_tokens.eos = "a".to_owned()),
            @"tokenizer setting `special_tokens.eos`: expected a spelling of 2 to 128 bytes, got `a`"
        );
        insta::assert_snapshot!(
            refusal(|c| c.special_tokens.extra.push("<|bos|>".to_owned())),
            @"tokenizer setting `special_tokens.extra`: expected a spelling that no other control token has, got `<|bos|>`"
        );
        insta::assert_snapshot!(
            refusal(|c| c.reserved_tokens = usize::MAX),
            @"tokenizer setting `reserved_tokens`: expected at most 65536 control tokens in all, got `18446744073709551615`"
        );
    }

    #[test]
    fn control_tokens_take_the_first_ids() {
        let mut config = TokenizerConfig::with_vocab_size(1_000);
        config.reserved_tokens = 1;
        let tokens = config.control_tokens().unwrap();
        assert_eq!(tokens[..4], ["<|pad|>", "<|bos|>", "<|eos|>", "<|system|>"]);
        assert_eq!(tokens.last().map(String::as_str), Some("<|reserved_0|>"));
    }
}
