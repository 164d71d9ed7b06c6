//! Causal attention by blocks of queries: the scores of one block at a time, recomputed in backward
//! (Dao et al. 2022, arXiv 2205.14135; here a block sees all its keys at once, so no running maximum is needed).

#![expect(
    clippy::inline_always,
    reason = "code is compiled for the wider instructions only where it is inlined into `vectorized`"
)]

use std::ops::Range;

use rayon::prelude::*;

use super::buffer::Buffer;
use super::gemm::{Causal, Columns, Matrix, MatrixMut, Product, gemm};
use super::lanes::{exp, exponentials, maximum, sigmoid, sum_of_products, vectorized};
use crate::specs::AttentionSpec;

/// Queries of a block, whole tiles of a product: its scores against 2,048 keys are three quarters of a megabyte.
pub(crate) const BLOCK: usize = 96;

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

    /// The keys (or values) of one key/value head: `[seq_k, head_dim]`.
    fn keys(self, data: &[f32], batch: usize, kv_head: usize) -> Matrix<'_> {
        let start = (batch * self.seq_k * self.kv_heads + kv_head) * self.head_dim;
        Matrix::strided(
            &data[start..],
            self.seq_k,
            self.head_dim,
            self.kv_heads * self.head_dim,
        )
    }

    /// Operands made of each key/value head's keys or values, which its query heads and their blocks share: packed once.
    fn of_kv_heads<'a, const N: usize>(
        self,
        make: impl Fn(usize, usize) -> [Columns<'a>; N] + Sync,
    ) -> Vec<[Columns<'a>; N]> {
        (0..self.batch * self.kv_heads)
            .into_par_iter()
            .with_max_len(1)
            .map(|index| make(index / self.kv_heads, index % self.kv_heads))
            .collect()
    }
}

/// A block of queries and the keys that any of them sees, from a border of their packed operand on.
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

    /// Of each sequence of a batch.
    fn of_batch(starts: &[i32], shape: Shape, window: Option<usize>) -> Vec<Self> {
        starts
            .chunks(shape.seq_q.max(1))
            .map(|starts| Self::new(starts, shape, window))
            .collect()
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
                first_key: first_key / Columns::BORDER * Columns::BORDER,
                end_key: self.offset + first + count,
            }
        })
    }

    /// The part of a block's row of scores that its query sees.
    fn range(&self, block: Block, row: usize) -> Range<usize> {
        let query = block.first + row;
        self.first[query] - block.first_key..self.offset + query + 1 - block.first_key
    }
}

/// Returns the output `[batch, seq_q, heads, head_dim]` and the log-sum-exps `[batch, seq_q, heads]`.
pub(super) fn forward(
    q: &[f32],
    k: &[f32],
    v: &[f32],
    starts: &[i32],
    shape: Shape,
    spec: AttentionSpec,
) -> (Buffer, Buffer) {
    // One head at a time, inside a region that is parallel over blocks of queries.
    let product = Product::new(spec.precision).on_this_thread();
    let mut output = Buffer::any(q.len());
    let mut log_sum_exp = Buffer::any(shape.batch * shape.seq_q * shape.heads);
    let token = shape.heads * shape.head_dim;
    let visible = Visible::of_batch(starts, shape, spec.window);
    let operands = shape.of_kv_heads(|batch, kv_head| {
        let [keys, values] = [k, v].map(|data| shape.keys(data, batch, kv_head));
        [keys.transposed(), values].map(|matrix| Columns::new(matrix, spec.precision))
    });
    let mut tasks = Vec::new();
    let (mut output_left, mut sums_left) = (&mut output[..], &mut log_sum_exp[..]);
    for (batch, visible) in visible.iter().enumerate() {
        for block in visible.blocks() {
            let (output, rest) = output_left.split_at_mut(block.count * token);
            let (sums, more) = sums_left.split_at_mut(block.count * shape.heads);
            (output_left, sums_left) = (rest, more);
            tasks.push((batch, visible, block, output, sums));
        }
    }
    // The longest first, so that no thread begins one when the others end.
    tasks.sort_by_key(|(_, _, block, ..)| std::cmp::Reverse(block.num_keys()));
    tasks.into_par_iter().with_max_len(1).for_each(
        |(batch, visible, block, output, log_sum_exp)| {
            let keys = block.num_keys();
            let last = visible.offset + block.first - block.first_key;
            let mut scores = Buffer::any(block.count * keys);
            let mut factors = [0.0; BLOCK];
            for head in 0..shape.heads {
                let [all_keys, values] = &operands[batch * shape.kv_heads + head / shape.group()];
                all_keys.multiply(
                    MatrixMut::rows(&mut scores, block.count, keys),
                    shape.queries(q, batch, head, block),
                    0..shape.head_dim,
                    block.first_key,
                    product.times(spec.scale).causal(Causal::Result(last)),
                );
                softmax_rows(
                    &mut scores,
                    keys,
                    spec.softcap,
                    |row| visible.range(block, row),
                    |row, found| log_sum_exp[row * shape.heads + head] = found,
                    &mut factors[..block.count],
                );
                let output = &mut output[head * shape.head_dim..];
                values.multiply(
                    MatrixMut::strided(output, block.count, shape.head_dim, token),
                    Matrix::rows(&scores, block.count, keys),
                    block.first_key..block.end_key,
                    0,
                    product.causal(Causal::Rows(last)),
                );
                scale_rows(output, shape.head_dim, token, &factors[..block.count]);
            }
        },
    );
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
) -> [Buffer; 3] {
    let operands = shape.of_kv_heads(|batch, kv_head| {
        let [keys, values] = [saved.k, saved.v].map(|data| shape.keys(data, batch, kv_head));
        [keys.transposed(), values.transposed(), keys]
            .map(|matrix| Columns::new(matrix, spec.precision))
    });
    let visible = Visible::of_batch(saved.starts, shape, spec.window);
    let parts: Vec<HeadGradients> = (0..shape.batch * shape.heads)
        .into_par_iter()
        .with_max_len(1)
        .map(|task| {
            let (batch, head) = (task / shape.heads, task % shape.heads);
            let operands = &operands[batch * shape.kv_heads + head / shape.group()];
            head_backward(
                saved,
                dy,
                shape,
                spec,
                [batch, head],
                &visible[batch],
                operands,
            )
        })
        .collect();
    let which: [fn(&HeadGradients) -> &Buffer; 3] =
        [|part| &part.dq, |part| &part.dk, |part| &part.dv];
    let [dq, dk, dv] = which.map(|of| parts.iter().map(|part| &of(part)[..]).collect::<Vec<_>>());
    let queries = [shape.batch, shape.seq_q, shape.heads, shape.head_dim];
    let keys = [shape.batch, shape.seq_k, shape.kv_heads, shape.head_dim];
    [
        beside_each_other(queries, &dq),
        beside_each_other(keys, &dk),
        beside_each_other(keys, &dv),
    ]
}

/// Rows of `keys` scores to probabilities, but for a factor of each row: zero but where a row's query sees, and `found` hears each
/// row's log-sum-exp. The factors are left to the sums over values, which are shorter.
pub(super) fn softmax_rows(
    scores: &mut [f32],
    keys: usize,
    softcap: Option<f32>,
    seen: impl Fn(usize) -> Range<usize>,
    mut found: impl FnMut(usize, f32),
    factors: &mut [f32],
) {
    vectorized(
        #[inline(always)]
        || {
            for (row, (scores, factor)) in scores.chunks_exact_mut(keys).zip(factors).enumerate() {
                let range = seen(row);
                let (before, rest) = scores.split_at_mut(range.start);
                let (scores, after) = rest.split_at_mut(range.len());
                before.fill(0.0);
                after.fill(0.0);
                cap(scores, softcap);
                let largest = maximum(scores);
                let sum = exponentials(scores, largest);
                found(row, largest + sum.ln());
                *factor = 1.0 / sum;
            }
        },
    );
}

/// Multiplies rows of `columns` numbers, each `row_stride` after the one before it, by a factor of each.
pub(super) fn scale_rows(data: &mut [f32], columns: usize, row_stride: usize, factors: &[f32]) {
    vectorized(
        #[inline(always)]
        || {
            for (row, factor) in data.chunks_mut(row_stride).zip(factors) {
                for value in &mut row[..columns] {
                    *value *= factor;
                }
            }
        },
    );
}

/// `softcap · tanh(score / softcap)`.
#[inline(always)]
fn cap(scores: &mut [f32], softcap: Option<f32>) {
    let Some(softcap) = softcap else { return };
    for score in scores {
        // tanh z = 2 / (1 + exp(-2 z)) - 1
        *score = softcap * (2.0 * sigmoid(2.0 * *score / softcap) - 1.0);
    }
}

/// `[batch, seq, heads, head_dim]` from each head's `[seq, head_dim]`; where there are several parts to a head, their sum.
fn beside_each_other([batch, seq, heads, head_dim]: [usize; 4], parts: &[&[f32]]) -> Buffer {
    let mut out = Buffer::any(batch * seq * heads * head_dim);
    let group = parts.len() / (batch * heads).max(1);
    out.par_chunks_mut(heads * head_dim)
        .enumerate()
        .with_min_len(32)
        .for_each(|(token, out)| {
            let (row, place) = (token / seq * heads, token % seq * head_dim);
            vectorized(
                #[inline(always)]
                || {
                    for (head, out) in out.chunks_exact_mut(head_dim).enumerate() {
                        let parts = &parts[(row + head) * group..(row + head + 1) * group];
                        out.copy_from_slice(&parts[0][place..place + head_dim]);
                        for part in &parts[1..] {
                            for (sum, value) in out.iter_mut().zip(&part[place..]) {
                                *sum += value;
                            }
                        }
                    }
                },
            );
        });
    out
}

/// Gradients that come from one query head.
struct HeadGradients {
    /// `[seq_q, head_dim]`
    dq: Buffer,
    /// `[seq_k, head_dim]`
    dk: Buffer,
    /// `[seq_k, head_dim]`
    dv: Buffer,
}

fn head_backward(
    saved: &Saved<'_>,
    dy: &[f32],
    shape: Shape,
    spec: AttentionSpec,
    [batch, head]: [usize; 2],
    visible: &Visible,
    [keys_transposed, values_transposed, all_keys]: &[Columns<'_>; 3],
) -> HeadGradients {
    let head_dim = shape.head_dim;
    let product = Product::new(spec.precision).on_this_thread();
    let added = Product::added(spec.precision).on_this_thread();
    let mut gradients = HeadGradients {
        dq: Buffer::any(shape.seq_q * head_dim),
        dk: Buffer::zeros(shape.seq_k * head_dim),
        dv: Buffer::zeros(shape.seq_k * head_dim),
    };
    let most = visible
        .blocks()
        .map(|block| block.count * block.num_keys())
        .max();
    let [mut score_room, mut dscore_room] = std::array::from_fn(|_| Buffer::any(most.unwrap_or(0)));
    for block in visible.blocks() {
        let keys = block.num_keys();
        let scores = &mut score_room[..block.count * keys];
        let dscores = &mut dscore_room[..block.count * keys];
        let last = visible.offset + block.first - block.first_key;
        let queries = shape.queries(saved.q, batch, head, block);
        let dy_rows = shape.queries(dy, batch, head, block);
        keys_transposed.multiply(
            MatrixMut::rows(scores, block.count, keys),
            queries,
            0..head_dim,
            block.first_key,
            product.times(spec.scale).causal(Causal::Result(last)),
        );
        values_transposed.multiply(
            MatrixMut::rows(dscores, block.count, keys),
            dy_rows,
            0..head_dim,
            block.first_key,
            product.causal(Causal::Result(last)),
        );
        vectorized(
            #[inline(always)]
            || {
                for (row, (scores, dscores)) in scores
                    .chunks_exact_mut(keys)
                    .zip(dscores.chunks_exact_mut(keys))
                    .enumerate()
                {
                    let query = block.first + row;
                    let row_of_head = (batch * shape.seq_q + query) * shape.heads + head;
                    let log_sum_exp = saved.log_sum_exp[row_of_head];
                    let start = row_of_head * head_dim;
                    let delta = sum_of_products(
                        &dy[start..start + head_dim],
                        &saved.output[start..start + head_dim],
                    );
                    let range = visible.range(block, row);
                    scores[..range.start].fill(0.0);
                    scores[range.end..].fill(0.0);
                    dscores[..range.start].fill(0.0);
                    dscores[range.end..].fill(0.0);
                    let (scores, dscores) = (&mut scores[range.clone()], &mut dscores[range]);
                    cap(scores, spec.softcap);
                    // The cap's own derivative, 1 - tanh², before the score gives way to its probability.
                    let slope = spec
                        .softcap
                        .map_or(0.0, |softcap| 1.0 / (softcap * softcap));
                    for (score, dscore) in scores.iter_mut().zip(dscores) {
                        let through_cap = 1.0 - *score * *score * slope;
                        *score = exp(*score - log_sum_exp);
                        *dscore = *score * (*dscore - delta) * spec.scale * through_cap;
                    }
                }
            },
        );
        let probabilities = Matrix::rows(scores, block.count, keys);
        let dscores = Matrix::rows(dscores, block.count, keys);
        let key_rows = block.first_key * head_dim..block.end_key * head_dim;
        let query_rows = block.first * head_dim..(block.first + block.count) * head_dim;
        gemm(
            MatrixMut::rows(&mut gradients.dv[key_rows.clone()], keys, head_dim),
            probabilities.transposed(),
            dy_rows,
            added.causal(Causal::Columns(last)),
        );
        gemm(
            MatrixMut::rows(&mut gradients.dk[key_rows], keys, head_dim),
            dscores.transposed(),
            queries,
            added.causal(Causal::Columns(last)),
        );
        all_keys.multiply(
            MatrixMut::rows(&mut gradients.dq[query_rows], block.count, head_dim),
            dscores,
            block.first_key..block.end_key,
            0,
            product.causal(Causal::Rows(last)),
        );
    }
    gradients
}
