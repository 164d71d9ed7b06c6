//! Macros, and the bodies of call blocks.

use std::rc::Rc;
use std::sync::Arc;

use super::ast::MacroDef;
use super::call::Args;
use super::dict::DictBuilder;
use super::execute::Flow;
use super::fault::{Res, failed};
use super::interpreter::{Activation, Interpreter};
use super::value::{Undefined, Value};

/// A macro with the variables around it.
pub(super) struct Macro {
    pub(super) definition: Arc<MacroDef>,
    activation: Rc<Activation>,
}

impl Interpreter<'_> {
    pub(super) fn macro_value(
        &self,
        definition: &Arc<MacroDef>,
        activation: &Rc<Activation>,
    ) -> Value {
        self.hold(activation);
        Value::Macro(Rc::new(Macro {
            definition: definition.clone(),
            activation: activation.clone(),
        }))
    }

    pub(super) fn call_macro(&self, of: &Macro, args: Args) -> Res<Value> {
        let definition = &*of.definition;
        let function = &definition.function;
        let activation = self.activate(function.num_slots, &of.activation)?;
        let Args {
            mut positional,
            mut named,
        } = args;
        let count = definition.parameters.len();
        let rest = positional.split_off(count.min(positional.len()));
        let mut found_caller = definition.has_explicit_caller;
        let given = positional.len();
        if given < count {
            found_caller = false;
        }
        let mut values: Vec<Option<Value>> = positional.into_iter().map(Some).collect();
        for parameter in &definition.parameters[given..] {
            found_caller |= &*parameter.name == "caller";
            let at = named.iter().position(|(name, _)| **name == *parameter.name);
            values.push(at.map(|at| named.remove(at).1));
        }
        for (parameter, value) in definition.parameters.iter().zip(&values) {
            activation.set(parameter.slot, value.clone());
        }
        if let Some(slot) = definition.caller
            && !found_caller
        {
            let at = named.iter().position(|(name, _)| &**name == "caller");
            let caller = at.map(|at| named.remove(at).1);
            let caller = caller.unwrap_or_else(|| Value::undefined("No caller defined"));
            activation.set_own(slot, Some(caller));
        }
        if let Some(slot) = definition.kwargs {
            let mut dict = DictBuilder::default();
            for (name, value) in named {
                dict.insert(self, Value::text(&name), value)?;
            }
            activation.set_own(slot, Some(dict.finish(self)?));
        } else if let Some((name, _)) = named.first() {
            let has_caller = named.iter().any(|(name, _)| &**name == "caller");
            let name = if has_caller { "caller" } else { &**name };
            return failed(format!("macro takes no keyword argument '{name}'"));
        }
        if let Some(slot) = definition.varargs {
            activation.set_own(slot, Some(self.tuple(rest)?));
        } else if !rest.is_empty() {
            let name = definition.name.as_deref().unwrap_or("None");
            return failed(format!(
                "macro '{name}' takes not more than {count} argument(s)"
            ));
        }
        self.enter(&function.scope, &activation)?;
        let first_default = count - definition.defaults.len();
        for (at, parameter) in definition.parameters.iter().enumerate() {
            if values[at].is_some() {
                continue;
            }
            let value = match at.checked_sub(first_default) {
                Some(at) => self.evaluate(&definition.defaults[at], &activation)?,
                None => Value::Undefined(Rc::new(Undefined::Parameter(Rc::from(&*parameter.name)))),
            };
            activation.set(parameter.slot, Some(value));
        }
        let mut text = String::new();
        let flow = self.body(&function.body, &activation, &mut text)?;
        debug_assert_eq!(flow, Flow::Through);
        self.made_text(text, false)
    }
}
