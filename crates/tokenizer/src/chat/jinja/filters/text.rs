//! Filters of texts.

use crate::chat::jinja::call::{Args, required};
use crate::chat::jinja::dict::DictBuilder;
use crate::chat::jinja::fault::{Res, failed, unsupported};
use crate::chat::jinja::interpreter::Interpreter;
use crate::chat::jinja::str_case;
use crate::chat::jinja::str_methods::{centered, char_count, strip};
use crate::chat::jinja::str_split::lines;
use crate::chat::jinja::unicode::{is_settled, is_space, is_word};
use crate::chat::jinja::value::{Text, Value};
use crate::chat::jinja::{percent, slice};

use super::{follow, path};

pub(super) fn apply(
    interpreter: &Interpreter,
    name: &str,
    value: &Value,
    args: Args,
) -> Res<Value> {
    match name {
        "join" => return join(interpreter, value, args),
        "replace" => return replace(interpreter, value, args),
        "indent" => return indent(interpreter, value, args),
        "truncate" => return truncate(interpreter, value, args),
        _ => {}
    }
    let text = interpreter.soft_text(value)?;
    let is_safe = text.is_safe;
    interpreter.meter.make(text.text.len())?;
    match name {
        "capitalize" => {
            args.none(name)?;
            interpreter.made_text(str_case::capitalize(&text.text)?, is_safe)
        }
        "center" => {
            let [width] = args.bind(name, ["width"])?;
            let width = interpreter.integer_or(width.as_ref(), 80)?;
            centered(interpreter, &text, width, ' ')
        }
        "format" => {
            if !args.positional.is_empty() && !args.named.is_empty() {
                return failed("can't handle positional and keyword arguments at the same time");
            }
            let values = if args.named.is_empty() {
                interpreter.tuple(args.positional)?
            } else {
                let mut dict = DictBuilder::default();
                for (name, value) in args.named {
                    dict.insert(interpreter, Value::text(&name), value)?;
                }
                dict.finish(interpreter)?
            };
            percent::format(interpreter, &text, &values)
        }
        "lower" => {
            args.none(name)?;
            interpreter.made_text(str_case::lower(&text.text)?, is_safe)
        }
        "string" => {
            args.none(name)?;
            Ok(Value::Str(text))
        }
        "title" => {
            args.none(name)?;
            interpreter.made_text(title(&text.text)?, false)
        }
        "trim" => {
            let [chars] = args.bind(name, ["chars"])?;
            let chars = match &chars {
                None | Some(Value::None) => None,
                Some(Value::Str(chars)) => Some(&*chars.text),
                Some(_) => return failed("strip arg must be None or str"),
            };
            interpreter.piece(strip(&text.text, chars, true, true), is_safe)
        }
        "upper" => {
            args.none(name)?;
            interpreter.made_text(str_case::upper(&text.text)?, is_safe)
        }
        _ => {
            args.none(name)?;
            if let Some(c) = text.text.chars().find(|c| !is_settled(*c)) {
                return unsupported(format!("`wordcount` of the character `{c}`"));
            }
            let words = text
                .text
                .split(|c| !is_word(c))
                .filter(|word| !word.is_empty());
            Ok(Value::Int(words.count() as i128))
        }
    }
}

/// Each piece between the characters that begin words: first letter large, the others small.
fn title(text: &str) -> Res<String> {
    let is_border = |c: char| is_space(c) || matches!(c, '-' | '(' | '{' | '[' | '<');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if is_border(first) {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let end = rest.find(is_border).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        let (first, others) = word.split_at(first.len_utf8());
        out.push_str(&str_case::upper(first)?);
        out.push_str(&str_case::lower(others)?);
        rest = behind;
    }
    Ok(out)
}

fn join(interpreter: &Interpreter, value: &Value, args: Args) -> Res<Value> {
    let [separator, attribute] = args.bind("join", ["d", "attribute"])?;
    let separator = match &separator {
        Some(separator) => interpreter.str(separator)?,
        None => "".into(),
    };
    let path = path(attribute.as_ref());
    let mut out = String::new();
    let mut is_first = true;
    let iter = interpreter.iter(value)?;
    while let Some(item) = interpreter.next(&iter)? {
        let item = follow(interpreter, &item, &path, None)?;
        let text = interpreter.str(&item)?;
        interpreter.meter.make(text.len() + separator.len())?;
        if !std::mem::take(&mut is_first) {
            out.push_str(&separator);
        }
        out.push_str(&text);
    }
    interpreter.made_text(out, false)
}

fn replace(interpreter: &Interpreter, value: &Value, args: Args) -> Res<Value> {
    let [old, new, count] = args.bind("replace", ["old", "new", "count"])?;
    let old = interpreter.str(&required(old, "replace", "old")?)?;
    let new = interpreter.str(&required(new, "replace", "new")?)?;
    let count = match count {
        None | Some(Value::None) => -1,
        Some(count) => interpreter.integer(&count)?,
    };
    let text = interpreter.str(value)?;
    replaced(interpreter, &text, &old, &new, count, false)
}

/// Python's `replace`; a negative count means all.
pub(in crate::chat::jinja) fn replaced(
    interpreter: &Interpreter,
    text: &str,
    old: &str,
    new: &str,
    count: i128,
    is_safe: bool,
) -> Res<Value> {
    let limit = usize::try_from(count).unwrap_or(usize::MAX);
    interpreter.meter.look(text.len())?;
    let found = text.matches(old).take(limit).count();
    let more = found.saturating_mul(new.len());
    interpreter.meter.make(text.len().saturating_add(more))?;
    interpreter.made_text(text.replacen(old, new, limit), is_safe)
}

fn indent(interpreter: &Interpreter, value: &Value, args: Args) -> Res<Value> {
    let [width, first, blank] = args.bind("indent", ["width", "first", "blank"])?;
    let first = interpreter.flag_or(first.as_ref(), false)?;
    let blank = interpreter.flag_or(blank.as_ref(), false)?;
    let Value::Str(text) = value else {
        return match value {
            Value::Undefined(undefined) => failed(undefined.words()),
            other => failed(format!(
                "can't indent a value of type '{}'",
                other.type_name()
            )),
        };
    };
    let indention = match &width {
        Some(Value::Str(given)) => given.text.to_string(),
        other => {
            let width = interpreter.integer_or(other.as_ref(), 4)?.max(0);
            let width = usize::try_from(width).unwrap_or(usize::MAX);
            interpreter.meter.make(width)?;
            " ".repeat(width)
        }
    };
    // Jinja adds a line end, so that one at the end of the text makes a line of its own.
    interpreter.meter.make(text.text.len().saturating_mul(16))?;
    let whole = format!("{}\n", text.text);
    let lines = lines(&whole, false);
    let more = lines.len().saturating_mul(indention.len() + 1);
    interpreter.meter.make(more)?;
    let mut out = String::with_capacity(text.text.len());
    for (at, line) in lines.iter().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        let is_indented = if at == 0 {
            first
        } else {
            blank || !line.is_empty()
        };
        if is_indented {
            out.push_str(&indention);
        }
        out.push_str(line);
    }
    interpreter.made_text(out, text.is_safe)
}

fn truncate(interpreter: &Interpreter, value: &Value, args: Args) -> Res<Value> {
    let parameters = ["length", "killwords", "end", "leeway"];
    let [length, killwords, end, leeway] = args.bind("truncate", parameters)?;
    let length = interpreter.integer_or(length.as_ref(), 255)?;
    let killwords = interpreter.flag_or(killwords.as_ref(), false)?;
    let end = match end {
        None => Text {
            text: "...".into(),
            is_safe: false,
        },
        Some(Value::Str(end)) => end,
        Some(other) => {
            return failed(format!(
                "`truncate` with an end of type '{}'",
                other.type_name()
            ));
        }
    };
    let leeway = match leeway {
        None | Some(Value::None) => 5,
        Some(leeway) => interpreter.integer(&leeway)?,
    };
    let text = match value {
        Value::Str(text) => text,
        Value::Undefined(_) => return Ok(value.clone()),
        other => {
            return failed(format!(
                "`truncate` of a value of type '{}'",
                other.type_name()
            ));
        }
    };
    let end_length = char_count(&end.text) as i128;
    if length < end_length {
        return failed(format!("expected length >= {end_length}, got {length}"));
    }
    if leeway < 0 {
        return failed(format!("expected leeway >= 0, got {leeway}"));
    }
    interpreter.meter.look(text.text.len())?;
    if char_count(&text.text) as i128 <= length.saturating_add(leeway) {
        return Ok(value.clone());
    }
    let mut kept = slice::char_range(&text.text, 0, length - end_length);
    if !killwords {
        kept = kept.rsplit_once(' ').map_or(kept, |(before, _)| before);
    }
    let is_safe = text.is_safe || end.is_safe;
    let kept = Text {
        text: kept.into(),
        is_safe: text.is_safe,
    };
    let kept = interpreter.escaped_if(&kept, is_safe)?;
    let end = interpreter.escaped_if(&end, is_safe)?;
    interpreter.made_text(kept + &end, is_safe)
}

/// What `pprint` prints in one line.
const PPRINT_WIDTH: usize = 80;

/// Python's `pformat`, for values that fit into a line: `repr` with sorted keys.
pub(super) fn pprint(interpreter: &Interpreter, value: &Value, args: Args) -> Res<Value> {
    args.none("pprint")?;
    let sorted = with_sorted_keys(interpreter, value)?;
    let text = interpreter.repr(&sorted)?;
    if char_count(&text) > PPRINT_WIDTH {
        return unsupported(format!(
            "`pprint` of a value of more than {PPRINT_WIDTH} characters"
        ));
    }
    interpreter.made_text(text, false)
}

fn with_sorted_keys(interpreter: &Interpreter, value: &Value) -> Res<Value> {
    interpreter.meter.look(0)?;
    match value {
        Value::List(items) | Value::Tuple(items) => {
            let sorted = items.items.iter();
            let sorted = sorted.map(|item| with_sorted_keys(interpreter, item));
            let sorted = sorted.collect::<Res<Vec<_>>>()?;
            match value {
                Value::List(_) => interpreter.list(sorted),
                _ => interpreter.tuple(sorted),
            }
        }
        Value::Dict(dict) => {
            let keys = dict.entries.iter();
            let keys = keys.map(|(key, _)| (key.clone(), key.clone())).collect();
            let mut sorted = DictBuilder::default();
            for key in interpreter.sorted(keys, false)? {
                let value = interpreter.item(value, &key)?;
                sorted.insert(interpreter, key, with_sorted_keys(interpreter, &value)?)?;
            }
            sorted.finish(interpreter)
        }
        other => Ok(other.clone()),
    }
}
