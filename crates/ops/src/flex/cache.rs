//! Keys and values of the tokens so far, in pages, and attention over them, without a graph.

use std::collections::VecDeque;
use std::ops::Range;

use rayon::prelude::*;

use super::attention::{BLOCK, scale_rows, softmax_rows};
use super::buffer::Buffer;
use super::gemm::{Matrix, MatrixMut, Product, gemm};
use crate::specs::AttentionSpec;

/// Positions of a page.
const PAGE: usize = 128;
/// Multiplications below which another thread costs more than it gives.
const TASK_PRODUCTS: usize = 128 * 1024;

/// One layer's keys and values of one sequence. New tokens cost what they are, not what there is: nothing is moved, and pages
/// that have left the window are used again, so a layer with a window keeps a bounded number of them.
#[derive(Debug)]
pub(crate) struct Pages {
    /// The first one's first position is `first`.
    kept: VecDeque<Page>,
    first: usize,
    len: usize,
    kv_heads: usize,
    head_dim: usize,
}

/// Each `[PAGE, kv_heads, head_dim]`.
#[derive(Debug)]
struct Page {
    keys: Buffer,
    values: Buffer,
}

impl Pages {
    pub(crate) fn new(kv_heads: usize, head_dim: usize) -> Self {
        Self {
            kept: VecDeque::new(),
            first: 0,
            len: 0,
            kv_heads,
            head_dim,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Key/value heads, and numbers of each.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        (self.kv_heads, self.head_dim)
    }

    fn token(&self) -> usize {
        self.kv_heads * self.head_dim
    }

    /// Appends `k` and `v`, `[seq, kv_heads, head_dim]`, and lets each of their queries `q`, `[seq, heads, head_dim]`, see what
    /// [`attention`](crate::attention) says. Returns the shape of `q`.
    pub(crate) fn attend(
        &mut self,
        q: &[f32],
        k: &[f32],
        v: &[f32],
        spec: AttentionSpec,
    ) -> Buffer {
        let before = self.len;
        self.extend(k, v);
        let seq = k.len() / self.token();
        let row = q.len() / seq.max(1);
        let heads = row / self.head_dim;
        let mut out = Buffer::any(q.len());
        if seq == 1 {
            let products = visible(before, before + 1, spec.window).len() * self.head_dim;
            out.par_chunks_mut(self.head_dim)
                .enumerate()
                .with_min_len((TASK_PRODUCTS / products).max(1))
                .for_each(|(head, out)| self.head(q, out, head, heads, before..before + 1, spec));
        } else {
            out.par_chunks_mut(BLOCK * row)
                .zip(q.par_chunks(BLOCK * row))
                .enumerate()
                .for_each(|(block, (out, q))| {
                    let first = before + block * BLOCK;
                    let positions = first..first + q.len() / row;
                    for head in 0..heads {
                        let out = &mut out[head * self.head_dim..];
                        self.head(q, out, head, heads, positions.clone(), spec);
                    }
                });
        }
        if let Some(window) = spec.window {
            self.forget(window);
        }
        out
    }

    /// One head of the queries at `positions`; `out` starts at the head's first row.
    fn head(
        &self,
        q: &[f32],
        out: &mut [f32],
        head: usize,
        heads: usize,
        positions: Range<usize>,
        spec: AttentionSpec,
    ) {
        let (rows, head_dim) = (positions.len(), self.head_dim);
        let kv_head = head / (heads / self.kv_heads);
        let span = visible(positions.start, positions.end, spec.window);
        let keys = span.len();
        let product = Product::new(spec.precision).on_this_thread();
        let q = Matrix::strided(&q[head * head_dim..], rows, head_dim, heads * head_dim);
        let mut scores = Buffer::any(rows * keys);
        for (page, part) in self.parts(&span) {
            let offset = part.start - span.start;
            gemm(
                MatrixMut::strided(&mut scores[offset..], rows, part.len(), keys),
                q,
                self.matrix(&page.keys, kv_head, &part).transposed(),
                product.times(spec.scale),
            );
        }
        let seen = |row: usize| {
            let position = positions.start + row;
            let seen = visible(position, position + 1, spec.window);
            seen.start - span.start..seen.end - span.start
        };
        let mut factors = [0.0; BLOCK];
        let factors = &mut factors[..rows];
        softmax_rows(&mut scores, keys, spec.softcap, seen, |_, _| {}, factors);
        for (page, part) in self.parts(&span) {
            let offset = part.start - span.start;
            gemm(
                MatrixMut::strided(out, rows, head_dim, heads * head_dim),
                Matrix::strided(&scores[offset..], rows, part.len(), keys),
                self.matrix(&page.values, kv_head, &part),
                Product {
                    accumulate: offset > 0,
                    ..product
                },
            );
        }
        scale_rows(out, head_dim, heads * head_dim, factors);
    }

    /// The pages under a range of positions, each with its part of them.
    fn parts(&self, range: &Range<usize>) -> impl Iterator<Item = (&Page, Range<usize>)> {
        self.kept
            .iter()
            .enumerate()
            .filter_map(move |(index, page)| {
                let start = self.first + index * PAGE;
                let part = start.max(range.start)..(start + PAGE).min(range.end);
                (!part.is_empty()).then_some((page, part))
            })
    }

    /// One head's rows of a page.
    fn matrix<'a>(&self, data: &'a [f32], kv_head: usize, part: &Range<usize>) -> Matrix<'a> {
        let start = (part.start % PAGE) * self.token() + kv_head * self.head_dim;
        Matrix::strided(&data[start..], part.len(), self.head_dim, self.token())
    }

    fn extend(&mut self, k: &[f32], v: &[f32]) {
        let token = self.token();
        for (k, v) in k.chunks_exact(token).zip(v.chunks_exact(token)) {
            let place = self.len - self.first;
            if place == self.kept.len() * PAGE {
                self.kept.push_back(Page {
                    keys: Buffer::any(PAGE * token),
                    values: Buffer::any(PAGE * token),
                });
            }
            let page = &mut self.kept[place / PAGE];
            let rows = place % PAGE * token..(place % PAGE + 1) * token;
            page.keys[rows.clone()].copy_from_slice(k);
            page.values[rows].copy_from_slice(v);
            self.len += 1;
        }
    }

    /// Lets go of pages that no later query sees.
    fn forget(&mut self, window: usize) {
        while self.first + PAGE + window <= self.len + 1 {
            self.kept.pop_front();
            self.first += PAGE;
        }
    }
}

/// Positions that any of the queries from `first` to before `end` sees.
fn visible(first: usize, end: usize, window: Option<usize>) -> Range<usize> {
    let start = window.map_or(0, |window| (first + 1).saturating_sub(window));
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::precision::Precision;

    #[test]
    fn a_layer_with_a_window_keeps_a_bounded_number_of_pages() {
        let spec = AttentionSpec {
            scale: 1.0,
            window: Some(100),
            softcap: None,
            precision: Precision::F32,
        };
        let mut pages = Pages::new(1, 2);
        for _ in 0..20 * PAGE {
            pages.attend(&[1.0, 0.5], &[0.5, 1.0], &[2.0, 3.0], spec);
            assert!(pages.kept.len() <= 2, "{} pages", pages.kept.len());
        }
        assert_eq!(pages.len(), 20 * PAGE);
    }
}
