//! Filters of lists and mappings.

use std::collections::HashSet;
use std::rc::Rc;

use crate::chat::jinja::call::{Args, required};
use crate::chat::jinja::fault::{Res, failed};
use crate::chat::jinja::interpreter::Interpreter;
use crate::chat::jinja::iterate::Iter;
use crate::chat::jinja::value::{Items, Value};

use super::{follow, path, without_case};

pub(super) fn first(interpreter: &Interpreter, value: &Value, args: Args) -> Res<Value> {
    args.none("first")?;
    if let Value::Str(text) = value {
        return match text.text.chars().next() {
            Some(c) => interpreter.character(c),
            None => Ok(Value::undefined("No first item, sequence was empty.")),
        };
    }
    let iter = interpreter.iter(value)?;
    let first = interpreter.next(&iter)?;
    Ok(first.unwrap_or_else(|| Value::undefined("No first item, sequence was empty.")))
}

pub(super) fn last(interpreter: &Interpreter, value: &Value, args: Args) -> Res<Value> {
    args.none("last")?;
    let empty = || Value::undefined("No last item, sequence was empty.");
    match value {
        Value::Undefined(_) => return Ok(empty()),
        Value::Str(text) => {
            return match text.text.chars().next_back() {
                Some(c) => interpreter.piece(c.encode_utf8(&mut [0; 4]), text.is_safe),
                None => Ok(empty()),
            };
        }
        _ => {}
    }
    match interpreter.reversed(value)? {
        Some(Value::Iter(iter)) => Ok(interpreter.next(&iter)?.unwrap_or_else(empty)),
        _ => failed(format!("'{}' object is not reversible", value.type_name())),
    }
}

pub(super) fn reverse(interpreter: &Interpreter, value: &Value, args: Args) -> Res<Value> {
    args.none("reverse")?;
    if let Value::Str(text) = value {
        let reversed = text.text.chars().rev().collect();
        return interpreter.made_text(reversed, text.is_safe);
    }
    if let Value::Undefined(_) = value {
        return interpreter.queue(value, Vec::new());
    }
    if let Some(reversed) = interpreter.reversed(value)? {
        return Ok(reversed);
    }
    let mut items = interpreter.collect(value)?;
    items.reverse();
    interpreter.list(items)
}

pub(super) fn batch(interpreter: &Interpreter, value: &Value, args: Args) -> Res<Value> {
    let [count, fill] = args.bind("batch", ["linecount", "fill_with"])?;
    let count = required(count, "batch", "linecount")?;
    let fill = fill.filter(|fill| !matches!(fill, Value::None));
    if let Some(fill) = &fill {
        Interpreter::containable(fill)?;
    }
    let of = deepest(value, fill.as_ref());
    let source = value.clone();
    let mut iter: Option<Rc<Iter>> = None;
    let mut row: Vec<Value> = Vec::new();
    let mut is_done = false;
    interpreter.generator(
        &of,
        Box::new(move |interpreter| {
            if is_done {
                return Ok(None);
            }
            let count = interpreter.integer(&count)?;
            let running = match &iter {
                Some(running) => running.clone(),
                None => interpreter.iter(&source)?,
            };
            iter = Some(running.clone());
            while let Some(item) = interpreter.next(&running)? {
                let is_full = row.len() as i128 == count;
                let full = is_full.then(|| std::mem::take(&mut row));
                interpreter.make_items(1)?;
                row.push(item);
                if let Some(full) = full {
                    return interpreter.list(full).map(Some);
                }
            }
            is_done = true;
            if row.is_empty() {
                return Ok(None);
            }
            let mut row = std::mem::take(&mut row);
            if let Some(fill) = &fill {
                let missing = usize::try_from(count - row.len() as i128).unwrap_or(0);
                interpreter.make_items(missing)?;
                row.extend(std::iter::repeat_n(fill.clone(), missing));
            }
            interpreter.list(row).map(Some)
        }),
    )
}

pub(super) fn slice(interpreter: &Interpreter, value: &Value, args: Args) -> Res<Value> {
    let [slices, fill] = args.bind("slice", ["slices", "fill_with"])?;
    let slices = required(slices, "slice", "slices")?;
    let fill = fill.filter(|fill| !matches!(fill, Value::None));
    if let Some(fill) = &fill {
        Interpreter::containable(fill)?;
    }
    let of = deepest(value, fill.as_ref());
    let source = value.clone();
    let mut items: Option<Vec<Value>> = None;
    let (mut number, mut offset) = (0_usize, 0_usize);
    interpreter.generator(
        &of,
        Box::new(move |interpreter| {
            let all = match items.take() {
                Some(all) => all,
                None => interpreter.collect(&source)?,
            };
            let slices = interpreter.integer(&slices)?;
            if slices == 0 {
                return failed("integer division or modulo by zero");
            }
            let slices = usize::try_from(slices).unwrap_or(0);
            if number >= slices {
                return Ok(None);
            }
            let (size, num_longer) = (all.len() / slices, all.len() % slices);
            let start = offset + number * size;
            offset += usize::from(number < num_longer);
            let end = offset + (number + 1) * size;
            interpreter.make_items(end - start + 1)?;
            let mut piece = all[start..end].to_vec();
            if number >= num_longer {
                piece.extend(fill.clone());
            }
            number += 1;
            items = Some(all);
            interpreter.list(piece).map(Some)
        }),
    )
}

/// A value as deep as the deeper of two.
pub(super) fn deepest(value: &Value, other: Option<&Value>) -> Value {
    match other {
        Some(other) if other.depth() > value.depth() => other.clone(),
        _ => value.clone(),
    }
}

pub(super) fn items(interpreter: &Interpreter, value: &Value, args: Args) -> Res<Value> {
    args.none("items")?;
    let source = value.clone();
    let mut iter: Option<Rc<Iter>> = None;
    interpreter.generator(
        value,
        Box::new(move |interpreter| {
            let running = match (&iter, &source) {
                (Some(running), _) => running.clone(),
                (None, Value::Undefined(_)) => return Ok(None),
                (None, Value::Dict(dict)) => {
                    let kind = crate::chat::jinja::dict::ViewKind::Items;
                    interpreter.iter(&Value::View(kind, dict.clone()))?
                }
                _ => return failed("Can only get item pairs from a mapping."),
            };
            iter = Some(running.clone());
            interpreter.next(&running)
        }),
    )
}

pub(super) fn dictsort(interpreter: &Interpreter, value: &Value, args: Args) -> Res<Value> {
    let parameters = ["case_sensitive", "by", "reverse"];
    let [case_sensitive, by, reverse] = args.bind("dictsort", parameters)?;
    let case_sensitive = interpreter.flag_or(case_sensitive.as_ref(), false)?;
    let reverse = interpreter.flag_or(reverse.as_ref(), false)?;
    let by_value = match by.as_ref().map(Value::as_str) {
        None | Some(Some("key")) => false,
        Some(Some("value")) => true,
        _ => return failed("You can only sort by either \"key\" or \"value\""),
    };
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
    let mut pairs = Vec::new();
    for (key, value) in &dict.entries {
        let by = if by_value { value } else { key }.clone();
        let by = if case_sensitive {
            by
        } else {
            without_case(interpreter, by)?
        };
        let pair = interpreter.tuple(vec![key.clone(), value.clone()])?;
        pairs.push((by, pair));
    }
    let sorted = interpreter.sorted(pairs, reverse)?;
    interpreter.list(sorted)
}

pub(super) fn sort(interpreter: &Interpreter, value: &Value, args: Args) -> Res<Value> {
    let parameters = ["reverse", "case_sensitive", "attribute"];
    let [reverse, case_sensitive, attribute] = args.bind("sort", parameters)?;
    let reverse = interpreter.flag_or(reverse.as_ref(), false)?;
    let case_sensitive = interpreter.flag_or(case_sensitive.as_ref(), false)?;
    let paths: Vec<Vec<Value>> = match &attribute {
        Some(Value::Str(text)) => text.text.split(',').map(super::parts).collect(),
        other => vec![path(other.as_ref())],
    };
    let mut pairs = Vec::new();
    for item in interpreter.collect(value)? {
        let mut keys = Vec::new();
        for path in &paths {
            let key = follow(interpreter, &item, path, None)?;
            keys.push(if case_sensitive {
                key
            } else {
                without_case(interpreter, key)?
            });
        }
        pairs.push((interpreter.list(keys)?, item));
    }
    let sorted = interpreter.sorted(pairs, reverse)?;
    interpreter.list(sorted)
}

/// `min` and `max`.
pub(super) fn extreme(
    interpreter: &Interpreter,
    value: &Value,
    args: Args,
    largest: bool,
) -> Res<Value> {
    let name = if largest { "max" } else { "min" };
    let [case_sensitive, attribute] = args.bind(name, ["case_sensitive", "attribute"])?;
    let case_sensitive = interpreter.flag_or(case_sensitive.as_ref(), false)?;
    let path = path(attribute.as_ref());
    let iter = interpreter.iter(value)?;
    let mut best: Option<(Value, Value)> = None;
    while let Some(item) = interpreter.next(&iter)? {
        let key = follow(interpreter, &item, &path, None)?;
        let key = if case_sensitive {
            key
        } else {
            without_case(interpreter, key)?
        };
        let is_better = match &best {
            None => true,
            Some((other, _)) if largest => interpreter.less(other, &key)?,
            Some((other, _)) => interpreter.less(&key, other)?,
        };
        if is_better {
            best = Some((key, item));
        }
    }
    Ok(match best {
        Some((_, item)) => item,
        None => Value::undefined("No aggregated item, sequence was empty."),
    })
}

pub(super) fn unique(interpreter: &Interpreter, value: &Value, args: Args) -> Res<Value> {
    let [case_sensitive, attribute] = args.bind("unique", ["case_sensitive", "attribute"])?;
    let case_sensitive = interpreter.flag_or(case_sensitive.as_ref(), false)?;
    let path = path(attribute.as_ref());
    let source = value.clone();
    let mut iter: Option<Rc<Iter>> = None;
    let mut seen = HashSet::new();
    interpreter.generator(
        value,
        Box::new(move |interpreter| {
            let running = match &iter {
                Some(running) => running.clone(),
                None => interpreter.iter(&source)?,
            };
            iter = Some(running.clone());
            while let Some(item) = interpreter.next(&running)? {
                let key = follow(interpreter, &item, &path, None)?;
                let key = if case_sensitive {
                    key
                } else {
                    without_case(interpreter, key)?
                };
                interpreter.meter.make(96)?;
                if seen.insert(interpreter.key(&key)?) {
                    return Ok(Some(item));
                }
            }
            Ok(None)
        }),
    )
}

pub(super) fn groupby(interpreter: &Interpreter, value: &Value, args: Args) -> Res<Value> {
    let parameters = ["attribute", "default", "case_sensitive"];
    let [attribute, default, case_sensitive] = args.bind("groupby", parameters)?;
    let attribute = required(attribute, "groupby", "attribute")?;
    let default = default.filter(|default| !matches!(default, Value::None));
    let case_sensitive = interpreter.flag_or(case_sensitive.as_ref(), false)?;
    let path = path(Some(&attribute));
    let mut pairs = Vec::new();
    for item in interpreter.collect(value)? {
        let found = follow(interpreter, &item, &path, default.as_ref())?;
        let key = if case_sensitive {
            found.clone()
        } else {
            without_case(interpreter, found.clone())?
        };
        let entry = interpreter.tuple(vec![key.clone(), found, item])?;
        pairs.push((key, entry));
    }
    let mut groups: Vec<(Value, Value, Vec<Value>)> = Vec::new();
    for entry in interpreter.sorted(pairs, false)? {
        let Value::Tuple(entry) = entry else { continue };
        let [key, found, item] = &entry.items[..] else {
            continue;
        };
        let is_same = match groups.last() {
            Some((last, ..)) => interpreter.equal(last, key)?,
            None => false,
        };
        match groups.last_mut() {
            Some((.., items)) if is_same => items.push(item.clone()),
            _ => groups.push((key.clone(), found.clone(), vec![item.clone()])),
        }
    }
    let mut made = Vec::new();
    for (_, found, items) in groups {
        let items = interpreter.list(items)?;
        let depth = 1 + found.depth().max(items.depth());
        Interpreter::within_depth(depth)?;
        interpreter.make_items(4)?;
        made.push(Value::Tuple(Rc::new(Items {
            items: vec![found, items],
            depth,
            is_group: true,
        })));
    }
    interpreter.list(made)
}
