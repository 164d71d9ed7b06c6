//! Sources without bottom, cut off, or of bytes that are no template.

use super::{TemplateCase, case, either, refused};
use crate::hostile::Expected;

pub(super) fn cases() -> Vec<TemplateCase> {
    let mut cases = Vec::new();
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
        ("2*", ""),
        ("[a,", "]"),
        ("a**", ""),
        ("a|f(", ")"),
        ("(a,", ")"),
        ("x is f(", ")"),
    ] {
        let source = format!("{{{{ {}1{} }}}}", open.repeat(10_000), close.repeat(10_000));
        cases.push(case(
            &format!("ten thousand of {open}"),
            source,
            Expected::Refused("line `1`".to_owned()),
        ));
        let source = format!("{{{{ {}1{} }}}}", open.repeat(24), close.repeat(24));
        cases.push(case(
            &format!("twenty-four of {open}"),
            source,
            Expected::Either,
        ));
    }
    for (open, close) in [
        ("{% if 1 %}", "{% endif %}"),
        ("{% for x in [1] %}", "{% endfor %}"),
        ("{% set x %}", "{% endset %}"),
        ("{% macro f() %}", "{% endmacro %}"),
        ("{% generation %}", "{% endgeneration %}"),
        ("{% filter upper %}", "{% endfilter %}"),
        ("{% with a = [1, a] %}", "{% endwith %}"),
        ("{% call(x) f() %}", "{% endcall %}"),
    ] {
        let source = format!("{}x{}", open.repeat(10_000), close.repeat(10_000));
        cases.push(case(
            &format!("ten thousand of {open}"),
            source,
            Expected::Refused("line `1`".to_owned()),
        ));
    }
    for (name, source) in [
        (
            "fifty thousand filters",
            format!("{{{{ 1{} }}}}", " | upper".repeat(50_000)),
        ),
        (
            "fifty thousand attributes",
            format!("{{{{ 1{} }}}}", ".a".repeat(50_000)),
        ),
        (
            "fifty thousand branches",
            format!("{{% if 1 %}}{}{{% endif %}}", "{% elif 1 %}".repeat(50_000)),
        ),
        (
            "fifty thousand products",
            format!("{{{{ 1{} }}}}", " * 1".repeat(50_000)),
        ),
    ] {
        cases.push(case(name, source, Expected::Refused("line `1`".to_owned())));
    }
    cases.push(case(
        "two megabytes",
        "x".repeat(2 << 20),
        Expected::Refused("at most".to_owned()),
    ));
    cases.push(case(
        "a list of a hundred thousand",
        format!("{{{{ [{}] | length }}}}", "messages,".repeat(100_000)),
        Expected::Refused("limit of".to_owned()),
    ));
    cases.push(case(
        "a parameter list of thousands",
        format!(
            "{{% macro f({}) %}}{{% endmacro %}}",
            (0..5_000)
                .map(|i| format!("a{i}"))
                .collect::<Vec<_>>()
                .join(",")
        ),
        Expected::Either,
    ));
    for source in [
        "{{",
        "{%",
        "{{ 'never closed }}",
        "{% for x in messages %}",
        "{% endfor %}",
        "{% if %}",
        "{{ }}",
        "{% set %}",
        "{% set x = %}",
        "{% for %}",
        "{% for x %}",
        "{% macro %}",
        "{% macro f( %}",
        "{% call %}",
        "{% with = %}",
        "{{ a b }}",
        "{{ [1 }}",
        "{{ 1) }}",
        "{{ a.1b }}",
        "{{ | }}",
        "{{ 1 | }}",
        "{{ * }}",
        "{{ a * }}",
        "{{ f(*) }}",
        "{{ 1 if }}",
        "{% raw %}",
        "{{ 99999999999999999999999999999999999999999999999999 }}",
        "{{ 1e400 }}",
        "{{ 1e16 ~ '' }}",
        "{{ a[ }}",
    ] {
        cases.push(refused(source, "line `1`"));
    }
    for source in [
        "",
        "{#",
        "{# {{ #}",
        "}}",
        "%}",
        "{{ '\\ud800' }}",
        "{{ '\\x' }}",
        "{{ '\\777' }}",
        "\0",
        "{{ '\0' }}",
        "\u{feff}{{ 1 }}",
        "{{ \u{200b}1 }}",
        "{%-%}",
        "{{-}}",
        "{{ x ** y ** z }}",
        "{{ -x }}",
        "{{ f(*messages) }}",
        "{{ '{% x %}' }}",
        "{% set x, y = messages %}",
        "{% set (x, y) = [1, 2] %}{{ x }}",
        "{% for (a, b) in [(1, 2)] %}{{ a }}{% endfor %}",
        "{% with a, b = [1, 2] %}{{ a }}{% endwith %}",
        "{% macro f(a=[messages], b=2*3) -%} {{ a }}{{ b }} {%- endmacro %}{{ f() }}",
    ] {
        cases.push(either(source));
    }
    cases
}
