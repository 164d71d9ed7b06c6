//! Comparisons and membership.

use std::cmp::Ordering;
use std::rc::Rc;

use super::ast::Comparison;
use super::dict::ViewKind;
use super::fault::{Res, failed, unsupported};
use super::interpreter::Interpreter;
use super::operators::Number;
use super::value::Value;

impl Interpreter<'_> {
    /// Python's `bool`.
    pub(super) fn is_true(&self, value: &Value) -> Res<bool> {
        Ok(match value {
            Value::Undefined(_) | Value::None => false,
            Value::Bool(value) => *value,
            Value::Int(value) => *value != 0,
            Value::Float(value) => *value != 0.0,
            Value::Str(text) => !text.text.is_empty(),
            Value::List(items) | Value::Tuple(items) => !items.items.is_empty(),
            Value::Dict(dict) | Value::View(_, dict) => dict.len() > 0,
            Value::Range(range) => range.len() > 0,
            Value::Loop(state) => self.loop_length(state)? > 0,
            _ => true,
        })
    }

    pub(super) fn compare(&self, comparison: Comparison, left: &Value, right: &Value) -> Res<bool> {
        match comparison {
            Comparison::Eq => self.equal(left, right),
            Comparison::Ne => Ok(!self.equal(left, right)?),
            Comparison::In => self.contains(right, left),
            Comparison::NotIn => Ok(!self.contains(right, left)?),
            Comparison::Lt => self.ordered(left, right, "<", Ordering::is_lt),
            Comparison::Le => self.ordered(left, right, "<=", Ordering::is_le),
            Comparison::Gt => self.ordered(left, right, ">", Ordering::is_gt),
            Comparison::Ge => self.ordered(left, right, ">=", Ordering::is_ge),
        }
    }

    /// Python's `==`.
    pub(super) fn equal(&self, left: &Value, right: &Value) -> Res<bool> {
        self.meter.look(0)?;
        if let (Some(left), Some(right)) = (Number::of(left), Number::of(right)) {
            return Ok(numbers(left, right) == Some(Ordering::Equal));
        }
        Ok(match (left, right) {
            (Value::None, Value::None)
            | (Value::Undefined(_), Value::Undefined(_))
            | (Value::SelfReference, Value::SelfReference) => true,
            (Value::Str(left), Value::Str(right)) => {
                if left.text.len() != right.text.len() {
                    return Ok(false);
                }
                self.meter.look(left.text.len())?;
                left.text == right.text
            }
            (Value::List(left), Value::List(right)) | (Value::Tuple(left), Value::Tuple(right)) => {
                self.equal_items(&left.items, &right.items)?
            }
            (Value::Dict(left), Value::Dict(right)) => {
                if left.len() != right.len() {
                    return Ok(false);
                }
                for (key, value) in &left.entries {
                    let Some(other) = right.get(&self.key(key)?) else {
                        return Ok(false);
                    };
                    if !self.equal(value, other)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Value::Range(left), Value::Range(right)) => {
                let (len, other) = (left.len(), right.len());
                len == other
                    && (len == 0
                        || left.start == right.start && (len == 1 || left.step == right.step))
            }
            (Value::View(left, _), Value::View(right, _))
                if *left != ViewKind::Values && *right != ViewKind::Values =>
            {
                return unsupported("comparing views of mappings");
            }
            (Value::Global(left), Value::Global(right)) => left == right,
            _ => is_same_object(left, right),
        })
    }

    pub(super) fn equal_items(&self, left: &[Value], right: &[Value]) -> Res<bool> {
        if left.len() != right.len() {
            return Ok(false);
        }
        for (left, right) in left.iter().zip(right) {
            if !self.equal(left, right)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// `left < right` and its like; `holds` tells which orders are meant.
    fn ordered(
        &self,
        left: &Value,
        right: &Value,
        sign: &str,
        holds: fn(Ordering) -> bool,
    ) -> Res<bool> {
        self.meter.look(0)?;
        if let (Some(left), Some(right)) = (Number::of(left), Number::of(right)) {
            return Ok(numbers(left, right).is_some_and(holds));
        }
        match (left, right) {
            (Value::Str(left), Value::Str(right)) => {
                self.meter.look(left.text.len().min(right.text.len()))?;
                Ok(holds(left.text.cmp(&right.text)))
            }
            (Value::List(a), Value::List(b)) | (Value::Tuple(a), Value::Tuple(b)) => {
                for (left, right) in a.items.iter().zip(&b.items) {
                    if !self.equal(left, right)? {
                        return self.ordered(left, right, sign, holds);
                    }
                }
                Ok(holds(a.items.len().cmp(&b.items.len())))
            }
            (Value::Undefined(undefined), _) | (_, Value::Undefined(undefined)) => {
                failed(undefined.words())
            }
            (Value::View(..), Value::View(..)) => unsupported("comparing views of mappings"),
            _ => failed(format!(
                "'{sign}' not supported between instances of '{}' and '{}'",
                left.type_name(),
                right.type_name()
            )),
        }
    }

    /// Whether `left < right`, which is all that sorting asks.
    pub(super) fn less(&self, left: &Value, right: &Value) -> Res<bool> {
        self.ordered(left, right, "<", Ordering::is_lt)
    }

    /// `item in container`.
    pub(super) fn contains(&self, container: &Value, item: &Value) -> Res<bool> {
        match container {
            Value::Str(text) => match item {
                Value::Str(piece) => {
                    self.meter.look(text.text.len())?;
                    Ok(text.text.contains(&*piece.text))
                }
                other => failed(format!(
                    "'in <string>' requires string as left operand, not {}",
                    other.type_name()
                )),
            },
            Value::Dict(dict) | Value::View(ViewKind::Keys, dict) => {
                Ok(dict.get(&self.key(item)?).is_some())
            }
            Value::List(_)
            | Value::Tuple(_)
            | Value::View(..)
            | Value::Range(_)
            | Value::Iter(_)
            | Value::Undefined(_) => {
                let iter = self.iter(container)?;
                while let Some(found) = self.next(&iter)? {
                    if is_same_object(&found, item) || self.equal(&found, item)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Value::Loop(_) => unsupported("looking for an item of a loop"),
            other => failed(format!(
                "argument of type '{}' is not iterable",
                other.type_name()
            )),
        }
    }

    /// Sorts by keys as Python does, without changing the order of equal ones.
    pub(super) fn sorted(&self, pairs: Vec<(Value, Value)>, reverse: bool) -> Res<Vec<Value>> {
        self.make_items(pairs.len().saturating_mul(4))?;
        let sorted = self.merge_sorted(pairs, reverse)?;
        Ok(sorted.into_iter().map(|(_, value)| value).collect())
    }

    /// The library's sort has no way out for a comparison that fails.
    fn merge_sorted(
        &self,
        mut pairs: Vec<(Value, Value)>,
        reverse: bool,
    ) -> Res<Vec<(Value, Value)>> {
        if pairs.len() < 2 {
            return Ok(pairs);
        }
        let right = pairs.split_off(pairs.len() / 2);
        let mut sorted = Vec::with_capacity(pairs.len() + right.len());
        let mut left = self.merge_sorted(pairs, reverse)?.into_iter().peekable();
        let mut right = self.merge_sorted(right, reverse)?.into_iter().peekable();
        while let (Some((first, _)), Some((second, _))) = (left.peek(), right.peek()) {
            let second_first = if reverse {
                self.less(first, second)?
            } else {
                self.less(second, first)?
            };
            sorted.extend(if second_first {
                right.next()
            } else {
                left.next()
            });
        }
        sorted.extend(left);
        sorted.extend(right);
        Ok(sorted)
    }
}

/// The exact order of two numbers; nothing if one is NaN.
pub(super) fn numbers(left: Number, right: Number) -> Option<Ordering> {
    match (left, right) {
        (Number::Int(left), Number::Int(right)) => Some(left.cmp(&right)),
        (Number::Float(left), Number::Float(right)) => left.partial_cmp(&right),
        (Number::Int(left), Number::Float(right)) => int_and_float(left, right),
        (Number::Float(left), Number::Int(right)) => {
            int_and_float(right, left).map(Ordering::reverse)
        }
    }
}

fn int_and_float(left: i128, right: f64) -> Option<Ordering> {
    if right.is_nan() {
        return None;
    }
    if right.abs() >= 1.7e38 {
        let is_large = right > 0.0;
        return Some(if is_large {
            Ordering::Less
        } else {
            Ordering::Greater
        });
    }
    let whole = right.trunc();
    let by_whole = left.cmp(&(whole as i128));
    Some(by_whole.then_with(|| {
        0.0_f64
            .partial_cmp(&(right - whole))
            .unwrap_or(Ordering::Equal)
    }))
}

/// Whether two values are one object, for objects that have no other equality.
pub(super) fn is_same_object(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::List(left), Value::List(right)) | (Value::Tuple(left), Value::Tuple(right)) => {
            Rc::ptr_eq(left, right)
        }
        (Value::Dict(left), Value::Dict(right)) => Rc::ptr_eq(left, right),
        (Value::Iter(left), Value::Iter(right)) => Rc::ptr_eq(left, right),
        (Value::Macro(left), Value::Macro(right)) => Rc::ptr_eq(left, right),
        (Value::Namespace(left), Value::Namespace(right)) => Rc::ptr_eq(left, right),
        (Value::Loop(left), Value::Loop(right)) => Rc::ptr_eq(left, right),
        (Value::Cycler(left), Value::Cycler(right)) => Rc::ptr_eq(left, right),
        (Value::Joiner(left), Value::Joiner(right)) => Rc::ptr_eq(left, right),
        (Value::Method(left), Value::Method(right)) => {
            left.1 == right.1 && is_same_object(&left.0, &right.0)
        }
        _ => false,
    }
}
