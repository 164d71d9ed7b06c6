//! Causal attention by blocks of queries: the scores of one block at a time, recomputed in backward
//! (Dao et al. 2022, arXiv 2205.14135; here a block sees all its keys at once, so no running maximum is needed).

use rayon::prelude::*;

use super::gemm::{Matrix, Threads, gemm};
use super::lanes::{exp, exponentials, maximum, sum_of_products, vectorized};
use crate::kernels::AttentionSpec;

/// Queries of a block: its scores against 2,048 keys are half a megabyte and stay in the cache.
const BLOCK: usize = 64;

#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) batch: usize,
    pub(super) seq_q: usize,
    pub(super) seq_k: usize,
    pub(super) heads: usize,
    pub(super) kv_heads: usize,
    pub(super) head_dim: usize,
}

impl Shape {
    pub(super) fn new(q: [usize; 4], k: [usize; 4]) -> Self {
        let [batch, seq_q, heads, head_dim] = q;
        let [_, seq_k, kv_heads, _] = k;
        Self {
            batch,
            seq_q,
            seq_k,
            heads,
            kv_heads,
            head_dim,
        }
    }

    /// Query heads that share a key/value head.
    fn group(self) -> usize {
        self.heads / self.kv_heads
    }

    /// The queries of one head: `[seq_q, head_dim]` inside `[batch, seq_q, heads, head_dim]`.
    fn queries(self, data: &[f32], batch: usize, head: usize, rows: Block) -> Matrix<'_> {
        let start = ((batch * self.seq_q + rows.first) * self.heads + head) * self.head_dim;
        Matrix::strided(
            &data[start..],
            rows.count,
            self.head_dim,
            self.heads * self.head_dim,
        )
    }

    /// The keys (or values) that a block sees, of one key/value head.
    fn keys(self, data: &[f32], batch: usize, kv_head: usize, rows: Block) -> Matrix<'_> {
        let start =
            ((batch * self.seq_k + rows.first_key) * self.kv_heads + kv_head) * self.head_dim;
        Matrix::strided(
            &data[start..],
            rows.num_keys(),
            self.head_dim,
            self.kv_heads * self.head_dim,
        )
    }
}

/// A block of queries and the keys that any of them sees.
#[derive(Debug, Clone, Copy)]
struct Block {
    first: usize,
    count: usize,
    first_key: usize,
    end_key: usize,
}

impl Block {
    fn num_keys(self) -> usize {
        self.end_key - self.first_key
    }
}

/// Keys that each query of a sequence sees: from `first` to its own position.
struct Visible {
    first: Vec<usize>,
    /// Position of the first query among the keys.
    offset: usize,
}

impl Visible {
    fn new(starts: &[i32], shape: Shape, window: Option<usize>) -> Self {
        let offset = shape.seq_k - shape.seq_q;
        let first = starts
            .iter()
            .enumerate()
            .map(|(query, &start)| {
                let position = offset + query;
                let window_start = window.map_or(0, |window| (position + 1).saturating_sub(window));
                window_start.max(start as usize).min(position)
            })
            .collect();
        Self { first, offset }
    }

    fn blocks(&self) -> impl Iterator<Item = Block> + '_ {
        let seq = self.first.len();
        (0..seq).step_by(BLOCK).map(move |first| {
            let count = BLOCK.min(seq - first);
            let first_key = self.first[first..first + count]
                .iter()
                .copied()
                .min()
                .unwrap_or(0);
            Block {
                first,
                count,
                first_key,
                end_key: self.offset + first + count,
            }
        })
    }

    /// The part of a block's row of scores that its query sees.
    fn range(&self, block: Block, row: usize) -> std::ops::Range<usize> {
        let query = block.first + row;
        self.first[query] - block.first_key..self.offset + query + 1 - block.first_key
    }
}

/// Returns the output `[batch, seq_q, heads, head_dim]` and the log-sum-exps `[batch, heads, seq_q]`.
pub(super) fn forward(
    q: &[f32],
    k: &[f32],
    v: &[f32],
    starts: &[i32],
    shape: Shape,
    spec: AttentionSpec,
) -> (Vec<f32>, Vec<f32>) {
    let head_results: Vec<(Vec<f32>, Vec<f32>)> = (0..shape.batch * shape.heads)
        .into_par_iter()
        .map(|task| {
            let (batch, head) = (task / shape.heads, task % shape.heads);
            let visible = Visible::new(
                &starts[batch * shape.seq_q..(batch + 1) * shape.seq_q],
                shape,
                spec.window,
            );
            let mut output = vec![0.0; shape.seq_q * shape.head_dim];
            let mut log_sum_exp = vec![0.0; shape.seq_q];
            let mut scores = Vec::new();
            for block in visible.blocks() {
                let keys = block.num_keys();
                scores.resize(block.count * keys, 0.0);
                let kv_head = head / shape.group();
                let (queries, block_keys) = (
                    shape.queries(q, batch, head, block),
                    shape.keys(k, batch, kv_head, block),
                );
                gemm(
                    &mut scores,
                    queries,
                    block_keys.transposed(),
                    spec.scale,
                    false,
                    Threads::One,
                );
                vectorized(|| {
                    for (row, scores) in scores.chunks_exact_mut(keys).enumerate() {
                        let range = visible.range(block, row);
                        let (before, rest) = scores.split_at_mut(range.start);
                        let (seen, after) = rest.split_at_mut(range.len());
                        before.fill(0.0);
                        after.fill(0.0);
                        let largest = maximum(seen);
                        let sum = exponentials(seen, largest);
                        log_sum_exp[block.first + row] = largest + sum.ln();
                        let factor = 1.0 / sum;
                        for probability in seen {
                            *probability *= factor;
                        }
                    }
                });
                let rows =
                    block.first * shape.head_dim..(block.first + block.count) * shape.head_dim;
                let probabilities = Matrix::rows(&scores, block.count, keys);
                let values = shape.keys(v, batch, kv_head, block);
                gemm(
                    &mut output[rows],
                    probabilities,
                    values,
                    1.0,
                    false,
                    Threads::One,
                );
            }
            (output, log_sum_exp)
        })
        .collect();
    let mut output = vec![0.0; q.len()];
    let mut log_sum_exp = Vec::with_capacity(shape.batch * shape.heads * shape.seq_q);
    for (task, (head_output, head_log_sum_exp)) in head_results.iter().enumerate() {
        put_head(
            &mut output,
            head_output,
            [task / shape.heads, task % shape.heads],
            [shape.seq_q, shape.heads],
            shape.head_dim,
        );
        log_sum_exp.extend_from_slice(head_log_sum_exp);
    }
    (output, log_sum_exp)
}

pub(super) struct Saved<'a> {
    pub(super) q: &'a [f32],
    pub(super) k: &'a [f32],
    pub(super) v: &'a [f32],
    pub(super) starts: &'a [i32],
    pub(super) output: &'a [f32],
    pub(super) log_sum_exp: &'a [f32],
}

/// With `P` the probabilities and `δ = Σ dy · y` of each query:
/// `dV = Pᵀ dY`, `dS = scale P (dY Vᵀ - δ)`, `dQ = dS K`, `dK = dSᵀ Q`.
pub(super) fn backward(
    saved: &Saved<'_>,
    dy: &[f32],
    shape: Shape,
    spec: AttentionSpec,
) -> [Vec<f32>; 3] {
    let results: Vec<KvHeadGradients> = (0..shape.batch * shape.kv_heads)
        .into_par_iter()
        .map(|task| {
            kv_head_backward(
                saved,
                dy,
                shape,
                spec,
                task / shape.kv_heads,
                task % shape.kv_heads,
            )
        })
        .collect();
    let mut dq = vec![0.0; saved.q.len()];
    let (mut dk, mut dv) = (vec![0.0; saved.k.len()], vec![0.0; saved.v.len()]);
    for (task, gradients) in results.iter().enumerate() {
        let (batch, kv_head) = (task / shape.kv_heads, task % shape.kv_heads);
        put_head(
            &mut dk,
            &gradients.dk,
            [batch, kv_head],
            [shape.seq_k, shape.kv_heads],
            shape.head_dim,
        );
        put_head(
            &mut dv,
            &gradients.dv,
            [batch, kv_head],
            [shape.seq_k, shape.kv_heads],
            shape.head_dim,
        );
        for (member, head_dq) in gradients.dq.iter().enumerate() {
            let head = kv_head * shape.group() + member;
            put_head(
                &mut dq,
                head_dq,
                [batch, head],
                [shape.seq_q, shape.heads],
                shape.head_dim,
            );
        }
    }
    [dq, dk, dv]
}

/// Gradients of one key/value head and of the query heads that share it, each `[seq, head_dim]`.
struct KvHeadGradients {
    dq: Vec<Vec<f32>>,
    dk: Vec<f32>,
    dv: Vec<f32>,
}

fn kv_head_backward(
    saved: &Saved<'_>,
    dy: &[f32],
    shape: Shape,
    spec: AttentionSpec,
    batch: usize,
    kv_head: usize,
) -> KvHeadGradients {
    let starts = &saved.starts[batch * shape.seq_q..(batch + 1) * shape.seq_q];
    let visible = Visible::new(starts, shape, spec.window);
    let head_dim = shape.head_dim;
    let mut gradients = KvHeadGradients {
        dq: vec![vec![0.0; shape.seq_q * head_dim]; shape.group()],
        dk: vec![0.0; shape.seq_k * head_dim],
        dv: vec![0.0; shape.seq_k * head_dim],
    };
    let (mut scores, mut dscores) = (Vec::new(), Vec::new());
    for member in 0..shape.group() {
        let head = kv_head * shape.group() + member;
        let log_sum_exp =
            &saved.log_sum_exp[(batch * shape.heads + head) * shape.seq_q..][..shape.seq_q];
        for block in visible.blocks() {
            let keys = block.num_keys();
            scores.resize(block.count * keys, 0.0);
            dscores.resize(block.count * keys, 0.0);
            let queries = shape.queries(saved.q, batch, head, block);
            let dy_rows = shape.queries(dy, batch, head, block);
            let block_keys = shape.keys(saved.k, batch, kv_head, block);
            let values = shape.keys(saved.v, batch, kv_head, block);
            gemm(
                &mut scores,
                queries,
                block_keys.transposed(),
                spec.scale,
                false,
                Threads::One,
            );
            gemm(
                &mut dscores,
                dy_rows,
                values.transposed(),
                1.0,
                false,
                Threads::One,
            );
            vectorized(|| {
                for (row, (scores, dscores)) in scores
                    .chunks_exact_mut(keys)
                    .zip(dscores.chunks_exact_mut(keys))
                    .enumerate()
                {
                    let query = block.first + row;
                    let start = ((batch * shape.seq_q + query) * shape.heads + head) * head_dim;
                    let delta = sum_of_products(
                        &dy[start..start + head_dim],
                        &saved.output[start..start + head_dim],
                    );
                    let range = visible.range(block, row);
                    scores[..range.start].fill(0.0);
                    scores[range.end..].fill(0.0);
                    dscores[..range.start].fill(0.0);
                    dscores[range.end..].fill(0.0);
                    for (score, dscore) in scores[range.clone()].iter_mut().zip(&mut dscores[range])
                    {
                        *score = exp(*score - log_sum_exp[query]);
                        *dscore = *score * (*dscore - delta) * spec.scale;
                    }
                }
            });
            let probabilities = Matrix::rows(&scores, block.count, keys);
            let dscores = Matrix::rows(&dscores, block.count, keys);
            let key_rows = block.first_key * head_dim..block.end_key * head_dim;
            let query_rows = block.first * head_dim..(block.first + block.count) * head_dim;
            gemm(
                &mut gradients.dv[key_rows.clone()],
                probabilities.transposed(),
                dy_rows,
                1.0,
                true,
                Threads::One,
            );
            gemm(
                &mut gradients.dk[key_rows],
                dscores.transposed(),
                queries,
                1.0,
                true,
                Threads::One,
            );
            gemm(
                &mut gradients.dq[member][query_rows],
                dscores,
                block_keys,
                1.0,
                false,
                Threads::One,
            );
        }
    }
    gradients
}

/// Copies one head's `[seq, head_dim]` into `[batch, seq, heads, head_dim]`.
fn put_head(
    out: &mut [f32],
    head_data: &[f32],
    [batch, head]: [usize; 2],
    [seq, heads]: [usize; 2],
    head_dim: usize,
) {
    for (row, values) in head_data.chunks_exact(head_dim).enumerate() {
        let start = ((batch * seq + row) * heads + head) * head_dim;
        out[start..start + head_dim].copy_from_slice(values);
    }
}
