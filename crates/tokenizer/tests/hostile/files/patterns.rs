//! Regular expressions that do not compile, do not end or are not wanted, and the pre-tokenizers around them.

use serde_json::json;

use super::{FileCase, either, nested, refused, split, usable, with};

pub(super) fn cases() -> Vec<FileCase> {
    let mut cases = vec![
        refused(
            "pre-tokenizer forty deep",
            with(
                "/pre_tokenizer",
                Some(nested("Sequence", "pretokenizers", split("a"), 40)),
            ),
            "at most 4 deep",
        ),
        refused(
            "sequence without members",
            with("/pre_tokenizer", Some(json!({"type": "Sequence"}))),
            "`pre_tokenizer.pretokenizers`",
        ),
        refused(
            "pieces of length zero",
            with(
                "/pre_tokenizer",
                Some(json!({"type": "FixedLength", "length": 0})),
            ),
            "`pre_tokenizer.type`",
        ),
        refused(
            "pattern that does not compile",
            with("/pre_tokenizer", Some(split("(a"))),
            "tokenizer.json",
        ),
        refused(
            "pattern of unknown property",
            with("/pre_tokenizer", Some(split(r"\p{Klingon}"))),
            "tokenizer.json",
        ),
        refused(
            "pattern of nested repeats",
            with(
                "/pre_tokenizer",
                Some(split("(((a{1000}){1000}){1000}){1000}")),
            ),
            "`pre_tokenizer.pattern.Regex`",
        ),
        refused(
            "pattern of chained repeats",
            with(
                "/pre_tokenizer",
                Some(split(&format!("a{}", "{9}".repeat(40)))),
            ),
            "`pre_tokenizer.pattern.Regex`",
        ),
        refused(
            "pattern of deep groups",
            with(
                "/pre_tokenizer",
                Some(split(&format!("{}{}", "(".repeat(2000), ")".repeat(2000)))),
            ),
            "`pre_tokenizer.pattern.Regex`",
        ),
        refused(
            "pattern of deep classes",
            with(
                "/pre_tokenizer",
                Some(split(&format!("{}a{}", "[".repeat(2000), "]".repeat(2000)))),
            ),
            "`pre_tokenizer.pattern.Regex`",
        ),
        refused(
            "pattern of a megabyte",
            with("/pre_tokenizer", Some(split(&"a|".repeat(1 << 19)))),
            "`pre_tokenizer.pattern.Regex`",
        ),
        refused(
            "pattern that calls itself",
            with("/pre_tokenizer", Some(split(r"(?<x>a|\g<x>\g<x>)"))),
            "`pre_tokenizer.pattern.Regex`",
        ),
        refused(
            "pattern with a callout",
            with("/pre_tokenizer", Some(split("(*FAIL)"))),
            "`pre_tokenizer.pattern.Regex`",
        ),
        refused(
            "empty pattern",
            with("/pre_tokenizer", Some(split(""))),
            "`pre_tokenizer.pattern.Regex`",
        ),
        refused(
            "pattern as number",
            with(
                "/pre_tokenizer",
                Some(
                    json!({"type": "Split", "pattern": 3, "behavior": "Isolated", "invert": false}),
                ),
            ),
            "`pre_tokenizer.pattern`",
        ),
        refused(
            "unknown behaviour",
            with(
                "/pre_tokenizer",
                Some(
                    json!({"type": "Split", "pattern": {"String": "a"}, "behavior": "Shredded", "invert": false}),
                ),
            ),
            "tokenizer.json",
        ),
    ];
    for pattern in [
        // Time that doubles with each letter, and time that grows with the cube of a text.
        "(a+)+$",
        "(?:a|aa)+$",
        r"(\w*)*=",
        r"\w*\w*\w*\w*=",
        "(?:(?:x|xx)+)+(?:y|z)|[^x]",
        "(한+글*)*!",
        r"(?:\s+\S*)*\z#",
        "(a|b|ab)*c",
        "([a-zA-Z]+)*1",
        "(foo(foo)?)*foobaz",
        "(?i)(q+)+!",
        r"(\p{L}+\p{L}*)+\d",
        r"(?:[^\s]+\s?)+\z\z#",
        "(.*)(.*)(.*)(.*)(.*)=",
        // What no tokenizer needs.
        r"(a)\1",
        r"(?<x>a)\k<x>",
        "(?R)",
        "(?&x)",
        "(?P>x)",
        r"\g<0>",
        "(*SKIP)",
        "(*MAX{9})",
        "(?~abc)",
        "(?(1)a|b)",
        "(?{x})",
        r"a\Kb",
        r"(?=a\K)",
        // What is no pattern.
        "[a",
        "a)",
        "*a",
        "(?<n",
        "(?<>a)",
        "(?z)",
        r"\p{Klingon}",
        r"\p{",
        "[z-a]",
        "[[:foo:]]",
        r"\x{110000000}",
        "a**+",
        "(?<=",
        "[]",
        "\\",
        // Too much of something.
        "a{10001}",
        "(a{100}){101}",
        "a{2}{2}{2}",
        "a{99999999999999999999}",
        "a{,99999}",
        "a+?+?",
    ] {
        let field = "`pre_tokenizer.pattern.Regex`";
        cases.push(refused(
            &format!("pattern {pattern}"),
            with("/pre_tokenizer", Some(split(pattern))),
            field,
        ));
    }
    for (name, pattern) in [
        ("2049 letters", "a".repeat(2049)),
        ("129 groups", "()".repeat(129)),
        ("129 classes", "[a]".repeat(129)),
        ("4097 letters", "a".repeat(4097)),
        ("options within options", "(?i)a".repeat(500)),
        ("ten thousand levels", "(".repeat(10_000)),
        ("ten thousand classes in each other", "[".repeat(10_000)),
    ] {
        let field = "`pre_tokenizer.pattern.Regex`";
        cases.push(refused(
            &format!("pattern of {name}"),
            with("/pre_tokenizer", Some(split(&pattern))),
            field,
        ));
    }
    for pattern in [
        "(?!)",
        "x*",
        "$",
        "^",
        r"\b",
        r"\B",
        "(?s).",
        r"\G",
        r"(?<=a)b",
        r"(?<!한)글",
        r"\X",
        r"\R",
        "[[a-z]&&[^b]]",
        "a{0,10000}",
        "\0",
        r"\x00",
        "(?i)ſ",
        "|",
        "a||b",
        r"\A|\z",
        r"(?i)\p{L}|[^\p{L}]",
        "{",
        "a{",
        "a{,}",
        "]",
        "\u{10ffff}",
    ] {
        cases.push(either(
            &format!("odd pattern {pattern:?}"),
            with("/pre_tokenizer", Some(split(pattern))),
        ));
    }
    for (name, pattern, expected) in [
        ("no pattern", json!(null), "`pre_tokenizer.pattern`"),
        (
            "a bare text as pattern",
            json!("a"),
            "`pre_tokenizer.pattern`",
        ),
        (
            "two patterns in one",
            json!({"String": "a", "Regex": "b"}),
            "`pre_tokenizer.pattern`",
        ),
        (
            "a pattern of no known kind",
            json!({"Glob": "*"}),
            "`pre_tokenizer.pattern`",
        ),
        (
            "a pattern that is a list",
            json!({"Regex": ["a"]}),
            "`pre_tokenizer.pattern`",
        ),
        (
            "an empty text as pattern",
            json!({"String": ""}),
            "`pre_tokenizer.pattern.String`",
        ),
        (
            "a long text as pattern",
            json!({"String": "x".repeat(5000)}),
            "`pre_tokenizer.pattern.String`",
        ),
    ] {
        let mut part = split("a");
        part["pattern"] = pattern;
        cases.push(refused(name, with("/pre_tokenizer", Some(part)), expected));
    }
    for (name, part) in [
        (
            "an inverted pattern that is a text",
            json!({"type": "Split", "pattern": {"String": "a"}, "behavior": "Isolated", "invert": "no"}),
        ),
        (
            "a pattern without a behaviour",
            json!({"type": "Split", "pattern": {"String": "a"}, "invert": false}),
        ),
        (
            "Metaspace without a character",
            json!({"type": "Metaspace"}),
        ),
        (
            "Metaspace with no character",
            json!({"type": "Metaspace", "replacement": "", "prepend_scheme": "always"}),
        ),
        (
            "Metaspace with two characters",
            json!({"type": "Metaspace", "replacement": "ab", "prepend_scheme": "always"}),
        ),
        (
            "Metaspace with a number",
            json!({"type": "Metaspace", "replacement": 5, "prepend_scheme": "always"}),
        ),
        (
            "Metaspace that prepends at times",
            json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "sometimes"}),
        ),
        (
            "Metaspace that contradicts itself",
            json!({"type": "Metaspace", "replacement": "▁", "add_prefix_space": false, "prepend_scheme": "first"}),
        ),
        (
            "Punctuation of an unknown behaviour",
            json!({"type": "Punctuation", "behavior": "Shred"}),
        ),
        ("Digits without a switch", json!({"type": "Digits"})),
        (
            "ByteLevel with texts for switches",
            json!({"type": "ByteLevel", "add_prefix_space": "yes", "trim_offsets": 1}),
        ),
        (
            "FixedLength",
            json!({"type": "FixedLength", "length": u64::MAX}),
        ),
        (
            "CharDelimiterSplit",
            json!({"type": "CharDelimiterSplit", "delimiter": ""}),
        ),
        (
            "a pre-tokenizer that is a normalizer",
            json!({"type": "NFC"}),
        ),
        ("a pre-tokenizer in a list", json!([split("a")])),
        ("a pre-tokenizer that is true", json!(true)),
        (
            "a sequence of null",
            json!({"type": "Sequence", "pretokenizers": [null]}),
        ),
        (
            "a sequence of texts",
            json!({"type": "Sequence", "pretokenizers": ["ByteLevel"]}),
        ),
        (
            "a sequence that is a number",
            json!({"type": "Sequence", "pretokenizers": 3}),
        ),
        (
            "a sequence under another name",
            json!({"type": "Sequence", "normalizers": [split("a")]}),
        ),
        (
            "thirty-three parts",
            json!({"type": "Sequence", "pretokenizers": vec![split("a"); 33]}),
        ),
        (
            "five deep",
            nested("Sequence", "pretokenizers", split("a"), 5),
        ),
        (
            "ten thousand deep in name only",
            json!({"type": "Sequence".repeat(10_000)}),
        ),
    ] {
        cases.push(refused(
            name,
            with("/pre_tokenizer", Some(part)),
            "`pre_tokenizer",
        ));
    }
    for (name, part) in [
        (
            "an empty sequence",
            json!({"type": "Sequence", "pretokenizers": []}),
        ),
        (
            "four deep",
            nested("Sequence", "pretokenizers", split("a"), 4),
        ),
        (
            "a pattern that is inverted",
            json!({"type": "Split", "pattern": {"String": "한"}, "behavior": "Removed", "invert": true}),
        ),
        (
            "merged with what is before",
            json!({"type": "Split", "pattern": {"Regex": "a"}, "behavior": "MergedWithPrevious", "invert": false}),
        ),
        (
            "merged with what follows",
            json!({"type": "Split", "pattern": {"Regex": "a"}, "behavior": "MergedWithNext", "invert": false}),
        ),
        (
            "cut into runs",
            json!({"type": "Split", "pattern": {"Regex": "a"}, "behavior": "Contiguous", "invert": false}),
        ),
        (
            "Metaspace of a NUL",
            json!({"type": "Metaspace", "replacement": "\0", "prepend_scheme": "always"}),
        ),
        (
            "every other pre-tokenizer",
            json!({"type": "Sequence", "pretokenizers": [{"type": "BertPreTokenizer"}, {"type": "Whitespace"},
            {"type": "WhitespaceSplit"}, {"type": "UnicodeScripts"}, {"type": "Punctuation"}, {"type": "Digits", "individual_digits": true}]}),
        ),
    ] {
        cases.push(usable(name, with("/pre_tokenizer", Some(part))));
    }
    cases
}
