//! JSON: what a rendering is given, and the filter `tojson` of transformers, which is Python's
//! `json.dumps`.

use std::fmt::Write as _;

use serde_json::Value as Json;

use super::call::Args;
use super::dict::{Dict, DictBuilder};
use super::fault::{Res, failed, unsupported};
use super::float_text;
use super::interpreter::Interpreter;
use super::value::{Items, MAX_DEPTH, Value};

/// The widest indent of `tojson`: real ones have two or four.
const MAX_INDENT: i128 = 64;

/// A JSON value as a template holds it.
pub(super) fn from_json(value: &Json) -> Value {
    match value {
        Json::Null => Value::None,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(value), _) => Value::Int(i128::from(value)),
            (None, Some(value)) => Value::Int(i128::from(value)),
            (None, None) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::text(text),
        Json::Array(items) => {
            let items: Vec<Value> = items.iter().map(from_json).collect();
            let depth = 1 + items.iter().map(Value::depth).max().unwrap_or(0);
            Value::List(std::rc::Rc::new(Items {
                items,
                depth,
                is_group: false,
            }))
        }
        Json::Object(fields) => {
            let mut dict = DictBuilder::default();
            for (name, value) in fields {
                dict.insert_input(name, from_json(value));
            }
            dict.finish_input()
        }
    }
}

/// `value|tojson(ensure_ascii=False, indent=None, separators=None, sort_keys=False)`.
pub(super) fn tojson(interpreter: &Interpreter, value: &Value, args: Args) -> Res<Value> {
    let parameters = ["ensure_ascii", "indent", "separators", "sort_keys"];
    let [ensure_ascii, indent, separators, sort_keys] = args.bind("tojson", parameters)?;
    let indent = match indent {
        None | Some(Value::None) => None,
        Some(Value::Str(text)) => Some(text.text.to_string()),
        Some(width @ (Value::Int(_) | Value::Bool(_))) => {
            let width = interpreter.integer(&width)?;
            if width > MAX_INDENT {
                return unsupported(format!("`tojson` with an indent above {MAX_INDENT}"));
            }
            Some(" ".repeat(width.max(0) as usize))
        }
        Some(other) => {
            return failed(format!(
                "`tojson` with an indent of type `{}`",
                other.type_name()
            ));
        }
    };
    let (item, key) = match separators {
        None | Some(Value::None) if indent.is_some() => (",".to_owned(), ": ".to_owned()),
        None | Some(Value::None) => (", ".to_owned(), ": ".to_owned()),
        Some(pair) => {
            let pair = interpreter.collect(&pair)?;
            match &pair[..] {
                [Value::Str(item), Value::Str(key)] => {
                    (item.text.to_string(), key.text.to_string())
                }
                _ => return failed("`tojson` with separators other than two strings"),
            }
        }
    };
    let mut writer = Writer {
        interpreter,
        out: String::new(),
        paid: 0,
        ensure_ascii: interpreter.flag_or(ensure_ascii.as_ref(), false)?,
        indent,
        item,
        key,
        sort_keys: interpreter.flag_or(sort_keys.as_ref(), false)?,
    };
    writer.value(value, 0)?;
    interpreter.made_text(writer.out, false)
}

struct Writer<'a> {
    interpreter: &'a Interpreter<'a>,
    out: String,
    /// Bytes of `out` that are paid for: what is shared makes the text longer than what it is made
    /// of.
    paid: usize,
    ensure_ascii: bool,
    indent: Option<String>,
    item: String,
    key: String,
    sort_keys: bool,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value, depth: usize) -> Res<()> {
        if depth > MAX_DEPTH {
            return unsupported(format!("`tojson` of more than `{MAX_DEPTH}` levels"));
        }
        if self.out.len() - self.paid > 4096 {
            self.interpreter.meter.make(self.out.len() - self.paid)?;
            self.paid = self.out.len();
        }
        self.interpreter
            .meter
            .look(value.as_str().map_or(0, str::len))?;
        match value {
            Value::None => self.out.push_str("null"),
            Value::Bool(true) => self.out.push_str("true"),
            Value::Bool(false) => self.out.push_str("false"),
            Value::Int(value) => _ = write!(self.out, "{value}"),
            Value::Float(value) => self.out.push_str(&float(*value)),
            Value::Str(text) => self.string(&text.text),
            Value::List(items) | Value::Tuple(items) => {
                self.out.push('[');
                for (at, item) in items.items.iter().enumerate() {
                    self.before_entry(at == 0, depth + 1);
                    self.value(item, depth + 1)?;
                }
                self.after_entries(items.items.is_empty(), depth);
                self.out.push(']');
            }
            Value::Dict(dict) => self.dict(dict, depth)?,
            other => {
                return failed(format!(
                    "Object of type {} is not JSON serializable",
                    other.type_name()
                ));
            }
        }
        Ok(())
    }

    fn dict(&mut self, dict: &Dict, depth: usize) -> Res<()> {
        let mut order: Vec<usize> = (0..dict.len()).collect();
        if self.sort_keys {
            let keys = dict.entries.iter().enumerate();
            let keys = keys.map(|(at, (key, _))| (key.clone(), Value::Int(at as i128)));
            let sorted = self.interpreter.sorted(keys.collect(), false)?;
            order = sorted
                .iter()
                .filter_map(|at| match at {
                    Value::Int(at) => usize::try_from(*at).ok(),
                    _ => None,
                })
                .collect();
        }
        self.out.push('{');
        for (place, at) in order.into_iter().enumerate() {
            let (key, value) = &dict.entries[at];
            self.before_entry(place == 0, depth + 1);
            self.entry_key(key)?;
            self.out.push_str(&self.key);
            self.value(value, depth + 1)?;
        }
        self.after_entries(dict.len() == 0, depth);
        self.out.push('}');
        Ok(())
    }

    fn entry_key(&mut self, key: &Value) -> Res<()> {
        match key {
            Value::Str(text) => self.string(&text.text),
            Value::None => self.out.push_str("\"null\""),
            Value::Bool(true) => self.out.push_str("\"true\""),
            Value::Bool(false) => self.out.push_str("\"false\""),
            Value::Int(key) => _ = write!(self.out, "\"{key}\""),
            Value::Float(key) => _ = write!(self.out, "\"{}\"", float(*key)),
            other => {
                return failed(format!(
                    "keys must be str, int, float, bool or None, not {}",
                    other.type_name()
                ));
            }
        }
        Ok(())
    }

    fn before_entry(&mut self, first: bool, depth: usize) {
        if !first {
            self.out.push_str(&self.item);
        }
        self.new_line(depth);
    }

    fn after_entries(&mut self, empty: bool, depth: usize) {
        if !empty {
            self.new_line(depth);
        }
    }

    fn new_line(&mut self, depth: usize) {
        if let Some(indent) = &self.indent {
            self.out.push('\n');
            for _ in 0..depth {
                self.out.push_str(indent);
            }
        }
    }

    fn string(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                '\u{8}' => self.out.push_str("\\b"),
                '\u{c}' => self.out.push_str("\\f"),
                '\0'..='\x1f' => _ = write!(self.out, "\\u{:04x}", u32::from(c)),
                c if self.ensure_ascii && c > '~' => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        let _ = write!(self.out, "\\u{unit:04x}");
                    }
                }
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }
}

fn float(value: f64) -> String {
    if value.is_finite() {
        float_text::repr(value)
    } else if value.is_nan() {
        "NaN".to_owned()
    } else if value > 0.0 {
        "Infinity".to_owned()
    } else {
        "-Infinity".to_owned()
    }
}
