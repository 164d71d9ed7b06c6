//! The stronger baseline: triples of characters, where a Hangul syllable is one symbol and not three bytes.

use crate::byte_ngram::NgramBaseline;
use crate::kneser_ney::{History, KneserNey, Order, Trainer};

/// The end of a document as a symbol, beyond all code points; in a context, its start.
const END: u32 = 0x11_0000;

/// A trigram model over characters that can spell those it never saw.
///
/// Below the counts stands a byte model of how the training text's different characters are spelled; the end of a document is the
/// empty spelling. That is a distribution over all byte strings, so the bits are those of a real code.
#[derive(Debug, Clone)]
pub struct CharacterBaseline {
    counts: KneserNey,
    spelling: NgramBaseline,
}

impl CharacterBaseline {
    /// Counts documents until `limit_bytes` of text were read; the document that reaches the limit is cut there.
    ///
    /// Memory: some 60 bytes for each different trigram, of which Hangul has fewer than a third of `limit_bytes`, and 128 MiB.
    pub fn train<I>(documents: I, limit_bytes: u64) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let mut trainer = Trainer::new(Order::Trigram, END);
        let mut left = usize::try_from(limit_bytes).unwrap_or(usize::MAX);
        for document in documents {
            let text = document.as_ref();
            if left < text.len() {
                let front = &text[..text.floor_char_boundary(left)];
                trainer.add(front.chars().map(u32::from));
                break;
            }
            trainer.add(with_end(text));
            left -= text.len();
        }
        let counts = trainer.finish();
        let spelling = NgramBaseline::train(Order::Trigram, counts.seen().map(spell), u64::MAX);
        Self { counts, spelling }
    }

    /// Bits that the model needs for the documents and their ends, divided by the documents' bytes; `None` without text.
    pub fn bits_per_byte<I>(&self, documents: I) -> Option<f64>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let (mut bits, mut bytes) = (0.0, 0u64);
        for document in documents {
            let mut history = History::start(END);
            for symbol in with_end(document.as_ref()) {
                bits -= self.probability(history, symbol).log2();
                history = history.push(symbol);
            }
            bytes += document.as_ref().len() as u64;
        }
        (bytes > 0).then(|| bits / bytes as f64)
    }

    fn probability(&self, history: History, symbol: u32) -> f64 {
        let base = self
            .spelling
            .log2_probability(spell(symbol).as_bytes())
            .exp2();
        self.counts.probability(history, symbol, base)
    }
}

fn with_end(text: &str) -> impl Iterator<Item = u32> + '_ {
    text.chars().map(u32::from).chain(std::iter::once(END))
}

fn spell(symbol: u32) -> String {
    char::from_u32(symbol).map(String::from).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: [&str; 3] = [
        "나라의 말이 서로 달라 뜻을 펴지 못하는 이가 많다.",
        "말이 달라 뜻을 적는다.",
        "ab ab abc",
    ];

    #[test]
    fn probabilities_sum_to_at_most_one() {
        let model = CharacterBaseline::train(TEXT, u64::MAX);
        for context in ["", "말", "말이", "서로", "한"] {
            let history = context
                .chars()
                .fold(History::start(END), |history, c| history.push(u32::from(c)));
            let characters = ('\0'..=char::MAX).map(u32::from).chain([END]);
            let sum: f64 = characters
                .map(|symbol| model.probability(history, symbol))
                .sum();
            // The rest is on byte strings that are no characters.
            assert!(sum <= 1.0 + 1e-9 && sum > 0.5, "after {context:?}: {sum}");
        }
    }

    #[test]
    fn unseen_characters_cost_bits_and_not_everything() {
        let model = CharacterBaseline::train(TEXT, u64::MAX);
        let [seen, unseen] =
            ["말이 달라", "춤이 좋아"].map(|text| model.bits_per_byte([text]).unwrap());
        assert!(seen < unseen && unseen < 8.0, "{seen} {unseen}");
    }

    #[test]
    fn text_is_cut_between_characters() {
        let cut = CharacterBaseline::train(["가나다"], 7)
            .bits_per_byte(["가나"])
            .unwrap();
        let short = CharacterBaseline::train(["가나다"], 6)
            .bits_per_byte(["가나"])
            .unwrap();
        assert_eq!(cut.to_bits(), short.to_bits());
        assert_eq!(
            CharacterBaseline::train([""; 0], 9).bits_per_byte([""; 1]),
            None
        );
    }
}
