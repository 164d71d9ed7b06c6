//! Files in the form of published tokenizers: byte-level BPE with added tokens, and SentencePiece BPE with byte fallback.

use std::fs;

use jikji_tokenizer::{Tokenizer, TokenizerError};
use serde_json::{Map, Value, json};

use super::trained;

pub(super) fn load(document: &Value, config: Option<&Value>) -> Result<Tokenizer, TokenizerError> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tokenizer.json"), document.to_string()).unwrap();
    if let Some(config) = config {
        fs::write(
            folder.path().join("tokenizer_config.json"),
            config.to_string(),
        )
        .unwrap();
    }
    Tokenizer::load(folder.path())
}

fn added(id: u32, content: &str, special: bool) -> Value {
    json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
        "normalized": !special, "special": special})
}

/// The vocabulary and merges of a tokenizer trained here, without its control tokens, ids from 0.
fn byte_level_model(trained: &Tokenizer) -> (Map<String, Value>, Vec<Value>) {
    let folder = tempfile::tempdir().unwrap();
    trained.save(folder.path()).unwrap();
    let text = fs::read_to_string(folder.path().join("tokenizer.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let mut tokens: Vec<(u64, String)> = document["model"]["vocab"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(token, id)| (id.as_u64().unwrap(), token.clone()))
        .filter(|(id, _)| *id >= 24)
        .collect();
    tokens.sort_unstable();
    let vocab = tokens
        .into_iter()
        .enumerate()
        .map(|(id, (_, token))| (token, json!(id)))
        .collect();
    (
        vocab,
        document["model"]["merges"].as_array().unwrap().clone(),
    )
}

/// As Llama 3 and Qwen 2 are published: control tokens behind the vocabulary, merges as strings, the GPT-4 pattern.
pub(super) fn byte_level(trained: &Tokenizer, template: bool) -> Value {
    let (vocab, merges) = byte_level_model(trained);
    let size = vocab.len() as u32;
    let merges: Vec<String> = merges
        .iter()
        .map(|pair| {
            format!(
                "{} {}",
                pair[0].as_str().unwrap(),
                pair[1].as_str().unwrap()
            )
        })
        .collect();
    let byte_level = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false});
    let begin = "<|begin_of_text|>";
    let template = json!({"type": "Sequence", "processors": [
        {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true},
        {"type": "TemplateProcessing",
         "single": [{"SpecialToken": {"id": begin, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
         "pair": [{"SpecialToken": {"id": begin, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                  {"SpecialToken": {"id": begin, "type_id": 1}}, {"Sequence": {"id": "B", "type_id": 1}}],
         "special_tokens": {begin: {"id": begin, "ids": [size], "tokens": [begin]}}}]})
    .as_object()
    .filter(|_| template)
    .map_or_else(|| byte_level.clone(), |fields| Value::Object(fields.clone()));
    json!({
        "version": "1.0",
        "truncation": {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0},
        "padding": {"strategy": {"Fixed": 64}, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0,
            "pad_type_id": 0, "pad_token": "!"},
        "added_tokens": [added(size, begin, true), added(size + 1, "<|eot_id|>", true), added(size + 2, "<think>", false)],
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "behavior": "Isolated", "invert": false, "pattern": {"Regex":
                "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}},
            byte_level]},
        "post_processor": template,
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": true,
            "vocab": vocab, "merges": merges},
    })
}

#[test]
fn llama_3_style() {
    let config = json!({"bos_token": "<|begin_of_text|>", "eos_token": {"content": "<|eot_id|>"}, "chat_template": "t",
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 1e30});
    let tokenizer = load(&byte_level(&trained(), true), Some(&config)).unwrap();
    let size = tokenizer.vocab_size() as u32;
    assert_eq!(
        (tokenizer.bos_id(), tokenizer.eos_id(), tokenizer.pad_id()),
        (Some(size - 3), Some(size - 2), None)
    );
    assert_eq!(tokenizer.chat_template(), Some("t"));
    // The file's truncation to four tokens and padding to 64 are not applied.
    let text = "도서관은 <|eot_id|> 아침 아홉 시에 <|begin_of_text|> 문을 연다.";
    let ids = tokenizer.encode(text).unwrap();
    assert!(
        ids.len() > 4 && ids.iter().all(|&id| id < size - 3),
        "{ids:?}"
    );
    assert_eq!(tokenizer.decode(&ids).unwrap(), text);
    assert_eq!(
        tokenizer.encode_with_post_processor(text).unwrap()[0],
        size - 3
    );
    // A token that the file adds without calling it special is matched, as in other programs.
    assert_eq!(tokenizer.encode("<think>").unwrap(), [size - 1]);
    assert_eq!(tokenizer.decode(&[size - 1]).unwrap(), "<think>");
}

#[test]
fn exaone_style_cuts_digits_first_and_says_nothing_of_special_tokens() {
    let mut document = byte_level(&trained(), false);
    document["pre_tokenizer"] = json!({"type": "Sequence", "pretokenizers": [
        {"type": "Digits", "individual_digits": true},
        {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}]});
    document["normalizer"] = json!({"type": "NFKC"});
    let tokenizer = load(&document, None).unwrap();
    assert_eq!(
        (tokenizer.bos_id(), tokenizer.chat_template()),
        (None, None)
    );
    let ids = tokenizer.encode("㈜ １２월").unwrap();
    assert_eq!(tokenizer.decode(&ids).unwrap(), "(주) 12월");
}

/// As Llama 2 and its relatives are converted.
fn sentence_piece() -> Value {
    let mut tokens: Vec<String> = ["<unk>", "<s>", "</s>"].map(str::to_owned).to_vec();
    tokens.extend((0..256).map(|byte| format!("<0x{byte:02X}>")));
    tokens.extend(["▁", "한", "글", "a", "b", "한글", "▁한글", "ab"].map(str::to_owned));
    let vocab: Map<String, Value> = tokens
        .into_iter()
        .enumerate()
        .map(|(id, token)| (token, json!(id)))
        .collect();
    json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": [added(0, "<unk>", true), added(1, "<s>", true), added(2, "</s>", true)],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
        "pre_tokenizer": null,
        "post_processor": {"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "BPE", "dropout": null, "unk_token": "<unk>", "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": true, "byte_fallback": true, "vocab": vocab,
            "merges": ["한 글", "▁ 한글", "a b"]},
    })
}

#[test]
fn sentence_piece_style() {
    let tokenizer = load(&sentence_piece(), None).unwrap();
    let text = "한글 뷁ab 😀 </s>";
    let ids = tokenizer.encode(text).unwrap();
    assert_eq!(ids[0], tokenizer.token_to_id("▁한글").unwrap());
    assert!(ids.iter().all(|&id| id > 2), "{ids:?}");
    assert_eq!(tokenizer.decode(&ids).unwrap(), text);
    assert_eq!(
        tokenizer.decode_bytes(&ids),
        format!(" {text}").into_bytes()
    );
    let mut stream = tokenizer.decode_stream();
    let parts: Vec<String> = ids.iter().map(|&id| stream.push(id).unwrap()).collect();
    assert_eq!(parts.concat() + &stream.finish().unwrap(), text);
    assert_eq!(
        parts[1..5],
        [" ", "", "", "뷁"].map(str::to_owned),
        "{parts:?}"
    );
    assert_eq!(tokenizer.encode_with_post_processor("한글").unwrap()[0], 1);
}

#[test]
fn holes_in_the_ids_are_rows_of_the_embedding() {
    let mut document = byte_level(&trained(), false);
    let size = document["model"]["vocab"].as_object().unwrap().len();
    document["added_tokens"] = json!([]);
    document["model"]["vocab"]["한글토큰"] = json!(size + 100);
    let tokenizer = load(&document, None).unwrap();
    assert_eq!(tokenizer.vocab_size(), size + 101);
    assert_eq!(tokenizer.decode(&[size as u32 + 7]).unwrap(), "");
}

#[test]
fn a_configuration_that_names_a_token_the_file_lacks_is_refused() {
    let error = load(
        &byte_level(&trained(), true),
        Some(&json!({"pad_token": "<|none|>"})),
    )
    .unwrap_err()
    .to_string();
    assert!(
        error.contains("tokenizer_config.json`, field `pad_token`: expected a token that"),
        "{error}"
    );
}

#[test]
fn other_models_are_refused_by_name() {
    let mut document = byte_level(&trained(), true);
    document["model"]["type"] = json!("WordLevel");
    let error = load(&document, None).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("field `model.type`: expected `BPE` or `Unigram`, got `WordLevel`"),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("BPE"));
}
