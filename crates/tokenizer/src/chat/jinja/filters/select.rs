//! Filters that run other filters and tests on each item, as late as Python's generators do.

use std::rc::Rc;

use crate::chat::jinja::call::Args;
use crate::chat::jinja::fault::{Res, failed};
use crate::chat::jinja::interpreter::Interpreter;
use crate::chat::jinja::iterate::Iter;
use crate::chat::jinja::predicates;
use crate::chat::jinja::value::Value;

use super::{follow, path};

/// A generator over the items of `value`; `each` gives what becomes of one, or nothing.
fn lazily(
    interpreter: &Interpreter,
    value: &Value,
    args: &Args,
    mut each: impl FnMut(&Interpreter, Value) -> Res<Option<Value>> + 'static,
) -> Res<Value> {
    let given = args.positional.iter();
    let given = given.chain(args.named.iter().map(|(_, value)| value));
    let mut of = value;
    for argument in given {
        Interpreter::containable(argument)?;
        if argument.depth() > of.depth() {
            of = argument;
        }
    }
    let source = value.clone();
    let mut iter: Option<Rc<Iter>> = None;
    interpreter.generator(
        of,
        Box::new(move |interpreter| {
            let running = match &iter {
                Some(running) => running.clone(),
                None if !interpreter.is_true(&source)? => return Ok(None),
                None => interpreter.iter(&source)?,
            };
            iter = Some(running.clone());
            while let Some(item) = interpreter.next(&running)? {
                interpreter.meter.step()?;
                if let Some(result) = each(interpreter, item)? {
                    return Ok(Some(result));
                }
            }
            Ok(None)
        }),
    )
}

pub(super) fn map(interpreter: &Interpreter, value: &Value, args: Args) -> Res<Value> {
    let given = args.clone();
    lazily(interpreter, value, &args, move |interpreter, item| {
        let Some(name) = given.positional.first() else {
            let named = |name: &str| {
                let found = given.named.iter().find(|(known, _)| &**known == name);
                found.map(|(_, value)| value)
            };
            let Some(attribute) = named("attribute") else {
                return failed("map requires a filter argument");
            };
            let is_known = |name: &str| matches!(name, "attribute" | "default");
            if let Some((name, _)) = given.named.iter().find(|(name, _)| !is_known(name)) {
                return failed(format!("Unexpected keyword argument '{name}'"));
            }
            let default = named("default").filter(|default| !matches!(default, Value::None));
            let found = follow(interpreter, &item, &path(Some(attribute)), default)?;
            return Ok(Some(found));
        };
        let args = Args {
            positional: given.positional[1..].to_vec(),
            named: given.named.clone(),
        };
        let Some(name) = name.as_str() else {
            return failed("no filter of a name that is no text");
        };
        super::apply(interpreter, name, &item, args).map(Some)
    })
}

/// `select`, `reject`, and with `by_attribute` those that look at an attribute.
pub(super) fn select(
    interpreter: &Interpreter,
    value: &Value,
    args: Args,
    by_attribute: bool,
    keeps: bool,
) -> Res<Value> {
    let given = args.clone();
    lazily(interpreter, value, &args, move |interpreter, item| {
        let mut rest = &given.positional[..];
        let mut subject = item.clone();
        if by_attribute {
            let Some((attribute, behind)) = rest.split_first() else {
                return failed("Missing parameter for attribute name");
            };
            subject = follow(interpreter, &item, &path(Some(attribute)), None)?;
            rest = behind;
        }
        let holds = match rest.split_first() {
            None => interpreter.is_true(&subject)?,
            Some((name, rest)) => {
                let Some(name) = name.as_str() else {
                    return failed("no test of a name that is no text");
                };
                let args = Args {
                    positional: rest.to_vec(),
                    named: given.named.clone(),
                };
                predicates::apply(interpreter, name, &subject, args)?
            }
        };
        Ok((holds == keeps).then_some(item))
    })
}
