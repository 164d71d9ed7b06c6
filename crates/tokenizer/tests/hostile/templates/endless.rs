//! Loops, recursion and texts without end.

use super::{TemplateCase, either, refused};

pub(super) fn cases() -> Vec<TemplateCase> {
    let mut cases = Vec::new();
    for source in [
        "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
        "{% for a in range(100000) %}{% for b in range(100000) %}xxxxxxxxxxxxxxxx{% endfor %}{% endfor %}",
        "{{ 'x' * 1000000000000 }}",
        "{{ ('a' * 1000) * 1000000 }}",
        "{{ [1] * 1000000000000 }}",
        "{{ ['x' * 1000] * 100000 }}",
        "{{ [messages] * 99999999 }}",
        "{{ (['x' * 1000] * 10000) ~ '' }}",
        "{{ '%1000000000d' | format(1) }}",
        "{{ '%-999999999s' | format('a') }}",
        "{{ range(100000) | join(range(100) | join('x')) }}",
        "{{ ('a' * 100000).replace('', 'b' * 1000) | length }}",
        "{{ [1] | batch(1000000000, 0) | list }}",
        "{{ [1] | slice(1000000000) | list }}",
        "{% set ns = namespace(x='a') %}{% for i in range(100) %}{% set ns.x %}{{ ns.x }}{{ ns.x }}{% endset %}{% endfor %}{{ ns.x | length }}",
        "{% set a = 'a' * 1000000 %}{% for i in range(100000) %}{% if a == a ~ 'b' %}{% endif %}{% endfor %}",
        "{% set a = range(10000) | list %}{% for i in range(10000) %}{% if a | sort %}{% endif %}{% endfor %}",
        "{% for i in range(100000) %}{{ loop.cycle(*range(1000)) }}{% endfor %}",
        "{% for i in range(99999) %}{% set x = messages | tojson %}{{ x }}{% endfor %}",
        "{% for i in range(99999) %}{{ strftime_now('%c' * 100) }}{% endfor %}",
    ] {
        cases.push(refused(source, "limit of"));
    }
    let doubling = "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = STEP %}{% endfor %}{{ ns.x USE }}";
    for step in [
        "ns.x + ns.x",
        "ns.x ~ ns.x",
        "ns.x.replace('a', ns.x)",
        "ns.x.join([ns.x, ns.x, ns.x])",
        "ns.x | replace('a', ns.x)",
        "[ns.x, ns.x] | join(ns.x)",
        "[ns.x, ns.x] | tojson",
        "[ns.x, ns.x] | string",
        "(ns.x ~ '.').split('b') | join('bb')",
        "'%s%s' | format(ns.x, ns.x)",
        "ns.x * 2",
        "(ns.x, ns.x) | join",
        "'{}{}'.format(ns.x, ns.x)",
        "(ns.x ~ '<') | escape ~ ''",
        "ns.x | list | join(ns.x)",
        "ns.x.replace('', ns.x)",
        "ns.x | indent(2, true) ~ ns.x",
        "[ns.x] + [ns.x] | join",
    ] {
        cases.push(either(
            &doubling.replace("STEP", step).replace("USE", "| length"),
        ));
    }
    for (step, shown) in [
        ("[ns.x, ns.x]", "| tojson"),
        ("[ns.x, ns.x]", ""),
        ("[ns.x, ns.x]", "| string"),
        ("[ns.x, ns.x]", "~ ''"),
        ("(ns.x, ns.x)", "~ ''"),
        ("{'a': ns.x, 'b': ns.x}", "| tojson"),
        ("{'a': ns.x, 'b': ns.x}", "~ ''"),
        ("dict(a=ns.x, b=ns.x)", "~ ''"),
    ] {
        cases.push(refused(
            &doubling.replace("STEP", step).replace("USE", shown),
            "limit of",
        ));
    }
    for (source, part) in [
        ("{% for a in range(1000000000) %}x{% endfor %}", "line `1`"),
        ("{{ range(10**9) | list | length }}", "line `1`"),
        ("{{ range(0, 10, 0) }}", "line `1`"),
        ("{{ '{:1000000000}'.format('x') }}", "is not supported"),
        ("{{ '%*d' | format(999999999, 1) }}", "line `1`"),
        ("{{ 'a\nb' | indent(1000000000) }}", "limit of"),
        (
            "{{ messages | tojson(indent=1000000000) }}",
            "indent above 64",
        ),
        ("{{ messages | tojson(indent=[1]) }}", "indent of type"),
        ("{{ messages | tojson(indent=1e9) }}", "line `1`"),
        ("{{ 2 ** 1000000000 }}", "line `1`"),
        ("{{ 9 ** 9 ** 9 }}", "line `1`"),
        (
            "{{ 9223372036854775807 * 9223372036854775807 * 9223372036854775807 }}",
            "unable to calculate",
        ),
        ("{{ 1 // 0 }}", "line `1`"),
        ("{{ 1 % 0 }}", "line `1`"),
        ("{{ 'abc'[::0] }}", "line `1`"),
        ("{{ 'abc'.split('') }}", "empty separator"),
        ("{{ strftime_now('%c' * 1000000) }}", "1024 bytes"),
        ("{{ strftime_now('%Q') }}", "`strftime_now` with `%Q`"),
        (
            "{{ strftime_now('%') }}",
            "`strftime_now` with `% at the end`",
        ),
        ("{{ strftime_now(messages) }}", "line `1`"),
        ("{{ strftime_now() }}", "line `1`"),
        (
            "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
            "line `1`",
        ),
        (
            "{% macro f() %}{% call f() %}{% endcall %}{% endmacro %}{{ f() }}",
            "line `1`",
        ),
        (
            "{% macro f(x) %}{{ f(x + 1) }}{{ f(x + 1) }}{% endmacro %}{{ f(0) }}",
            "line `1`",
        ),
        ("{% macro f(a=f()) %}{% endmacro %}{{ f() }}", "line `1`"),
        (
            "{% for x in [[1]] recursive %}{{ loop([[1]]) }}{% endfor %}",
            "line `1`",
        ),
        ("{{ 5 * messages * 1000000 }}", "limit of"),
        ("{{ messages * messages }}", "a product of a"),
        ("{{ 'x' * 'y' }}", "a text times a"),
        ("{{ 'x' * 1.5 }}", "a text times a"),
        ("{{ 2 * 3 / 4 }}", "a product and a quotient"),
    ] {
        cases.push(refused(source, part));
    }
    cases
}
