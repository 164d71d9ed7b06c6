//! Cutting a piece into its most probable tokens (Viterbi 1967; Kudo 2018, arXiv 1804.10959).

use serde_json::Value;

use crate::byte_alphabet;
use crate::trie::Trie;

/// The tokens of a byte-level unigram model with the logarithms of their probabilities.
#[derive(Debug)]
pub(super) struct Unigram {
    trie: Trie,
    scores: Vec<f64>,
}

impl Unigram {
    /// Of the `model` of a file; `None` where a byte is no token.
    pub(super) fn new(model: &Value) -> Option<Self> {
        let entries = model["vocab"].as_array()?;
        let (mut tokens, mut scores) = (Vec::with_capacity(entries.len()), Vec::new());
        for (entry, id) in entries.iter().zip(0..) {
            scores.push(entry.get(1)?.as_f64()?);
            // What is not spelled in the alphabet of bytes is never found in text.
            tokens.extend(byte_alphabet::unspell(entry.get(0)?.as_str()?).map(|token| (token, id)));
        }
        let num_bytes = tokens.iter().filter(|(token, _)| token.len() == 1).count();
        tokens.retain(|(token, _)| !token.is_empty());
        let tokens = tokens.iter().map(|(token, id)| (token.as_slice(), *id));
        (num_bytes == 256).then(|| Self {
            trie: Trie::new(tokens),
            scores,
        })
    }

    /// Appends the ids of a piece. Of equally probable ways the first one found, by where its last token starts, is taken.
    pub(super) fn encode(&self, piece: &[u8], ids: &mut Vec<u32>) {
        // The most probable way to each place: its score, and its last token with its start.
        let mut best = vec![(f64::NEG_INFINITY, 0, 0); piece.len() + 1];
        best[0].0 = 0.0;
        for start in 0..piece.len() {
            let before = best[start].0;
            self.trie.prefixes(&piece[start..], |len, id| {
                let score = self.scores[id as usize] + before;
                let place = &mut best[start + len];
                if score > place.0 {
                    *place = (score, id, start);
                }
            });
        }
        let first = ids.len();
        let mut end = piece.len();
        while end > 0 {
            let (_, id, start) = best[end];
            ids.push(id);
            end = start;
        }
        ids[first..].reverse();
    }
}
