//! Calls, and how arguments find their parameters.

use std::rc::Rc;

use super::fault::{Res, failed, unsupported};
use super::interpreter::Interpreter;
use super::value::Value;
use super::{container_methods, str_methods};

/// The arguments of a call.
#[derive(Clone, Default)]
pub(super) struct Args {
    pub(super) positional: Vec<Value>,
    pub(super) named: Vec<(Rc<str>, Value)>,
}

impl Args {
    /// The arguments of a Python function with parameters of these names.
    pub(super) fn bind<const N: usize>(
        self,
        function: &str,
        parameters: [&str; N],
    ) -> Res<[Option<Value>; N]> {
        let mut bound = [const { None }; N];
        let given = self.positional.len();
        if given > N {
            return failed(format!(
                "{function}() takes at most {N} arguments ({given} given)"
            ));
        }
        for (place, value) in bound.iter_mut().zip(self.positional) {
            *place = Some(value);
        }
        for (name, value) in self.named {
            let Some(at) = parameters.iter().position(|known| **known == *name) else {
                return failed(format!(
                    "{function}() got an unexpected keyword argument '{name}'"
                ));
            };
            if bound[at].is_some() {
                return failed(format!(
                    "{function}() got multiple values for argument '{name}'"
                ));
            }
            bound[at] = Some(value);
        }
        Ok(bound)
    }

    /// The arguments of a function of C, which takes none by name.
    pub(super) fn positional<const N: usize>(
        self,
        function: &str,
        required: usize,
    ) -> Res<[Option<Value>; N]> {
        if !self.named.is_empty() {
            return failed(format!("{function}() takes no keyword arguments"));
        }
        let given = self.positional.len();
        if given < required || given > N {
            let expected = if required == N {
                format!("exactly {N}")
            } else if given < required {
                format!("at least {required}")
            } else {
                format!("at most {N}")
            };
            return failed(format!(
                "{function}() takes {expected} arguments ({given} given)"
            ));
        }
        self.bind(function, [""; N])
    }

    pub(super) fn none(self, function: &str) -> Res<()> {
        self.positional::<0>(function, 0).map(|_| ())
    }
}

/// An argument that has no default.
pub(super) fn required(value: Option<Value>, function: &str, name: &str) -> Res<Value> {
    match value {
        Some(value) => Ok(value),
        None => failed(format!(
            "{function}() missing 1 required positional argument: '{name}'"
        )),
    }
}

impl Interpreter<'_> {
    pub(super) fn call(&self, of: &Value, args: Args) -> Res<Value> {
        let _level = self.deeper()?;
        match of {
            Value::Method(method) => {
                let (owner, name) = &**method;
                match owner {
                    Value::Str(text) => str_methods::call(self, text, name, args),
                    _ => container_methods::call(self, owner, name, args),
                }
            }
            Value::Global(global) => global.call(self, args),
            Value::Macro(value) => self.call_macro(value, args),
            Value::Loop(state) => self.call_loop(state, args),
            Value::Joiner(joiner) => {
                args.none("joiner")?;
                Ok(if joiner.is_used.replace(true) {
                    Value::Str(joiner.separator.clone())
                } else {
                    Value::text("")
                })
            }
            Value::Undefined(undefined) => failed(undefined.words()),
            Value::SelfReference => unsupported("`self`"),
            other => failed(format!("'{}' object is not callable", other.type_name())),
        }
    }

    /// An argument as an index or a count.
    pub(super) fn integer(&self, value: &Value) -> Res<i128> {
        match value {
            Value::Int(value) => Ok(*value),
            Value::Bool(value) => Ok(i128::from(*value)),
            Value::Undefined(undefined) => failed(undefined.words()),
            other => failed(format!(
                "'{}' object cannot be interpreted as an integer",
                other.type_name()
            )),
        }
    }

    /// The same with a default.
    pub(super) fn integer_or(&self, value: Option<&Value>, default: i128) -> Res<i128> {
        value.map_or(Ok(default), |value| self.integer(value))
    }

    /// A truth value with a default.
    pub(super) fn flag_or(&self, value: Option<&Value>, default: bool) -> Res<bool> {
        value.map_or(Ok(default), |value| self.is_true(value))
    }
}
