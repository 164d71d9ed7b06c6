//! Attention against its reference: kernels with a backward, and the cache.

use super::*;
use crate::flex::BLOCK;

/// A case with documents of given starts, beside the reference.
struct Case {
    batch: usize,
    seq_q: usize,
    seq_k: usize,
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
    spec: AttentionSpec,
    /// Position of the first key of each query's document, `[batch, seq_q]`.
    starts: Vec<i32>,
}

impl Case {
    fn inputs(&self) -> (Tensor<4>, Tensor<4>, Tensor<4>) {
        let mut random = Random(11);
        let keys = [self.batch, self.seq_k, self.kv_heads, self.head_dim];
        (
            random.floats([self.batch, self.seq_q, self.heads, self.head_dim]) * 3.0,
            random.floats(keys) * 3.0,
            random.floats(keys),
        )
    }

    fn starts(&self) -> Tensor<2, Int> {
        integers(self.starts.clone(), [self.batch, self.seq_q])
    }

    fn check(&self) {
        let Self {
            batch,
            seq_q,
            seq_k,
            heads,
            kv_heads,
            head_dim,
            spec,
            ..
        } = self;
        check(
            &format!(
                "attention {batch} x {seq_q} of {seq_k}, {heads}/{kv_heads} x {head_dim}, {spec:?}"
            ),
            self.inputs(),
            |q, k, v| crate::attention(q, k, v, self.starts(), *spec),
            |q, k, v| reference::attention(q, k, v, self.starts(), *spec),
        );
    }
}

const fn spec(window: Option<usize>, softcap: Option<f32>) -> AttentionSpec {
    AttentionSpec {
        scale: 0.3,
        window,
        softcap,
        precision: Precision::F32,
    }
}

#[test]
fn attention_equals_reference() {
    // batch, seq_q, seq_k, heads, kv_heads, head_dim, window, softcap
    let cases = [
        (1, 1, 1, 1, 1, 2, None, None),
        (2, 7, 7, 4, 2, 8, None, Some(2.0)),
        (1, 130, 130, 4, 1, 16, Some(33), None),
        (2, BLOCK + 1, BLOCK + 1, 2, 2, 8, Some(1000), Some(50.0)),
        (1, 3, 70, 6, 3, 4, Some(64), None),
        (2, BLOCK + 30, 2 * BLOCK, 2, 1, 5, Some(100), None),
        (1, 70, 70, 1, 1, 6, Some(1), Some(1.0)),
        (1, 2 * BLOCK + 8, 2 * BLOCK + 8, 3, 3, 20, None, None),
    ];
    for (batch, seq_q, seq_k, heads, kv_heads, head_dim, window, softcap) in cases {
        // Documents of 1, 2, 4, ... tokens, but in the first row.
        let document_start =
            |position: usize| ((position + 1).next_power_of_two() / 2).min(position) as i32;
        let start = |row: usize| match row / seq_q {
            0 => 0,
            _ => document_start(seq_k - seq_q + row % seq_q),
        };
        Case {
            batch,
            seq_q,
            seq_k,
            heads,
            kv_heads,
            head_dim,
            spec: spec(window, softcap),
            starts: (0..batch * seq_q).map(start).collect(),
        }
        .check();
    }
}

#[test]
fn attention_of_random_shapes_and_documents_equals_reference() {
    let mut random = Random(21);
    let mut below = |end: usize| random.below(end);
    for _ in 0..24 {
        let seq_k = 1 + below(2 * BLOCK + 40);
        let seq_q = seq_k - below(2) * below(seq_k);
        let (batch, kv_heads) = (1 + below(2), 1 + below(3));
        let softcap = [None, Some(3.0)][below(2)];
        let window = [None, Some(1 + below(2 * seq_k))][below(2)];
        let longest = 1 + below(seq_k);
        let mut starts = Vec::new();
        for _ in 0..batch {
            // A document ends where the next one begins: often within a block, sometimes after one token.
            let (mut begin, mut end) = (0, 0);
            for position in 0..seq_k {
                if position == end {
                    (begin, end) = (position, position + 1 + below(longest));
                }
                if position >= seq_k - seq_q {
                    starts.push(begin as i32);
                }
            }
        }
        Case {
            batch,
            seq_q,
            seq_k,
            heads: kv_heads * (1 + below(4)),
            kv_heads,
            head_dim: 1 + below(24),
            spec: spec(window, softcap),
            starts,
        }
        .check();
    }
}

/// What rounding the operands of four products to eight bits leaves.
#[test]
fn attention_of_bf16_operands_stays_near_that_of_f32() {
    for seq in [1, 33, BLOCK + 31] {
        let case = |precision| Case {
            batch: 2,
            seq_q: seq,
            seq_k: seq,
            heads: 4,
            kv_heads: 2,
            head_dim: 9,
            spec: AttentionSpec {
                scale: 0.1,
                precision,
                ..spec(Some(seq.div_ceil(2)), None)
            },
            starts: vec![0; 2 * seq],
        };
        let run = |case: &Case| {
            let (q, k, v) = case.inputs();
            let [q, k, v] = [q, k, v].map(|tensor| tensor.autodiff().require_grad());
            let output =
                crate::attention(q.clone(), k.clone(), v.clone(), case.starts(), case.spec);
            let dy = Random(5).floats(output.dims());
            let mut gradients = crate::seed_backward(output.clone(), dy).backward();
            let gradient = |tensor: Tensor<4>, found: &mut _| tensor.grad_remove(found).map(values);
            let mut results = vec![values(output.inner())];
            for tensor in [q, k, v] {
                results.push(gradient(tensor, &mut gradients).expect("a gradient"));
            }
            results
        };
        let (rounded, exact) = (run(&case(Precision::Bf16)), run(&case(Precision::F32)));
        for (part, (rounded, exact)) in rounded.iter().zip(&exact).enumerate() {
            let norm =
                |values: &mut dyn Iterator<Item = f32>| values.map(|v| v * v).sum::<f32>().sqrt();
            let apart = norm(&mut rounded.iter().zip(exact).map(|(a, b)| a - b));
            let size = norm(&mut exact.iter().copied());
            // Of order one where what cancels is not exactly zero once rounded.
            assert!(
                apart <= 0.01 * size.max(1.0),
                "{part} of {seq}: {apart} of {size}"
            );
            // Of one key the probability is 1, and nothing depends on the scores.
            assert!(
                apart > 0.0 || seq == 1,
                "{part} of {seq}: nothing was rounded"
            );
        }
    }
}

#[test]
fn a_cache_gives_the_attention_of_the_whole_sequence() {
    let (heads, kv_heads, head_dim) = (4, 2, 8);
    for (window, softcap) in [
        (None, None),
        (Some(1), None),
        (Some(33), Some(3.0)),
        (Some(200), None),
    ] {
        let spec = AttentionSpec {
            scale: 0.4,
            window,
            softcap,
            precision: Precision::F32,
        };
        // A prompt, single tokens over the border of a page, a turn of a conversation, single tokens again.
        let chunks = [120, 1, 1, 1, 5, 1, 150, 1, 1, 70];
        let seq: usize = chunks.iter().sum();
        let mut random = Random(20);
        let q = random.floats([1, seq, heads, head_dim]) * 3.0;
        let k = random.floats([1, seq, kv_heads, head_dim]) * 3.0;
        let v = random.floats([1, seq, kv_heads, head_dim]);
        let starts = integers(vec![0; seq], [1, seq]);
        let whole = crate::attention(q.clone(), k.clone(), v.clone(), starts, spec);
        let mut cache = crate::LayerCache::new(kv_heads, head_dim);
        let mut parts = Vec::new();
        for chunk in chunks {
            let first = cache.len();
            let part = |x: &Tensor<4>| x.clone().narrow(1, first, chunk);
            parts.push(cache.attend(part(&q), part(&k), part(&v), spec));
        }
        assert_eq!(cache.len(), seq);
        assert_close("cache", &values(Tensor::cat(parts, 1)), &values(whole));
    }
}
