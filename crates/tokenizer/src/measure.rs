//! How much text a token carries: the figures by which tokenizers are compared.

use crate::{Tokenizer, TokenizerError};

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
        self.single_byte_tokens += ids
            .iter()
            .filter(|&&id| tokenizer.is_fragment_of_character(id))
            .count() as u64;
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
        } = other;
        self.bytes += bytes;
        self.tokens += tokens;
        self.eojeol += eojeol;
        self.syllables += syllables;
        self.single_byte_tokens += single_byte_tokens;
    }

    /// Bytes that a token carries on average; more is better. Nothing if there are no tokens.
    pub fn bytes_per_token(&self) -> Option<f64> {
        ratio(self.bytes, self.tokens)
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
                single_byte_tokens: 3
            }
        );
        let mut twice = measure;
        twice.merge(&measure);
        assert_eq!(twice.bytes_per_token(), measure.bytes_per_token());
        assert_eq!(measure.tokens_per_eojeol(), Some(2.0));
        assert_eq!(measure.tokens_per_syllable(), Some(1.2));
    }
}
