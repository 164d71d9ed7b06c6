//! Output projection and log-probability of the target, in chunks of tokens.

use rayon::prelude::*;

use super::gemm::{Matrix, Threads, gemm};
use super::lanes::{exp, exponentials, maximum, vectorized};
use super::round_to_bf16;

/// Logits held at a time: 32 MiB, large enough for a product to run at full rate.
const CHUNK_LOGITS: usize = 8 * 1024 * 1024;

pub(super) struct Head<'a> {
    /// `[tokens, hidden]`
    pub(super) x: &'a [f32],
    /// `[vocab, hidden]`
    pub(super) weight: &'a [f32],
    /// `[tokens]`, negative where nothing is to be predicted
    pub(super) targets: &'a [i32],
    pub(super) vocab: usize,
    pub(super) hidden: usize,
    pub(super) logits_scale: f32,
}

impl Head<'_> {
    fn chunk_tokens(&self) -> usize {
        (CHUNK_LOGITS / self.vocab).clamp(16, 1024)
    }

    fn logits(&self, first: usize, count: usize, logits: &mut Vec<f32>) {
        logits.resize(count * self.vocab, 0.0);
        gemm(
            logits,
            Matrix::rows(&self.x[first * self.hidden..], count, self.hidden),
            Matrix::rows(self.weight, self.vocab, self.hidden).transposed(),
            self.logits_scale,
            false,
            Threads::All,
        );
    }

    /// Log-probabilities and log-sum-exps, both `[tokens]`.
    pub(super) fn forward(&self) -> (Vec<f32>, Vec<f32>) {
        let tokens = self.targets.len();
        let (mut log_probs, mut log_sum_exp) = (vec![0.0; tokens], vec![0.0; tokens]);
        let mut logits = Vec::new();
        let chunk = self.chunk_tokens();
        for first in (0..tokens).step_by(chunk) {
            let count = chunk.min(tokens - first);
            self.logits(first, count, &mut logits);
            logits
                .par_chunks_mut(self.vocab)
                .zip(&self.targets[first..first + count])
                .zip(&mut log_probs[first..first + count])
                .zip(&mut log_sum_exp[first..first + count])
                .for_each(|(((logits, &target), log_prob), log_sum_exp)| {
                    let at_target = usize::try_from(target).ok().map(|target| logits[target]);
                    *log_sum_exp = vectorized(|| {
                        let largest = maximum(logits);
                        largest + exponentials(logits, largest).ln()
                    });
                    *log_prob = at_target.map_or(0.0, |logit| logit - *log_sum_exp);
                });
        }
        (log_probs, log_sum_exp)
    }

    /// `dlogit = dy (onehot - softmax)`, and from it `dx` and `dweight`.
    pub(super) fn backward(
        &self,
        log_sum_exp: &[f32],
        dy: &[f32],
        bf16: bool,
        [wants_x, wants_weight]: [bool; 2],
    ) -> [Option<Vec<f32>>; 2] {
        let tokens = self.targets.len();
        let mut dx = wants_x.then(|| vec![0.0; tokens * self.hidden]);
        let mut dweight = wants_weight.then(|| vec![0.0; self.vocab * self.hidden]);
        let mut logits = Vec::new();
        let chunk = self.chunk_tokens();
        for first in (0..tokens).step_by(chunk) {
            let count = chunk.min(tokens - first);
            self.logits(first, count, &mut logits);
            logits
                .par_chunks_mut(self.vocab)
                .zip(&self.targets[first..first + count])
                .zip(&dy[first..first + count])
                .zip(&log_sum_exp[first..first + count])
                .for_each(|(((logits, &target), &dy), &log_sum_exp)| {
                    let Ok(target) = usize::try_from(target) else {
                        logits.fill(0.0);
                        return;
                    };
                    let dy = dy * self.logits_scale;
                    vectorized(|| {
                        for logit in logits.iter_mut() {
                            *logit = -dy * exp(*logit - log_sum_exp);
                        }
                    });
                    logits[target] += dy;
                });
            let rounded;
            let dlogits = if bf16 {
                rounded = round_to_bf16(&logits);
                &rounded
            } else {
                &logits
            };
            let dlogits = Matrix::rows(dlogits, count, self.vocab);
            if let Some(dx) = &mut dx {
                let dx = &mut dx[first * self.hidden..(first + count) * self.hidden];
                gemm(
                    dx,
                    dlogits,
                    Matrix::rows(self.weight, self.vocab, self.hidden),
                    1.0,
                    false,
                    Threads::All,
                );
            }
            if let Some(dweight) = &mut dweight {
                let x = Matrix::rows(&self.x[first * self.hidden..], count, self.hidden);
                gemm(dweight, dlogits.transposed(), x, 1.0, true, Threads::All);
            }
        }
        [dx, dweight]
    }
}
