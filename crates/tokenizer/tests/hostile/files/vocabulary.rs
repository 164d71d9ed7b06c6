//! Vocabularies: ids that clash, overflow or are none; tokens too long or twice.

use serde_json::{Value, json};

use super::{FileCase, raw, refused, tiny, usable, with};
use crate::hostile::Expected;

pub(super) fn cases() -> Vec<FileCase> {
    let mut cases = vec![
        refused(
            "duplicate ids",
            tiny(&json!({"a": 0, "b": 0}), &json!([])),
            "`model.vocab[`b`]`",
        ),
        refused(
            "largest possible id",
            tiny(&json!({"a": u32::MAX}), &json!([])),
            "`model.vocab[`a`]`",
        ),
        refused(
            "id beyond 32 bits",
            tiny(&json!({"a": u64::MAX}), &json!([])),
            "`model.vocab[`a`]`",
        ),
        refused(
            "negative id",
            tiny(&json!({"a": -1}), &json!([])),
            "`model.vocab[`a`]`",
        ),
        refused(
            "fractional id",
            tiny(&json!({"a": 0.5}), &json!([])),
            "`model.vocab[`a`]`",
        ),
        refused(
            "id as string",
            tiny(&json!({"a": "0"}), &json!([])),
            "`model.vocab[`a`]`",
        ),
        refused(
            "empty vocabulary",
            tiny(&json!({}), &json!([])),
            "`model.vocab`",
        ),
        refused(
            "vocabulary as list",
            tiny(&json!(["a"]), &json!([])),
            "`model.vocab`",
        ),
        refused(
            "token of a megabyte",
            tiny(&json!({"a".repeat(1 << 20): 0}), &json!([])),
            "`model.vocab[`aaa",
        ),
        refused("no vocabulary", with("/model/vocab", None), "`model.vocab`"),
    ];
    for (name, id) in [
        ("id is true", json!(true)),
        ("id is null", json!(null)),
        ("id in a list", json!([0])),
        ("id in an object", json!({"id": 0})),
        ("id with a point", json!(1.0)),
        ("id just too large", json!(1 << 20)),
        ("id of 31 bits", json!(i32::MAX)),
        ("id of 63 bits", json!(i64::MAX)),
        ("smallest number", json!(i64::MIN)),
    ] {
        cases.push(refused(
            name,
            tiny(&json!({"a": id}), &json!([])),
            "`model.vocab[`a`]`",
        ));
    }
    for (name, vocab) in [
        ("vocabulary is null", json!(null)),
        ("vocabulary is true", json!(true)),
        ("vocabulary is a text", json!("a b c")),
        (
            "vocabulary of scores, as Unigram has it",
            json!([["a", -1.5], ["b", -2.0]]),
        ),
    ] {
        cases.push(refused(name, tiny(&vocab, &json!([])), "`model.vocab`"));
    }
    for (name, vocab) in [
        ("holes between ids", json!({"a": 0, "b": 70, "c": 9000})),
        ("no id zero", json!({"a": 1})),
        ("largest id allowed", json!({"a": (1 << 20) - 1})),
        ("empty token", json!({"": 0, "a": 1})),
        ("token of a NUL", json!({"\0": 0, "a\0b": 1})),
        ("token of a byte-order mark", json!({"\u{feff}": 0})),
        (
            "tokens that are equal once normalized",
            json!({"가": 0, "\u{1100}\u{1161}": 1}),
        ),
        ("token as long as allowed", json!({"a".repeat(4096): 0})),
        (
            "tokens that look like bytes",
            json!({"<0x00>": 0, "<0xFF>": 1, "<0xZZ>": 2, "<0x>": 3}),
        ),
    ] {
        cases.push(usable(name, tiny(&vocab, &json!([]))));
    }
    cases.push(refused(
        "token one byte too long",
        tiny(&json!({"a".repeat(4097): 0}), &json!([])),
        "at most 4096 bytes",
    ));
    cases.push(refused(
        "unknown token as number",
        with("/model/unk_token", Some(json!(0))),
        "`model.unk_token`",
    ));
    let many: serde_json::Map<String, Value> =
        (0..60_000).map(|i| (format!("{i}"), json!({}))).collect();
    let many = Value::Object(many).to_string();
    for (name, vocab, expected) in [
        (
            "one token twice",
            r#"{"a":0,"a":1}"#,
            "one entry of this name",
        ),
        (
            "one token twice, spelled in two ways",
            r#"{"a":0,"\u0061":1}"#,
            "one entry of this name",
        ),
        (
            "half a surrogate pair as token",
            r#"{"\ud800":0}"#,
            "line 1 column",
        ),
        ("id with an exponent", r#"{"a":1e2}"#, "`model.vocab[`a`]`"),
        ("id of minus zero", r#"{"a":-0}"#, "`model.vocab[`a`]`"),
        (
            "id of a thousand digits",
            &format!("{{\"a\":{}}}", "9".repeat(1000)),
            "(byte ",
        ),
        ("sixty thousand ids that are objects", &many, "50000 values"),
    ] {
        let text = tiny(&json!("HERE"), &json!([]))
            .to_string()
            .replace("\"HERE\"", vocab);
        cases.push(raw(
            name,
            text.into_bytes(),
            Expected::Refused(expected.to_owned()),
        ));
    }
    cases
}
