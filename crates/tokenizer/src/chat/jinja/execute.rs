//! Statements.

use std::rc::Rc;

use super::ast::{Expr, NameRef, Stmt, StmtKind, Target};
use super::fault::{Res, failed};
use super::interpreter::{Activation, Interpreter};
use super::value::Value;

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Through,
    Break,
    Continue,
}

impl Interpreter<'_> {
    pub(super) fn body(
        &self,
        body: &[Stmt],
        activation: &Rc<Activation>,
        out: &mut String,
    ) -> Res<Flow> {
        let _level = self.deeper()?;
        for statement in body {
            let flow = self
                .statement(statement, activation, out)
                .map_err(|fault| fault.at(statement.line))?;
            if flow != Flow::Through {
                return Ok(flow);
            }
        }
        Ok(Flow::Through)
    }

    fn statement(
        &self,
        statement: &Stmt,
        activation: &Rc<Activation>,
        out: &mut String,
    ) -> Res<Flow> {
        self.meter.step()?;
        match &statement.kind {
            StmtKind::Text(text) => self.emit(out, text)?,
            StmtKind::Print { value, is_constant } => {
                let before = self.is_constant.replace(*is_constant);
                let result = self.evaluate(value, activation);
                self.is_constant.set(before);
                self.print(&result?, out)?;
            }
            StmtKind::If {
                branches,
                otherwise,
            } => {
                for (test, body) in branches {
                    let test = self.evaluate(test, activation)?;
                    if self.is_true(&test)? {
                        return self.body(body, activation, out);
                    }
                }
                return self.body(otherwise, activation, out);
            }
            StmtKind::For(node) => return self.for_statement(node, activation, out),
            StmtKind::Set {
                target,
                value,
                exports,
            } => {
                check_namespaces(target, activation)?;
                let value = self.evaluate(value, activation)?;
                self.assign(target, value, activation)?;
                self.export(exports, activation);
            }
            StmtKind::SetBlock {
                target,
                filter,
                body,
                scope,
                exports,
            } => {
                self.enter(scope, activation)?;
                let mut text = String::new();
                let flow = self.body(body, activation, &mut text)?;
                if flow != Flow::Through {
                    return Ok(flow);
                }
                let text = self.made_text(text, false)?;
                let value = self.filtered(filter.as_ref(), text, activation)?;
                self.assign(target, value, activation)?;
                self.export(exports, activation);
                Self::leave(scope, activation);
            }
            StmtKind::With {
                targets,
                values,
                body,
                scope,
            } => {
                self.enter(scope, activation)?;
                for (target, value) in targets.iter().zip(values) {
                    let value = self.evaluate(value, activation)?;
                    self.assign(target, value, activation)?;
                }
                let flow = self.body(body, activation, out)?;
                if flow == Flow::Through {
                    Self::leave(scope, activation);
                }
                return Ok(flow);
            }
            StmtKind::Macro {
                target,
                definition,
                exported,
            } => {
                let value = self.macro_value(definition, activation);
                activation.set(target.slot, Some(value));
                if *exported {
                    self.export(std::slice::from_ref(target), activation);
                }
            }
            StmtKind::Call { call, body } => {
                let caller = self.macro_value(body, activation);
                let result = self.call_with_caller(call, caller, activation)?;
                self.write_text(&result, out)?;
            }
            StmtKind::Generation(body) => {
                let caller = self.macro_value(body, activation);
                let result = self.call(&caller, super::call::Args::default())?;
                self.write_text(&result, out)?;
            }
            StmtKind::FilterBlock {
                filter,
                body,
                scope,
            } => {
                self.enter(scope, activation)?;
                let mut text = String::new();
                let flow = self.body(body, activation, &mut text)?;
                if flow != Flow::Through {
                    return Ok(flow);
                }
                let text = self.made_text(text, false)?;
                let value = self.filtered(Some(filter), text, activation)?;
                self.write_text(&value, out)?;
                Self::leave(scope, activation);
            }
            StmtKind::Block(name) => {
                let mut blocks = self.template.blocks.iter();
                if let Some((_, function)) = blocks.find(|(known, _)| known == name) {
                    self.make_items(function.num_slots + 4)?;
                    let activation = Activation::new(function.num_slots, None);
                    self.enter(&function.scope, &activation)?;
                    self.body(&function.body, &activation, out)?;
                }
            }
            StmtKind::Break => return Ok(Flow::Break),
            StmtKind::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Through)
    }

    /// Writes what `str` makes of a value.
    fn print(&self, value: &Value, out: &mut String) -> Res<()> {
        match value {
            Value::Str(text) => self.emit(out, &text.text),
            other => {
                let text = self.str(other)?;
                self.emit(out, &text)
            }
        }
    }

    /// Writes a value that must be a text, as Jinja joins it to the others.
    fn write_text(&self, value: &Value, out: &mut String) -> Res<()> {
        match value.as_str() {
            Some(text) => self.emit(out, text),
            None => failed(format!(
                "sequence item 0: expected str instance, {} found",
                value.type_name()
            )),
        }
    }

    /// The text of a block under its filters.
    fn filtered(
        &self,
        filter: Option<&Expr>,
        text: Value,
        activation: &Rc<Activation>,
    ) -> Res<Value> {
        let Some(filter) = filter else {
            return Ok(text);
        };
        self.captured.borrow_mut().push(text);
        let result = self.evaluate(filter, activation);
        self.captured.borrow_mut().pop();
        result
    }

    pub(super) fn assign(
        &self,
        target: &Target,
        value: Value,
        activation: &Rc<Activation>,
    ) -> Res<()> {
        match target {
            Target::Name(name) => activation.set(name.slot, Some(value)),
            Target::Attribute(name, attribute) => {
                let Some(Value::Namespace(namespace)) = activation.get(name.slot) else {
                    return failed("cannot assign attribute on non-namespace object");
                };
                self.set_attribute(&namespace, attribute, value)?;
            }
            Target::Tuple(targets) => {
                if matches!(
                    value,
                    Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_)
                ) {
                    return failed(format!(
                        "cannot unpack non-iterable {} object",
                        value.type_name()
                    ));
                }
                let iter = self.iter(&value)?;
                let expected = targets.len();
                let mut values = Vec::new();
                while values.len() < expected {
                    match self.next(&iter)? {
                        Some(value) => values.push(value),
                        None => {
                            return failed(format!(
                                "not enough values to unpack (expected {expected}, got {})",
                                values.len()
                            ));
                        }
                    }
                }
                if self.next(&iter)?.is_some() {
                    return failed(format!("too many values to unpack (expected {expected})"));
                }
                for (target, value) in targets.iter().zip(values) {
                    self.assign(target, value, activation)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn set_attribute(
        &self,
        namespace: &super::value::Namespace,
        name: &str,
        value: Value,
    ) -> Res<()> {
        if name.starts_with('_') {
            return failed(format!(
                "chat templates cannot store underscore-prefixed attributes on a namespace, but got '{name}'"
            ));
        }
        Interpreter::containable(&value)?;
        self.meter.make(64)?;
        let num_entries = namespace.entries.borrow().len();
        self.meter.look(num_entries.saturating_mul(16))?;
        namespace.set(name, value);
        Ok(())
    }

    fn export(&self, names: &[NameRef], activation: &Rc<Activation>) {
        for name in names {
            if let Some(value) = activation.get(name.slot) {
                let mut exported = self.exported.borrow_mut();
                exported.insert(name.name.to_string(), value);
            }
        }
    }
}

/// Jinja looks at every namespace of a target before it evaluates the value.
fn check_namespaces(target: &Target, activation: &Rc<Activation>) -> Res<()> {
    match target {
        Target::Name(_) => Ok(()),
        Target::Attribute(name, _) => match activation.get(name.slot) {
            Some(Value::Namespace(_)) => Ok(()),
            _ => failed("cannot assign attribute on non-namespace object"),
        },
        Target::Tuple(targets) => targets
            .iter()
            .try_for_each(|target| check_namespaces(target, activation)),
    }
}
