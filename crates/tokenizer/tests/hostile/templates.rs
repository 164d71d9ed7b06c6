//! Chat templates.

mod endless;
mod reach;
mod sources;
mod walks;

use jikji_tokenizer::chat::{ChatError, ChatTemplate, Conversation, RenderOptions};
use serde_json::{Value, json};

use super::{Expected, words};

/// A template, and what must come of rendering two messages with it.
pub(crate) struct TemplateCase {
    pub(crate) name: String,
    pub(crate) source: String,
    pub(crate) expected: Expected,
}

impl TemplateCase {
    pub(crate) fn run(&self) -> Result<(), String> {
        render(&self.source).map(drop).map_err(|error| {
            assert!(error.hint().is_some(), "{error}");
            words(&error)
        })
    }
}

/// All of them.
pub(crate) fn cases() -> Vec<TemplateCase> {
    let groups = [
        endless::cases(),
        walks::cases(),
        reach::cases(),
        sources::cases(),
    ];
    groups.into_iter().flatten().collect()
}

pub(crate) fn conversation() -> Conversation {
    let messages = json!([
        {"role": "system", "content": " 안녕 <b> "},
        {"role": "user", "content": [{"type": "text", "text": "q"}]},
    ]);
    let messages = messages.as_array().unwrap().iter();
    Conversation {
        messages: messages.filter_map(Value::as_object).cloned().collect(),
        tools: None,
    }
}

pub(crate) fn render(source: &str) -> Result<String, ChatError> {
    ChatTemplate::parse(source)?.render(&conversation(), &RenderOptions::default())
}

fn case(name: &str, source: impl Into<String>, expected: Expected) -> TemplateCase {
    TemplateCase {
        name: format!("template: {name}"),
        source: source.into(),
        expected,
    }
}

fn refused(source: &str, part: &str) -> TemplateCase {
    let name: String = source.chars().take(80).collect();
    case(&name, source, Expected::Refused(part.to_owned()))
}

fn either(source: &str) -> TemplateCase {
    let name: String = source.chars().take(80).collect();
    case(&name, source, Expected::Either)
}

fn usable(source: &str) -> TemplateCase {
    let name: String = source.chars().take(80).collect();
    case(&name, source, Expected::Usable)
}
