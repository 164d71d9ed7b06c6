//! Jinja's filters.

mod markup;
mod number;
mod select;
mod sequence;
mod text;
mod wrap;

use super::call::Args;
use super::fault::{Res, failed, unsupported};
use super::interpreter::Interpreter;
use super::json;
use super::value::Value;

pub(super) use markup::{escaped, unescaped, without_tags};
pub(super) use number::whole;
pub(super) use text::replaced;

/// All of them.
const NAMES: [&str; 54] = [
    "abs",
    "attr",
    "batch",
    "capitalize",
    "center",
    "count",
    "d",
    "default",
    "dictsort",
    "e",
    "escape",
    "filesizeformat",
    "first",
    "float",
    "forceescape",
    "format",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "pprint",
    "random",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "safe",
    "select",
    "selectattr",
    "slice",
    "sort",
    "string",
    "striptags",
    "sum",
    "title",
    "tojson",
    "trim",
    "truncate",
    "unique",
    "upper",
    "urlencode",
    "urlize",
    "wordcount",
    "wordwrap",
    "xmlattr",
];

pub(super) fn exists(name: &str) -> bool {
    NAMES.contains(&name)
}

/// `value|name(args)`.
pub(super) fn apply(
    interpreter: &Interpreter,
    name: &str,
    value: &Value,
    args: Args,
) -> Res<Value> {
    match name {
        "abs" => number::abs(interpreter, value, args),
        "filesizeformat" => number::file_size(interpreter, value, args),
        "float" => number::float(interpreter, value, args),
        "int" => number::int(interpreter, value, args),
        "round" => number::round(interpreter, value, args),
        "sum" => number::sum(interpreter, value, args),

        "batch" => sequence::batch(interpreter, value, args),
        "count" | "length" => {
            args.none("len")?;
            match interpreter.len(value)? {
                Some(length) => Ok(Value::Int(length as i128)),
                None => failed(format!(
                    "object of type '{}' has no len()",
                    value.type_name()
                )),
            }
        }
        "dictsort" => sequence::dictsort(interpreter, value, args),
        "first" => sequence::first(interpreter, value, args),
        "groupby" => sequence::groupby(interpreter, value, args),
        "items" => sequence::items(interpreter, value, args),
        "last" => sequence::last(interpreter, value, args),
        "list" => {
            args.none("list")?;
            let items = interpreter.collect(value)?;
            interpreter.list(items)
        }
        "max" => sequence::extreme(interpreter, value, args, true),
        "min" => sequence::extreme(interpreter, value, args, false),
        "reverse" => sequence::reverse(interpreter, value, args),
        "slice" => sequence::slice(interpreter, value, args),
        "sort" => sequence::sort(interpreter, value, args),
        "unique" => sequence::unique(interpreter, value, args),

        "map" => select::map(interpreter, value, args),
        "reject" => select::select(interpreter, value, args, false, false),
        "rejectattr" => select::select(interpreter, value, args, true, false),
        "select" => select::select(interpreter, value, args, false, true),
        "selectattr" => select::select(interpreter, value, args, true, true),

        "e" | "escape" => {
            args.none("escape")?;
            markup::escape(interpreter, value)
        }
        "forceescape" => {
            args.none("forceescape")?;
            let text = interpreter.str(value)?;
            interpreter.made_text(escaped(interpreter, &text)?, true)
        }
        "safe" => {
            args.none("safe")?;
            let text = interpreter.str(value)?;
            interpreter.piece(&text, true)
        }
        "striptags" => {
            args.none("striptags")?;
            let text = interpreter.str(value)?;
            interpreter.made_text(without_tags(&text)?, false)
        }
        "urlencode" => markup::urlencode(interpreter, value, args),
        "xmlattr" => markup::xmlattr(interpreter, value, args),

        "capitalize" | "center" | "format" | "indent" | "join" | "lower" | "replace" | "string"
        | "title" | "trim" | "truncate" | "upper" | "wordcount" => {
            text::apply(interpreter, name, value, args)
        }
        "wordwrap" => wrap::wordwrap(interpreter, value, args),
        "pprint" => text::pprint(interpreter, value, args),

        "attr" => {
            let [attribute] = args.bind("attr", ["name"])?;
            let attribute = super::call::required(attribute, "attr", "name")?;
            let attribute = interpreter.str(&attribute)?;
            interpreter.attribute_only(value, &attribute)
        }
        "d" | "default" => {
            let [fallback, boolean] = args.bind("default", ["default_value", "boolean"])?;
            let boolean = interpreter.flag_or(boolean.as_ref(), false)?;
            if value.is_undefined() || boolean && !interpreter.is_true(value)? {
                return Ok(fallback.unwrap_or_else(|| Value::text("")));
            }
            Ok(value.clone())
        }
        "tojson" => json::tojson(interpreter, value, args),

        "random" => unsupported("the filter `random`, whose result is random,"),
        "urlize" => unsupported("the filter `urlize`"),
        _ => failed(format!("no filter named '{name}'")),
    }
}

/// The parts of an attribute's path: `a.0.b`.
fn path(attribute: Option<&Value>) -> Vec<Value> {
    match attribute {
        None | Some(Value::None) => Vec::new(),
        Some(Value::Str(text)) => parts(&text.text),
        Some(other) => vec![other.clone()],
    }
}

fn parts(path: &str) -> Vec<Value> {
    let part = |part: &str| match part.parse() {
        Ok(index) if part.bytes().all(|b| b.is_ascii_digit()) => Value::Int(index),
        _ => Value::text(part),
    };
    path.split('.').map(part).collect()
}

/// What a path leads to from an item; what is undefined on the way becomes the default.
fn follow(
    interpreter: &Interpreter,
    item: &Value,
    path: &[Value],
    default: Option<&Value>,
) -> Res<Value> {
    let mut found = item.clone();
    for part in path {
        found = interpreter.item(&found, part)?;
        if let Some(default) = default
            && found.is_undefined()
        {
            found = default.clone();
        }
    }
    Ok(found)
}

/// Jinja's `ignore_case`: a text in small letters, anything else as it is.
fn without_case(interpreter: &Interpreter, value: Value) -> Res<Value> {
    match &value {
        Value::Str(text) => {
            let lower = super::str_case::lower(&text.text)?;
            interpreter.made_text(lower, text.is_safe)
        }
        _ => Ok(value),
    }
}
