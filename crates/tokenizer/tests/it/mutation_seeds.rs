//! Small files in the shapes of published ones, for mutations to begin with.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::hostile::files::{self, split};

/// A file that works, and the name that it is read under.
pub(super) struct Seed {
    pub(super) name: &'static str,
    pub(super) file: &'static str,
    pub(super) text: String,
}

pub(super) fn seeds() -> Vec<Seed> {
    let of = |name, file, text| Seed { name, file, text };
    let tokenizer = |name, document: Value| of(name, "tokenizer.json", document.to_string());
    let mut seeds = vec![
        tokenizer("ours", files::valid()),
        tokenizer("as Llama 3", llama3()),
        tokenizer("as Qwen 2 and EXAONE", qwen2()),
        tokenizer("as Llama 2", sentence_piece()),
        tokenizer("as a BERT", bert()),
        tokenizer("Unigram", unigram()),
        of(
            "configuration",
            "tokenizer_config.json",
            configuration().to_string(),
        ),
    ];
    for name in [
        "exaone3",
        "exaone4",
        "ax4",
        "hyperclovax",
        "hyperclovax-think",
        "solar",
    ] {
        let path = format!("../../configs/chat/{name}.jinja");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        seeds.push(of(
            name,
            "chat_template.jinja",
            std::fs::read_to_string(path).unwrap(),
        ));
    }
    seeds
}

const CONTRACTIONS: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+";
const BLANKS: &str = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// The letters of byte-level tokens that Latin text and the syllable `한` need, and a few merges.
fn bytes_model() -> Value {
    let letters = ('!'..='~').chain("ĠĊíķľ".chars());
    let pairs = [
        ("t", "h"),
        ("th", "e"),
        ("Ġ", "the"),
        ("í", "ķ"),
        ("íķ", "ľ"),
        ("Ġ", "íķľ"),
        ("i", "n"),
        ("Ġ", "a"),
    ];
    let tokens = letters
        .map(String::from)
        .chain(pairs.iter().map(|(left, right)| format!("{left}{right}")));
    let vocab: Map<String, Value> = tokens
        .zip(0..)
        .map(|(token, id)| (token, json!(id)))
        .collect();
    json!({"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": "", "end_of_word_suffix": "",
        "fuse_unk": false, "byte_fallback": false, "ignore_merges": true, "vocab": vocab,
        "merges": pairs.map(|(left, right)| json!([left, right]))})
}

fn file(model: Value, special: &[&str], parts: &Value) -> Value {
    let first = model["vocab"].as_object().unwrap().len();
    let added: Vec<Value> = special.iter().enumerate().map(|(at, content)| {
        json!({"id": first + at, "content": content, "single_word": false, "lstrip": false, "rstrip": at == 1,
            "normalized": at == 2, "special": at != 2})
    }).collect();
    let mut document =
        json!({"version": "1.0", "truncation": null, "padding": null, "added_tokens": added});
    for (name, part) in parts.as_object().unwrap() {
        document[name] = part.clone();
    }
    document["model"] = model;
    document
}

fn byte_level(regex: bool) -> Value {
    json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": regex})
}

fn llama3() -> Value {
    let model = bytes_model();
    let bos = model["vocab"].as_object().unwrap().len();
    let pattern = format!(r"{CONTRACTIONS}|\p{{N}}{{1,3}}|{BLANKS}");
    let text = json!({"Sequence": {"id": "A", "type_id": 0}});
    file(
        model,
        &["<|begin_of_text|>", "<|end_of_text|>", "<|x|>"],
        &json!({
            "normalizer": null,
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split(&pattern), byte_level(false)]},
            "post_processor": {"type": "Sequence", "processors": [byte_level(true), {"type": "TemplateProcessing",
                "single": [{"SpecialToken": {"id": "<|begin_of_text|>", "type_id": 0}}, text],
                "pair": [text, {"Sequence": {"id": "B", "type_id": 1}}],
                "special_tokens": {"<|begin_of_text|>": {"id": "<|begin_of_text|>", "ids": [bos], "tokens": ["<|begin_of_text|>"]}}}]},
            "decoder": byte_level(true),
        }),
    )
}

fn qwen2() -> Value {
    let mut model = bytes_model();
    let pairs = model["merges"].as_array().unwrap().iter();
    let pairs = pairs.map(|pair| {
        format!(
            "{} {}",
            pair[0].as_str().unwrap(),
            pair[1].as_str().unwrap()
        )
    });
    model["merges"] = pairs.collect();
    let pattern = format!(r"{CONTRACTIONS}|\p{{N}}|{BLANKS}");
    file(
        model,
        &["[PAD]", "[BOS]", "[|endofturn|]"],
        &json!({
            "normalizer": {"type": "NFC"},
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split(&pattern), byte_level(false)]},
            "post_processor": byte_level(false),
            "decoder": byte_level(false),
        }),
    )
}

fn sentence_piece() -> Value {
    let tokens = [
        "<unk>", "<s>", "</s>", "<0x00>", "<0x0A>", "<0xED>", "▁", "a", "b", "▁a", "한", "▁한",
        "ab",
    ];
    let vocab: Map<String, Value> = tokens
        .iter()
        .zip(0..)
        .map(|(token, id)| ((*token).to_owned(), json!(id)))
        .collect();
    let model = json!({"type": "BPE", "dropout": null, "unk_token": "<unk>", "continuing_subword_prefix": null,
        "end_of_word_suffix": null, "fuse_unk": true, "byte_fallback": true, "ignore_merges": false, "vocab": vocab,
        "merges": ["▁ a", "▁ 한", "a b"]});
    let mut document = file(
        model,
        &[],
        &json!({
            "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
                {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
            "pre_tokenizer": null,
            "post_processor": {"type": "BertProcessing", "sep": ["</s>", 2], "cls": ["<s>", 1]},
            "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
                {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        }),
    );
    document["added_tokens"] = tokens[..3].iter().enumerate().map(|(id, content)| {
        json!({"id": id, "content": content, "single_word": false, "lstrip": true, "rstrip": false, "normalized": false,
            "special": id > 0})
    }).collect();
    document
}

fn bert() -> Value {
    let vocab = json!({"a": 0, "b": 1, "##b": 2, "ab": 3, "가": 4, "!": 5});
    let model = json!({"type": "BPE", "dropout": 0.0, "unk_token": "!", "continuing_subword_prefix": "##",
        "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false, "vocab": vocab,
        "merges": [["a", "##b"]]});
    file(
        model,
        &["[CLS]", "[SEP]", "[MASK]"],
        &json!({
            "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null,
                "lowercase": true},
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "BertPreTokenizer"},
                {"type": "Digits", "individual_digits": true}, {"type": "Punctuation", "behavior": "Isolated"},
                {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": true}]},
            "post_processor": {"type": "RobertaProcessing", "sep": ["[SEP]", 7], "cls": ["[CLS]", 6], "trim_offsets": true,
                "add_prefix_space": true},
            "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        }),
    )
}

/// As this crate trains them, but for bytes that are missing.
fn unigram() -> Value {
    let bpe = bytes_model();
    let tokens = bpe["vocab"].as_object().unwrap().keys();
    let special = ["<|pad|>", "<|bos|>"];
    let scored = |(token, at): (&str, i32)| json!([token, -f64::from(at) / 16.0]);
    let all = special.into_iter().chain(tokens.map(String::as_str));
    let vocab: Vec<Value> = all.zip(0..).map(scored).collect();
    let added = special.iter().enumerate().map(|(id, content)| {
        json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
            "special": true})
    });
    json!({"version": "1.0", "truncation": null, "padding": null, "added_tokens": added.collect::<Vec<_>>(),
        "normalizer": {"type": "NFC"}, "pre_tokenizer": byte_level(true), "post_processor": byte_level(true),
        "decoder": byte_level(true),
        "model": {"type": "Unigram", "unk_id": 0, "vocab": vocab, "byte_fallback": false}})
}

fn configuration() -> Value {
    json!({"added_tokens_decoder": {"0": {"content": "<|pad|>", "special": true}}, "bos_token": "<|bos|>",
        "eos_token": {"content": "<|eos|>", "lstrip": false}, "pad_token": "<|pad|>", "model_max_length": 4096,
        "chat_template": [
            {"name": "default", "template": "{% for m in messages %}{{ bos_token }}{{ m.role }}{% endfor %}"},
            {"name": "tool_use", "template": "{{ tools | tojson(indent=2) }}"}],
        "tokenizer_class": "PreTrainedTokenizerFast"})
}
