//! Methods of lists, tuples, mappings, ranges and numbers, and of Jinja's own objects.

use std::rc::Rc;

use super::call::{Args, required};
use super::dict::{Dict, ViewKind};
use super::fault::{Res, failed, unsupported};
use super::globals::from_keys;
use super::interpreter::Interpreter;
use super::value::Value;

/// `owner.name(args)`.
pub(super) fn call(interpreter: &Interpreter, owner: &Value, name: &str, args: Args) -> Res<Value> {
    match owner {
        Value::List(items) | Value::Tuple(items) => match name {
            "copy" => {
                args.none(name)?;
                interpreter.make_items(items.items.len())?;
                interpreter.list(items.items.clone())
            }
            "count" => {
                let [wanted] = args.positional::<1>(name, 1)?;
                let wanted = required(wanted, name, "value")?;
                let mut count = 0;
                for item in &items.items {
                    count += i128::from(interpreter.equal(item, &wanted)?);
                }
                Ok(Value::Int(count))
            }
            _ => index(interpreter, &items.items, owner, args),
        },
        Value::Dict(dict) => dict_method(interpreter, dict, name, args),
        Value::Range(_) => {
            let [wanted] = args.positional::<1>(name, 1)?;
            let wanted = required(wanted, name, "value")?;
            let iter = interpreter.iter(owner)?;
            let mut at = 0;
            while let Some(item) = interpreter.next(&iter)? {
                if interpreter.equal(&item, &wanted)? {
                    return Ok(Value::Int(if name == "count" { 1 } else { at }));
                }
                at += 1;
            }
            if name == "count" {
                return Ok(Value::Int(0));
            }
            failed("value is not in range")
        }
        Value::Int(_) | Value::Bool(_) | Value::Float(_) => {
            number_method(interpreter, owner, name, args)
        }
        Value::Loop(state) => interpreter.loop_method(state, name, args),
        Value::Cycler(cycler) => {
            args.none(name)?;
            if name == "reset" {
                cycler.at.set(0);
                return Ok(Value::None);
            }
            let at = cycler.at.get();
            cycler.at.set((at + 1) % cycler.items.items.len());
            Ok(cycler.items.items[at].clone())
        }
        Value::Global(_) => from_keys(interpreter, args),
        other => unsupported(format!(
            "the method `{name}` of a value of type `{}`",
            other.type_name()
        )),
    }
}

fn dict_method(interpreter: &Interpreter, dict: &Rc<Dict>, name: &str, args: Args) -> Res<Value> {
    match name {
        "get" => {
            let [key, default] = args.positional::<2>(name, 1)?;
            let key = required(key, name, "key")?;
            let key = interpreter.key(&key)?;
            let found = dict.get(&key).cloned();
            Ok(found.or(default).unwrap_or(Value::None))
        }
        "keys" | "values" | "items" => {
            args.none(name)?;
            let kind = match name {
                "keys" => ViewKind::Keys,
                "values" => ViewKind::Values,
                _ => ViewKind::Items,
            };
            Ok(Value::View(kind, dict.clone()))
        }
        // Nothing can change a mapping, so a copy is as good as itself, but for `sameas`.
        "copy" => {
            args.none(name)?;
            let mut copy = super::dict::DictBuilder::default();
            for (key, value) in &dict.entries {
                copy.insert(interpreter, key.clone(), value.clone())?;
            }
            copy.finish(interpreter)
        }
        _ => from_keys(interpreter, args),
    }
}

/// `index` of a list or tuple.
fn index(interpreter: &Interpreter, items: &[Value], owner: &Value, args: Args) -> Res<Value> {
    let [wanted, start, stop] = args.positional::<3>("index", 1)?;
    let wanted = required(wanted, "index", "value")?;
    let length = items.len() as i128;
    let from_end = |at: i128| {
        let at = if at < 0 {
            at.saturating_add(length)
        } else {
            at
        };
        at.clamp(0, length) as usize
    };
    let start = from_end(interpreter.integer_or(start.as_ref(), 0)?);
    let stop = from_end(interpreter.integer_or(stop.as_ref(), i128::MAX)?);
    for (at, item) in items.iter().enumerate().take(stop).skip(start) {
        if interpreter.equal(item, &wanted)? {
            return Ok(Value::Int(at as i128));
        }
    }
    failed(format!("the value is not in {}", owner.type_name()))
}

fn number_method(interpreter: &Interpreter, owner: &Value, name: &str, args: Args) -> Res<Value> {
    let refused = || {
        unsupported(format!(
            "the method `{name}` of a value of type `{}`",
            owner.type_name()
        ))
    };
    if matches!(name, "hex" | "fromhex" | "to_bytes" | "from_bytes") {
        return refused();
    }
    args.none(name)?;
    match (name, owner) {
        ("conjugate", _) => interpreter.positive(owner),
        ("is_integer", Value::Float(number)) => {
            Ok(Value::Bool(number.is_finite() && number.fract() == 0.0))
        }
        ("as_integer_ratio", Value::Float(number)) => {
            if !number.is_finite() {
                return failed("cannot convert infinity or NaN to integer ratio");
            }
            let (mut numerator, mut denominator) = (*number, 1_i128);
            while numerator.fract() != 0.0 {
                numerator *= 2.0;
                let Some(doubled) = denominator.checked_mul(2) else {
                    return refused();
                };
                denominator = doubled;
            }
            let numerator = super::filters::whole(numerator)?;
            interpreter.tuple(vec![Value::Int(numerator), Value::Int(denominator)])
        }
        ("as_integer_ratio", _) => {
            let number = interpreter.positive(owner)?;
            interpreter.tuple(vec![number, Value::Int(1)])
        }
        ("bit_length", _) => {
            let magnitude = interpreter.integer(owner)?.unsigned_abs();
            Ok(Value::Int(i128::from(
                u128::BITS - magnitude.leading_zeros(),
            )))
        }
        ("bit_count", _) => {
            let magnitude = interpreter.integer(owner)?.unsigned_abs();
            Ok(Value::Int(i128::from(magnitude.count_ones())))
        }
        _ => refused(),
    }
}
