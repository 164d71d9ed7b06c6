//! Keys and values of the tokens so far, for generation.

use jikji_ops::LayerCache;

use crate::decoder_config::DecoderConfig;

/// Grows by what each forward pass adds; one sequence.
#[derive(Debug)]
pub struct KeyValueCache {
    layers: Vec<LayerCache>,
}

impl KeyValueCache {
    /// An empty cache for a decoder of this shape.
    pub fn new(config: &DecoderConfig) -> Self {
        let layer = |_| LayerCache::new(config.num_key_value_heads, config.head_dim);
        Self {
            layers: (0..config.num_hidden_layers()).map(layer).collect(),
        }
    }

    /// Tokens seen by every layer.
    pub fn len(&self) -> usize {
        self.layers.last().map_or(0, LayerCache::len)
    }

    /// Whether nothing was seen yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn layer(&mut self, layer: usize) -> &mut LayerCache {
        &mut self.layers[layer]
    }
}
