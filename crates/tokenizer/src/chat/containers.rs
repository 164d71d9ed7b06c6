//! Functions and filters that put values into other values, and products.
//!
//! They are the engine's own, but what they make is [counted].

use minijinja::value::{Kwargs, Rest, ValueKind, ValueOrKwargs, from_args};
use minijinja::{Environment, Error, ErrorKind, State, Value, filters, functions};

use super::counted::{counted, is_namespace};
use super::environment::charge;
use super::python_text::unsupported;
use super::source::{BOUNDED, PRODUCT};

pub(super) fn register(environment: &mut Environment<'static>) {
    environment.add_function(
        BOUNDED,
        |state: &State, value: Value, is_entry: Option<bool>| {
            if is_entry == Some(true) && is_namespace(&value) {
                return Err(unsupported("a namespace inside of another value"));
            }
            counted(state, value)
        },
    );
    environment.add_function(PRODUCT, |state: &State, factors: Rest<Value>| {
        let mut factors = factors.iter();
        let first = factors.next().cloned().unwrap_or_default();
        factors.try_fold(first, |left, right| product(state, &left, right))
    });
    environment.add_function(
        "dict",
        |state: &State, value: Option<Value>, entries: Kwargs| {
            counted(state, functions::dict(value, entries)?)
        },
    );
    environment.add_function(
        "namespace",
        |state: &State, entries: Rest<ValueOrKwargs>| {
            let mut values = entries.into_values();
            if let [entries] = &mut values[..] {
                *entries = counted(state, entries_of(entries)?)?;
            }
            let (entries,): (Option<ValueOrKwargs>,) = from_args(&values)?;
            functions::namespace(entries)
        },
    );
    environment.add_filter(
        "batch",
        |state: &State, value: Value, count: usize, fill: Option<Value>| {
            // The engine fills up to `count` before anything is paid for.
            charge(state, count.saturating_mul(32))?;
            counted(state, filters::batch(state, value, count, fill)?)
        },
    );
    environment.add_filter(
        "slice",
        |state: &State, value: Value, count: usize, fill: Option<Value>| {
            charge(state, count.saturating_mul(32))?;
            counted(state, filters::slice(state, value, count, fill)?)
        },
    );
    environment.add_filter(
        "map",
        |state: &mut State, value: Value, args: Rest<ValueOrKwargs>| {
            let items = filters::map(state, value, args)?;
            counted(state, Value::from(items))
        },
    );
}

/// A mapping of the same entries: what was given by name is one that no template can hold.
fn entries_of(value: &Value) -> Result<Value, Error> {
    if value.kind() != ValueKind::Map {
        return Ok(value.clone());
    }
    let keys = value.try_iter()?.checked().collect::<Result<Vec<_>, _>>()?;
    let pairs = keys.into_iter().map(|key| {
        let item = value.get_item(&key)?;
        Ok((key, item))
    });
    pairs
        .collect::<Result<Vec<_>, Error>>()
        .map(Value::from_pairs)
}

/// A product of numbers, or a text that is repeated.
fn product(state: &State, left: &Value, right: &Value) -> Result<Value, Error> {
    let (text, count) = match (left.kind(), right.kind()) {
        (ValueKind::String, _) => (left, right),
        (_, ValueKind::String) => (right, left),
        (ValueKind::Seq, ValueKind::Number) if !left.is_tuple() => {
            return repeated(state, left, right);
        }
        (ValueKind::Number, ValueKind::Seq) if !right.is_tuple() => {
            return repeated(state, right, left);
        }
        _ => return numeric_product(left, right),
    };
    let Ok(count) = i64::try_from(count.clone()) else {
        return Err(unsupported(&format!("a text times a {}", count.kind())));
    };
    let (text, count) = (
        text.as_str().unwrap_or_default(),
        usize::try_from(count).unwrap_or(0),
    );
    charge(state, text.len().saturating_mul(count))?;
    Ok(Value::from(text.repeat(count)))
}

/// A list that is repeated: each text in it is paid for each time, as whatever prints the list will write it out.
fn repeated(state: &State, list: &Value, count: &Value) -> Result<Value, Error> {
    let count = usize::try_from(i64::try_from(count.clone())?).unwrap_or(0);
    let items = list.try_iter()?.checked().collect::<Result<Vec<_>, _>>()?;
    let bytes: usize = items
        .iter()
        .map(|item| 64 + item.as_str().map_or(0, str::len))
        .sum();
    charge(state, bytes.saturating_mul(count))?;
    counted(state, std::iter::repeat_n(items, count).flatten().collect())
}

fn numeric_product(left: &Value, right: &Value) -> Result<Value, Error> {
    let is_number = |value: &Value| matches!(value.kind(), ValueKind::Number | ValueKind::Bool);
    if !is_number(left) || !is_number(right) {
        let what = format!("a product of a {} and a {}", left.kind(), right.kind());
        return Err(unsupported(&what));
    }
    if let (Ok(a), Ok(b)) = (i128::try_from(left.clone()), i128::try_from(right.clone()))
        && is_whole(left)
        && is_whole(right)
    {
        let product = a.checked_mul(b);
        return product.map(Value::from).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidOperation,
                format!("unable to calculate {a} * {b}"),
            )
        });
    }
    let number = |value: &Value| f64::try_from(value.clone());
    Ok(super::python_text::float_value(
        number(left)? * number(right)?,
    ))
}

fn is_whole(value: &Value) -> bool {
    value.is_integer() || value.kind() == ValueKind::Bool
}
