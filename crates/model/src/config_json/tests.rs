//! What published files spell in their own way, and what is refused by name.

use serde_json::{Value, json};

use super::ConfigJsonError;
use crate::config::{LayerType, ModelConfig, TokenIds};

/// A small config of a family with some keys more or other.
fn read(family: &str, extra: Value) -> Result<ModelConfig, ConfigJsonError> {
    let mut keys = json!({
        "model_type": family, "vocab_size": 9, "hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 2,
        "num_hidden_layers": 3, "max_position_embeddings": 8, "rms_norm_eps": 1e-5, "architectures": ["XForCausalLM"],
    });
    let keys_object = keys.as_object_mut().unwrap();
    for (key, value) in extra.as_object().unwrap() {
        keys_object.insert(key.clone(), value.clone());
    }
    ModelConfig::from_json(keys.to_string().as_bytes())
}

fn refusal(family: &str, extra: Value) -> String {
    read(family, extra).unwrap_err().to_string()
}

#[test]
fn keys_that_change_nothing_are_passed_over() {
    let plain = read("llama", json!({})).unwrap();
    for extra in [
        json!({"rope_scaling": null, "quantum": null, "head_dim": null}),
        json!({"_name_or_path": "x", "use_cache": true, "auto_map": {"AutoTokenizer": ["a", null]}, "pretraining_tp": 2}),
        json!({"attention_dropout": 0.0, "resid_pdrop": 0, "use_mrope": false, "partial_rotary_factor": 1, "pruned_heads": {}}),
        json!({"temperature": 0.6, "transformers.js_config": {"a": 1}, "id2label": {"0": "LABEL_0"}}),
        json!({"pad_token_id": -1, "max_sequence_length": 8}),
        json!({"logits_scaling": null, "attention_multiplier": null}),
    ] {
        assert_eq!(read("llama", extra.clone()).unwrap(), plain, "{extra}");
    }
}

#[test]
fn two_spellings_may_agree_but_not_differ() {
    let both = json!({"torch_dtype": "bfloat16", "dtype": "bfloat16", "num_layers": 3,
        "rope_parameters": {"type": "yarn", "rope_type": "yarn", "factor": 4.0, "truncate": true, "mscale": null}});
    let config = read("qwen2", both).unwrap();
    assert_eq!(config.dtype.as_deref(), Some("bfloat16"));
    let scaling = config.rope_scaling.unwrap();
    assert_eq!(
        (scaling.rope_type.as_deref(), scaling.factor),
        (Some("yarn"), Some(4.0))
    );
    insta::assert_snapshot!(refusal("llama", json!({"num_layers": 4})),
        @"field `num_hidden_layers`: `3`, but its other spelling `num_layers` says `4`");
    insta::assert_snapshot!(refusal("llama", json!({"rope_scaling": {"type": "yarn", "rope_type": "llama3"}})),
        @r#"field `rope_scaling.rope_type`: `"llama3"`, but its other spelling `type` says `"yarn"`"#);
}

#[test]
fn what_is_not_computed_is_refused_by_name() {
    let refused = [
        json!({"windwo": 4}),
        json!({"rms_norm_eps": null}),
        json!({"rms_norm_eps": "a"}),
        json!({"head_dim": -4}),
        json!({"rope_scaling": {"factr": 2}}),
        json!({"rope_scaling": {"rope_type": "yarn", "truncate": false}}),
        json!({"quantization_config": {"bits": 4}}),
        json!({"use_mrope": true}),
        json!({"attention_dropout": 0.1}),
        json!({"partial_rotary_factor": 0.5}),
        json!({"architectures": ["LlamaForSequenceClassification"]}),
        json!({"max_sequence_length": 16}),
        json!({"eos_token_id": "2"}),
        json!({"logits_scaling": 0.5}),
        json!({"attention_multiplier": 1.0}),
    ]
    .map(|extra| refusal("llama", extra));
    insta::assert_snapshot!(refused.join("\n"), @r#"
    field `windwo`: unknown here
    field `rms_norm_eps`: missing field `rms_norm_eps`
    field `rms_norm_eps`: invalid type: string "a", expected a number
    field `head_dim`: invalid value: integer `-4`, expected a whole number, 0 or above
    field `rope_scaling`: unknown field `factr`
    field `rope_scaling.truncate`: `false` is not supported, only `true`
    field `quantization_config`: quantized weights are not supported: take the model in bf16, f16 or f32
    field `use_mrope`: `true` is not supported, only `false`
    field `attention_dropout`: `0.1` is not supported, only `0`
    field `partial_rotary_factor`: `0.5` is not supported, only `1`
    field `architectures`: `["LlamaForSequenceClassification"]` is not supported, only models `...ForCausalLM`
    field `max_sequence_length`: write the longest context as `max_position_embeddings`
    field `eos_token_id`: expected a token id or a list of them
    field `logits_scaling`: only `hyperclovax` models have it; other programs would pass it over
    field `attention_multiplier`: only `hyperclovax` models have it; other programs would pass it over
    "#);
    assert_eq!(
        refusal("gpt2", json!({})),
        "field `model_type`: unknown variant `gpt2`, expected one of `llama`, `mistral`, `qwen2`, `qwen3`, `exaone`, `exaone4`, \
         `hyperclovax`"
    );
    for text in ["[1]", "{\"model_type\": \"llama\"", ""] {
        let got = ModelConfig::from_json(text.as_bytes());
        assert!(matches!(got, Err(ConfigJsonError::Json(_))), "{got:?}");
    }
}

#[test]
fn several_tokens_may_end_a_text() {
    let config = read("llama", json!({"eos_token_id": [4, 7]})).unwrap();
    assert_eq!(config.eos_token_id, Some(TokenIds::Several(vec![4, 7])));
}

#[test]
fn absence_is_settled_where_programs_disagree() {
    assert_eq!(
        read("exaone", json!({})).unwrap().tie_word_embeddings,
        Some(true)
    );
    assert_eq!(read("llama", json!({})).unwrap().tie_word_embeddings, None);
    assert_eq!(read("qwen3", json!({})).unwrap().head_dim, Some(128));
    for family in ["mistral", "exaone4"] {
        let message = refusal(family, json!({}));
        assert!(
            message.starts_with("field `sliding_window`: missing: "),
            "{message}"
        );
    }
    assert_eq!(
        read("mistral", json!({"sliding_window": null}))
            .unwrap()
            .sliding_window,
        None
    );
}

#[test]
fn a_pattern_in_numbers_is_spelt_out() {
    let (local, global) = (LayerType::SlidingAttention, LayerType::FullAttention);
    let two = read(
        "exaone4",
        json!({"sliding_window": 4, "sliding_window_pattern": 2}),
    )
    .unwrap();
    assert_eq!(two.layer_types, Some(vec![local, global, local]));
    assert_eq!(two.sliding_window_pattern, None);
    // Where nothing is said, every fourth is global, and the last is as it falls.
    let silent = read("exaone4", json!({"sliding_window": 4})).unwrap();
    assert_eq!(silent.layer_types, Some(vec![local, local, local]));
    let none = read(
        "exaone4",
        json!({"sliding_window": null, "sliding_window_pattern": 0}),
    )
    .unwrap();
    assert_eq!(none.layer_types, None);
    insta::assert_snapshot!(refusal("exaone4", json!({"sliding_window": 4, "sliding_window_pattern": 0})),
        @"field `sliding_window_pattern`: invalid type: integer `0`, expected a string");
}

/// Whatever stands in the file, the answer is a config or an error: no panic, and nothing that takes long.
#[test]
fn mutated_files_are_read_or_refused() {
    let seeds = [
        json!({"model_type": "llama", "vocab_size": 9, "hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 2,
            "num_hidden_layers": 3, "max_position_embeddings": 8, "rms_norm_eps": 1e-5, "eos_token_id": [1, 2],
            "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                "original_max_position_embeddings": 4}}),
        json!({"model_type": "exaone4", "vocab_size": 9, "hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 2,
            "num_hidden_layers": 4, "max_position_embeddings": 8, "rms_norm_eps": 1e-5, "sliding_window": 4,
            "sliding_window_pattern": 4, "rope_parameters": {"rope_type": "default", "rope_theta": 1e6}}),
        json!({"model_type": "qwen2", "vocab_size": 9, "hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 2,
            "num_hidden_layers": 2, "max_position_embeddings": 8, "rms_norm_eps": 1e-5, "use_sliding_window": true,
            "max_window_layers": 1, "sliding_window": 4, "layer_types": ["full_attention", "sliding_attention"],
            "rope_scaling": {"type": "yarn", "factor": 4.0}}),
    ]
    .map(|seed| seed.to_string().into_bytes());
    let pieces: [&[u8]; 12] = [
        b"null",
        b"-1",
        b"0",
        b"1e999",
        b"4294967296",
        b"18446744073709551616",
        b"0.5",
        b"{}",
        b"[]",
        b"\"\"",
        b",",
        b"}",
    ];
    let mut state = 1377_u64;
    let mut next = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize % below
    };
    let mut read = 0;
    for round in 0..6000 {
        let mut text = seeds[round % seeds.len()].clone();
        for _ in 0..=next(3) {
            let at = next(text.len());
            match next(4) {
                0 => text[at] ^= 1 << next(8),
                1 => text.truncate(at + 1),
                2 => drop(text.remove(at)),
                _ => {
                    // A value for a value: from a colon to the next comma.
                    let start = text[at..]
                        .iter()
                        .position(|b| *b == b':')
                        .map_or(at, |found| at + found + 1);
                    let end = text[start..]
                        .iter()
                        .position(|b| *b == b',')
                        .map_or(text.len(), |found| start + found);
                    let piece = pieces[next(pieces.len())];
                    text.splice(start..end, piece.iter().copied());
                }
            }
            if text.is_empty() {
                break;
            }
        }
        match ModelConfig::from_json(&text) {
            Ok(config) => {
                read += 1;
                if let Ok(decoder) = crate::DecoderConfig::resolve(&config) {
                    assert!(!crate::ParameterTable::new(&decoder).parameters().is_empty());
                }
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    assert!(read > 100, "the mutations break everything: {read} read");
}
