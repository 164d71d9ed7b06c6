//! Which scope a name belongs to, by the rules of Jinja's compiler.
//!
//! Jinja decides this for a whole scope before it runs any of it. A name that is assigned anywhere
//! in a scope is a variable of that scope from its beginning: a copy of the outer one if there is
//! one, without a value if not. A name that is only read comes from the nearest scope that has it,
//! or from the variables of the rendering.

use std::collections::{BTreeMap, BTreeSet};

use super::ast::{Expr, ExprKind, MacroDef, Stmt, StmtKind, Target};

/// Where the value of a variable comes from when its scope is entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Parameter,
    Rendering,
    /// The variable of the same name in the scope of this level.
    Outer(usize),
    Nowhere,
}

/// The names of one scope.
#[derive(Debug, Clone, Default)]
pub(super) struct Symbols {
    /// The function that the scope is in, counted from the outermost.
    pub(super) function: usize,
    pub(super) origins: BTreeMap<String, Origin>,
    stored: BTreeSet<String>,
}

/// The scopes around a place, outermost first.
#[derive(Debug, Default)]
pub(super) struct Chain {
    pub(super) scopes: Vec<Symbols>,
    /// What was changed in the innermost scope, and how it was before: a branch of a condition is
    /// taken back.
    journal: Vec<(String, Option<Origin>, bool)>,
}

/// What a branch of a condition did: the origin of each name that it touched, and whether it
/// assigned the name.
type Branch = BTreeMap<String, (Origin, bool)>;

impl Chain {
    pub(super) fn push(&mut self, function: usize) {
        self.scopes.push(Symbols {
            function,
            ..Symbols::default()
        });
    }

    fn top(&mut self) -> &mut Symbols {
        if self.scopes.is_empty() {
            self.push(0);
        }
        let last = self.scopes.len() - 1;
        &mut self.scopes[last]
    }

    /// The level of the scope whose variable `name` is.
    pub(super) fn level_of(&self, name: &str) -> Option<usize> {
        let has = |scope: &Symbols| scope.origins.contains_key(name);
        self.scopes.iter().rposition(has)
    }

    fn outer_level_of(&self, name: &str) -> Option<usize> {
        let outer = &self.scopes[..self.scopes.len().saturating_sub(1)];
        outer
            .iter()
            .rposition(|scope| scope.origins.contains_key(name))
    }

    /// Sets what is known of a name in the innermost scope.
    fn set(&mut self, name: &str, origin: Origin, is_stored: bool) {
        let top = self.top();
        let was_stored = top.stored.contains(name);
        let before = top.origins.insert(name.to_owned(), origin);
        if is_stored {
            top.stored.insert(name.to_owned());
        }
        self.journal.push((name.to_owned(), before, was_stored));
    }

    pub(super) fn declare(&mut self, name: &str) {
        self.set(name, Origin::Parameter, true);
    }

    fn load(&mut self, name: &str) {
        if self.level_of(name).is_none() {
            self.set(name, Origin::Rendering, false);
        }
    }

    fn store(&mut self, name: &str) {
        let known = self.top().origins.get(name).copied();
        let origin = known.unwrap_or_else(|| {
            let outer = self.outer_level_of(name);
            outer.map_or(Origin::Nowhere, Origin::Outer)
        });
        self.set(name, origin, true);
    }

    pub(super) fn expression(&mut self, expression: &Expr) {
        if let ExprKind::Name(name) = &expression.kind {
            self.load(&name.name);
        }
        for child in expression.kind.children() {
            self.expression(child);
        }
    }

    fn target(&mut self, target: &Target) {
        match target {
            Target::Name(name) => self.store(&name.name),
            Target::Attribute(name, _) => self.load(&name.name),
            Target::Tuple(targets) => targets.iter().for_each(|target| self.target(target)),
        }
    }

    /// A target whose names are set by whoever enters the scope.
    pub(super) fn parameters(&mut self, target: &Target) {
        match target {
            Target::Name(name) => self.declare(&name.name),
            Target::Attribute(name, _) => self.load(&name.name),
            Target::Tuple(targets) => targets.iter().for_each(|target| self.parameters(target)),
        }
    }

    pub(super) fn body(&mut self, body: &[Stmt]) {
        for statement in body {
            self.statement(statement);
        }
    }

    /// Takes up the names of a statement, but not those of scopes inside of it.
    fn statement(&mut self, statement: &Stmt) {
        match &statement.kind {
            StmtKind::Print { value, .. } => self.expression(value),
            StmtKind::If {
                branches,
                otherwise,
            } => {
                let Some(((test, body), elifs)) = branches.split_first() else {
                    return;
                };
                self.expression(test);
                let first = self.branch(|chain| chain.body(body));
                let second = self.branch(|chain| {
                    for (test, body) in elifs {
                        chain.expression(test);
                        let branch = chain.branch(|chain| chain.body(body));
                        chain.merge([branch]);
                    }
                });
                let third = self.branch(|chain| chain.body(otherwise));
                self.merge([first, second, third]);
            }
            StmtKind::For(node) => self.expression(&node.iter),
            StmtKind::Set { target, value, .. } => {
                self.expression(value);
                self.target(target);
            }
            StmtKind::SetBlock { target, .. } => self.target(target),
            StmtKind::With { values, .. } => {
                values.iter().for_each(|value| self.expression(value));
            }
            StmtKind::Macro { target, .. } => self.store(&target.name),
            StmtKind::Call { call, .. } => self.expression(call),
            StmtKind::FilterBlock { filter, .. } => self.expression(filter),
            StmtKind::Text(_)
            | StmtKind::Generation(_)
            | StmtKind::Block(_)
            | StmtKind::Break
            | StmtKind::Continue => {}
        }
    }

    /// What `visit` does to the innermost scope, which is then as it was before.
    fn branch(&mut self, visit: impl FnOnce(&mut Self)) -> Branch {
        let start = self.journal.len();
        visit(self);
        let mut branch = Branch::new();
        for (name, before, was_stored) in self.journal.split_off(start).into_iter().rev() {
            let top = self.top();
            if let Some(origin) = top.origins.get(&name).copied() {
                let is_stored = top.stored.contains(&name);
                branch.entry(name.clone()).or_insert((origin, is_stored));
            }
            if !was_stored {
                top.stored.remove(&name);
            }
            match before {
                Some(origin) => _ = top.origins.insert(name, origin),
                None => _ = top.origins.remove(&name),
            }
        }
        branch
    }

    /// Joins what the branches of a condition did. What only they assigned keeps its value where
    /// none of them ran.
    fn merge<const N: usize>(&mut self, branches: [Branch; N]) {
        let known = &self.top().stored;
        let stored: BTreeSet<String> = branches
            .iter()
            .flatten()
            .filter(|(name, (_, is_stored))| *is_stored && !known.contains(*name))
            .map(|(name, _)| name.clone())
            .collect();
        for (name, (origin, is_stored)) in branches.iter().flatten() {
            self.set(name, *origin, *is_stored);
        }
        for name in stored {
            let outer = self.outer_level_of(&name);
            let origin = outer.map_or(Origin::Rendering, Origin::Outer);
            self.set(&name, origin, true);
        }
    }
}

/// Which of `names` are read in a body before they are declared there, as Jinja looks for it.
pub(super) fn undeclared(body: &[Stmt], names: &[&'static str]) -> BTreeSet<&'static str> {
    let mut search = Search {
        names: names.iter().copied().collect(),
        found: BTreeSet::new(),
    };
    search.body(body);
    search.found
}

struct Search {
    names: BTreeSet<&'static str>,
    found: BTreeSet<&'static str>,
}

impl Search {
    fn expression(&mut self, expression: &Expr) {
        if let ExprKind::Name(name) = &expression.kind
            && let Some(name) = self.names.get(&*name.name)
        {
            self.found.insert(name);
        }
        for child in expression.kind.children() {
            self.expression(child);
        }
    }

    fn target(&mut self, target: &Target) {
        match target {
            Target::Name(name) => _ = self.names.remove(&*name.name),
            Target::Attribute(..) => {}
            Target::Tuple(targets) => targets.iter().for_each(|target| self.target(target)),
        }
    }

    fn definition(&mut self, definition: &MacroDef) {
        for parameter in &definition.parameters {
            self.names.remove(&*parameter.name);
        }
        definition
            .defaults
            .iter()
            .for_each(|value| self.expression(value));
        self.body(&definition.function.body);
    }

    fn body(&mut self, body: &[Stmt]) {
        for statement in body {
            match &statement.kind {
                StmtKind::Print { value, .. } => self.expression(value),
                StmtKind::If {
                    branches,
                    otherwise,
                } => {
                    for (test, body) in branches {
                        self.expression(test);
                        self.body(body);
                    }
                    self.body(otherwise);
                }
                StmtKind::For(node) => {
                    self.target(&node.target);
                    self.expression(&node.iter);
                    self.body(&node.body);
                    self.body(&node.otherwise);
                    node.test
                        .iter()
                        .for_each(|test| self.expression(&test.condition));
                }
                StmtKind::Set { target, value, .. } => {
                    self.target(target);
                    self.expression(value);
                }
                StmtKind::SetBlock {
                    target,
                    filter,
                    body,
                    ..
                } => {
                    self.target(target);
                    filter.iter().for_each(|filter| self.expression(filter));
                    self.body(body);
                }
                StmtKind::With {
                    targets,
                    values,
                    body,
                    ..
                } => {
                    targets.iter().for_each(|target| self.target(target));
                    values.iter().for_each(|value| self.expression(value));
                    self.body(body);
                }
                StmtKind::Macro { definition, .. } | StmtKind::Generation(definition) => {
                    self.definition(definition);
                }
                StmtKind::Call { call, body } => {
                    self.expression(call);
                    self.definition(body);
                }
                StmtKind::FilterBlock { filter, body, .. } => {
                    self.body(body);
                    self.expression(filter);
                }
                StmtKind::Text(_) | StmtKind::Block(_) | StmtKind::Break | StmtKind::Continue => {}
            }
        }
    }
}
