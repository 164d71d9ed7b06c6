//! A template's source, before the engine compiles it.
//!
//! Three things that Jinja in Python does and the engine does not: line ends of any kind become `\n`, the tags `generation`
//! and `endgeneration` of transformers frame a block, and `mapping.items` without a call is the method and not the entry.

use std::collections::BTreeSet;

use super::error::ChatError;

/// The function that a `generation` block becomes a call of; see [`builtins`](super::builtins).
pub(super) const GENERATION: &str = "__jikji_generation";

/// The longest template that is read, in bytes. Published ones stay below 100 KB.
const MAX_BYTES: usize = 1 << 20;

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
    }
    .run()
}

/// Names that are assigned a `namespace(...)`, whose attributes have no methods in front of them.
fn namespaces(source: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for (at, _) in source.match_indices("namespace") {
        let Some(before) = source[..at].trim_end().strip_suffix('=') else {
            continue;
        };
        let name = trailing_name(before.trim_end());
        if !name.is_empty() {
            names.insert(name);
        }
    }
    names
}

struct Scanner<'a> {
    source: &'a str,
    position: usize,
    out: String,
    namespaces: BTreeSet<&'a str>,
}

impl<'a> Scanner<'a> {
    fn run(mut self) -> Result<String, ChatError> {
        while let Some(found) = self.rest().find('{') {
            let start = found + self.position;
            let opening = self.source.get(start..start + 2).unwrap_or("{");
            self.copy_to(start + 1);
            match opening {
                "{#" => self.copy_through("#}"),
                "{{" => {
                    self.copy_to(start + 2);
                    self.code("}}")?;
                }
                "{%" => {
                    self.copy_to(start + 2);
                    self.tag()?;
                }
                _ => {}
            }
        }
        self.copy_to(self.source.len());
        Ok(self.out)
    }

    fn rest(&self) -> &'a str {
        self.source.get(self.position..).unwrap_or_default()
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
            "generation" | "endgeneration" => {
                if name == "generation" {
                    self.out.push_str("call ");
                    self.out.push_str(GENERATION);
                    self.out.push_str("()");
                } else {
                    self.out.push_str("endcall");
                }
                self.position += name.len();
                self.code("%}")?;
            }
            _ => self.code("%}")?,
        }
        Ok(())
    }

    /// Copies the text of a raw block, in which nothing is a tag but its end.
    fn raw(&mut self) {
        let mut from = self.position;
        while let Some(found) = self.source.get(from..).and_then(|rest| rest.find("{%")) {
            let at = from + found;
            let inside = self.source[at + 2..]
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

    /// Copies an expression through its closing `end`, which does not count inside of strings and brackets.
    fn code(&mut self, end: &str) -> Result<(), ChatError> {
        let mut depth = 0_usize;
        while let Some(c) = self.rest().chars().next() {
            if depth == 0 && self.rest().starts_with(end) {
                self.copy_to(self.position + end.len());
                return Ok(());
            }
            match c {
                '"' | '\'' => {
                    self.string(c);
                    continue;
                }
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth = depth.saturating_sub(1),
                '.' => self.attribute()?,
                _ => {}
            }
            self.copy_to(self.position + c.len_utf8());
        }
        Ok(())
    }

    fn string(&mut self, quote: char) {
        let mut escaped = false;
        for (at, c) in self.rest().char_indices().skip(1) {
            if escaped {
                escaped = false;
            } else if c == '\\' {
                escaped = true;
            } else if c == quote {
                self.copy_to(self.position + at + 1);
                return;
            }
        }
        self.copy_to(self.source.len());
    }

    /// Refuses what Python would take for a method that is not called.
    fn attribute(&self) -> Result<(), ChatError> {
        let behind = self.rest()[1..].trim_start();
        let name = leading_name(behind);
        let called = behind[name.len()..].trim_start().starts_with('(');
        let owner = trailing_name(&self.source[..self.position]);
        if called || !DICT_METHODS.contains(&name) || self.namespaces.contains(owner) {
            return Ok(());
        }
        Err(ChatError::Unsupported {
            line: self.source[..self.position].matches('\n').count() + 1,
            what: format!(
                "`{owner}.{name}` without a call is a method of mappings and never their entry `{name}`; `{owner}['{name}']` is"
            ),
        })
    }
}

fn is_name(c: char) -> bool {
    c == '_' || c.is_ascii_alphanumeric()
}

fn leading_name(text: &str) -> &str {
    &text[..text.find(|c| !is_name(c)).unwrap_or(text.len())]
}

fn trailing_name(text: &str) -> &str {
    let start = text
        .char_indices()
        .rev()
        .take_while(|(_, c)| is_name(*c))
        .last()
        .map_or(text.len(), |(at, _)| at);
    &text[start..]
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
            "{{ 'never closed",
            "{",
            "한글 {",
        ] {
            check(untouched, untouched);
        }
    }

    #[test]
    fn methods_that_are_not_called_are_refused() {
        for accepted in [
            "{{ m.items() }}{{ m . get ('a') }}{{ m.items_count }}{{ m['items'] }}",
            "{% set ns = namespace(values=[]) %}{% set ns.values = [1] %}{{ ns.values }}",
            "spec.items {# spec.items #}{{ 'spec.items' }}",
        ] {
            check(accepted, accepted);
        }
        let error = prepare("a\n{% if spec.items is defined %}").unwrap_err();
        insta::assert_snapshot!(
            error,
            @"chat template, line `2`: `spec.items` without a call is a method of mappings and never their entry `items`; `spec['items']` is"
        );
    }
}
