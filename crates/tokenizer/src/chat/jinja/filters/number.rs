//! Filters that make numbers, or text of numbers.

use crate::chat::jinja::ast::Operator;
use crate::chat::jinja::call::Args;
use crate::chat::jinja::fault::{Res, failed, unsupported};
use crate::chat::jinja::float_text;
use crate::chat::jinja::interpreter::Interpreter;
use crate::chat::jinja::operators::Number;
use crate::chat::jinja::unicode::{is_decimal, is_space};
use crate::chat::jinja::value::Value;

pub(super) fn abs(interpreter: &Interpreter, value: &Value, args: Args) -> Res<Value> {
    args.none("abs")?;
    match Number::of(value) {
        Some(Number::Int(number)) if number < 0 => interpreter.negated(value),
        Some(Number::Int(number)) => Ok(Value::Int(number)),
        Some(Number::Float(number)) => Ok(Value::Float(number.abs())),
        None => bad(value, "bad operand type for abs()"),
    }
}

fn bad<T>(value: &Value, words: &str) -> Res<T> {
    match value {
        Value::Undefined(undefined) => failed(undefined.words()),
        other => failed(format!("{words}: '{}'", other.type_name())),
    }
}

/// A float as an integer, towards zero.
pub(in crate::chat::jinja) fn whole(number: f64) -> Res<i128> {
    if number.is_nan() {
        return failed("cannot convert float NaN to integer");
    }
    if number.is_infinite() {
        return failed("cannot convert float infinity to integer");
    }
    if number.abs() >= 1.7e38 {
        return unsupported("an integer of more than 127 bits");
    }
    Ok(number.trunc() as i128)
}

pub(super) fn int(interpreter: &Interpreter, value: &Value, args: Args) -> Res<Value> {
    let [default, base] = args.bind("int", ["default", "base"])?;
    let default = default.unwrap_or(Value::Int(0));
    match value {
        Value::Int(_) | Value::Bool(_) => interpreter.positive(value),
        Value::Float(number) if number.is_nan() => Ok(default),
        Value::Float(number) => whole(*number).map(Value::Int),
        Value::Undefined(undefined) => failed(undefined.words()),
        Value::Str(text) => {
            interpreter.meter.look(text.text.len())?;
            refuse_other_digits(&text.text)?;
            let base = interpreter.integer_or(base.as_ref(), 10)?;
            if let Some(number) = parse_int(&text.text, base)? {
                return Ok(Value::Int(number));
            }
            match parse_float(&text.text) {
                Some(number) if number.is_finite() => whole(number).map(Value::Int),
                _ => Ok(default),
            }
        }
        _ => Ok(default),
    }
}

pub(super) fn float(interpreter: &Interpreter, value: &Value, args: Args) -> Res<Value> {
    let [default] = args.bind("float", ["default"])?;
    let default = default.unwrap_or(Value::Float(0.0));
    if let Some(number) = Number::of(value) {
        return Ok(Value::Float(number.float()));
    }
    match value {
        Value::Undefined(undefined) => failed(undefined.words()),
        Value::Str(text) => {
            interpreter.meter.look(text.text.len())?;
            refuse_other_digits(&text.text)?;
            Ok(parse_float(&text.text).map_or(default, Value::Float))
        }
        _ => Ok(default),
    }
}

/// Python reads the digits of all scripts.
fn refuse_other_digits(text: &str) -> Res<()> {
    match text.chars().find(|c| !c.is_ascii() && is_decimal(*c)) {
        Some(c) => unsupported(format!("the digit `{c}` in a number")),
        None => Ok(()),
    }
}

/// Python's `int(text, base)`; nothing where it raises a ValueError.
fn parse_int(text: &str, base: i128) -> Res<Option<i128>> {
    if base != 0 && !(2..=36).contains(&base) {
        return Ok(None);
    }
    let text = text.trim_matches(is_space);
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let prefix = digits.get(..2).map(str::to_ascii_lowercase);
    let of_prefix = match prefix.as_deref() {
        Some("0b") => 2,
        Some("0o") => 8,
        Some("0x") => 16,
        _ => 0,
    };
    let (radix, digits) = if of_prefix != 0 && (base == 0 || base == of_prefix) {
        // One underscore may stand behind the prefix.
        let behind = &digits[2..];
        (of_prefix, behind.strip_prefix('_').unwrap_or(behind))
    } else if base == 0 {
        let is_zero = digits.bytes().all(|b| matches!(b, b'0' | b'_'));
        if digits.starts_with('0') && !is_zero {
            return Ok(None);
        }
        (10, digits)
    } else {
        (base, digits)
    };
    let is_valid = !digits.is_empty()
        && !digits.starts_with('_')
        && !digits.ends_with('_')
        && !digits.contains("__")
        && digits.chars().all(|c| c == '_' || c.is_digit(radix as u32));
    if !is_valid {
        return Ok(None);
    }
    let digits = digits.replace('_', "");
    match i128::from_str_radix(&digits, radix as u32) {
        Ok(number) => Ok(Some(if is_negative { -number } else { number })),
        Err(_) => unsupported("an integer of more than 127 bits"),
    }
}

/// Python's `float(text)`; nothing where it raises a ValueError.
fn parse_float(text: &str) -> Option<f64> {
    let text = text.trim_matches(is_space);
    let bytes = text.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    for (at, byte) in bytes.iter().enumerate() {
        let between = at > 0 && is_digit(at - 1) && is_digit(at + 1);
        if *byte == b'_' && !between {
            return None;
        }
    }
    text.replace('_', "").parse().ok()
}

pub(super) fn round(interpreter: &Interpreter, value: &Value, args: Args) -> Res<Value> {
    let [precision, method] = args.bind("round", ["precision", "method"])?;
    let method = method.unwrap_or_else(|| Value::text("common"));
    let Some(method @ ("common" | "ceil" | "floor")) = method.as_str() else {
        return failed("method must be common, ceil or floor");
    };
    let Some(number) = Number::of(value) else {
        return bad(value, "type has no __round__ method");
    };
    if method != "common" {
        let precision = interpreter.integer_or(precision.as_ref(), 0)?;
        let scale = interpreter.binary(Operator::Pow, &Value::Int(10), &Value::Int(precision))?;
        let scaled = interpreter.binary(Operator::Mul, value, &scale)?;
        let rounded = match Number::of(&scaled) {
            Some(Number::Float(number)) if method == "ceil" => whole(number.ceil())?,
            Some(Number::Float(number)) => whole(number.floor())?,
            Some(Number::Int(number)) => number,
            None => return failed("not a number"),
        };
        return interpreter.binary(Operator::Div, &Value::Int(rounded), &scale);
    }
    let digits = match precision {
        Some(Value::None) => None,
        Some(precision) => Some(interpreter.integer(&precision)?),
        None => Some(0),
    };
    match (number, digits) {
        (Number::Float(number), None) => whole(float_text::round(number, 0)).map(Value::Int),
        (Number::Float(number), Some(digits)) => {
            let rounded = float_text::round(number, digits);
            if rounded.is_infinite() && number.is_finite() {
                return failed("rounded value too large to represent");
            }
            Ok(Value::Float(rounded))
        }
        (Number::Int(number), None | Some(0..)) => Ok(Value::Int(number)),
        (Number::Int(number), Some(digits)) => round_int(number, digits).map(Value::Int),
    }
}

/// Python's `round(number, digits)` of an integer with negative digits.
fn round_int(number: i128, digits: i128) -> Res<i128> {
    let unit = u32::try_from(-digits)
        .ok()
        .and_then(|power| 10_i128.checked_pow(power));
    let Some(unit) = unit else {
        return Ok(0);
    };
    let low = number.div_euclid(unit);
    let rest = number.rem_euclid(unit);
    let goes_up = rest * 2 > unit || rest * 2 == unit && low % 2 != 0;
    match (low + i128::from(goes_up)).checked_mul(unit) {
        Some(rounded) => Ok(rounded),
        None => unsupported("an integer of more than 127 bits"),
    }
}

pub(super) fn file_size(interpreter: &Interpreter, value: &Value, args: Args) -> Res<Value> {
    let [binary] = args.bind("filesizeformat", ["binary"])?;
    let binary = interpreter.flag_or(binary.as_ref(), false)?;
    let bytes = match value {
        Value::Str(text) => {
            refuse_other_digits(&text.text)?;
            match parse_float(&text.text) {
                Some(bytes) => bytes,
                None => return failed("could not convert string to float"),
            }
        }
        other => match Number::of(other) {
            Some(number) => number.float(),
            None => return bad(other, "float() argument must be a string or a real number"),
        },
    };
    let base = if binary { 1024.0_f64 } else { 1000.0 };
    if bytes == 1.0 {
        return Ok(Value::text("1 Byte"));
    }
    if bytes < base {
        return interpreter.made_text(format!("{} Bytes", whole(bytes)?), false);
    }
    let names = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
    let mut unit = base;
    let mut name = "Y";
    for candidate in names {
        name = candidate;
        unit *= base;
        if bytes < unit {
            break;
        }
    }
    let name = match (binary, name) {
        (true, "k") => "KiB".to_owned(),
        (true, name) => format!("{name}iB"),
        (false, name) => format!("{name}B"),
    };
    let number = super::super::format_spec::fixed(base * bytes / unit, 1, false);
    interpreter.made_text(format!("{number} {name}"), false)
}

pub(super) fn sum(interpreter: &Interpreter, value: &Value, args: Args) -> Res<Value> {
    let [attribute, start] = args.bind("sum", ["attribute", "start"])?;
    let start = start.unwrap_or(Value::Int(0));
    if matches!(start, Value::Str(_)) {
        return failed("sum() can't sum strings [use ''.join(seq) instead]");
    }
    let path = super::path(attribute.as_ref());
    let iter = interpreter.iter(value)?;
    let mut total = start.clone();
    let mut numbers = vec![start];
    while let Some(item) = interpreter.next(&iter)? {
        let item = super::follow(interpreter, &item, &path, None)?;
        interpreter.make_items(1)?;
        total = interpreter.binary(Operator::Add, &total, &item)?;
        numbers.push(item);
    }
    if let Value::Float(total) = total
        && numbers.len() > 2
        && compensated(&numbers) != Some(total)
    {
        return unsupported("`sum` of floats whose result depends on the version of Python");
    }
    Ok(total)
}

/// The sum of floats as Python 3.12 and later compute it.
fn compensated(numbers: &[Value]) -> Option<f64> {
    let (mut total, mut rest) = (0.0_f64, 0.0_f64);
    for number in numbers {
        let number = Number::of(number)?.float();
        let sum = total + number;
        rest += if total.abs() >= number.abs() {
            (total - sum) + number
        } else {
            (number - sum) + total
        };
        total = sum;
    }
    Some(if rest != 0.0 && rest.is_finite() {
        total + rest
    } else {
        total
    })
}
