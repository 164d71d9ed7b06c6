//! The tree of a template.

use std::sync::Arc;

/// A parsed template, with every name bound to a slot.
#[derive(Debug)]
pub(in crate::chat) struct Template {
    pub(super) root: Function,
    /// The bodies of `block` tags by their names.
    pub(super) blocks: Vec<(Arc<str>, Function)>,
}

/// A piece of template with variables of its own: what Jinja compiles to a Python function.
#[derive(Debug, Default)]
pub(super) struct Function {
    pub(super) body: Vec<Stmt>,
    pub(super) scope: Scope,
    pub(super) num_slots: usize,
}

/// Where a variable is: in the function that is `up` functions further out, at `index`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Slot {
    pub(super) up: u16,
    pub(super) index: u32,
}

/// What a scope does with its variables when it is entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Load {
    /// Nothing: whoever enters the scope sets it.
    Parameter,
    /// Takes it from the variables of the rendering.
    Resolve(Arc<str>),
    /// Copies a variable of an outer scope.
    Alias(Slot),
    /// Leaves it without a value.
    Undefined,
}

/// The variables of a scope, by their index in the function.
#[derive(Debug, Default)]
pub(super) struct Scope {
    pub(super) loads: Vec<(u32, Load)>,
}

/// A use of a name.
#[derive(Debug, Clone)]
pub(super) struct NameRef {
    pub(super) name: Arc<str>,
    pub(super) slot: Slot,
}

impl NameRef {
    pub(super) fn new(name: Arc<str>) -> Self {
        let slot = Slot::default();
        Self { name, slot }
    }
}

/// What is assigned to.
#[derive(Debug)]
pub(super) enum Target {
    Name(NameRef),
    /// An attribute of a namespace.
    Attribute(NameRef, Arc<str>),
    Tuple(Vec<Target>),
}

#[derive(Debug)]
pub(super) struct Stmt {
    pub(super) line: u32,
    pub(super) kind: StmtKind,
}

#[derive(Debug)]
pub(super) enum StmtKind {
    Text(Arc<str>),
    Print {
        value: Expr,
        /// Jinja evaluates it while it compiles, where a subscript that fails is undefined.
        is_constant: bool,
    },
    If {
        branches: Vec<(Expr, Vec<Stmt>)>,
        otherwise: Vec<Stmt>,
    },
    For(Arc<For>),
    Set {
        target: Target,
        value: Expr,
        /// Names that blocks see afterwards.
        exports: Vec<NameRef>,
    },
    SetBlock {
        target: Target,
        /// Filters of the captured text, which stands as [`ExprKind::Captured`].
        filter: Option<Expr>,
        body: Vec<Stmt>,
        scope: Scope,
        exports: Vec<NameRef>,
    },
    With {
        targets: Vec<Target>,
        values: Vec<Expr>,
        body: Vec<Stmt>,
        scope: Scope,
    },
    Macro {
        target: NameRef,
        definition: Arc<MacroDef>,
        exported: bool,
    },
    Call {
        call: Expr,
        body: Arc<MacroDef>,
    },
    /// What transformers' tag `generation` is: a macro without a name, called at once.
    Generation(Arc<MacroDef>),
    FilterBlock {
        filter: Expr,
        body: Vec<Stmt>,
        scope: Scope,
    },
    Block(Arc<str>),
    Break,
    Continue,
}

#[derive(Debug)]
pub(super) struct For {
    pub(super) target: Target,
    pub(super) iter: Expr,
    pub(super) test: Option<LoopTest>,
    pub(super) is_recursive: bool,
    pub(super) body: Vec<Stmt>,
    pub(super) scope: Scope,
    /// The variable `loop`.
    pub(super) loop_slot: u32,
    pub(super) otherwise: Vec<Stmt>,
    pub(super) otherwise_scope: Scope,
    /// Slots of the function that a recursive loop is.
    pub(super) num_slots: usize,
    pub(super) line: u32,
}

/// The condition of a loop, a function of its own: it runs ahead of the body when the body asks for
/// the next item.
#[derive(Debug)]
pub(super) struct LoopTest {
    pub(super) target: Target,
    pub(super) condition: Expr,
    pub(super) scope: Scope,
    pub(super) num_slots: usize,
}

#[derive(Debug)]
pub(super) struct MacroDef {
    pub(super) name: Option<Arc<str>>,
    pub(super) parameters: Vec<NameRef>,
    /// Of the last parameters.
    pub(super) defaults: Vec<Expr>,
    pub(super) function: Function,
    /// Slots of what the body reads without declaring it.
    pub(super) caller: Option<u32>,
    pub(super) kwargs: Option<u32>,
    pub(super) varargs: Option<u32>,
    pub(super) has_explicit_caller: bool,
}

#[derive(Debug)]
pub(super) struct Expr {
    pub(super) line: u32,
    /// Levels of the tree, itself included: what evaluating it takes of the stack.
    pub(super) height: u32,
    pub(super) kind: ExprKind,
}

#[derive(Debug)]
pub(super) enum ExprKind {
    Const(Const),
    Name(NameRef),
    Tuple(Vec<Expr>),
    List(Vec<Expr>),
    Dict(Vec<(Expr, Expr)>),
    /// `then if test else otherwise`
    Cond {
        test: Box<Expr>,
        then: Box<Expr>,
        otherwise: Option<Box<Expr>>,
    },
    Or(Box<Expr>, Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    Neg(Box<Expr>),
    Pos(Box<Expr>),
    Compare(Box<Expr>, Vec<(Comparison, Expr)>),
    Binary(Operator, Box<Expr>, Box<Expr>),
    Concat(Vec<Expr>),
    Attribute(Box<Expr>, Arc<str>),
    Item(Box<Expr>, Box<Expr>),
    Slice(Box<Expr>, [Option<Box<Expr>>; 3]),
    Call(Box<Expr>, CallArgs),
    Filter(Box<Expr>, Arc<str>, CallArgs),
    Test(Box<Expr>, Arc<str>, CallArgs),
    /// The text of the `set` or `filter` block around.
    Captured,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Const {
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    Str(Arc<str>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
    NotIn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Sub,
    Mul,
    Div,
    FloorDiv,
    Mod,
    Pow,
}

impl Operator {
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::FloorDiv => "//",
            Self::Mod => "%",
            Self::Pow => "** or pow()",
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct CallArgs {
    pub(super) positional: Vec<Expr>,
    pub(super) named: Vec<(Arc<str>, Expr)>,
    /// `*args`
    pub(super) spread: Option<Box<Expr>>,
    /// `**kwargs`
    pub(super) spread_named: Option<Box<Expr>>,
}

impl CallArgs {
    pub(super) fn children(&self) -> impl Iterator<Item = &Expr> {
        let positional = self.positional.iter();
        let named = self.named.iter().map(|(_, value)| value);
        let spread = self.spread.as_deref().into_iter();
        let spread_named = self.spread_named.as_deref().into_iter();
        positional.chain(named).chain(spread).chain(spread_named)
    }

    pub(super) fn children_mut(&mut self) -> impl Iterator<Item = &mut Expr> {
        let positional = self.positional.iter_mut();
        let named = self.named.iter_mut().map(|(_, value)| value);
        let spread = self.spread.as_deref_mut().into_iter();
        let spread_named = self.spread_named.as_deref_mut().into_iter();
        positional.chain(named).chain(spread).chain(spread_named)
    }
}

impl ExprKind {
    /// The expressions directly below, in the order in which Jinja visits them.
    pub(super) fn children(&self) -> Vec<&Expr> {
        match self {
            Self::Const(_) | Self::Name(_) | Self::Captured => Vec::new(),
            Self::Tuple(items) | Self::List(items) | Self::Concat(items) => items.iter().collect(),
            Self::Dict(pairs) => pairs.iter().flat_map(|(key, item)| [key, item]).collect(),
            Self::Cond {
                test,
                then,
                otherwise,
            } => {
                let mut all = vec![&**test, &**then];
                all.extend(otherwise.as_deref());
                all
            }
            Self::Or(a, b) | Self::And(a, b) | Self::Binary(_, a, b) | Self::Item(a, b) => {
                vec![&**a, &**b]
            }
            Self::Not(a) | Self::Neg(a) | Self::Pos(a) | Self::Attribute(a, _) => vec![&**a],
            Self::Compare(first, rest) => {
                let mut all = vec![&**first];
                all.extend(rest.iter().map(|(_, operand)| operand));
                all
            }
            Self::Slice(of, parts) => {
                let mut all = vec![&**of];
                all.extend(parts.iter().filter_map(Option::as_deref));
                all
            }
            Self::Call(of, args) | Self::Filter(of, _, args) | Self::Test(of, _, args) => {
                let mut all = vec![&**of];
                all.extend(args.children());
                all
            }
        }
    }

    /// The same, to be changed.
    pub(super) fn children_mut(&mut self) -> Vec<&mut Expr> {
        match self {
            Self::Const(_) | Self::Name(_) | Self::Captured => Vec::new(),
            Self::Tuple(items) | Self::List(items) | Self::Concat(items) => {
                items.iter_mut().collect()
            }
            Self::Dict(pairs) => pairs
                .iter_mut()
                .flat_map(|(key, item)| [key, item])
                .collect(),
            Self::Cond {
                test,
                then,
                otherwise,
            } => {
                let mut all = vec![&mut **test, &mut **then];
                all.extend(otherwise.as_deref_mut());
                all
            }
            Self::Or(a, b) | Self::And(a, b) | Self::Binary(_, a, b) | Self::Item(a, b) => {
                vec![&mut **a, &mut **b]
            }
            Self::Not(a) | Self::Neg(a) | Self::Pos(a) | Self::Attribute(a, _) => vec![&mut **a],
            Self::Compare(first, rest) => {
                let mut all = vec![&mut **first];
                all.extend(rest.iter_mut().map(|(_, operand)| operand));
                all
            }
            Self::Slice(of, parts) => {
                let mut all = vec![&mut **of];
                all.extend(parts.iter_mut().filter_map(Option::as_deref_mut));
                all
            }
            Self::Call(of, args) | Self::Filter(of, _, args) | Self::Test(of, _, args) => {
                let mut all = vec![&mut **of];
                all.extend(args.children_mut());
                all
            }
        }
    }
}

impl Expr {
    /// Whether Jinja knows the value while it compiles: literals under operators, filters and
    /// tests.
    pub(super) fn is_constant(&self) -> bool {
        match &self.kind {
            ExprKind::Name(_) | ExprKind::Call(..) | ExprKind::Captured => false,
            kind => kind.children().into_iter().all(Self::is_constant),
        }
    }
}
