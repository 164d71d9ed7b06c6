//! `model export`: both formats, and what the command line refuses.

use super::TRAINED;
use crate::lab::Lab;

fn model() -> String {
    format!("--model {}", TRAINED.path("runs/small/export").display())
}

#[test]
fn a_folder_in_another_number_format_is_a_model_again() {
    let lab = Lab::empty();
    let ended = lab
        .jikji(&format!(
            "model export {} --output half --dtype bf16 --max-shard-size 100KB",
            model()
        ))
        .succeeds();
    assert_eq!(ended.stdout, "half\n");
    let config = std::fs::read_to_string(lab.path("half/config.json")).unwrap();
    assert!(config.contains("bfloat16"), "{config}");
    assert!(lab.path("half/model.safetensors.index.json").exists());
    assert!(lab.path("half/tokenizer.json").exists());
    let info = lab.jikji("model info half").succeeds();
    assert!(
        info.stdout.starts_with("106,880 parameters"),
        "{}",
        info.stdout
    );
}

#[test]
fn what_llama_cpp_would_compute_otherwise_is_not_written() {
    let lab = Lab::empty();
    let ended = lab
        .jikji(&format!(
            "model export {} --output tiny.gguf --format gguf",
            model()
        ))
        .ends();
    assert_eq!(ended.code, Some(10));
    insta::assert_snapshot!(ended.stderr, @r"
    error: `sliding_window` cannot be exported to GGUF: llama.cpp gives `exaone4` windows, and layers without rotation, only in models of 64 layers; this one has 2
    hint: export as safetensors, which other programs load with every setting
    ");
    assert!(!lab.path("tiny.gguf").exists());
}

#[test]
fn contradictions_are_refused_before_anything_is_read() {
    let lab = Lab::empty();
    let refusal = |arguments: &str| {
        let ended = lab
            .jikji(&format!("model export --model nowhere {arguments}"))
            .ends();
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        ended.stderr
    };
    insta::assert_snapshot!(refusal("--output a --dtype q8_0"), @r"
    error: `--dtype q8_0` exists in GGUF only
    hint: add `--format gguf`
    ");
    insta::assert_snapshot!(refusal("--output a --format gguf --max-shard-size 5GB"), @r"
    error: `--max-shard-size` has no meaning with `--format gguf`: the model is one file
    hint: leave `--max-shard-size` out
    ");
    insta::assert_snapshot!(refusal("--output . --format gguf"), @r"
    error: `.` is a folder, and a GGUF model is one file
    hint: give `--output` the name of a file, such as model.gguf
    ");
    assert!(refusal("--output a --max-shard-size much").contains("`5GB` or `500MB`, got `much`"));
}
