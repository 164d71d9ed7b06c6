//! Texts cut into small pieces have the ids that the library gives the whole, for pipelines of every kind.

use std::path::Path;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::Cuts;
use crate::byte_alphabet;
use crate::config_file::ConfigFile;
use crate::pattern::{GPT2, K_EXAONE, LLAMA3, O200K, QWEN2, korean, korean_superwords};
use crate::{Digits, Tokenizer};

/// Characters, bytes, and tokens of several of them: every pair of places becomes a merge.
fn bpe(pairs: &[(usize, usize)], byte_fallback: bool) -> Value {
    let mut tokens: Vec<String> = "▁ abAB가나각.,<|x>0\n".chars().map(String::from).collect();
    tokens.extend((0..=255u8).map(|byte| byte_alphabet::char_of(byte).to_string()));
    tokens.extend((0..=255u8).map(|byte| format!("<0x{byte:02X}>")));
    let mut vocab = Map::new();
    for token in &tokens {
        let id = vocab.len();
        vocab.entry(token.clone()).or_insert(json!(id));
    }
    let mut made: Vec<String> = "▁ abA가나.<Ġ\u{10A}0".chars().map(String::from).collect();
    let mut merges = Vec::new();
    for (left, right) in pairs {
        let (left, right) = (
            made[left % made.len()].clone(),
            made[right % made.len()].clone(),
        );
        let union = format!("{left}{right}");
        if !vocab.contains_key(&union) {
            let id = vocab.len();
            vocab.insert(union.clone(), json!(id));
            merges.push(json!([left, right]));
            made.push(union);
        }
    }
    json!({"type": "BPE", "dropout": null, "unk_token": "x", "continuing_subword_prefix": null,
        "end_of_word_suffix": null, "fuse_unk": true, "byte_fallback": byte_fallback, "ignore_merges": false,
        "vocab": vocab, "merges": merges})
}

fn unigram(pairs: &[(usize, usize)]) -> Value {
    let letters: Vec<String> = "▁ abA가나.<0".chars().map(String::from).collect();
    let mut tokens: Vec<String> = vec!["<unk>".to_owned()];
    tokens.extend(letters.clone());
    for (left, right) in pairs {
        let union = format!(
            "{}{}",
            tokens[1 + left % (tokens.len() - 1)],
            letters[right % letters.len()]
        );
        if !tokens.contains(&union) {
            tokens.push(union);
        }
    }
    let scored = tokens.iter().enumerate();
    let vocab: Vec<Value> = scored
        .map(|(at, token)| json!([token, -1.0 - (at as f64 * 0.37) % 3.0]))
        .collect();
    json!({"type": "Unigram", "unk_id": 0, "vocab": vocab, "byte_fallback": false})
}

fn normalizers() -> Vec<Value> {
    let kind = |kind: &str| json!({"type": kind});
    let replace = |pattern: Value, content: &str| json!({"type": "Replace", "pattern": pattern, "content": content});
    let prepend = json!({"type": "Prepend", "prepend": "▁"});
    let sequence = |parts: &[&Value]| json!({"type": "Sequence", "normalizers": parts});
    let spaces = replace(json!({"String": " "}), "▁");
    vec![
        Value::Null,
        kind("NFC"),
        kind("NFD"),
        kind("NFKC"),
        kind("Nmt"),
        sequence(&[&kind("NFD"), &kind("Lowercase"), &kind("StripAccents")]),
        spaces.clone(),
        sequence(&[&prepend, &spaces]),
        sequence(&[&spaces, &prepend]),
        sequence(&[
            &kind("Nmt"),
            &kind("NFKC"),
            &replace(json!({"Regex": " {2,}"}), "▁"),
        ]),
        // These look across a cut.
        replace(json!({"String": "a "}), "b"),
        replace(json!({"Regex": "[a가] +[b나]"}), "."),
        json!({"type": "Strip", "strip_left": true, "strip_right": true}),
    ]
}

fn pre_tokenizers() -> Vec<Value> {
    let metaspace = |scheme: &str, split: bool| json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": split});
    let bytes = |space: bool, regex: bool| json!({"type": "ByteLevel", "add_prefix_space": space, "trim_offsets": true, "use_regex": regex});
    let split = |pattern: &str| json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false});
    let one = |behavior: &str| json!({"type": "Split", "pattern": {"String": " "}, "behavior": behavior, "invert": false});
    let sequence = |parts: &[&Value]| json!({"type": "Sequence", "pretokenizers": parts});
    let digits = json!({"type": "Digits", "individual_digits": false});
    let words = json!({"type": "WhitespaceSplit"});
    let mut all = vec![
        Value::Null,
        metaspace("always", true),
        metaspace("first", true),
        metaspace("never", true),
        metaspace("always", false),
        metaspace("first", false),
        bytes(true, true),
        bytes(true, false),
        bytes(false, false),
        words.clone(),
        json!({"type": "Whitespace"}),
        json!({"type": "UnicodeScripts"}),
        json!({"type": "Punctuation", "behavior": "MergedWithNext"}),
        one("MergedWithPrevious"),
        one("MergedWithNext"),
        one("Removed"),
        one("Contiguous"),
        sequence(&[&words, &metaspace("always", true)]),
        sequence(&[&words, &metaspace("first", true)]),
        sequence(&[&one("MergedWithPrevious"), &metaspace("always", false)]),
        sequence(&[&digits, &bytes(true, true)]),
        sequence(&[&digits, &bytes(false, true)]),
        sequence(&[&split(r"[a-z] [a-z]"), &bytes(false, false)]),
        sequence(&[&split(r"\p{N}"), &bytes(false, false)]),
    ];
    let published = [GPT2, LLAMA3, QWEN2, K_EXAONE, O200K].map(str::to_owned);
    let own = [Digits::Single, Digits::UpToThree]
        .map(|digits| [korean(digits), korean_superwords(digits)]);
    for pattern in published.into_iter().chain(own.concat()) {
        all.push(sequence(&[&split(&pattern), &bytes(false, false)]));
        all.push(sequence(&[&split(&pattern), &bytes(true, false)]));
    }
    all
}

fn added_tokens(model: &Value, choice: usize) -> Value {
    let size = match &model["vocab"] {
        Value::Object(vocab) => vocab.len(),
        Value::Array(vocab) => vocab.len(),
        _ => 0,
    };
    let token = |at: usize, content: &str, special: bool, normalized: bool, strip: bool| {
        json!({"id": size + at, "content": content, "single_word": false, "lstrip": strip, "rstrip": strip,
            "normalized": normalized, "special": special})
    };
    match choice {
        0 => json!([]),
        1 => json!([
            token(0, "<|x|>", true, false, false),
            token(1, "a 가 b", true, false, false)
        ]),
        2 => json!([
            token(0, "<|x|>", true, false, false),
            token(1, "가 b", false, false, false)
        ]),
        3 => json!([
            token(0, "가 b", false, true, false),
            token(1, "aaa", false, true, false)
        ]),
        4 => json!([
            token(0, "<|x|>", false, false, false),
            token(1, "  ", false, false, false)
        ]),
        5 => json!([token(0, "<|x|>", false, false, true)]),
        _ => json!([
            token(0, "a b a", true, false, false),
            token(1, " b", false, false, false),
            token(2, "▁▁", false, false, false)
        ]),
    }
}

/// `None` where the library itself cannot have these parts together.
fn tokenizer(
    normalizer: &Value,
    pre_tokenizer: &Value,
    model: &Value,
    added: usize,
) -> Option<Tokenizer> {
    let document = json!({"version": "1.0", "truncation": null, "padding": null,
        "added_tokens": added_tokens(model, added), "normalizer": normalizer, "pre_tokenizer": pre_tokenizer,
        "post_processor": null, "decoder": null, "model": model});
    Tokenizer::from_document(document, ConfigFile::default(), Path::new("tokenizer.json")).ok()
}

fn pieces_of_text() -> impl Strategy<Value = String> {
    let parts = [
        "a",
        "b",
        "A",
        "가",
        "나",
        "각",
        " ",
        " ",
        " ",
        "  ",
        "\n",
        "\n\n",
        ".",
        ",",
        "0",
        "12",
        "<|x|>",
        "é",
        "e\u{301}",
        "\u{301}",
        "\u{1100}\u{1161}",
        "▁",
        "'s",
        "\t",
        "ﬁ",
        "\u{A0}",
        "漢",
        "😀",
        "aaa",
        "가 b",
        " b",
    ];
    prop::collection::vec(select(parts.to_vec()), 0..60).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn pieces_have_the_ids_of_the_whole(
        normalizer in select(normalizers()),
        pre_tokenizer in select(pre_tokenizers()),
        pairs in prop::collection::vec((0..60usize, 0..60usize), 0..40),
        kind in 0..3usize,
        added in 0..7usize,
        text in pieces_of_text(),
        bytes in 1..40usize,
    ) {
        let model = if kind == 2 { unigram(&pairs) } else { bpe(&pairs, kind == 1) };
        let Some(tokenizer) = tokenizer(&normalizer, &pre_tokenizer, &model, added) else {
            return Ok(());
        };
        let whole = tokenizer.library().encode_fast(&*text, false).unwrap();
        let got = tokenizer.encode_in_pieces(&text, bytes).unwrap();
        prop_assert_eq!(&got, whole.get_ids(), "{} {}", normalizer, pre_tokenizer);
        prop_assert_eq!(tokenizer.encode(&text).unwrap(), got);
        // Also where the parts are known here and the library is not asked.
        if let Some(cuts) = Cuts::of(tokenizer.library()) {
            let ids: Vec<u32> = cuts.pieces(&text, bytes).into_iter()
                .flat_map(|piece| tokenizer.library().encode_fast(piece, false).unwrap().get_ids().to_vec())
                .collect();
            prop_assert_eq!(ids, whole.get_ids(), "{} {}", normalizer, pre_tokenizer);
        }
    }
}

#[test]
fn texts_of_published_kinds_are_cut() {
    let text = "가나 각 ab. 가가 나나 ".repeat(20);
    let llama2 = &normalizers()[7];
    let gemma = &normalizers()[6];
    let metaspace =
        json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true});
    let whole = &pre_tokenizers()[0];
    let by_space = json!({"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": false});
    let qwen = &json!({"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": QWEN2}, "behavior": "Isolated", "invert": false},
        {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}]});
    // `▁` with a letter behind it, and never before it.
    let words = bpe(&[(0, 2), (0, 5), (5, 6)], true);
    for (normalizer, pre_tokenizer, model, added) in [
        (llama2, whole, &words, 0),
        (gemma, &by_space, &words, 6),
        (&Value::Null, &metaspace, &unigram(&[(0, 2)]), 0),
        (&normalizers()[1], qwen, &words, 4),
    ] {
        let tokenizer = tokenizer(normalizer, pre_tokenizer, model, added).expect("a tokenizer");
        let cuts = Cuts::of(tokenizer.library()).expect("known parts");
        let pieces = cuts.pieces(&text, 40);
        assert!(
            pieces.len() > 10,
            "{normalizer} {pre_tokenizer}: {}",
            pieces.len()
        );
        assert!(pieces.iter().all(|piece| piece.len() <= 40));
    }
    // Where a word's end and the space are one token, nothing is sure.
    let joined = bpe(&[(5, 0), (6, 0), (7, 0)], true);
    let tokenizer = tokenizer(llama2, whole, &joined, 0).expect("a tokenizer");
    let cuts = Cuts::of(tokenizer.library()).expect("known parts");
    assert!(cuts.pieces("가 나 가 나 가 나", 4).len() < 6);
}
