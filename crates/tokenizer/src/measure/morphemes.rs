//! How well the borders of tokens agree with those of morphemes.

use super::Cut;
use crate::{Tokenizer, TokenizerError};

/// A word of a sentence, and its morphemes in their dictionary form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// As it stands in the sentence.
    pub form: String,
    /// Joined they are the form, or what it was before its syllables were contracted.
    pub morphemes: Vec<String>,
}

/// Sums over words. Words whose morphemes are contracted have no border that could be compared, and are left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MorphemeBorders {
    /// Words compared.
    pub words: u64,
    /// Borders between morphemes within them.
    pub of_morphemes: u64,
    /// Borders between tokens within them.
    pub of_tokens: u64,
    /// Those that are both.
    pub shared: u64,
}

impl MorphemeBorders {
    /// Encodes a sentence and compares the borders in its words, which are looked for in their order.
    ///
    /// # Errors
    /// Those of [`Tokenizer::encode`].
    pub fn add(
        &mut self,
        tokenizer: &Tokenizer,
        sentence: &str,
        words: &[Word],
    ) -> Result<(), TokenizerError> {
        let Some(cut) = Cut::new(tokenizer, sentence)? else {
            return Ok(());
        };
        let mut at = 0;
        for word in words {
            let Some(found) = cut.text[at..].find(&word.form) else {
                continue;
            };
            let start = at + found;
            at = start + word.form.len();
            if word.morphemes.concat() != word.form {
                continue;
            }
            let tokens = cut.within(start..at);
            let mut border = start;
            let mut shared = 0;
            let inner = word.morphemes.len().saturating_sub(1);
            for morpheme in &word.morphemes[..inner] {
                border += morpheme.len();
                shared += u64::from(tokens.contains(&border));
            }
            self.words += 1;
            self.of_morphemes += inner as u64;
            self.of_tokens += tokens.len() as u64;
            self.shared += shared;
        }
        Ok(())
    }

    /// Which part of the borders between tokens is one between morphemes.
    pub fn precision(&self) -> Option<f64> {
        super::ratio(self.shared, self.of_tokens)
    }

    /// Which part of the borders between morphemes is one between tokens.
    pub fn recall(&self) -> Option<f64> {
        super::ratio(self.shared, self.of_morphemes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{TokenizerConfig, train};

    #[test]
    fn borders_within_words_are_compared() {
        let text = "학교 학교 학교 에서 에서 에서 ";
        let tokenizer = train([text], &TokenizerConfig::with_vocab_size(290)).unwrap();
        let word = |form: &str, morphemes: &[&str]| Word {
            form: form.to_owned(),
            morphemes: morphemes.iter().map(|part| (*part).to_owned()).collect(),
        };
        let mut borders = MorphemeBorders::default();
        // ` 학교` and then the two syllables of three bytes each, whose five borders are one between morphemes; the last word is
        // a contraction.
        let words = [word("학교를", &["학교", "를"]), word("해", &["하", "여"])];
        borders.add(&tokenizer, "그 학교를 해", &words).unwrap();
        assert_eq!(
            borders,
            MorphemeBorders {
                words: 1,
                of_morphemes: 1,
                of_tokens: 3,
                shared: 1
            }
        );
        assert_eq!(borders.precision(), Some(1.0 / 3.0));
        assert_eq!(borders.recall(), Some(1.0));
    }
}
