//! Regular expressions from a file: only as large as a tokenizer needs.
//!
//! The engine recurses over a pattern on the C stack and unrolls counted repeats, so neither nesting nor the product of repeats
//! may be left to the file. What a pattern costs on a text is tried by [`steps`](super::steps); for what that does not find there
//! is the engine's own limit of ten million steps back per match, which surfaces as an error of encoding.

use serde_json::Value;

use super::File;
use super::steps::slow_text;
use crate::TokenizerError;
use crate::guard::guarded;

/// The longest published pattern has about 600 bytes.
const MAX_BYTES: usize = 2048;
/// Groups and character classes, nested or not: options such as `(?i)` nest what follows them.
const MAX_BRACKETS: usize = 128;
/// Product of all upper bounds of counted repeats.
const MAX_REPEATS: u64 = 10_000;
/// Quantifiers in a row: `a+?` has two.
const MAX_QUANTIFIERS_IN_A_ROW: usize = 2;

/// Back references, recursion, callouts and absent operators: no tokenizer needs them, and they defeat every bound.
const FORBIDDEN: &[&str] = &[
    r"\g", r"\k", r"\K", r"\1", r"\2", r"\3", r"\4", r"\5", r"\6", r"\7", r"\8", r"\9", "(?R",
    "(?&", "(?P>", "(?{", "(*", "(?~", "(?(",
];

/// Checks the `pattern` of a `Split` or `Replace`.
pub(super) fn check_pattern(
    file: File<'_>,
    pattern: &Value,
    field: &str,
) -> Result<(), TokenizerError> {
    let kinds: Vec<_> = pattern.as_object().into_iter().flatten().collect();
    match kinds[..] {
        [(kind, Value::String(text))] if kind == "String" || kind == "Regex" => {
            let field = format!("{field}.pattern.{kind}");
            let is_regex = kind == "Regex";
            if text.is_empty() || text.len() > MAX_BYTES {
                let got = Value::from(format!("{} bytes", text.len()));
                return Err(file.error(&field, "a pattern of 1 to 2048 bytes", &got));
            }
            match is_regex.then(|| excess(text)).flatten() {
                Some(expected) => Err(file.error(&field, expected, &Value::from(text.as_str()))),
                None if is_regex => check_steps(file, text, &field),
                None => Ok(()),
            }
        }
        _ => Err(file.error(
            &format!("{field}.pattern"),
            "`String` or `Regex` with a string",
            pattern,
        )),
    }
}

/// Bytes of the pattern.
pub(super) fn length(pattern: &Value) -> usize {
    let kinds = pattern.as_object().into_iter().flatten();
    kinds
        .filter_map(|(_, text)| text.as_str())
        .map(str::len)
        .sum()
}

/// Compiles the pattern, and tries it.
fn check_steps(file: File<'_>, pattern: &str, field: &str) -> Result<(), TokenizerError> {
    match guarded(|| slow_text(pattern)) {
        Ok(None) => Ok(()),
        Ok(Some(unit)) => {
            let expected = format!("a pattern that is done with a run of {unit:?} in a few steps");
            Err(file.error(field, &expected, &Value::from(pattern)))
        }
        Err(reason) => {
            let expected = format!("a pattern that compiles ({reason})");
            Err(file.error(field, &expected, &Value::from(pattern)))
        }
    }
}

/// Which limit a pattern breaks, as what would be accepted. Escapes and classes are not parsed: counting too much is safe.
fn excess(pattern: &str) -> Option<&'static str> {
    if FORBIDDEN
        .iter()
        .any(|construct| pattern.contains(construct))
    {
        return Some("no back reference, recursion, callout or absent operator");
    }
    if pattern.matches(['(', '[']).count() > MAX_BRACKETS {
        return Some("at most 128 groups and classes");
    }
    let mut repeats = 1u64;
    let mut in_a_row = 0;
    let mut rest = pattern;
    while let Some(character) = rest.chars().next() {
        rest = &rest[character.len_utf8()..];
        match character {
            '?' | '*' | '+' => in_a_row += 1,
            '{' => {
                let Some((inside, after)) = rest.split_once('}') else {
                    continue;
                };
                let bounds: Vec<&str> = inside.split(',').collect();
                if bounds.len() <= 2
                    && bounds
                        .iter()
                        .all(|bound| bound.bytes().all(|byte| byte.is_ascii_digit()))
                {
                    let largest = bounds.iter().map(|bound| {
                        bound
                            .parse()
                            .unwrap_or(u64::from(!bound.is_empty()) * u64::MAX)
                    });
                    repeats = repeats.saturating_mul(largest.max().unwrap_or(1).max(1));
                    in_a_row += 1;
                    rest = after;
                } else {
                    in_a_row = 0;
                }
            }
            // An escaped quantifier is a character, and what follows may be quantified again.
            '\\' => {
                rest = rest
                    .chars()
                    .next()
                    .map_or("", |escaped| &rest[escaped.len_utf8()..]);
                in_a_row = 0;
            }
            _ => in_a_row = 0,
        }
        if in_a_row > MAX_QUANTIFIERS_IN_A_ROW {
            return Some("at most two quantifiers in a row");
        }
    }
    (repeats > MAX_REPEATS).then_some("counted repeats whose bounds multiply to at most 10000")
}

#[cfg(test)]
mod tests {
    use super::excess;
    use crate::{Digits, pattern::korean};

    #[test]
    fn published_patterns_pass() {
        for pattern in [
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
            r"[!#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|\p{N}{1,3}|[一-龥\u3040-ゟ]+",
            &korean(Digits::UpToThree),
        ] {
            assert_eq!(excess(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn patterns_that_defeat_the_engine_do_not() {
        for pattern in [
            "((a{100}){100}){100}".to_owned(),
            "a{2}{2}{2}".to_owned(),
            "a{99999999999999999999}".to_owned(),
            "a{,20000}".to_owned(),
            "(".repeat(1_000),
            "(?i)a".repeat(500),
            "[".repeat(200),
            "a+?+?".to_owned(),
            r"(a|\g<1>b)".to_owned(),
        ] {
            assert!(excess(&pattern).is_some(), "{pattern}");
        }
    }
}
