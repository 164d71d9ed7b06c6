//! `tokenizer_config.json` and template files that say what cannot be.

use serde_json::{Value, json};

use super::{FileCase, valid};
use crate::hostile::Expected;

pub(super) fn cases() -> Vec<FileCase> {
    let mut cases = Vec::new();
    let case = |name: &str, file: &'static str, bytes: Vec<u8>, expected: Expected| FileCase {
        name: format!("{file}: {name}"),
        files: vec![
            ("tokenizer.json", valid().to_string().into_bytes()),
            (file, bytes),
        ],
        expected,
    };
    let config = |name: &str, document: Value, expected: Option<&str>| {
        let expected = expected.map_or(Expected::Usable, |part| Expected::Refused(part.to_owned()));
        case(
            name,
            "tokenizer_config.json",
            document.to_string().into_bytes(),
            expected,
        )
    };
    for (name, document, expected) in [
        ("a list", json!([]), "(whole file)"),
        ("a text", json!("x"), "(whole file)"),
        ("null", json!(null), "(whole file)"),
        ("BOS as number", json!({"bos_token": 1}), "`bos_token`"),
        (
            "BOS as list",
            json!({"bos_token": ["<|bos|>"]}),
            "`bos_token`",
        ),
        (
            "BOS without content",
            json!({"bos_token": {"id": 1}}),
            "`bos_token`",
        ),
        (
            "BOS that is no token",
            json!({"bos_token": "<none>"}),
            "`bos_token`",
        ),
        ("BOS that is empty", json!({"bos_token": ""}), "`bos_token`"),
        (
            "EOS that is a megabyte",
            json!({"eos_token": "x".repeat(1 << 20)}),
            "`eos_token`",
        ),
        (
            "EOS whose content is a number",
            json!({"eos_token": {"content": 3}}),
            "`eos_token`",
        ),
        ("PAD as true", json!({"pad_token": true}), "`pad_token`"),
        (
            "PAD that is no token",
            json!({"pad_token": "[PAD]"}),
            "`pad_token`",
        ),
        (
            "UNK as number, for the template",
            json!({"unk_token": 1, "chat_template": "x"}),
            "`unk_token`",
        ),
        (
            "template as number",
            json!({"chat_template": 1}),
            "`chat_template`",
        ),
        (
            "template as object",
            json!({"chat_template": {"default": "x"}}),
            "`chat_template`",
        ),
        (
            "templates without names",
            json!({"chat_template": [{"template": "x"}]}),
            "`chat_template[0]`",
        ),
        (
            "templates of numbers",
            json!({"chat_template": [1, 2]}),
            "`chat_template[0]`",
        ),
        (
            "templates without a default",
            json!({"chat_template": [{"name": "rag", "template": "x"}]}),
            "`default`",
        ),
        (
            "template that does not end",
            json!({"chat_template": "{% for m in messages %}"}),
            "line `1`",
        ),
        (
            "template that includes a file",
            json!({"chat_template": "{% include '/etc/passwd' %}"}),
            "line `1`",
        ),
        (
            "template of a megabyte and more",
            json!({"chat_template": "x".repeat((1 << 20) + 1)}),
            "1048577",
        ),
        (
            "sixty thousand templates",
            json!({"chat_template": vec![json!({}); 60_000]}),
            "50000 values",
        ),
    ] {
        cases.push(config(name, document, Some(expected)));
    }
    for (name, document) in [
        ("an empty object", json!({})),
        ("no limit, as 10^30", json!({"model_max_length": 1e30})),
        ("a negative limit", json!({"model_max_length": -1})),
        (
            "a limit that is a text",
            json!({"model_max_length": "4096"}),
        ),
        (
            "a hundred thousand fields that nobody reads",
            json!({"added_tokens_decoder": vec![json!({}); 100_000]}),
        ),
        (
            "a class that runs code",
            json!({"tokenizer_class": "os.system", "auto_map": {"AutoTokenizer": ["x--y.Z", null]}}),
        ),
    ] {
        cases.push(config(name, document, None));
    }
    for (name, bytes, expected) in [
        ("cut off", &b"{\"bos_token\": \"<|b"[..], "line 1 column"),
        ("not UTF-8", b"{\"bos_token\": \"\xFF\"}", "(byte 15)"),
        (
            "nested ten thousand deep",
            "[".repeat(10_000).as_bytes(),
            "recursion limit",
        ),
        (
            "deep where nobody reads",
            format!("{{\"x\":{}", "[".repeat(10_000)).as_bytes(),
            "column",
        ),
        (
            "half a surrogate pair",
            b"{\"bos_token\": \"\\ud800\"}",
            "column",
        ),
        (
            "a number of a million digits",
            format!("{{\"model_max_length\": {}}}", "9".repeat(1 << 20)).as_bytes(),
            "(byte ",
        ),
    ] {
        cases.push(case(
            name,
            "tokenizer_config.json",
            bytes.to_vec(),
            Expected::Refused(expected.to_owned()),
        ));
    }
    for (name, bytes, expected) in [
        ("not UTF-8", &b"{{ '\xFF' }}"[..], "(byte 4)"),
        (
            "a megabyte and more",
            &b"x".repeat((1 << 20) + 1),
            "1048577",
        ),
        ("not Jinja", b"{% if %}", "line `1`"),
        ("never closed", b"\n\n{{ messages", "line `"),
    ] {
        cases.push(case(
            name,
            "chat_template.jinja",
            bytes.to_vec(),
            Expected::Refused(expected.to_owned()),
        ));
    }
    cases
}
