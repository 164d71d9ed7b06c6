//! Methods of Python's `str` and `dict` that templates call.
//!
//! Those that the engine's own collection has as Python has them are taken from there; the others are here: by Python's idea
//! of white space, with all their arguments, and with the size of the result paid for before it is made. A method that is
//! in neither place is an error.

use minijinja::value::{Kwargs, Tuple, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State, Value};
use minijinja_contrib::pycompat;

use super::dict_view::dict_view;
use super::environment::charge;
use super::python_text::unsupported;

/// Taken from the collection as they are.
const SHARED: [&str; 10] = [
    "count",
    "endswith",
    "find",
    "get",
    "islower",
    "isupper",
    "lower",
    "rfind",
    "startswith",
    "upper",
];

/// Calls `value.method(args)`.
pub(super) fn call(
    state: &mut State,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    let own = match value.kind() {
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            charge(state, text.len())?;
            str_method(state, text, method, args)?
        }
        ValueKind::Map if matches!(method, "keys" | "values" | "items") => {
            let () = from_args(args)?;
            Some(dict_view(state, value, method)?)
        }
        _ => None,
    };
    match own {
        Some(result) => Ok(result),
        None if SHARED.contains(&method) => {
            pycompat::unknown_method_callback(state, value, method, args)
        }
        None => Err(Error::new(
            ErrorKind::UnknownMethod,
            format!(
                "the method `{method}` of a {} is not supported",
                value.kind()
            ),
        )),
    }
}

fn str_method(
    state: &mut State,
    text: &str,
    method: &str,
    args: &[Value],
) -> Result<Option<Value>, Error> {
    Ok(Some(match method {
        "strip" | "lstrip" | "rstrip" => {
            let (chars,): (Option<&str>,) = from_args(args)?;
            Value::from(strip(text, chars, method != "rstrip", method != "lstrip"))
        }
        "split" | "rsplit" => split(state, text, args, method == "rsplit")?,
        "splitlines" => splitlines(state, text, args)?,
        "join" => join(state, text, args)?,
        "replace" => replace(state, text, args)?,
        "partition" | "rpartition" => {
            let (separator,): (&str,) = from_args(args)?;
            refuse_empty(separator)?;
            let from_right = method == "rpartition";
            let found = if from_right {
                text.rsplit_once(separator)
            } else {
                text.split_once(separator)
            };
            let parts = match found {
                Some((before, after)) => [before, separator, after],
                None if from_right => ["", "", text],
                None => [text, "", ""],
            };
            Value::from(Tuple::from(parts.map(Value::from)))
        }
        "removeprefix" => {
            let (prefix,): (&str,) = from_args(args)?;
            Value::from(text.strip_prefix(prefix).unwrap_or(text))
        }
        "removesuffix" => {
            let (suffix,): (&str,) = from_args(args)?;
            Value::from(text.strip_suffix(suffix).unwrap_or(text))
        }
        "format" => {
            check_format(text)?;
            pycompat::unknown_method_callback(state, &Value::from(text), method, args)?
        }
        "title" => {
            let () = from_args(args)?;
            refuse_title_case(text)?;
            Value::from(title(text))
        }
        "capitalize" => {
            let () = from_args(args)?;
            refuse_title_case(text)?;
            let mut chars = text.chars();
            let first: String = chars
                .next()
                .into_iter()
                .flat_map(char::to_uppercase)
                .collect();
            Value::from(first + &chars.as_str().to_lowercase())
        }
        "isspace" => {
            let () = from_args(args)?;
            Value::from(!text.is_empty() && text.chars().all(is_python_space))
        }
        "isascii" => {
            let () = from_args(args)?;
            Value::from(text.is_ascii())
        }
        "isdigit" | "isdecimal" | "isnumeric" | "isalpha" | "isalnum" => {
            let () = from_args(args)?;
            Value::from(all_of_class(text, method)?)
        }
        _ => return Ok(None),
    }))
}

/// Python's white space: Unicode's, and the four separators of ASCII.
pub(super) fn is_python_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\x1c'..='\x1f')
}

/// Without white space, or without the characters of `chars`, at its ends.
pub(super) fn strip<'a>(text: &'a str, chars: Option<&str>, left: bool, right: bool) -> &'a str {
    let goes = |c: char| chars.map_or_else(|| is_python_space(c), |chars| chars.contains(c));
    let text = if left {
        text.trim_start_matches(goes)
    } else {
        text
    };
    if right {
        text.trim_end_matches(goes)
    } else {
        text
    }
}

fn refuse_empty(separator: &str) -> Result<(), Error> {
    if separator.is_empty() {
        return Err(Error::new(ErrorKind::InvalidOperation, "empty separator"));
    }
    Ok(())
}

fn split(state: &State, text: &str, args: &[Value], from_right: bool) -> Result<Value, Error> {
    let (separator, limit, options): (Option<Value>, Option<i64>, Kwargs) = from_args(args)?;
    let separator = match separator {
        Some(given) => Some(given),
        None => options.get::<Option<Value>>("sep")?,
    };
    let limit = match limit {
        Some(given) => given,
        None => options.get::<Option<i64>>("maxsplit")?.unwrap_or(-1),
    };
    options.assert_all_used()?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut pieces: Vec<&str> = Vec::new();
    if let Some(separator) = separator.filter(|given| !given.is_none()) {
        let separator = separator
            .as_str()
            .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "a separator is a string"))?;
        refuse_empty(separator)?;
        charge(state, text.matches(separator).take(limit).count() * 64)?;
        if from_right {
            pieces.extend(text.rsplitn(limit.saturating_add(1), separator));
            pieces.reverse();
        } else {
            pieces.extend(text.splitn(limit.saturating_add(1), separator));
        }
    } else {
        charge(state, text.len() * 16)?;
        split_words(text, limit, from_right, &mut pieces);
    }
    Ok(pieces.into_iter().map(Value::from).collect())
}

/// Splits at runs of white space, at most `limit` times; what is left over keeps its white space at the far end.
fn split_words<'a>(text: &'a str, limit: usize, from_right: bool, pieces: &mut Vec<&'a str>) {
    let mut rest = text;
    loop {
        rest = strip(rest, None, !from_right, from_right);
        if rest.is_empty() {
            break;
        }
        let border = if from_right {
            rest.rfind(is_python_space)
        } else {
            rest.find(is_python_space)
        };
        let Some(border) = border.filter(|_| pieces.len() < limit) else {
            pieces.push(rest);
            break;
        };
        let width = rest[border..].chars().next().map_or(1, char::len_utf8);
        let (left, right) = (&rest[..border], &rest[border + width..]);
        let (word, left_over) = if from_right {
            (right, left)
        } else {
            (left, right)
        };
        pieces.push(word);
        rest = left_over;
    }
    if from_right {
        pieces.reverse();
    }
}

fn splitlines(state: &State, text: &str, args: &[Value]) -> Result<Value, Error> {
    let (keep, options): (Option<bool>, Kwargs) = from_args(args)?;
    let keep = match keep {
        Some(given) => given,
        None => options.get::<Option<bool>>("keepends")?.unwrap_or(false),
    };
    options.assert_all_used()?;
    charge(state, text.len() * 16)?;
    let ends_line =
        |c| matches!(c, '\n'..='\r' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let mut lines: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(ends_line) {
        let width = if rest[at..].starts_with("\r\n") {
            2
        } else {
            rest[at..].chars().next().map_or(1, char::len_utf8)
        };
        lines.push(&rest[..if keep { at + width } else { at }]);
        rest = &rest[at + width..];
    }
    if !rest.is_empty() {
        lines.push(rest);
    }
    Ok(lines.into_iter().map(Value::from).collect())
}

fn join(state: &State, separator: &str, args: &[Value]) -> Result<Value, Error> {
    let (items,): (&Value,) = from_args(args)?;
    let mut out = String::new();
    for (index, item) in items.try_iter()?.checked().enumerate() {
        let item = item?;
        let text = item.as_str().ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidOperation,
                format!(
                    "`join` takes strings, item {index} is of type {}",
                    item.kind()
                ),
            )
        })?;
        charge(state, text.len() + separator.len())?;
        if index > 0 {
            out.push_str(separator);
        }
        out.push_str(text);
    }
    Ok(Value::from(out))
}

fn replace(state: &State, text: &str, args: &[Value]) -> Result<Value, Error> {
    let (old, new, limit): (&str, &str, Option<i64>) = from_args(args)?;
    let limit = usize::try_from(limit.unwrap_or(-1)).unwrap_or(usize::MAX);
    let count = text.matches(old).take(limit).count();
    charge(
        state,
        text.len().saturating_add(count.saturating_mul(new.len())),
    )?;
    Ok(Value::from(text.replacen(old, new, limit)))
}

/// Refuses formats that reach into values or whose width would fill the memory.
fn check_format(format: &str) -> Result<(), Error> {
    for field in format.split('{').skip(1) {
        let field = field.split('}').next().unwrap_or_default();
        let (name, spec) = field.split_once(':').unwrap_or((field, ""));
        let plain = name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
        let narrow = spec
            .split(|c: char| !c.is_ascii_digit())
            .all(|number| number.len() <= 3);
        if !plain || !narrow {
            return Err(unsupported(&format!("the field `{{{field}}}` of `format`")));
        }
    }
    Ok(())
}

/// Letters that have a title case of their own, which Rust does not know.
fn refuse_title_case(text: &str) -> Result<(), Error> {
    let special = |c: char| {
        matches!(c, 'ß' | '\u{149}' | '\u{1c4}'..='\u{1cc}' | '\u{1f0}'..='\u{1f3}' | '\u{390}' | '\u{3b0}'
            | '\u{587}' | '\u{10d0}'..='\u{10ff}' | '\u{1e96}'..='\u{1e9a}' | '\u{1f50}'..='\u{1fff}' | '\u{fb00}'..='\u{fb17}')
    };
    match text.chars().find(|c| special(*c)) {
        Some(c) => Err(unsupported(&format!("the title case of `{c}`"))),
        None => Ok(()),
    }
}

/// Python's `title`: a letter behind a letter is small, any other is large.
fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for c in text.chars() {
        if inside {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
        inside = c.is_lowercase() || c.is_uppercase();
    }
    out
}

/// The tests whose Unicode tables differ between versions are answered for ASCII and Hangul, and refused for the rest.
fn all_of_class(text: &str, method: &str) -> Result<bool, Error> {
    let hangul = |c| ('가'..='힣').contains(&c);
    if let Some(other) = text.chars().find(|c| !c.is_ascii() && !hangul(*c)) {
        return Err(unsupported(&format!("`{method}` of text with `{other}`")));
    }
    Ok(!text.is_empty()
        && text.chars().all(|c| match method {
            "isalpha" => c.is_ascii_alphabetic() || hangul(c),
            "isalnum" => c.is_ascii_alphanumeric() || hangul(c),
            _ => c.is_ascii_digit(),
        }))
}
