//! Values that hold themselves, or the same thing ten times at each of many levels.

use super::{TemplateCase, either, refused, usable};

/// What looks at all of a value `x`, and at another one `y` that is equal to it.
const LOOKS: &[&str] = &[
    "{{ x }}",
    "{{ x == y }}",
    "{{ x < y }}",
    "{{ x ~ 'a' }}",
    "{{ x | string | length }}",
    "{{ x | tojson }}",
    "{{ [x] | join(',') }}",
    "{{ x | trim }}",
    "{{ x | upper }}",
    "{{ x | title }}",
    "{{ x | replace('a', 'b') }}",
    "{{ x | indent }}",
    "{{ x | escape }}",
    "{{ x | safe }}",
    "{{ '%s' | format(x) }}",
    "{{ '{}'.format(x) }}",
    "{{ {x: 1} }}",
    "{{ {'a': 1}[x] }}",
    "{{ x in y }}",
    "{{ x in [y] }}",
    "{{ x in 'abc' }}",
    "{{ [x, y] | sort | length }}",
    "{{ [x, y] | unique | list | length }}",
    "{{ [x, y] | min | length }}",
    "{{ [x, y] | max | length }}",
    "{{ [x] | select('eq', y) | list | length }}",
    "{{ x is eq(y) }}",
    "{{ [{'a': x}, {'a': y}] | groupby('a') | list | length }}",
    "{{ {x: 1, y: 2} | dictsort }}",
    "{{ raise_exception(x) }}",
    "{% filter replace('a', x) %}aaaa{% endfilter %}",
    "{% set z = [x, x] %}{{ z }}",
    "{% macro g() %}{{ caller(x) }}{% endmacro %}{% call(q) g() %}{{ q }}{% endcall %}",
    "{{ x | first | string }}",
    "{{ x | last | string }}",
    "{{ (x + y) == (y + x) }}",
    "{{ x | list == y | list }}",
    "{{ messages[x] }}",
    "{{ dict(a=x) == dict(a=y) }}",
    "{{ (x, y) == (y, x) }}",
    "{{ namespace(a=x) == namespace(a=y) }}",
    "{{ x | map('string') | list | length }}",
    "{{ [x, y] | sum }}",
    "{{ x | batch(2, x) | list | string }}",
    "{{ x | default(y) | length }}",
    "{{ x | int }}",
    "{{ x[1:] == y[1:] }}",
    "{{ x | reverse | list == y | reverse | list }}",
];

/// What makes more of a value `x`, each of them in another way.
const GROWTHS: &[&str] = &[
    "x + x",
    "[x] + [x]",
    "(x,) + (x,)",
    "[x] * 9",
    "{'a': x, 'b': x}.items() | list",
    "{'a': x, 'b': x} | items | list",
    "{'a': x, 'b': x} | dictsort",
    "dict(a=x, b=x).values() | list",
    "namespace(a=x, b=x)",
    "range(10) | batch(3, x) | list",
    "range(10) | slice(7, x) | list",
    "[none] * 10 | map('default', x, true) | list",
    "([none] * 10) | map('default', x, true) | list",
    "[{'k': x, 'v': 1}, {'k': x, 'v': 2}] | groupby('k') | list",
    "[{'a': x}, {'a': x}] | map(attribute='a') | list",
    "[x, x] | list | reverse | list",
    "[[x], [x]] | sum(start=[])",
    "cycler(x, x)",
    "joiner(x)",
    "[x][:] + [x][:]",
];

pub(super) fn cases() -> Vec<TemplateCase> {
    let mut cases = Vec::new();
    for growth in GROWTHS {
        for look in ["{{ x ~ '' }}", "{{ x == y }}", "{{ x }}"] {
            let source = format!(
                "{{% macro f(n, x, y) %}}{{% if n %}}{{{{ f(n - 1, {growth}, {}) }}}}{{% else %}}{look}{{% endif %}}{{% endmacro %}}{{{{ f(30, ['abcdefghij' * 100], ['abcdefghij' * 100]) }}}}",
                growth.replace('x', "y")
            );
            cases.push(either(&source));
        }
    }
    for source in [
        "{% for x in [['a']] recursive %}{% if loop.depth < 30 %}{{ loop([[x, x, x]]) }}{% else %}{{ x ~ '' }}{% endif %}{% endfor %}",
        "{% macro f(n, a) %}{% if n %}{{ f(n - 1, **{'a': [a, a]}) }}{% else %}{{ a == a | list }}{{ a ~ '' }}{% endif %}{% endmacro %}{{ f(30, 'a') }}",
        "{% set x = 'a' * 400000 %}{% for i in range(100000) %}{% if loop.changed(x) %}{% endif %}{% endfor %}",
        "{% set x = 'a' * 400000 %}{% for i in range(100000) %}{% if [x, x, x] | unique | list %}{% endif %}{% endfor %}",
        "{% set d = {} %}{% for i in range(10000) %}{% set d = dict(d, **{'k' ~ i: d}) %}{% endfor %}",
    ] {
        cases.push(either(source));
    }
    let ten = |name: &str| [name; 10].join(", ");
    for (at, look) in LOOKS.iter().enumerate() {
        // Grown by a macro that calls itself; by turns as lists, tuples, mappings and keyword arguments.
        let grow = |name: &str| match at % 4 {
            0 | 1 => format!("[{}]", ten(name)),
            2 => format!("({})", ten(name)),
            _ => format!("{{'a': [{}], 'b': {name}}}", ten(name)),
        };
        let source = format!(
            "{{% macro f(n, x, y) %}}{{% if n %}}{{{{ f(n - 1, {}, {}) }}}}{{% else %}}{look}{{% endif %}}{{% endmacro %}}{{{{ f(12, 'a', 'a') }}}}",
            grow("x"),
            grow("y")
        );
        cases.push(either(&source));
    }
    for (open, close) in [
        ("[", "]"),
        ("(", ")"),
        ("dict(a=[", "])"),
        ("{'k': [", "]}"),
    ] {
        for look in [
            "{{ x }}",
            "{{ x == y }}",
            "{{ x ~ '' }}",
            "{{ [x, y] | sort | length }}",
            "{{ {(x, 1): 1} | length }}",
            "{{ x < y }}",
        ] {
            let level = |name: &str| format!("{{% with {name} = {open}{}{close} %}}", ten(name));
            let source = format!(
                "{{% set x = 1 %}}{{% set y = 1 %}}{}{}{look}{}",
                level("x").repeat(14),
                level("y").repeat(14),
                "{% endwith %}".repeat(28)
            );
            cases.push(either(&source));
        }
    }
    for source in [
        "{% set ns = namespace() %}{% set ns.a = ns %}{{ ns.a.a == ns }}",
        "{% set ns = namespace() %}{% set ns.a = [ns] %}{{ ns.a == ns.a }}{{ [ns] == ns.a }}{{ ns.a ~ '' }}",
        "{% set ns = namespace() %}{% set ns.a = {'x': ns} %}{{ ns.a | tojson }}",
        "{% set ns = namespace() %}{% set ns.a = (ns,) %}{{ ns.a == ns.a }}",
        "{% set ns = namespace() %}{% set ns.a = namespace(b=ns) %}{{ ns.a == ns.a.b }}",
        "{% set ns = namespace() %}{% set other = namespace(b=ns) %}{% set ns.a = other %}{{ ns == other }}",
        "{% set ns = namespace() %}{% set ns.a = [ns] | list %}{{ ns.a ~ '' }}",
        "{% set ns = namespace() %}{% set ns.a = dict(a=ns) %}{{ ns.a ~ '' }}",
        "{% set ns = namespace() %}{% set ns.a = [1] | map('default', ns, true) | list + [ns] %}{{ ns.a ~ '' }}",
    ] {
        cases.push(refused(source, "a namespace inside of another value"));
    }
    for wrap in [
        "[NS]",
        "{'a': NS}",
        "(NS,)",
        "[NS] + []",
        "[NS][0:]",
        "[NS] | list",
        "{'a': NS}.items()",
        "dict(a=NS)",
        "[NS] | batch(2)",
        "[NS] * 1",
    ] {
        for show in [
            "{{ ns.x }}",
            "{{ ns.x | tojson }}",
            "{{ ns.x ~ '' }}",
            "{{ ns.x == ns.y }}",
            "x",
        ] {
            let source = format!(
                "{{% set ns = namespace(x=1, y=1) %}}{{% for i in range(5000) %}}{{% set ns.x = {} %}}{{% set ns.y = {} %}}{{% endfor %}}{show}",
                wrap.replace("NS", "ns.x"),
                wrap.replace("NS", "ns.y")
            );
            cases.push(either(&source));
        }
    }
    for key in ["'a' * 400000", "messages[0].content * 20000"] {
        for look in [
            "messages[0][a]",
            "{a: 1}",
            "a in messages[0]",
            "a == b",
            "a < b",
            "a[-1]",
            "a is upper",
            "a is lower",
            "a.find('b')",
            "'b' in a",
            "a | length",
            "a | last",
            "a.count('a')",
        ] {
            let source = format!(
                "{{% set a = {key} %}}{{% set b = {key} %}}{{% for i in range(100000) %}}{{% if {look} %}}{{% endif %}}{{% endfor %}}"
            );
            cases.push(either(&source));
        }
    }
    cases.push(usable(
        "{% for m in messages %}{{ loop.previtem }}{{ loop.nextitem }}{% endfor %}",
    ));
    cases.push(usable("{% set x = [messages, messages] %}{{ x == [messages, messages] }}{{ x[0][0] == messages[0] }}"));
    cases
}
