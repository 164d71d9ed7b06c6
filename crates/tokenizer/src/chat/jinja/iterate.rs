//! Looping over values, and what can be looped over once.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use super::dict::{Dict, ViewKind};
use super::fault::{Res, failed, unsupported};
use super::interpreter::Interpreter;
use super::value::{Items, Range, Text, Value};

/// The next item of an iterator that computes them.
pub(super) type Step = Box<dyn FnMut(&Interpreter) -> Res<Option<Value>>>;

/// An iterator of Python: a generator, or what goes over a container.
pub(super) struct Iter {
    source: RefCell<Source>,
    pub(super) type_name: &'static str,
    /// Levels of what it goes over, itself included.
    pub(super) depth: usize,
}

enum Source {
    Items(Rc<Items>, usize),
    Reversed(Rc<Items>, usize),
    Chars(Rc<str>, usize),
    Entries(ViewKind, Rc<Dict>, usize),
    Range(Range, usize),
    Queue(VecDeque<Value>),
    Steps(Step),
    Empty,
}

impl Interpreter<'_> {
    /// Python's `iter`.
    pub(super) fn iter(&self, value: &Value) -> Res<Rc<Iter>> {
        let (source, type_name) = match value {
            Value::Iter(iter) => return Ok(iter.clone()),
            Value::List(items) => (Source::Items(items.clone(), 0), "list_iterator"),
            Value::Tuple(items) => (Source::Items(items.clone(), 0), "tuple_iterator"),
            Value::Str(text) => (Source::Chars(text.text.clone(), 0), "str_iterator"),
            Value::Dict(dict) => {
                let source = Source::Entries(ViewKind::Keys, dict.clone(), 0);
                (source, "dict_keyiterator")
            }
            Value::View(kind, dict) => {
                let source = Source::Entries(*kind, dict.clone(), 0);
                (source, "dict_itemiterator")
            }
            Value::Range(range) => (Source::Range(*range, 0), "range_iterator"),
            Value::Undefined(_) => (Source::Empty, "generator"),
            Value::Loop(_) => return unsupported("looping over a loop"),
            other => return failed(format!("'{}' object is not iterable", other.type_name())),
        };
        self.meter.look(0)?;
        Ok(Rc::new(Iter {
            source: RefCell::new(source),
            type_name,
            depth: value.depth() + 1,
        }))
    }

    /// A generator over `of`, whose items `step` computes.
    pub(super) fn generator(&self, of: &Value, step: Step) -> Res<Value> {
        self.lazy(of, "generator", Source::Steps(step))
    }

    /// Python's `reversed`; nothing where it raises a TypeError.
    pub(super) fn reversed(&self, value: &Value) -> Res<Option<Value>> {
        let source = match value {
            Value::List(items) | Value::Tuple(items) => {
                Source::Reversed(items.clone(), items.items.len())
            }
            Value::Dict(_) | Value::View(..) | Value::Range(_) => {
                let items = self.collect(value)?;
                let at = items.len();
                let items = Rc::new(Items {
                    items,
                    depth: value.depth(),
                    is_group: false,
                });
                Source::Reversed(items, at)
            }
            _ => return Ok(None),
        };
        let type_name = match value {
            Value::List(_) => "list_reverseiterator",
            Value::Range(_) => "range_iterator",
            Value::Tuple(_) => "reversed",
            _ => "dict_reverseiterator",
        };
        self.lazy(value, type_name, source).map(Some)
    }

    /// An iterator over items that are there already.
    pub(super) fn queue(&self, of: &Value, items: Vec<Value>) -> Res<Value> {
        self.lazy(of, "list_iterator", Source::Queue(items.into()))
    }

    fn lazy(&self, of: &Value, type_name: &'static str, source: Source) -> Res<Value> {
        self.meter.make(128)?;
        let depth = of.depth() + 1;
        Interpreter::within_depth(depth)?;
        Ok(Value::Iter(Rc::new(Iter {
            source: RefCell::new(source),
            type_name,
            depth,
        })))
    }

    /// The next item of an iterator.
    pub(super) fn next(&self, iter: &Iter) -> Res<Option<Value>> {
        let Ok(mut source) = iter.source.try_borrow_mut() else {
            return failed("generator already executing");
        };
        self.meter.look(0)?;
        let next = match &mut *source {
            Source::Items(items, at) => {
                let next = items.items.get(*at).cloned();
                *at += 1;
                next
            }
            Source::Reversed(items, at) => {
                let next = at.checked_sub(1).and_then(|before| items.items.get(before));
                *at = at.saturating_sub(1);
                next.cloned()
            }
            Source::Chars(text, at) => match text[*at..].chars().next() {
                Some(c) => {
                    *at += c.len_utf8();
                    Some(self.character(c)?)
                }
                None => None,
            },
            Source::Entries(kind, dict, at) => match dict.entries.get(*at) {
                Some(entry) => {
                    *at += 1;
                    Some(self.view_entry(*kind, entry)?)
                }
                None => None,
            },
            Source::Range(range, at) => {
                let next = (*at < range.len()).then(|| range.get(*at));
                *at += 1;
                next
            }
            Source::Queue(queue) => queue.pop_front(),
            Source::Steps(step) => step(self)?,
            Source::Empty => None,
        };
        if next.is_none() {
            *source = Source::Empty;
        }
        Ok(next)
    }

    fn view_entry(&self, kind: ViewKind, (key, value): &(Value, Value)) -> Res<Value> {
        match kind {
            ViewKind::Keys => Ok(key.clone()),
            ViewKind::Values => Ok(value.clone()),
            ViewKind::Items => self.tuple(vec![key.clone(), value.clone()]),
        }
    }

    /// A text of one character.
    pub(super) fn character(&self, c: char) -> Res<Value> {
        self.meter.make(48)?;
        Ok(Value::text(c.encode_utf8(&mut [0; 4])))
    }

    /// All items, as Python's `list` takes them.
    pub(super) fn collect(&self, value: &Value) -> Res<Vec<Value>> {
        if let Value::List(items) | Value::Tuple(items) = value {
            self.make_items(items.items.len())?;
            return Ok(items.items.clone());
        }
        let iter = self.iter(value)?;
        self.drain(&iter)
    }

    /// What is left of an iterator.
    pub(super) fn drain(&self, iter: &Iter) -> Res<Vec<Value>> {
        let mut items = Vec::new();
        while let Some(item) = self.next(iter)? {
            self.make_items(1)?;
            items.push(item);
        }
        Ok(items)
    }

    /// Python's `len`; nothing where it raises a TypeError.
    pub(super) fn len(&self, value: &Value) -> Res<Option<usize>> {
        Ok(match value {
            Value::Str(text) => {
                self.meter.look(text.text.len())?;
                Some(text.text.chars().count())
            }
            Value::List(items) | Value::Tuple(items) => Some(items.items.len()),
            Value::Dict(dict) | Value::View(_, dict) => Some(dict.len()),
            Value::Range(range) => Some(range.len()),
            Value::Undefined(_) => Some(0),
            Value::Loop(state) => Some(self.loop_length(state)?),
            _ => None,
        })
    }

    /// Pays for so many places in a list.
    pub(super) fn make_items(&self, count: usize) -> Res<()> {
        self.meter.make(count.saturating_mul(size_of::<Value>()))
    }

    pub(super) fn list(&self, items: Vec<Value>) -> Res<Value> {
        self.items(items).map(Value::List)
    }

    pub(super) fn tuple(&self, items: Vec<Value>) -> Res<Value> {
        self.items(items).map(Value::Tuple)
    }

    /// Items of a list or tuple, paid for.
    pub(super) fn items(&self, items: Vec<Value>) -> Res<Rc<Items>> {
        self.make_items(items.len() + 2)?;
        let mut depth = 0;
        for item in &items {
            Interpreter::containable(item)?;
            depth = depth.max(item.depth());
        }
        Interpreter::within_depth(depth + 1)?;
        Ok(Rc::new(Items {
            items,
            depth: depth + 1,
            is_group: false,
        }))
    }

    /// A text that was made, paid for.
    pub(super) fn made_text(&self, text: String, is_safe: bool) -> Res<Value> {
        self.meter.make(text.len() + 32)?;
        Ok(Value::Str(Text {
            text: text.into(),
            is_safe,
        }))
    }

    /// A piece of a text, paid for before it is copied.
    pub(super) fn piece(&self, text: &str, is_safe: bool) -> Res<Value> {
        self.meter.make(text.len() + 32)?;
        Ok(Value::Str(Text {
            text: text.into(),
            is_safe,
        }))
    }
}
