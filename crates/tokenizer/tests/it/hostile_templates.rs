//! Templates that would run for ever, fill the memory or break the engine end in an error, soon.

use std::time::{Duration, Instant};

use jikji_tokenizer::chat::{ChatError, ChatTemplate, Conversation, RenderOptions};
use proptest::prelude::*;
use serde_json::json;

use super::chat_templates::conversation;

fn one_message() -> Conversation {
    conversation(&json!([
        {"role": "system", "content": " 안녕 <b> "},
        {"role": "user", "content": [{"type": "text", "text": "q"}]},
    ]))
}

fn run(template: &str) -> Result<String, ChatError> {
    ChatTemplate::parse(template)?.render(&one_message(), &RenderOptions::default())
}

#[test]
fn work_without_end_is_stopped() {
    let doubling = "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x | length }}";
    for template in [
        "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
        "{% for a in range(100000) %}{% for b in range(100000) %}xxxxxxxxxxxxxxxx{% endfor %}{% endfor %}",
        "{% for a in range(1000000000) %}x{% endfor %}",
        doubling,
        &doubling.replace("ns.x + ns.x", "ns.x ~ ns.x"),
        &doubling.replace("ns.x + ns.x", "ns.x.replace('a', ns.x)"),
        &doubling.replace("ns.x + ns.x", "ns.x.join([ns.x, ns.x, ns.x])"),
        &doubling.replace("ns.x + ns.x", "ns.x | replace('a', ns.x)"),
        &doubling.replace("ns.x + ns.x", "[ns.x, ns.x] | join(ns.x)"),
        &doubling.replace("ns.x + ns.x", "[ns.x, ns.x] | tojson"),
        &doubling.replace("ns.x + ns.x", "[ns.x, ns.x] | string"),
        &doubling.replace("ns.x + ns.x", "(ns.x ~ '.').split('b') | join('bb')"),
        &doubling.replace("ns.x + ns.x", "'%s%s' | format(ns.x, ns.x)"),
        &doubling
            .replace("ns.x + ns.x", "[ns.x, ns.x]")
            .replace("| length", "| tojson"),
        &doubling
            .replace("ns.x + ns.x", "[ns.x, ns.x]")
            .replace("| length", ""),
        &doubling
            .replace("ns.x + ns.x", "[ns.x, ns.x]")
            .replace("| length", "| string"),
        &doubling
            .replace("ns.x + ns.x", "[ns.x, ns.x]")
            .replace("| length", "~ ''"),
        &doubling
            .replace("ns.x + ns.x", "{'a': ns.x, 'b': ns.x}")
            .replace("| length", "== 1"),
        "{{ 'x' * 1000000000000 }}",
        "{{ [1] * 1000000000000 }}",
        "{{ '%1000000000d' | format(1) }}",
        "{{ '{:1000000000}'.format('x') }}",
        "{{ 'a\nb' | indent(1000000000) }}",
        "{{ messages | tojson(indent=1000000000) }}",
        "{{ 2 ** 1000000000 }}",
        "{{ [1] | batch(1000000000, 0) | list }}",
        "{{ [1] | slice(1000000000) | list }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f() %}{% call f() %}{% endcall %}{% endmacro %}{{ f() }}",
        "{% macro f(x) %}{{ f(x + 1) }}{{ f(x + 1) }}{% endmacro %}{{ f(0) }}",
        "{% for x in [[1]] recursive %}{{ loop([[1]]) }}{% endfor %}",
    ] {
        let start = Instant::now();
        let result = run(template);
        let taken = start.elapsed();
        assert!(
            result.is_err(),
            "{template}: {} bytes",
            result.unwrap().len()
        );
        assert!(taken < Duration::from_secs(5), "{template}: {taken:?}");
    }
}

#[test]
fn values_without_bottom_do_not_break_the_engine() {
    for print in [
        "{{ ns.x }}",
        "{{ ns.x | tojson }}",
        "{{ ns.x ~ '' }}",
        "{{ ns.x == ns.y }}",
        "{{ ns.x | string }}",
        "x",
    ] {
        for wrap in [
            "[NS]",
            "{'a': NS}",
            "(NS,)",
            "[NS] + []",
            "[NS][0:]",
            "[NS] | list",
            "{'a': NS}.items()",
        ] {
            let step = format!("{{% set ns.x = {} %}}", wrap.replace("NS", "ns.x"));
            let other = format!("{{% set ns.y = {} %}}", wrap.replace("NS", "ns.y"));
            // An error or a text, but not a stack that overflows: that would end the process.
            let _ = run(&format!(
                "{{% set ns = namespace(x=1, y=1) %}}{{% for i in range(100000) %}}{step}{other}{{% endfor %}}{print}"
            ));
            let _ = run(&format!(
                "{{% set ns = namespace(x=1, y=1) %}}{{% for i in range(5000) %}}{step}{other}{{% endfor %}}{print}"
            ));
        }
    }
}

#[test]
fn sources_without_bottom_are_refused() {
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("{'a':", "}"),
        ("not ", ""),
        ("-", ""),
        ("f(", ")"),
        ("x if ", ""),
        ("1+", ""),
        ("a[", "]"),
        ("1 ~ ", ""),
    ] {
        let deep = format!("{{{{ {}1{} }}}}", open.repeat(20_000), close.repeat(20_000));
        let _ = run(&deep);
    }
    for (open, close) in [
        ("{% if 1 %}", "{% endif %}"),
        ("{% for x in [1] %}", "{% endfor %}"),
        ("{% set x %}", "{% endset %}"),
        ("{% macro f() %}", "{% endmacro %}"),
        ("{% generation %}", "{% endgeneration %}"),
        ("{% filter upper %}", "{% endfilter %}"),
        ("{% if 1 %}{% elif 1 %}", ""),
    ] {
        let _ = run(&format!("{}x{}", open.repeat(20_000), close.repeat(20_000)));
    }
    let _ = run(&format!("{{{{ 1{} }}}}", " | upper".repeat(50_000)));
    let _ = run(&format!("{{{{ 1{} }}}}", ".a".repeat(50_000)));
    let _ = run(&format!("{{{{ 1{} }}}}", " + 1".repeat(50_000)));
    assert!(matches!(
        run(&"x".repeat(2 << 20)),
        Err(ChatError::TooLong { .. })
    ));
}

#[test]
fn nothing_outside_of_the_conversation_is_reached() {
    for template in [
        "{{ ''.__class__ }}",
        "{{ messages.__class__.__mro__ }}",
        "{{ self }}{{ self.__init__ }}",
        "{{ range.__globals__ }}",
        "{{ namespace.__init__.__globals__ }}",
        "{{ config }}{{ request }}{{ env }}{{ os }}",
    ] {
        if let Ok(text) = run(template) {
            assert_eq!(text, "", "{template}");
        }
    }
    for template in [
        "{{ self._TemplateReference__context }}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{% extends 'x' %}",
        "{{ debug() }}",
        "{{ lipsum() }}",
        "{{ messages.append(1) }}",
        "{{ messages[0].update({}) }}",
        "{{ messages[0].pop('role') }}",
        "{{ ''.format_map({}) }}",
        "{{ '{0.__class__}'.format('') }}",
        "{{ '%(a)s' | format(messages) }}",
    ] {
        let result = run(template);
        assert!(result.is_err(), "{template}: {result:?}");
    }
}

/// Pieces that a random template is put together from: every tag, and what upsets parsers.
const PIECES: &[&str] = &[
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "-",
    "+",
    " if ",
    " for ",
    " in ",
    " set ",
    "endif",
    "endfor",
    "endset",
    " macro f(x)",
    "endmacro",
    " call f(1)",
    "endcall",
    "generation",
    "endgeneration",
    "raw",
    "endraw",
    "messages",
    ".role",
    "[0]",
    "[::-1]",
    "|",
    "tojson",
    "trim",
    "join",
    "length",
    "'",
    "\"",
    "\\",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ":",
    ",",
    "==",
    "~",
    " not ",
    " is ",
    "string",
    "mapping",
    "namespace(x=1)",
    "ns",
    ".x",
    "=",
    "1",
    "99999999999999999999",
    "1e400",
    "loop.index",
    "break",
    "continue",
    "range(3)",
    ".split('a')",
    ".items()",
    ".strip()",
    "한글",
    "\u{1f600}",
    "\n",
    "\r",
    "\t",
    " ",
    "é",
    "\0",
    "\\x",
    "\\u12",
    "\\777",
    "raise_exception('x')",
    "strftime_now('%Y')",
    "filter upper",
    "endfilter",
    " recursive",
    " else ",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn any_text_renders_or_fails(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..40)) {
        let _ = run(&pieces.concat());
    }

    #[test]
    fn any_expression_renders_or_fails(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..12)) {
        let _ = run(&format!("{{{{ {} }}}}", pieces.concat()));
        let _ = run(&format!("{{% set ns = namespace(x=1) %}}{{% for m in messages %}}{{{{ m{} }}}}{{% endfor %}}", pieces.concat()));
    }

    #[test]
    fn altered_templates_render_or_fail(which in 0_usize..6, at in 0_usize..4000, pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..3), skip in 0_usize..20) {
        let name = ["exaone3", "exaone4", "ax4", "hyperclovax", "hyperclovax-think", "solar"][which];
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../configs/chat/{name}.jinja"));
        let chars: Vec<char> = std::fs::read_to_string(path).unwrap().chars().collect();
        let at = at.min(chars.len());
        let end = (at + skip).min(chars.len());
        let altered: String = chars[..at].iter().collect::<String>() + &pieces.concat() + &chars[end..].iter().collect::<String>();
        let _ = run(&altered);
    }
}
