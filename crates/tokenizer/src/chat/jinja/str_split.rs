//! Taking texts apart as Python's `str` does.

use super::call::Args;
use super::fault::{Res, failed};
use super::interpreter::Interpreter;
use super::str_methods::strip;
use super::unicode::is_space;
use super::value::{Text, Value};

/// `split` and `rsplit`.
pub(super) fn split(
    interpreter: &Interpreter,
    text: &Text,
    args: Args,
    from_right: bool,
) -> Res<Value> {
    let [separator, limit] = args.bind("split", ["sep", "maxsplit"])?;
    let limit = interpreter.integer_or(limit.as_ref(), -1)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let whole = &*text.text;
    interpreter.meter.look(whole.len())?;
    let mut pieces: Vec<&str> = Vec::new();
    match &separator {
        None | Some(Value::None) => {
            interpreter.meter.make(whole.len().saturating_mul(16))?;
            split_words(whole, limit, from_right, &mut pieces);
        }
        Some(Value::Str(separator)) => {
            if separator.text.is_empty() {
                return failed("empty separator");
            }
            let found = whole.matches(&*separator.text).take(limit).count();
            interpreter.make_items(found)?;
            let times = limit.saturating_add(1);
            if from_right {
                pieces.extend(whole.rsplitn(times, &*separator.text));
                pieces.reverse();
            } else {
                pieces.extend(whole.splitn(times, &*separator.text));
            }
        }
        Some(other) => {
            return failed(format!("must be str or None, not {}", other.type_name()));
        }
    }
    texts(interpreter, &pieces, text.is_safe)
}

/// A list of pieces.
fn texts(interpreter: &Interpreter, pieces: &[&str], is_safe: bool) -> Res<Value> {
    let pieces = pieces.iter().map(|piece| interpreter.piece(piece, is_safe));
    let pieces = pieces.collect::<Res<Vec<_>>>()?;
    interpreter.list(pieces)
}

/// Splits at runs of white space, at most `limit` times; what is left over keeps its white space at
/// the far end.
fn split_words<'a>(text: &'a str, limit: usize, from_right: bool, pieces: &mut Vec<&'a str>) {
    let mut rest = text;
    loop {
        rest = strip(rest, None, !from_right, from_right);
        if rest.is_empty() {
            break;
        }
        let border = if from_right {
            rest.rfind(is_space)
        } else {
            rest.find(is_space)
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

/// `splitlines`.
pub(super) fn splitlines(interpreter: &Interpreter, text: &Text, args: Args) -> Res<Value> {
    let [keep] = args.bind("splitlines", ["keepends"])?;
    let keep = interpreter.flag_or(keep.as_ref(), false)?;
    interpreter.meter.make(text.text.len().saturating_mul(16))?;
    texts(interpreter, &lines(&text.text, keep), text.is_safe)
}

/// The lines of a text, with or without their ends.
pub(super) fn lines(text: &str, keep: bool) -> Vec<&str> {
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
    lines
}

/// `partition` and `rpartition`.
pub(super) fn partition(
    interpreter: &Interpreter,
    text: &Text,
    args: Args,
    from_right: bool,
) -> Res<Value> {
    let [separator] = args.positional::<1>("partition", 1)?;
    let Some(Value::Str(separator)) = &separator else {
        return failed("partition() argument must be str");
    };
    let separator = &*separator.text;
    if separator.is_empty() {
        return failed("empty separator");
    }
    interpreter.meter.look(text.text.len())?;
    let found = if from_right {
        text.text.rsplit_once(separator)
    } else {
        text.text.split_once(separator)
    };
    let parts = match found {
        Some((before, after)) => [before, separator, after],
        None if from_right => ["", "", &text.text],
        None => [&text.text, "", ""],
    };
    let mut values = Vec::with_capacity(3);
    for part in parts {
        values.push(interpreter.piece(part, text.is_safe)?);
    }
    interpreter.tuple(values)
}

/// `expandtabs`.
pub(super) fn expandtabs(interpreter: &Interpreter, text: &Text, args: Args) -> Res<Value> {
    let [size] = args.bind("expandtabs", ["tabsize"])?;
    let size = interpreter.integer_or(size.as_ref(), 8)?.max(0);
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let tabs = text.text.matches('\t').count();
    interpreter
        .meter
        .make(text.text.len().saturating_add(tabs.saturating_mul(size)))?;
    let mut out = String::with_capacity(text.text.len());
    let mut column = 0;
    for c in text.text.chars() {
        match c {
            '\t' => {
                if size > 0 {
                    let spaces = size - column % size;
                    column += spaces;
                    out.push_str(&" ".repeat(spaces));
                }
            }
            '\n' | '\r' => {
                column = 0;
                out.push(c);
            }
            _ => {
                column += 1;
                out.push(c);
            }
        }
    }
    interpreter.made_text(out, text.is_safe)
}
