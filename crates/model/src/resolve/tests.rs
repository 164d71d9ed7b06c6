use super::*;

fn config(keys: &str) -> ModelConfig {
    let base = "vocab_size = 64\nhidden_size = 16\nintermediate_size = 24\nnum_hidden_layers = 6\n\
                num_attention_heads = 2\nmax_position_embeddings = 64\nrms_norm_eps = 1e-5\n";
    toml::from_str(&format!("{base}{keys}")).unwrap()
}

fn message(keys: &str) -> String {
    DecoderConfig::resolve(&config(keys))
        .unwrap_err()
        .to_string()
}

fn globals(keys: &str) -> Vec<usize> {
    let decoder = DecoderConfig::resolve(&config(keys)).unwrap();
    let layers = decoder.layers.iter().enumerate();
    layers
        .filter(|(_, layer)| layer.window.is_none())
        .map(|(index, _)| index)
        .collect()
}

#[test]
fn a_key_of_another_family_is_refused() {
    for (family, key) in [
        ("llama", "sliding_window = 4"),
        ("llama", "use_post_norm = true"),
        ("mistral", "use_sliding_window = false"),
        ("exaone4", "max_window_layers = 2"),
        ("qwen2", "sliding_window_pattern = \"LLLG\""),
        ("qwen2", "attention_bias = false"),
    ] {
        assert_eq!(
            message(&format!("model_type = \"{family}\"\n{key}")).replace('"', ""),
            format!("model config: `{key}` is not supported for `model_type = {family}`")
                .replace('"', "")
        );
    }
    let types = "layer_types = [\"sliding_attention\", \"full_attention\", \"full_attention\", \
                 \"full_attention\", \"full_attention\", \"full_attention\"]";
    assert_eq!(
        message(&format!("model_type = \"hyperclovax\"\n{types}")),
        "model config: `layer_types = sliding_attention` is not supported for `model_type = \"hyperclovax\"`"
    );
}

#[test]
fn numbers_that_leave_nothing_to_compute_are_refused() {
    for (key, field) in [
        ("rope_theta = nan", "rope_theta"),
        ("rope_theta = inf", "rope_theta"),
        ("eos_token_id = 64", "eos_token_id"),
        (
            "rope_scaling = { rope_type = \"default\", factor = 4.0 }",
            "rope_scaling.rope_type",
        ),
        ("rms_norm_eps = 1e-60", "rms_norm_eps"),
        ("initializer_range = -0.02", "initializer_range"),
        ("initializer_range = 1e-60", "initializer_range"),
        ("logits_scaling = 0.0", "logits_scaling"),
        ("attention_multiplier = nan", "attention_multiplier"),
        ("embedding_multiplier = 1e60", "embedding_multiplier"),
        (
            "initializer = { type = \"mup\", base_hidden_size = 0 }",
            "initializer.base_hidden_size",
        ),
        (
            "rope_scaling = { rope_type = \"yarn\", factor = 0.0 }",
            "rope_scaling.factor",
        ),
        (
            "rope_scaling = { rope_type = \"yarn\", factor = 4.0, beta_fast = 1.0, beta_slow = 2.0 }",
            "rope_scaling.beta_fast",
        ),
        (
            "rope_scaling = { rope_type = \"yarn\", factor = 4.0, attention_factor = 0.0 }",
            "rope_scaling.attention_factor",
        ),
        (
            "rope_scaling = { rope_type = \"llama3\", factor = 8.0, low_freq_factor = 4.0, \
             high_freq_factor = 1.0, original_max_position_embeddings = 8 }",
            "rope_scaling.high_freq_factor",
        ),
        (
            "rope_scaling = { rope_type = \"llama3\", factor = 8.0, low_freq_factor = 1.0, \
             high_freq_factor = 4.0, original_max_position_embeddings = 0 }",
            "rope_scaling.original_max_position_embeddings",
        ),
    ] {
        let mut keys = config("model_type = \"llama\"");
        let table: toml::Table = toml::from_str(key).unwrap();
        let mut whole = toml::Table::try_from(&keys).unwrap();
        whole.extend(table);
        keys = whole.try_into().unwrap();
        match DecoderConfig::resolve(&keys) {
            Err(ModelError::Invalid { field: got, .. }) => assert_eq!(got, field, "{key}"),
            other => panic!("{key}: {other:?}"),
        }
    }
}

#[test]
fn a_scaling_without_its_kind_is_not_passed_over() {
    assert_eq!(
        message("model_type = \"llama\"\nrope_scaling = { factor = 4.0 }"),
        "model config: `rope_scaling.rope_type` is missing"
    );
    let theta = "model_type = \"llama\"\nrope_parameters = { rope_theta = 5e5 }";
    assert_eq!(
        DecoderConfig::resolve(&config(theta)).unwrap().rope.theta,
        5e5
    );
}

#[test]
fn a_pattern_in_letters_ends_with_a_global_layer() {
    let exaone4 = "model_type = \"exaone4\"\nsliding_window = 4\n";
    assert_eq!(globals(exaone4), [3, 5]);
    assert_eq!(
        globals(&format!("{exaone4}sliding_window_pattern = \"LG\"")),
        [1, 3, 5]
    );
    assert_eq!(globals("model_type = \"exaone4\""), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn qwen_windows_begin_where_its_own_default_says() {
    let qwen = "model_type = \"qwen2\"\nsliding_window = 4\nuse_sliding_window = true\n";
    assert_eq!(
        globals(&format!("{qwen}max_window_layers = 4")),
        [0, 1, 2, 3]
    );
    assert_eq!(globals(qwen).len(), 6, "28 layers before the first window");
}
