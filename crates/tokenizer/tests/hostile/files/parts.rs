//! Normalizers, post-processors and decoders that blow a text up, add what is not there or are none.

use serde_json::{Value, json};

use super::{FileCase, nested, refused, replace, usable, with};

pub(super) fn cases() -> Vec<FileCase> {
    let mut cases = vec![
        refused(
            "unknown normalizer",
            with("/normalizer/type", Some(json!("NFX"))),
            "`normalizer.type`",
        ),
        refused(
            "normalizer without a type",
            with("/normalizer", Some(json!({}))),
            "`normalizer.type`",
        ),
        refused(
            "normalizer as string",
            with("/normalizer", Some(json!("NFC"))),
            "`normalizer`",
        ),
        refused(
            "normalizer that explodes",
            with(
                "/normalizer",
                Some(
                    json!({"type": "Sequence", "normalizers": vec![replace(".", "aaaaaaaaa"); 30]}),
                ),
            ),
            "`normalizer.normalizers[1]`",
        ),
        refused(
            "byte-level thirty times",
            with(
                "/normalizer",
                Some(
                    json!({"type": "Sequence", "normalizers": vec![json!({"type": "ByteLevel"}); 30]}),
                ),
            ),
            "`normalizer.normalizers[6]`",
        ),
        refused(
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
        refused(
            "decoder forty deep",
            with(
                "/decoder",
                Some(nested("Sequence", "decoders", json!({"type": "Fuse"}), 40)),
            ),
            "at most 4 deep",
        ),
        refused(
            "template of an undescribed token",
            with(
                "/post_processor/single/0",
                Some(json!({"SpecialToken": {"id": "<x>", "type_id": 0}})),
            ),
            "`post_processor.single`",
        ),
        refused(
            "template without the text",
            with("/post_processor/single", Some(json!([]))),
            "`post_processor.single`",
        ),
        refused(
            "template of two texts for one",
            with(
                "/post_processor/single/0",
                Some(json!({"Sequence": {"id": "B", "type_id": 0}})),
            ),
            "`post_processor.single`",
        ),
        refused(
            "template with an id too large",
            with(
                "/post_processor/special_tokens/<|bos|>/ids",
                Some(json!([99_999])),
            ),
            "`post_processor.special_tokens",
        ),
        refused(
            "template with more ids than tokens",
            with(
                "/post_processor/special_tokens/<|bos|>/ids",
                Some(json!([1, 2])),
            ),
            "`post_processor.special_tokens",
        ),
        refused(
            "separator with an id too large",
            with(
                "/post_processor",
                Some(json!({"type": "BertProcessing", "sep": ["s", 1 << 30], "cls": ["c", 0]})),
            ),
            "`post_processor.sep[1]`",
        ),
        refused(
            "decoder that strips a quintillion",
            with(
                "/decoder",
                Some(json!({"type": "Strip", "content": " ", "start": 0, "stop": u64::MAX / 4})),
            ),
            "`decoder.stop`",
        ),
        refused(
            "normalizer with a broken table",
            with(
                "/normalizer",
                Some(json!({"type": "Precompiled", "precompiled_charsmap": "////////"})),
            ),
            "tokenizer.json",
        ),
    ];
    cases.extend(normalizers());
    cases.extend(post_processors());
    cases.extend(decoders());
    cases
}

fn normalizers() -> Vec<FileCase> {
    let charsmap = |table: &str| json!({"type": "Precompiled", "precompiled_charsmap": table});
    let chain = |parts: Value| json!({"type": "Sequence", "normalizers": parts});
    let mut cases = Vec::new();
    for (name, part) in [
        (
            "a letter that becomes sixty-four",
            replace(".", &"y".repeat(64)),
        ),
        (
            "text between any two letters",
            replace("x*", &"y".repeat(500)),
        ),
        (
            "a word that becomes a book",
            json!({"type": "Replace", "pattern": {"String": "a"}, "content": "y".repeat(65)}),
        ),
        (
            "three times four thousand",
            chain(json!([
                replace("a", &"b".repeat(16)),
                replace("b", &"a".repeat(16))
            ])),
        ),
        (
            "compatible forms of compatible forms",
            chain(json!([{"type": "NFKD"}, {"type": "NFKC"}])),
        ),
        ("a pattern that explodes", replace("(a+)+$", "")),
        ("a pattern that does not compile", replace("(", "")),
        ("a pattern of nothing", replace("", "a")),
        (
            "nothing to put in its place",
            json!({"type": "Replace", "pattern": {"String": "a"}}),
        ),
        (
            "a number to put in its place",
            json!({"type": "Replace", "pattern": {"String": "a"}, "content": 1}),
        ),
        (
            "a long text in front",
            json!({"type": "Prepend", "prepend": "▁".repeat(100)}),
        ),
        ("nothing in front", json!({"type": "Prepend"})),
        ("a table of four billion entries", charsmap("/////w==")),
        (
            "a table of two billion entries and some",
            charsmap("/P///wAAAAAAAAAA"),
        ),
        ("a table that is no base64", charsmap("not base64!")),
        ("a table of one letter", charsmap("A")),
        ("an empty table", charsmap("")),
        ("a table of three bytes", charsmap("AAAA")),
        ("a table of odd length", charsmap("BQAAAAAAAAAA")),
        (
            "a table with a long text",
            charsmap(&format!("BAAAAAAA{}", "YWFh".repeat(40))),
        ),
        (
            "a table of a megabyte and more",
            charsmap(&"AAAA".repeat(300_000)),
        ),
        (
            "a table that is a number",
            json!({"type": "Precompiled", "precompiled_charsmap": 4}),
        ),
        ("no table", json!({"type": "Precompiled"})),
        ("Strip without sides", json!({"type": "Strip"})),
        (
            "Strip with sides that are texts",
            json!({"type": "Strip", "strip_left": "yes", "strip_right": "no"}),
        ),
        (
            "BertNormalizer without switches",
            json!({"type": "BertNormalizer"}),
        ),
        (
            "a normalizer that is a pre-tokenizer",
            json!({"type": "Metaspace", "replacement": "▁"}),
        ),
        ("a normalizer of another spelling", json!({"type": "nfc"})),
        ("a normalizer that is a number", json!(1)),
        ("a normalizer in a list", json!([{"type": "NFC"}])),
        ("a sequence without members", json!({"type": "Sequence"})),
        ("a sequence of itself, by name", chain(json!(["Sequence"]))),
        ("a sequence of numbers", chain(json!([1, 2]))),
        (
            "thirty-three parts",
            chain(json!(vec![json!({"type": "Nmt"}); 33])),
        ),
        (
            "five deep",
            nested("Sequence", "normalizers", json!({"type": "NFC"}), 5),
        ),
        (
            "wide and deep",
            chain(json!(vec![
                chain(json!(vec![json!({"type": "Nmt"}); 8]));
                8
            ])),
        ),
    ] {
        cases.push(refused(
            &format!("normalizer: {name}"),
            with("/normalizer", Some(part)),
            "`normalizer",
        ));
    }
    for (name, part) in [
        (
            "those of Llama 2",
            chain(
                json!([{"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]),
            ),
        ),
        (
            "those of a BERT",
            json!({"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true}),
        ),
        ("nothing is left of a text", replace("(?m).", "")),
        ("an empty sequence", chain(json!([]))),
        (
            "every other one",
            chain(
                json!([{"type": "Nmt"}, {"type": "NFD"}, {"type": "StripAccents"}, {"type": "Lowercase"}, {"type": "Strip", "strip_left": true, "strip_right": true}]),
            ),
        ),
        ("bytes", json!({"type": "ByteLevel"})),
        ("compatible forms", json!({"type": "NFKC"})),
    ] {
        cases.push(usable(
            &format!("normalizer: {name}"),
            with("/normalizer", Some(part)),
        ));
    }
    cases
}

fn post_processors() -> Vec<FileCase> {
    let text = || json!({"Sequence": {"id": "A", "type_id": 0}});
    let template = |single: Value, tokens: Value| json!({"type": "TemplateProcessing", "single": single, "pair": [text()], "special_tokens": tokens});
    let bos = || json!({"SpecialToken": {"id": "<|bos|>", "type_id": 0}});
    let described = |ids: Value, tokens: Value| json!({"<|bos|>": {"id": "<|bos|>", "ids": ids, "tokens": tokens}});
    let one = || described(json!([1]), json!(["<|bos|>"]));
    let mut cases = Vec::new();
    for (name, part) in [
        (
            "the text twice",
            template(json!([text(), text()]), json!({})),
        ),
        (
            "the text sixty-four times",
            template(json!(vec![text(); 64]), json!({})),
        ),
        ("sixty-five pieces", template(json!(vec![bos(); 65]), one())),
        ("pieces that are a text", template(json!("$A"), json!({}))),
        ("pieces that are null", template(json!(null), json!({}))),
        (
            "a piece of nothing",
            template(json!([text(), {}]), json!({})),
        ),
        (
            "a token by number",
            template(
                json!([text(), {"SpecialToken": {"id": 1, "type_id": 0}}]),
                one(),
            ),
        ),
        (
            "a token that is not described",
            template(json!([text(), bos()]), json!({})),
        ),
        ("tokens in a list", template(json!([text()]), json!([]))),
        (
            "a token of negative id",
            template(json!([text()]), described(json!([-1]), json!(["a"]))),
        ),
        (
            "a token of fractional id",
            template(json!([text()]), described(json!([0.5]), json!(["a"]))),
        ),
        (
            "a token whose id is a text",
            template(json!([text()]), described(json!(["1"]), json!(["a"]))),
        ),
        (
            "a token of an id that is not there",
            template(json!([text()]), described(json!([u32::MAX]), json!(["a"]))),
        ),
        (
            "a token of sixty-five ids",
            template(
                json!([text()]),
                described(json!(vec![1; 65]), json!(vec!["a"; 65])),
            ),
        ),
        (
            "a token whose tokens are numbers",
            template(json!([bos(), text()]), described(json!([1]), json!([1]))),
        ),
        (
            "a token described by a text",
            template(json!([text()]), json!({"<|bos|>": "<|bos|>"})),
        ),
        (
            "no pair",
            json!({"type": "TemplateProcessing", "single": [text()], "special_tokens": {}}),
        ),
        (
            "no tokens",
            json!({"type": "TemplateProcessing", "single": [text()], "pair": [text()]}),
        ),
        (
            "two templates in a row",
            json!({"type": "Sequence", "processors": vec![template(json!([text(), bos()]), one()); 2]}),
        ),
        (
            "twenty-six templates in a row",
            json!({"type": "Sequence", "processors": vec![template(json!([text(), bos()]), one()); 26]}),
        ),
        (
            "BertProcessing without separators",
            json!({"type": "BertProcessing"}),
        ),
        (
            "BertProcessing with half a separator",
            json!({"type": "BertProcessing", "sep": ["a"], "cls": ["b", 0]}),
        ),
        (
            "BertProcessing with numbers",
            json!({"type": "BertProcessing", "sep": 1, "cls": 2}),
        ),
        (
            "RobertaProcessing without switches",
            json!({"type": "RobertaProcessing", "sep": ["a", 0], "cls": ["b", 0], "trim_offsets": "x"}),
        ),
        (
            "RobertaProcessing with a large id",
            json!({"type": "RobertaProcessing", "sep": ["a", 4_000_000_000_u64], "cls": ["b", 0], "trim_offsets": true, "add_prefix_space": true}),
        ),
        ("an unknown one", json!({"type": "Llama3Processing"})),
        (
            "one in a list",
            json!([template(json!([text()]), json!({}))]),
        ),
        (
            "five deep",
            nested(
                "Sequence",
                "processors",
                json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}),
                5,
            ),
        ),
        (
            "a sequence without members",
            json!({"type": "Sequence", "processors": null}),
        ),
    ] {
        cases.push(refused(
            &format!("post-processor: {name}"),
            with("/post_processor", Some(part)),
            "`post_processor",
        ));
    }
    for (name, part) in [
        ("none", json!(null)),
        (
            "an empty sequence",
            json!({"type": "Sequence", "processors": []}),
        ),
        (
            "sixty-three tokens around",
            template(json!([vec![bos(); 63], vec![text()]].concat()), one()),
        ),
        (
            "bytes before a template, as Llama 3 has it",
            json!({"type": "Sequence", "processors": [
            {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true}, template(json!([bos(), text()]), one())]}),
        ),
    ] {
        cases.push(usable(
            &format!("post-processor: {name}"),
            with("/post_processor", Some(part)),
        ));
    }
    cases
}

fn decoders() -> Vec<FileCase> {
    let mut cases = Vec::new();
    for (name, part) in [
        (
            "CTC",
            json!({"type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "|", "cleanup": true}),
        ),
        (
            "Strip of no character",
            json!({"type": "Strip", "content": "", "start": 1, "stop": 0}),
        ),
        (
            "Strip of two characters",
            json!({"type": "Strip", "content": "ab", "start": 1, "stop": 0}),
        ),
        (
            "Strip of seventeen",
            json!({"type": "Strip", "content": " ", "start": 17, "stop": 0}),
        ),
        (
            "Strip of less than none",
            json!({"type": "Strip", "content": " ", "start": -1, "stop": 0}),
        ),
        (
            "Strip at the end, which the library cannot",
            json!({"type": "Strip", "content": " ", "start": 0, "stop": 1}),
        ),
        (
            "Strip without counts",
            json!({"type": "Strip", "content": " "}),
        ),
        ("Replace by a book", replace(".", &"y".repeat(64))),
        (
            "Replace by a pattern that explodes",
            replace("(a|aa)+$", ""),
        ),
        (
            "WordPiece without a prefix",
            json!({"type": "WordPiece", "cleanup": true}),
        ),
        ("BPEDecoder without a suffix", json!({"type": "BPEDecoder"})),
        (
            "Metaspace of two characters",
            json!({"type": "Metaspace", "replacement": "ab", "prepend_scheme": "always"}),
        ),
        (
            "thirty-three parts",
            json!({"type": "Sequence", "decoders": vec![json!({"type": "Fuse"}); 33]}),
        ),
        (
            "five deep",
            nested("Sequence", "decoders", json!({"type": "Fuse"}), 5),
        ),
        (
            "a sequence of null",
            json!({"type": "Sequence", "decoders": [null]}),
        ),
        ("a text", json!("ByteLevel")),
        ("no type", json!({"add_prefix_space": true})),
    ] {
        cases.push(refused(
            &format!("decoder: {name}"),
            with("/decoder", Some(part)),
            "`decoder",
        ));
    }
    for (name, part) in [
        ("none", json!(null)),
        (
            "BPEDecoder of an empty suffix",
            json!({"type": "BPEDecoder", "suffix": ""}),
        ),
        (
            "an empty sequence",
            json!({"type": "Sequence", "decoders": []}),
        ),
        (
            "those of Llama 2",
            json!({"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
            {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}),
        ),
        (
            "WordPiece of an empty prefix",
            json!({"type": "WordPiece", "prefix": "", "cleanup": true}),
        ),
        (
            "Strip of all sixteen",
            json!({"type": "Strip", "content": "a", "start": 16, "stop": 0}),
        ),
    ] {
        cases.push(usable(
            &format!("decoder: {name}"),
            with("/decoder", Some(part)),
        ));
    }
    cases
}
