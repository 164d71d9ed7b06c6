//! A template's source, before the engine compiles it.
//!
//! Things that Jinja in Python does and the engine does not: line ends of any kind become `\n`, the tags `generation` and
//! `endgeneration` of transformers frame a block, `mapping.items` without a call is the method and not the entry, and a text
//! that is marked as safe escapes what it meets. And bounds on what the engine handles by recursion.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::error::ChatError;
use super::lexical::{
    is_name, is_spelled_with_exponent, leading_name, leading_number, string_length, trailing_name,
};
use super::literals::{Begins, rewrite};
use super::names::{bound_names, namespaces};

/// The function that a `generation` block becomes a call of; see [`builtins`](super::builtins).
pub(super) const GENERATION: &str = "__jikji_generation";

/// The function that every bound value and every literal goes through; see [`counted`](super::counted).
pub(super) const BOUNDED: &str = "__jikji_bounded";

/// The function that products become calls of.
pub(super) const PRODUCT: &str = "__jikji_product";

/// Brackets within brackets of one expression.
const MAX_BRACKETS: usize = 24;

/// Operators of one expression: chains of them are trees as deep as they are long.
const MAX_OPERATORS: usize = 500;

pub(super) const OPERATOR_WORDS: [&str; 7] = ["and", "else", "if", "in", "is", "not", "or"];

/// The longest template that is read, in bytes. Published ones stay below 100 KB.
const MAX_BYTES: usize = 1 << 20;

/// Filters whose result Jinja does not take for plain text.
const SAFE_FILTERS: [&str; 4] = ["e", "escape", "forceescape", "safe"];

/// The methods of Python's `dict`: read as an attribute, these names are found before an entry is.
const DICT_METHODS: [&str; 11] = [
    "clear",
    "copy",
    "fromkeys",
    "get",
    "items",
    "keys",
    "pop",
    "popitem",
    "setdefault",
    "update",
    "values",
];

/// The source as the engine is to compile it; lines keep their numbers.
pub(super) fn prepare(source: &str) -> Result<String, ChatError> {
    if source.len() > MAX_BYTES {
        return Err(ChatError::TooLong {
            bytes: source.len(),
            limit: MAX_BYTES,
        });
    }
    let source = source.replace("\r\n", "\n").replace('\r', "\n");
    Scanner {
        source: &source,
        position: 0,
        out: String::with_capacity(source.len()),
        namespaces: namespaces(&source),
        num_elifs: 0,
    }
    .run()
}

struct Scanner<'a> {
    source: &'a str,
    position: usize,
    out: String,
    namespaces: BTreeSet<&'a str>,
    num_elifs: usize,
}

impl<'a> Scanner<'a> {
    fn run(mut self) -> Result<String, ChatError> {
        while let Some(found) = self.rest().find('{') {
            let start = found + self.position;
            let opening = self.source.get(start..start + 2).unwrap_or("{");
            match opening {
                "{#" => {
                    self.copy_to(start + 2);
                    self.copy_through("#}");
                }
                "{{" => {
                    self.copy_to(start + 2);
                    let end = self.expression_end("}}")?;
                    self.copy_expression(end, Begins::Plain)?;
                }
                "{%" => {
                    self.copy_to(start + 2);
                    self.tag()?;
                }
                _ => self.copy_to(start + 1),
            }
        }
        self.copy_to(self.source.len());
        Ok(self.out)
    }

    fn rest(&self) -> &'a str {
        self.from(self.position)
    }

    fn from(&self, position: usize) -> &'a str {
        self.source.get(position..).unwrap_or_default()
    }

    fn copy_to(&mut self, end: usize) {
        self.out
            .push_str(self.source.get(self.position..end).unwrap_or_default());
        self.position = end;
    }

    /// Copies through the next `end`, or everything: the engine then reports what is not closed.
    fn copy_through(&mut self, end: &str) {
        let length = self
            .rest()
            .find(end)
            .map_or(self.rest().len(), |at| at + end.len());
        self.copy_to(self.position + length);
    }

    /// A statement, from behind its `{%`.
    fn tag(&mut self) -> Result<(), ChatError> {
        let inside = self.rest().trim_start_matches(['-', '+']).trim_start();
        self.copy_to(self.source.len() - inside.len());
        let name = leading_name(inside);
        match name {
            "raw" => self.raw(),
            "set" => self.assignment()?,
            "autoescape" => {
                let what = "`autoescape` is not supported".to_owned();
                return Err(self.unsupported(self.position, what));
            }
            "elif" if self.num_elifs == MAX_OPERATORS => {
                let what = format!("more than `{MAX_OPERATORS}` tags `elif` are not supported");
                return Err(self.unsupported(self.position, what));
            }
            _ => {
                self.num_elifs += usize::from(name == "elif");
                match name {
                    "generation" => _ = write!(self.out, "call {GENERATION}()"),
                    "endgeneration" => self.out.push_str("endcall"),
                    _ => self.out.push_str(name),
                }
                self.position += name.len();
                let end = self.expression_end("%}")?;
                let begins = match name {
                    "for" => Begins::Targets,
                    "call" => Begins::Parameters,
                    _ => Begins::Plain,
                };
                let bound = bound_names(
                    name,
                    self.source.get(self.position..end).unwrap_or_default(),
                );
                self.copy_expression(end, begins)?;
                self.bind(&bound);
            }
        }
        Ok(())
    }

    fn copy_expression(&mut self, end: usize, begins: Begins) -> Result<(), ChatError> {
        let text = self.source.get(self.position..end).unwrap_or_default();
        let rewritten = rewrite(text, begins)
            .map_err(|what| self.unsupported(self.position, format!("{what} is not supported")))?;
        self.out.push_str(&rewritten);
        self.position = end;
        Ok(())
    }

    /// Copies the end of a tag, and assigns what it binds anew, through [`BOUNDED`]. The last of the tags ends as the first
    /// one does, so that the white space behind them is kept or goes as it was.
    fn bind(&mut self, names: &[&str]) {
        let sign = self
            .rest()
            .get(..1)
            .filter(|sign| matches!(*sign, "-" | "+"));
        let sign = sign.unwrap_or_default();
        if names.is_empty() || !self.from(self.position + sign.len()).starts_with("%}") {
            return;
        }
        self.copy_to(self.position + sign.len() + 2);
        for name in names {
            let _ = write!(self.out, "{{% set {name} = {BOUNDED}({name}) {sign}%}}");
        }
    }

    /// Copies an assignment with its value in a call of [`BOUNDED`], so that a loop cannot nest lists without end. The engine
    /// compares, prints and frees values by recursion, whose depth nothing else bounds.
    fn assignment(&mut self) -> Result<(), ChatError> {
        let end = self.expression_end("%}")?;
        let signs = |c: u8| matches!(c, b'=' | b'!' | b'<' | b'>');
        let bytes = self.source.as_bytes();
        let mut depth = 0_usize;
        let mut equals = None;
        for at in self.position..end {
            match bytes[at] {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                b'=' if depth == 0 && !signs(bytes[at - 1]) && bytes.get(at + 1) != Some(&b'=') => {
                    equals = Some(at);
                    break;
                }
                b'\'' | b'"' => break,
                _ => {}
            }
        }
        let value = equals.and_then(|at| self.source.get(at + 1..end));
        if let (Some(equals), Some(value)) =
            (equals, value.map(str::trim).filter(|v| !v.is_empty()))
        {
            let is_entry = self
                .source
                .get(self.position..equals)
                .is_some_and(|target| target.contains('.'));
            let value = rewrite(value, Begins::Plain)
                .map_err(|what| self.unsupported(equals, format!("{what} is not supported")))?;
            self.copy_to(equals + 1);
            let flag = if is_entry { ", true" } else { "" };
            let _ = write!(self.out, " {BOUNDED}(({value}){flag}) ");
            self.position = end;
        }
        self.copy_to(end);
        Ok(())
    }

    /// Copies the text of a raw block, in which nothing is a tag but its end.
    fn raw(&mut self) {
        let mut from = self.position;
        while let Some(found) = self.from(from).find("{%") {
            let at = from + found;
            let inside = self
                .from(at + 2)
                .trim_start_matches(['-', '+'])
                .trim_start();
            if leading_name(inside) == "endraw" {
                self.copy_to(at);
                self.copy_through("%}");
                return;
            }
            from = at + 2;
        }
        self.copy_to(self.source.len());
    }

    /// Where the expression at the position ends: before its closing `end`, which does not count inside of strings and
    /// brackets, and before the sign of that.
    fn expression_end(&self, end: &str) -> Result<usize, ChatError> {
        let (mut depth, mut operators) = (0_usize, 0_usize);
        let mut at = self.position;
        while let Some(c) = self.from(at).chars().next() {
            let rest = self.from(at);
            let behind_sign = rest.strip_prefix(['-', '+']).unwrap_or(rest);
            if depth == 0 && (rest.starts_with(end) || behind_sign.starts_with(end)) {
                break;
            }
            let mut width = c.len_utf8();
            match c {
                '"' | '\'' => width = string_length(rest),
                ')' | ']' | '}' => depth = depth.saturating_sub(1),
                '(' | '[' | '{' => (depth, operators) = (depth + 1, operators + 1),
                c if c.is_ascii_digit() => {
                    let number = leading_number(rest);
                    width = number.len();
                    if is_spelled_with_exponent(number) {
                        let what = format!(
                            "the number `{number}`, which Python spells with an exponent, is not supported"
                        );
                        return Err(self.unsupported(at, what));
                    }
                }
                c if is_name(c) => {
                    let word = leading_name(rest);
                    width = word.len();
                    operators += usize::from(OPERATOR_WORDS.contains(&word));
                }
                '.' => (operators, ()) = (operators + 1, self.attribute(at)?),
                '|' => (operators, ()) = (operators + 1, self.filter(at)?),
                c if c.is_ascii_punctuation() && !matches!(c, ',' | ':') => operators += 1,
                _ => {}
            }
            if depth > MAX_BRACKETS || operators > MAX_OPERATORS {
                let what = format!(
                    "an expression of more than `{MAX_BRACKETS}` brackets in each other or `{MAX_OPERATORS}` operators is not supported"
                );
                return Err(self.unsupported(at, what));
            }
            at += width;
        }
        Ok(at)
    }

    /// Refuses what Python would take for a method that is not called.
    fn attribute(&self, at: usize) -> Result<(), ChatError> {
        let behind = self.from(at + 1).trim_start();
        let name = leading_name(behind);
        let called = behind[name.len()..].trim_start().starts_with('(');
        let owner = trailing_name(&self.source[..at]);
        if called || !DICT_METHODS.contains(&name) || self.namespaces.contains(owner) {
            return Ok(());
        }
        Err(self.unsupported(at, format!(
            "`{owner}.{name}` without a call is a method of mappings and never their entry `{name}`; `{owner}['{name}']` is"
        )))
    }

    /// Refuses marking a text as safe unless it is printed at once: Jinja escapes whatever is added to such a text.
    fn filter(&self, at: usize) -> Result<(), ChatError> {
        let behind = self.from(at + 1).trim_start();
        let name = leading_name(behind);
        let follows = behind[name.len()..].trim_start();
        if !SAFE_FILTERS.contains(&name) || follows.trim_start_matches(['-', '+']).starts_with("}}")
        {
            return Ok(());
        }
        Err(self.unsupported(
            at,
            format!("the filter `{name}` is supported at the end of a printed expression only"),
        ))
    }

    fn unsupported(&self, at: usize, what: String) -> ChatError {
        ChatError::Unsupported {
            line: self.source[..at].matches('\n').count() + 1,
            what,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expected: &str) {
        assert_eq!(prepare(source).unwrap(), expected);
    }

    #[test]
    fn line_ends_are_one_character() {
        check("a\r\nb\rc\n\r\n", "a\nb\nc\n\n");
    }

    #[test]
    fn generation_is_a_call_block() {
        check(
            "{%- generation -%}x{% endgeneration %}",
            "{%- call __jikji_generation() -%}x{% endcall %}",
        );
        for untouched in [
            "{# {% generation %} #}",
            "{% raw %}{% generation %}{% endraw %}",
            "{{ '{% generation %}' }}",
            "{{ {'a': {'}}': 1}} }}{ % { {",
            "{% if generation %}{% endif %}",
            "{% raw %}{% never closed",
            "{% set x = %}{% set x %}{% set x | indent(width=2) %}{% set",
            "{{ 'never closed",
            "{",
            "한글 {",
        ] {
            check(untouched, untouched);
        }
    }

    #[test]
    fn names_of_parameters_are_bound_anew() {
        check(
            "{% macro f(a, b='(,', c=[1, 2]) -%}\n",
            "{% macro f(a, b='(,', c=[1, 2]) -%}{% set a = __jikji_bounded(a) -%}{% set b = __jikji_bounded(b) -%}{% set c = __jikji_bounded(c) -%}\n",
        );
        check(
            "{% with a = f(x, y), b = 1 %}{% call(q) f() +%}",
            "{% with a = f(x, y), b = 1 %}{% set a = __jikji_bounded(a) %}{% set b = __jikji_bounded(b) %}{% call(q) f() +%}{% set q = __jikji_bounded(q) +%}",
        );
        check(
            "{% macro f() %}{% call f() %}{% with %}",
            "{% macro f() %}{% call f() %}{% with %}",
        );
    }

    #[test]
    fn assigned_values_are_bounded() {
        check(
            "{%- set a.b = c == 1 -%}",
            "{%- set a.b = __jikji_bounded((c == 1), true) -%}",
        );
        check(
            "{% set a, b = 1, '%}=' %}",
            "{% set a, b = __jikji_bounded((1, '%}=')) %}",
        );
        check("{%set a=b+%}", "{%set a= __jikji_bounded((b)) +%}");
    }

    #[test]
    fn expressions_are_bounded() {
        assert!(prepare(&format!("{{{{ {}1 }}}}", "-".repeat(500))).is_ok());
        for deep in ["-", "not ", "a|b", "(", "a.b", "1 if ", "a[0]", "x+"] {
            let source = format!("\n{{{{ {} }}}}", deep.repeat(600));
            let error = prepare(&source).unwrap_err();
            assert!(
                matches!(error, ChatError::Unsupported { line: 2, .. }),
                "{deep}: {error}"
            );
        }
        assert!(prepare(&"{% elif x %}".repeat(501)).is_err());
    }

    #[test]
    fn numbers_that_the_engine_would_spell_differently_are_refused() {
        for accepted in [
            "1.5",
            "0.0001",
            "1e5",
            "100000000000000000",
            "0x1F",
            "l.0.a",
            "1.5e+3 + 2",
        ] {
            assert!(
                prepare(&format!("{{{{ {accepted} }}}}")).is_ok(),
                "{accepted}"
            );
        }
        for refused in ["1e16", "[1e-7]", "x ~ 0.00001", "1_0e16", "1e999"] {
            let refused = format!("{{{{ {refused} }}}}");
            assert!(
                matches!(prepare(&refused), Err(ChatError::Unsupported { .. })),
                "{refused}"
            );
        }
    }

    #[test]
    fn texts_marked_as_safe_are_printed_at_once() {
        check(
            "{{ x|tojson|safe }}{{ x | e -}}",
            "{{ x|tojson|safe }}{{ x | e -}}",
        );
        for refused in [
            "{{ x|safe + y }}",
            "{% set y = x|escape %}",
            "{{ (x|e) }}",
            "{% autoescape true %}",
        ] {
            assert!(
                matches!(prepare(refused), Err(ChatError::Unsupported { .. })),
                "{refused}"
            );
        }
    }

    #[test]
    fn methods_that_are_not_called_are_refused() {
        for accepted in [
            "{{ m.items() }}{{ m . get ('a') }}{{ m.items_count }}{{ m['items'] }}",
            "{% set ns = namespace(values=[]) %}{% set ns.values = [1] %}{{ ns.values }}",
            "spec.items {# spec.items #}{{ 'spec.items' }}",
        ] {
            assert!(prepare(accepted).is_ok(), "{accepted}");
        }
        let error = prepare("a\n{% if spec.items is defined %}").unwrap_err();
        insta::assert_snapshot!(
            error,
            @"chat template, line `2`: `spec.items` without a call is a method of mappings and never their entry `items`; `spec['items']` is"
        );
    }
}
