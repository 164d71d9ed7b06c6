//! Tokens to expressions, by Jinja's precedence.

use std::sync::Arc;

use super::ast::{CallArgs, Comparison, Const, Expr, ExprKind, NameRef, Operator};
use super::fault::{Fault, Res, unsupported_fault};
use super::lexer::Token;
use super::parser::{Parser, is_literal};

/// Levels of an expression's tree: a chain of as many operators or filters.
const MAX_HEIGHT: u32 = 500;

impl Parser {
    /// A node, unless the tree below it is too high to be walked.
    pub(super) fn expr(&self, line: u32, kind: ExprKind) -> Res<Expr> {
        let below = kind.children().into_iter().map(|child| child.height);
        let height = 1 + below.max().unwrap_or(0);
        if height > MAX_HEIGHT {
            let what = format!("an expression of more than `{MAX_HEIGHT}` levels");
            return Err(unsupported_fault(what).at(line));
        }
        Ok(Expr { line, height, kind })
    }

    pub(super) fn expression(&mut self) -> Res<Expr> {
        self.nested(Self::conditional)
    }

    /// Expressions with commas between them, a tuple if there is a comma.
    pub(super) fn tuple(&mut self, with_conditional: bool, ends: &[&str]) -> Res<Expr> {
        let line = self.line();
        let mut items = Vec::new();
        let mut is_tuple = false;
        while !self.is_tuple_end(ends) {
            items.push(if with_conditional {
                self.expression()?
            } else {
                self.nested(Self::or)?
            });
            if !self.skip_op(",") {
                break;
            }
            is_tuple = true;
        }
        match items.pop() {
            Some(only) if !is_tuple => Ok(only),
            Some(last) => {
                items.push(last);
                self.expr(line, ExprKind::Tuple(items))
            }
            None => self.fail(format!(
                "expected an expression, got `{}`",
                self.peek().describe()
            )),
        }
    }

    fn is_tuple_end(&self, ends: &[&str]) -> bool {
        matches!(self.peek(), Token::PrintEnd | Token::BlockEnd)
            || self.is_op(")")
            || ends.iter().any(|end| self.is_name(end))
    }

    fn conditional(&mut self) -> Res<Expr> {
        let mut line = self.line();
        let mut then = self.or()?;
        while self.skip_name("if") {
            let test = Box::new(self.or()?);
            let otherwise = if self.skip_name("else") {
                Some(Box::new(self.nested(Self::conditional)?))
            } else {
                None
            };
            let kind = ExprKind::Cond {
                test,
                then: Box::new(then),
                otherwise,
            };
            then = self.expr(line, kind)?;
            line = self.line();
        }
        Ok(then)
    }

    fn or(&mut self) -> Res<Expr> {
        let mut left = self.and()?;
        while self.skip_name("or") {
            let right = self.and()?;
            left = self.expr(left.line, ExprKind::Or(Box::new(left), Box::new(right)))?;
        }
        Ok(left)
    }

    fn and(&mut self) -> Res<Expr> {
        let mut left = self.not()?;
        while self.skip_name("and") {
            let right = self.not()?;
            left = self.expr(left.line, ExprKind::And(Box::new(left), Box::new(right)))?;
        }
        Ok(left)
    }

    fn not(&mut self) -> Res<Expr> {
        let line = self.line();
        if self.skip_name("not") {
            let of = self.nested(Self::not)?;
            return self.expr(line, ExprKind::Not(Box::new(of)));
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Res<Expr> {
        let line = self.line();
        let first = self.sum()?;
        let mut rest = Vec::new();
        loop {
            let comparison = match self.peek() {
                Token::Op("==") => Comparison::Eq,
                Token::Op("!=") => Comparison::Ne,
                Token::Op("<") => Comparison::Lt,
                Token::Op("<=") => Comparison::Le,
                Token::Op(">") => Comparison::Gt,
                Token::Op(">=") => Comparison::Ge,
                Token::Name(name) if name == "in" => Comparison::In,
                Token::Name(name)
                    if name == "not"
                        && matches!(self.peek_second(), Token::Name(next) if next == "in") =>
                {
                    self.next();
                    Comparison::NotIn
                }
                _ => break,
            };
            self.next();
            rest.push((comparison, self.sum()?));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        self.expr(line, ExprKind::Compare(Box::new(first), rest))
    }

    fn binary(
        &mut self,
        operators: &[(&str, Operator)],
        operand: fn(&mut Self) -> Res<Expr>,
    ) -> Res<Expr> {
        let mut left = operand(self)?;
        loop {
            let found = operators.iter().find(|(sign, _)| self.is_op(sign));
            let Some((_, operator)) = found else {
                return Ok(left);
            };
            self.next();
            let right = Box::new(operand(self)?);
            let kind = ExprKind::Binary(*operator, Box::new(left), right);
            left = self.expr(self.line(), kind)?;
        }
    }

    fn sum(&mut self) -> Res<Expr> {
        self.binary(
            &[("+", Operator::Add), ("-", Operator::Sub)],
            Self::concatenation,
        )
    }

    fn concatenation(&mut self) -> Res<Expr> {
        let line = self.line();
        let first = self.product()?;
        if !self.is_op("~") {
            return Ok(first);
        }
        let mut items = vec![first];
        while self.skip_op("~") {
            items.push(self.product()?);
        }
        self.expr(line, ExprKind::Concat(items))
    }

    fn product(&mut self) -> Res<Expr> {
        let operators = [
            ("*", Operator::Mul),
            ("/", Operator::Div),
            ("//", Operator::FloorDiv),
            ("%", Operator::Mod),
        ];
        self.binary(&operators, Self::power)
    }

    fn power(&mut self) -> Res<Expr> {
        self.binary(&[("**", Operator::Pow)], |parser| parser.unary(true))
    }

    fn unary(&mut self, with_filters: bool) -> Res<Expr> {
        let line = self.line();
        let mut value = if self.is_op("-") || self.is_op("+") {
            let is_minus = self.skip_op("-") || !self.skip_op("+");
            let of = Box::new(self.nested(|parser| parser.unary(false))?);
            let kind = if is_minus {
                ExprKind::Neg(of)
            } else {
                ExprKind::Pos(of)
            };
            self.expr(line, kind)?
        } else {
            self.primary()?
        };
        value = self.postfix(value)?;
        if with_filters {
            value = self.filters_and_tests(value)?;
        }
        Ok(value)
    }

    /// A literal, a name, or an expression in brackets.
    pub(super) fn primary(&mut self) -> Res<Expr> {
        let line = self.line();
        let kind = match self.next() {
            Token::Name(name) if is_literal(&name) => ExprKind::Const(match name.as_str() {
                "true" | "True" => Const::Bool(true),
                "false" | "False" => Const::Bool(false),
                _ => Const::None,
            }),
            Token::Name(name) => ExprKind::Name(NameRef::new(name.into())),
            Token::Str(mut text) => {
                while let Token::Str(more) = self.peek() {
                    text.push_str(more);
                    self.next();
                }
                ExprKind::Const(Const::Str(text.into()))
            }
            Token::Number(number) => ExprKind::Const(number),
            Token::Op("(") => {
                if self.skip_op(")") {
                    return self.expr(line, ExprKind::Tuple(Vec::new()));
                }
                let inside = self.nested(|parser| parser.tuple(true, &[]))?;
                self.expect_op(")")?;
                return Ok(inside);
            }
            Token::Op("[") => ExprKind::List(self.items("]")?),
            Token::Op("{") => self.dict()?,
            other => {
                let reason = format!("unexpected `{}`", other.describe());
                return Err(Fault::syntax(line, reason));
            }
        };
        self.expr(line, kind)
    }

    /// Expressions with commas between and perhaps behind them, and their end.
    fn items(&mut self, end: &str) -> Res<Vec<Expr>> {
        let mut items = Vec::new();
        while !self.skip_op(end) {
            if !items.is_empty() {
                self.expect_op(",")?;
                if self.skip_op(end) {
                    break;
                }
            }
            items.push(self.expression()?);
        }
        Ok(items)
    }

    fn dict(&mut self) -> Res<ExprKind> {
        let mut pairs = Vec::new();
        while !self.skip_op("}") {
            if !pairs.is_empty() {
                self.expect_op(",")?;
                if self.skip_op("}") {
                    break;
                }
            }
            let key = self.expression()?;
            self.expect_op(":")?;
            pairs.push((key, self.expression()?));
        }
        Ok(ExprKind::Dict(pairs))
    }

    fn postfix(&mut self, mut value: Expr) -> Res<Expr> {
        loop {
            value = match self.peek() {
                Token::Op("." | "[") => self.subscript(value)?,
                Token::Op("(") => self.call(value)?,
                _ => return Ok(value),
            };
        }
    }

    fn filters_and_tests(&mut self, mut value: Expr) -> Res<Expr> {
        loop {
            value = match self.peek() {
                Token::Op("|") => self.filters(value)?,
                Token::Name(name) if name == "is" => self.test(value)?,
                Token::Op("(") => self.call(value)?,
                _ => return Ok(value),
            };
        }
    }

    fn subscript(&mut self, value: Expr) -> Res<Expr> {
        let line = self.line();
        let of = Box::new(value);
        if self.skip_op(".") {
            let inner = self.line();
            return match self.next() {
                Token::Name(name) => self.expr(line, ExprKind::Attribute(of, name.into())),
                Token::Number(index @ Const::Int(_)) => {
                    let index = self.expr(inner, ExprKind::Const(index))?;
                    self.expr(line, ExprKind::Item(of, Box::new(index)))
                }
                _ => Err(Fault::syntax(inner, "expected a name or a number")),
            };
        }
        self.expect_op("[")?;
        let mut items = Vec::new();
        while !self.skip_op("]") {
            if !items.is_empty() {
                self.expect_op(",")?;
            }
            let first = if self.is_op(":") {
                None
            } else {
                Some(self.expression()?)
            };
            if !self.skip_op(":") {
                items.extend(first);
                continue;
            }
            let parts = self.slice_parts(first)?;
            if !items.is_empty() || !self.skip_op("]") {
                return Err(unsupported_fault("a subscript of several slices").at(line));
            }
            return self.expr(line, ExprKind::Slice(of, parts));
        }
        let index = match items.pop() {
            Some(only) if items.is_empty() => only,
            last => {
                items.extend(last);
                self.expr(line, ExprKind::Tuple(items))?
            }
        };
        self.expr(line, ExprKind::Item(of, Box::new(index)))
    }

    /// The parts of a slice behind its first colon.
    fn slice_parts(&mut self, start: Option<Expr>) -> Res<[Option<Box<Expr>>; 3]> {
        let part = |parser: &mut Self| {
            let is_absent = [":", "]", ","].iter().any(|sign| parser.is_op(sign));
            let part = (!is_absent).then(|| parser.expression().map(Box::new));
            part.transpose()
        };
        let stop = part(self)?;
        let step = if self.skip_op(":") { part(self)? } else { None };
        Ok([start.map(Box::new), stop, step])
    }

    fn call(&mut self, value: Expr) -> Res<Expr> {
        let line = self.line();
        let args = self.call_args()?;
        self.expr(line, ExprKind::Call(Box::new(value), args))
    }

    fn call_args(&mut self) -> Res<CallArgs> {
        let mut args = CallArgs::default();
        let line = self.line();
        self.expect_op("(")?;
        let mut is_first = true;
        let ensure = |holds: bool| {
            let reason = "invalid syntax for function call expression";
            holds
                .then_some(())
                .ok_or_else(|| Fault::syntax(line, reason))
        };
        while !self.skip_op(")") {
            if !is_first {
                self.expect_op(",")?;
                if self.skip_op(")") {
                    break;
                }
            }
            is_first = false;
            if self.skip_op("*") {
                ensure(args.spread.is_none() && args.spread_named.is_none())?;
                args.spread = Some(Box::new(self.expression()?));
            } else if self.skip_op("**") {
                ensure(args.spread_named.is_none())?;
                args.spread_named = Some(Box::new(self.expression()?));
            } else if matches!(self.peek(), Token::Name(_)) && *self.peek_second() == Token::Op("=")
            {
                ensure(args.spread_named.is_none())?;
                let name = self.expect_name()?;
                self.next();
                if args.named.iter().any(|(known, _)| *known == name) {
                    return self.fail(format!("keyword argument repeated: `{name}`"));
                }
                args.named.push((name, self.expression()?));
            } else {
                ensure(
                    args.spread.is_none() && args.spread_named.is_none() && args.named.is_empty(),
                )?;
                args.positional.push(self.expression()?);
            }
        }
        Ok(args)
    }

    /// A name with dots, as filters and tests have it.
    fn dotted_name(&mut self) -> Res<Arc<str>> {
        let mut name = self.expect_name()?.to_string();
        while self.skip_op(".") {
            name.push('.');
            name.push_str(&self.expect_name()?);
        }
        Ok(name.into())
    }

    /// The filters behind `|`.
    pub(super) fn filters(&mut self, mut value: Expr) -> Res<Expr> {
        while self.skip_op("|") {
            value = self.one_filter(value)?;
        }
        Ok(value)
    }

    /// Filters of a block, the first of which stands without `|`.
    pub(super) fn first_filter(&mut self, value: Expr) -> Res<Expr> {
        let first = self.one_filter(value)?;
        self.filters(first)
    }

    fn one_filter(&mut self, value: Expr) -> Res<Expr> {
        let line = self.line();
        let name = self.dotted_name()?;
        let args = if self.is_op("(") {
            self.call_args()?
        } else {
            CallArgs::default()
        };
        self.expr(line, ExprKind::Filter(Box::new(value), name, args))
    }

    fn test(&mut self, value: Expr) -> Res<Expr> {
        let line = self.line();
        self.next();
        let is_negated = self.skip_name("not");
        let name = self.dotted_name()?;
        let mut args = CallArgs::default();
        let begins_operand = match self.peek() {
            Token::Name(name) => !matches!(name.as_str(), "else" | "or" | "and"),
            Token::Str(_) | Token::Number(_) | Token::Op("[" | "{") => true,
            _ => false,
        };
        if self.is_op("(") {
            args = self.call_args()?;
        } else if begins_operand {
            if self.is_name("is") {
                return self.fail("tests cannot be chained with `is`");
            }
            let operand = self.nested(Self::primary)?;
            args.positional.push(self.postfix(operand)?);
        }
        let test = self.expr(line, ExprKind::Test(Box::new(value), name, args))?;
        if is_negated {
            return self.expr(line, ExprKind::Not(Box::new(test)));
        }
        Ok(test)
    }
}
