//! How texts begin and are shown: the fixtures that `scripts/parity/texts_of_tokens.py` made with transformers.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use jikji_tokenizer::Tokenizer;
use proptest::prelude::*;
use serde_json::Value;

use super::published_files::load;

fn fixture(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/texts");
    serde_json::from_slice(&fs::read(folder.join(name)).unwrap()).unwrap()
}

fn ids(value: &Value) -> Vec<u32> {
    serde_json::from_value(value.clone()).unwrap()
}

fn kinds() -> BTreeMap<String, Tokenizer> {
    let fixture = fixture("decoding.json");
    let kinds = fixture["kinds"].as_object().unwrap().iter();
    let load = |kind: &Value| load(&kind["tokenizer"], Some(&kind["config"])).unwrap();
    kinds
        .map(|(name, kind)| (name.clone(), load(kind)))
        .collect()
}

/// The pieces of a stream, together.
fn streamed(tokenizer: &Tokenizer, context: &[u32], ids: &[u32]) -> String {
    let mut stream = tokenizer.decode_stream_after(context).unwrap();
    let pieces: Vec<String> = ids.iter().map(|id| stream.push(*id).unwrap()).collect();
    pieces.concat() + &stream.finish().unwrap()
}

#[test]
fn a_continued_text_is_shown_as_transformers_shows_it() {
    let kinds = kinds();
    let fixture = fixture("decoding.json");
    let mut with_first_space = 0;
    for case in fixture["cases"].as_array().unwrap() {
        let tokenizer = &kinds[case["kind"].as_str().unwrap()];
        let (context, ids) = (ids(&case["context"]), ids(&case["ids"]));
        let expected = case["text"].as_str().unwrap();
        assert_eq!(streamed(tokenizer, &context, &ids), expected, "{case}");
        with_first_space += usize::from(expected.starts_with(' ') && case["kind"] == "llama2");
    }
    assert!(with_first_space > 5, "the space that was lost");
}

#[test]
fn a_long_text_is_shown_to_its_end() {
    for (name, tokenizer) in kinds() {
        let context = tokenizer
            .encode_with_post_processor(&"The cat 안녕 ".repeat(60))
            .unwrap();
        let ids = tokenizer.encode(&"cat 漢 a\n하세요 ".repeat(80)).unwrap();
        let whole = tokenizer.decode(&[&context[..], &ids].concat()).unwrap();
        let shown = tokenizer.decode(&context).unwrap();
        let expected = whole.strip_prefix(shown.as_str()).unwrap();
        assert_eq!(streamed(&tokenizer, &context, &ids), expected, "{name}");
    }
}

#[test]
fn a_cut_character_is_left_out() {
    for name in ["llama2", "byte-level"] {
        let tokenizer = &kinds()[name];
        let context = tokenizer.encode("a").unwrap();
        let ids = tokenizer.encode("글 漢😀").unwrap();
        let expected: Vec<String> = (0..=ids.len())
            .map(|len| streamed(tokenizer, &context, &ids[..len]))
            .collect();
        assert!(
            expected.iter().all(|text| !text.contains('\u{fffd}')),
            "{expected:?}"
        );
        let whole = expected.last().unwrap();
        assert!(whole.ends_with("글 漢😀"), "{whole:?}");
        assert!(
            expected.iter().all(|text| whole.starts_with(text)),
            "{expected:?}"
        );
        assert!(expected.iter().any(|text| text.ends_with('漢')));
        // The bytes of one character on both sides of the border.
        let split = ids.len() - 2;
        let tail = streamed(tokenizer, &ids[..split], &ids[split..]);
        assert!(tail.is_empty() || tail == "😀", "{tail:?}");
    }
}

proptest! {
    #[test]
    fn no_text_ends_inside_of_a_character(
        kind in prop::sample::select(&["llama2", "gemma", "metaspace", "unigram", "byte-level"][..]),
        numbers in prop::collection::vec(any::<u32>(), 0..12),
        context in "[a안녕 ]{0,6}",
    ) {
        thread_local!(static KINDS: BTreeMap<String, Tokenizer> = kinds());
        KINDS.with(|kinds| {
            let tokenizer = &kinds[kind];
            let context = tokenizer.encode_with_post_processor(&context).unwrap();
            let ids: Vec<u32> = numbers.iter().map(|number| number % tokenizer.vocab_size() as u32).collect();
            let text = streamed(tokenizer, &context, &ids);
            let whole = tokenizer.decode(&[&context[..], &ids].concat()).unwrap();
            let shown = tokenizer.decode(&context).unwrap();
            if let Some(expected) = whole.strip_prefix(shown.as_str()) && !expected.contains('\u{fffd}') {
                assert_eq!(text, expected);
            }
        });
    }
}

#[test]
fn a_text_begins_as_transformers_begins_it() {
    let fixture = fixture("beginnings.json");
    for case in fixture["cases"].as_array().unwrap() {
        let mut document = fixture["tokenizer"].clone();
        let name = case["post_processor"].as_str().unwrap();
        document["post_processor"] = fixture["post_processors"][name].clone();
        let mut config = fixture["config"].clone();
        config["tokenizer_class"] = case["class"].clone();
        if !case["add_bos_token"].is_null() {
            config["add_bos_token"] = case["add_bos_token"].clone();
        }
        let tokenizer = load(&document, Some(&config)).unwrap();
        let text = case["text"].as_str().unwrap();
        let mut expected = ids(&case["ids"]);
        // transformers 5 reads `add_bos_token` only where it makes the tokenizer itself; llama.cpp, vLLM and transformers 4 add
        // the token that the file asks for.
        if case["add_bos_token"] == true && expected.first() != Some(&1) {
            expected.insert(0, 1);
        }
        let got = tokenizer.encode_with_post_processor(text).unwrap();
        assert_eq!(got, expected, "{case}");

        // What training reads begins in the same way, ends with one EOS, and holds the same text.
        let prefix = tokenizer.document_prefix();
        assert!(expected.starts_with(prefix));
        let plain = tokenizer.encode(text).unwrap();
        assert_eq!(expected[prefix.len()..][..plain.len()], plain);
        let document = tokenizer.encode_document(text).unwrap();
        assert_eq!(document, [prefix, &plain, &[2]].concat());

        // It outlives saving.
        let folder = tempfile::tempdir().unwrap();
        tokenizer.save(folder.path()).unwrap();
        let again = Tokenizer::load(folder.path()).unwrap();
        assert_eq!(again.document_prefix(), prefix);
        let both = [tokenizer.with_added_bos(true), again.with_added_bos(false)];
        let [with, without] = both.map(|tokenizer| tokenizer.document_prefix().contains(&1));
        assert!(with);
        assert_eq!(without, ids(&case["ids"]).contains(&1));
    }
}

#[test]
fn a_byte_order_mark_and_a_pointer_of_git_lfs_are_known() {
    let folder = tempfile::tempdir().unwrap();
    super::trained().save(folder.path()).unwrap();
    for name in ["tokenizer.json", "tokenizer_config.json"] {
        let path = folder.path().join(name);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("\u{feff}{text}")).unwrap();
    }
    let tokenizer = Tokenizer::load(folder.path()).unwrap();
    assert_eq!(tokenizer.bos_id(), super::trained().bos_id());
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 600800\n";
    fs::write(folder.path().join("tokenizer.json"), pointer).unwrap();
    let error = Tokenizer::load(folder.path()).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("is a Git LFS pointer and not the file itself")
    );
    assert!(error.hint().unwrap().contains("git lfs pull"));
}

#[test]
fn a_token_is_shown_as_text() {
    let tokenizer = &kinds()["byte-level"];
    let text = |token: &str| {
        tokenizer
            .token_text(tokenizer.token_to_id(token).unwrap())
            .unwrap()
    };
    assert_eq!(text("Ġcat"), " cat");
    assert_eq!(text("ĠìķĪëħķ"), " 안녕");
    assert_eq!(text("Ġìķ"), " <0xEC><0x95>");
    assert_eq!(text("<s>"), "<s>");
    assert_eq!(tokenizer.token_text(1_000_000), None);
    let tokenizer = &kinds()["llama2"];
    let id = tokenizer.token_to_id("▁안녕").unwrap();
    assert_eq!(tokenizer.token_text(id).unwrap(), " 안녕");
}

#[test]
fn an_id_without_a_token_ends_no_character() {
    let tokenizer = &kinds()["llama2"];
    let byte = |byte: u8| tokenizer.token_to_id(&format!("<0x{byte:02X}>")).unwrap();
    let [first, second, third] = [0xEA, 0xB0, 0x80].map(byte);
    for between in [1, tokenizer.vocab_size() as u32 + 7] {
        let whole = [first, between, second, third, between];
        assert_eq!(streamed(tokenizer, &[], &whole), "가");
        assert_eq!(streamed(tokenizer, &[], &whole[..3]), "");
        assert_eq!(streamed(tokenizer, &[], &[byte(0xFF), between]), "");
    }
}
