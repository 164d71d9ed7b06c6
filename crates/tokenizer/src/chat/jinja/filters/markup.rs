//! Filters of HTML and of addresses, and texts that are marked as safe.

use std::fmt::Write as _;

use crate::chat::jinja::call::Args;
use crate::chat::jinja::fault::{Res, failed, unsupported};
use crate::chat::jinja::interpreter::Interpreter;
use crate::chat::jinja::unicode::is_space;
use crate::chat::jinja::value::{Text, Value};

/// The five characters that `escape` replaces, as it spells them.
pub(in crate::chat::jinja) fn escaped(interpreter: &Interpreter, text: &str) -> Res<String> {
    interpreter.meter.make(text.len())?;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    interpreter.meter.make(out.len())?;
    Ok(out)
}

/// A value as a text that is marked as safe.
pub(super) fn escape(interpreter: &Interpreter, value: &Value) -> Res<Value> {
    if let Value::Str(text) = value
        && text.is_safe
    {
        return Ok(value.clone());
    }
    let text = interpreter.str(value)?;
    interpreter.made_text(escaped(interpreter, &text)?, true)
}

impl Interpreter<'_> {
    /// A text as what is marked as safe takes it in: escaped, unless it is marked itself.
    pub(in crate::chat::jinja) fn escaped_if(&self, text: &Text, into_safe: bool) -> Res<String> {
        if into_safe && !text.is_safe {
            return escaped(self, &text.text);
        }
        self.meter.make(text.text.len())?;
        Ok(text.text.to_string())
    }
}

/// Markup's `striptags`: without comments and tags, white space as single spaces, entities as their
/// characters.
pub(in crate::chat::jinja) fn without_tags(text: &str) -> Res<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let tag = &rest[start..];
        let end = match tag.strip_prefix("<!--") {
            Some(comment) => comment.find("-->").map(|at| 4 + at + 3),
            None => tag.find('>').map(|at| at + 1),
        };
        let Some(end) = end else {
            break;
        };
        out.push_str(&rest[..start]);
        rest = &tag[end..];
    }
    out.push_str(rest);
    let words = out.split(is_space).filter(|word| !word.is_empty());
    let words: Vec<&str> = words.collect();
    unescaped(&words.join(" "))
}

/// Python's `html.unescape`, for the entities that are common.
pub(in crate::chat::jinja) fn unescaped(text: &str) -> Res<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let end = rest.find(|c: char| c != '#' && !c.is_ascii_alphanumeric());
        let name = &rest[..end.unwrap_or(rest.len())];
        let named = match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            "nbsp" => Some('\u{a0}'),
            "copy" => Some('©'),
            "laquo" => Some('«'),
            "raquo" => Some('»'),
            "middot" => Some('·'),
            "hellip" => Some('…'),
            "ndash" => Some('–'),
            "mdash" => Some('—'),
            _ => numbered(name),
        };
        let is_closed = rest[name.len()..].starts_with(';');
        match named {
            Some(c) if is_closed => {
                out.push(c);
                rest = &rest[name.len() + 1..];
            }
            // What begins like an entity may be one in HTML's long list, which also has some
            // without a semicolon.
            _ if !name.is_empty() => return unsupported(format!("the entity `&{name}`")),
            _ => out.push('&'),
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// `#10` or `#xa`, for the numbers that HTML does not change.
fn numbered(name: &str) -> Option<char> {
    let digits = name.strip_prefix('#')?;
    let code = match digits.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16).ok()?,
        None => digits.parse().ok()?,
    };
    let is_plain = matches!(code, 0x9 | 0xa | 0x20..=0x7e | 0xa0..=0xfdcf | 0xfdf0..=0xfffd);
    char::from_u32(code).filter(|_| is_plain)
}

/// Python's `quote_from_bytes`, with `/` kept outside of queries.
fn quoted(interpreter: &Interpreter, value: &Value, in_query: bool) -> Res<String> {
    let text = interpreter.str(value)?;
    interpreter.meter.make(text.len().saturating_mul(3))?;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => {
                out.push(char::from(byte));
            }
            b'/' if !in_query => out.push('/'),
            b' ' if in_query => out.push('+'),
            other => _ = write!(out, "%{other:02X}"),
        }
    }
    Ok(out)
}

pub(super) fn urlencode(interpreter: &Interpreter, value: &Value, args: Args) -> Res<Value> {
    args.none("urlencode")?;
    let is_iterable = matches!(
        value,
        Value::List(_)
            | Value::Tuple(_)
            | Value::Dict(_)
            | Value::View(..)
            | Value::Range(_)
            | Value::Iter(_)
            | Value::Undefined(_)
    );
    if !is_iterable {
        let text = quoted(interpreter, value, false)?;
        return interpreter.made_text(text, false);
    }
    let pairs = match value {
        Value::Dict(dict) => Value::View(crate::chat::jinja::dict::ViewKind::Items, dict.clone()),
        other => other.clone(),
    };
    let mut out = String::new();
    let iter = interpreter.iter(&pairs)?;
    while let Some(pair) = interpreter.next(&iter)? {
        let pair = interpreter.collect(&pair)?;
        let [key, value] = &pair[..] else {
            return failed("cannot unpack a pair of `urlencode`");
        };
        if !out.is_empty() {
            out.push('&');
        }
        out.push_str(&quoted(interpreter, key, true)?);
        out.push('=');
        out.push_str(&quoted(interpreter, value, true)?);
    }
    interpreter.made_text(out, false)
}

pub(super) fn xmlattr(interpreter: &Interpreter, value: &Value, args: Args) -> Res<Value> {
    let [autospace] = args.bind("xmlattr", ["autospace"])?;
    let autospace = interpreter.flag_or(autospace.as_ref(), true)?;
    let dict = match value {
        Value::Dict(dict) => dict,
        Value::Undefined(undefined) => return failed(undefined.words()),
        other => {
            return failed(format!(
                "'{}' object has no attribute 'items'",
                other.type_name()
            ));
        }
    };
    let mut out = String::new();
    for (key, value) in &dict.entries {
        if matches!(value, Value::None | Value::Undefined(_)) {
            continue;
        }
        let Value::Str(name) = key else {
            return failed("expected string or bytes-like object");
        };
        let is_forbidden = |c: char| is_space(c) || matches!(c, '/' | '>' | '=');
        if name.text.contains(is_forbidden) {
            return failed(format!(
                "Invalid character in attribute name: '{}'",
                name.text
            ));
        }
        if !out.is_empty() || autospace {
            out.push(' ');
        }
        let text = |value: &Value| -> Res<String> {
            let made = escape(interpreter, value)?;
            Ok(made.as_str().unwrap_or_default().to_owned())
        };
        let _ = write!(out, "{}=\"{}\"", text(key)?, text(value)?);
    }
    interpreter.made_text(out, false)
}
