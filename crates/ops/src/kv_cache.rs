//! Attention over what a sequence has seen so far, for generation.

use burn::tensor::Tensor;
use burn_flex::{Flex, FlexTensor};

use crate::flex::Pages;
use crate::specs::AttentionSpec;

/// One layer's keys and values of one sequence, on the host, in pages; forward only.
#[derive(Debug)]
pub struct LayerCache(Pages);

impl LayerCache {
    /// An empty cache for keys of this shape.
    pub fn new(kv_heads: usize, head_dim: usize) -> Self {
        Self(Pages::new(kv_heads, head_dim))
    }

    /// Tokens seen, those that have left the window included.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was seen yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends new keys and values and returns the [`attention`](crate::attention) of their queries to them and to all before
    /// them, as of one document.
    ///
    /// # Shapes
    /// - `q`, and the result: `[1, seq, heads, head_dim]`
    /// - `k`, `v`: `[1, seq, kv_heads, head_dim]`
    pub fn attend(
        &mut self,
        q: Tensor<4>,
        k: Tensor<4>,
        v: Tensor<4>,
        spec: AttentionSpec,
    ) -> Tensor<4> {
        let shape: [usize; 4] = q.dims();
        assert_eq!(shape[0], 1, "a cache holds one sequence");
        let (kv_heads, head_dim) = self.0.sizes();
        let keys = [1, shape[1], kv_heads, head_dim];
        assert_eq!(
            [k.dims(), v.dims()],
            [keys, keys],
            "shape of new keys and values"
        );
        assert_eq!(shape[3], head_dim, "size of a head");
        spec.expect_fit(shape[1], self.len() + shape[1], shape[2], kv_heads);
        let [q, k, v] = [q, k, v].map(|tensor| {
            let tensor: FlexTensor = tensor
                .try_into_primitive::<Flex>()
                .expect("the cache is on the host");
            tensor.to_contiguous()
        });
        let out = self.0.attend(
            q.as_slice().expect("contiguous f32"),
            k.as_slice().expect("contiguous f32"),
            v.as_slice().expect("contiguous f32"),
            spec,
        );
        Tensor::from_primitive::<Flex>(out.into_tensor(&shape))
    }
}
