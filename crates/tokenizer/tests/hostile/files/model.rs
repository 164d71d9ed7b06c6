//! Models of other kinds, and small settings of the wrong kind.

use serde_json::{Value, json};

use super::{FileCase, refused, usable, with};

pub(super) fn cases() -> Vec<FileCase> {
    let mut cases = vec![
        refused("no model", with("/model", None), "`model`"),
        refused(
            "model is null",
            with("/model", Some(Value::Null)),
            "`model`",
        ),
        refused(
            "model without a type",
            with("/model/type", None),
            "`model.type`",
        ),
        refused(
            "model of another type",
            with("/model/type", Some(json!("WordLevel"))),
            "`model.type`",
        ),
        refused(
            "merges dropped at random",
            with("/model/dropout", Some(json!(0.1))),
            "`model.dropout`",
        ),
        refused(
            "unknown token unknown",
            with("/model/unk_token", Some(json!("<none>"))),
            "`model.unk_token`",
        ),
        refused(
            "switch as string",
            with("/model/fuse_unk", Some(json!("yes"))),
            "`model.fuse_unk`",
        ),
        refused(
            "suffix as list",
            with("/model/end_of_word_suffix", Some(json!([]))),
            "`model.end_of_word_suffix`",
        ),
    ];
    let vocab = json!({"a": 0, "[UNK]": 1});
    for (name, model) in [
        (
            "WordPiece",
            json!({"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": u64::MAX, "vocab": vocab}),
        ),
        (
            "WordPiece without a vocabulary",
            json!({"type": "WordPiece"}),
        ),
        (
            "WordLevel",
            json!({"type": "WordLevel", "vocab": vocab, "unk_token": "[UNK]"}),
        ),
        (
            "type is a number",
            json!({"type": 3, "vocab": vocab, "merges": []}),
        ),
        (
            "type is null",
            json!({"type": null, "vocab": vocab, "merges": []}),
        ),
        (
            "type in small letters",
            json!({"type": "bpe", "vocab": vocab, "merges": []}),
        ),
        ("an untagged model", json!({"vocab": vocab, "merges": []})),
        ("an empty model", json!({})),
    ] {
        cases.push(refused(name, with("/model", Some(model)), "`model.type`"));
    }
    let unigram = |name: &str, field: &str, value: Value| {
        let mut model = json!({"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], ["a", -1.0]], "byte_fallback": false});
        model[field] = value;
        (
            name.to_owned(),
            with("/model", Some(model)),
            format!("`model.{field}"),
        )
    };
    for (name, document, field) in [
        unigram("Unigram of a map", "vocab", json!({"a": 0})),
        unigram("Unigram without tokens", "vocab", json!([])),
        unigram(
            "Unigram whose score is a text",
            "vocab",
            json!([["a", "-1"]]),
        ),
        unigram("Unigram without scores", "vocab", json!([["a"], ["b"]])),
        unigram(
            "Unigram that has a token twice",
            "vocab",
            json!([["a", -1.0], ["a", -2.0]]),
        ),
        unigram(
            "Unigram of one huge token",
            "vocab",
            json!([["x".repeat(5000), -1.0]]),
        ),
        unigram("Unigram whose unknown token is too far", "unk_id", json!(2)),
        unigram("Unigram that knows no unknown", "unk_id", json!(u64::MAX)),
        unigram("Unigram with bytes by name", "byte_fallback", json!("yes")),
    ] {
        cases.push(refused(&name, document, &field));
    }
    for (name, model) in [
        ("model is a list", json!([])),
        ("model is a text", json!("BPE")),
        ("model is a number", json!(1)),
    ] {
        cases.push(refused(name, with("/model", Some(model)), "`model`"));
    }
    for (field, value) in [
        ("dropout", json!(-1.0)),
        ("dropout", json!(2.0)),
        ("dropout", json!("0.1")),
        ("dropout", json!(1e-300)),
        ("byte_fallback", json!("true")),
        ("byte_fallback", json!(1)),
        ("ignore_merges", json!([])),
        ("fuse_unk", json!(0)),
        ("unk_token", json!(["<unk>"])),
        ("end_of_word_suffix", json!(0)),
        ("end_of_word_suffix", json!("x".repeat(5000))),
    ] {
        let name = format!(
            "{field} is {}",
            value.to_string().chars().take(20).collect::<String>()
        );
        cases.push(refused(
            &name,
            with(&format!("/model/{field}"), Some(value)),
            &format!("`model.{field}`"),
        ));
    }
    for (field, value) in [
        ("dropout", json!(0.0)),
        ("byte_fallback", json!(true)),
        ("ignore_merges", json!(true)),
        ("fuse_unk", json!(true)),
        ("end_of_word_suffix", json!("</w>")),
        ("unk_token", json!("<|pad|>")),
        ("cache_capacity", json!(u64::MAX)),
        ("unheard_of", json!({"a": [1, 2, 3]})),
    ] {
        let name = format!("{field} is {value}, which works");
        cases.push(usable(&name, with(&format!("/model/{field}"), Some(value))));
    }
    cases
}
