//! Tokens to the statements of a template.

use std::sync::Arc;

use super::ast::{
    Expr, ExprKind, For, Function, LoopTest, MacroDef, NameRef, Scope, Stmt, StmtKind, Template,
};
use super::fault::{Fault, Res, unsupported_fault};
use super::lexer::{Token, tokenize};
use super::resolve;

/// Blocks within blocks, and brackets within brackets.
const MAX_NESTING: usize = 100;

/// Tags that Jinja has and that reach for other templates or change what a text is.
const UNSUPPORTED_TAGS: [&str; 5] = ["autoescape", "extends", "from", "import", "include"];

/// Parses a source, and binds its names.
pub(in crate::chat) fn parse(source: &str) -> Result<Template, Box<Fault>> {
    let mut parser = Parser {
        tokens: tokenize(source)?,
        at: 0,
        nesting: 0,
        loops: 0,
        blocks: Vec::new(),
        open_tags: Vec::new(),
    };
    let body = parser.statements_until(&[])?;
    resolve::resolve(body, parser.blocks)
}

pub(super) struct Parser {
    tokens: Vec<(u32, Token)>,
    at: usize,
    nesting: usize,
    /// Loops around the position, for `break` and `continue`.
    loops: usize,
    blocks: Vec<(Arc<str>, Vec<Stmt>)>,
    /// Tags that are open, for the words of errors.
    open_tags: Vec<(u32, String)>,
}

impl Parser {
    pub(super) fn peek(&self) -> &Token {
        self.tokens
            .get(self.at)
            .map_or(&Token::End, |(_, token)| token)
    }

    pub(super) fn peek_second(&self) -> &Token {
        let next = self.tokens.get(self.at + 1);
        next.map_or(&Token::End, |(_, token)| token)
    }

    pub(super) fn line(&self) -> u32 {
        let at = self.at.min(self.tokens.len().saturating_sub(1));
        self.tokens.get(at).map_or(0, |(line, _)| *line)
    }

    pub(super) fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    pub(super) fn is_name(&self, name: &str) -> bool {
        matches!(self.peek(), Token::Name(found) if found == name)
    }

    pub(super) fn skip_name(&mut self, name: &str) -> bool {
        let found = self.is_name(name);
        self.at += usize::from(found);
        found
    }

    pub(super) fn is_op(&self, sign: &str) -> bool {
        matches!(self.peek(), Token::Op(found) if *found == sign)
    }

    pub(super) fn skip_op(&mut self, sign: &str) -> bool {
        let found = self.is_op(sign);
        self.at += usize::from(found);
        found
    }

    pub(super) fn fail<T>(&self, reason: impl Into<String>) -> Res<T> {
        Err(Fault::syntax(self.line(), reason))
    }

    pub(super) fn expected<T>(&self, what: &str) -> Res<T> {
        self.fail(format!("expected {what}, got `{}`", self.peek().describe()))
    }

    pub(super) fn expect_op(&mut self, sign: &str) -> Res<()> {
        if self.skip_op(sign) {
            return Ok(());
        }
        self.expected(&format!("`{sign}`"))
    }

    pub(super) fn expect_name(&mut self) -> Res<Arc<str>> {
        if let Token::Name(name) = self.peek() {
            let name = Arc::from(name.as_str());
            self.at += 1;
            return Ok(name);
        }
        self.expected("a name")
    }

    /// Runs `parse` one level further down.
    pub(super) fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Res<T>) -> Res<T> {
        if self.nesting == MAX_NESTING {
            let what = format!("more than `{MAX_NESTING}` brackets or blocks in each other");
            return Err(unsupported_fault(what).at(self.line()));
        }
        self.nesting += 1;
        let result = parse(self);
        self.nesting -= 1;
        result
    }

    /// The statements in front of a tag of `ends`, whose name is then the next token.
    fn statements_until(&mut self, ends: &[&str]) -> Res<Vec<Stmt>> {
        let mut body = Vec::new();
        loop {
            let line = self.line();
            match self.next() {
                Token::Data(text) => body.push(Stmt {
                    line,
                    kind: StmtKind::Text(text.into()),
                }),
                Token::PrintBegin => {
                    let value = self.tuple(true, &[])?;
                    body.push(print(line, value));
                    match self.next() {
                        Token::PrintEnd => {}
                        other => {
                            self.at -= 1;
                            return self.fail(format!(
                                "expected the end of the print statement, got `{}`",
                                other.describe()
                            ));
                        }
                    }
                }
                Token::BlockBegin => {
                    if ends.iter().any(|end| self.is_name(end)) {
                        return Ok(body);
                    }
                    self.nested(|parser| parser.statement(&mut body))?;
                    self.block_end()?;
                }
                Token::End if ends.is_empty() => return Ok(body),
                _ => {
                    let (line, tag) = self.open_tags.last().cloned().unwrap_or_default();
                    let reason = format!("the tag `{tag}` of line `{line}` is not closed");
                    return Err(Fault::syntax(line, reason));
                }
            }
        }
    }

    fn block_end(&mut self) -> Res<()> {
        if *self.peek() == Token::BlockEnd {
            self.at += 1;
            return Ok(());
        }
        self.expected("the end of the statement")
    }

    /// The body of a tag whose head was read, up to a tag of `ends`; its name is the next token.
    fn body(&mut self, ends: &[&str]) -> Res<Vec<Stmt>> {
        self.skip_op(":");
        self.block_end()?;
        self.statements_until(ends)
    }

    /// A body with a single end, which is read too.
    fn whole_body(&mut self, end: &str) -> Res<Vec<Stmt>> {
        let body = self.body(&[end])?;
        self.at += 1;
        Ok(body)
    }

    fn statement(&mut self, body: &mut Vec<Stmt>) -> Res<()> {
        let line = self.line();
        let Token::Name(tag) = self.next() else {
            self.at -= 1;
            return self.expected("the name of a tag");
        };
        self.open_tags.push((line, tag.clone()));
        let kind = match tag.as_str() {
            "for" => self.for_loop(line)?,
            "if" => self.condition()?,
            "set" => self.assignment()?,
            "with" => self.with()?,
            "macro" => self.macro_definition()?,
            "call" => self.call_block()?,
            "filter" => {
                let captured = self.expr(line, ExprKind::Captured)?;
                let filter = self.first_filter(captured)?;
                StmtKind::FilterBlock {
                    filter,
                    body: self.whole_body("endfilter")?,
                    scope: Scope::default(),
                }
            }
            "generation" => {
                let body = self.in_function(|parser| parser.whole_body("endgeneration"))?;
                StmtKind::Generation(Arc::new(macro_def(None, Vec::new(), Vec::new(), body)))
            }
            "block" => self.block(line)?,
            "print" => {
                let mut is_first = true;
                while *self.peek() != Token::BlockEnd {
                    if !std::mem::take(&mut is_first) {
                        self.expect_op(",")?;
                    }
                    let value = self.expression()?;
                    body.push(print(line, value));
                }
                self.open_tags.pop();
                return Ok(());
            }
            "break" | "continue" if self.loops > 0 => match tag.as_str() {
                "break" => StmtKind::Break,
                _ => StmtKind::Continue,
            },
            "break" | "continue" => {
                return Err(Fault::syntax(line, format!("`{tag}` outside of a loop")));
            }
            unsupported if UNSUPPORTED_TAGS.contains(&unsupported) => {
                return Err(unsupported_fault(format!("the tag `{tag}`")).at(line));
            }
            _ => {
                return Err(Fault::syntax(
                    line,
                    format!("encountered unknown tag `{tag}`"),
                ));
            }
        };
        self.open_tags.pop();
        body.push(Stmt { line, kind });
        Ok(())
    }

    /// Parses what becomes a function of its own, out of which no `break` leads.
    fn in_function<T>(&mut self, parse: impl FnOnce(&mut Self) -> Res<T>) -> Res<T> {
        let loops = std::mem::take(&mut self.loops);
        let result = parse(self);
        self.loops = loops;
        result
    }

    fn for_loop(&mut self, line: u32) -> Res<StmtKind> {
        let target_at = self.at;
        let target = self.target(&["in"], false)?;
        if !self.skip_name("in") {
            return self.expected("`in`");
        }
        let iter = self.tuple(false, &["recursive"])?;
        let test = if self.skip_name("if") {
            let behind = self.at;
            // The condition is a function with variables of its own, so it has a target of its own
            // too.
            self.at = target_at;
            let target = self.target(&["in"], false)?;
            self.at = behind;
            Some(LoopTest {
                target,
                condition: self.expression()?,
                scope: Scope::default(),
                num_slots: 0,
            })
        } else {
            None
        };
        let is_recursive = self.skip_name("recursive");
        self.loops += 1;
        let body = self.body(&["endfor", "else"]);
        self.loops -= 1;
        let body = body?;
        let has_else = self.is_name("else");
        self.at += 1;
        let otherwise = if !has_else {
            Vec::new()
        } else if is_recursive {
            self.in_function(|parser| parser.whole_body("endfor"))?
        } else {
            self.whole_body("endfor")?
        };
        Ok(StmtKind::For(Arc::new(For {
            target,
            iter,
            test,
            is_recursive,
            body,
            scope: Scope::default(),
            loop_slot: 0,
            otherwise,
            otherwise_scope: Scope::default(),
            num_slots: 0,
            line,
        })))
    }

    fn condition(&mut self) -> Res<StmtKind> {
        let mut branches = Vec::new();
        loop {
            let test = self.tuple(false, &[])?;
            let body = self.body(&["elif", "else", "endif"])?;
            branches.push((test, body));
            if self.skip_name("elif") {
                continue;
            }
            let has_else = self.is_name("else");
            self.at += 1;
            let otherwise = if has_else {
                self.whole_body("endif")?
            } else {
                Vec::new()
            };
            return Ok(StmtKind::If {
                branches,
                otherwise,
            });
        }
    }

    fn assignment(&mut self) -> Res<StmtKind> {
        let target = self.target(&[], true)?;
        if self.skip_op("=") {
            return Ok(StmtKind::Set {
                target,
                value: self.tuple(true, &[])?,
                exports: Vec::new(),
            });
        }
        let filter = if self.is_op("|") {
            let captured = self.expr(self.line(), ExprKind::Captured)?;
            Some(self.filters(captured)?)
        } else {
            None
        };
        Ok(StmtKind::SetBlock {
            target,
            filter,
            body: self.whole_body("endset")?,
            scope: Scope::default(),
            exports: Vec::new(),
        })
    }

    fn with(&mut self) -> Res<StmtKind> {
        let (mut targets, mut values) = (Vec::new(), Vec::new());
        while *self.peek() != Token::BlockEnd {
            if !targets.is_empty() {
                self.expect_op(",")?;
            }
            targets.push(self.target(&[], false)?);
            self.expect_op("=")?;
            values.push(self.expression()?);
        }
        Ok(StmtKind::With {
            targets,
            values,
            body: self.whole_body("endwith")?,
            scope: Scope::default(),
        })
    }

    fn macro_definition(&mut self) -> Res<StmtKind> {
        let target = self.name_target()?;
        let (parameters, defaults) = self.signature()?;
        let body = self.in_function(|parser| parser.whole_body("endmacro"))?;
        let name = target.name.clone();
        Ok(StmtKind::Macro {
            target,
            definition: Arc::new(macro_def(Some(name), parameters, defaults, body)),
            exported: false,
        })
    }

    fn call_block(&mut self) -> Res<StmtKind> {
        let (parameters, defaults) = if self.is_op("(") {
            self.signature()?
        } else {
            (Vec::new(), Vec::new())
        };
        let call = self.expression()?;
        if !matches!(call.kind, ExprKind::Call(..)) {
            return self.fail("expected a call");
        }
        let body = self.in_function(|parser| parser.whole_body("endcall"))?;
        let body = Arc::new(macro_def(None, parameters, defaults, body));
        Ok(StmtKind::Call { call, body })
    }

    fn block(&mut self, line: u32) -> Res<StmtKind> {
        let name = self.expect_name()?;
        for word in ["scoped", "required"] {
            if self.is_name(word) {
                let what = format!("a block that is `{word}`");
                return Err(unsupported_fault(what).at(line));
            }
        }
        if self.blocks.iter().any(|(known, _)| *known == name) {
            return Err(Fault::syntax(line, format!("block `{name}` defined twice")));
        }
        // Reserved, so that the blocks stand in the order in which they begin.
        let index = self.blocks.len();
        self.blocks.push((name.clone(), Vec::new()));
        let body = self.in_function(|parser| parser.whole_body("endblock"))?;
        self.blocks[index].1 = body;
        self.skip_name(&name);
        Ok(StmtKind::Block(name))
    }
}

pub(super) fn is_literal(name: &str) -> bool {
    matches!(name, "true" | "false" | "none" | "True" | "False" | "None")
}

fn print(line: u32, value: Expr) -> Stmt {
    let is_constant = value.is_constant();
    let kind = StmtKind::Print { value, is_constant };
    Stmt { line, kind }
}

fn macro_def(
    name: Option<Arc<str>>,
    parameters: Vec<NameRef>,
    defaults: Vec<Expr>,
    body: Vec<Stmt>,
) -> MacroDef {
    MacroDef {
        has_explicit_caller: parameters.iter().any(|name| &*name.name == "caller"),
        name,
        parameters,
        defaults,
        function: Function {
            body,
            ..Function::default()
        },
        caller: None,
        kwargs: None,
        varargs: None,
    }
}
