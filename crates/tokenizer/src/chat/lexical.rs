//! Words, numbers and strings at the border of a position in a template's source.

use super::python_text;

/// Bytes of the string literal at the beginning of `text`, quotes included.
pub(super) fn string_length(text: &str) -> usize {
    let mut chars = text.char_indices();
    let quote = chars.next().map(|(_, quote)| quote);
    let mut escaped = false;
    for (at, c) in chars {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if Some(c) == quote {
            return at + 1;
        }
    }
    text.len()
}

pub(super) fn is_name(c: char) -> bool {
    c == '_' || c.is_ascii_alphanumeric()
}

/// The digits, letters, points and signs of exponents at the beginning of `text`.
pub(super) fn leading_number(text: &str) -> &str {
    let mut before = ' ';
    let end = text.find(|c: char| {
        let of_exponent = matches!(c, '-' | '+') && matches!(before, 'e' | 'E');
        before = c;
        !(is_name(c) || c == '.' || of_exponent)
    });
    &text[..end.unwrap_or(text.len())]
}

/// Whether the engine's operator `~` would spell this literal in another way than Python.
pub(super) fn is_spelled_with_exponent(literal: &str) -> bool {
    let value = literal.replace('_', "").parse::<f64>();
    literal.contains(['.', 'e', 'E'])
        && value.is_ok_and(|value| !value.is_finite() || python_text::float(value).contains('e'))
}

pub(super) fn leading_name(text: &str) -> &str {
    &text[..text.find(|c| !is_name(c)).unwrap_or(text.len())]
}

pub(super) fn trailing_name(text: &str) -> &str {
    let start = text
        .char_indices()
        .rev()
        .take_while(|(_, c)| is_name(*c))
        .last()
        .map_or(text.len(), |(at, _)| at);
    &text[start..]
}
