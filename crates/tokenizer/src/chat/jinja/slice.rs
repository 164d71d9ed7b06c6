//! Slices: `value[start:stop:step]`.

use super::fault::{Res, failed};
use super::interpreter::Interpreter;
use super::value::{Range, Value};

impl Interpreter<'_> {
    /// `value[start:stop:step]`.
    pub(super) fn slice(&self, of: &Value, bounds: &[Option<Value>; 3]) -> Res<Value> {
        let mut numbers = [None; 3];
        let mut is_valid = true;
        for (number, bound) in numbers.iter_mut().zip(bounds) {
            match bound {
                None | Some(Value::None) => {}
                Some(Value::Int(value)) => *number = Some(*value),
                Some(Value::Bool(value)) => *number = Some(i128::from(*value)),
                Some(_) => is_valid = false,
            }
        }
        let is_sequence = matches!(
            of,
            Value::Str(_) | Value::List(_) | Value::Tuple(_) | Value::Range(_)
        );
        if !is_sequence || !is_valid {
            if let Value::Undefined(undefined) = of {
                return failed(undefined.words());
            }
            if self.is_constant.get() {
                return Ok(Value::undefined("a slice of a constant that has none"));
            }
            return failed(if is_sequence {
                "slice indices must be integers or None or have an __index__ method".to_owned()
            } else {
                format!("'{}' object is not subscriptable", of.type_name())
            });
        }
        let [start, stop, step] = numbers;
        let step = step.unwrap_or(1);
        if step == 0 {
            return failed("slice step cannot be zero");
        }
        let length = self.len(of)?.unwrap_or(0) as i128;
        let (low, high) = if step < 0 {
            (-1, length - 1)
        } else {
            (0, length)
        };
        let clamp = |bound: Option<i128>, default: i128| match bound {
            None => default,
            Some(bound) if bound < 0 => bound.saturating_add(length).max(low),
            Some(bound) => bound.min(high),
        };
        let (from, to) = if step < 0 { (high, low) } else { (low, high) };
        let (start, stop) = (clamp(start, from), clamp(stop, to));
        if let Value::Range(range) = of {
            return Ok(Value::Range(Range {
                start: range.start.saturating_add(start.saturating_mul(range.step)),
                stop: range.start.saturating_add(stop.saturating_mul(range.step)),
                step: range.step.saturating_mul(step),
            }));
        }
        let picked = Range { start, stop, step };
        let indices = (0..picked.len()).map(|at| (start + at as i128 * step) as usize);
        match of {
            Value::Str(text) => {
                if step == 1 {
                    return self.piece(char_range(&text.text, start, stop), text.is_safe);
                }
                self.meter.make(text.text.len().saturating_mul(5))?;
                let chars: Vec<char> = text.text.chars().collect();
                let picked: String = indices.map(|at| chars[at]).collect();
                self.made_text(picked, text.is_safe)
            }
            Value::List(items) => {
                self.make_items(picked.len())?;
                self.list(indices.map(|at| items.items[at].clone()).collect())
            }
            Value::Tuple(items) => {
                self.make_items(picked.len())?;
                self.tuple(indices.map(|at| items.items[at].clone()).collect())
            }
            _ => failed("not a sequence"),
        }
    }
}

/// The characters of a text from one to another.
pub(super) fn char_range(text: &str, start: i128, stop: i128) -> &str {
    if stop <= start {
        return "";
    }
    let offset = |at: i128| {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        let found = text.char_indices().nth(at);
        found.map_or(text.len(), |(offset, _)| offset)
    };
    &text[offset(start)..offset(stop)]
}
