//! What is assigned to: the targets of `set`, `for` and `with`, and the parameters of macros.

use super::ast::{Expr, ExprKind, NameRef, Target};
use super::fault::Res;
use super::lexer::Token;
use super::parser::{Parser, is_literal};

impl Parser {
    pub(super) fn name_target(&mut self) -> Res<NameRef> {
        let name = self.expect_name()?;
        if is_literal(&name) {
            return self.fail(format!("cannot assign to `{name}`"));
        }
        Ok(NameRef::new(name))
    }

    pub(super) fn signature(&mut self) -> Res<(Vec<NameRef>, Vec<Expr>)> {
        let (mut parameters, mut defaults) = (Vec::<NameRef>::new(), Vec::new());
        self.expect_op("(")?;
        while !self.is_op(")") {
            if !parameters.is_empty() {
                self.expect_op(",")?;
            }
            let parameter = self.name_target()?;
            if parameters.iter().any(|known| known.name == parameter.name) {
                return self.fail(format!("two parameters `{}`", parameter.name));
            }
            parameters.push(parameter);
            if self.skip_op("=") {
                defaults.push(self.expression()?);
            } else if !defaults.is_empty() {
                return self.fail("non-default argument follows default argument");
            }
        }
        self.next();
        Ok((parameters, defaults))
    }

    /// What a `set`, `for` or `with` assigns to; `ends` are names that end a tuple.
    pub(super) fn target(&mut self, ends: &[&str], with_namespace: bool) -> Res<Target> {
        let mut targets = Vec::new();
        let mut is_tuple = false;
        loop {
            if matches!(self.peek(), Token::PrintEnd | Token::BlockEnd)
                || self.is_op(")")
                || ends.iter().any(|end| self.is_name(end))
            {
                break;
            }
            targets.push(self.single_target(with_namespace)?);
            if !self.skip_op(",") {
                break;
            }
            is_tuple = true;
        }
        match targets.pop() {
            Some(only) if !is_tuple => Ok(only),
            Some(last) => {
                targets.push(last);
                Ok(Target::Tuple(targets))
            }
            None => self.expected("an expression"),
        }
    }

    fn single_target(&mut self, with_namespace: bool) -> Res<Target> {
        let is_name = matches!(self.peek(), Token::Name(name) if !is_literal(name));
        if is_name && with_namespace && *self.peek_second() == Token::Op(".") {
            let name = self.expect_name()?;
            self.next();
            return Ok(Target::Attribute(NameRef::new(name), self.expect_name()?));
        }
        let expression = self.primary()?;
        match as_target(expression) {
            Some(target) => Ok(target),
            None => self.fail("cannot assign to this expression"),
        }
    }
}

/// An expression as what is assigned to, if it can be.
fn as_target(expression: Expr) -> Option<Target> {
    match expression.kind {
        ExprKind::Name(name) => Some(Target::Name(name)),
        ExprKind::Tuple(items) => {
            let targets = items.into_iter().map(as_target).collect::<Option<_>>();
            targets.map(Target::Tuple)
        }
        _ => None,
    }
}
