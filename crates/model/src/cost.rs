//! What a step costs in multiplications and additions, and which matrix products it consists of.

use crate::decoder_config::DecoderConfig;

/// Multiplications and additions of one training token (forward and backward, without recomputation): six for each
/// weight of a matrix that is multiplied, and twelve for each (query, key, channel) seen. The embedding's look-up counts nothing.
pub fn flop_per_token(config: &DecoderConfig, seq_len: usize) -> f64 {
    let weights: usize = forward_products(config, 1)
        .iter()
        .map(|[m, k, n]| m * k * n)
        .sum();
    6.0 * weights as f64 + attention_flop_per_token(config, seq_len)
}

/// The part of [`flop_per_token`] that grows with the length of a sequence.
pub fn attention_flop_per_token(config: &DecoderConfig, seq_len: usize) -> f64 {
    12.0 * attention_channels(config, seq_len)
}

/// Sum over layers of the mean number of keys a query sees, times the channels of all heads.
fn attention_channels(config: &DecoderConfig, seq_len: usize) -> f64 {
    let channels = (config.num_attention_heads * config.head_dim) as f64;
    let keys = |window: Option<usize>| {
        let window = window.unwrap_or(seq_len).min(seq_len) as f64;
        let seq = seq_len as f64;
        // The first `window` queries see a triangle, the rest the whole window.
        (window * (window + 1.0) / 2.0 + (seq - window) * window) / seq
    };
    config
        .layers
        .iter()
        .map(|layer| keys(layer.window) * channels)
        .sum()
}

fn forward_products(config: &DecoderConfig, tokens: usize) -> Vec<[usize; 3]> {
    let (hidden, ffn) = (config.hidden_size, config.intermediate_size);
    let q = config.num_attention_heads * config.head_dim;
    let kv = config.num_key_value_heads * config.head_dim;
    let block = [
        [tokens, hidden, q],
        [tokens, hidden, kv],
        [tokens, hidden, kv],
        [tokens, q, hidden],
        [tokens, hidden, ffn],
        [tokens, hidden, ffn],
        [tokens, ffn, hidden],
    ];
    let mut products: Vec<[usize; 3]> = std::iter::repeat_n(block, config.num_hidden_layers())
        .flatten()
        .collect();
    products.push([tokens, hidden, config.vocab_size]);
    products
}

/// The products `[m, k] x [k, n]` of one step over so many tokens, forward and backward, attention's left out: the work
/// that no way of training can avoid.
pub fn products_of_a_step(config: &DecoderConfig, tokens: usize) -> Vec<[usize; 3]> {
    let forward = forward_products(config, tokens);
    let backward = forward.iter().flat_map(|&[m, k, n]| [[m, n, k], [n, m, k]]);
    forward.iter().copied().chain(backward).collect()
}
