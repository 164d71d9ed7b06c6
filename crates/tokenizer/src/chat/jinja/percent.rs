//! `format % values`, Python's formatting with `%`.

use super::fault::{Res, failed, unsupported};
use super::filters::escaped;
use super::format_spec::{fixed, general, scientific, small_number};
use super::interpreter::Interpreter;
use super::operators::Number;
use super::value::{Text, Value};

/// The value of `format % values`. A format that is marked as safe escapes what it takes in.
pub(super) fn format(interpreter: &Interpreter, format: &Text, values: &Value) -> Res<Value> {
    interpreter.meter.make(format.text.len())?;
    let mut formatter = Formatter {
        interpreter,
        is_safe: format.is_safe,
        values: match values {
            Value::Tuple(items) => Values::Many(&items.items, 0),
            single => Values::Single(single, false),
        },
        given: values,
        out: String::new(),
    };
    formatter.run(&format.text)?;
    let is_mapping = matches!(
        values,
        Value::Dict(_) | Value::List(_) | Value::Range(_) | Value::Undefined(_)
    );
    let is_left = match formatter.values {
        Values::Many(items, at) => at < items.len(),
        Values::Single(_, is_used) => !is_used && !is_mapping,
    };
    if is_left {
        return failed("not all arguments converted during string formatting");
    }
    interpreter.made_text(formatter.out, format.is_safe)
}

enum Values<'a> {
    Many(&'a [Value], usize),
    Single(&'a Value, bool),
}

struct Formatter<'a> {
    interpreter: &'a Interpreter<'a>,
    is_safe: bool,
    values: Values<'a>,
    given: &'a Value,
    out: String,
}

#[derive(Default)]
struct Flags {
    is_left: bool,
    has_plus: bool,
    has_space: bool,
    is_alternate: bool,
    has_zero: bool,
}

impl<'a> Formatter<'a> {
    fn run(&mut self, format: &str) -> Res<()> {
        let mut rest = format;
        while let Some(at) = rest.find('%') {
            self.out.push_str(&rest[..at]);
            rest = self.directive(&rest[at + 1..])?;
        }
        self.out.push_str(rest);
        Ok(())
    }

    fn next(&mut self) -> Res<&'a Value> {
        match &mut self.values {
            Values::Many(items, at) => {
                *at += 1;
                match items.get(*at - 1) {
                    Some(value) => Ok(value),
                    None => failed("not enough arguments for format string"),
                }
            }
            Values::Single(value, is_used) => {
                if std::mem::replace(is_used, true) {
                    return failed("not enough arguments for format string");
                }
                Ok(value)
            }
        }
    }

    /// One directive, from behind its `%`; gives what follows.
    fn directive<'f>(&mut self, format: &'f str) -> Res<&'f str> {
        let mut rest = format;
        let mut keyed = None;
        if let Some(inside) = rest.strip_prefix('(') {
            let Value::Dict(dict) = self.given else {
                return failed("format requires a mapping");
            };
            let mut depth = 1_usize;
            let end = inside.find(|c| {
                depth = match c {
                    '(' => depth + 1,
                    ')' => depth - 1,
                    _ => depth,
                };
                depth == 0
            });
            let Some(end) = end else {
                return failed("incomplete format key");
            };
            let Some(value) = dict.get_str(&inside[..end]) else {
                return failed(format!("KeyError: '{}'", &inside[..end]));
            };
            keyed = Some(value.clone());
            rest = &inside[end + 1..];
        }
        let mut flags = Flags::default();
        loop {
            match rest.as_bytes().first() {
                Some(b'-') => flags.is_left = true,
                Some(b'+') => flags.has_plus = true,
                Some(b' ') => flags.has_space = true,
                Some(b'#') => flags.is_alternate = true,
                Some(b'0') => flags.has_zero = true,
                _ => break,
            }
            rest = &rest[1..];
        }
        let mut width = 0;
        let mut precision = None;
        if let Some(behind) = rest.strip_prefix('*') {
            let number = self.star()?;
            flags.is_left |= number < 0;
            width = small_number(&number.unsigned_abs().to_string(), "a width")?;
            rest = behind;
        } else {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            if digits > 0 {
                width = small_number(&rest[..digits], "a width")?;
            }
            rest = &rest[digits..];
        }
        if let Some(behind) = rest.strip_prefix('.') {
            if let Some(behind) = behind.strip_prefix('*') {
                let number = self.star()?.max(0);
                precision = Some(small_number(&number.to_string(), "a precision")?);
                rest = behind;
            } else {
                let digits = behind.bytes().take_while(u8::is_ascii_digit).count();
                precision = Some(match digits {
                    0 => 0,
                    _ => small_number(&behind[..digits], "a precision")?,
                });
                rest = &behind[digits..];
            }
        }
        rest = rest.strip_prefix(['h', 'l', 'L']).unwrap_or(rest);
        let Some(kind) = rest.chars().next() else {
            return failed("incomplete format");
        };
        rest = &rest[kind.len_utf8()..];
        if kind == '%' {
            self.out.push('%');
            return Ok(rest);
        }
        let value = match keyed {
            Some(value) => value,
            None => self.next()?.clone(),
        };
        self.interpreter.meter.make(width.saturating_mul(4))?;
        self.interpreter.meter.make(precision.unwrap_or(0))?;
        let (text, is_number) = self.converted(&value, kind, precision, &flags)?;
        self.field(&text, is_number, width, &flags);
        Ok(rest)
    }

    fn star(&mut self) -> Res<i128> {
        match self.next()? {
            Value::Int(value) => Ok(*value),
            Value::Bool(value) => Ok(i128::from(*value)),
            _ => failed("* wants int"),
        }
    }

    /// The text of a value, and whether it is a number with a sign in front.
    fn converted(
        &self,
        value: &Value,
        kind: char,
        precision: Option<usize>,
        flags: &Flags,
    ) -> Res<(String, bool)> {
        let interpreter = self.interpreter;
        if let (
            'd' | 'i' | 'u' | 'o' | 'x' | 'X' | 'e' | 'E' | 'f' | 'F' | 'g' | 'G',
            Value::Undefined(undefined),
        ) = (kind, value)
        {
            return failed(undefined.words());
        }
        Ok(match kind {
            's' | 'r' | 'a' => {
                let mut text = match kind {
                    's' => interpreter.str(value)?.to_string(),
                    'r' => interpreter.repr(value)?,
                    _ => super::str_format::ascii(&interpreter.repr(value)?),
                };
                let keeps = matches!(value, Value::Str(text) if text.is_safe) && kind == 's';
                if self.is_safe && !keeps {
                    text = escaped(interpreter, &text)?;
                }
                let text = match precision {
                    Some(precision) => text.chars().take(precision).collect(),
                    None => text,
                };
                interpreter.meter.make(text.len())?;
                (text, false)
            }
            'c' => match value {
                Value::Str(text) if text.text.chars().count() == 1 && !self.is_safe => {
                    (text.text.to_string(), false)
                }
                Value::Int(_) | Value::Bool(_) if !self.is_safe => {
                    let code = u32::try_from(interpreter.integer(value)?).ok();
                    match code.and_then(char::from_u32) {
                        Some(c) => (c.to_string(), false),
                        None => return failed("%c arg not in range(0x110000)"),
                    }
                }
                _ => return failed("%c requires int or char"),
            },
            'd' | 'i' | 'u' | 'o' | 'x' | 'X' => {
                let is_decimal = matches!(kind, 'd' | 'i' | 'u');
                let number = match Number::of(value) {
                    // What stands for a value in a safe format is no integer of its own.
                    _ if self.is_safe && !is_decimal => {
                        return failed(format!("%{kind} format: an integer is required"));
                    }
                    Some(Number::Int(number)) => number,
                    Some(Number::Float(number)) if is_decimal => super::filters::whole(number)?,
                    _ if self.is_safe => {
                        return unsupported(
                            "a number out of a text in a format that is marked as safe",
                        );
                    }
                    _ => {
                        let expected = if is_decimal {
                            "a real number"
                        } else {
                            "an integer"
                        };
                        return failed(format!(
                            "%{kind} format: {expected} is required, not {}",
                            value.type_name()
                        ));
                    }
                };
                let magnitude = number.unsigned_abs();
                let (digits, prefix) = match kind {
                    'o' => (format!("{magnitude:o}"), "0o"),
                    'x' => (format!("{magnitude:x}"), "0x"),
                    'X' => (format!("{magnitude:X}"), "0X"),
                    _ => (magnitude.to_string(), ""),
                };
                let prefix = if flags.is_alternate { prefix } else { "" };
                let width = precision.unwrap_or(0);
                let sign = if number < 0 { "-" } else { "" };
                (format!("{sign}{prefix}{digits:0>width$}"), true)
            }
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
                let Some(number) = Number::of(value) else {
                    if self.is_safe {
                        return unsupported(
                            "a number out of a text in a format that is marked as safe",
                        );
                    }
                    return failed(format!("must be real number, not {}", value.type_name()));
                };
                let number = number.float();
                let magnitude = number.abs();
                let precision = precision.unwrap_or(6);
                let text = match kind.to_ascii_lowercase() {
                    'e' => scientific(magnitude, precision, flags.is_alternate),
                    'f' => fixed(magnitude, precision, flags.is_alternate),
                    _ => general(magnitude, precision, flags.is_alternate, false),
                };
                let text = if kind.is_ascii_uppercase() {
                    text.to_uppercase()
                } else {
                    text
                };
                let is_negative = number.is_sign_negative() && !number.is_nan();
                let sign = if is_negative { "-" } else { "" };
                (format!("{sign}{text}"), true)
            }
            other => return failed(format!("unsupported format character '{other}'")),
        })
    }

    /// Writes a converted value in its field.
    fn field(&mut self, text: &str, is_number: bool, width: usize, flags: &Flags) {
        let (sign, body) = match text.strip_prefix('-') {
            Some(body) if is_number => ("-", body),
            _ if is_number && flags.has_plus => ("+", text),
            _ if is_number && flags.has_space => (" ", text),
            _ => ("", text),
        };
        let has_prefix = is_number && flags.is_alternate && body.starts_with('0');
        let has_prefix = has_prefix && body[1..].starts_with(['x', 'X', 'o']);
        let (prefix, body) = body.split_at(if has_prefix { 2 } else { 0 });
        let length = sign.len() + prefix.len() + body.chars().count();
        let missing = width.saturating_sub(length);
        let fills_zeros = is_number && flags.has_zero && !flags.is_left;
        if !flags.is_left && !fills_zeros {
            self.out.push_str(&" ".repeat(missing));
        }
        self.out.push_str(sign);
        self.out.push_str(prefix);
        if fills_zeros {
            self.out.push_str(&"0".repeat(missing));
        }
        self.out.push_str(body);
        if flags.is_left {
            self.out.push_str(&" ".repeat(missing));
        }
    }
}
