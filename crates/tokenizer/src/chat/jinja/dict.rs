//! Mappings, and the keys that find their entries.

use std::collections::HashMap;
use std::rc::Rc;

use super::fault::{Res, failed, unsupported};
use super::interpreter::Interpreter;
use super::value::Value;

/// A mapping in the order in which its keys first came.
pub(super) struct Dict {
    pub(super) entries: Vec<(Value, Value)>,
    index: HashMap<Key, usize>,
    /// Levels below this one, itself included.
    pub(super) depth: usize,
}

/// Which part of a mapping a view shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ViewKind {
    Keys,
    Values,
    Items,
}

/// A value as Python hashes it: `1`, `1.0` and `true` are the same key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    None,
    Undefined,
    Int(i128),
    /// Bits of a float that is no integer.
    Float(u64),
    Str(Rc<str>),
    Tuple(Vec<Key>),
}

/// Bytes that an entry takes, about.
const ENTRY_BYTES: usize = 192;

impl Dict {
    pub(super) fn get(&self, key: &Key) -> Option<&Value> {
        let at = self.index.get(key)?;
        self.entries.get(*at).map(|(_, value)| value)
    }

    /// The entry of a text, found without making a key of it.
    pub(super) fn get_str(&self, name: &str) -> Option<&Value> {
        if self.entries.len() > 16 {
            return self.get(&Key::Str(name.into()));
        }
        let found = self
            .entries
            .iter()
            .find(|(key, _)| key.as_str() == Some(name));
        found.map(|(_, value)| value)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

/// A mapping that is being made.
#[derive(Default)]
pub(super) struct DictBuilder {
    entries: Vec<(Value, Value)>,
    index: HashMap<Key, usize>,
    depth: usize,
}

impl DictBuilder {
    /// Adds an entry; one of an equal key keeps its key and its place.
    pub(super) fn insert(
        &mut self,
        interpreter: &Interpreter,
        key: Value,
        value: Value,
    ) -> Res<()> {
        let hashed = interpreter.key(&key)?;
        interpreter.meter.make(ENTRY_BYTES)?;
        Interpreter::containable(&value)?;
        self.depth = self.depth.max(key.depth()).max(value.depth());
        self.push(hashed, key, value);
        Ok(())
    }

    /// The same before there is a rendering that could pay.
    pub(super) fn insert_input(&mut self, name: &str, value: Value) {
        let text: Rc<str> = name.into();
        self.depth = self.depth.max(value.depth());
        let key = Value::Str(super::value::Text {
            text: text.clone(),
            is_safe: false,
        });
        self.push(Key::Str(text), key, value);
    }

    fn push(&mut self, hashed: Key, key: Value, value: Value) {
        match self.index.get(&hashed) {
            Some(at) => self.entries[*at].1 = value,
            None => {
                self.index.insert(hashed, self.entries.len());
                self.entries.push((key, value));
            }
        }
    }

    pub(super) fn finish(self, interpreter: &Interpreter) -> Res<Value> {
        Interpreter::within_depth(self.depth + 1)?;
        interpreter.meter.make(ENTRY_BYTES)?;
        Ok(self.finish_input())
    }

    pub(super) fn finish_input(self) -> Value {
        Value::Dict(Rc::new(Dict {
            depth: self.depth + 1,
            entries: self.entries,
            index: self.index,
        }))
    }
}

impl Interpreter<'_> {
    /// The value as a key.
    pub(super) fn key(&self, value: &Value) -> Res<Key> {
        Ok(match value {
            Value::None => Key::None,
            Value::Undefined(_) => Key::Undefined,
            Value::Bool(value) => Key::Int(i128::from(*value)),
            Value::Int(value) => Key::Int(*value),
            Value::Float(value) => {
                if value.is_nan() {
                    return unsupported("NaN as a key");
                }
                if value.fract() == 0.0 && value.abs() < 1e38 {
                    Key::Int(*value as i128)
                } else {
                    Key::Float(value.to_bits())
                }
            }
            Value::Str(text) => {
                self.meter.look(text.text.len())?;
                Key::Str(text.text.clone())
            }
            Value::Tuple(items) => {
                let mut keys = Vec::new();
                for item in &items.items {
                    // What is shared is copied each time.
                    self.meter.make(64)?;
                    keys.push(self.key(item)?);
                }
                Key::Tuple(keys)
            }
            Value::List(_) | Value::Dict(_) | Value::View(..) => {
                return failed(format!("unhashable type: '{}'", value.type_name()));
            }
            other => return unsupported(format!("a key of type `{}`", other.type_name())),
        })
    }

    /// Whether Python could take the value for a key.
    pub(super) fn is_hashable(&self, value: &Value) -> Res<bool> {
        self.meter.look(0)?;
        match value {
            Value::List(_) | Value::Dict(_) | Value::View(..) => return Ok(false),
            Value::Tuple(items) => {
                for item in &items.items {
                    if !self.is_hashable(item)? {
                        return Ok(false);
                    }
                }
            }
            _ => {}
        }
        Ok(true)
    }
}
