//! `value.name`, `value[index]` and slices, within Jinja's sandbox.

use std::rc::Rc;

use super::dict::ViewKind;
use super::fault::{Res, failed, unsupported};
use super::interpreter::Interpreter;
use super::value::{Undefined, Value};

/// Attributes of every object in Python. The sandbox hands out something undefined for them.
const OF_ALL: [&str; 24] = [
    "__class__",
    "__delattr__",
    "__dir__",
    "__doc__",
    "__eq__",
    "__format__",
    "__ge__",
    "__getattribute__",
    "__getstate__",
    "__gt__",
    "__hash__",
    "__init__",
    "__init_subclass__",
    "__le__",
    "__lt__",
    "__ne__",
    "__new__",
    "__reduce__",
    "__reduce_ex__",
    "__repr__",
    "__setattr__",
    "__sizeof__",
    "__str__",
    "__subclasshook__",
];

pub(super) const STR_METHODS: [&str; 47] = [
    "capitalize",
    "casefold",
    "center",
    "count",
    "encode",
    "endswith",
    "expandtabs",
    "find",
    "format",
    "format_map",
    "index",
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "isidentifier",
    "islower",
    "isnumeric",
    "isprintable",
    "isspace",
    "istitle",
    "isupper",
    "join",
    "ljust",
    "lower",
    "lstrip",
    "maketrans",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rindex",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "translate",
    "upper",
    "zfill",
];

/// Methods of texts that are marked as safe only.
const MARKUP_METHODS: [&str; 3] = ["escape", "striptags", "unescape"];

/// Methods that would change a value.
const LIST_CHANGES: [&str; 8] = [
    "append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove",
];
const DICT_CHANGES: [&str; 5] = ["clear", "pop", "popitem", "setdefault", "update"];

/// What Python's `getattr` finds.
enum Found {
    Value(Value),
    /// Something that the sandbox does not hand out.
    Unsafe,
    Nothing,
}

impl Interpreter<'_> {
    /// `value.name`: an attribute, or else an entry.
    pub(super) fn attribute(&self, of: &Value, name: &str) -> Res<Value> {
        self.meter.look(name.len())?;
        match self.python_attribute(of, name)? {
            Found::Value(value) => return Ok(value),
            Found::Unsafe => return Ok(Self::unsafe_undefined(of, name)),
            Found::Nothing => {}
        }
        match of {
            Value::Undefined(undefined) => failed(undefined.words()),
            Value::Dict(dict) => match dict.get_str(name) {
                Some(value) => Ok(value.clone()),
                None => self.missing_attribute(of, name),
            },
            _ => self.missing_attribute(of, name),
        }
    }

    /// The filter `attr`: an attribute and never an entry.
    pub(super) fn attribute_only(&self, of: &Value, name: &str) -> Res<Value> {
        self.meter.look(name.len())?;
        match self.python_attribute(of, name)? {
            Found::Value(value) => Ok(value),
            Found::Unsafe => Ok(Self::unsafe_undefined(of, name)),
            Found::Nothing => match of {
                Value::Undefined(undefined) if !name.starts_with("__") => failed(undefined.words()),
                _ => self.missing_attribute(of, name),
            },
        }
    }

    fn missing_attribute(&self, of: &Value, name: &str) -> Res<Value> {
        self.meter.make(64 + name.len())?;
        let undefined = Undefined::Attribute(of.described_type(), name.into());
        Ok(Value::Undefined(Rc::new(undefined)))
    }

    fn unsafe_undefined(of: &Value, name: &str) -> Value {
        let undefined = Undefined::Unsafe(of.type_name(), name.into());
        Value::Undefined(Rc::new(undefined))
    }

    fn python_attribute(&self, of: &Value, name: &str) -> Res<Found> {
        if name.starts_with("__") && name.ends_with("__") {
            return Ok(if OF_ALL.contains(&name) {
                Found::Unsafe
            } else {
                Found::Nothing
            });
        }
        let method = || {
            self.meter.make(64)?;
            let depth = of.depth() + 1;
            Interpreter::within_depth(depth)?;
            Ok(Found::Value(Value::Method(Rc::new((
                of.clone(),
                name.into(),
            )))))
        };
        let is_method = match of {
            Value::Str(text) => {
                STR_METHODS.contains(&name) || text.is_safe && MARKUP_METHODS.contains(&name)
            }
            Value::List(_) => {
                if LIST_CHANGES.contains(&name) {
                    return Ok(Found::Unsafe);
                }
                matches!(name, "copy" | "count" | "index")
            }
            Value::Dict(_) => {
                if DICT_CHANGES.contains(&name) {
                    return Ok(Found::Unsafe);
                }
                matches!(
                    name,
                    "copy" | "fromkeys" | "get" | "items" | "keys" | "values"
                )
            }
            Value::Tuple(items) => {
                if items.is_group {
                    match name {
                        "grouper" => return Ok(Found::Value(items.items[0].clone())),
                        "list" => return Ok(Found::Value(items.items[1].clone())),
                        _ if name.starts_with('_') => {
                            return unsupported(format!("the attribute `{name}` of a group"));
                        }
                        _ => {}
                    }
                }
                matches!(name, "count" | "index")
            }
            Value::View(kind, _) => {
                if name == "mapping" {
                    return unsupported("the attribute `mapping` of a view of a mapping");
                }
                name == "isdisjoint" && *kind != ViewKind::Values
            }
            Value::Range(range) => match name {
                "start" => return Ok(Found::Value(Value::Int(range.start))),
                "stop" => return Ok(Found::Value(Value::Int(range.stop))),
                "step" => return Ok(Found::Value(Value::Int(range.step))),
                _ => matches!(name, "count" | "index"),
            },
            Value::Int(_) | Value::Bool(_) | Value::Float(_) => {
                return self.number_attribute(of, name, method);
            }
            Value::Namespace(namespace) => {
                return Ok(namespace.get(name).map_or(Found::Nothing, Found::Value));
            }
            Value::Loop(state) => {
                return Ok(match self.loop_attribute(state, name)? {
                    Some(value) => Found::Value(value),
                    None if name.starts_with('_') => Found::Unsafe,
                    None => Found::Nothing,
                });
            }
            Value::Macro(of) => {
                let definition = &of.definition;
                return Ok(Found::Value(match name {
                    "name" => match &definition.name {
                        Some(name) => self.piece(name, false)?,
                        None => Value::None,
                    },
                    "arguments" => {
                        let names = definition.parameters.iter();
                        let names = names.map(|parameter| Value::text(&parameter.name));
                        self.tuple(names.collect())?
                    }
                    "catch_kwargs" => Value::Bool(definition.kwargs.is_some()),
                    "catch_varargs" => Value::Bool(definition.varargs.is_some()),
                    "caller" => Value::Bool(definition.caller.is_some()),
                    "explicit_caller" => Value::Bool(definition.has_explicit_caller),
                    _ => return Ok(Found::Nothing),
                }));
            }
            Value::Cycler(cycler) => match name {
                "current" => {
                    let at = cycler.at.get();
                    return Ok(Found::Value(cycler.items.items[at].clone()));
                }
                "pos" => return Ok(Found::Value(Value::Int(cycler.at.get() as i128))),
                "items" => return Ok(Found::Value(Value::Tuple(cycler.items.clone()))),
                _ => matches!(name, "next" | "reset"),
            },
            Value::Joiner(joiner) => {
                return Ok(match name {
                    "sep" => Found::Value(Value::Str(joiner.separator.clone())),
                    "used" => Found::Value(Value::Bool(joiner.is_used.get())),
                    _ => Found::Nothing,
                });
            }
            Value::Global(global) => {
                return Ok(if global.has_method(name) {
                    return method();
                } else {
                    Found::Nothing
                });
            }
            Value::SelfReference if !name.starts_with('_') => {
                return unsupported(format!("`self.{name}`"));
            }
            _ => false,
        };
        if is_method {
            method()
        } else {
            Ok(Found::Nothing)
        }
    }

    fn number_attribute(
        &self,
        of: &Value,
        name: &str,
        method: impl FnOnce() -> Res<Found>,
    ) -> Res<Found> {
        let is_float = matches!(of, Value::Float(_));
        let plain = match of {
            Value::Bool(value) => Value::Int(i128::from(*value)),
            other => other.clone(),
        };
        Ok(Found::Value(match name {
            "real" => plain,
            "imag" if is_float => Value::Float(0.0),
            "imag" => Value::Int(0),
            "numerator" if !is_float => plain,
            "denominator" if !is_float => Value::Int(1),
            "as_integer_ratio" | "conjugate" => return method(),
            "bit_length" | "bit_count" | "to_bytes" | "from_bytes" if !is_float => return method(),
            "is_integer" | "hex" | "fromhex" if is_float => return method(),
            _ => return Ok(Found::Nothing),
        }))
    }

    /// `value[index]`: an entry, or else an attribute.
    pub(super) fn item(&self, of: &Value, index: &Value) -> Res<Value> {
        self.meter.look(0)?;
        if let Value::Undefined(undefined) = of {
            return failed(undefined.words());
        }
        if let Some(value) = self.entry(of, index)? {
            return Ok(value);
        }
        if let Value::Str(name) = index {
            match self.python_attribute(of, &name.text)? {
                Found::Value(value) => return Ok(value),
                Found::Unsafe => return Ok(Self::unsafe_undefined(of, &name.text)),
                Found::Nothing => return self.missing_attribute(of, &name.text),
            }
        }
        let element = match index {
            Value::Int(index) => index.to_string(),
            other => format!("of type {}", other.type_name()),
        };
        let undefined = Undefined::Element(of.described_type(), element);
        Ok(Value::Undefined(Rc::new(undefined)))
    }

    /// What Python's subscript gives; nothing where it raises a TypeError or a LookupError.
    fn entry(&self, of: &Value, index: &Value) -> Res<Option<Value>> {
        if let Value::Dict(dict) = of {
            if !self.is_hashable(index)? {
                return Ok(None);
            }
            let key = self.key(index)?;
            return Ok(dict.get(&key).cloned());
        }
        let index = match index {
            Value::Int(index) => *index,
            Value::Bool(index) => i128::from(*index),
            _ => return Ok(None),
        };
        let length = match of {
            Value::Str(_) | Value::List(_) | Value::Tuple(_) | Value::Range(_) => self.len(of)?,
            _ => None,
        };
        let Some(length) = length else {
            return Ok(None);
        };
        let at = if index < 0 {
            index + length as i128
        } else {
            index
        };
        let Some(at) = usize::try_from(at).ok().filter(|at| *at < length) else {
            return Ok(None);
        };
        Ok(match of {
            Value::List(items) | Value::Tuple(items) => items.items.get(at).cloned(),
            Value::Range(range) => Some(range.get(at)),
            Value::Str(text) => match text.text.chars().nth(at) {
                Some(c) => Some(self.piece(c.encode_utf8(&mut [0; 4]), text.is_safe)?),
                None => None,
            },
            _ => None,
        })
    }
}
