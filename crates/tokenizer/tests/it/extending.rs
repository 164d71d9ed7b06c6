//! What extending promises: old ids keep their tokens, new text takes fewer, and every text is still encoded to itself.

use jikji_tokenizer::{ExtendConfig, Extended, Extender, Tokenizer, TokenizerError};
use serde_json::{Value, json};

use super::published_files::{byte_level, load};
use super::{TEXTS, trained};

const ENGLISH: &str = "The library opens at nine and we don't close before six. You'll find it near the station, \
    behind the post office. Opening hours change in winter; the staff will tell you when you ask them.";

fn config(replace: usize, add: usize) -> ExtendConfig {
    ExtendConfig {
        replace,
        add,
        min_frequency: 2,
        memory_bytes: 1 << 30,
    }
}

/// A tokenizer of English, as Llama 3 is published: control tokens behind the vocabulary, whole pieces first.
fn english() -> Tokenizer {
    let mut settings = super::small();
    settings.min_frequency = 1;
    let texts = [ENGLISH; 2];
    let trained = jikji_tokenizer::train(texts, &settings).unwrap();
    load(&byte_level(&trained, true), None).unwrap()
}

fn korean() -> String {
    format!("{} ", TEXTS[..5].join(" ")).repeat(3)
}

fn extended(old: &Tokenizer, config: ExtendConfig) -> Result<Extended, TokenizerError> {
    let scratch = tempfile::tempdir().unwrap();
    let mut extender = Extender::new(old, config, scratch.path())?;
    extender.learn(&korean())?;
    extender.keep(ENGLISH)?;
    extender.finish()
}

fn check(old: &Tokenizer, new: &Extended, replaced: usize, added: usize) {
    let tokenizer = &new.tokenizer;
    assert_eq!(new.tokens.len(), replaced + added);
    assert_eq!(tokenizer.vocab_size(), old.vocab_size() + added);
    let changed: Vec<u32> = new.tokens.iter().map(|token| token.id).collect();
    for id in 0..old.vocab_size() as u32 {
        let is_changed = tokenizer.id_to_token(id) != old.id_to_token(id);
        assert_eq!(is_changed, changed.contains(&id), "{id}");
        assert_eq!(tokenizer.is_special(id), old.is_special(id), "{id}");
    }
    for token in &new.tokens {
        assert_eq!(tokenizer.id_to_token(token.id).as_ref(), Some(&token.token));
        assert_eq!(token.replaces, old.id_to_token(token.id));
        let bytes = tokenizer.decode_bytes(&[token.id]);
        let pieces: Vec<u32> = token.pieces.iter().map(|piece| piece.id).collect();
        assert_eq!(old.decode_bytes(&pieces), bytes);
        let len: usize = token.pieces.iter().map(|piece| piece.bytes).sum();
        assert_eq!(len, bytes.len());
        assert!(token.pieces.len() > 1, "{token:?}");
    }
    let (korean, text) = (korean(), TEXTS.join("\n"));
    for text in [korean.as_str(), &text, ENGLISH, "<|eot_id|> <think> </s>"] {
        let ids = tokenizer.encode(text).unwrap();
        let special: Vec<bool> = ids.iter().map(|id| tokenizer.is_special(*id)).collect();
        assert!(!special.contains(&true));
        assert_eq!(tokenizer.decode(&ids).unwrap(), text);
    }
    let count = |tokenizer: &Tokenizer, text: &str| tokenizer.encode(text).unwrap().len();
    assert!(count(tokenizer, &korean) * 4 < count(old, &korean) * 3);
}

#[test]
fn replaced_tokens_are_those_that_are_missed_least() {
    let old = english();
    let new = extended(&old, config(60, 0)).unwrap();
    check(&old, &new, 60, 0);
    let count = |tokenizer: &Tokenizer| tokenizer.encode(ENGLISH).unwrap().len();
    assert!(count(&new.tokenizer) < count(&old) + 60);
    // The file reads as it was made.
    let folder = tempfile::tempdir().unwrap();
    new.tokenizer.save(folder.path()).unwrap();
    let back = Tokenizer::load(folder.path()).unwrap();
    assert_eq!(back.fingerprint(), new.tokenizer.fingerprint());
}

#[test]
fn added_tokens_follow_the_control_tokens_which_keep_their_ids() {
    let old = english();
    let new = extended(&old, config(0, 50)).unwrap();
    check(&old, &new, 0, 50);
    let size = old.vocab_size() as u32;
    let ids: Vec<u32> = new.tokens.iter().map(|token| token.id).collect();
    assert_eq!(ids, (size..size + 50).collect::<Vec<_>>());
    let new = extended(&old, config(20, 30)).unwrap();
    check(&old, &new, 20, 30);
    // Without new merges, English is encoded as it was.
    let before = old.encode(ENGLISH).unwrap();
    let added = extended(&old, config(0, 1)).unwrap();
    assert_eq!(added.tokenizer.encode(ENGLISH).unwrap(), before);
}

#[test]
fn neither_memory_nor_order_shows_in_the_result() {
    let old = english();
    let fingerprint = |memory_bytes, reversed: bool| {
        let config = ExtendConfig {
            memory_bytes,
            ..config(40, 10)
        };
        let scratch = tempfile::tempdir().unwrap();
        let mut extender = Extender::new(&old, config, scratch.path()).unwrap();
        let mut texts: Vec<&str> = TEXTS.iter().chain(TEXTS).copied().collect();
        if reversed {
            texts.reverse();
        }
        for text in texts {
            extender.learn(text).unwrap();
        }
        extender.keep(ENGLISH).unwrap();
        extender.finish().unwrap().tokenizer.fingerprint()
    };
    let expected = fingerprint(1 << 30, false);
    for memory_bytes in [0, 10_000] {
        assert_eq!(fingerprint(memory_bytes, true), expected, "{memory_bytes}");
    }
}

#[test]
fn a_token_that_is_learned_again_keeps_its_id() {
    // All that was learned of this text goes, and comes back.
    let old = trained();
    let scratch = tempfile::tempdir().unwrap();
    let mut extender = Extender::new(&old, config(60, 0), scratch.path()).unwrap();
    extender.learn(&TEXTS.join("\n")).unwrap();
    extender.keep("0").unwrap();
    let new = extender.finish().unwrap();
    assert!(new.tokens.len() < 30, "{}", new.tokens.len());
    assert_eq!(new.tokenizer.vocab_size(), old.vocab_size());
    let text = TEXTS.join("\n");
    let ids = new.tokenizer.encode(&text).unwrap();
    assert_eq!(new.tokenizer.decode(&ids).unwrap(), text);
}

/// Where little is learned, few go; and every token can be had by some text.
#[test]
fn as_many_tokens_go_as_come() {
    let old = english();
    for (replace, min_frequency) in [(100, 2), (100, 6), (40, 9), (109, 3)] {
        let config = ExtendConfig {
            min_frequency,
            ..config(replace, 0)
        };
        let new = extended(&old, config).unwrap();
        let size = |tokenizer: &Tokenizer| {
            let ids = 0..tokenizer.vocab_size() as u32;
            ids.filter(|id| tokenizer.id_to_token(*id).is_some())
                .count()
        };
        assert_eq!(size(&new.tokenizer), size(&old));
        let encodes_itself = |tokenizer: &Tokenizer, id: u32| {
            let text = String::from_utf8(tokenizer.decode_bytes(&[id])).ok();
            text.map(|text| tokenizer.encode(&text).unwrap() == [id])
        };
        for token in &new.tokens {
            assert_ne!(
                encodes_itself(&new.tokenizer, token.id),
                Some(false),
                "{token:?}"
            );
        }
        for id in 0..old.vocab_size() as u32 {
            let is_kept = old.id_to_token(id) == new.tokenizer.id_to_token(id);
            if is_kept && encodes_itself(&old, id) == Some(true) {
                assert_eq!(encodes_itself(&new.tokenizer, id), Some(true), "{id}");
            }
        }
    }
}

/// A document as that of `english`, with another part.
fn with(parts: &[(&str, Value)]) -> Tokenizer {
    let mut document = serde_json::from_str(&english().to_json_text().unwrap()).unwrap();
    for (pointer, value) in parts {
        let parts: &mut Value = &mut document;
        *parts.pointer_mut(pointer).unwrap() = value.clone();
    }
    load(&document, None).unwrap()
}

fn learned(old: &Tokenizer, text: &str) -> Result<Extended, TokenizerError> {
    let scratch = tempfile::tempdir().unwrap();
    let mut extender = Extender::new(old, config(0, 12), scratch.path())?;
    extender.learn(text)?;
    extender.finish()
}

#[test]
fn texts_are_learned_as_they_are_encoded() {
    use unicode_normalization::UnicodeNormalization;
    let text: String = korean().nfd().collect();
    for normalizer in [json!(null), json!({"type": "NFD"})] {
        let old = with(&[("/normalizer", normalizer.clone())]);
        let new = learned(&old, &text).unwrap();
        let count = |tokenizer: &Tokenizer| tokenizer.encode(&text).unwrap().len();
        assert!(count(&new.tokenizer) < count(&old), "{normalizer}");
    }
    // No token crosses one that is found before text is cut.
    let old = english();
    let new = learned(&old, &"<think>가나다".repeat(9)).unwrap();
    assert!(
        new.tokens
            .iter()
            .all(|token| !token.token.contains("think")),
        "{:?}",
        new.tokens
    );
}

#[test]
fn no_token_is_longer_than_a_file_may_have() {
    for line in ["─".repeat(1600), " ".repeat(4000), "가나".repeat(900)] {
        let new = learned(&english(), &format!("{line}\n").repeat(20)).unwrap();
        let longest = new
            .tokens
            .iter()
            .map(|token| token.token.chars().count())
            .max();
        assert!(
            longest.is_some_and(|longest| longest > 3 && longest <= 512),
            "{longest:?}"
        );
    }
    let trained = jikji_tokenizer::train(["─".repeat(3000), "─".repeat(3000)], &super::small());
    assert!(trained.unwrap().encode(&"─".repeat(3000)).unwrap().len() < 40);
}

#[test]
fn ids_that_mean_something_elsewhere_are_left_alone() {
    let old = english();
    let scratch = tempfile::tempdir().unwrap();
    let size = old.vocab_size() as u32;
    let mut extender = Extender::new(&old, config(20, 5), scratch.path()).unwrap();
    let reserved = [size + 1, 300, 301, 302, size - 5, size - 6];
    extender.reserve(reserved);
    extender.learn(&korean()).unwrap();
    extender.keep(ENGLISH).unwrap();
    let new = extender.finish().unwrap();
    assert_eq!(new.tokens.len(), 25);
    assert!(new.tokens.iter().all(|token| !reserved.contains(&token.id)));
    // A control token that is spelled as text spells a word.
    let mut document: Value = serde_json::from_str(&old.to_json_text().unwrap()).unwrap();
    document["added_tokens"][1]["content"] = json!("ëıĦìĦľê´Ģ");
    document["model"]["ignore_merges"] = json!(false);
    let old = load(&document, None).unwrap();
    for (replace, add) in [(0, 30), (30, 0)] {
        let new = extended(&old, config(replace, add)).unwrap();
        let ids = new.tokenizer.encode("도서관은 도서관").unwrap();
        assert!(ids.iter().all(|id| !new.tokenizer.is_special(*id)));
        assert_eq!(new.tokenizer.decode(&ids).unwrap(), "도서관은 도서관");
    }
}

#[test]
fn what_cannot_be_done_is_refused() {
    let old = english();
    let message = |config| extended(&old, config).err().unwrap().to_string();
    assert!(message(config(0, 0)).ends_with("no token is to be added or replaced"));
    let message = message(config(100_000, 0));
    assert!(
        message.contains("100000 tokens are to be replaced, and only "),
        "{message}"
    );

    for (config, words) in [
        (
            config(usize::MAX, 0),
            "18446744073709551615 tokens are to be replaced, and only ",
        ),
        (
            config(1, usize::MAX),
            "18446744073709551615 tokens are to be added to ",
        ),
        (config(0, 1 << 20), "and a vocabulary has at most 1048576"),
    ] {
        let message = extended(&old, config).err().unwrap().to_string();
        assert!(message.contains(words), "{message}");
    }
    let scratch = tempfile::tempdir().unwrap();
    let extender = Extender::new(&old, config(0, 5), scratch.path()).unwrap();
    assert!(matches!(extender.finish(), Err(TokenizerError::NoText)));
    let mut extender = Extender::new(&old, config(5, 0), scratch.path()).unwrap();
    extender.learn(&korean()).unwrap();
    let unkept = extender.finish().err().unwrap().to_string();
    assert!(unkept.contains("the text to keep is empty"), "{unkept}");
    let nothing = learned(&old, "a").err().unwrap().to_string();
    assert!(
        nothing.contains("no pair of tokens that is not one already occurs 2 times"),
        "{nothing}"
    );

    let mut document: Value = byte_level(&trained(), true);
    document["pre_tokenizer"] = json!({"type": "Whitespace"});
    let other = load(&document, None).unwrap();
    let refused = extended(&other, config(0, 5)).err().unwrap().to_string();
    assert!(
        refused.contains("only byte-level BPE can be extended"),
        "{refused}"
    );

    // A control token that is one piece: in the vocabulary, text could spell it.
    let mut document = byte_level(&trained(), true);
    let end = document["added_tokens"].as_array().unwrap().len() - 1;
    document["added_tokens"][end]["content"] = json!("think");
    document["added_tokens"][end]["special"] = json!(true);
    let spelled = load(&document, None).unwrap();
    let refused = extended(&spelled, config(0, 5)).err().unwrap().to_string();
    assert!(
        refused.contains("text that spells `think` would become that control token"),
        "{refused}"
    );
    assert!(extended(&spelled, config(5, 0)).is_ok());
}
