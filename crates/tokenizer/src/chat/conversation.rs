//! What a template is given: messages, tools, and the options of one rendering.

use minijinja::Value as JinjaValue;
use serde_json::{Map, Value};

use super::clock::LocalTime;
use super::python_text::float_value;

/// One message: `role`, `content` and whatever else its template reads, such as `tool_calls` or `reasoning_content`.
pub type Message = Map<String, Value>;

/// A conversation, in the form of the chat interfaces that models are served by.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Conversation {
    /// The messages, oldest first.
    pub messages: Vec<Message>,
    /// JSON schemas of the functions that the model may call; absent is not the same as none at all.
    pub tools: Option<Vec<Value>>,
}

/// How one conversation is rendered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RenderOptions {
    /// End with what introduces the assistant's next message.
    pub add_generation_prompt: bool,
    /// Further variables of the template, such as `enable_thinking` or `documents`. They go before everything of the same name.
    pub extra: Map<String, Value>,
    /// What `strftime_now` formats; absent means the moment of rendering, in UTC.
    pub now: Option<LocalTime>,
}

/// The three names under which reasoning is passed, the standard one first.
const REASONING: [&str; 3] = ["reasoning_content", "thinking", "reasoning"];

/// A message as transformers hands it to a template: fields that are null are left out, and reasoning under any of its names
/// is also found under `reasoning_content` and `thinking`.
pub(super) fn normalized(message: &Message) -> Message {
    let mut fields: Message = message
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let reasoning = REASONING.iter().find_map(|name| fields.get(*name)).cloned();
    if let Some(reasoning) = reasoning {
        // In front, where transformers puts it: order shows when a template lists a message's fields.
        let thinking = fields.shift_remove("thinking");
        let thinking = thinking.unwrap_or_else(|| reasoning.clone());
        fields.shift_insert(0, "thinking".to_owned(), thinking);
        fields.insert("reasoning_content".to_owned(), reasoning);
    }
    fields
}

/// A JSON value as the template engine holds it.
pub(super) fn to_jinja(value: &Value) -> JinjaValue {
    match value {
        Value::Null => JinjaValue::from(()),
        Value::Bool(value) => JinjaValue::from(*value),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(value), _) => JinjaValue::from(value),
            (None, Some(value)) => JinjaValue::from(value),
            (None, None) => float_value(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => JinjaValue::from(text.as_str()),
        Value::Array(items) => JinjaValue::from(items.iter().map(to_jinja).collect::<Vec<_>>()),
        Value::Object(fields) => map_to_jinja(fields),
    }
}

/// A JSON object as the template engine holds it, in its own order.
pub(super) fn map_to_jinja(fields: &Map<String, Value>) -> JinjaValue {
    JinjaValue::from_pairs(
        fields
            .iter()
            .map(|(name, value)| (name.as_str(), to_jinja(value))),
    )
}

/// Bytes of all the text in a value: the measure by which a rendering's limits grow.
pub(super) fn text_bytes(value: &Value) -> u64 {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len() as u64 + 8,
        Value::Array(items) => items.iter().map(text_bytes).sum(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| name.len() as u64 + text_bytes(value))
            .sum(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(message: Value, expected: &str) {
        let Value::Object(message) = message else {
            panic!("a message is an object")
        };
        assert_eq!(Value::Object(normalized(&message)).to_string(), expected);
    }

    #[test]
    fn null_fields_are_left_out() {
        check(
            json!({"role": "a", "content": null, "tool_calls": [null]}),
            r#"{"role":"a","tool_calls":[null]}"#,
        );
    }

    #[test]
    fn reasoning_is_found_under_each_name() {
        check(
            json!({"role": "a", "reasoning": "r"}),
            r#"{"thinking":"r","role":"a","reasoning":"r","reasoning_content":"r"}"#,
        );
        check(
            json!({"role": "a", "thinking": "t", "reasoning_content": "c"}),
            r#"{"thinking":"t","role":"a","reasoning_content":"c"}"#,
        );
    }
}
