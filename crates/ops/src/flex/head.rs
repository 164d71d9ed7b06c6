//! Output projection and log-probability of the target, in chunks of tokens.

#![expect(
    clippy::inline_always,
    reason = "code is compiled for the wider instructions only where it is inlined into `vectorized`"
)]

use rayon::prelude::*;

use super::Room;
use super::buffer::Buffer;
use super::gemm::{Matrix, MatrixMut, Product, gemm};
use super::lanes::{exp, exponentials, maximum, vectorized};
use crate::specs::HeadSpec;

/// Logits held at a time, 64 MiB unless the fewest tokens need more: each chunk reads all of the weight twice and reads and
/// writes all of its gradient once, so larger is faster. Small in tests, which then see several chunks.
const CHUNK_LOGITS: usize = if cfg!(test) { 1024 } else { 16 * 1024 * 1024 };
/// Fewest and most tokens of a chunk.
const CHUNK_TOKENS: [usize; 2] = [16, 512];

/// Tokens whose logits exist at the same time.
pub fn head_chunk_tokens(vocab: usize) -> usize {
    let [fewest, most] = CHUNK_TOKENS;
    (CHUNK_LOGITS / vocab.max(1)).clamp(fewest, most)
}

pub(super) struct Head<'a> {
    /// `[tokens, hidden]`
    pub(super) x: &'a [f32],
    /// `[vocab, hidden]`
    pub(super) weight: &'a [f32],
    /// `[tokens]`, negative where nothing is to be predicted
    pub(super) targets: &'a [i32],
    pub(super) vocab: usize,
    pub(super) hidden: usize,
    pub(super) spec: HeadSpec,
}

/// What backward finds, chunk by chunk.
struct Derivatives<'a> {
    dx: Option<Buffer>,
    dweight: Option<Room<'a>>,
}

impl Head<'_> {
    /// Log-probabilities and log-sum-exps, both `[tokens]`.
    pub(super) fn forward(&self) -> (Buffer, Buffer) {
        let (log_probs, log_sum_exps, _) = self.walk(None, self.room(false, None));
        (log_probs, log_sum_exps)
    }

    /// As [`Self::forward`], and with the derivative by each log-probability, `dy`, the derivatives by `x` and `weight`: the
    /// logits' own derivatives take their place as soon as they are read.
    pub(super) fn forward_backward(
        &self,
        dy: &[f32],
        wants_x: bool,
        dweight: Option<Room<'_>>,
    ) -> (Buffer, Buffer, Option<Buffer>) {
        self.walk(Some(dy), self.room(wants_x, dweight))
    }

    fn walk(
        &self,
        dy: Option<&[f32]>,
        mut derivatives: Derivatives<'_>,
    ) -> (Buffer, Buffer, Option<Buffer>) {
        let tokens = self.targets.len();
        let (mut log_probs, mut log_sum_exps) = (Buffer::any(tokens), Buffer::any(tokens));
        self.for_each_chunk(|first, logits| {
            let count = logits.len() / self.vocab;
            logits
                .par_chunks_mut(self.vocab)
                .zip(&mut log_probs[first..first + count])
                .zip(&mut log_sum_exps[first..first + count])
                .enumerate()
                .for_each(|(token, ((logits, log_prob), log_sum_exp))| {
                    let token = first + token;
                    let target = usize::try_from(self.targets[token]).ok();
                    let at_target = target.map(|target| logits[target]);
                    vectorized(
                        #[inline(always)]
                        || {
                            let largest = maximum(logits);
                            let sum = exponentials(logits, largest);
                            *log_sum_exp = largest + sum.ln();
                            if let Some(dy) = dy {
                                self.differentiate(logits, target, dy[token], *log_sum_exp, sum);
                            }
                        },
                    );
                    *log_prob = at_target.map_or(0.0, |logit| {
                        logit - *log_sum_exp - self.spec.z_loss * *log_sum_exp * *log_sum_exp
                    });
                });
            if dy.is_some() {
                self.add_chunk(first, logits, &mut derivatives);
            }
        });
        (log_probs, log_sum_exps, derivatives.dx)
    }

    /// The derivative by `x`, if it is wanted, and by `weight` where there is room for it, from logits computed again.
    pub(super) fn backward(
        &self,
        log_sum_exps: &[f32],
        dy: &[f32],
        wants_x: bool,
        dweight: Option<Room<'_>>,
    ) -> Option<Buffer> {
        let mut derivatives = self.room(wants_x, dweight);
        self.for_each_chunk(|first, logits| {
            logits
                .par_chunks_mut(self.vocab)
                .enumerate()
                .for_each(|(token, logits)| {
                    let token = first + token;
                    let log_sum_exp = log_sum_exps[token];
                    let target = usize::try_from(self.targets[token]).ok();
                    vectorized(
                        #[inline(always)]
                        || {
                            for logit in logits.iter_mut() {
                                *logit = exp(*logit - log_sum_exp);
                            }
                            self.differentiate(logits, target, dy[token], log_sum_exp, 1.0);
                        },
                    );
                });
            self.add_chunk(first, logits, &mut derivatives);
        });
        derivatives.dx
    }

    /// From a token's `exponentials`, whose quotients by `sum` are its probabilities `p`, to the derivatives by its logits:
    /// `dy scale (onehot - p (1 + 2 z log_sum_exp))`.
    #[inline(always)]
    fn differentiate(
        &self,
        exponentials: &mut [f32],
        target: Option<usize>,
        dy: f32,
        log_sum_exp: f32,
        sum: f32,
    ) {
        let Some(target) = target else {
            exponentials.fill(0.0);
            return;
        };
        let dy = dy * self.spec.logits_scale;
        let factor = -dy * (1.0 + 2.0 * self.spec.z_loss * log_sum_exp) / sum;
        for value in exponentials.iter_mut() {
            *value *= factor;
        }
        exponentials[target] += dy;
    }

    fn room<'a>(&self, wants_x: bool, mut dweight: Option<Room<'a>>) -> Derivatives<'a> {
        if let Some(Room { values, add: false }) = &mut dweight
            && self.targets.is_empty()
        {
            // No chunk will write.
            values.fill(0.0);
        }
        Derivatives {
            dx: wants_x.then(|| Buffer::any(self.targets.len() * self.hidden)),
            dweight,
        }
    }

    /// Hands out the logits of a chunk of tokens after the other, with the first token's index.
    fn for_each_chunk(&self, mut work: impl FnMut(usize, &mut [f32])) {
        let tokens = self.targets.len();
        let chunk = head_chunk_tokens(self.vocab).min(tokens);
        let mut room = Buffer::any(chunk * self.vocab);
        for first in (0..tokens).step_by(chunk.max(1)) {
            let count = chunk.min(tokens - first);
            let logits = &mut room[..count * self.vocab];
            gemm(
                MatrixMut::rows(logits, count, self.vocab),
                self.chunk_of_x(first, count),
                Matrix::rows(self.weight, self.vocab, self.hidden).transposed(),
                Product::new(self.spec.precision).times(self.spec.logits_scale),
            );
            work(first, logits);
        }
    }

    fn chunk_of_x(&self, first: usize, count: usize) -> Matrix<'_> {
        Matrix::rows(&self.x[first * self.hidden..], count, self.hidden)
    }

    fn add_chunk(&self, first: usize, dlogits: &[f32], derivatives: &mut Derivatives<'_>) {
        let count = dlogits.len() / self.vocab;
        let dlogits = Matrix::rows(dlogits, count, self.vocab);
        if let Some(dx) = &mut derivatives.dx {
            let dx = &mut dx[first * self.hidden..(first + count) * self.hidden];
            gemm(
                MatrixMut::rows(dx, count, self.hidden),
                dlogits,
                Matrix::rows(self.weight, self.vocab, self.hidden),
                Product::new(self.spec.precision),
            );
        }
        if let Some(Room { values, add }) = &mut derivatives.dweight {
            gemm(
                MatrixMut::rows(values, self.vocab, self.hidden),
                dlogits.transposed(),
                self.chunk_of_x(first, count),
                Product {
                    accumulate: *add || first > 0,
                    ..Product::new(self.spec.precision)
                },
            );
        }
    }
}
