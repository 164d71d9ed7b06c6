//! Keys and values of the tokens so far, for generation.

use burn::tensor::Tensor;

/// Grows by what each forward pass adds; one sequence.
#[derive(Debug, Clone, Default)]
pub struct KeyValueCache {
    layers: Vec<Option<(Tensor<4>, Tensor<4>)>>,
    len: usize,
}

impl KeyValueCache {
    /// An empty cache for so many layers.
    pub fn new(num_layers: usize) -> Self {
        Self {
            layers: vec![None; num_layers],
            len: 0,
        }
    }

    /// Tokens held.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was seen yet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends a layer's new keys and values, `[1, new, kv_heads, head_dim]`, and returns all of them.
    pub(crate) fn extend(
        &mut self,
        layer: usize,
        k: Tensor<4>,
        v: Tensor<4>,
    ) -> (Tensor<4>, Tensor<4>) {
        let all = match self.layers[layer].take() {
            Some((old_k, old_v)) => (
                Tensor::cat(vec![old_k, k], 1),
                Tensor::cat(vec![old_v, v], 1),
            ),
            None => (k, v),
        };
        self.layers[layer] = Some(all.clone());
        if layer + 1 == self.layers.len() {
            self.len = all.0.dims()[1];
        }
        all
    }
}
