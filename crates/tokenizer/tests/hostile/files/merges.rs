//! Merges: of what is not there, into what is not there, and in forms that are none.

use serde_json::{Value, json};

use super::{FileCase, refused, tiny, usable, with};

pub(super) fn cases() -> Vec<FileCase> {
    let mut cases = vec![
        refused(
            "merge longer than any token",
            tiny(&json!({"aa": 0, "bb": 1}), &json!([["aa", "bb"]])),
            "`model.merges[0]`",
        ),
        refused(
            "merge as string, result missing",
            tiny(&json!({"a": 0, "b": 1}), &json!(["a b"])),
            "`model.merges[0]`",
        ),
        refused(
            "merge of no entry",
            tiny(&json!({"a": 0, "ab": 1}), &json!([["a", "b"]])),
            "`model.merges[0]`",
        ),
        refused(
            "merge of one",
            tiny(&json!({"a": 0}), &json!([["a"]])),
            "`model.merges[0]`",
        ),
        refused(
            "merge of three words",
            tiny(&json!({"a": 0}), &json!(["a a a"])),
            "`model.merges[0]`",
        ),
        refused(
            "merge of numbers",
            tiny(&json!({"a": 0}), &json!([[1, 2]])),
            "`model.merges[0]`",
        ),
        refused(
            "merge of empty strings",
            tiny(&json!({"a": 0, "": 1}), &json!([["", "a"]])),
            "`model.merges[0]`",
        ),
        refused(
            "merges of two forms",
            tiny(&json!({"a": 0, "aa": 1}), &json!([["a", "a"], "a a"])),
            "`model.merges[1]`",
        ),
        refused(
            "merges are an object",
            tiny(&json!({"a": 0}), &json!({})),
            "`model.merges`",
        ),
        refused(
            "version line among merges",
            tiny(&json!({"a": 0}), &json!(["#version: 0.2"])),
            "`model.merges[0]`",
        ),
        refused("no merges", with("/model/merges", None), "`model.merges`"),
        refused(
            "prefix that merges lack",
            with(
                "/model/continuing_subword_prefix",
                Some(json!("##########")),
            ),
            "`model.merges[0]`",
        ),
        refused(
            "prefix of half a character",
            with("/model/continuing_subword_prefix", Some(json!("é"))),
            "`model.merges[0]`",
        ),
    ];
    let vocab = json!({"a": 0, "b": 1, "ab": 2, "aab": 3, "c d": 4, "c": 5, " d": 6, "ba": 7, "\0": 8, "\0a": 9});
    for (name, merge) in [
        ("merge that is null", json!(null)),
        ("merge that is a number", json!(7)),
        ("merge that is an object", json!({"a": "b"})),
        ("merge that is true", json!(true)),
        ("merge of nothing", json!([])),
        ("merge of three", json!(["a", "b", "ab"])),
        ("merge of lists", json!([["a"], ["b"]])),
        ("merge of null", json!(["a", null])),
        ("left part unknown", json!(["x", "b"])),
        ("right part unknown", json!(["a", "x"])),
        ("union unknown", json!(["b", "b"])),
        ("union of parts in the wrong order", json!(["ab", "a"])),
        ("merge with an empty half", json!(["", "a"])),
        (
            "merge with a token of a megabyte",
            json!(["a", "b".repeat(1 << 20)]),
        ),
        ("merge as text without a space", json!("ab")),
        ("merge as text with two spaces", json!("a  b")),
        ("merge as text that begins with a space", json!(" a b")),
        ("merge as text that ends with a space", json!("a b ")),
        ("merge as text with a tab", json!("a\tb")),
        ("merge that is an empty text", json!("")),
    ] {
        cases.push(refused(
            name,
            tiny(&vocab, &json!([merge])),
            "`model.merges[0]`",
        ));
    }
    for (name, merges) in [
        ("merges are null", json!(null)),
        ("merges are a text", json!("a b")),
        ("merges are a number", json!(3)),
        ("merges are true", json!(true)),
    ] {
        cases.push(refused(name, tiny(&vocab, &merges), "`model.merges`"));
    }
    for (name, merges) in [
        ("no merge at all", json!([])),
        ("the same merge twice", json!([["a", "b"], ["a", "b"]])),
        ("two ways to one token", json!([["a", "ab"], ["a", "b"]])),
        (
            "a merge before its parts are made",
            json!([["a", "ab"], ["a", "b"], ["b", "a"]]),
        ),
        ("merge with a space inside", json!([["c", " d"]])),
        ("merge with a NUL", json!([["\0", "a"]])),
    ] {
        cases.push(usable(name, tiny(&vocab, &merges)));
    }
    for (name, entry) in [
        ("numbers", json!(0)),
        ("objects", json!({})),
        ("lists", json!([])),
        ("null", json!(null)),
    ] {
        let merges = Value::from(vec![entry; 60_000]);
        cases.push(refused(
            &format!("sixty thousand merges of {name}"),
            tiny(&vocab, &merges),
            "50000 values",
        ));
    }
    let continued = |prefix: &str, right: &str| {
        let mut document = tiny(&json!({"a": 0, right: 1, "ab": 2}), &json!([["a", right]]));
        document["model"]["continuing_subword_prefix"] = json!(prefix);
        document
    };
    cases.push(usable("prefix that continues", continued("##", "##b")));
    cases.push(usable(
        "prefix that is the whole token",
        continued("##b", "##b"),
    ));
    cases.push(refused(
        "prefix longer than the token",
        continued("##bb", "##b"),
        "`model.merges[0]`",
    ));
    cases.push(refused(
        "prefix of a megabyte",
        with(
            "/model/continuing_subword_prefix",
            Some(json!("#".repeat(1 << 20))),
        ),
        "prefix",
    ));
    cases.push(refused(
        "last merge of many is wrong",
        {
            let mut document = super::valid();
            document["model"]["merges"]
                .as_array_mut()
                .unwrap()
                .push(json!(["한", "글"]));
            document
        },
        "`model.merges[",
    ));
    cases
}
