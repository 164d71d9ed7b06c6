//! Templates that would run for ever, fill the memory, break the engine or look where they should not.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use jikji_tokenizer::chat::{ChatError, ChatTemplate, Conversation, RenderOptions};
use proptest::prelude::*;
use serde_json::json;

use crate::hostile::complaint;
use crate::hostile::templates::{self, render as run};

#[test]
fn each_template_ends_soon() {
    let cases = templates::cases();
    let mut wrong = Vec::new();
    let mut slowest = (Duration::ZERO, String::new());
    for case in &cases {
        let start = Instant::now();
        match catch_unwind(AssertUnwindSafe(|| case.run())) {
            Ok(result) => {
                let got = result.as_ref().map(|&()| ()).map_err(String::as_str);
                wrong.extend(complaint(&case.name, &case.expected, got));
            }
            Err(_) => wrong.push(format!("{}: a panic came through", case.name)),
        }
        slowest = slowest.max((start.elapsed(), case.name.clone()));
    }
    println!("{} templates, slowest {slowest:?}", cases.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Below a second on an idle machine.
    assert!(slowest.0 < Duration::from_secs(10), "{slowest:?}");
}

/// The limits are for templates: what a conversation makes necessary is always within them.
#[test]
fn long_conversations_and_many_tools_are_within_the_limits() {
    let tools = (0..60).map(|at| {
        let parameter = json!({"type": "string", "description": "무엇을 찾을지", "enum": ["a", "b", "c"]});
        let parameters: serde_json::Map<_, _> = (0..20).map(|at| (format!("parameter_{at}"), parameter.clone())).collect();
        json!({"type": "function", "function": {"name": format!("tool_{at}"), "description": "도구",
            "parameters": {"type": "object", "properties": parameters, "required": ["parameter_1"]}}})
    });
    let tools: Vec<_> = tools.collect();
    for name in [
        "exaone3",
        "exaone4",
        "ax4",
        "hyperclovax",
        "hyperclovax-think",
        "solar",
    ] {
        let path = format!(
            "{}/../../configs/chat/{name}.jinja",
            env!("CARGO_MANIFEST_DIR")
        );
        let template = ChatTemplate::parse(&std::fs::read_to_string(path).unwrap()).unwrap();
        for (num_turns, tools) in [(1, Some(&tools)), (3_000, None), (40, Some(&tools))] {
            let turn = |at: usize| {
                json!({"role": if at.is_multiple_of(2) { "user" } else { "assistant" }, "content": "네."})
                    .as_object()
                    .cloned()
            };
            let conversation = Conversation {
                messages: (0..num_turns).filter_map(turn).collect(),
                tools: tools.cloned(),
            };
            let result = template.render(&conversation, &RenderOptions::default());
            // A template may have no place for tools, but not for want of steps.
            assert!(
                !matches!(result, Err(ChatError::Limit { .. })),
                "{name}, {num_turns} turns: {result:?}"
            );
        }
    }
}

#[test]
fn nothing_outside_of_the_conversation_is_printed() {
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
