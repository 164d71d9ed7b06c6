//! Functions that every template has: Jinja's, and those of transformers.

use std::cell::Cell;
use std::rc::Rc;

use super::call::{Args, required};
use super::dict::{Dict, DictBuilder};
use super::fault::{Fault, Res, failed, unsupported};
use super::interpreter::Interpreter;
use super::value::{Cycler, Joiner, Namespace, Range, Text, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    Cycler,
    Dict,
    Joiner,
    Lipsum,
    Namespace,
    RaiseException,
    Range,
    StrftimeNow,
}

/// The longest range that the sandbox makes.
const MAX_RANGE: usize = 100_000;

/// The longest pattern of `strftime_now`: a directive may make ten bytes of one.
const MAX_TIME_PATTERN_BYTES: usize = 1024;

impl Global {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "cycler" => Self::Cycler,
            "dict" => Self::Dict,
            "joiner" => Self::Joiner,
            "lipsum" => Self::Lipsum,
            "namespace" => Self::Namespace,
            "raise_exception" => Self::RaiseException,
            "range" => Self::Range,
            "strftime_now" => Self::StrftimeNow,
            _ => return None,
        })
    }

    pub(super) fn type_name(self) -> &'static str {
        match self {
            Self::Cycler | Self::Joiner | Self::Namespace => "type",
            Self::Dict => "TemplateDict",
            Self::Lipsum | Self::RaiseException | Self::Range | Self::StrftimeNow => "function",
        }
    }

    pub(super) fn has_method(self, name: &str) -> bool {
        self == Self::Dict && name == "fromkeys"
    }

    pub(super) fn call(self, interpreter: &Interpreter, args: Args) -> Res<Value> {
        match self {
            Self::Range => range(interpreter, args),
            Self::Dict => Ok(Value::Dict(dict(interpreter, args)?)),
            Self::Namespace => {
                let entries = dict(interpreter, args)?;
                let namespace = Namespace::default();
                for (key, value) in &entries.entries {
                    let Value::Str(name) = key else {
                        return unsupported("a namespace with names that are no strings");
                    };
                    interpreter.set_attribute(&namespace, &name.text, value.clone())?;
                }
                Ok(Value::Namespace(Rc::new(namespace)))
            }
            Self::Cycler => {
                if !args.named.is_empty() {
                    return failed("Cycler.__init__() got an unexpected keyword argument");
                }
                if args.positional.is_empty() {
                    return failed("at least one item has to be provided");
                }
                let items = interpreter.items(args.positional)?;
                Interpreter::within_depth(items.depth + 1)?;
                let at = Cell::new(0);
                Ok(Value::Cycler(Rc::new(Cycler { items, at })))
            }
            Self::Joiner => {
                let [separator] = args.bind("joiner", ["sep"])?;
                let separator = match separator {
                    None => Text {
                        text: ", ".into(),
                        is_safe: false,
                    },
                    Some(Value::Str(text)) => text,
                    Some(_) => return unsupported("a joiner of something other than a text"),
                };
                let is_used = Cell::new(false);
                Ok(Value::Joiner(Rc::new(Joiner { separator, is_used })))
            }
            Self::Lipsum => unsupported("the function `lipsum`, whose text is random,"),
            Self::RaiseException => {
                let [message] = args.bind("raise_exception", ["message"])?;
                let message = required(message, "raise_exception", "message")?;
                Err(Fault::raised(interpreter.str(&message)?.to_string()))
            }
            Self::StrftimeNow => strftime_now(interpreter, args),
        }
    }
}

fn range(interpreter: &Interpreter, args: Args) -> Res<Value> {
    let bounds = args.positional::<3>("range", 1)?;
    let [first, second, step] = bounds;
    let first = interpreter.integer_or(first.as_ref(), 0)?;
    let (start, stop) = match &second {
        Some(stop) => (first, interpreter.integer(stop)?),
        None => (0, first),
    };
    let step = interpreter.integer_or(step.as_ref(), 1)?;
    if step == 0 {
        return failed("range() arg 3 must not be zero");
    }
    if [start, stop, step]
        .iter()
        .any(|bound| bound.unsigned_abs() >> 64 != 0)
    {
        return failed("range too big");
    }
    let range = Range { start, stop, step };
    if range.len() > MAX_RANGE {
        return failed(format!(
            "range too big: the sandbox blocks ranges larger than {MAX_RANGE}"
        ));
    }
    Ok(Value::Range(range))
}

/// Python's `dict(...)`.
fn dict(interpreter: &Interpreter, args: Args) -> Res<Rc<Dict>> {
    if args.positional.len() > 1 {
        return failed(format!(
            "dict expected at most 1 argument, got {}",
            args.positional.len()
        ));
    }
    let mut builder = DictBuilder::default();
    match args.positional.first() {
        None => {}
        Some(Value::Dict(dict)) => {
            for (key, value) in &dict.entries {
                builder.insert(interpreter, key.clone(), value.clone())?;
            }
        }
        Some(pairs) => {
            let iter = interpreter.iter(pairs)?;
            while let Some(pair) = interpreter.next(&iter)? {
                let mut pair = interpreter.collect(&pair)?;
                match (pair.pop(), pair.pop(), pair.pop()) {
                    (Some(value), Some(key), None) => builder.insert(interpreter, key, value)?,
                    _ => return failed("dictionary update sequence element is not a pair"),
                }
            }
        }
    }
    for (name, value) in args.named {
        builder.insert(interpreter, Value::text(&name), value)?;
    }
    match builder.finish(interpreter)? {
        Value::Dict(dict) => Ok(dict),
        _ => failed("not a mapping"),
    }
}

/// `dict.fromkeys(keys, value)`.
pub(super) fn from_keys(interpreter: &Interpreter, args: Args) -> Res<Value> {
    let [keys, value] = args.positional::<2>("fromkeys", 1)?;
    let value = value.unwrap_or(Value::None);
    let keys = required(keys, "fromkeys", "iterable")?;
    let iter = interpreter.iter(&keys)?;
    let mut builder = DictBuilder::default();
    while let Some(key) = interpreter.next(&iter)? {
        builder.insert(interpreter, key, value.clone())?;
    }
    builder.finish(interpreter)
}

fn strftime_now(interpreter: &Interpreter, args: Args) -> Res<Value> {
    let [pattern] = args.bind("strftime_now", ["format"])?;
    let pattern = required(pattern, "strftime_now", "format")?;
    let Some(pattern) = pattern.as_str() else {
        return failed(format!(
            "strftime() argument 1 must be str, not {}",
            pattern.type_name()
        ));
    };
    if pattern.len() > MAX_TIME_PATTERN_BYTES {
        return unsupported("a pattern of `strftime_now` of more than 1024 bytes");
    }
    let now = interpreter.now.or_else(super::super::clock::LocalTime::now);
    let Some(now) = now else {
        return unsupported("a clock outside of the years 1970 to 9999");
    };
    match now.format(pattern) {
        Ok(text) => interpreter.made_text(text, false),
        Err(directive) => unsupported(format!("`strftime_now` with `{directive}`")),
    }
}
