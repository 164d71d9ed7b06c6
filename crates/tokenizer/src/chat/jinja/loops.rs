//! `for`, and its variable `loop`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use super::ast::For;
use super::call::Args;
use super::execute::Flow;
use super::fault::{Res, failed};
use super::interpreter::{Activation, Interpreter};
use super::iterate::Iter;
use super::value::Value;

/// The state of a loop that runs.
pub(super) struct Loop {
    iterable: Value,
    iter: RefCell<Rc<Iter>>,
    length: Cell<Option<usize>>,
    /// From 0; -1 before the first item.
    index0: Cell<i128>,
    depth0: usize,
    /// What was taken ahead of its turn: an item, or the end.
    after: RefCell<Option<Option<Value>>>,
    current: RefCell<Option<Value>>,
    before: RefCell<Option<Value>>,
    last_changed: RefCell<Option<Vec<Value>>>,
    /// What a call of the loop runs, if it is recursive.
    recursion: Option<(Arc<For>, Rc<Activation>)>,
}

impl Interpreter<'_> {
    pub(super) fn for_statement(
        &self,
        node: &Arc<For>,
        activation: &Rc<Activation>,
        out: &mut String,
    ) -> Res<Flow> {
        let iterable = self.evaluate(&node.iter, activation)?;
        if node.is_recursive {
            let text = self.recurse(node, activation, &iterable, 0)?;
            self.emit(out, &text)?;
            return Ok(Flow::Through);
        }
        self.run_loop(node, activation, activation, iterable, 0, out)
    }

    /// One level of a recursive loop, a function of its own.
    fn recurse(
        &self,
        node: &Arc<For>,
        outer: &Rc<Activation>,
        iterable: &Value,
        depth0: usize,
    ) -> Res<String> {
        let activation = self.activate(node.num_slots, outer)?;
        let mut text = String::new();
        self.run_loop(
            node,
            outer,
            &activation,
            iterable.clone(),
            depth0,
            &mut text,
        )?;
        Ok(text)
    }

    /// Runs a loop whose variables are in `activation`; its condition is a function inside of
    /// `outer`.
    fn run_loop(
        &self,
        node: &Arc<For>,
        outer: &Rc<Activation>,
        activation: &Rc<Activation>,
        iterable: Value,
        depth0: usize,
        out: &mut String,
    ) -> Res<Flow> {
        let iterable = if node.test.is_some() {
            self.filtered_items(node, outer, &iterable)?
        } else {
            iterable
        };
        let recursion = node.is_recursive.then(|| (node.clone(), outer.clone()));
        if recursion.is_some() {
            self.hold(outer);
        }
        let state = Rc::new(Loop {
            iter: RefCell::new(self.iter(&iterable)?),
            iterable,
            length: Cell::new(None),
            index0: Cell::new(-1),
            depth0,
            after: RefCell::new(None),
            current: RefCell::new(None),
            before: RefCell::new(None),
            last_changed: RefCell::new(None),
            recursion,
        });
        self.meter.make(256)?;
        let mut is_empty = true;
        while let Some(item) = self.advance(&state)? {
            self.meter.step()?;
            self.assign(&node.target, item, activation)?;
            activation.set_own(node.loop_slot, Some(Value::Loop(state.clone())));
            self.enter(&node.scope, activation)?;
            match self.body(&node.body, activation, out)? {
                Flow::Through => is_empty = false,
                Flow::Continue => {}
                Flow::Break => break,
            }
        }
        Self::leave(&node.scope, activation);
        if is_empty && !node.otherwise.is_empty() {
            self.enter(&node.otherwise_scope, activation)?;
            let flow = self.body(&node.otherwise, activation, out)?;
            Self::leave(&node.otherwise_scope, activation);
            // They belong to the loop around this one.
            return Ok(flow);
        }
        Ok(Flow::Through)
    }

    /// The items for which the loop's condition holds, one at a time.
    fn filtered_items(
        &self,
        node: &Arc<For>,
        outer: &Rc<Activation>,
        iterable: &Value,
    ) -> Res<Value> {
        self.hold(outer);
        let num_slots = node.test.as_ref().map_or(0, |test| test.num_slots);
        let activation = self.activate(num_slots, outer)?;
        let node = node.clone();
        let source = iterable.clone();
        let mut iter: Option<Rc<Iter>> = None;
        self.generator(
            iterable,
            Box::new(move |interpreter| {
                let Some(test) = &node.test else {
                    return Ok(None);
                };
                let iter = match &iter {
                    Some(iter) => iter.clone(),
                    None => {
                        interpreter.enter(&test.scope, &activation)?;
                        let begun = interpreter.iter(&source)?;
                        iter = Some(begun.clone());
                        begun
                    }
                };
                while let Some(item) = interpreter.next(&iter)? {
                    interpreter.meter.step()?;
                    interpreter.assign(&test.target, item.clone(), &activation)?;
                    let holds = interpreter.evaluate(&test.condition, &activation)?;
                    if interpreter.is_true(&holds)? {
                        return Ok(Some(item));
                    }
                }
                Ok(None)
            }),
        )
    }

    /// Goes to the next item.
    fn advance(&self, state: &Loop) -> Res<Option<Value>> {
        let ahead = state.after.borrow_mut().take();
        let next = match ahead {
            Some(item) => item,
            None => self.next_of(state)?,
        };
        if let Some(item) = &next {
            state.index0.set(state.index0.get() + 1);
            let current = state.current.borrow_mut().replace(item.clone());
            *state.before.borrow_mut() = current;
        }
        Ok(next)
    }

    fn next_of(&self, state: &Loop) -> Res<Option<Value>> {
        let iter = state.iter.borrow().clone();
        self.next(&iter)
    }

    /// The next item, without going to it.
    fn peek(&self, state: &Loop) -> Res<Option<Value>> {
        if let Some(item) = &*state.after.borrow() {
            return Ok(item.clone());
        }
        let next = self.next_of(state)?;
        // At the end, Jinja asks again each time; the iterator then still has nothing.
        if next.is_some() {
            *state.after.borrow_mut() = Some(next.clone());
        }
        Ok(next)
    }

    pub(super) fn loop_length(&self, state: &Loop) -> Res<usize> {
        if let Some(length) = state.length.get() {
            return Ok(length);
        }
        let length = match self.len(&state.iterable)? {
            Some(length) => length,
            None => {
                let iter = state.iter.borrow().clone();
                let rest = self.drain(&iter)?;
                let ahead = usize::from(state.after.borrow().is_some());
                let length = rest.len() + (state.index0.get() + 1) as usize + ahead;
                let queue = self.queue(&state.iterable, rest)?;
                *state.iter.borrow_mut() = self.iter(&queue)?;
                length
            }
        };
        state.length.set(Some(length));
        Ok(length)
    }

    /// An attribute of the variable `loop`.
    pub(super) fn loop_attribute(&self, state: &Rc<Loop>, name: &str) -> Res<Option<Value>> {
        let index0 = state.index0.get();
        Ok(Some(match name {
            "index" => Value::Int(index0 + 1),
            "index0" => Value::Int(index0),
            "length" => Value::Int(self.loop_length(state)? as i128),
            "revindex" => Value::Int(self.loop_length(state)? as i128 - index0),
            "revindex0" => Value::Int(self.loop_length(state)? as i128 - index0 - 1),
            "first" => Value::Bool(index0 == 0),
            "last" => Value::Bool(self.peek(state)?.is_none()),
            "depth" => Value::Int(state.depth0 as i128 + 1),
            "depth0" => Value::Int(state.depth0 as i128),
            "previtem" => match &*state.before.borrow() {
                Some(item) if index0 != 0 => item.clone(),
                _ => Value::undefined("there is no previous item"),
            },
            "nextitem" => match self.peek(state)? {
                Some(item) => item,
                None => Value::undefined("there is no next item"),
            },
            "cycle" | "changed" => {
                self.meter.make(64)?;
                Value::Method(Rc::new((Value::Loop(state.clone()), name.into())))
            }
            _ => return Ok(None),
        }))
    }

    /// `loop.cycle(...)` and `loop.changed(...)`.
    pub(super) fn loop_method(&self, state: &Loop, name: &str, args: Args) -> Res<Value> {
        if !args.named.is_empty() {
            return failed(format!("{name}() got an unexpected keyword argument"));
        }
        let values = args.positional;
        if name == "cycle" {
            if values.is_empty() {
                return failed("no items for cycling given");
            }
            let at = state.index0.get().max(0) as usize % values.len();
            return Ok(values[at].clone());
        }
        for value in &values {
            Interpreter::containable(value)?;
        }
        let is_same = match &*state.last_changed.borrow() {
            Some(last) => self.equal_items(last, &values)?,
            None => false,
        };
        if !is_same {
            *state.last_changed.borrow_mut() = Some(values);
        }
        Ok(Value::Bool(!is_same))
    }

    /// `loop(items)` of a recursive loop.
    pub(super) fn call_loop(&self, state: &Loop, args: Args) -> Res<Value> {
        let [iterable] = args.bind("loop", ["iterable"])?;
        let Some((node, outer)) = &state.recursion else {
            return failed("the loop must have the 'recursive' marker to be called recursively");
        };
        let iterable = super::call::required(iterable, "loop", "iterable")?;
        let text = self.recurse(node, outer, &iterable, state.depth0 + 1)?;
        self.made_text(text, false)
    }

    /// What printing the variable `loop` gives.
    pub(super) fn loop_text(&self, state: &Loop) -> Res<String> {
        let length = self.loop_length(state)?;
        Ok(format!("<LoopContext {}/{length}>", state.index0.get() + 1))
    }
}
