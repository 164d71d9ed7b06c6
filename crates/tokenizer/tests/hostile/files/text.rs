//! Texts that are no JSON, or JSON that takes a hundred times its length.

use serde_json::json;

use super::{FileCase, raw, refused, usable, valid, with};
use crate::hostile::Expected;

pub(super) fn cases() -> Vec<FileCase> {
    let mut cases = vec![refused(
        "unknown version",
        with("/version", Some(json!("9.9"))),
        "tokenizer.json",
    )];
    let refuse = |name: &str, bytes: Vec<u8>, expected: &str| {
        raw(name, bytes, Expected::Refused(expected.to_owned()))
    };
    let text = valid().to_string();
    for tenth in 0..10 {
        let end = text.floor_char_boundary(text.len() * tenth / 10);
        cases.push(refuse(
            &format!("cut at {tenth}0 %"),
            text.as_bytes()[..end].to_vec(),
            "line 1 column",
        ));
    }
    cases.push(refuse(
        "cut before the last byte",
        text.as_bytes()[..text.len() - 1].to_vec(),
        "column",
    ));
    cases.push(refuse(
        "cut inside of a character",
        {
            let at = text.find('Ġ').unwrap();
            text.as_bytes()[..=at].to_vec()
        },
        "(byte ",
    ));
    cases.push(refuse(
        "twice",
        [text.as_bytes(), text.as_bytes()].concat(),
        "trailing characters",
    ));
    cases.push(refuse(
        "with a comma behind",
        format!("{text},").into_bytes(),
        "trailing characters",
    ));
    cases.push(refuse(
        "a byte-order mark in front",
        format!("\u{feff}{text}").into_bytes(),
        "line 1 column 1",
    ));
    cases.push(refuse(
        "UTF-16",
        text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        "tokenizer.json",
    ));
    for (name, bytes, expected) in [
        ("white space", &b" \n\t "[..], "column"),
        ("a NUL", b"\0", "column"),
        ("a null", b"null", "(whole file)"),
        ("a number", b"17", "(whole file)"),
        ("a text", b"\"tokenizer\"", "(whole file)"),
        ("true", b"true", "(whole file)"),
        ("a list", b"[]", "(whole file)"),
        ("an empty object", b"{}", "`model`"),
        ("not a number", b"{\"model\": NaN}", "column"),
        ("infinity", b"{\"model\": Infinity}", "column"),
        (
            "a number beyond every float",
            b"{\"model\": 1e999}",
            "out of range",
        ),
        (
            "a number with a zero in front",
            b"{\"model\": 007}",
            "column",
        ),
        ("a hexadecimal number", b"{\"model\": 0x10}", "column"),
        ("single quotes", b"{'model': 1}", "column"),
        ("a comment", b"{/* model */}", "column"),
        ("a comma at the end", b"{\"model\": {},}", "column"),
        ("a key without quotes", b"{model: 1}", "column"),
        ("a key that is a number", b"{1: 1}", "column"),
        ("no colon", b"{\"model\" 1}", "column"),
        (
            "a high surrogate alone",
            b"{\"model\": \"\\ud83d\"}",
            "column",
        ),
        (
            "a low surrogate alone",
            b"{\"model\": \"\\ude00\"}",
            "column",
        ),
        (
            "surrogates the wrong way round",
            b"{\"model\": \"\\ude00\\ud83d\"}",
            "column",
        ),
        ("an unknown escape", b"{\"model\": \"\\x41\"}", "column"),
        ("half an escape", b"{\"model\": \"\\u12\"}", "column"),
        (
            "a newline inside of a text",
            b"{\"model\": \"a\nb\"}",
            "column",
        ),
        ("a text without an end", b"{\"model\": \"aaaa", "column"),
        ("a backslash at the end", b"{\"model\": \"\\", "column"),
        (
            "bytes that are no UTF-8",
            b"{\"model\": \"\xFF\xFE\"}",
            "(byte 11)",
        ),
        (
            "an overlong slash",
            b"{\"model\": \"\xC0\xAF\"}",
            "(byte 11)",
        ),
        (
            "a surrogate in UTF-8",
            b"{\"model\": \"\xED\xA0\x80\"}",
            "(byte 11)",
        ),
        ("gzip", b"\x1f\x8b\x08\x00\x00\x00", "(byte 1)"),
        ("a pickle", b"\x80\x04\x95\x10\x00", "(byte 0)"),
        (
            "a pointer to a large file",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
            "column",
        ),
        ("a page", b"<!DOCTYPE html><html></html>", "column"),
    ] {
        cases.push(refuse(name, bytes.to_vec(), expected));
    }
    let within = |open: &str, close: &str, depth: usize| {
        format!(
            "{{\"model\":{}0{}}}",
            open.repeat(depth),
            close.repeat(depth)
        )
    };
    for depth in [129, 10_000, 1_000_000] {
        cases.push(refuse(
            &format!("lists {depth} deep"),
            within("[", "]", depth).into_bytes(),
            "recursion limit",
        ));
        cases.push(refuse(
            &format!("objects {depth} deep"),
            within("{\"a\":", "}", depth).into_bytes(),
            "recursion limit",
        ));
    }
    cases.push(refuse(
        "a million lists that never end",
        "[".repeat(1 << 20).into_bytes(),
        "recursion limit",
    ));
    cases.push(refuse(
        "a number of eight million digits",
        within("1", "", 1 << 23).into_bytes(),
        "(byte 9)",
    ));
    cases.push(refuse(
        "a fraction of eight million digits",
        within("0.", "1", 1)
            .replace("01", &"3".repeat(1 << 23))
            .into_bytes(),
        "(byte ",
    ));
    cases.push(refuse(
        "a text of eight megabytes",
        format!("{{\"model\":\"{}\"}}", "a".repeat(1 << 23)).into_bytes(),
        "(byte 9)",
    ));
    cases.push(refuse(
        "a key of eight megabytes",
        format!("{{\"{}\":0}}", "a".repeat(1 << 23)).into_bytes(),
        "(byte 1)",
    ));
    cases.push(refuse(
        "a text of eight million escapes",
        format!("{{\"model\":\"{}\"}}", "\\n".repeat(1 << 22)).into_bytes(),
        "(byte 9)",
    ));
    for (name, entry) in [
        ("numbers", "0"),
        ("objects", "{}"),
        ("lists", "[]"),
        ("lists of lists", "[[[[]]]]"),
        ("objects of objects", "{\"a\":{\"b\":{}}}"),
    ] {
        let many = format!(
            "{{\"x\":[{entry}{}]}}",
            format!(",{entry}").repeat(8_000_000 / (entry.len() + 1))
        );
        cases.push(refuse(
            &format!("eight megabytes of {name}"),
            many.into_bytes(),
            "50000 values",
        ));
    }
    for (name, value) in [
        ("2.0", json!("2.0")),
        ("null", json!(null)),
        ("a number", json!(1.0)),
        ("a list", json!([])),
    ] {
        cases.push(refused(
            &format!("version is {name}"),
            with("/version", Some(value)),
            "`version`",
        ));
    }
    for (name, field, value) in [
        (
            "truncated to nothing",
            "truncation",
            json!({"direction": "Right", "max_length": 0, "strategy": "LongestFirst", "stride": u64::MAX}),
        ),
        ("truncated by a text", "truncation", json!("yes")),
        (
            "padded to a quintillion",
            "padding",
            json!({"strategy": {"Fixed": u64::MAX}, "direction": "Left", "pad_to_multiple_of": 0, "pad_id": 1, "pad_type_id": 0, "pad_token": "x"}),
        ),
        ("padded by a list", "padding", json!([1, 2])),
        (
            "a field nobody knows",
            "unheard_of",
            json!({"a": [1, {"b": null}]}),
        ),
    ] {
        cases.push(usable(name, with(&format!("/{field}"), Some(value))));
    }
    cases.push(raw(
        "two models, of which the last one counts",
        text.replacen('{', "{\"model\":{},", 1).into_bytes(),
        Expected::Usable,
    ));
    cases
}
