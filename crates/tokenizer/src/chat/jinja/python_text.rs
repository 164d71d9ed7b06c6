//! Values as Python's `str` and `repr` spell them.

use std::fmt::Write as _;
use std::rc::Rc;

use super::dict::ViewKind;
use super::fault::{Res, unsupported};
use super::float_text;
use super::interpreter::Interpreter;
use super::unicode::{is_printable, is_private, is_settled};
use super::value::{MAX_DEPTH, Text, Value};

impl Interpreter<'_> {
    /// Python's `str`.
    pub(super) fn str(&self, value: &Value) -> Res<Rc<str>> {
        match value {
            Value::Str(text) => Ok(text.text.clone()),
            Value::Undefined(_) => Ok("".into()),
            other => self.repr(other).map(Rc::from),
        }
    }

    /// Jinja's `soft_str`: a text stays what it is, marked as safe or not.
    pub(super) fn soft_text(&self, value: &Value) -> Res<Text> {
        match value {
            Value::Str(text) => {
                self.meter.look(text.text.len())?;
                Ok(text.clone())
            }
            other => Ok(Text {
                text: self.str(other)?,
                is_safe: false,
            }),
        }
    }

    /// Python's `repr`.
    pub(super) fn repr(&self, value: &Value) -> Res<String> {
        let mut writer = Writer {
            interpreter: self,
            out: String::new(),
            paid: 0,
        };
        writer.value(value, 0)?;
        self.meter.make(writer.out.len() - writer.paid)?;
        Ok(writer.out)
    }
}

struct Writer<'a> {
    interpreter: &'a Interpreter<'a>,
    out: String,
    /// Bytes of `out` that are paid for: what is shared makes the text longer than what it is made
    /// of.
    paid: usize,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value, depth: usize) -> Res<()> {
        if depth > MAX_DEPTH {
            return unsupported(format!(
                "printing a value of more than `{MAX_DEPTH}` levels"
            ));
        }
        if self.out.len() - self.paid > 4096 {
            self.interpreter.meter.make(self.out.len() - self.paid)?;
            self.paid = self.out.len();
        }
        self.interpreter.meter.look(0)?;
        match value {
            Value::Undefined(_) => self.out.push_str("Undefined"),
            Value::None => self.out.push_str("None"),
            Value::Bool(true) => self.out.push_str("True"),
            Value::Bool(false) => self.out.push_str("False"),
            Value::Int(value) => _ = write!(self.out, "{value}"),
            Value::Float(value) => self.out.push_str(&float_text::repr(*value)),
            Value::Str(text) => {
                self.interpreter.meter.look(text.text.len())?;
                if text.is_safe {
                    self.out.push_str("Markup(");
                }
                quote(&mut self.out, &text.text)?;
                if text.is_safe {
                    self.out.push(')');
                }
            }
            Value::List(items) => self.items("[", &items.items, "]", depth)?,
            Value::Tuple(items) => {
                let end = if items.items.len() == 1 { ",)" } else { ")" };
                self.items("(", &items.items, end, depth)?;
            }
            Value::Dict(dict) => self.entries(&dict.entries, depth)?,
            Value::View(kind, dict) => {
                let keys = dict.entries.iter().map(|(key, _)| key);
                let values = dict.entries.iter().map(|(_, value)| value);
                match kind {
                    ViewKind::Keys => self.items("dict_keys([", keys, "])", depth)?,
                    ViewKind::Values => self.items("dict_values([", values, "])", depth)?,
                    ViewKind::Items => {
                        self.out.push_str("dict_items([");
                        for (at, (key, value)) in dict.entries.iter().enumerate() {
                            if at > 0 {
                                self.out.push_str(", ");
                            }
                            self.items("(", [key, value], ")", depth + 1)?;
                        }
                        self.out.push_str("])");
                    }
                }
            }
            Value::Range(range) => {
                let _ = write!(self.out, "range({}, {}", range.start, range.stop);
                if range.step != 1 {
                    let _ = write!(self.out, ", {}", range.step);
                }
                self.out.push(')');
            }
            Value::Namespace(namespace) => {
                self.out.push_str("<Namespace ");
                let entries = namespace.entries.borrow().clone();
                let entries: Vec<(Value, Value)> = entries
                    .into_iter()
                    .map(|(name, value)| (Value::text(&name), value))
                    .collect();
                self.entries(&entries, depth)?;
                self.out.push('>');
            }
            Value::Macro(of) => {
                self.out.push_str("<Macro ");
                match &of.definition.name {
                    Some(name) => quote(&mut self.out, name)?,
                    None => self.out.push_str("anonymous"),
                }
                self.out.push('>');
            }
            Value::Loop(state) => {
                let text = self.interpreter.loop_text(state)?;
                self.out.push_str(&text);
            }
            Value::SelfReference => self.out.push_str("<TemplateReference None>"),
            Value::Iter(_)
            | Value::Method(_)
            | Value::Global(_)
            | Value::Cycler(_)
            | Value::Joiner(_) => {
                let what = format!(
                    "printing a `{}`, which shows an address in memory,",
                    value.type_name()
                );
                return unsupported(what);
            }
        }
        Ok(())
    }

    fn items<'v>(
        &mut self,
        begin: &str,
        items: impl IntoIterator<Item = &'v Value>,
        end: &str,
        depth: usize,
    ) -> Res<()> {
        self.out.push_str(begin);
        for (at, item) in items.into_iter().enumerate() {
            if at > 0 {
                self.out.push_str(", ");
            }
            self.value(item, depth + 1)?;
        }
        self.out.push_str(end);
        Ok(())
    }

    fn entries(&mut self, entries: &[(Value, Value)], depth: usize) -> Res<()> {
        self.out.push('{');
        for (at, (key, value)) in entries.iter().enumerate() {
            if at > 0 {
                self.out.push_str(", ");
            }
            self.value(key, depth + 1)?;
            self.out.push_str(": ");
            self.value(value, depth + 1)?;
        }
        self.out.push('}');
        Ok(())
    }
}

/// A text as `repr` quotes it.
pub(super) fn quote(out: &mut String, text: &str) -> Res<()> {
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
            c if c == quote => out.extend(['\\', c]),
            c if is_printable(c) => out.push(c),
            c if is_settled(c) || is_private(c) => match u32::from(c) {
                code @ 0..=0xff => _ = write!(out, "\\x{code:02x}"),
                code @ 0x100..=0xffff => _ = write!(out, "\\u{code:04x}"),
                code => _ = write!(out, "\\U{code:08x}"),
            },
            c => {
                let code = u32::from(c);
                let what = format!("printing a list or mapping with the character U+{code:04X}");
                return unsupported(what);
            }
        }
    }
    out.push(quote);
    Ok(())
}
