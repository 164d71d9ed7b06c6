//! Added tokens: empty, huge, twice, of ids that others have, or gone once normalized.

use serde_json::{Value, json};

use super::{FileCase, added, raw, refused, usable, valid, with};
use crate::hostile::Expected;

pub(super) fn cases() -> Vec<FileCase> {
    let mut cases = vec![
        refused(
            "added token with a taken id",
            with("/added_tokens", Some(added(100, "<new>"))),
            "`added_tokens[0].id`",
        ),
        refused(
            "added token behind a hole",
            with("/added_tokens", Some(added(100_000, "<new>"))),
            "`added_tokens[0].id`",
        ),
        refused(
            "added token with another id",
            with("/added_tokens", Some(added(5, "<|pad|>"))),
            "`added_tokens[0].id`",
        ),
        refused(
            "added token with a huge id",
            with("/added_tokens", Some(added(u64::from(u32::MAX), "<new>"))),
            "`added_tokens[0].id`",
        ),
        refused(
            "empty added token",
            with("/added_tokens", Some(added(280, ""))),
            "`added_tokens[0].content`",
        ),
        refused(
            "added tokens as object",
            with("/added_tokens", Some(json!({}))),
            "`added_tokens`",
        ),
        refused(
            "added token as string",
            with("/added_tokens/0", Some(json!("<s>"))),
            "`added_tokens[0]`",
        ),
        refused(
            "added token without a switch",
            with("/added_tokens/0/special", None),
            "`added_tokens[0].special`",
        ),
        refused(
            "two added tokens of one content",
            with("/added_tokens/1/content", Some(json!("<|pad|>"))),
            "`added_tokens[1].content`",
        ),
        refused(
            "two added tokens of one id",
            with("/added_tokens/1/id", Some(json!(0))),
            "`added_tokens[1].id`",
        ),
    ];
    let first = |name: &str, value: Value| with(&format!("/added_tokens/0/{name}"), Some(value));
    for (name, id) in [
        ("id is null", json!(null)),
        ("id is negative", json!(-1)),
        ("id is fractional", json!(0.5)),
        ("id is a text", json!("0")),
        ("id is true", json!(true)),
        ("id is beyond 32 bits", json!(1_u64 << 40)),
        ("id is beyond every vocabulary", json!(1 << 20)),
    ] {
        cases.push(refused(
            &format!("added token: {name}"),
            first("id", id),
            "`added_tokens[0].id`",
        ));
    }
    for (name, content) in [
        ("content is null", json!(null)),
        ("content is a number", json!(1)),
        ("content is a list", json!(["<s>"])),
        ("content is one byte too long", json!("x".repeat(1025))),
        ("content is a megabyte", json!("x".repeat(1 << 20))),
    ] {
        cases.push(refused(
            &format!("added token: {name}"),
            first("content", content),
            "`added_tokens[0].content`",
        ));
    }
    for flag in ["single_word", "lstrip", "rstrip", "normalized"] {
        cases.push(refused(
            &format!("added token without {flag}"),
            with(&format!("/added_tokens/0/{flag}"), None),
            &format!("`added_tokens[0].{flag}`"),
        ));
        cases.push(refused(
            &format!("added token: {flag} is a text"),
            first(flag, json!("no")),
            &format!("`added_tokens[0].{flag}`"),
        ));
    }
    for (name, tokens, expected) in [
        ("added tokens are a text", json!("<s>"), "`added_tokens`"),
        ("added tokens are a number", json!(1), "`added_tokens`"),
        ("added tokens are null", json!(null), "`added_tokens`"),
        (
            "an added token that is null",
            json!([null]),
            "`added_tokens[0]`",
        ),
        (
            "an added token that is a list",
            json!([["<s>", 0]]),
            "`added_tokens[0]`",
        ),
        (
            "an empty object as added token",
            json!([{}]),
            "`added_tokens[0].content`",
        ),
        (
            "sixty thousand empty added tokens",
            Value::from(vec![json!({}); 60_000]),
            "50000 values",
        ),
        (
            "sixty thousand numbers as added tokens",
            Value::from(vec![json!([]); 60_000]),
            "50000 values",
        ),
    ] {
        cases.push(refused(name, with("/added_tokens", Some(tokens)), expected));
    }
    let next = valid()["model"]["vocab"].as_object().unwrap().len() as u64;
    let one = |content: &str, change: &[(&str, bool)]| {
        let mut tokens = added(next, content);
        for (name, value) in change {
            tokens[0][*name] = json!(value);
        }
        with("/added_tokens", Some(tokens))
    };
    let not_special = ("special", false);
    for (name, content, change) in [
        ("a NUL", "\0", &[][..]),
        ("a space", " ", &[]),
        (
            "a space with the spaces around it",
            " ",
            &[("lstrip", true), ("rstrip", true), not_special],
        ),
        (
            "a letter with the spaces around it",
            "aa",
            &[("lstrip", true), ("rstrip", true), not_special],
        ),
        (
            "a letter as a word",
            "aa",
            &[("single_word", true), ("lstrip", true), not_special],
        ),
        ("a newline", "\n", &[("rstrip", true), not_special]),
        (
            "a combining mark",
            "\u{301}",
            &[("normalized", true), not_special],
        ),
        (
            "a syllable in pieces",
            "\u{1112}\u{1161}",
            &[("normalized", true), not_special],
        ),
        ("a thousand and twenty-four bytes", &"x".repeat(1024), &[]),
    ] {
        cases.push(usable(
            &format!("added token of {name}"),
            one(content, change),
        ));
    }
    let mut gone = one("  ", &[("normalized", true)]);
    gone["normalizer"] = json!({"type": "Strip", "strip_left": true, "strip_right": true});
    cases.push(refused(
        "added token of which normalizing leaves nothing",
        gone,
        "`added_tokens[0].content`",
    ));
    let mut erased = one("<x>", &[("normalized", true)]);
    erased["normalizer"] = json!({"type": "Replace", "pattern": {"Regex": "(?m)."}, "content": ""});
    cases.push(refused(
        "added token that is replaced by nothing",
        erased,
        "`added_tokens[0].content`",
    ));
    let mut pair = one("<x>", &[("normalized", true), not_special]);
    let mut second = added(next + 1, " <x>")[0].clone();
    second["normalized"] = json!(true);
    pair["added_tokens"].as_array_mut().unwrap().push(second);
    pair["normalizer"] = json!({"type": "Strip", "strip_left": true, "strip_right": true});
    cases.push(usable(
        "two added tokens that are one once normalized",
        pair,
    ));
    let mut nameless = valid();
    nameless
        .as_object_mut()
        .unwrap()
        .shift_remove("added_tokens");
    cases.push(usable(
        "tokens that a template uses and that are not added",
        nameless,
    ));
    let text = valid().to_string().replacen("<|pad|>", "\\udc00", 1);
    cases.push(raw(
        "added token of half a surrogate pair",
        text.into_bytes(),
        Expected::Refused("line 1 column".to_owned()),
    ));
    cases
}
