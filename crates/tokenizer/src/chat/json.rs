//! The filter `tojson`, as transformers defines it: Python's `json.dumps` without escapes of HTML or of Unicode.

use std::fmt::Write as _;

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};

use super::counted::look;
use super::dict_view::DictView;
use super::environment::charge;
use super::python_text::{self, MAX_DEPTH, PythonFloat, refuse_engine_object, unsupported};

/// `value|tojson(ensure_ascii=False, indent=None, separators=None, sort_keys=False)`.
pub(super) fn tojson(
    state: &State,
    value: &Value,
    ensure_ascii: Option<bool>,
    indent: Option<Value>,
    options: Kwargs,
) -> Result<Value, Error> {
    let ensure_ascii = match ensure_ascii {
        Some(given) => given,
        None => options
            .get::<Option<bool>>("ensure_ascii")?
            .unwrap_or(false),
    };
    let indent = match indent {
        Some(given) => given,
        None => options.get::<Option<Value>>("indent")?.unwrap_or_default(),
    };
    let indent = match indent.kind() {
        ValueKind::None | ValueKind::Undefined => None,
        ValueKind::String => indent.to_str().map(|text| text.to_string()),
        ValueKind::Number | ValueKind::Bool => {
            let width = usize::try_from(i64::try_from(indent)?).unwrap_or(0);
            if width > 64 {
                return Err(unsupported("`tojson` with an indent above 64"));
            }
            Some(" ".repeat(width))
        }
        other => {
            return Err(unsupported(&format!(
                "`tojson` with an indent of type {other}"
            )));
        }
    };
    let (item, key) = match options.get::<Option<Value>>("separators")? {
        Some(separators) if !separators.is_none() => separator_pair(&separators)?,
        // Python leaves out the space that would end each line.
        _ if indent.is_some() => (",".to_owned(), ": ".to_owned()),
        _ => (", ".to_owned(), ": ".to_owned()),
    };
    let sort_keys = options.get::<Option<bool>>("sort_keys")?.unwrap_or(false);
    options.assert_all_used()?;
    let mut writer = Writer {
        state,
        out: String::new(),
        charged: 0,
        ensure_ascii,
        indent,
        item,
        key,
        sort_keys,
    };
    writer.value(value, 0)?;
    Ok(Value::from(writer.out))
}

fn separator_pair(separators: &Value) -> Result<(String, String), Error> {
    let texts: Vec<Value> = separators.try_iter()?.collect();
    match &texts[..] {
        [item, key] if item.as_str().is_some() && key.as_str().is_some() => {
            Ok((item.to_string(), key.to_string()))
        }
        _ => Err(unsupported(
            "`tojson` with separators other than two strings",
        )),
    }
}

struct Writer<'a> {
    state: &'a State<'a, 'a>,
    out: String,
    /// Bytes of `out` that fuel has been taken for: shared values make the text longer than what they are made of.
    charged: usize,
    ensure_ascii: bool,
    indent: Option<String>,
    item: String,
    key: String,
    sort_keys: bool,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value, depth: usize) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            return Err(unsupported(&format!(
                "`tojson` of more than `{MAX_DEPTH}` levels"
            )));
        }
        if self.out.len() - self.charged > 4096 {
            charge(self.state, self.out.len() - self.charged)?;
            self.charged = self.out.len();
        }
        look(value.as_str().map_or(0, str::len));
        match value.kind() {
            ValueKind::None => self.out.push_str("null"),
            ValueKind::Bool => self
                .out
                .push_str(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number if value.is_integer() => _ = write!(self.out, "{value}"),
            ValueKind::Number => {
                let text = float(f64::try_from(value.clone())?);
                self.out.push_str(&text);
            }
            ValueKind::String => self.string(value.as_str().unwrap_or_default()),
            ValueKind::Seq | ValueKind::Iterable => {
                if value.downcast_object_ref::<DictView>().is_some() {
                    return Err(unsupported("`tojson` of a view of a mapping"));
                }
                self.out.push('[');
                let mut empty = true;
                for item in value.try_iter()?.checked() {
                    self.before_entry(empty, depth + 1);
                    self.value(&item?, depth + 1)?;
                    empty = false;
                }
                self.after_entries(empty, depth);
                self.out.push(']');
            }
            ValueKind::Map => {
                refuse_engine_object(value)?;
                let mut keys = value.try_iter()?.checked().collect::<Result<Vec<_>, _>>()?;
                if self.sort_keys {
                    if keys.iter().any(|key| key.as_str().is_none()) {
                        return Err(unsupported("`tojson` that sorts keys other than strings"));
                    }
                    // Python sorts by code points, which is the order of UTF-8.
                    keys.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
                }
                self.out.push('{');
                for (index, key) in keys.iter().enumerate() {
                    self.before_entry(index == 0, depth + 1);
                    self.entry_key(key)?;
                    let separator = self.key.clone();
                    self.out.push_str(&separator);
                    self.value(&value.get_item(key)?, depth + 1)?;
                }
                self.after_entries(keys.is_empty(), depth);
                self.out.push('}');
            }
            other => {
                let Some(PythonFloat(value)) = value.downcast_object_ref() else {
                    return Err(Error::new(
                        ErrorKind::InvalidOperation,
                        format!("a value of type {other} has no form in JSON"),
                    ));
                };
                self.out.push_str(&python_text::float(*value));
            }
        }
        Ok(())
    }

    fn entry_key(&mut self, key: &Value) -> Result<(), Error> {
        match key.kind() {
            ValueKind::String => self.string(key.as_str().unwrap_or_default()),
            ValueKind::None => self.out.push_str("\"null\""),
            ValueKind::Bool if key.is_true() => self.out.push_str("\"true\""),
            ValueKind::Bool => self.out.push_str("\"false\""),
            ValueKind::Number if key.is_integer() => _ = write!(self.out, "\"{key}\""),
            ValueKind::Number => {
                let _ = write!(self.out, "\"{}\"", float(f64::try_from(key.clone())?));
            }
            other => return Err(unsupported(&format!("`tojson` of a key of type {other}"))),
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
        python_text::float(value)
    } else if value.is_nan() {
        "NaN".to_owned()
    } else if value > 0.0 {
        "Infinity".to_owned()
    } else {
        "-Infinity".to_owned()
    }
}
