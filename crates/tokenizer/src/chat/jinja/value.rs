//! Values as Python has them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::dict::{Dict, ViewKind};
use super::globals::Global;
use super::iterate::Iter;
use super::loops::Loop;
use super::macros::Macro;

/// Levels of lists and mappings in each other: comparing, printing and freeing go down by
/// recursion.
pub(super) const MAX_DEPTH: usize = 200;

/// A value. Cloning one is cheap, and nothing but a namespace and an iterator ever changes.
#[derive(Clone)]
pub(super) enum Value {
    Undefined(Rc<Undefined>),
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    Str(Text),
    List(Rc<Items>),
    Tuple(Rc<Items>),
    Dict(Rc<Dict>),
    /// What `keys`, `values` and `items` give.
    View(ViewKind, Rc<Dict>),
    Range(Range),
    /// Something that can be looped over once.
    Iter(Rc<Iter>),
    /// A method that is not called yet.
    Method(Rc<(Value, Rc<str>)>),
    Global(Global),
    Macro(Rc<Macro>),
    Namespace(Rc<Namespace>),
    Loop(Rc<Loop>),
    Cycler(Rc<Cycler>),
    Joiner(Rc<Joiner>),
    /// The variable `self`.
    SelfReference,
}

/// A text, and whether it is marked as safe: Python's `str` or the class `Markup`.
#[derive(Clone)]
pub(super) struct Text {
    pub(super) text: Rc<str>,
    pub(super) is_safe: bool,
}

/// Why a value is undefined: the words of the error if it is used.
pub(super) enum Undefined {
    Name(Rc<str>),
    /// The type that was asked, and what for.
    Attribute(&'static str, Rc<str>),
    Element(&'static str, String),
    Unsafe(&'static str, Rc<str>),
    Words(&'static str),
    Parameter(Rc<str>),
}

/// The items of a list or tuple.
pub(super) struct Items {
    pub(super) items: Vec<Value>,
    /// Levels below this one, itself included.
    pub(super) depth: usize,
    /// Whether they are a group of the filter `groupby`, which has the attributes `grouper` and
    /// `list`.
    pub(super) is_group: bool,
}

/// Python's `range`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) start: i128,
    pub(super) stop: i128,
    pub(super) step: i128,
}

#[derive(Default)]
pub(super) struct Namespace {
    pub(super) entries: RefCell<Vec<(Rc<str>, Value)>>,
}

pub(super) struct Cycler {
    pub(super) items: Rc<Items>,
    pub(super) at: Cell<usize>,
}

pub(super) struct Joiner {
    pub(super) separator: Text,
    pub(super) is_used: Cell<bool>,
}

impl Range {
    pub(super) fn len(self) -> usize {
        let (low, high, step) = if self.step > 0 {
            (self.start, self.stop, self.step)
        } else {
            (self.stop, self.start, -self.step)
        };
        if low >= high {
            return 0;
        }
        usize::try_from((high - low - 1) / step + 1).unwrap_or(usize::MAX)
    }

    pub(super) fn get(self, index: usize) -> Value {
        Value::Int(self.start + index as i128 * self.step)
    }
}

impl Namespace {
    pub(super) fn get(&self, name: &str) -> Option<Value> {
        let entries = self.entries.borrow();
        let found = entries.iter().find(|(known, _)| &**known == name);
        found.map(|(_, value)| value.clone())
    }

    pub(super) fn set(&self, name: &str, value: Value) {
        let mut entries = self.entries.borrow_mut();
        match entries.iter_mut().find(|(known, _)| &**known == name) {
            Some((_, old)) => *old = value,
            None => entries.push((name.into(), value)),
        }
    }
}

impl Undefined {
    pub(super) fn words(&self) -> String {
        match self {
            Self::Name(name) => format!("'{name}' is undefined"),
            Self::Attribute(of, name) => format!("'{of}' has no attribute '{name}'"),
            Self::Element(of, element) => format!("{of} has no element {element}"),
            Self::Unsafe(of, name) => {
                format!("access to attribute '{name}' of '{of}' object is unsafe")
            }
            Self::Words(words) => (*words).to_owned(),
            Self::Parameter(name) => format!("parameter '{name}' was not provided"),
        }
    }
}

impl Value {
    /// A text that nothing is paid for: a constant or a short one.
    pub(super) fn text(text: &str) -> Self {
        Self::Str(Text {
            text: text.into(),
            is_safe: false,
        })
    }

    pub(super) fn undefined(words: &'static str) -> Self {
        Self::Undefined(Rc::new(Undefined::Words(words)))
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(&text.text),
            _ => None,
        }
    }

    pub(super) fn is_undefined(&self) -> bool {
        matches!(self, Self::Undefined(_))
    }

    /// Levels of containers in it.
    pub(super) fn depth(&self) -> usize {
        match self {
            Self::List(items) | Self::Tuple(items) => items.depth,
            Self::Dict(dict) | Self::View(_, dict) => dict.depth,
            Self::Iter(iter) => iter.depth,
            Self::Method(method) => 1 + method.0.depth(),
            Self::Cycler(cycler) => 1 + cycler.items.depth,
            _ => 0,
        }
    }

    /// The name of its class in Python.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Undefined(_) => "Undefined",
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::Str(text) if text.is_safe => "Markup",
            Self::Str(_) => "str",
            Self::List(_) => "list",
            Self::Tuple(items) if items.is_group => "_GroupTuple",
            Self::Tuple(_) => "tuple",
            Self::Dict(_) => "dict",
            Self::View(ViewKind::Keys, _) => "dict_keys",
            Self::View(ViewKind::Values, _) => "dict_values",
            Self::View(ViewKind::Items, _) => "dict_items",
            Self::Range(_) => "range",
            Self::Iter(iter) => iter.type_name,
            Self::Method(_) => "builtin_function_or_method",
            Self::Global(global) => global.type_name(),
            Self::Macro(_) => "Macro",
            Self::Namespace(_) => "TemplateNamespace",
            Self::Loop(_) => "LoopContext",
            Self::Cycler(_) => "Cycler",
            Self::Joiner(_) => "Joiner",
            Self::SelfReference => "TemplateReference",
        }
    }

    /// The class as Jinja names it where an attribute is missing.
    pub(super) fn described_type(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "bool object",
            Self::Int(_) => "int object",
            Self::Float(_) => "float object",
            Self::Str(text) if !text.is_safe => "str object",
            Self::List(_) => "list object",
            Self::Tuple(items) if !items.is_group => "tuple object",
            Self::Dict(_) => "dict object",
            Self::Range(_) => "range object",
            other => other.type_name(),
        }
    }

    /// Python's `callable`.
    pub(super) fn is_callable(&self) -> bool {
        matches!(
            self,
            // Jinja's class of undefined values has a `__call__`, which raises.
            Self::Undefined(_)
                | Self::Method(_)
                | Self::Global(_)
                | Self::Macro(_)
                | Self::Loop(_)
                | Self::Joiner(_)
        )
    }
}
