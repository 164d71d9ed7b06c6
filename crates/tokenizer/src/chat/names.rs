//! Names that a template gives to values, found in its source.

use std::collections::BTreeSet;

use super::lexical::{is_name, leading_name, string_length, trailing_name};

/// Names that are assigned a `namespace(...)`, whose attributes have no methods in front of them.
pub(super) fn namespaces(source: &str) -> BTreeSet<&str> {
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

/// The names that a tag binds to values which are not in the conversation as they are: parameters, and those of `with`.
pub(super) fn bound_names<'a>(tag: &str, header: &'a str) -> Vec<&'a str> {
    let header = match tag {
        "with" => header,
        "macro" => header
            .split_once('(')
            .map_or("", |(_, parameters)| parameters),
        "call" => match header.trim_start().strip_prefix('(') {
            Some(parameters) => parameters,
            None => return Vec::new(),
        },
        _ => return Vec::new(),
    };
    let mut names = Vec::new();
    let (mut depth, mut rest, mut expected) = (0_usize, header, true);
    while let Some(c) = rest.chars().next() {
        let mut width = c.len_utf8();
        match c {
            '"' | '\'' => width = string_length(rest),
            ')' if depth == 0 => break,
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => expected = true,
            c if is_name(c) => {
                let name = leading_name(rest);
                width = name.len();
                if depth == 0 && std::mem::take(&mut expected) {
                    names.push(name);
                }
            }
            _ => {}
        }
        rest = &rest[width..];
    }
    names
}
