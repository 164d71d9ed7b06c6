//! Functions, filters and tests that transformers adds to Jinja, or that the engine defines differently from Jinja.

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value};

use super::environment::charge;
use super::json::tojson;
use super::methods::{is_python_space, strip};
use super::python_text::{self, unsupported};
use super::source::GENERATION;

/// What `raise_exception` was called with, as the source of the engine's error.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Raised(pub(super) String);

/// Adds everything but `strftime_now`, which depends on the rendering.
pub(super) fn register(environment: &mut Environment<'static>) {
    environment.add_function(
        "raise_exception",
        |message: &Value| -> Result<Value, Error> {
            let message = python_text::str_of(message)?;
            Err(Error::new(ErrorKind::InvalidOperation, message.clone())
                .with_source(Raised(message)))
        },
    );
    environment.add_function(GENERATION, |state: &mut State, options: Kwargs| {
        let body: Value = options.get("caller")?;
        body.call(state, &[])
    });
    environment.remove_global("debug");

    environment.add_filter("tojson", tojson);
    environment.add_filter("string", |value: &Value| python_text::str_of(value));
    environment.add_filter("trim", |value: &Value, chars: Option<&str>| {
        let text = python_text::str_of(value)?;
        Ok::<_, Error>(strip(&text, chars, true, true).to_owned())
    });
    environment.add_filter("join", join);
    environment.add_filter("wordcount", |text: &str| {
        text.split(is_python_space)
            .filter(|word| !word.is_empty())
            .count()
    });

    // By Python's protocols: a string and a mapping have a length and items, and what is undefined has a length.
    environment.add_test("sequence", |value: &Value| {
        matches!(
            value.kind(),
            ValueKind::String
                | ValueKind::Seq
                | ValueKind::Map
                | ValueKind::Iterable
                | ValueKind::Undefined
        )
    });
    environment.add_test("iterable", |value: &Value| {
        matches!(
            value.kind(),
            ValueKind::String
                | ValueKind::Seq
                | ValueKind::Map
                | ValueKind::Iterable
                | ValueKind::Undefined
        )
    });
    // In Python, a truth value is a number, although not an integer to Jinja.
    environment.add_test("number", |value: &Value| {
        matches!(value.kind(), ValueKind::Number | ValueKind::Bool)
    });
    environment.add_test("callable", |value: &Value| match value.kind() {
        ValueKind::Plain => Err(unsupported("the test `callable` of an object")),
        _ => Ok(false),
    });
}

/// Jinja's `join`, with each item as Python's `str` spells it.
fn join(
    state: &State,
    value: &Value,
    separator: Option<&Value>,
    attribute: Option<&Value>,
    options: Kwargs,
) -> Result<String, Error> {
    let keyword = |name| options.get::<Option<Value>>(name);
    let (separator_option, attribute_option) = (keyword("d")?, keyword("attribute")?);
    options.assert_all_used()?;
    let separator = separator.or(separator_option.as_ref());
    let separator = separator.map_or(Ok(String::new()), python_text::str_of)?;
    let attribute = attribute
        .or(attribute_option.as_ref())
        .filter(|name| !name.is_none());
    let mut out = String::new();
    for (index, item) in value.try_iter()?.checked().enumerate() {
        let mut item = item?;
        if let Some(path) = attribute {
            let Some(path) = path.as_str() else {
                return Err(unsupported("`join` with an attribute other than a name"));
            };
            for name in path.split('.') {
                item = item.get_attr(name)?;
            }
        }
        let text = python_text::str_of(&item)?;
        charge(state, text.len() + separator.len())?;
        if index > 0 {
            out.push_str(&separator);
        }
        out.push_str(&text);
    }
    Ok(out)
}
