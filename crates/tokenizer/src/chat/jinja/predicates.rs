//! Jinja's tests.

use super::ast::{Comparison, Operator};
use super::call::{Args, required};
use super::compare::is_same_object;
use super::fault::{Res, failed, unsupported};
use super::interpreter::Interpreter;
use super::str_case::is_all;
use super::unicode::{is_lower, is_upper};
use super::value::Value;
use super::{filters, operators};

/// All of them but those that are signs.
const NAMES: [&str; 33] = [
    "boolean",
    "callable",
    "defined",
    "divisibleby",
    "eq",
    "equalto",
    "escaped",
    "even",
    "false",
    "filter",
    "float",
    "ge",
    "greaterthan",
    "gt",
    "in",
    "integer",
    "iterable",
    "le",
    "lessthan",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "sameas",
    "sequence",
    "string",
    "test",
    "true",
    "undefined",
    "upper",
];

/// Tests that only `select` and its like can name.
const SIGNS: [&str; 6] = ["!=", "<", "<=", "==", ">", ">="];

pub(super) fn exists(name: &str) -> bool {
    NAMES.contains(&name)
}

/// `value is name(args)`.
pub(super) fn apply(interpreter: &Interpreter, name: &str, value: &Value, args: Args) -> Res<bool> {
    let comparison = match name {
        "eq" | "equalto" | "==" => Some(Comparison::Eq),
        "ne" | "!=" => Some(Comparison::Ne),
        "lt" | "lessthan" | "<" => Some(Comparison::Lt),
        "le" | "<=" => Some(Comparison::Le),
        "gt" | "greaterthan" | ">" => Some(Comparison::Gt),
        "ge" | ">=" => Some(Comparison::Ge),
        _ => None,
    };
    if let Some(comparison) = comparison {
        let [other] = args.positional::<1>(name, 1)?;
        let other = required(other, name, "b")?;
        return interpreter.compare(comparison, value, &other);
    }
    match name {
        "divisibleby" => {
            let [by] = args.bind(name, ["num"])?;
            let by = required(by, name, "num")?;
            let rest = interpreter.binary(Operator::Mod, value, &by)?;
            interpreter.equal(&rest, &Value::Int(0))
        }
        "even" | "odd" => {
            args.none(name)?;
            let rest = interpreter.binary(Operator::Mod, value, &Value::Int(2))?;
            let wanted = i128::from(name == "odd");
            interpreter.equal(&rest, &Value::Int(wanted))
        }
        "in" => {
            let [container] = args.bind(name, ["seq"])?;
            let container = required(container, name, "seq")?;
            interpreter.contains(&container, value)
        }
        "sameas" => {
            let [other] = args.bind(name, ["other"])?;
            let other = required(other, name, "other")?;
            same(value, &other)
        }
        "filter" | "test" => {
            args.none(name)?;
            if !interpreter.is_hashable(value)? {
                return failed(format!("unhashable type: '{}'", value.type_name()));
            }
            let Some(text) = value.as_str() else {
                return Ok(false);
            };
            Ok(match name {
                "filter" => filters::exists(text),
                _ => exists(text) || SIGNS.contains(&text),
            })
        }
        "lower" | "upper" => {
            args.none(name)?;
            let text = interpreter.str(value)?;
            interpreter.meter.make(text.len())?;
            let is_wanted = if name == "lower" { is_lower } else { is_upper };
            Ok(is_all(&text, is_wanted))
        }
        _ if exists(name) => {
            args.none(name)?;
            Ok(is_of_kind(value, name))
        }
        _ => failed(format!("no test named '{name}'")),
    }
}

/// Tests that look at nothing but the kind of a value.
fn is_of_kind(value: &Value, name: &str) -> bool {
    match name {
        "boolean" => matches!(value, Value::Bool(_)),
        "callable" => value.is_callable(),
        "defined" => !value.is_undefined(),
        "undefined" => value.is_undefined(),
        "escaped" => matches!(value, Value::Str(text) if text.is_safe),
        "false" => matches!(value, Value::Bool(false)),
        "true" => matches!(value, Value::Bool(true)),
        "float" => matches!(value, Value::Float(_)),
        "integer" => matches!(value, Value::Int(_)),
        "number" => operators::Number::of(value).is_some(),
        "none" => matches!(value, Value::None),
        "string" => matches!(value, Value::Str(_)),
        "mapping" => matches!(value, Value::Dict(_)),
        // What has a length and can be subscripted.
        "sequence" => matches!(
            value,
            Value::Str(_)
                | Value::List(_)
                | Value::Tuple(_)
                | Value::Dict(_)
                | Value::Range(_)
                | Value::Undefined(_)
        ),
        _ => matches!(
            value,
            Value::Str(_)
                | Value::List(_)
                | Value::Tuple(_)
                | Value::Dict(_)
                | Value::View(..)
                | Value::Range(_)
                | Value::Iter(_)
                | Value::Loop(_)
                | Value::Undefined(_)
        ),
    }
}

/// Whether two values are the same object, where Python's answer does not depend on what it caches.
fn same(left: &Value, right: &Value) -> Res<bool> {
    /// Python has one object for each of these integers.
    const CACHED: std::ops::RangeInclusive<i128> = -5..=256;
    Ok(match (left, right) {
        (Value::None, Value::None) | (Value::SelfReference, Value::SelfReference) => true,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Global(left), Value::Global(right)) => left == right,
        (Value::Int(left), Value::Int(right)) if left != right || CACHED.contains(left) => {
            left == right
        }
        (Value::Str(left), Value::Str(right)) if left.text != right.text => false,
        (Value::Str(left), Value::Str(right)) if left.is_safe != right.is_safe => false,
        (Value::Float(left), Value::Float(right)) if left != right => false,
        (Value::Int(_), Value::Int(_))
        | (Value::Float(_), Value::Float(_))
        | (Value::Str(_), Value::Str(_))
        | (Value::Undefined(_), Value::Undefined(_))
        | (Value::Range(_), Value::Range(_))
        | (Value::Tuple(_), Value::Tuple(_)) => {
            return unsupported("`sameas` of equal numbers, texts or tuples");
        }
        _ => is_same_object(left, right),
    })
}
