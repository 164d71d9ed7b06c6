//! How much text a token carries, and where it is cut: the figures by which tokenizers are compared.

mod endings;
mod morphemes;

use crate::{Tokenizer, TokenizerError};

pub use endings::{Ending, Endings};
pub use morphemes::{MorphemeBorders, Word};

/// Sums over texts; ratios are taken of the sums, so long texts weigh more than short ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Measure {
    /// Bytes of UTF-8, as given (before normalization).
    pub bytes: u64,
    /// Tokens, control tokens not counted.
    pub tokens: u64,
    /// Words between white space.
    pub eojeol: u64,
    /// Hangul syllables: those of the modern block, and old ones counted by their leading consonant.
    pub syllables: u64,
    /// Tokens that stand for one byte which is not a character by itself: a sign of text that the vocabulary does not know.
    pub single_byte_tokens: u64,
    /// Tokens of more than one word: with a blank between two other characters.
    pub superwords: u64,
    /// Bytes of those.
    pub superword_bytes: u64,
}

impl Measure {
    /// Encodes `text` and adds its counts.
    ///
    /// # Errors
    /// Those of [`Tokenizer::encode`].
    pub fn add(&mut self, tokenizer: &Tokenizer, text: &str) -> Result<(), TokenizerError> {
        let ids = tokenizer.encode(text)?;
        self.bytes += text.len() as u64;
        self.tokens += ids.len() as u64;
        self.eojeol += text.split_whitespace().count() as u64;
        self.syllables += text
            .chars()
            .filter(|c| matches!(c, '가'..='힣' | '\u{1100}'..='\u{115E}'))
            .count() as u64;
        for id in ids {
            match tokenizer.kind(id) {
                Kind::Word => {}
                Kind::SingleByte => self.single_byte_tokens += 1,
                Kind::Superword(bytes) => {
                    self.superwords += 1;
                    self.superword_bytes += u64::from(bytes);
                }
            }
        }
        Ok(())
    }

    /// Adds the counts of another measure.
    pub fn merge(&mut self, other: &Self) {
        let Self {
            bytes,
            tokens,
            eojeol,
            syllables,
            single_byte_tokens,
            superwords,
            superword_bytes,
        } = other;
        self.bytes += bytes;
        self.tokens += tokens;
        self.eojeol += eojeol;
        self.syllables += syllables;
        self.single_byte_tokens += single_byte_tokens;
        self.superwords += superwords;
        self.superword_bytes += superword_bytes;
    }

    /// Bytes that a token carries on average; more is better. Nothing if there are no tokens.
    pub fn bytes_per_token(&self) -> Option<f64> {
        ratio(self.bytes, self.tokens)
    }

    /// The same without the tokens that cross a space, and without the text that they carry.
    pub fn bytes_per_word_token(&self) -> Option<f64> {
        let bytes = self.bytes.saturating_sub(self.superword_bytes);
        ratio(bytes, self.tokens - self.superwords)
    }

    /// Which part of the tokens stands for one byte of a character that is no token.
    pub fn single_byte_share(&self) -> Option<f64> {
        ratio(self.single_byte_tokens, self.tokens)
    }

    /// Which part of the tokens crosses a space.
    pub fn superword_share(&self) -> Option<f64> {
        ratio(self.superwords, self.tokens)
    }

    /// Tokens that an eojeol takes on average; fewer is better. Nothing if there are no eojeol.
    pub fn tokens_per_eojeol(&self) -> Option<f64> {
        ratio(self.tokens, self.eojeol)
    }

    /// Tokens that a Hangul syllable takes on average; fewer is better. Nothing if there are no syllables.
    pub fn tokens_per_syllable(&self) -> Option<f64> {
        ratio(self.tokens, self.syllables)
    }
}

/// What a token is, as far as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Word,
    /// A byte of a character that is no token.
    SingleByte,
    /// Of so many bytes.
    Superword(u32),
}

impl Kind {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let is_blank = u8::is_ascii_whitespace;
        match bytes {
            [byte] if !byte.is_ascii() => Self::SingleByte,
            bytes if bytes.trim_ascii().iter().any(is_blank) => Self::Superword(bytes.len() as u32),
            _ => Self::Word,
        }
    }
}

/// A text as it is encoded: its normal form, and the places where tokens end.
pub(crate) struct Cut {
    pub(crate) text: String,
    pub(crate) ends: Vec<usize>,
}

impl Cut {
    /// Nothing if the tokens' bytes are no text, as those of a decoder of its own kind.
    pub(crate) fn new(tokenizer: &Tokenizer, text: &str) -> Result<Option<Self>, TokenizerError> {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for id in tokenizer.encode(text)? {
            tokenizer.push_bytes(id, &mut bytes);
            ends.push(bytes.len());
        }
        Ok(String::from_utf8(bytes)
            .ok()
            .map(|text| Self { text, ends }))
    }

    /// The ends of tokens within a range of the text.
    pub(crate) fn within(&self, range: std::ops::Range<usize>) -> &[usize] {
        let from = self.ends.partition_point(|end| *end <= range.start);
        let to = self.ends.partition_point(|end| *end < range.end);
        &self.ends[from..to.max(from)]
    }
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{TokenizerConfig, train};

    #[test]
    fn counts_add_up() {
        let tokenizer = train(["한글 한글 한글"], &TokenizerConfig::with_vocab_size(300)).unwrap();
        let mut measure = Measure::default();
        assert_eq!(measure.bytes_per_token(), None);
        measure.add(&tokenizer, "한글 한글 뷁").unwrap();
        // Whole words are tokens; the space sticks to the unseen syllable, which falls into three bytes.
        assert_eq!(
            measure,
            Measure {
                bytes: 17,
                tokens: 6,
                eojeol: 3,
                syllables: 5,
                single_byte_tokens: 3,
                superwords: 0,
                superword_bytes: 0,
            }
        );
        let mut twice = measure;
        twice.merge(&measure);
        assert_eq!(twice.bytes_per_token(), measure.bytes_per_token());
        assert_eq!(measure.tokens_per_eojeol(), Some(2.0));
        assert_eq!(measure.tokens_per_syllable(), Some(1.2));
    }

    #[test]
    fn tokens_that_cross_a_space_are_counted_apart() {
        let config = TokenizerConfig {
            superword_share: 0.1,
            ..TokenizerConfig::with_vocab_size(330)
        };
        let tokenizer = train(["할 수 있다 할 수 있다 할 수 있다"], &config).unwrap();
        let mut measure = Measure::default();
        measure.add(&tokenizer, "할 수 있다 뷁").unwrap();
        // `할`, ` 수 있다`, then the space and three bytes.
        assert_eq!(
            (measure.tokens, measure.superwords, measure.superword_bytes),
            (6, 1, 11)
        );
        assert_eq!(measure.bytes_per_word_token(), Some(1.4));
        assert_eq!(measure.superword_share(), Some(1.0 / 6.0));
    }
}
