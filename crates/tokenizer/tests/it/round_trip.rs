//! `decode(encode(s))` is the NFC form of `s`, for every string.

use std::sync::LazyLock;

use jikji_tokenizer::Tokenizer;
use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;

use super::trained;

static TOKENIZER: LazyLock<Tokenizer> = LazyLock::new(trained);

fn check(text: &str) {
    let ids = TOKENIZER.encode(text).unwrap();
    let expected: String = text.nfc().collect();
    assert_eq!(TOKENIZER.decode(&ids).unwrap(), expected, "{text:?}");
    assert_eq!(TOKENIZER.decode_all(&ids).unwrap(), expected, "{text:?}");
    assert_eq!(
        TOKENIZER.decode_bytes(&ids),
        expected.as_bytes(),
        "{text:?}"
    );
    assert!(
        ids.iter().all(|&id| !TOKENIZER.is_special(id)),
        "{text:?} gave a control token"
    );
    assert_eq!(
        TOKENIZER.encode(&expected).unwrap(),
        ids,
        "{text:?} and its NFC form encode differently"
    );

    let mut stream = TOKENIZER.decode_stream();
    let mut streamed = String::new();
    for &id in &ids {
        streamed += &stream.push(id).unwrap();
    }
    streamed += &stream.finish().unwrap();
    assert_eq!(streamed, expected, "{text:?}");
}

#[test]
fn chosen_strings() {
    for text in [
        "",
        " ",
        "\0",
        "a\0b\0\0",
        "\r\n\t \u{3000}\u{A0}\u{200B}\u{FEFF}",
        "한글",
        "\u{1112}\u{1161}\u{11AB}\u{1100}\u{1173}\u{11AF}",
        "\u{1112}\u{119E}\u{11AB}나랏〮말〯ᄊᆞ미",
        "ㄱㄴㄷ ㅏㅑ ㅋㅋㅋ",
        "ﾡﾢ￡ￂ",
        "\u{3164}\u{115F}\u{1160}",
        "㈜ ㉠ ㎏ ① Ⅳ ½",
        "가\u{301}각\u{11A8}",
        "👨‍👩‍👧‍👦🇰🇷1️⃣❤️",
        "e\u{301}\u{323} \u{212B} \u{2126} \u{FB1D} \u{1D15E}",
        "\u{11382}\u{113C9} \u{1611E}\u{1611E} \u{16D63}\u{16D67}",
        "<|bos|><|eos|><|pad|> <|user|>안녕<|endofturn|><|reserved_0|>",
        "<|bos|",
        "\u{10FFFF}\u{E000}\u{FFFD}",
    ] {
        check(text);
    }
}

#[test]
fn spellings_of_control_tokens_are_text_and_the_post_processor_still_adds_its_own() {
    let bos = TOKENIZER.bos_id().unwrap();
    let text = "<|bos|> 문서 <|eos|>";
    let ids = TOKENIZER.encode(text).unwrap();
    assert!(!ids.contains(&bos) && !ids.contains(&TOKENIZER.eos_id().unwrap()));
    let with_bos = TOKENIZER.encode_with_post_processor(text).unwrap();
    assert_eq!(with_bos.split_first(), Some((&bos, &ids[..])));
    assert_eq!(TOKENIZER.decode(&with_bos).unwrap(), text);
    assert_eq!(
        TOKENIZER.decode_all(&with_bos).unwrap(),
        format!("<|bos|>{text}")
    );
}

#[test]
fn unknown_ids_decode_to_nothing() {
    let size = TOKENIZER.vocab_size() as u32;
    assert_eq!(TOKENIZER.decode(&[size, u32::MAX]).unwrap(), "");
    assert!(TOKENIZER.decode_bytes(&[size, u32::MAX]).is_empty());
    assert_eq!(TOKENIZER.id_to_token(size), None);
}

#[test]
fn any_ids_stream_to_what_they_decode_to() {
    proptest!(|(ids in prop::collection::vec(0u32..700, 0..40))| {
        let mut stream = TOKENIZER.decode_stream();
        let mut streamed = String::new();
        for &id in &ids {
            streamed += &stream.push(id).unwrap();
        }
        streamed += &stream.finish().unwrap();
        prop_assert_eq!(streamed, TOKENIZER.decode(&ids).unwrap());
    });
}

/// Characters where normalization, cutting and spelling can go wrong, in any order.
fn awkward() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        3 => prop::char::range('가', '힣'),
        3 => prop::char::range('\u{1100}', '\u{11FF}'),
        1 => prop::char::range('\u{3130}', '\u{318F}'),
        1 => prop::char::range('\u{A960}', '\u{A97F}'),
        1 => prop::char::range('\u{D7B0}', '\u{D7FF}'),
        1 => prop::char::range('\u{FF00}', '\u{FFEF}'),
        2 => prop::char::range('\u{300}', '\u{36F}'),
        2 => prop::char::range('\0', '\u{FF}'),
        1 => prop::char::range('\u{1F300}', '\u{1FAFF}'),
        1 => prop::char::range('\u{11000}', '\u{11FFF}'),
        1 => prop::char::range('\u{16000}', '\u{16FFF}'),
        1 => prop::char::range('\u{1E000}', '\u{1E8FF}'),
        1 => Just('\u{200D}'),
        1 => Just(' '),
        1 => Just('\n'),
        1 => any::<char>(),
    ];
    prop::collection::vec(character, 0..40).prop_map(String::from_iter)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_string(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn any_awkward_string(text in awkward()) {
        check(&text);
    }

    #[test]
    fn any_decomposed_hangul(text in "[가-힣 ]{0,30}") {
        check(&text.nfd().collect::<String>());
        check(&text.nfkd().collect::<String>());
    }
}
