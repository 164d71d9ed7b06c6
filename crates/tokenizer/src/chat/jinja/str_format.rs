//! `text.format(...)`, as Jinja's sandbox runs it.

use std::rc::Rc;

use super::call::Args;
use super::fault::{Res, failed};
use super::filters::escaped;
use super::interpreter::Interpreter;
use super::value::{Text, Value};

/// `text.format(*args, **kwargs)`.
pub(super) fn format(interpreter: &Interpreter, text: &Text, args: Args) -> Res<Value> {
    let mut formatter = Formatter {
        interpreter,
        is_safe: text.is_safe,
        args,
        next_index: Some(0),
    };
    let out = formatter.run(&text.text, 3)?;
    interpreter.made_text(out, text.is_safe)
}

/// `text.format_map(mapping)`.
pub(super) fn format_map(interpreter: &Interpreter, text: &Text, args: Args) -> Res<Value> {
    let [mapping] = args.positional::<1>("format_map", 1)?;
    let Some(Value::Dict(dict)) = mapping else {
        return failed("format_map() needs a mapping");
    };
    let named = dict.entries.iter().filter_map(|(key, value)| match key {
        Value::Str(name) => Some((name.text.clone(), value.clone())),
        _ => None,
    });
    interpreter.make_items(dict.len())?;
    let args = Args {
        positional: Vec::new(),
        named: named.collect(),
    };
    format(interpreter, text, args)
}

/// Python's `ascii` of what `repr` gave.
pub(super) fn ascii(repr: &str) -> String {
    let mut out = String::with_capacity(repr.len());
    for c in repr.chars() {
        match u32::from(c) {
            0..=0x7f => out.push(c),
            code @ 0x80..=0xff => out.push_str(&format!("\\x{code:02x}")),
            code @ 0x100..=0xffff => out.push_str(&format!("\\u{code:04x}")),
            code => out.push_str(&format!("\\U{code:08x}")),
        }
    }
    out
}

struct Formatter<'a> {
    interpreter: &'a Interpreter<'a>,
    is_safe: bool,
    args: Args,
    /// Of fields without a name; nothing once a field had a number.
    next_index: Option<usize>,
}

impl Formatter<'_> {
    /// Fills in the fields of a format; fields in the specs of fields are `depth` levels deep at
    /// most.
    fn run(&mut self, format: &str, depth: usize) -> Res<String> {
        if depth == 0 {
            return failed("Max string recursion exceeded");
        }
        let mut out = String::new();
        let mut rest = format;
        while let Some(at) = rest.find(['{', '}']) {
            self.interpreter.meter.make(at + 16)?;
            out.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            let behind = &rest[at + 1..];
            if let Some(doubled) = behind.strip_prefix(brace) {
                out.push_str(brace);
                rest = doubled;
                continue;
            }
            if brace == "}" {
                return failed("Single '}' encountered in format string");
            }
            let Some(end) = field_end(behind) else {
                let reason = if behind.is_empty() {
                    "Single '{' encountered in format string"
                } else {
                    "expected '}' before end of string"
                };
                return failed(reason);
            };
            let field = self.field(&behind[..end], depth)?;
            self.interpreter.meter.make(field.len())?;
            out.push_str(&field);
            rest = &behind[end + 1..];
        }
        out.push_str(rest);
        Ok(out)
    }

    fn field(&mut self, field: &str, depth: usize) -> Res<String> {
        let (name, conversion, spec) = split_field(field)?;
        let mut value = self.lookup(name)?;
        match conversion {
            None => {}
            Some('s') => value = plain(self.interpreter.str(&value)?),
            Some('r') => value = plain(self.interpreter.repr(&value)?.into()),
            Some('a') => value = plain(ascii(&self.interpreter.repr(&value)?).into()),
            Some(other) => return failed(format!("Unknown conversion specifier {other}")),
        }
        let spec = self.run(spec, depth - 1)?;
        if !self.is_safe {
            return self.interpreter.format_value(&value, &spec);
        }
        match &value {
            Value::Str(text) if text.is_safe => {
                if !spec.is_empty() {
                    return failed("Unsupported format specification for Markup.");
                }
                Ok(text.text.to_string())
            }
            other => {
                let text = self.interpreter.format_value(other, &spec)?;
                escaped(self.interpreter, &text)
            }
        }
    }

    /// The value of a field's name, with its attributes and subscripts.
    fn lookup(&mut self, name: &str) -> Res<Value> {
        let first = name.find(['.', '[']).unwrap_or(name.len());
        let (first, mut rest) = name.split_at(first);
        let mut value = if first.is_empty() {
            let Some(index) = &mut self.next_index else {
                return failed(
                    "cannot switch from manual field specification to automatic field numbering",
                );
            };
            let at = *index;
            *index += 1;
            self.argument(at)?
        } else if first.bytes().all(|b| b.is_ascii_digit()) {
            if !matches!(self.next_index, None | Some(0)) {
                return failed(
                    "cannot switch from automatic field numbering to manual field specification",
                );
            }
            self.next_index = None;
            let index = argument_index(first)?;
            self.argument(index)?
        } else {
            let found = self.args.named.iter().find(|(known, _)| **known == *first);
            match found {
                Some((_, value)) => value.clone(),
                None => return failed(format!("KeyError: '{first}'")),
            }
        };
        while !rest.is_empty() {
            if let Some(behind) = rest.strip_prefix('.') {
                let end = behind.find(['.', '[']).unwrap_or(behind.len());
                if end == 0 {
                    return failed("Empty attribute in format string");
                }
                value = self.interpreter.attribute(&value, &behind[..end])?;
                rest = &behind[end..];
            } else if let Some(behind) = rest.strip_prefix('[') {
                let Some(end) = behind.find(']') else {
                    return failed("Missing ']' in format string");
                };
                let index = &behind[..end];
                if index.is_empty() {
                    return failed("Empty attribute in format string");
                }
                let index = if index.bytes().all(|b| b.is_ascii_digit()) {
                    Value::Int(argument_index(index)? as i128)
                } else {
                    Value::text(index)
                };
                value = self.interpreter.item(&value, &index)?;
                rest = &behind[end + 1..];
            } else {
                return failed("Only '.' or '[' may follow ']' in format field specifier");
            }
        }
        Ok(value)
    }

    fn argument(&self, index: usize) -> Res<Value> {
        match self.args.positional.get(index) {
            Some(value) => Ok(value.clone()),
            None => failed(format!(
                "Replacement index {index} out of range for positional args tuple"
            )),
        }
    }
}

fn plain(text: Rc<str>) -> Value {
    Value::Str(Text {
        text,
        is_safe: false,
    })
}

fn argument_index(digits: &str) -> Res<usize> {
    match digits.parse() {
        Ok(index) => Ok(index),
        Err(_) => failed("Too many decimal digits in format string"),
    }
}

/// Where the field ends whose inside `format` begins with: at the brace that closes it.
fn field_end(format: &str) -> Option<usize> {
    let mut depth = 1_usize;
    let mut in_index = false;
    for (at, c) in format.char_indices() {
        match c {
            '[' if depth == 1 => in_index = true,
            ']' => in_index = false,
            '{' => depth += 1,
            '}' if !in_index || depth > 1 => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            ':' | '!' if !in_index && depth == 1 => in_index = false,
            _ => {}
        }
    }
    None
}

/// Name, conversion and spec of a field.
fn split_field(field: &str) -> Res<(&str, Option<char>, &str)> {
    let mut in_index = false;
    let end = field.find(|c| {
        match c {
            '[' => in_index = true,
            ']' => in_index = false,
            _ => {}
        }
        !in_index && matches!(c, ':' | '!')
    });
    let Some(end) = end else {
        return Ok((field, None, ""));
    };
    let (name, rest) = field.split_at(end);
    if let Some(spec) = rest.strip_prefix(':') {
        return Ok((name, None, spec));
    }
    let mut chars = rest[1..].chars();
    let Some(conversion) = chars.next() else {
        return failed("end of string while looking for conversion specifier");
    };
    match chars.as_str() {
        "" => Ok((name, Some(conversion), "")),
        rest => match rest.strip_prefix(':') {
            Some(spec) => Ok((name, Some(conversion), spec)),
            None => failed("expected ':' after conversion specifier"),
        },
    }
}
