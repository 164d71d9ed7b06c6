//! Keys of published files that no family here reads: which may stand there, and with which value.

use serde_json::{Map, Value};

use super::ConfigJsonError;

/// Keys that say nothing of what a causal language model computes: how a library was called, code that is never run here, and
/// defaults of generation and of other tasks.
pub(super) const INERT: &[&str] = &[
    "_attn_implementation",
    "_attn_implementation_autoset",
    "_name_or_path",
    "attn_implementation",
    "auto_map",
    "bad_words_ids",
    "begin_suppress_tokens",
    "chunk_size_feed_forward",
    "decoder_start_token_id",
    "diversity_penalty",
    "do_sample",
    "early_stopping",
    "encoder_no_repeat_ngram_size",
    "end_token_id",
    "exponential_decay_length_penalty",
    "finetuning_task",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "gradient_checkpointing",
    "id2label",
    "is_decoder",
    "is_llama_config",
    "label2id",
    "length_penalty",
    "max_length",
    "max_new_tokens",
    "min_length",
    "no_repeat_ngram_size",
    "num_beam_groups",
    "num_beams",
    "num_labels",
    "num_return_sequences",
    "output_attentions",
    "output_hidden_states",
    "output_scores",
    "prefix",
    // Into how many products a matrix is cut: the sums are the same.
    "pretraining_tp",
    "problem_type",
    "remove_invalid_values",
    "repetition_penalty",
    "return_dict",
    "return_dict_in_generate",
    "sep_token_id",
    "suppress_tokens",
    "task_specific_params",
    "temperature",
    "tf_legacy_loss",
    "tie_last_hidden_states",
    "tokenizer_class",
    "top_k",
    "top_p",
    "torchscript",
    "transformers.js_config",
    "transformers_version",
    "typical_p",
    "unk_token_id",
    "unsloth_fixed",
    "unsloth_version",
    "use_bfloat16",
    "use_cache",
    "use_return_dict",
];

/// Keys of things that no family here has, and the only value, in JSON, with which they change nothing.
pub(super) const NEUTRAL: &[(&str, &str)] = &[
    ("add_cross_attention", "false"),
    ("attention_dropout", "0"),
    ("cross_attention_hidden_size", "null"),
    ("dropout_p", "0"),
    ("embd_pdrop", "0"),
    ("embed_dropout", "0"),
    ("is_encoder_decoder", "false"),
    ("ln_no_scale", "false"),
    ("mlp_gated_linear_units", "true"),
    ("partial_rotary_factor", "1"),
    ("per_layer_config", "{}"),
    ("position_embedding_type", "\"rope\""),
    ("pruned_heads", "{}"),
    ("quantization", "{}"),
    ("quantization_config", "{}"),
    ("resid_dropout", "0"),
    ("resid_pdrop", "0"),
    ("rope_interleaved", "false"),
    ("tie_encoder_decoder", "false"),
    ("use_mrope", "false"),
];

/// The same for keys of `rope_scaling`.
pub(super) const NEUTRAL_IN_ROPE_SCALING: &[(&str, &str)] =
    &[("partial_rotary_factor", "1"), ("truncate", "true")];

/// Takes out the keys of `neutral`; `before` is where they stand, for messages.
pub(super) fn remove_neutral(
    keys: &mut Map<String, Value>,
    neutral: &[(&str, &str)],
    before: &str,
) -> Result<(), ConfigJsonError> {
    for (key, expected) in neutral {
        if let Some(got) = keys.shift_remove(*key)
            && !same(&got, expected)
        {
            let what = if key.starts_with("quantization") {
                "quantized weights are not supported: take the model in bf16, f16 or f32".to_owned()
            } else {
                format!("`{got}` is not supported, only `{expected}`")
            };
            return Err(ConfigJsonError::field(&format!("{before}{key}"), what));
        }
    }
    Ok(())
}

/// Whether a value is the JSON `expected`; `0` and `0.0` are the same number.
pub(super) fn same(got: &Value, expected: &str) -> bool {
    let expected: Value = serde_json::from_str(expected).unwrap_or_default();
    match (got.as_f64(), expected.as_f64()) {
        (Some(got), Some(expected)) => got == expected,
        _ => *got == expected,
    }
}
