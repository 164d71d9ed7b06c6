//! Methods of Python's `str`, and of Markup, the class of texts that are marked as safe.

use std::collections::BTreeSet;

use super::call::{Args, required};
use super::fault::{Res, failed, unsupported};
use super::filters::{escaped, unescaped, without_tags};
use super::interpreter::Interpreter;
use super::slice::char_range;
use super::unicode::{
    begins_identifier, continues_identifier, is_alphanumeric, is_decimal, is_digit, is_letter,
    is_lower, is_numeric, is_printable, is_private, is_settled, is_space, is_upper,
};
use super::value::{Text, Value};
use super::{str_case, str_format, str_split};

/// `text.name(args)`.
pub(super) fn call(interpreter: &Interpreter, text: &Text, name: &str, args: Args) -> Res<Value> {
    let whole = &*text.text;
    interpreter.meter.make(whole.len())?;
    let is_safe = text.is_safe;
    match name {
        "strip" | "lstrip" | "rstrip" => {
            // Those of Markup are functions of Python, which take their argument by name.
            let [chars] = if is_safe {
                args.bind(name, ["chars"])?
            } else {
                args.positional::<1>(name, 0)?
            };
            let chars = match &chars {
                None | Some(Value::None) => None,
                Some(Value::Str(chars)) => Some(&*chars.text),
                Some(_) => return failed(format!("{name} arg must be None or str")),
            };
            let stripped = strip(whole, chars, name != "rstrip", name != "lstrip");
            interpreter.piece(stripped, is_safe)
        }
        "split" | "rsplit" => str_split::split(interpreter, text, args, name == "rsplit"),
        "splitlines" => str_split::splitlines(interpreter, text, args),
        "partition" | "rpartition" => {
            str_split::partition(interpreter, text, args, name == "rpartition")
        }
        "expandtabs" => str_split::expandtabs(interpreter, text, args),
        "join" => join(interpreter, text, args),
        "replace" => {
            let [old, new, count] = args.positional::<3>(name, 2)?;
            let (Some(Value::Str(old)), Some(Value::Str(new))) = (&old, &new) else {
                return failed("replace() arguments must be str");
            };
            let count = interpreter.integer_or(count.as_ref(), -1)?;
            let new = interpreter.escaped_if(new, is_safe)?;
            super::filters::replaced(interpreter, whole, &old.text, &new, count, is_safe)
        }
        "removeprefix" | "removesuffix" => {
            let [affix] = args.positional::<1>(name, 1)?;
            let Some(Value::Str(affix)) = &affix else {
                return failed(format!("{name}() argument must be str"));
            };
            let rest = if name == "removeprefix" {
                whole.strip_prefix(&*affix.text)
            } else {
                whole.strip_suffix(&*affix.text)
            };
            interpreter.piece(rest.unwrap_or(whole), is_safe)
        }
        "format" => str_format::format(interpreter, text, args),
        "format_map" => str_format::format_map(interpreter, text, args),
        "lower" | "upper" | "title" | "capitalize" | "swapcase" | "casefold" => {
            args.none(name)?;
            let changed = match name {
                "lower" => str_case::lower(whole)?,
                "upper" => str_case::upper(whole)?,
                "title" => str_case::title(whole)?,
                "capitalize" => str_case::capitalize(whole)?,
                "swapcase" => str_case::swapcase(whole)?,
                _ => str_case::casefold(whole)?,
            };
            interpreter.made_text(changed, is_safe)
        }
        "center" | "ljust" | "rjust" => justify(interpreter, text, name, args),
        "zfill" => {
            let [width] = args.positional::<1>(name, 1)?;
            let width = interpreter.integer(&required(width, name, "width")?)?;
            let missing = missing(interpreter, whole, width)?;
            let zeros = "0".repeat(missing);
            let sign = whole.starts_with(['+', '-']);
            let (sign, digits) = whole.split_at(usize::from(sign));
            interpreter.made_text(format!("{sign}{zeros}{digits}"), is_safe)
        }
        "startswith" | "endswith" => affixed(interpreter, whole, name, args),
        "count" | "find" | "index" | "rfind" | "rindex" => search(interpreter, whole, name, args),
        "striptags" | "unescape" => {
            args.none(name)?;
            let plain = match name {
                "striptags" => without_tags(whole)?,
                _ => unescaped(whole)?,
            };
            interpreter.made_text(plain, false)
        }
        "escape" => {
            let [value] = args.bind(name, ["s"])?;
            let value = interpreter.str(&required(value, name, "s")?)?;
            interpreter.made_text(escaped(interpreter, &value)?, true)
        }
        "encode" | "translate" | "maketrans" => {
            unsupported(format!("the method `{name}` of a text"))
        }
        _ => {
            args.none(name)?;
            is_of_class(whole, name).map(Value::Bool)
        }
    }
}

/// Without white space, or without the characters of `chars`, at its ends.
pub(super) fn strip<'a>(text: &'a str, chars: Option<&str>, left: bool, right: bool) -> &'a str {
    // A set, so that many characters cost no more than few.
    let set: Option<BTreeSet<char>> = chars.map(|chars| chars.chars().collect());
    let goes = |c: char| match &set {
        Some(set) => set.contains(&c),
        None => is_space(c),
    };
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

pub(super) fn char_count(text: &str) -> usize {
    text.chars().count()
}

/// Characters that a text lacks to a width, paid for.
fn missing(interpreter: &Interpreter, text: &str, width: i128) -> Res<usize> {
    let width = usize::try_from(width).unwrap_or(if width < 0 { 0 } else { usize::MAX });
    let missing = width.saturating_sub(char_count(text));
    interpreter.meter.make(missing.saturating_mul(4))?;
    Ok(missing)
}

/// Python's `center`.
pub(super) fn centered(
    interpreter: &Interpreter,
    text: &Text,
    width: i128,
    fill: char,
) -> Res<Value> {
    let missing = missing(interpreter, &text.text, width)?;
    let odd = usize::from(missing % 2 == 1 && width % 2 == 1);
    let left = missing / 2 + odd;
    let fill = |count: usize| fill.to_string().repeat(count);
    let centered = format!("{}{}{}", fill(left), text.text, fill(missing - left));
    interpreter.made_text(centered, text.is_safe)
}

fn justify(interpreter: &Interpreter, text: &Text, name: &str, args: Args) -> Res<Value> {
    let [width, fill] = args.positional::<2>(name, 1)?;
    let width = interpreter.integer(&required(width, name, "width")?)?;
    let fill = match &fill {
        None => " ".to_owned(),
        Some(Value::Str(fill)) => interpreter.escaped_if(fill, text.is_safe)?,
        Some(_) => return failed("The fill character must be a unicode character"),
    };
    let mut chars = fill.chars();
    let (Some(fill), None) = (chars.next(), chars.next()) else {
        return failed("The fill character must be exactly one character long");
    };
    if name == "center" {
        return centered(interpreter, text, width, fill);
    }
    let missing = missing(interpreter, &text.text, width)?;
    let padding = fill.to_string().repeat(missing);
    let padded = match name {
        "ljust" => format!("{}{padding}", text.text),
        _ => format!("{padding}{}", text.text),
    };
    interpreter.made_text(padded, text.is_safe)
}

fn join(interpreter: &Interpreter, text: &Text, args: Args) -> Res<Value> {
    let [items] = args.positional::<1>("join", 1)?;
    let items = required(items, "join", "iterable")?;
    let mut out = String::new();
    let iter = interpreter.iter(&items)?;
    let mut index = 0_usize;
    while let Some(item) = interpreter.next(&iter)? {
        let piece = match &item {
            Value::Str(piece) => interpreter.escaped_if(piece, text.is_safe)?,
            other if text.is_safe => {
                let shown = interpreter.str(other)?;
                escaped(interpreter, &shown)?
            }
            other => {
                return failed(format!(
                    "sequence item {index}: expected str instance, {} found",
                    other.type_name()
                ));
            }
        };
        interpreter.meter.make(text.text.len())?;
        if index > 0 {
            out.push_str(&text.text);
        }
        index += 1;
        out.push_str(&piece);
    }
    interpreter.made_text(out, text.is_safe)
}

/// The piece of a text between two indices, with the index at which it begins; nothing if it begins
/// behind the end.
fn between<'a>(
    interpreter: &Interpreter,
    text: &'a str,
    start: Option<Value>,
    end: Option<Value>,
) -> Res<Option<(&'a str, i128)>> {
    let bound = |value: Option<Value>, default| match value {
        None | Some(Value::None) => Ok(default),
        Some(Value::Int(_) | Value::Bool(_)) => interpreter.integer_or(value.as_ref(), default),
        Some(_) => failed("slice indices must be integers or None or have an __index__ method"),
    };
    let (start, end) = (bound(start, 0)?, bound(end, i128::MAX)?);
    interpreter.meter.look(text.len())?;
    let length = char_count(text) as i128;
    let from_end = |at: i128| {
        if at < 0 {
            at.saturating_add(length).max(0)
        } else {
            at
        }
    };
    let (start, end) = (from_end(start), from_end(end).min(length));
    Ok((start <= end).then(|| (char_range(text, start, end), start)))
}

fn affixed(interpreter: &Interpreter, text: &str, name: &str, args: Args) -> Res<Value> {
    let [affix, start, end] = args.positional::<3>(name, 1)?;
    let affix = required(affix, name, "prefix")?;
    let affixes = match &affix {
        Value::Tuple(items) => &items.items[..],
        single => std::slice::from_ref(single),
    };
    let piece = between(interpreter, text, start, end)?;
    for affix in affixes {
        let Value::Str(affix) = affix else {
            return failed(format!(
                "{name} first arg must be str or a tuple of str, not {}",
                affix.type_name()
            ));
        };
        let Some((piece, _)) = piece else {
            continue;
        };
        let holds = if name == "startswith" {
            piece.starts_with(&*affix.text)
        } else {
            piece.ends_with(&*affix.text)
        };
        if holds {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn search(interpreter: &Interpreter, text: &str, name: &str, args: Args) -> Res<Value> {
    let [wanted, start, end] = args.positional::<3>(name, 1)?;
    let wanted = required(wanted, name, "sub")?;
    let Value::Str(wanted) = &wanted else {
        return failed(format!("must be str, not {}", wanted.type_name()));
    };
    let wanted = &*wanted.text;
    let piece = between(interpreter, text, start, end)?;
    if name == "count" {
        let count = piece.map_or(0, |(piece, _)| piece.matches(wanted).count());
        return Ok(Value::Int(count as i128));
    }
    let found = piece.and_then(|(piece, start)| {
        let at = if name.starts_with('r') {
            piece.rfind(wanted)
        } else {
            piece.find(wanted)
        };
        at.map(|at| start + char_count(&piece[..at]) as i128)
    });
    match found {
        Some(index) => Ok(Value::Int(index)),
        None if name.ends_with("index") => failed("substring not found"),
        None => Ok(Value::Int(-1)),
    }
}

/// `isalpha` and its like.
fn is_of_class(text: &str, method: &str) -> Res<bool> {
    let unknown = |c: &char| !is_settled(*c) && !is_private(*c);
    if let Some(c) = text.chars().find(unknown) {
        return unsupported(format!(
            "`{method}` of the character U+{:04X}",
            u32::from(c)
        ));
    }
    let all = |is: fn(char) -> bool| !text.is_empty() && text.chars().all(is);
    Ok(match method {
        "isalnum" => all(is_alphanumeric),
        "isalpha" => all(is_letter),
        "isascii" => text.is_ascii(),
        "isdecimal" => all(is_decimal),
        "isdigit" => all(is_digit),
        "isidentifier" => {
            let mut chars = text.chars();
            chars.next().is_some_and(begins_identifier) && chars.all(continues_identifier)
        }
        "islower" => str_case::is_all(text, is_lower),
        "isnumeric" => all(is_numeric),
        "isprintable" => text.chars().all(is_printable),
        "isspace" => all(is_space),
        "istitle" => str_case::is_title_text(text),
        "isupper" => str_case::is_all(text, is_upper),
        _ => return unsupported(format!("the method `{method}` of a text")),
    })
}
