//! Values as Python's `str` and `repr` spell them.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr, ValueKind};
use minijinja::{Error, ErrorKind, Value};

use super::counted::look;
use super::dict_view::DictView;

/// Deeper values than this are refused: the engine and we go down by recursion. JSON that is read is less deep.
pub(super) const MAX_DEPTH: usize = 200;

/// The text that `{{ value }}` stands for.
pub(super) fn str_of(value: &Value) -> Result<String, Error> {
    match value.kind() {
        ValueKind::Undefined => Ok(String::new()),
        ValueKind::String => Ok(value.as_str().unwrap_or_default().to_owned()),
        _ => {
            let mut out = String::new();
            write_repr(&mut out, value, 0)?;
            Ok(out)
        }
    }
}

/// A float as `repr` spells it: the shortest digits that give it back, with an exponent below 10^-4 and from 10^16 on.
pub(super) fn float(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    // Rust's debug form has the same digits and the same borders; only the exponent is spelled differently.
    let text = format!("{value:?}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let (sign, exponent) = exponent
                .strip_prefix('-')
                .map_or(('+', exponent), |rest| ('-', rest));
            format!("{digits}e{sign}{exponent:0>2}")
        }
        None => text,
    }
}

/// A float that the engine spells differently from Python: below 10^-4 or from 10^16 on.
///
/// The operator `~` spells by the engine's rule, which a template's environment cannot change. So these floats are objects
/// that know their spelling; calculating with one is an error, and it equals no number.
pub(super) struct PythonFloat(pub(super) f64);

impl fmt::Debug for PythonFloat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&float(self.0))
    }
}

impl Object for PythonFloat {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A float as the engine is to hold it.
pub(super) fn float_value(value: f64) -> Value {
    if float(value).contains('e') {
        Value::from_object(PythonFloat(value))
    } else {
        Value::from(value)
    }
}

/// The error of a value that Python would print in a way which we do not reproduce.
pub(super) fn unsupported(what: &str) -> Error {
    Error::new(
        ErrorKind::InvalidOperation,
        format!("{what} is not supported"),
    )
}

fn write_repr(out: &mut String, value: &Value, depth: usize) -> Result<(), Error> {
    if depth > MAX_DEPTH {
        return Err(unsupported(&format!(
            "printing a value of more than `{MAX_DEPTH}` levels"
        )));
    }
    look(value.as_str().map_or(0, str::len));
    match value.kind() {
        ValueKind::None => out.push_str("None"),
        ValueKind::Bool => out.push_str(if value.is_true() { "True" } else { "False" }),
        ValueKind::Number if value.is_integer() => _ = write!(out, "{value}"),
        ValueKind::Number => out.push_str(&float(f64::try_from(value.clone())?)),
        ValueKind::String => quote(out, value.as_str().unwrap_or_default())?,
        ValueKind::Seq | ValueKind::Iterable => {
            if value.downcast_object_ref::<DictView>().is_some() {
                return Err(unsupported("printing a view of a mapping"));
            }
            let tuple = value.is_tuple();
            out.push(if tuple { '(' } else { '[' });
            let mut count = 0_usize;
            for item in value.try_iter()?.checked() {
                if count > 0 {
                    out.push_str(", ");
                }
                write_repr(out, &item?, depth + 1)?;
                count += 1;
            }
            out.push_str(match (tuple, count) {
                (true, 1) => ",)",
                (true, _) => ")",
                (false, _) => "]",
            });
        }
        ValueKind::Map => {
            refuse_engine_object(value)?;
            out.push('{');
            for (index, key) in value.try_iter()?.checked().enumerate() {
                let key = key?;
                if index > 0 {
                    out.push_str(", ");
                }
                write_repr(out, &key, depth + 1)?;
                out.push_str(": ");
                write_repr(out, &value.get_item(&key)?, depth + 1)?;
            }
            out.push('}');
        }
        other => match value.downcast_object_ref::<PythonFloat>() {
            Some(PythonFloat(value)) => out.push_str(&float(*value)),
            None => return Err(unsupported(&format!("printing a value of type {other}"))),
        },
    }
    Ok(())
}

/// Refuses macros, namespaces and loops, which are mappings to the engine and opaque objects to Python.
pub(super) fn refuse_engine_object(value: &Value) -> Result<(), Error> {
    let name = value.as_object().map_or("", |object| object.type_name());
    if ["Macro", "Namespace", "Loop"]
        .iter()
        .any(|kind| name.ends_with(kind))
    {
        return Err(unsupported("printing a macro, a namespace or a loop"));
    }
    Ok(())
}

fn quote(out: &mut String, text: &str) -> Result<(), Error> {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            '\0'..='\x1f' | '\x7f'..='\u{a0}' | '\u{ad}' => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{3000}' | '\u{feff}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c if is_surely_printable(c) => out.push(c),
            c => {
                let what = format!(
                    "printing a list or mapping whose text has the character U+{:04X}",
                    u32::from(c)
                );
                return Err(unsupported(&what));
            }
        }
    }
    out.push(quote);
    Ok(())
}

/// Characters that every version of Python prints as they are: blocks without gaps, of scripts that Korean texts have.
fn is_surely_printable(c: char) -> bool {
    matches!(c,
        ' '..='~'
        | '\u{a1}'..='\u{ac}'
        | '\u{ae}'..='\u{24f}'
        | '\u{400}'..='\u{52f}'
        | '\u{1100}'..='\u{11ff}'
        | '\u{2010}'..='\u{2027}'
        | '\u{2030}'..='\u{205e}'
        | '\u{2190}'..='\u{23ff}'
        | '\u{2460}'..='\u{27bf}'
        | '\u{3001}'..='\u{303f}'
        | '\u{3041}'..='\u{3096}'
        | '\u{30a0}'..='\u{30ff}'
        | '\u{3131}'..='\u{318e}'
        | '\u{4e00}'..='\u{9fef}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{ff01}'..='\u{ffbe}'
        | '\u{1f300}'..='\u{1f64f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_printed_as_in_python() {
        let check = |value: Value, expected: &str| assert_eq!(str_of(&value).unwrap(), expected);
        check(Value::from(()), "None");
        check(Value::from(true), "True");
        check(Value::UNDEFINED, "");
        check(
            Value::from(vec![Value::from("a'b"), Value::from("\"한\"\n'")]),
            r#"["a'b", '"한"\n\'']"#,
        );
        check(
            Value::from_pairs([("k", Value::from(vec![1.5, 1e16, 1e-5]))]),
            "{'k': [1.5, 1e+16, 1e-05]}",
        );
    }

    #[test]
    fn floats_are_printed_as_in_python() {
        // Values of Python 3.11.
        for (value, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (0.0001, "0.0001"),
            (0.000_099_9, "9.99e-05"),
            (9_999_999_999_999_998.0, "9999999999999998.0"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (5e-324, "5e-324"),
        ] {
            assert_eq!(float(value), expected);
        }
    }

    #[test]
    fn what_python_may_escape_is_refused() {
        let error = str_of(&Value::from(vec!["\u{e000}"])).unwrap_err();
        assert!(error.to_string().contains("U+E000"), "{error}");
        let mut deep = Value::from(1);
        for _ in 0..=MAX_DEPTH {
            deep = Value::from(vec![deep]);
        }
        assert!(
            str_of(&deep)
                .unwrap_err()
                .to_string()
                .contains("`200` levels")
        );
    }
}
