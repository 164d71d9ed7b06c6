//! How a tokenizer cuts the commonest particles and endings of Korean from the words in front of them.

use std::collections::BTreeMap;

use super::Cut;
use crate::{Tokenizer, TokenizerError};

/// Particles, then endings of verbs; a word counts under the longest one that it ends with.
const ENDINGS: [&str; 40] = [
    "은",
    "는",
    "이",
    "가",
    "을",
    "를",
    "의",
    "에",
    "에서",
    "에게",
    "으로",
    "로",
    "와",
    "과",
    "도",
    "만",
    "까지",
    "부터",
    "보다",
    "처럼",
    "에는",
    "에도",
    "으로써",
    "으로서",
    "한다",
    "하는",
    "하여",
    "하고",
    "하며",
    "하지",
    "했다",
    "한",
    "할",
    "된",
    "되는",
    "되어",
    "이다",
    "있다",
    "있는",
    "습니다",
];

/// Counts for each of the commonest endings.
#[derive(Debug, Default)]
pub struct Endings {
    found: BTreeMap<&'static str, Found>,
}

#[derive(Debug, Default)]
struct Found {
    words: u64,
    cut_before: u64,
    /// Words with `|` where a token ends.
    splits: BTreeMap<String, u64>,
}

/// What came of the words with one ending.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    /// The ending.
    pub ending: &'static str,
    /// Words that have it.
    pub words: u64,
    /// In which part of them a token ends right before it.
    pub cut_before: f64,
    /// The commonest of these words, `|` where a token ends.
    pub example: String,
}

impl Endings {
    /// Encodes `text` and counts the words in it.
    ///
    /// # Errors
    /// Those of [`Tokenizer::encode`].
    pub fn add(&mut self, tokenizer: &Tokenizer, text: &str) -> Result<(), TokenizerError> {
        let Some(cut) = Cut::new(tokenizer, text)? else {
            return Ok(());
        };
        for word in cut.text.split_whitespace() {
            let word = word.trim_matches(|c: char| !('가'..='힣').contains(&c));
            let start = word.as_ptr().addr() - cut.text.as_ptr().addr();
            let has = |ending: &&&str| word.len() > ending.len() && word.ends_with(**ending);
            let Some(ending) = ENDINGS.iter().filter(has).max_by_key(|ending| ending.len()) else {
                continue;
            };
            let borders = cut.within(start..start + word.len());
            let found = self.found.entry(ending).or_default();
            found.words += 1;
            found.cut_before += u64::from(borders.contains(&(start + word.len() - ending.len())));
            let mut split = String::new();
            for (at, character) in word.char_indices() {
                if borders.contains(&(start + at)) {
                    split.push('|');
                }
                split.push(character);
            }
            *found.splits.entry(split).or_default() += 1;
        }
        Ok(())
    }

    /// The endings that were found, the commonest first.
    pub fn commonest(&self) -> Vec<Ending> {
        let mut endings: Vec<Ending> = self
            .found
            .iter()
            .map(|(ending, found)| {
                let example = found.splits.iter().max_by_key(|(_, count)| **count);
                Ending {
                    ending,
                    words: found.words,
                    cut_before: found.cut_before as f64 / found.words as f64,
                    example: example.map(|(split, _)| split.clone()).unwrap_or_default(),
                }
            })
            .collect();
        endings.sort_by_key(|ending| std::cmp::Reverse(ending.words));
        endings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{TokenizerConfig, train};

    #[test]
    fn words_count_under_their_longest_ending() {
        let text = "학교 학교 학교 학교에서 (집에서) 학교를 에서 GPU를";
        let tokenizer = train([text], &TokenizerConfig::with_vocab_size(290)).unwrap();
        let mut endings = Endings::default();
        endings.add(&tokenizer, text).unwrap();
        let found = endings.commonest();
        let words: Vec<_> = found
            .iter()
            .map(|ending| (ending.ending, ending.words))
            .collect();
        assert_eq!(words, [("에서", 2), ("를", 1)]);
        assert_eq!(
            (found[1].cut_before, found[1].example.as_str()),
            (1.0, "학교|를")
        );
    }
}
