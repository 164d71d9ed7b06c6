//! One rendering: its variables, its limits, and what every part of it needs.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use serde_json::{Map, Value as Json};

use super::super::clock::LocalTime;
use super::ast::{Load, Scope, Slot, Template};
use super::fault::{Fault, Res, failed, unsupported};
use super::json::from_json;
use super::meter::Meter;
use super::value::{MAX_DEPTH, Value};

/// Levels of statements, expressions and calls in each other, which the stack of the rendering's
/// thread has room for.
const MAX_LEVELS: usize = 5000;

/// What a rendering may take.
#[derive(Debug, Clone, Copy)]
pub(in crate::chat) struct Limits {
    /// Steps, and 64 bytes of what is made for each.
    pub(in crate::chat) fuel: u64,
    /// Entries and 16 bytes of text that are looked at.
    pub(in crate::chat) looks: u64,
    /// Bytes of the rendered text.
    pub(in crate::chat) output: usize,
}

/// Renders a template with variables; `now` is what `strftime_now` formats.
pub(in crate::chat) fn run(
    template: &Template,
    variables: &Map<String, Json>,
    limits: Limits,
    now: Option<LocalTime>,
) -> Result<String, Box<Fault>> {
    let interpreter = Interpreter {
        meter: Meter::new(limits.fuel, limits.looks),
        template,
        variables: variables
            .iter()
            .map(|(name, value)| (name.clone(), from_json(value)))
            .collect(),
        exported: RefCell::new(HashMap::new()),
        levels: Cell::new(0),
        captured: RefCell::new(Vec::new()),
        activations: RefCell::new(Vec::new()),
        output_limit: limits.output,
        is_constant: Cell::new(false),
        now,
    };
    let mut out = String::new();
    let activation = Activation::new(template.root.num_slots, None);
    interpreter
        .activations
        .borrow_mut()
        .push(activation.clone());
    let result = interpreter.enter(&template.root.scope, &activation);
    let result = result.and_then(|()| {
        interpreter
            .body(&template.root.body, &activation, &mut out)
            .map(drop)
    });
    interpreter.free();
    result.map(|()| out)
}

pub(super) struct Interpreter<'t> {
    pub(super) meter: Meter,
    pub(super) template: &'t Template,
    pub(super) variables: HashMap<String, Value>,
    /// What was assigned outside of everything, for blocks.
    pub(super) exported: RefCell<HashMap<String, Value>>,
    levels: Cell<usize>,
    /// Texts of the `set` and `filter` blocks whose filters run.
    pub(super) captured: RefCell<Vec<Value>>,
    /// Those that macros and generators can reach. A macro and the function around it hold each
    /// other, and chains of them would be freed by recursion; so they stay until the end.
    activations: RefCell<Vec<Rc<Activation>>>,
    output_limit: usize,
    /// Whether the expression is one that Jinja evaluates while it compiles.
    pub(super) is_constant: Cell<bool>,
    pub(super) now: Option<LocalTime>,
}

/// The variables of a function that runs.
pub(super) struct Activation {
    slots: RefCell<Vec<Option<Value>>>,
    parent: Option<Rc<Activation>>,
    is_held: Cell<bool>,
}

impl Activation {
    pub(super) fn new(num_slots: usize, parent: Option<Rc<Self>>) -> Rc<Self> {
        Rc::new(Self {
            slots: RefCell::new(vec![None; num_slots]),
            parent,
            is_held: Cell::new(false),
        })
    }

    fn at(self: &Rc<Self>, up: u16) -> &Rc<Self> {
        let mut found = self;
        for _ in 0..up {
            match &found.parent {
                Some(parent) => found = parent,
                None => break,
            }
        }
        found
    }

    pub(super) fn get(self: &Rc<Self>, slot: Slot) -> Option<Value> {
        let slots = self.at(slot.up).slots.borrow();
        slots.get(slot.index as usize).cloned().flatten()
    }

    pub(super) fn set(self: &Rc<Self>, slot: Slot, value: Option<Value>) {
        let owner = self.at(slot.up);
        let mut slots = owner.slots.borrow_mut();
        let old = slots
            .get_mut(slot.index as usize)
            .map(|place| std::mem::replace(place, value));
        drop(slots);
        drop(old);
    }

    /// Sets a variable of the function itself.
    pub(super) fn set_own(self: &Rc<Self>, index: u32, value: Option<Value>) {
        self.set(Slot { up: 0, index }, value);
    }
}

/// A level of the walk, as long as it is held.
pub(super) struct Level<'a>(&'a Cell<usize>);

impl Drop for Level<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Interpreter<'_> {
    /// Goes one level down.
    pub(super) fn deeper(&self) -> Res<Level<'_>> {
        let levels = self.levels.get();
        if levels == MAX_LEVELS {
            return failed(format!(
                "maximum recursion depth exceeded: `{MAX_LEVELS}` levels of calls and blocks in each other"
            ));
        }
        self.levels.set(levels + 1);
        Ok(Level(&self.levels))
    }

    /// Keeps an activation until the end, as a macro or generator can reach it from now on.
    pub(super) fn hold(&self, activation: &Rc<Activation>) {
        if !activation.is_held.replace(true) {
            self.activations.borrow_mut().push(activation.clone());
        }
    }

    /// An activation of a function inside of `parent`.
    pub(super) fn activate(
        &self,
        num_slots: usize,
        parent: &Rc<Activation>,
    ) -> Res<Rc<Activation>> {
        self.make_items(num_slots + 4)?;
        Ok(Activation::new(num_slots, Some(parent.clone())))
    }

    /// Gives the variables of a scope the values with which it begins.
    pub(super) fn enter(&self, scope: &Scope, activation: &Rc<Activation>) -> Res<()> {
        for (index, load) in &scope.loads {
            match load {
                Load::Parameter => {}
                Load::Resolve(name) => activation.set_own(*index, self.variable(name)),
                Load::Alias(slot) => activation.set_own(*index, activation.get(*slot)),
                Load::Undefined => activation.set_own(*index, None),
            }
        }
        self.meter.look(scope.loads.len())
    }

    /// Forgets the variables of a scope.
    pub(super) fn leave(scope: &Scope, activation: &Rc<Activation>) {
        for (index, _) in &scope.loads {
            activation.set_own(*index, None);
        }
    }

    /// A variable that no scope has.
    fn variable(&self, name: &str) -> Option<Value> {
        if name == "self" {
            return Some(Value::SelfReference);
        }
        if let Some(value) = self.exported.borrow().get(name) {
            return Some(value.clone());
        }
        let found = self.variables.get(name).cloned();
        found.or_else(|| super::globals::Global::named(name).map(Value::Global))
    }

    /// Writes to the text of the template or of a block.
    pub(super) fn emit(&self, out: &mut String, text: &str) -> Res<()> {
        if out.len() + text.len() > self.output_limit {
            let what = format!("`{}` bytes of text", self.output_limit);
            return Err(Fault::limit(what));
        }
        self.meter.make(text.len())?;
        out.push_str(text);
        Ok(())
    }

    pub(super) fn within_depth(depth: usize) -> Res<()> {
        if depth > MAX_DEPTH {
            return unsupported(format!("a value of more than `{MAX_DEPTH}` levels"));
        }
        Ok(())
    }

    /// Refuses what could come to hold itself.
    pub(super) fn containable(value: &Value) -> Res<()> {
        match value {
            Value::Namespace(_) => unsupported("a namespace inside of another value"),
            Value::Loop(_) => unsupported("a loop inside of another value"),
            Value::Method(method) if matches!(method.0, Value::Loop(_)) => {
                unsupported("a loop inside of another value")
            }
            _ => Ok(()),
        }
    }

    /// Takes apart what holds itself.
    fn free(&self) {
        let activations = std::mem::take(&mut *self.activations.borrow_mut());
        for activation in &activations {
            let slots = std::mem::take(&mut *activation.slots.borrow_mut());
            drop(slots);
        }
    }
}
