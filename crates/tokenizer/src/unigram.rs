//! Learning a unigram vocabulary: tokens with probabilities, of which text is cut into the most probable sequence.
//!
//! From many substrings of the text, those that matter least are dropped until the size is right (Kudo 2018, "Subword
//! Regularization", arXiv 1804.10959). Between the rounds of dropping, probabilities are estimated by expectation
//! maximization. Tokens are whole characters, and the 256 bytes for characters that are no token.

mod seeds;

use rayon::prelude::*;

use crate::byte_alphabet;
use crate::trie::Trie;

/// Substrings that the first round begins with, at most.
const MOST_SEEDS: usize = 1 << 19;

/// What a round leaves.
const LEFT_BY_A_ROUND: f64 = 0.75;

/// Estimates between two rounds.
const ESTIMATES: usize = 2;

/// A token that is expected less often than this is dropped at once.
const LEAST_EXPECTED: f64 = 0.5;

/// Pieces are worked on in so many parts, whatever the number of threads, so that sums do not depend on it.
const PARTS: usize = 16;

/// Of a control token: no text is so improbable that this would be its best piece.
const CONTROL_SCORE: f64 = -1e6;

/// Distinct pieces with their counts, one after the other in one buffer.
#[derive(Default)]
pub(crate) struct Pieces {
    text: Vec<u8>,
    /// Where each piece ends, and how often it occurs.
    ends: Vec<(usize, u64)>,
}

impl Pieces {
    pub(crate) fn push(&mut self, piece: &[u8], count: u64) {
        self.text.extend_from_slice(piece);
        self.ends.push((self.text.len(), count));
    }

    fn iter(&self) -> impl Iterator<Item = (&[u8], f64)> {
        self.range(0, self.ends.len())
    }

    fn range(&self, from: usize, to: usize) -> impl Iterator<Item = (&[u8], f64)> {
        let first = from.checked_sub(1).map_or(0, |before| self.ends[before].0);
        self.ends[from..to]
            .iter()
            .scan(first, |start, (end, count)| {
                let piece = &self.text[*start..*end];
                *start = *end;
                Some((piece, *count as f64))
            })
    }

    /// What `sum` makes of each part of the pieces, in their order.
    fn parts<T: Send>(
        &self,
        sum: impl Fn(&mut dyn Iterator<Item = (&[u8], f64)>) -> T + Sync,
    ) -> Vec<T> {
        let len = self.ends.len();
        (0..PARTS)
            .into_par_iter()
            .map(|part| sum(&mut self.range(len * part / PARTS, len * (part + 1) / PARTS)))
            .collect()
    }
}

/// Tokens with the logarithms of their probabilities. The first 256 are the bytes.
struct Model {
    tokens: Vec<Vec<u8>>,
    scores: Vec<f64>,
    trie: Trie,
}

/// A way through a part of a piece: a token, or a character's bytes.
#[derive(Clone, Copy)]
struct Edge {
    start: usize,
    end: usize,
    token: Option<u32>,
    score: f64,
}

/// The tokens with their scores, in the order of their ids: control tokens, the bytes, then the most probable ones.
pub(crate) fn learn(
    pieces: &Pieces,
    control_tokens: Vec<String>,
    vocab_size: usize,
) -> Vec<(String, f64)> {
    let wanted = vocab_size - control_tokens.len();
    let spelled = |token: &[u8]| -> String {
        token
            .iter()
            .map(|byte| byte_alphabet::char_of(*byte))
            .collect()
    };
    let mut seeds = seeds::find(pieces, MOST_SEEDS.max(wanted));
    seeds.retain(|(seed, _)| !control_tokens.contains(&spelled(seed)));
    let mut model = Model::new(pieces, seeds);
    loop {
        for _ in 0..ESTIMATES {
            model = model.estimated(pieces);
        }
        // A tenth more, of which the most probable ones are taken.
        if model.tokens.len() <= wanted + wanted / 10 {
            break;
        }
        model = model.pruned(pieces, wanted + wanted / 10);
    }
    let mut best: Vec<usize> = (256..model.tokens.len()).collect();
    best.sort_by(|a, b| {
        let [a, b] = [a, b].map(|index| (model.scores[*index], &model.tokens[*index]));
        b.0.total_cmp(&a.0).then(a.1.cmp(b.1))
    });
    let learned = (0..256).chain(best).take(wanted).map(|index| {
        // As many digits as say something.
        let score = (model.scores[index] * 1e6).round() / 1e6;
        (spelled(&model.tokens[index]), score)
    });
    let learned: Vec<_> = learned.collect();
    let control = control_tokens
        .into_iter()
        .map(|token| (token, CONTROL_SCORE));
    control.chain(learned).collect()
}

impl Model {
    /// The bytes, as often as they occur in characters that are no token, and the seeds, as often as they occur.
    fn new(pieces: &Pieces, seeds: Vec<(Vec<u8>, f64)>) -> Self {
        let mut counts = vec![1.0; 256];
        for (piece, count) in pieces.iter() {
            for byte in piece {
                counts[usize::from(*byte)] += count / 16.0;
            }
        }
        let (seeds, of_seeds): (Vec<_>, Vec<_>) = seeds.into_iter().unzip();
        counts.extend(of_seeds);
        let bytes = (0..=255).map(|byte| vec![byte]);
        let sum: f64 = counts.iter().sum();
        let scores = counts.iter().map(|count| (count / sum).ln()).collect();
        Self::of(bytes.chain(seeds).collect(), scores)
    }

    fn of(tokens: Vec<Vec<u8>>, scores: Vec<f64>) -> Self {
        // A byte of a longer character is no token of its own while text is cut.
        let usable =
            (0..tokens.len()).filter(|index| *index >= 256 || tokens[*index][0].is_ascii());
        let trie = Trie::new(usable.map(|index| (tokens[index].as_slice(), index as u32)));
        Self {
            tokens,
            scores,
            trie,
        }
    }

    /// All ways through a piece, by their starts.
    fn edges(&self, piece: &[u8], edges: &mut Vec<Edge>) {
        edges.clear();
        let mut start = 0;
        while start < piece.len() {
            let len = match piece[start] {
                ..0x80 => 1,
                0x80..0xE0 => 2,
                0xE0..0xF0 => 3,
                _ => 4,
            };
            let next = (start + len).min(piece.len());
            self.trie.prefixes(&piece[start..], |len, token| {
                edges.push(Edge {
                    start,
                    end: start + len,
                    token: Some(token),
                    score: self.scores[token as usize],
                });
            });
            if len > 1 {
                let bytes = piece[start..next].iter();
                edges.push(Edge {
                    start,
                    end: next,
                    token: None,
                    score: bytes.map(|byte| self.scores[usize::from(*byte)]).sum(),
                });
            }
            start = next;
        }
    }

    /// The probabilities by how often each token is expected; tokens that are hardly expected are dropped.
    fn estimated(self, pieces: &Pieces) -> Self {
        let parts = pieces.parts(|pieces| {
            let mut expected = vec![0.0; self.tokens.len()];
            let mut edges = Vec::new();
            let (mut before, mut behind) = (Vec::new(), Vec::new());
            for (piece, count) in pieces {
                self.edges(piece, &mut edges);
                before.clear();
                before.resize(piece.len() + 1, f64::NEG_INFINITY);
                before[0] = 0.0;
                for edge in &edges {
                    before[edge.end] = log_sum(before[edge.end], before[edge.start] + edge.score);
                }
                behind.clear();
                behind.resize(piece.len() + 1, f64::NEG_INFINITY);
                behind[piece.len()] = 0.0;
                for edge in edges.iter().rev() {
                    behind[edge.start] = log_sum(behind[edge.start], behind[edge.end] + edge.score);
                }
                for edge in &edges {
                    let log = before[edge.start] + edge.score + behind[edge.end] - behind[0];
                    add(&mut expected, piece, edge, log.exp() * count);
                }
            }
            expected
        });
        let expected = sum_of(parts, self.tokens.len());
        let kept: Vec<usize> = (0..self.tokens.len())
            .filter(|index| *index < 256 || expected[*index] >= LEAST_EXPECTED)
            .collect();
        let kept_expected: Vec<f64> = kept
            .iter()
            .map(|index| expected[*index].max(LEAST_EXPECTED))
            .collect();
        let log_sum = digamma(kept_expected.iter().sum());
        let scores = kept_expected
            .iter()
            .map(|expected| digamma(*expected) - log_sum)
            .collect();
        self.with(&kept, scores)
    }

    /// Without the tokens whose loss costs the text least, but no fewer than `least`.
    fn pruned(self, pieces: &Pieces, least: usize) -> Self {
        let parts = pieces.parts(|pieces| {
            let mut counts = vec![0.0; self.tokens.len()];
            let (mut edges, mut path) = (Vec::new(), Path::default());
            for (piece, count) in pieces {
                self.edges(piece, &mut edges);
                for edge in path.best(piece.len(), &edges) {
                    add(&mut counts, piece, edge, count);
                }
            }
            counts
        });
        let counts = sum_of(parts, self.tokens.len());
        let sum: f64 = counts.iter().sum();
        let losses: Vec<(f64, usize)> = (256..self.tokens.len())
            .into_par_iter()
            .filter_map(|index| Some((self.loss(index, &counts, sum)?, index)))
            .collect();
        let mut dearest = losses;
        dearest.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let left = (self.tokens.len() as f64 * LEFT_BY_A_ROUND) as usize;
        dearest.truncate(left.max(least).saturating_sub(256));
        let mut kept: Vec<usize> = (0..256)
            .chain(dearest.into_iter().map(|(_, index)| index))
            .collect();
        kept.sort_unstable();
        let scores = kept.iter().map(|index| self.scores[*index]).collect();
        self.with(&kept, scores)
    }

    /// By how much the logarithm of the text's probability falls if a token is gone and its text is cut otherwise; nothing if it is
    /// not used, or not even for its own text.
    fn loss(&self, index: usize, counts: &[f64], sum: f64) -> Option<f64> {
        let (token, count) = (&self.tokens[index], counts[index]);
        let (mut edges, mut path) = (Vec::new(), Path::default());
        self.edges(token, &mut edges);
        let is_itself = |edge: &Edge| edge.token == Some(index as u32);
        let best: Vec<Edge> = path.best(token.len(), &edges).copied().collect();
        if count == 0.0 || !best.iter().any(is_itself) {
            return None;
        }
        edges.retain(|edge| !is_itself(edge));
        let mut log_otherwise = 0.0;
        let mut num_parts = 0.0;
        for edge in path.best(token.len(), &edges) {
            let mut part = |index: usize| {
                log_otherwise += (counts[index] + count).ln();
                num_parts += 1.0;
            };
            match edge.token {
                Some(index) => part(index as usize),
                None => token[edge.start..edge.end]
                    .iter()
                    .for_each(|byte| part(usize::from(*byte))),
            }
        }
        let log_sum_otherwise = (sum + count * (num_parts - 1.0)).ln();
        let log_itself = count.ln() - sum.ln();
        Some(count * (log_itself - (log_otherwise - num_parts * log_sum_otherwise)))
    }

    fn with(self, kept: &[usize], scores: Vec<f64>) -> Self {
        let mut tokens = self.tokens;
        let kept = kept.iter().map(|index| std::mem::take(&mut tokens[*index]));
        Self::of(kept.collect(), scores)
    }
}

fn add(counts: &mut [f64], piece: &[u8], edge: &Edge, count: f64) {
    match edge.token {
        Some(token) => counts[token as usize] += count,
        None => {
            for byte in &piece[edge.start..edge.end] {
                counts[usize::from(*byte)] += count;
            }
        }
    }
}

fn sum_of(parts: Vec<Vec<f64>>, len: usize) -> Vec<f64> {
    let mut sum = vec![0.0; len];
    for part in parts {
        for (sum, of_part) in sum.iter_mut().zip(part) {
            *sum += of_part;
        }
    }
    sum
}

/// Room for the most probable way through a piece (Viterbi 1967).
#[derive(Default)]
struct Path {
    best: Vec<(f64, Option<usize>)>,
    chosen: Vec<usize>,
}

impl Path {
    /// The edges of the best way, from the end.
    fn best<'a>(&'a mut self, len: usize, edges: &'a [Edge]) -> impl Iterator<Item = &'a Edge> {
        self.best.clear();
        self.best.resize(len + 1, (f64::NEG_INFINITY, None));
        self.best[0].0 = 0.0;
        for (index, edge) in edges.iter().enumerate() {
            let score = self.best[edge.start].0 + edge.score;
            if score > self.best[edge.end].0 {
                self.best[edge.end] = (score, Some(index));
            }
        }
        self.chosen.clear();
        let mut at = len;
        while let Some(index) = self.best[at].1 {
            self.chosen.push(index);
            at = edges[index].start;
        }
        self.chosen.iter().map(|index| &edges[*index])
    }
}

/// `ln(exp(a) + exp(b))`
fn log_sum(a: f64, b: f64) -> f64 {
    let (small, large) = if a < b { (a, b) } else { (b, a) };
    if small < large - 40.0 {
        return large;
    }
    large + (small - large).exp().ln_1p()
}

/// The derivative of ln Γ, by its asymptotic series (Abramowitz and Stegun 1964, 6.3.18) beyond 7.
fn digamma(mut x: f64) -> f64 {
    let mut sum = 0.0;
    while x < 7.0 {
        sum -= 1.0 / x;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    sum + x.ln() - 0.5 / x - square * (1.0 / 12.0 - square * (1.0 / 120.0 - square / 252.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(counted: &[(&str, u64)]) -> Pieces {
        let mut pieces = Pieces::default();
        for (piece, count) in counted {
            pieces.push(piece.as_bytes(), *count);
        }
        pieces
    }

    fn log_of_text(model: &Model, pieces: &Pieces) -> f64 {
        let (mut edges, mut path) = (Vec::new(), Path::default());
        let piece = |(piece, count): (&[u8], f64)| {
            model.edges(piece, &mut edges);
            path.best(piece.len(), &edges)
                .map(|edge| edge.score)
                .sum::<f64>()
                * count
        };
        pieces.iter().map(piece).sum()
    }

    #[test]
    fn digamma_is_that_of_the_tables() {
        // -γ, 1 - γ, and Abramowitz and Stegun, table 6.1 and 6.2.
        for (x, expected) in [
            (1.0, -0.577_215_664_901_532_9),
            (2.0, 0.422_784_335_098_467_1),
            (1.5, 0.036_489_973_978_576_5),
            (10.0, 2.251_752_589_066_721),
        ] {
            assert!((digamma(x) - expected).abs() < 1e-8, "{x}: {}", digamma(x));
        }
        assert!((log_sum(0.0, 0.0) - 2f64.ln()).abs() < 1e-15);
        assert_eq!(log_sum(f64::NEG_INFINITY, -3.0), -3.0);
    }

    #[test]
    fn what_recurs_becomes_a_token_and_what_does_not_stays_bytes() {
        let words = [
            ("학교에", 40),
            ("학교를", 40),
            ("집에", 30),
            ("집을", 30),
            ("학교", 50),
            ("집", 50),
            ("뷁", 1),
        ];
        let learned = learn(&pieces(&words), vec!["<|end|>".to_owned()], 256 + 1 + 4);
        assert_eq!(learned.len(), 261);
        assert_eq!(learned[0], ("<|end|>".to_owned(), CONTROL_SCORE));
        let texts: Vec<String> = learned[257..]
            .iter()
            .map(|(token, _)| String::from_utf8(byte_alphabet::unspell(token).unwrap()).unwrap())
            .collect();
        assert!(
            texts.contains(&"학교".to_owned()) && texts.contains(&"집".to_owned()),
            "{texts:?}"
        );
        assert!(!texts.concat().contains('뷁'));
        assert!(
            learned[1..]
                .iter()
                .all(|(_, score)| (-40.0..0.0).contains(score))
        );
        let again = learn(&pieces(&words), vec!["<|end|>".to_owned()], 256 + 1 + 4);
        assert_eq!(learned, again);
    }

    #[test]
    fn estimating_makes_text_more_probable() {
        let words = [
            ("대한민국은", 9),
            ("대한민국의", 7),
            ("민국", 3),
            ("대한", 5),
            ("국의", 2),
            ("abab", 4),
        ];
        let pieces = pieces(&words);
        let mut model = Model::new(&pieces, seeds::find(&pieces, 1000));
        let first = log_of_text(&model, &pieces);
        for _ in 0..4 {
            model = model.estimated(&pieces);
        }
        assert!(log_of_text(&model, &pieces) > first);
        let before = model.tokens.len();
        let fewer = model.pruned(&pieces, 258);
        assert!(fewer.tokens.len() < before && fewer.tokens.len() >= 257);
    }

    #[test]
    fn the_sum_over_all_ways_is_that_of_counting_them() {
        let pieces = pieces(&[("abab", 1)]);
        let model = Model::new(
            &pieces,
            vec![
                (b"ab".to_vec(), 2.0),
                (b"ba".to_vec(), 1.0),
                (b"aba".to_vec(), 1.0),
            ],
        );
        let p = |token: &[u8]| {
            let index = model
                .tokens
                .iter()
                .position(|other| other == token)
                .unwrap();
            model.scores[index].exp()
        };
        // All ways to cut `abab`, with how often each has `ab`.
        let ways = [
            (p(b"a") * p(b"b") * p(b"a") * p(b"b"), 0.0),
            (p(b"ab") * p(b"a") * p(b"b"), 1.0),
            (p(b"a") * p(b"b") * p(b"ab"), 1.0),
            (p(b"ab") * p(b"ab"), 2.0),
            (p(b"a") * p(b"ba") * p(b"b"), 0.0),
            (p(b"aba") * p(b"b"), 0.0),
        ];
        let sum: f64 = ways.iter().map(|(p, _)| p).sum();
        let expected: f64 = ways.iter().map(|(p, times)| p * times).sum::<f64>() / sum;
        let estimated = model.estimated(&pieces);
        let index = estimated
            .tokens
            .iter()
            .position(|token| token == b"ab")
            .unwrap();
        // The score is digamma(expected) less one number that is the same for all.
        let byte = digamma(LEAST_EXPECTED) - estimated.scores[usize::from(b'z')];
        assert!((estimated.scores[index] + byte - digamma(expected)).abs() < 1e-9);
    }
}
