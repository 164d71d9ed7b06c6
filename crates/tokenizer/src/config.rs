//! How a tokenizer is trained: the table that a recipe or a file under `configs/tokenizers` holds.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{TokenizerError, byte_alphabet};

/// How to train a byte-level BPE tokenizer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenizerConfig {
    /// Number of tokens, all special and reserved ones and the 256 bytes included. Little text may give fewer.
    pub vocab_size: usize,
    /// How runs of digits are cut.
    #[serde(default)]
    pub digits: Digits,
    /// A pair of tokens is merged only if it occurs at least this often in the text read.
    #[serde(default = "default_min_frequency")]
    pub min_frequency: u64,
    /// How much text training reads at most, in bytes of UTF-8, spread evenly over the documents given.
    /// Training holds this much text in memory.
    #[serde(default = "default_sample_bytes")]
    pub sample_bytes: u64,
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

/// How runs of digits are cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Digits {
    /// Each digit is a token of its own: numbers of any length look alike to the model.
    #[default]
    Single,
    /// Groups of up to three digits from the left: fewer tokens where numbers are many.
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

fn default_sample_bytes() -> u64 {
    128 << 20
}

fn default_reserved_tokens() -> usize {
    16
}

/// The most control tokens a configuration may ask for; published models have at most a few hundred.
const MAX_SPECIAL_TOKENS: usize = 65_536;

/// The longest spelling of a control token, in bytes.
const MAX_SPECIAL_TOKEN_BYTES: usize = 128;

impl TokenizerConfig {
    /// A configuration of this size with every other setting at its default.
    pub fn with_vocab_size(vocab_size: usize) -> Self {
        Self {
            vocab_size,
            digits: Digits::default(),
            min_frequency: default_min_frequency(),
            sample_bytes: default_sample_bytes(),
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
        if self.sample_bytes == 0 {
            return Err(bad("sample_bytes", "at least one byte", &0));
        }
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

fn bad(field: &str, expected: &'static str, got: &dyn std::fmt::Display) -> TokenizerError {
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
            serde_json::from_str(r#"{"vocab_size": 4096, "digits": "up_to_three"}"#).unwrap();
        assert_eq!(config.digits, Digits::UpToThree);
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
