//! Binds every name of a template to a slot, and checks what Jinja checks while it compiles.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ast::{
    Expr, ExprKind, For, Function, Load, MacroDef, NameRef, Scope, Slot, Stmt, StmtKind, Target,
    Template,
};
use super::fault::{Fault, Res};
use super::symbols::{Chain, Origin, undeclared};
use super::{filters, predicates};

/// The template of a parsed body.
pub(super) fn resolve(body: Vec<Stmt>, blocks: Vec<(Arc<str>, Vec<Stmt>)>) -> Res<Template> {
    let has_blocks = !blocks.is_empty();
    let root = function(body, has_blocks)?;
    let blocks = blocks
        .into_iter()
        .map(|(name, body)| Ok((name, function(body, false)?)))
        .collect::<Res<_>>()?;
    Ok(Template { root, blocks })
}

/// A body that no other one is around.
fn function(mut body: Vec<Stmt>, exports: bool) -> Res<Function> {
    let mut resolver = Resolver {
        chain: Chain::default(),
        functions: vec![BTreeMap::new()],
        exports,
    };
    resolver.chain.push(0);
    resolver.chain.body(&body);
    let frame = Frame {
        is_soft: false,
        is_top: true,
    };
    resolver.body(&mut body, frame)?;
    let scope = resolver.scope();
    let num_slots = resolver.functions.pop().map_or(0, |slots| slots.len());
    Ok(Function {
        body,
        scope,
        num_slots,
    })
}

/// What is known of the place in a scope.
#[derive(Clone, Copy)]
struct Frame {
    /// Inside of a condition, where an unknown filter is an error only if it runs.
    is_soft: bool,
    /// Outside of everything but conditions.
    is_top: bool,
}

const INNER: Frame = Frame {
    is_soft: false,
    is_top: false,
};

struct Resolver {
    chain: Chain,
    /// For each function around, the slots of its variables by level of scope and name.
    functions: Vec<BTreeMap<(usize, String), u32>>,
    exports: bool,
}

impl Resolver {
    fn slot(&mut self, name: &str, line: u32) -> Res<Slot> {
        match self.chain.level_of(name) {
            Some(level) => Ok(self.slot_at(level, name)),
            None => Err(Fault::syntax(
                line,
                format!("the name `{name}` is unknown to the filters of a `set` block"),
            )),
        }
    }

    fn slot_at(&mut self, level: usize, name: &str) -> Slot {
        let function = self
            .chain
            .scopes
            .get(level)
            .map_or(0, |scope| scope.function);
        let up = self.functions.len() - 1 - function;
        let slots = &mut self.functions[function];
        let next = slots.len() as u32;
        let index = *slots.entry((level, name.to_owned())).or_insert(next);
        let up = up as u16;
        Slot { up, index }
    }

    /// Leaves the innermost scope.
    fn scope(&mut self) -> Scope {
        let level = self.chain.scopes.len() - 1;
        let origins = self.chain.scopes[level].origins.clone();
        let mut loads = Vec::with_capacity(origins.len());
        for (name, origin) in origins {
            let load = match origin {
                Origin::Parameter => Load::Parameter,
                Origin::Rendering => Load::Resolve(name.as_str().into()),
                Origin::Outer(level) => Load::Alias(self.slot_at(level, &name)),
                Origin::Nowhere => Load::Undefined,
            };
            loads.push((self.slot_at(level, &name).index, load));
        }
        self.chain.scopes.pop();
        Scope { loads }
    }

    fn enter(&mut self) {
        let function = self.functions.len() - 1;
        self.chain.push(function);
    }

    fn name(&mut self, name: &mut NameRef, line: u32) -> Res<()> {
        name.slot = self.slot(&name.name, line)?;
        Ok(())
    }

    fn target(&mut self, target: &mut Target, line: u32) -> Res<()> {
        match target {
            Target::Name(name) | Target::Attribute(name, _) => self.name(name, line),
            Target::Tuple(targets) => targets
                .iter_mut()
                .try_for_each(|target| self.target(target, line)),
        }
    }

    fn expression(&mut self, expression: &mut Expr, is_soft: bool) -> Res<()> {
        let line = expression.line;
        let mut is_soft = is_soft;
        match &mut expression.kind {
            ExprKind::Name(name) => self.name(name, line)?,
            ExprKind::Filter(_, name, _) if !is_soft && !filters::exists(name) => {
                return Err(Fault::syntax(line, format!("no filter named `{name}`")));
            }
            ExprKind::Test(_, name, _) if !is_soft && !predicates::exists(name) => {
                return Err(Fault::syntax(line, format!("no test named `{name}`")));
            }
            ExprKind::Cond { .. } => is_soft = true,
            _ => {}
        }
        for child in expression.kind.children_mut() {
            self.expression(child, is_soft)?;
        }
        Ok(())
    }

    fn body(&mut self, body: &mut [Stmt], frame: Frame) -> Res<()> {
        body.iter_mut()
            .try_for_each(|statement| self.statement(statement, frame))
    }

    fn statement(&mut self, statement: &mut Stmt, frame: Frame) -> Res<()> {
        let line = statement.line;
        let exported = self.exports && frame.is_top;
        match &mut statement.kind {
            StmtKind::Print { value, .. } => self.expression(value, frame.is_soft),
            StmtKind::If {
                branches,
                otherwise,
            } => {
                let soft = Frame {
                    is_soft: true,
                    ..frame
                };
                for (test, body) in branches {
                    self.expression(test, true)?;
                    self.body(body, soft)?;
                }
                self.body(otherwise, soft)
            }
            StmtKind::For(node) => {
                self.expression(&mut owned(node)?.iter, frame.is_soft)?;
                self.for_loop(owned(node)?)
            }
            StmtKind::Set {
                target,
                value,
                exports,
            } => {
                self.expression(value, frame.is_soft)?;
                self.target(target, line)?;
                if exported {
                    collect(target, exports);
                }
                Ok(())
            }
            StmtKind::SetBlock {
                target,
                filter,
                body,
                scope,
                exports,
            } => {
                self.enter();
                self.chain.body(body);
                self.body(body, INNER)?;
                if let Some(filter) = filter {
                    self.expression(filter, false)?;
                }
                *scope = self.scope();
                self.target(target, line)?;
                if exported {
                    collect(target, exports);
                }
                Ok(())
            }
            StmtKind::With {
                targets,
                values,
                body,
                scope,
            } => {
                for value in values {
                    self.expression(value, frame.is_soft)?;
                }
                self.enter();
                targets
                    .iter()
                    .for_each(|target| self.chain.parameters(target));
                self.chain.body(body);
                for target in targets {
                    self.target(target, line)?;
                }
                self.body(body, INNER)?;
                *scope = self.scope();
                Ok(())
            }
            StmtKind::Macro {
                target,
                definition,
                exported: is_exported,
            } => {
                *is_exported = exported;
                self.name(target, line)?;
                self.definition(owned(definition)?, line)
            }
            StmtKind::Call { call, body } => {
                self.expression(call, frame.is_soft)?;
                self.definition(owned(body)?, line)
            }
            StmtKind::Generation(body) => self.definition(owned(body)?, line),
            StmtKind::FilterBlock {
                filter,
                body,
                scope,
            } => {
                self.enter();
                self.chain.body(body);
                self.chain.expression(filter);
                self.body(body, INNER)?;
                self.expression(filter, false)?;
                *scope = self.scope();
                Ok(())
            }
            StmtKind::Text(_) | StmtKind::Block(_) | StmtKind::Break | StmtKind::Continue => Ok(()),
        }
    }

    fn for_loop(&mut self, node: &mut For) -> Res<()> {
        if assigns_loop(&node.target, &node.body, &node.otherwise) {
            let reason = "cannot assign to the special variable `loop` in a `for`";
            return Err(Fault::syntax(node.line, reason));
        }
        let line = node.line;
        if let Some(test) = &mut node.test {
            self.functions.push(BTreeMap::new());
            self.enter();
            self.chain.parameters(&test.target);
            self.chain.expression(&test.condition);
            self.target(&mut test.target, line)?;
            self.expression(&mut test.condition, false)?;
            test.scope = self.scope();
            test.num_slots = self.functions.pop().map_or(0, |slots| slots.len());
        }
        if node.is_recursive {
            self.functions.push(BTreeMap::new());
        }
        self.enter();
        self.chain.declare("loop");
        self.chain.parameters(&node.target);
        self.chain.body(&node.body);
        self.target(&mut node.target, line)?;
        node.loop_slot = self.slot("loop", line)?.index;
        self.body(&mut node.body, INNER)?;
        node.scope = self.scope();

        self.enter();
        self.chain.body(&node.otherwise);
        self.body(&mut node.otherwise, INNER)?;
        node.otherwise_scope = self.scope();
        if node.is_recursive {
            node.num_slots = self.functions.pop().map_or(0, |slots| slots.len());
        }
        Ok(())
    }

    fn definition(&mut self, definition: &mut MacroDef, line: u32) -> Res<()> {
        self.functions.push(BTreeMap::new());
        self.enter();
        for parameter in &definition.parameters {
            self.chain.declare(&parameter.name);
        }
        for default in &definition.defaults {
            self.chain.expression(default);
        }
        self.chain.body(&definition.function.body);
        let special = undeclared(&definition.function.body, &["caller", "kwargs", "varargs"]);
        let position = |name: &str| {
            let mut parameters = definition.parameters.iter();
            parameters.position(|parameter| &*parameter.name == name)
        };
        let first_default = definition.parameters.len() - definition.defaults.len();
        let mut implied = Vec::new();
        for name in special {
            match position(name) {
                Some(at) if name == "caller" && at < first_default => {
                    let reason =
                        "the special parameter `caller` must be omitted or be given a default";
                    return Err(Fault::syntax(line, reason));
                }
                Some(_) => {}
                None => implied.push(name),
            }
        }
        for name in implied {
            self.chain.declare(name);
            let slot = Some(self.slot(name, line)?.index);
            match name {
                "caller" => definition.caller = slot,
                "kwargs" => definition.kwargs = slot,
                _ => definition.varargs = slot,
            }
        }
        for parameter in &mut definition.parameters {
            self.name(parameter, line)?;
        }
        for default in &mut definition.defaults {
            self.expression(default, false)?;
        }
        self.body(&mut definition.function.body, INNER)?;
        definition.function.scope = self.scope();
        definition.function.num_slots = self.functions.pop().map_or(0, |slots| slots.len());
        Ok(())
    }
}

/// A node that nothing else holds yet.
fn owned<T>(node: &mut Arc<T>) -> Res<&mut T> {
    Arc::get_mut(node).ok_or_else(|| Fault::syntax(0, "a part of the template is used twice"))
}

fn collect(target: &Target, names: &mut Vec<NameRef>) {
    match target {
        Target::Name(name) => names.push(name.clone()),
        Target::Attribute(..) => {}
        Target::Tuple(targets) => targets.iter().for_each(|target| collect(target, names)),
    }
}

fn assigns_loop(target: &Target, body: &[Stmt], otherwise: &[Stmt]) -> bool {
    let mut names = Vec::new();
    collect(target, &mut names);
    let mut bodies = vec![body, otherwise];
    while let Some(body) = bodies.pop() {
        for statement in body {
            match &statement.kind {
                StmtKind::If {
                    branches,
                    otherwise,
                } => {
                    bodies.extend(branches.iter().map(|(_, body)| body.as_slice()));
                    bodies.push(otherwise);
                }
                // An inner loop was checked when it was resolved.
                StmtKind::Set { target, .. } => collect(target, &mut names),
                StmtKind::SetBlock { target, body, .. } => {
                    collect(target, &mut names);
                    bodies.push(body);
                }
                StmtKind::With { body, .. } | StmtKind::FilterBlock { body, .. } => {
                    bodies.push(body);
                }
                StmtKind::Macro { definition, .. } | StmtKind::Generation(definition) => {
                    bodies.push(&definition.function.body);
                }
                StmtKind::Call { body, .. } => bodies.push(&body.function.body),
                _ => {}
            }
        }
    }
    names.iter().any(|name| &*name.name == "loop")
}
