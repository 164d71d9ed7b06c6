//! Chat templates: a conversation as the text that a model was trained on.
//!
//! Published models carry a Jinja template; transformers runs it in Python. [`ChatTemplate`] runs the same template, gives the
//! same text byte for byte, and where it cannot, says so instead of giving another text. A template is somebody else's
//! program: it sees the conversation and nothing else, and its steps, its memory and its output are bounded.
//!
//! [`ChatTemplate::render_parts`] keeps apart what the template wrote and what came in with the messages, so that a message
//! which spells a control token is encoded as the text it is ([`Tokenizer::encode_parts`](crate::Tokenizer::encode_parts)).

mod clock;
mod conversation;
mod error;

mod lexical;
mod literals;
mod names;
mod source;
mod template;

mod builtins;
mod containers;
mod counted;
mod dict_view;
mod environment;
mod json;
mod methods;
mod python_text;

mod marks;
mod parts;

pub use clock::LocalTime;
pub use conversation::{Conversation, Message, RenderOptions};
pub use error::ChatError;
pub use parts::Part;
pub use template::ChatTemplate;
