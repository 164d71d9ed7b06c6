//! What can go wrong between a conversation and its text.

use std::path::PathBuf;

use crate::TokenizerError;

/// Why a chat template could not be loaded or did not render.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChatError {
    /// A file of the folder could not be read, or has a field that cannot be used.
    #[error(transparent)]
    File(#[from] TokenizerError),
    /// There are several named templates, and none is for plain conversations.
    #[error("`{path}` names the chat templates {names:?}, none of them `default`")]
    NoDefault {
        /// The file.
        path: PathBuf,
        /// The names that are there.
        names: Vec<String>,
    },
    /// A template longer than any that a model needs.
    #[error("the chat template is `{bytes}` bytes long, at most `{limit}` are read")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The longest that is read.
        limit: usize,
    },
    /// The template is not Jinja, or uses a statement that is not supported.
    #[error("chat template, line `{line}`: {reason}")]
    Syntax {
        /// Where, from 1.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
    /// The template means something in Python that cannot be reproduced here.
    #[error("chat template, line `{line}`: {what}")]
    Unsupported {
        /// Where, from 1.
        line: usize,
        /// What the template does, and why it is refused.
        what: String,
    },
    /// The template itself refused the conversation, through `raise_exception`.
    #[error("the chat template refuses this conversation: {message}")]
    Raised {
        /// The template's words.
        message: String,
    },
    /// The template failed on this conversation.
    #[error("the chat template failed in line `{line}`: {reason}")]
    Render {
        /// Where, from 1; 0 where the engine does not know.
        line: usize,
        /// What failed.
        reason: String,
        /// The engine's account of it.
        #[source]
        source: minijinja::Error,
    },
    /// The template takes more steps, memory or output than the conversation can justify.
    #[error("the chat template exceeds the limit of {what} for this conversation")]
    Limit {
        /// Which limit, with its value.
        what: String,
    },
    /// The template engine itself failed.
    #[error("the template engine failed: {reason}")]
    Engine {
        /// Its words.
        reason: String,
    },
    /// There is nothing to render.
    #[error("the conversation has no message")]
    NoMessage,
    /// The template changes its messages in a way that hides where they stand in the text.
    #[error(
        "the chat template alters a message that spells the control token `{token}`, so that its text cannot be told from the template's"
    )]
    Hidden {
        /// A control token that the message spells, in full or in part.
        token: String,
    },
}

impl ChatError {
    /// The way out, in one sentence, where there is one to name.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::File(error) => return error.hint(),
            Self::NoDefault { .. } => "rename the template for plain conversations to `default`",
            Self::TooLong { .. } => {
                "check that chat_template.jinja is a chat template and not another file"
            }
            Self::Syntax { .. } => {
                "copy the template again from where the model was published; it may be cut off or altered"
            }
            Self::Unsupported { .. } => {
                "write that place in another way; the text stays the same for other programs"
            }
            Self::Raised { .. } => {
                "change the messages as the template asks, or use another template"
            }
            Self::Render { .. } => {
                "compare the fields of the messages with those that the template reads in that line"
            }
            Self::Engine { .. } => "report the template; another one renders meanwhile",
            Self::Limit { .. } => {
                "use a template from a source that you trust; this one does not end in reasonable time"
            }
            Self::NoMessage => "give at least one message",
            Self::Hidden { .. } => {
                "remove that spelling from the message, or leave the conversation out"
            }
        };
        Some(hint.to_owned())
    }
}
