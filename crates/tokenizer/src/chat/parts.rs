//! A rendering in parts: what the template wrote, and what came in with the messages.

use std::collections::BTreeSet;

use super::conversation::{Conversation, RenderOptions};
use super::error::ChatError;
use super::marks::{Marks, mark, parsed_tokens, strings};
use super::template::{ChatTemplate, Inputs};

/// A piece of a rendered conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text in which control tokens are control tokens: the template's own, and messages that spell none.
    Template(String),
    /// Text of a message that spells a control token, or a piece of one: ordinary text, whatever it looks like. An empty one
    /// stands where two texts must not join to a control token.
    Content(String),
}

impl Part {
    /// The text, whoever wrote it.
    pub fn text(&self) -> &str {
        match self {
            Self::Template(text) | Self::Content(text) => text,
        }
    }
}

impl ChatTemplate {
    /// The text of a conversation, with every control token that a message spells in a part of its own.
    ///
    /// The parts together are what [`render`](Self::render) gives. `control_tokens` are the tokens to look for:
    /// [`Tokenizer::control_tokens`](crate::Tokenizer::control_tokens). A token is also looked for where it only begins or
    /// ends in a message, so that two messages cannot spell one together. Text that the template builds from pieces of a
    /// message in another way is not seen.
    ///
    /// A template that takes what the assistant said apart at a control token, such as `</think>`, gives that token a meaning
    /// there. Where marking it would change the text, it stays a control token in the assistant's messages, and in no others.
    ///
    /// # Errors
    /// Those of [`render`](Self::render), and a template that alters a message that spells a control token in a way which
    /// hides where the spelling went.
    pub fn render_parts(
        &self,
        conversation: &Conversation,
        options: &RenderOptions,
        control_tokens: &[String],
    ) -> Result<Vec<Part>, ChatError> {
        let inputs = Inputs::new(conversation, options);
        let plain = self.render_inputs(&inputs, options)?;
        let hidden = |token: String| ChatError::Hidden { token };
        let source = self.source(inputs.tools.is_some());
        let texts = strings(&inputs).into_iter();
        let texts = texts.chain([source.as_str(), plain.as_str()]);
        let texts = texts.chain(control_tokens.iter().map(String::as_str));
        let Some(marks) = Marks::absent_from(texts) else {
            // A conversation that has every character of a private-use plane is made to get here.
            return Err(hidden(control_tokens.first().cloned().unwrap_or_default()));
        };
        let parsed = parsed_tokens(&source, control_tokens);
        let mut last = String::new();
        for spared in [&[], parsed.as_slice()] {
            let mut inputs = inputs.clone();
            let Some(marked) = mark(&mut inputs, control_tokens, spared, marks) else {
                return Ok(vec![Part::Template(plain)]);
            };
            match self.render_inputs(&inputs, options) {
                Ok(text) => {
                    let parts = cut(&text, marks, &marked.spellings);
                    if parts.iter().map(Part::text).collect::<String>() == plain {
                        return Ok(parts);
                    }
                }
                Err(limit @ ChatError::Limit { .. }) => return Err(limit),
                Err(_) => {}
            }
            last = marked.token;
        }
        Err(hidden(last))
    }
}

/// Cuts at the marks. A mark that lost its partner, as when a template splits a message at a control token, leaves an empty
/// part: what stands on both sides of it must not join to a token.
fn cut(marked: &str, marks: Marks, spellings: &BTreeSet<String>) -> Vec<Part> {
    let is_mark = |c| c == marks.open || c == marks.close;
    let mut parts = Vec::new();
    let mut rest = marked;
    while let Some(at) = rest.find(is_mark) {
        let (before, from_mark) = rest.split_at(at);
        if !before.is_empty() {
            parts.push(Part::Template(before.to_owned()));
        }
        let mut chars = from_mark.chars();
        let opens = chars.next() == Some(marks.open);
        let behind = chars.as_str();
        let inside = match behind.find(is_mark) {
            Some(end) if opens && behind[end..].starts_with(marks.close) => &behind[..end],
            _ => "",
        };
        let paired = spellings.contains(&inside.to_ascii_lowercase());
        let inside = if paired { inside } else { "" };
        parts.push(Part::Content(inside.to_owned()));
        rest = behind.get(inside.len()..).unwrap_or_default();
        if paired {
            rest = rest.strip_prefix(marks.close).unwrap_or(rest);
        }
    }
    if !rest.is_empty() {
        parts.push(Part::Template(rest.to_owned()));
    }
    parts
}
