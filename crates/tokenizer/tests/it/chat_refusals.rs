//! What transformers renders and we do not is refused by its name and line; and every name of Jinja has a test.

use std::fs;
use std::path::Path;

use jikji_tokenizer::chat::{ChatError, ChatTemplate, RenderOptions};
use serde_json::{Value, json};

use super::chat_templates::conversation;

/// Expressions and statements, and the name by which each is refused.
const REFUSALS: &[(&str, &str)] = &[
    ("{{ [1] | random }}", "the filter `random`"),
    ("{{ 'http://a.b' | urlize }}", "the filter `urlize`"),
    ("{{ ('a' * 90) | pprint }}", "`pprint`"),
    ("{{ '&euro;' | striptags }}", "the entity `&euro`"),
    ("{{ ('a b' | safe) | wordwrap(1) }}", "`wordwrap`"),
    ("{{ [0.1, 0.2, 0.3] | sum }}", "`sum`"),
    ("{{ '٣' | int }}", "the digit `٣`"),
    ("{{ lipsum() }}", "the function `lipsum`"),
    ("{{ strftime_now('%Q') }}", "`strftime_now` with `%Q`"),
    ("{{ 'a'.encode() }}", "the method `encode`"),
    ("{{ 'a'.translate({}) }}", "the method `translate`"),
    ("{{ 'a'.maketrans({}) }}", "the method `maketrans`"),
    ("{{ (5).to_bytes(1, 'big') }}", "the method `to_bytes`"),
    ("{{ (5).from_bytes('a') }}", "the method `from_bytes`"),
    ("{{ (1.5).hex() }}", "the method `hex`"),
    ("{{ (1.5).fromhex('1') }}", "the method `fromhex`"),
    ("{{ {}.keys().mapping }}", "the attribute `mapping`"),
    ("{{ {}.keys().isdisjoint([]) }}", "the method `isdisjoint`"),
    (
        "{{ {}.keys() == {}.keys() }}",
        "comparing views of mappings",
    ),
    (
        "{{ '\u{1e4d0}'.isalpha() }}",
        "`isalpha` of the character U+1E4D0",
    ),
    ("{{ ['\u{1e4d0}'] }}", "the character U+1E4D0"),
    ("{{ '\\N{BULLET}' }}", "the escape `\\N`"),
    ("{{ '\\ud83d' }}", "the lone surrogate U+D83D"),
    ("{{ 2 ** 127 }}", "an integer of more than 127 bits"),
    (
        "{{ 9007199254740993 / 3 }}",
        "dividing integers of more than 53 bits",
    ),
    ("{{ (-8) ** 0.5 }}", "a complex number"),
    ("{{ '%200000d' % 1 }}", "a width above"),
    ("{{ '{:z}'.format(1.5) }}", "the option `z`"),
    ("{{ [1][0:1, 0:1] }}", "a subscript of several slices"),
    ("{{ 'ab' is sameas 'ab' }}", "`sameas`"),
    ("{{ {('nan' | float): 1} }}", "NaN as a key"),
    ("{{ {range(3): 1} }}", "a key of type `range`"),
    ("{{ [1].index }}", "printing a `builtin_function_or_method`"),
    ("{{ [1] | map('string') }}", "printing a `generator`"),
    ("{{ cycler(1) }}", "printing a `Cycler`"),
    ("{{ joiner() }}", "printing a `Joiner`"),
    ("{{ namespace }}", "printing a `type`"),
    ("{{ self.a() }}", "`self.a`"),
    (
        "{% set n = namespace() %}{% set x = [n] %}",
        "a namespace inside of another value",
    ),
    (
        "{% for a in [1] %}{% set x = [loop] %}{% endfor %}",
        "a loop inside of another value",
    ),
    (
        "{% for a in [1] %}{% for b in loop %}{% endfor %}{% endfor %}",
        "looping over a loop",
    ),
    (
        "{% for a in [1] %}{{ 1 in loop }}{% endfor %}",
        "looking for an item of a loop",
    ),
    (
        "{% autoescape true %}{% endautoescape %}",
        "the tag `autoescape`",
    ),
    ("{% include 'a' %}", "the tag `include`"),
    ("{% import 'a' as b %}", "the tag `import`"),
    ("{% from 'a' import b %}", "the tag `from`"),
    ("{% extends 'a' %}", "the tag `extends`"),
    (
        "{% block a scoped %}{% endblock %}",
        "a block that is `scoped`",
    ),
    (
        "{% block a required %}{% endblock %}",
        "a block that is `required`",
    ),
];

#[test]
fn what_is_not_reproduced_is_refused_by_name() {
    let conversation = conversation(&json!([{"role": "user", "content": "q"}]));
    for (source, name) in REFUSALS {
        let source = format!("\n{source}");
        let result = ChatTemplate::parse(&source)
            .and_then(|template| template.render(&conversation, &RenderOptions::default()));
        match result {
            Err(error @ ChatError::Unsupported { line: 2, .. }) => {
                let words = error.to_string();
                assert!(words.contains(name), "{source}: {words}");
                assert!(error.hint().is_some());
            }
            other => panic!("{source}: {other:?}"),
        }
    }
}

const FILTERS: &str = "abs attr batch capitalize center count d default dictsort e escape \
    filesizeformat first float forceescape format groupby indent int items join last length list \
    lower map max min pprint random reject rejectattr replace reverse round safe select selectattr \
    slice sort string striptags sum title tojson trim truncate unique upper urlencode urlize \
    wordcount wordwrap xmlattr";

const TESTS: &str = "boolean callable defined divisibleby eq equalto escaped even false filter \
    float ge greaterthan gt in integer iterable le lessthan lower lt mapping ne none number odd \
    sameas sequence string test true undefined upper";

const FUNCTIONS: &str = "cycler dict joiner lipsum namespace range raise_exception strftime_now";

const METHODS: &str = "capitalize casefold center count encode endswith expandtabs find format \
    format_map index isalnum isalpha isascii isdecimal isdigit isidentifier islower isnumeric \
    isprintable isspace istitle isupper join ljust lower lstrip maketrans partition removeprefix \
    removesuffix replace rfind rindex rjust rpartition rsplit rstrip split splitlines startswith \
    strip swapcase title translate upper zfill copy append sort get items keys values fromkeys \
    update as_integer_ratio bit_count bit_length conjugate from_bytes to_bytes fromhex hex \
    is_integer";

const STATEMENTS: &str = "autoescape block break call continue extends filter for from generation \
    if import include macro print raw set with";

#[test]
fn every_name_of_jinja_has_a_test() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/chat/builtins.json");
    let fixture: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let cases = fixture["cases"].as_array().unwrap().iter();
    let sources: Vec<&str> = cases
        .filter_map(|case| case["template"].as_str())
        .chain(REFUSALS.iter().map(|(source, _)| *source))
        .collect();
    let check = |names: &str, spellings: &dyn Fn(&str) -> Vec<String>| {
        for name in names.split_whitespace() {
            let spellings = spellings(name);
            let is_tried = spellings.iter().any(|spelling| {
                let follows =
                    |rest: &str| !rest.starts_with(|c: char| c == '_' || c.is_alphanumeric());
                sources.iter().any(|source| {
                    let mut found = source.match_indices(spelling.as_str());
                    found.any(|(at, _)| follows(&source[at + spelling.len()..]))
                })
            });
            assert!(is_tried, "nothing tries `{name}`");
        }
    };
    check(FILTERS, &|name| vec![format!("| {name}")]);
    check(TESTS, &|name| {
        vec![format!("is {name}"), format!("is not {name}")]
    });
    check(FUNCTIONS, &|name| vec![name.to_owned()]);
    check(METHODS, &|name| {
        vec![format!(".{name}"), format!(". {name}")]
    });
    check(STATEMENTS, &|name| vec![format!("{{% {name}")]);
}
