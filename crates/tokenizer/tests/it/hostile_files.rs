//! Files made to break the loader: each ends in a typed error or in a tokenizer that works, never in a panic.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use jikji_tokenizer::{Tokenizer, TokenizerConfig, TokenizerError, train};
use serde_json::{Value, json};

use super::TEXTS;

/// A valid file with few tokens, so that a mutation likely hits something that matters.
fn valid() -> Value {
    let config = TokenizerConfig {
        reserved_tokens: 0,
        ..TokenizerConfig::with_vocab_size(280)
    };
    let folder = tempfile::tempdir().unwrap();
    train(TEXTS, &config).unwrap().save(folder.path()).unwrap();
    serde_json::from_slice(&fs::read(folder.path().join("tokenizer.json")).unwrap()).unwrap()
}

/// Loads `bytes` as a file and uses what comes back; fails on a panic or on a load that takes too long.
fn load(bytes: &[u8], what: &str) -> Result<(), TokenizerError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    fs::write(&path, bytes).unwrap();
    let start = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(|| use_all(&path)));
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{what} took {:?}",
        start.elapsed()
    );
    result.unwrap_or_else(|_| panic!("{what} got a panic through"))
}

fn use_all(path: &Path) -> Result<(), TokenizerError> {
    let tokenizer = Tokenizer::load(path)?;
    let ids: Vec<u32> = (0..tokenizer.vocab_size().min(400) as u32)
        .rev()
        .chain([u32::MAX])
        .collect();
    // Failing on a text is allowed to a hostile file, panicking is not.
    let _ = tokenizer.encode("한글 GPU를 a<|bos|>\0 \u{1112}\u{1161}");
    let _ = tokenizer.encode_with_post_processor("가");
    let _ = (
        tokenizer.decode(&ids),
        tokenizer.decode_all(&ids),
        tokenizer.decode_bytes(&ids),
    );
    let mut stream = tokenizer.decode_stream();
    for &id in &ids[..ids.len().min(40)] {
        let _ = stream.push(id);
    }
    let _ = (stream.finish(), tokenizer.fingerprint(), tokenizer.bos_id());
    Ok(())
}

/// A file of the library's smallest kind.
fn tiny(vocab: &Value, merges: &Value) -> Value {
    json!({"version": "1.0", "added_tokens": [], "normalizer": null, "pre_tokenizer": null, "post_processor": null,
        "decoder": null, "model": {"type": "BPE", "vocab": vocab, "merges": merges}})
}

/// The valid file with one field, given as a JSON pointer, set or removed.
fn with(pointer: &str, value: Option<Value>) -> Value {
    let mut document = valid();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = document
        .pointer_mut(parent)
        .unwrap_or_else(|| panic!("{pointer}"));
    match (parent, value) {
        (Value::Object(fields), Some(value)) => drop(fields.insert(name.to_owned(), value)),
        (Value::Object(fields), None) => drop(fields.shift_remove(name)),
        (Value::Array(items), Some(value)) => items[name.parse::<usize>().unwrap()] = value,
        (parent, _) => panic!("{pointer} is in {parent}"),
    }
    document
}

fn nested(kind: &str, members: &str, inner: Value, depth: usize) -> Value {
    (0..depth).fold(inner, |inner, _| json!({"type": kind, members: [inner]}))
}

/// Each case with a part of the message that must name the field.
fn cases() -> Vec<(&'static str, Value, &'static str)> {
    let split = |pattern: &str| json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false});
    let added = |id: u64, content: &str| {
        json!([{"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true}])
    };
    let replace = |from: &str, to: &str| json!({"type": "Replace", "pattern": {"Regex": from}, "content": to});
    let pattern = "`pre_tokenizer.pattern.Regex`";
    vec![
        (
            "merge longer than any token",
            tiny(&json!({"aa": 0, "bb": 1}), &json!([["aa", "bb"]])),
            "`model.merges[0]`",
        ),
        (
            "merge as string, result missing",
            tiny(&json!({"a": 0, "b": 1}), &json!(["a b"])),
            "`model.merges[0]`",
        ),
        (
            "merge of no entry",
            tiny(&json!({"a": 0, "ab": 1}), &json!([["a", "b"]])),
            "`model.merges[0]`",
        ),
        (
            "merge of one",
            tiny(&json!({"a": 0}), &json!([["a"]])),
            "`model.merges[0]`",
        ),
        (
            "merge of three words",
            tiny(&json!({"a": 0}), &json!(["a a a"])),
            "`model.merges[0]`",
        ),
        (
            "merge of numbers",
            tiny(&json!({"a": 0}), &json!([[1, 2]])),
            "`model.merges[0]`",
        ),
        (
            "merge of empty strings",
            tiny(&json!({"a": 0, "": 1}), &json!([["", "a"]])),
            "`model.merges[0]`",
        ),
        (
            "merges of two forms",
            tiny(&json!({"a": 0, "aa": 1}), &json!([["a", "a"], "a a"])),
            "`model.merges[1]`",
        ),
        (
            "merges are an object",
            tiny(&json!({"a": 0}), &json!({})),
            "`model.merges`",
        ),
        (
            "version line among merges",
            tiny(&json!({"a": 0}), &json!(["#version: 0.2"])),
            "`model.merges[0]`",
        ),
        (
            "duplicate ids",
            tiny(&json!({"a": 0, "b": 0}), &json!([])),
            "`model.vocab[`b`]`",
        ),
        (
            "largest possible id",
            tiny(&json!({"a": u32::MAX}), &json!([])),
            "`model.vocab[`a`]`",
        ),
        (
            "id beyond 32 bits",
            tiny(&json!({"a": u64::MAX}), &json!([])),
            "`model.vocab[`a`]`",
        ),
        (
            "negative id",
            tiny(&json!({"a": -1}), &json!([])),
            "`model.vocab[`a`]`",
        ),
        (
            "fractional id",
            tiny(&json!({"a": 0.5}), &json!([])),
            "`model.vocab[`a`]`",
        ),
        (
            "id as string",
            tiny(&json!({"a": "0"}), &json!([])),
            "`model.vocab[`a`]`",
        ),
        (
            "empty vocabulary",
            tiny(&json!({}), &json!([])),
            "`model.vocab`",
        ),
        (
            "vocabulary as list",
            tiny(&json!(["a"]), &json!([])),
            "`model.vocab`",
        ),
        (
            "token of a megabyte",
            tiny(&json!({"a".repeat(1 << 20): 0}), &json!([])),
            "`model.vocab[`aaa",
        ),
        ("no vocabulary", with("/model/vocab", None), "`model.vocab`"),
        ("no merges", with("/model/merges", None), "`model.merges`"),
        ("no model", with("/model", None), "`model`"),
        (
            "model is null",
            with("/model", Some(Value::Null)),
            "`model`",
        ),
        (
            "model without a type",
            with("/model/type", None),
            "`model.type`",
        ),
        (
            "model of another type",
            with("/model/type", Some(json!("WordLevel"))),
            "`model.type`",
        ),
        (
            "merges dropped at random",
            with("/model/dropout", Some(json!(0.1))),
            "`model.dropout`",
        ),
        (
            "unknown token unknown",
            with("/model/unk_token", Some(json!("<none>"))),
            "`model.unk_token`",
        ),
        (
            "switch as string",
            with("/model/fuse_unk", Some(json!("yes"))),
            "`model.fuse_unk`",
        ),
        (
            "prefix that merges lack",
            with(
                "/model/continuing_subword_prefix",
                Some(json!("##########")),
            ),
            "`model.merges[0]`",
        ),
        (
            "prefix of half a character",
            with("/model/continuing_subword_prefix", Some(json!("é"))),
            "`model.merges[0]`",
        ),
        (
            "suffix as list",
            with("/model/end_of_word_suffix", Some(json!([]))),
            "`model.end_of_word_suffix`",
        ),
        (
            "added token with a taken id",
            with("/added_tokens", Some(added(100, "<new>"))),
            "`added_tokens[0].id`",
        ),
        (
            "added token behind a hole",
            with("/added_tokens", Some(added(100_000, "<new>"))),
            "`added_tokens[0].id`",
        ),
        (
            "added token with another id",
            with("/added_tokens", Some(added(5, "<|pad|>"))),
            "`added_tokens[0].id`",
        ),
        (
            "added token with a huge id",
            with("/added_tokens", Some(added(u64::from(u32::MAX), "<new>"))),
            "`added_tokens[0].id`",
        ),
        (
            "empty added token",
            with("/added_tokens", Some(added(280, ""))),
            "`added_tokens[0].content`",
        ),
        (
            "added tokens as object",
            with("/added_tokens", Some(json!({}))),
            "`added_tokens`",
        ),
        (
            "added token as string",
            with("/added_tokens/0", Some(json!("<s>"))),
            "`added_tokens[0]`",
        ),
        (
            "added token without a switch",
            with("/added_tokens/0/special", None),
            "`added_tokens[0].special`",
        ),
        (
            "two added tokens of one content",
            with("/added_tokens/1/content", Some(json!("<|pad|>"))),
            "`added_tokens[1].content`",
        ),
        (
            "two added tokens of one id",
            with("/added_tokens/1/id", Some(json!(0))),
            "`added_tokens[1].id`",
        ),
        (
            "unknown normalizer",
            with("/normalizer/type", Some(json!("NFX"))),
            "`normalizer.type`",
        ),
        (
            "normalizer without a type",
            with("/normalizer", Some(json!({}))),
            "`normalizer.type`",
        ),
        (
            "normalizer as string",
            with("/normalizer", Some(json!("NFC"))),
            "`normalizer`",
        ),
        (
            "normalizer that explodes",
            with(
                "/normalizer",
                Some(
                    json!({"type": "Sequence", "normalizers": vec![replace(".", "aaaaaaaaa"); 30]}),
                ),
            ),
            "`normalizer.normalizers[3]`",
        ),
        (
            "byte-level thirty times",
            with(
                "/normalizer",
                Some(
                    json!({"type": "Sequence", "normalizers": vec![json!({"type": "ByteLevel"}); 30]}),
                ),
            ),
            "`normalizer.normalizers[12]`",
        ),
        (
            "normalizer forty deep",
            with(
                "/normalizer",
                Some(nested(
                    "Sequence",
                    "normalizers",
                    json!({"type": "NFC"}),
                    40,
                )),
            ),
            "at most 4 deep",
        ),
        (
            "pre-tokenizer forty deep",
            with(
                "/pre_tokenizer",
                Some(nested("Sequence", "pretokenizers", split("a"), 40)),
            ),
            "at most 4 deep",
        ),
        (
            "decoder forty deep",
            with(
                "/decoder",
                Some(nested("Sequence", "decoders", json!({"type": "Fuse"}), 40)),
            ),
            "at most 4 deep",
        ),
        (
            "sequence without members",
            with("/pre_tokenizer", Some(json!({"type": "Sequence"}))),
            "`pre_tokenizer.pretokenizers`",
        ),
        (
            "pieces of length zero",
            with(
                "/pre_tokenizer",
                Some(json!({"type": "FixedLength", "length": 0})),
            ),
            "`pre_tokenizer.type`",
        ),
        (
            "pattern that does not compile",
            with("/pre_tokenizer", Some(split("(a"))),
            "tokenizer.json",
        ),
        (
            "pattern of unknown property",
            with("/pre_tokenizer", Some(split(r"\p{Klingon}"))),
            "tokenizer.json",
        ),
        (
            "pattern of nested repeats",
            with(
                "/pre_tokenizer",
                Some(split("(((a{1000}){1000}){1000}){1000}")),
            ),
            pattern,
        ),
        (
            "pattern of chained repeats",
            with(
                "/pre_tokenizer",
                Some(split(&format!("a{}", "{9}".repeat(40)))),
            ),
            pattern,
        ),
        (
            "pattern of deep groups",
            with(
                "/pre_tokenizer",
                Some(split(&format!("{}{}", "(".repeat(2000), ")".repeat(2000)))),
            ),
            pattern,
        ),
        (
            "pattern of deep classes",
            with(
                "/pre_tokenizer",
                Some(split(&format!("{}a{}", "[".repeat(2000), "]".repeat(2000)))),
            ),
            pattern,
        ),
        (
            "pattern of a megabyte",
            with("/pre_tokenizer", Some(split(&"a|".repeat(1 << 19)))),
            pattern,
        ),
        (
            "pattern that calls itself",
            with("/pre_tokenizer", Some(split(r"(?<x>a|\g<x>\g<x>)"))),
            pattern,
        ),
        (
            "pattern with a callout",
            with("/pre_tokenizer", Some(split("(*FAIL)"))),
            pattern,
        ),
        (
            "empty pattern",
            with("/pre_tokenizer", Some(split(""))),
            pattern,
        ),
        (
            "pattern as number",
            with(
                "/pre_tokenizer",
                Some(
                    json!({"type": "Split", "pattern": 3, "behavior": "Isolated", "invert": false}),
                ),
            ),
            "`pre_tokenizer.pattern`",
        ),
        (
            "unknown behaviour",
            with(
                "/pre_tokenizer",
                Some(
                    json!({"type": "Split", "pattern": {"String": "a"}, "behavior": "Shredded", "invert": false}),
                ),
            ),
            "tokenizer.json",
        ),
        (
            "template of an undescribed token",
            with(
                "/post_processor/single/0",
                Some(json!({"SpecialToken": {"id": "<x>", "type_id": 0}})),
            ),
            "`post_processor.single`",
        ),
        (
            "template without the text",
            with("/post_processor/single", Some(json!([]))),
            "`post_processor.single`",
        ),
        (
            "template of two texts for one",
            with(
                "/post_processor/single/0",
                Some(json!({"Sequence": {"id": "B", "type_id": 0}})),
            ),
            "`post_processor.single`",
        ),
        (
            "template with an id too large",
            with(
                "/post_processor/special_tokens/<|bos|>/ids",
                Some(json!([99_999])),
            ),
            "`post_processor.special_tokens",
        ),
        (
            "template with more ids than tokens",
            with(
                "/post_processor/special_tokens/<|bos|>/ids",
                Some(json!([1, 2])),
            ),
            "`post_processor.special_tokens",
        ),
        (
            "separator with an id too large",
            with(
                "/post_processor",
                Some(json!({"type": "BertProcessing", "sep": ["s", 1 << 30], "cls": ["c", 0]})),
            ),
            "`post_processor.sep[1]`",
        ),
        (
            "decoder that strips a quintillion",
            with(
                "/decoder",
                Some(json!({"type": "Strip", "content": " ", "start": 0, "stop": u64::MAX / 4})),
            ),
            "`decoder.stop`",
        ),
        (
            "unknown version",
            with("/version", Some(json!("9.9"))),
            "tokenizer.json",
        ),
        (
            "normalizer with a broken table",
            with(
                "/normalizer",
                Some(json!({"type": "Precompiled", "precompiled_charsmap": "////////"})),
            ),
            "tokenizer.json",
        ),
    ]
}

#[test]
fn each_case_is_refused_with_its_field() {
    let cases = cases();
    assert!(cases.len() >= 40);
    let mut wrong = Vec::new();
    for (what, document, expected) in &cases {
        match load(document.to_string().as_bytes(), what) {
            Ok(()) => wrong.push(format!("{what}: loaded")),
            Err(error)
                if !error.to_string().contains(expected)
                    || !error.to_string().contains("tokenizer.json") =>
            {
                wrong.push(format!("{what}: {error}"));
            }
            Err(error) => assert!(error.hint().is_some()),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_that_are_no_json_are_refused() {
    let text = valid().to_string();
    let bomb = "[".repeat(1 << 20);
    let deep = format!(
        "{{\"model\":{}0{}}}",
        "{\"a\":".repeat(5_000),
        "}".repeat(5_000)
    );
    let cases: [(&str, &[u8]); 8] = [
        ("empty", b""),
        ("cut in half", &text.as_bytes()[..text.len() / 2]),
        ("cut at the end", &text.as_bytes()[..text.len() - 1]),
        ("twice", &[text.as_bytes(), text.as_bytes()].concat()),
        ("nested a million deep", bomb.as_bytes()),
        ("objects five thousand deep", deep.as_bytes()),
        ("not UTF-8", b"{\"model\": \"\xFF\xFE\"}"),
        ("a list", b"[]"),
    ];
    for (what, bytes) in cases {
        assert!(load(bytes, what).is_err(), "{what}");
    }
    let folder = tempfile::tempdir().unwrap();
    assert!(
        matches!(Tokenizer::load(folder.path()), Err(TokenizerError::Read { path, .. }) if path.ends_with("tokenizer.json"))
    );
    assert!(Tokenizer::load(&folder.path().join("nothing/here")).is_err());
}

/// The ways to read a run of `x` double with each letter: the engine gives up, and the error says so.
#[test]
fn a_pattern_that_explodes_on_a_text_is_an_error_of_that_text() {
    let mut document = valid();
    document["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] =
        json!("(?:(?:x|xx)+)+(?:y|z)|[^x]");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tokenizer.json"), document.to_string()).unwrap();
    let tokenizer = Tokenizer::load(folder.path()).unwrap();
    let start = Instant::now();
    let result = tokenizer.encode(&"x".repeat(60));
    assert!(start.elapsed() < Duration::from_secs(10));
    assert!(
        matches!(result, Err(TokenizerError::Library { .. })),
        "{result:?}"
    );
    assert!(tokenizer.encode("한글").is_ok());
}

#[test]
fn seeded_mutations_never_get_a_panic_through() {
    let text = valid().to_string();
    let mut random = Random(20_261_122);
    let mut refused = 0;
    for round in 0..250 {
        let mut bytes = text.clone().into_bytes();
        for _ in 0..=random.below(4) {
            mutate_bytes(&mut bytes, &mut random);
        }
        refused += usize::from(load(&bytes, &format!("mutation {round} of bytes")).is_err());
    }
    let document = valid();
    for round in 0..350 {
        let mut document = document.clone();
        for _ in 0..=random.below(2) {
            mutate_value(&mut document, &mut random);
        }
        refused += usize::from(
            load(
                document.to_string().as_bytes(),
                &format!("mutation {round} of values"),
            )
            .is_err(),
        );
    }
    assert!(
        refused > 200,
        "only {refused} of 600 were refused: the mutations hit nothing"
    );
}

fn mutate_bytes(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len());
    match random.below(4) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = b"0123456789\"{}[],:\\ntf-."[random.below(23)],
        2 => drop(bytes.drain(at..(at + 1 + random.below(9)).min(bytes.len()))),
        _ => {
            let from = random.below(bytes.len());
            let copy = bytes[from..(from + 12).min(bytes.len())].to_vec();
            bytes.splice(at..at, copy);
        }
    }
}

/// Changes a value somewhere inside, more likely outside the vocabulary than its size would have it.
fn mutate_value(value: &mut Value, random: &mut Random) {
    let descend = random.below(8) > 0;
    match value {
        Value::Object(fields) if descend && !fields.is_empty() => {
            let index = random.below(fields.len());
            let name = fields.keys().nth(index).unwrap().clone();
            if random.below(12) == 0 {
                let moved = fields.shift_remove(&name).unwrap();
                fields.insert(format!("{name}x"), moved);
            } else {
                mutate_value(&mut fields[&name], random);
            }
        }
        Value::Array(items) if descend && !items.is_empty() => {
            let index = random.below(items.len());
            match random.below(6) {
                0 => drop(items.remove(index)),
                1 => items.push(items[index].clone()),
                _ => mutate_value(&mut items[index], random),
            }
        }
        Value::String(text) if random.below(2) == 0 => {
            let tails = ["", " ", "한", "é", "\u{0}", "ab", "(", "+", "{3}", "<0x41>"];
            text.push_str(tails[random.below(tails.len())]);
            if random.below(3) == 0 {
                *text = text.chars().skip(1).collect();
            }
        }
        other => {
            let values = [
                json!(null),
                json!(true),
                json!(false),
                json!(0),
                json!(1),
                json!(279),
                json!(280),
                json!(-1),
                json!(1 << 20),
                json!(u32::MAX),
                json!(u64::MAX),
                json!(1.5),
                json!(""),
                json!("a"),
                json!("ByteLevel"),
                json!("NFC"),
                json!([]),
                json!({}),
                json!(["a", "b"]),
                json!({"type": "Fuse"}),
            ];
            *other = values[random.below(values.len())].clone();
        }
    }
}

/// SplitMix64: the same mutations each run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }
}
