//! Arithmetic, as Python's numbers and sequences have it.

use super::ast::Operator;
use super::fault::{Res, failed, unsupported, unsupported_fault};
use super::interpreter::Interpreter;
use super::percent;
use super::value::{Items, Value};

/// A number, with truth values among them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Int(i128),
    Float(f64),
}

impl Number {
    pub(super) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(value) => Some(Self::Int(i128::from(*value))),
            Value::Int(value) => Some(Self::Int(*value)),
            Value::Float(value) => Some(Self::Float(*value)),
            _ => None,
        }
    }

    pub(super) fn float(self) -> f64 {
        match self {
            Self::Int(value) => value as f64,
            Self::Float(value) => value,
        }
    }
}

fn int(value: Option<i128>) -> Res<Value> {
    match value {
        Some(value) => Ok(Value::Int(value)),
        None => Err(unsupported_fault("an integer of more than 127 bits")),
    }
}

impl Interpreter<'_> {
    pub(super) fn negated(&self, value: &Value) -> Res<Value> {
        match Number::of(value) {
            Some(Number::Int(value)) => int(value.checked_neg()),
            Some(Number::Float(value)) => Ok(Value::Float(-value)),
            None => bad_operand("-", value),
        }
    }

    pub(super) fn positive(&self, value: &Value) -> Res<Value> {
        match Number::of(value) {
            Some(Number::Int(value)) => Ok(Value::Int(value)),
            Some(Number::Float(value)) => Ok(Value::Float(value)),
            None => bad_operand("+", value),
        }
    }

    pub(super) fn binary(&self, operator: Operator, left: &Value, right: &Value) -> Res<Value> {
        if let (Operator::Mod, Value::Str(format)) = (operator, left) {
            return percent::format(self, format, right);
        }
        if let (Some(left), Some(right)) = (Number::of(left), Number::of(right)) {
            return match (left, right) {
                (Number::Int(left), Number::Int(right)) => integers(operator, left, right),
                _ => floats(operator, left.float(), right.float()),
            };
        }
        for side in [left, right] {
            if let Value::Undefined(undefined) = side {
                return failed(undefined.words());
            }
        }
        match (operator, left, right) {
            (Operator::Add, Value::Str(a), Value::Str(b)) => {
                let is_safe = a.is_safe || b.is_safe;
                let (first, second) = (self.escaped_if(a, is_safe)?, self.escaped_if(b, is_safe)?);
                self.meter.make(first.len() + second.len())?;
                self.made_text([first, second].concat(), is_safe)
            }
            (Operator::Add, Value::List(a), Value::List(b)) => self.joined(a, b).map(Value::List),
            (Operator::Add, Value::Tuple(a), Value::Tuple(b)) => {
                self.joined(a, b).map(Value::Tuple)
            }
            (Operator::Mul, sequence, count) if is_sequence(sequence) => {
                self.repeated(sequence, count)
            }
            (Operator::Mul, count, sequence) if is_sequence(sequence) => {
                self.repeated(sequence, count)
            }
            _ => failed(format!(
                "unsupported operand type(s) for {}: '{}' and '{}'",
                operator.sign(),
                left.type_name(),
                right.type_name()
            )),
        }
    }

    fn joined(&self, first: &Items, second: &Items) -> Res<std::rc::Rc<Items>> {
        self.make_items(first.items.len() + second.items.len())?;
        let mut items = first.items.clone();
        items.extend(second.items.iter().cloned());
        self.items(items)
    }

    fn repeated(&self, sequence: &Value, count: &Value) -> Res<Value> {
        let count = match count {
            Value::Int(_) | Value::Bool(_) => self.integer(count)?,
            other => {
                return failed(format!(
                    "can't multiply sequence by non-int of type '{}'",
                    other.type_name()
                ));
            }
        };
        let count = usize::try_from(count.max(0)).unwrap_or(usize::MAX);
        match sequence {
            Value::Str(text) => {
                self.meter.make(text.text.len().saturating_mul(count))?;
                self.made_text(text.text.repeat(count), text.is_safe)
            }
            Value::List(items) | Value::Tuple(items) => {
                self.make_items(items.items.len().saturating_mul(count))?;
                let repeated = std::iter::repeat_n(&items.items, count);
                let repeated = repeated.flatten().cloned().collect();
                match sequence {
                    Value::List(_) => self.list(repeated),
                    _ => self.tuple(repeated),
                }
            }
            _ => failed("not a sequence"),
        }
    }
}

fn is_sequence(value: &Value) -> bool {
    matches!(value, Value::Str(_) | Value::List(_) | Value::Tuple(_))
}

fn bad_operand(sign: &str, value: &Value) -> Res<Value> {
    match value {
        Value::Undefined(undefined) => failed(undefined.words()),
        other => failed(format!(
            "bad operand type for unary {sign}: '{}'",
            other.type_name()
        )),
    }
}

fn integers(operator: Operator, left: i128, right: i128) -> Res<Value> {
    match operator {
        Operator::Add => int(left.checked_add(right)),
        Operator::Sub => int(left.checked_sub(right)),
        Operator::Mul => int(left.checked_mul(right)),
        Operator::Div => {
            if right == 0 {
                return failed("division by zero");
            }
            // Beyond these, dividing the nearest floats rounds twice.
            let is_exact = |value: i128| (value as f64) as i128 == value;
            if !is_exact(left) || !is_exact(right) {
                return unsupported("dividing integers of more than 53 bits");
            }
            Ok(Value::Float(left as f64 / right as f64))
        }
        Operator::FloorDiv | Operator::Mod if right == 0 => {
            failed("integer division or modulo by zero")
        }
        Operator::FloorDiv => {
            let quotient = left.checked_div(right);
            let goes_down = left % right != 0 && (left < 0) != (right < 0);
            int(quotient.map(|quotient| quotient - i128::from(goes_down)))
        }
        Operator::Mod => {
            let rest = left.checked_rem(right).unwrap_or(0);
            let turns = rest != 0 && (rest < 0) != (right < 0);
            Ok(Value::Int(if turns { rest + right } else { rest }))
        }
        Operator::Pow if right < 0 => power(left as f64, right as f64),
        Operator::Pow => {
            let small = matches!(left, -1..=1);
            let exponent = match u32::try_from(right) {
                Ok(exponent) => exponent,
                // Only the parity counts.
                Err(_) if small => 2 + (right % 2) as u32,
                Err(_) => return int(None),
            };
            int(left.checked_pow(exponent))
        }
    }
}

fn floats(operator: Operator, left: f64, right: f64) -> Res<Value> {
    Ok(Value::Float(match operator {
        Operator::Add => left + right,
        Operator::Sub => left - right,
        Operator::Mul => left * right,
        Operator::Div if right == 0.0 => return failed("float division by zero"),
        Operator::Div => left / right,
        Operator::FloorDiv | Operator::Mod if right == 0.0 => {
            return failed("float floor division or modulo by zero");
        }
        Operator::FloorDiv => floor_division(left, right).0,
        Operator::Mod => floor_division(left, right).1,
        Operator::Pow => return power(left, right),
    }))
}

/// Python's `divmod` of floats: the rest has the sign of the divisor.
fn floor_division(left: f64, right: f64) -> (f64, f64) {
    let mut rest = left % right;
    let mut quotient = (left - rest) / right;
    if rest == 0.0 {
        rest = 0.0_f64.copysign(right);
    } else if (right < 0.0) != (rest < 0.0) {
        rest += right;
        quotient -= 1.0;
    }
    let whole = if quotient == 0.0 {
        0.0_f64.copysign(left / right)
    } else {
        let floor = quotient.floor();
        if quotient - floor > 0.5 {
            floor + 1.0
        } else {
            floor
        }
    };
    (whole, rest)
}

fn power(base: f64, exponent: f64) -> Res<Value> {
    if base == 0.0 && exponent < 0.0 {
        return failed("0.0 cannot be raised to a negative power");
    }
    if base < 0.0 && base.is_finite() && exponent.is_finite() && exponent.fract() != 0.0 {
        return unsupported("a complex number");
    }
    let result = base.powf(exponent);
    if result.is_infinite() && base.is_finite() && exponent.is_finite() {
        return failed("numerical result out of range");
    }
    Ok(Value::Float(result))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floor_division_is_pythons() {
        for (left, right, whole, rest) in [
            (7.0, 2.5, 2.0, 2.0),
            (-7.0, 2.5, -3.0, 0.5),
            (7.0, -2.5, -3.0, -0.5),
            (-7.0, -2.5, 2.0, -2.0),
        ] {
            assert_eq!(floor_division(left, right), (whole, rest));
        }
    }
}
