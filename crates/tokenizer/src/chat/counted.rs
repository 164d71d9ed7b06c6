//! Lists and mappings that know how often they are looked at.
//!
//! The engine's fuel pays for the steps of a template and for the data it makes, but not for walking over data: comparing,
//! hashing or printing a list of lists of lists, each of which holds the one below ten times, takes exponential time in one
//! step. So every list and mapping that can get into another one is a [`Counted`]. It charges each look into it to the
//! rendering, which is broken off by unwinding when the sum is spent: there is no other way out of a comparison.

use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use minijinja::value::{DynObject, Enumerator, Object, ObjectRepr, ValueKind};
use minijinja::{Error, State, Value};

use super::environment::charge;
use super::python_text::{MAX_DEPTH, unsupported};

thread_local! {
    /// What this thread's rendering may still look at, in entries and 16 bytes of text.
    static LEFT: Cell<u64> = const { Cell::new(u64::MAX) };
}

/// A rendering that looked at too much.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Exhausted;

/// Runs `work` on this thread, with so many looks.
pub(super) fn within<T>(looks: u64, work: impl FnOnce() -> T) -> Result<T, Exhausted> {
    LEFT.set(looks);
    let result = catch_unwind(AssertUnwindSafe(work));
    LEFT.set(u64::MAX);
    match result {
        Ok(value) => Ok(value),
        Err(payload) if payload.is::<Exhausted>() => Err(Exhausted),
        Err(payload) => resume_unwind(payload),
    }
}

/// Takes the looks for one entry with `bytes` of text.
pub(super) fn look(bytes: usize) {
    let cost = 1 + bytes as u64 / 16;
    let left = LEFT.get();
    if left < cost {
        // The rest of this thread's work is unwinding; it must not meet an empty account again.
        LEFT.set(u64::MAX);
        resume_unwind(Box::new(Exhausted));
    }
    LEFT.set(left - cost);
}

/// A list or a mapping of the engine.
struct Counted {
    inner: DynObject,
    /// Levels below this one, itself included.
    depth: usize,
}

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.inner, f)
    }
}

impl Object for Counted {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        self.inner.repr()
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        look(key.as_str().map_or(0, str::len));
        let value = self.inner.get_value(key)?;
        look(value.as_str().map_or(0, str::len));
        Some(value)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        look(key.len());
        let value = self.inner.get_value_by_str(key)?;
        look(value.as_str().map_or(0, str::len));
        Some(value)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let len = self.inner.enumerator_len().unwrap_or(0);
        look(len.saturating_mul(16));
        match self.inner.repr() {
            // The engine then asks for each entry, which is looked at.
            ObjectRepr::Seq => Enumerator::Seq(len),
            _ => self.inner.enumerate(),
        }
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        self.inner.enumerator_len()
    }

    fn is_true(self: &Arc<Self>) -> bool {
        self.inner.is_true()
    }
}

/// The same value, counted, and so is everything in it.
///
/// # Errors
/// A value of too many levels, or one that holds a namespace, which could hold the value again.
pub(super) fn counted(state: &State, value: Value) -> Result<Value, Error> {
    convert(Some(state), value, 0, &mut 0)
}

/// The same value, counted, before there is a rendering that could pay for it. One of too many levels stays as it is.
pub(super) fn counted_input(value: Value) -> Value {
    convert(None, value.clone(), 0, &mut 0).unwrap_or(value)
}

/// `inside` tells how many containers are around; `depth` becomes the largest number of levels below.
fn convert(
    state: Option<&State>,
    value: Value,
    inside: usize,
    depth: &mut usize,
) -> Result<Value, Error> {
    let Some(object) = value.as_object() else {
        return Ok(value);
    };
    if inside > 0 && is_namespace(&value) {
        return Err(unsupported("a namespace inside of another value"));
    }
    if let Some(known) = value.downcast_object_ref::<Counted>() {
        *depth = (*depth).max(known.depth);
        return within_levels(value.clone(), inside + known.depth);
    }
    if inside > MAX_DEPTH {
        return within_levels(value, inside);
    }
    let length = object.enumerator_len().unwrap_or(0);
    let charge = |bytes| state.map_or(Ok(()), |state| charge(state, bytes));
    charge((length + 1).saturating_mul(32))?;
    let mut below = 0;
    let inner = match value.kind() {
        _ if is_namespace(&value) => None,
        ValueKind::Seq if value.is_tuple() => {
            let mut items = Vec::with_capacity(length);
            for item in value.try_iter()?.checked() {
                look(0);
                items.push(convert(state, item?, inside + 1, &mut below)?);
            }
            *depth = (*depth).max(below + 1);
            return Ok(Value::from(minijinja::value::Tuple::from(items)));
        }
        ValueKind::Seq => {
            let mut items = Vec::with_capacity(length);
            for item in value.try_iter()?.checked() {
                items.push(convert(state, item?, inside + 1, &mut below)?);
            }
            Some(Value::from(items))
        }
        ValueKind::Map if is_plain_mapping(&value) => {
            let mut pairs = Vec::with_capacity(length);
            for key in value.try_iter()?.checked() {
                let key = key?;
                charge(key.as_str().map_or(0, str::len))?;
                let item = value.get_item(&key)?;
                pairs.push((key, convert(state, item, inside + 1, &mut below)?));
            }
            Some(Value::from_pairs(pairs))
        }
        // What is looped over once gives entries that are converted when they are bound.
        ValueKind::Iterable => {
            for item in value.try_iter()?.checked() {
                charge(8)?;
                convert(state, item?, inside + 1, &mut below)?;
            }
            None
        }
        _ => None,
    };
    *depth = (*depth).max(below + 1);
    let Some(inner) = inner.as_ref().and_then(Value::as_object).cloned() else {
        return Ok(value);
    };
    let depth = below + 1;
    Ok(Value::from_object(Counted { inner, depth }))
}

fn within_levels(value: Value, levels: usize) -> Result<Value, Error> {
    if levels > MAX_DEPTH {
        let what = format!("a value of more than `{MAX_DEPTH}` levels");
        return Err(unsupported(&what));
    }
    Ok(value)
}

/// Whether a value is what `namespace` gives.
pub(super) fn is_namespace(value: &Value) -> bool {
    value
        .as_object()
        .is_some_and(|object| object.type_name().ends_with("Namespace"))
}

/// Whether a mapping is one for templates too, and not a macro, a loop or the like.
fn is_plain_mapping(value: &Value) -> bool {
    super::python_text::refuse_engine_object(value).is_ok()
}
