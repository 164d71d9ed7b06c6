//! Interpolated modified Kneser-Ney smoothing (Chen and Goodman 1999, "An empirical study of smoothing techniques for language
//! modeling", section 3.5) over symbols that fit 21 bits.
//!
//! With `c` the count of context `h` and symbol `s` (at the highest order; below it the number of different symbols that stood
//! before `h s`), `D` a discount for counts of 1, 2, and 3 or more, and `h'` the context without its oldest symbol:
//!
//! `P(s | h) = (c(h s) - D(c(h s))) / c(h) + (sum over s' of D(c(h s'))) / c(h) * P(s | h')`
//!
//! What `P` of the empty context's lower order is, is the caller's: a distribution over all symbols. Chosen over interpolated
//! Witten-Bell smoothing by trial on 288 KB of Korean prose and professional text, scored on 32 KB of other documents: 2.470
//! against 2.478 bits per byte with byte trigrams, 1.928 against 1.970 with character trigrams.

use crate::ngram_counts::{Counted, NgramCounter, SYMBOL_BITS, continuation_counts};

/// How many symbols a probability looks at, the predicted one among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order {
    /// The symbol alone.
    Unigram,
    /// The symbol after the one before it.
    Bigram,
    /// The symbol after the two before it.
    Trigram,
}

impl Order {
    /// Symbols of an n-gram.
    pub fn symbols(self) -> usize {
        match self {
            Self::Unigram => 1,
            Self::Bigram => 2,
            Self::Trigram => 3,
        }
    }
}

/// The last symbols, one number; grows by [`History::push`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct History(u64);

impl History {
    /// Before a document: as if `mark` had come for ever.
    pub(crate) fn start(mark: u32) -> Self {
        Self(0).push(mark).push(mark)
    }

    /// With one more symbol; only the last three are kept.
    pub(crate) fn push(self, symbol: u32) -> Self {
        Self(last(self.0 << SYMBOL_BITS | u64::from(symbol), 3))
    }
}

/// The newest `symbols` of an n-gram.
fn last(ngram: u64, symbols: usize) -> u64 {
    ngram & ((1u64 << (SYMBOL_BITS as usize * symbols)) - 1)
}

/// Counts sequences, then becomes a [`KneserNey`].
#[derive(Debug)]
pub(crate) struct Trainer {
    order: Order,
    mark: u32,
    counter: NgramCounter,
}

impl Trainer {
    /// `mark` stands before each sequence.
    pub(crate) fn new(order: Order, mark: u32) -> Self {
        Self {
            order,
            mark,
            counter: NgramCounter::default(),
        }
    }

    pub(crate) fn add(&mut self, sequence: impl IntoIterator<Item = u32>) {
        let mut history = History::start(self.mark);
        for symbol in sequence {
            history = history.push(symbol);
            self.counter.add(last(history.0, self.order.symbols()));
        }
    }

    pub(crate) fn finish(self) -> KneserNey {
        let mut levels = vec![Level::new(self.counter.finish())];
        for order in (2..=self.order.symbols()).rev() {
            let shorter = levels
                .last()
                .map(|level| continuation_counts(&level.ngrams, order as u32));
            levels.push(Level::new(shorter.unwrap_or_default()));
        }
        levels.reverse();
        KneserNey { levels }
    }
}

/// The smoothed distributions.
#[derive(Debug, Clone)]
pub(crate) struct KneserNey {
    /// By the number of symbols, from one on.
    levels: Vec<Level>,
}

impl KneserNey {
    /// P(symbol | history), where `base` is the symbol's probability below all counts.
    pub(crate) fn probability(&self, history: History, symbol: u32, base: f64) -> f64 {
        let mut probability = base;
        for (context_len, level) in self.levels.iter().enumerate() {
            let context = last(history.0, context_len);
            let Some(found) = level.context(context) else {
                break;
            };
            let count = level.count(context << SYMBOL_BITS | u64::from(symbol));
            let kept = f64::from(count) - level.discounts.of(count);
            probability = (kept + found.discounted * probability) / found.total;
        }
        probability
    }

    /// The symbols that were seen, in order.
    pub(crate) fn seen(&self) -> impl Iterator<Item = u32> + '_ {
        self.levels
            .first()
            .into_iter()
            .flat_map(|level| level.ngrams.iter().map(|(symbol, _)| *symbol as u32))
    }
}

#[derive(Debug, Clone)]
struct Level {
    ngrams: Vec<Counted>,
    contexts: Vec<Context>,
    discounts: Discounts,
}

#[derive(Debug, Clone, Copy)]
struct Context {
    symbols: u64,
    total: f64,
    /// What the discounts take from its counts altogether.
    discounted: f64,
}

impl Level {
    fn new(ngrams: Vec<Counted>) -> Self {
        let discounts = Discounts::estimate(&ngrams);
        let contexts = ngrams
            .chunk_by(|(a, _), (b, _)| a >> SYMBOL_BITS == b >> SYMBOL_BITS)
            .filter_map(|chunk| {
                Some(Context {
                    symbols: chunk.first()?.0 >> SYMBOL_BITS,
                    total: chunk.iter().map(|(_, count)| f64::from(*count)).sum(),
                    discounted: chunk.iter().map(|(_, count)| discounts.of(*count)).sum(),
                })
            })
            .collect();
        Self {
            ngrams,
            contexts,
            discounts,
        }
    }

    fn context(&self, symbols: u64) -> Option<&Context> {
        let index = self
            .contexts
            .binary_search_by_key(&symbols, |context| context.symbols)
            .ok()?;
        self.contexts.get(index)
    }

    fn count(&self, ngram: u64) -> u32 {
        let index = self
            .ngrams
            .binary_search_by_key(&ngram, |(ngram, _)| *ngram);
        index
            .ok()
            .and_then(|index| self.ngrams.get(index))
            .map_or(0, |(_, count)| *count)
    }
}

/// What is taken from counts of 1, 2, and 3 or more.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Discounts([f64; 3]);

impl Discounts {
    fn of(self, count: u32) -> f64 {
        match count {
            0 => 0.0,
            1 => self.0[0],
            2 => self.0[1],
            _ => self.0[2],
        }
    }

    /// `D_i = i - (i + 1) Y n_(i+1) / n_i` with `Y = n_1 / (n_1 + 2 n_2)`, where `n_i` n-grams occur `i` times.
    ///
    /// Where a count of counts is 0 (little text, or an alphabet that is seen whole), `i / 2` stands in for the
    /// undefined fraction. A discount is never negative and never all of a count.
    fn estimate(ngrams: &[Counted]) -> Self {
        let mut occurring = [0.0; 5];
        for (_, count) in ngrams {
            if let Some(n) = occurring.get_mut(*count as usize) {
                *n += 1.0;
            }
        }
        let [_, n1, n2, n3, n4] = occurring;
        let y = n1 / (n1 + 2.0 * n2);
        let discount = |i: f64, n: f64, next: f64| {
            let estimate = i - (i + 1.0) * y * next / n;
            if estimate.is_finite() {
                estimate.clamp(0.0, 0.95 * i)
            } else {
                i / 2.0
            }
        };
        Self([
            discount(1.0, n1, n2),
            discount(2.0, n2, n3),
            discount(3.0, n3, n4),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discounts_follow_the_counts_of_counts() {
        let counted: Vec<Counted> = [(1, 8), (2, 4), (3, 2), (4, 1), (9, 3)]
            .into_iter()
            .flat_map(|(count, times)| vec![(0, count); times])
            .collect();
        // Y = 8 / 16
        assert_eq!(
            Discounts::estimate(&counted),
            Discounts([0.5, 2.0 - 3.0 * 0.5 * 0.5, 3.0 - 4.0 * 0.5 * 0.5])
        );
        assert_eq!(Discounts::estimate(&[]), Discounts([0.5, 1.0, 1.5]));
    }

    #[test]
    fn formula_by_hand() {
        let mut trainer = Trainer::new(Order::Bigram, 9);
        trainer.add([1, 2, 1, 2, 1, 3]);
        let model = trainer.finish();
        // Bigrams 9-1: 1, 1-2: 2, 2-1: 2, 1-3: 1, so n1 = 2, n2 = 2, n3 = 0; Y = 1/3, D1 = 1 - 2/3, D2 = 0.95 * 2.
        // Predecessors of 1: {9, 2}, of 2: {1}, of 3: {1}, so n1 = 2, n2 = 1; Y = 1/2, D1 = 1 - 1/2, D2 = 0.95 * 2.
        let base = 0.1;
        let unigram = (1.0 - 0.5 + (1.9 + 0.5 + 0.5) * base) / 4.0;
        let expected = (2.0 - 1.9 + (1.9 + 1.0 / 3.0) * unigram) / 3.0;
        let got = model.probability(History::start(9).push(1), 2, base);
        assert!((got - expected).abs() < 1e-12, "{got} for {expected}");
    }
}
