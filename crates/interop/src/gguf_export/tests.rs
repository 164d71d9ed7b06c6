//! What is in the file, for each graph, and what is refused.

use jikji_checkpoint::gguf::{GgufArray, GgufFile};
use jikji_model::{LayerType, Layout, ParameterTable, Store};

use super::*;
use crate::testing::{
    EXAONE, EXAONE4, HYPERCLOVAX, LLAMA, MISTRAL, QWEN2, QWEN3, config, tokenizer,
};

fn weights(config: &ModelConfig) -> Store {
    let decoder = DecoderConfig::resolve(config).unwrap();
    let layout = Layout::new(ParameterTable::new(&decoder), &[]).unwrap();
    Store::initialized(layout, 3)
}

/// A tiny config of each graph without what llama.cpp lacks.
fn exportable(text: &str) -> ModelConfig {
    let mut config = config(text);
    config.sliding_window = None;
    config.sliding_window_pattern = None;
    config.use_sliding_window = config.use_sliding_window.map(|_| false);
    if text == EXAONE4 {
        config.head_dim = Some(4);
    }
    config
}

fn export(config: &ModelConfig, number: GgufType) -> (GgufFile, Written) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sub/tiny.gguf");
    let export = export_gguf(&path, config, &weights(config), Some(&tokenizer()), number).unwrap();
    (GgufFile::open(&path).unwrap(), export)
}

fn names(file: &GgufFile) -> Vec<String> {
    file.tensors().map(|tensor| tensor.name.clone()).collect()
}

#[test]
fn each_graph_gets_its_own_names() {
    let block = |inner: &[&str]| -> Vec<String> {
        inner.iter().map(|name| format!("blk.1.{name}")).collect()
    };
    let matrices = [
        "attn_q.weight",
        "attn_k.weight",
        "attn_v.weight",
        "attn_output.weight",
        "ffn_gate.weight",
        "ffn_up.weight",
        "ffn_down.weight",
    ];
    for (text, name, others, tied, factors) in [
        (
            LLAMA,
            "llama",
            &[
                "attn_norm.weight",
                "ffn_norm.weight",
                "attn_q.bias",
                "attn_k.bias",
                "attn_v.bias",
                "attn_output.bias",
                "ffn_gate.bias",
                "ffn_up.bias",
                "ffn_down.bias",
            ][..],
            false,
            false,
        ),
        (
            MISTRAL,
            "llama",
            &["attn_norm.weight", "ffn_norm.weight"],
            false,
            false,
        ),
        (
            QWEN2,
            "qwen2",
            &[
                "attn_norm.weight",
                "ffn_norm.weight",
                "attn_q.bias",
                "attn_k.bias",
                "attn_v.bias",
            ],
            false,
            false,
        ),
        (
            QWEN3,
            "qwen3",
            &[
                "attn_norm.weight",
                "ffn_norm.weight",
                "attn_q_norm.weight",
                "attn_k_norm.weight",
            ],
            true,
            false,
        ),
        (
            EXAONE,
            "exaone",
            &["attn_norm.weight", "ffn_norm.weight"],
            false,
            false,
        ),
        (
            EXAONE4,
            "exaone4",
            &[
                "post_attention_norm.weight",
                "post_ffw_norm.weight",
                "attn_q_norm.weight",
                "attn_k_norm.weight",
            ],
            true,
            true,
        ),
    ] {
        let (file, _) = export(&exportable(text), GgufType::F32);
        assert_eq!(
            file.get("general.architecture").unwrap().as_text(),
            Some(name)
        );
        let mut expected = block(&[&matrices, others].concat());
        let mut got: Vec<String> = names(&file)
            .into_iter()
            .filter(|name| name.starts_with("blk.1."))
            .collect();
        expected.sort();
        got.sort();
        assert_eq!(got, expected);
        let outside: Vec<String> = names(&file)
            .into_iter()
            .filter(|name| !name.starts_with("blk."))
            .collect();
        let mut expected = vec!["token_embd.weight", "output_norm.weight"];
        expected.extend((!tied).then_some("output.weight"));
        expected.extend(factors.then_some("rope_freqs.weight"));
        assert_eq!(outside, expected);
    }
}

#[test]
fn the_decoder_is_described() {
    let (file, _) = export(&exportable(QWEN3), GgufType::Q8_0);
    for (key, expected) in [
        ("general.file_type", 7),
        ("general.quantization_version", 2),
        ("qwen3.vocab_size", 300),
        ("qwen3.context_length", 48),
        ("qwen3.embedding_length", 16),
        ("qwen3.block_count", 2),
        ("qwen3.feed_forward_length", 24),
        ("qwen3.attention.head_count", 4),
        ("qwen3.attention.head_count_kv", 2),
        ("qwen3.attention.key_length", 8),
        ("qwen3.attention.value_length", 8),
        ("qwen3.rope.dimension_count", 8),
    ] {
        assert_eq!(
            file.get(key).and_then(GgufValue::as_u64),
            Some(expected),
            "{key}"
        );
    }
    assert_eq!(
        file.get("qwen3.attention.layer_norm_rms_epsilon"),
        Some(&GgufValue::F32(1e-6))
    );
    assert_eq!(
        file.get("qwen3.rope.freq_base"),
        Some(&GgufValue::F32(10_000.0))
    );
    assert_eq!(file.get("general.name").unwrap().as_text(), Some("tiny"));
}

#[test]
fn only_llama_interleaves_the_rows_of_rotated_heads() {
    for (text, interleaves) in [(LLAMA, true), (QWEN2, false)] {
        let config = exportable(text);
        let (file, _) = export(&config, GgufType::F32);
        let store = weights(&config);
        let index_of = |name: &str| {
            let parameters = store.layout().table().parameters();
            parameters
                .iter()
                .position(|parameter| parameter.name == name)
                .unwrap()
        };
        let published = |name: &str| store.values(index_of(name)).unwrap().to_vec();
        let read = |name: &str, len: usize| {
            let mut out = vec![0.0; len];
            file.read_f32(name, 0, &mut out).unwrap();
            out
        };
        let q = published("model.layers.1.self_attn.q_proj.weight");
        let got = read("blk.1.attn_q.weight", q.len());
        let head_dim = if text == LLAMA { 8 } else { 4 };
        // Row 1 of the second head.
        let row = |from: usize| &q[from * 16..(from + 1) * 16];
        let expected = if interleaves {
            head_dim + head_dim / 2
        } else {
            head_dim + 1
        };
        assert_eq!(
            got[(head_dim + 1) * 16..(head_dim + 2) * 16],
            *row(expected)
        );
        let v = published("model.layers.1.self_attn.v_proj.weight");
        assert_eq!(read("blk.1.attn_v.weight", v.len()), v);
    }
}

#[test]
fn norms_stay_in_f32_and_odd_rows_in_f16() {
    let (file, export) = export(&exportable(QWEN2), GgufType::Q8_0);
    for tensor in file.tensors() {
        let expected = if tensor.shape.len() == 1 {
            GgufType::F32
        } else {
            GgufType::F16
        };
        assert_eq!(tensor.number, expected, "{}", tensor.name);
    }
    assert!(
        export
            .warnings
            .iter()
            .any(|warning| warning.contains("whole blocks of 32"))
    );
    let mut wide = exportable(QWEN2);
    (wide.hidden_size, wide.intermediate_size) = (64, 96);
    let (file, export) = self::export(&wide, GgufType::Q8_0);
    assert!(
        file.tensors()
            .all(|tensor| (tensor.shape.len() == 1) == (tensor.number == GgufType::F32))
    );
    assert!(
        !export
            .warnings
            .iter()
            .any(|warning| warning.contains("blocks"))
    );
}

#[test]
fn the_tokenizer_is_written_whole() {
    let (file, export) = export(&exportable(LLAMA), GgufType::BF16);
    let text = |key: &str| {
        file.get(key)
            .and_then(GgufValue::as_text)
            .map(str::to_owned)
    };
    assert_eq!(text("tokenizer.ggml.model").as_deref(), Some("gpt2"));
    assert_eq!(text("tokenizer.ggml.pre").as_deref(), Some("superbpe"));
    let Some(GgufValue::Array(GgufArray::Text(tokens))) = file.get("tokenizer.ggml.tokens") else {
        panic!("no tokens");
    };
    let Some(GgufValue::Array(GgufArray::I32(kinds))) = file.get("tokenizer.ggml.token_type")
    else {
        panic!("no kinds");
    };
    let own = tokenizer();
    assert_eq!((tokens.len(), kinds.len()), (300, 300));
    for (id, token) in tokens.iter().enumerate() {
        match own.id_to_token(id as u32) {
            Some(expected) => assert_eq!(*token, expected),
            None => assert_eq!(*token, format!("[PAD{id}]")),
        }
    }
    assert_eq!(kinds[..3], [CONTROL_KIND; 3]);
    assert_eq!((kinds[40], kinds[299]), (1, 5));
    assert_eq!(
        file.get("tokenizer.ggml.eos_token_id").unwrap().as_u64(),
        own.eos_id().map(u64::from)
    );
    assert_eq!(
        file.get("tokenizer.ggml.bos_token_id").unwrap().as_u64(),
        own.bos_id().map(u64::from)
    );
    assert_eq!(
        file.get("tokenizer.ggml.add_bos_token"),
        Some(&GgufValue::Bool(true))
    );
    assert_eq!(
        file.get("tokenizer.ggml.add_eos_token"),
        Some(&GgufValue::Bool(false))
    );
    assert!(matches!(
        file.get("tokenizer.ggml.merges"),
        Some(GgufValue::Array(GgufArray::Text(_)))
    ));
    assert_eq!(export.warnings.len(), 2, "{:?}", export.warnings);
}

const CONTROL_KIND: i32 = 3;

#[test]
fn the_windows_of_the_model_of_64_layers_are_written() {
    let mut config = exportable(EXAONE4);
    config.num_hidden_layers = 64;
    config.sliding_window = Some(7);
    let (file, _) = export(&config, GgufType::F32);
    assert_eq!(
        file.get("exaone4.attention.sliding_window")
            .unwrap()
            .as_u64(),
        Some(7)
    );
    let Some(GgufValue::Array(GgufArray::Bool(pattern))) =
        file.get("exaone4.attention.sliding_window_pattern")
    else {
        panic!("no pattern");
    };
    assert!(
        pattern
            .iter()
            .enumerate()
            .all(|(layer, slides)| *slides == (layer % 4 != 3))
    );
}

#[test]
fn yarn_keeps_its_factor_on_cos_and_sin() {
    let mut config = exportable(QWEN2);
    let scaling = |text: &str| Some(toml::from_str(text).unwrap());
    config.rope_scaling =
        scaling("rope_type = \"yarn\"\nfactor = 4.0\noriginal_max_position_embeddings = 12");
    let (file, _) = export(&config, GgufType::F32);
    assert_eq!(
        file.get("qwen2.rope.scaling.type").unwrap().as_text(),
        Some("yarn")
    );
    assert_eq!(
        file.get("qwen2.rope.scaling.factor"),
        Some(&GgufValue::F32(4.0))
    );
    assert_eq!(
        file.get("qwen2.rope.scaling.original_context_length")
            .unwrap()
            .as_u64(),
        Some(12)
    );
    assert_eq!(file.get("qwen2.rope.scaling.attn_factor"), None);
    config.rope_scaling = scaling(
        "rope_type = \"yarn\"\nfactor = 4.0\noriginal_max_position_embeddings = 12\nattention_factor = 1.0",
    );
    let (file, _) = export(&config, GgufType::F32);
    assert_eq!(
        file.get("qwen2.rope.scaling.attn_factor"),
        Some(&GgufValue::F32((1.0 / (0.1 * 4.0_f64.ln() + 1.0)) as f32))
    );
}

#[test]
fn what_llama_cpp_would_compute_otherwise_is_refused() {
    let refuse = |config: &ModelConfig, field: &str| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.gguf");
        match export_gguf(&path, config, &weights(config), None, GgufType::F32) {
            Err(InteropError::NoGgufForm { field: got, reason }) => {
                assert_eq!(got, field, "{reason}");
            }
            other => panic!("{field}: {other:?}"),
        }
        assert!(!path.exists());
    };
    refuse(&config(HYPERCLOVAX), "model_type");
    refuse(&config(MISTRAL), "sliding_window");
    refuse(&config(QWEN2), "sliding_window");
    refuse(&config(EXAONE4), "head_dim");
    let with = |text: &str, change: &dyn Fn(&mut ModelConfig)| {
        let mut config = exportable(text);
        change(&mut config);
        config
    };
    refuse(
        &with(EXAONE4, &|config| config.sliding_window = Some(3)),
        "sliding_window",
    );
    let all_global = |config: &mut ModelConfig| {
        config.sliding_window = Some(3);
        config.layer_types = Some(vec![LayerType::FullAttention; 4]);
    };
    refuse(&with(EXAONE4, &all_global), "sliding_window");
    refuse(
        &with(EXAONE4, &|config| config.num_hidden_layers = 64),
        "layer_types",
    );
    refuse(
        &with(QWEN2, &|config| config.num_hidden_layers = 513),
        "num_hidden_layers",
    );
    refuse(
        &with(QWEN2, &|config| config.head_dim = Some(8)),
        "head_dim",
    );
    refuse(
        &with(QWEN3, &|config| config.attention_bias = Some(true)),
        "attention_bias",
    );
    let scaling = |text: &'static str| {
        move |config: &mut ModelConfig| config.rope_scaling = Some(toml::from_str(text).unwrap())
    };
    let llama3 = "rope_type = \"llama3\"\nfactor = 4.0\nlow_freq_factor = 1.0\nhigh_freq_factor = 4.0\noriginal_max_position_embeddings = 16";
    refuse(&with(QWEN3, &scaling(llama3)), "rope_scaling.rope_type");
    let yarn = "rope_type = \"yarn\"\nfactor = 4.0\nbeta_fast = 16.0";
    refuse(&with(LLAMA, &scaling(yarn)), "rope_scaling.beta_fast");
}

#[test]
fn a_file_without_a_tokenizer_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.gguf");
    let config = exportable(LLAMA);
    let export = export_gguf(&path, &config, &weights(&config), None, GgufType::F16).unwrap();
    assert_eq!(export.warnings.len(), 1, "{:?}", export.warnings);
    assert!(export.warnings[0].contains("has no tokenizer"));
    let file = GgufFile::open(&path).unwrap();
    assert_eq!(
        file.get("tokenizer.ggml.model").unwrap().as_text(),
        Some("none")
    );
}
