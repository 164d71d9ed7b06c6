//! Expressions.

use std::rc::Rc;

use super::ast::{Comparison, Const, Expr, ExprKind};
use super::call::Args;
use super::dict::DictBuilder;
use super::fault::{Res, failed};
use super::interpreter::{Activation, Interpreter};
use super::value::{Text, Undefined, Value};
use super::{filters, predicates};

impl Interpreter<'_> {
    pub(super) fn evaluate(&self, expression: &Expr, activation: &Rc<Activation>) -> Res<Value> {
        let value = self
            .evaluate_kind(&expression.kind, activation)
            .map_err(|fault| fault.at(expression.line))?;
        if let Value::Float(number) = value
            && !number.is_finite()
            && !self.is_constant.get()
            && expression.is_constant()
        {
            // Jinja computes it while it compiles, and then writes a name that Python does not
            // know.
            return failed(format!("name '{number}' is not defined"))
                .map_err(|fault: Box<super::fault::Fault>| fault.at(expression.line));
        }
        Ok(value)
    }

    fn evaluate_kind(&self, kind: &ExprKind, activation: &Rc<Activation>) -> Res<Value> {
        let _level = self.deeper()?;
        self.meter.step()?;
        match kind {
            ExprKind::Const(constant) => self.constant(constant),
            ExprKind::Name(name) => Ok(activation.get(name.slot).unwrap_or_else(|| {
                Value::Undefined(Rc::new(Undefined::Name(Rc::from(&*name.name))))
            })),
            ExprKind::Tuple(items) => {
                let items = self.evaluate_all(items, activation)?;
                self.tuple(items)
            }
            ExprKind::List(items) => {
                let items = self.evaluate_all(items, activation)?;
                self.list(items)
            }
            ExprKind::Dict(pairs) => {
                let mut dict = DictBuilder::default();
                for (key, value) in pairs {
                    let key = self.evaluate(key, activation)?;
                    let value = self.evaluate(value, activation)?;
                    dict.insert(self, key, value)?;
                }
                dict.finish(self)
            }
            ExprKind::Cond {
                test,
                then,
                otherwise,
            } => {
                let test = self.evaluate(test, activation)?;
                if self.is_true(&test)? {
                    return self.evaluate(then, activation);
                }
                match otherwise {
                    Some(otherwise) => self.evaluate(otherwise, activation),
                    None => Ok(Value::undefined(
                        "the inline if-expression evaluated to false and no else section was defined",
                    )),
                }
            }
            ExprKind::Or(left, right) => {
                let left = self.evaluate(left, activation)?;
                if self.is_true(&left)? {
                    return Ok(left);
                }
                self.evaluate(right, activation)
            }
            ExprKind::And(left, right) => {
                let left = self.evaluate(left, activation)?;
                if !self.is_true(&left)? {
                    return Ok(left);
                }
                self.evaluate(right, activation)
            }
            ExprKind::Not(of) => {
                let of = self.evaluate(of, activation)?;
                Ok(Value::Bool(!self.is_true(&of)?))
            }
            ExprKind::Neg(of) => {
                let of = self.evaluate(of, activation)?;
                self.negated(&of)
            }
            ExprKind::Pos(of) => {
                let of = self.evaluate(of, activation)?;
                self.positive(&of)
            }
            ExprKind::Compare(first, rest) => self.compare_chain(first, rest, activation),
            ExprKind::Binary(operator, left, right) => {
                let left = self.evaluate(left, activation)?;
                let right = self.evaluate(right, activation)?;
                self.binary(*operator, &left, &right)
            }
            ExprKind::Concat(items) => {
                let mut text = String::new();
                for item in items {
                    let item = self.evaluate(item, activation)?;
                    let piece = self.str(&item)?;
                    self.meter.make(piece.len())?;
                    text.push_str(&piece);
                }
                self.made_text(text, false)
            }
            ExprKind::Attribute(of, name) => {
                let of = self.evaluate(of, activation)?;
                self.attribute(&of, name)
            }
            ExprKind::Item(of, index) => {
                let of = self.evaluate(of, activation)?;
                let index = self.evaluate(index, activation)?;
                self.item(&of, &index)
            }
            ExprKind::Slice(of, parts) => {
                let of = self.evaluate(of, activation)?;
                let mut bounds = [const { None }; 3];
                for (bound, part) in bounds.iter_mut().zip(parts) {
                    if let Some(part) = part {
                        *bound = Some(self.evaluate(part, activation)?);
                    }
                }
                self.slice(&of, &bounds)
            }
            ExprKind::Call(of, args) => {
                let of = self.evaluate(of, activation)?;
                let args = self.args(args, activation)?;
                self.call(&of, args)
            }
            ExprKind::Filter(of, name, args) => {
                let of = self.evaluate(of, activation)?;
                let args = self.args(args, activation)?;
                filters::apply(self, name, &of, args)
            }
            ExprKind::Test(of, name, args) => {
                let of = self.evaluate(of, activation)?;
                let args = self.args(args, activation)?;
                predicates::apply(self, name, &of, args).map(Value::Bool)
            }
            ExprKind::Captured => {
                let captured = self.captured.borrow();
                Ok(captured.last().cloned().unwrap_or(Value::None))
            }
        }
    }

    fn constant(&self, constant: &Const) -> Res<Value> {
        Ok(match constant {
            Const::None => Value::None,
            Const::Bool(value) => Value::Bool(*value),
            Const::Int(value) => Value::Int(*value),
            Const::Float(value) => Value::Float(*value),
            Const::Str(text) => {
                self.meter.make(text.len() + 16)?;
                Value::Str(Text {
                    text: Rc::from(&**text),
                    is_safe: false,
                })
            }
        })
    }

    pub(super) fn evaluate_all(
        &self,
        items: &[Expr],
        activation: &Rc<Activation>,
    ) -> Res<Vec<Value>> {
        let mut values = Vec::with_capacity(items.len().min(64));
        for item in items {
            values.push(self.evaluate(item, activation)?);
        }
        Ok(values)
    }

    /// `a < b < c`: each operand is evaluated once, and none behind a comparison that fails.
    fn compare_chain(
        &self,
        first: &Expr,
        rest: &[(Comparison, Expr)],
        activation: &Rc<Activation>,
    ) -> Res<Value> {
        let mut left = self.evaluate(first, activation)?;
        for (comparison, right) in rest {
            let right = self.evaluate(right, activation)?;
            if !self.compare(*comparison, &left, &right)? {
                return Ok(Value::Bool(false));
            }
            left = right;
        }
        Ok(Value::Bool(true))
    }

    fn args(&self, args: &super::ast::CallArgs, activation: &Rc<Activation>) -> Res<Args> {
        let mut positional = self.evaluate_all(&args.positional, activation)?;
        let mut named = Vec::new();
        if let Some(spread) = &args.spread {
            let spread = self.evaluate(spread, activation)?;
            positional.extend(self.collect(&spread)?);
        }
        for (name, value) in &args.named {
            named.push((Rc::from(&**name), self.evaluate(value, activation)?));
        }
        if let Some(spread) = &args.spread_named {
            let spread = self.evaluate(spread, activation)?;
            let Value::Dict(dict) = &spread else {
                return failed(format!(
                    "argument after ** must be a mapping, not {}",
                    spread.type_name()
                ));
            };
            for (key, value) in &dict.entries {
                self.meter.make(64)?;
                self.meter.look(named.len().saturating_mul(16))?;
                let Value::Str(name) = key else {
                    return failed("keywords must be strings");
                };
                if named
                    .iter()
                    .any(|(known, _): &(Rc<str>, _)| **known == *name.text)
                {
                    return failed(format!(
                        "got multiple values for keyword argument '{}'",
                        name.text
                    ));
                }
                named.push((name.text.clone(), value.clone()));
            }
        }
        self.make_items(positional.len() + named.len())?;
        Ok(Args { positional, named })
    }

    /// The call of a call block, which passes its body as `caller`.
    pub(super) fn call_with_caller(
        &self,
        call: &Expr,
        caller: Value,
        activation: &Rc<Activation>,
    ) -> Res<Value> {
        let ExprKind::Call(of, args) = &call.kind else {
            return failed("expected a call");
        };
        let call_it = || {
            let of = self.evaluate(of, activation)?;
            let mut args = self.args(args, activation)?;
            if args.named.iter().any(|(name, _)| &**name == "caller") {
                return failed("keyword argument repeated: caller");
            }
            args.named.push(("caller".into(), caller));
            self.call(&of, args)
        };
        call_it().map_err(|fault| fault.at(call.line))
    }
}
