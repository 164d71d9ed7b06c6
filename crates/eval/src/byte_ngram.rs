//! The baseline over bytes: what counting pairs and triples of bytes reaches, in bits per byte of text.

use crate::kneser_ney::{History, KneserNey, Order, Trainer};

/// The end of a document as a symbol; in a context, its start.
const END: u32 = 256;
const NUM_SYMBOLS: f64 = 257.0;

/// An n-gram model over bytes, with the end of a document as a 257th symbol.
#[derive(Debug, Clone)]
pub struct NgramBaseline {
    counts: KneserNey,
}

impl NgramBaseline {
    /// Counts documents until `limit_bytes` of text were read; the document that reaches the limit is cut there.
    ///
    /// Memory: some 60 bytes for each different n-gram (of which there are at most 257³, in text far fewer), and 128 MiB.
    pub fn train<I>(order: Order, documents: I, limit_bytes: u64) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<[u8]>,
    {
        let mut trainer = Trainer::new(order, END);
        let mut left = usize::try_from(limit_bytes).unwrap_or(usize::MAX);
        for document in documents {
            let bytes = document.as_ref();
            match bytes.get(..left) {
                Some(front) if left < bytes.len() => {
                    trainer.add(front.iter().map(|byte| u32::from(*byte)));
                    break;
                }
                _ => trainer.add(with_end(bytes)),
            }
            left -= bytes.len();
        }
        Self {
            counts: trainer.finish(),
        }
    }

    /// Bits that the model needs for the documents and their ends, divided by the documents' bytes; `None` without text.
    pub fn bits_per_byte<I>(&self, documents: I) -> Option<f64>
    where
        I: IntoIterator,
        I::Item: AsRef<[u8]>,
    {
        let (mut bits, mut bytes) = (0.0, 0u64);
        for document in documents {
            bits -= self.log2_probability(document.as_ref());
            bytes += document.as_ref().len() as u64;
        }
        (bytes > 0).then(|| bits / bytes as f64)
    }

    /// Of a document with its end.
    pub(crate) fn log2_probability(&self, document: &[u8]) -> f64 {
        let mut history = History::start(END);
        let mut sum = 0.0;
        for symbol in with_end(document) {
            sum += self.probability(history, symbol).log2();
            history = history.push(symbol);
        }
        sum
    }

    fn probability(&self, history: History, symbol: u32) -> f64 {
        self.counts.probability(history, symbol, 1.0 / NUM_SYMBOLS)
    }
}

fn with_end(document: &[u8]) -> impl Iterator<Item = u32> + '_ {
    document
        .iter()
        .map(|byte| u32::from(*byte))
        .chain(std::iter::once(END))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: [&str; 3] = [
        "나라의 말이 서로 달라 뜻을 펴지 못하는 이가 많다.",
        "말이 달라 뜻을 적는다.",
        "ab ab abc",
    ];
    const ORDERS: [Order; 3] = [Order::Unigram, Order::Bigram, Order::Trigram];

    proptest! {
        #[test]
        fn probabilities_sum_to_one(documents in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6), context in prop::collection::vec(any::<u8>(), 0..4)) {
            let korean = TEXT.iter().map(|text| text.as_bytes().to_vec());
            let contexts = [context, TEXT[0].as_bytes()[..5].to_vec()];
            for order in ORDERS {
                for model in [NgramBaseline::train(order, &documents, 1_000), NgramBaseline::train(order, korean.clone(), 1_000)] {
                    for context in &contexts {
                        let history = context.iter().fold(History::start(END), |history, byte| history.push(u32::from(*byte)));
                        let sum: f64 = (0..=END).map(|symbol| model.probability(history, symbol)).sum();
                        prop_assert!((sum - 1.0).abs() < 1e-9, "{order:?}: {sum}");
                    }
                }
            }
        }
    }

    #[test]
    fn longer_contexts_need_fewer_bits() {
        let documents: Vec<&str> = TEXT.iter().copied().cycle().take(30).collect();
        let bits = ORDERS.map(|order| {
            NgramBaseline::train(order, &documents, u64::MAX)
                .bits_per_byte(TEXT)
                .unwrap()
        });
        assert!(bits[0] > bits[1] && bits[1] > bits[2], "{bits:?}");
        assert!(bits[2] < 1.5, "{bits:?}");
    }

    #[test]
    fn without_counts_every_symbol_costs_the_same_and_the_end_is_one() {
        let empty = NgramBaseline::train(Order::Trigram, [""; 0], 100);
        assert!((empty.bits_per_byte(["abc"]).unwrap() - 257f64.log2() * 4.0 / 3.0).abs() < 1e-12);
        assert_eq!(empty.bits_per_byte([""; 3]), None);
        assert_eq!(empty.bits_per_byte([""; 0]), None);
    }

    #[test]
    fn training_stops_at_its_limit() {
        let bits = |limit| {
            NgramBaseline::train(Order::Unigram, ["aaaa", "bbbb", "cccc"], limit)
                .bits_per_byte(["c"])
                .unwrap()
        };
        assert_eq!(bits(8).to_bits(), bits(8).to_bits());
        assert!(
            bits(12) < bits(9) && bits(9) < bits(8),
            "{} {} {}",
            bits(12),
            bits(9),
            bits(8)
        );
        assert_eq!(bits(12).to_bits(), bits(u64::MAX).to_bits());
    }
}
