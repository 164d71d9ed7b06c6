//! What can go wrong with a text to score or a prompt, in words that name the place.

use std::path::PathBuf;

use jikji_checkpoint::durable::DurableError;
use jikji_interop::InteropError;
use jikji_tokenizer::TokenizerError;

/// Why a model could not be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    /// The model's folder lacks what the question needs.
    #[error(transparent)]
    Folder(#[from] InteropError),
    /// A file could not be read.
    #[error("failed to read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The tokenizer cannot be read, written or used.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// A file could not be written; what was there before is still there.
    #[error(transparent)]
    Durable(#[from] DurableError),
    /// Nothing follows anything.
    #[error("got `{len}` ids, expected at least `2`: the first token has no log-probability")]
    TooShort {
        /// Ids given.
        len: usize,
    },
    /// More ids than the context.
    #[error("got `{len}` ids, but `max_position_embeddings` is `{limit}`")]
    TooLong {
        /// Ids given.
        len: usize,
        /// Longest context in tokens.
        limit: usize,
    },
    /// An id without a row in the embedding.
    #[error(
        "id `{id}` at position `{position}` is outside the vocabulary: `vocab_size` is `{vocab_size}`"
    )]
    OutsideVocabulary {
        /// Index of the id, from 0.
        position: usize,
        /// The id.
        id: u32,
        /// Rows of the embedding.
        vocab_size: usize,
    },
    /// The model computed something that is no number.
    #[error("the model gives no finite log-probability at position `{position}`")]
    NotFinite {
        /// Index of the token that was to be predicted, from 0.
        position: usize,
    },
    /// A line of a file to score.
    #[error("`{}:{line}` cannot be scored", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        source: Box<EvalError>,
    },
    /// A line is not an object with the fields that are read.
    #[error("expected a JSON object with `ids` or `text`")]
    LineFields {
        /// Where the JSON breaks, or what is of another type.
        #[source]
        source: serde_json::Error,
    },
    /// A line has both fields, or neither.
    #[error("expected either `ids` or `text`, got {got}")]
    LineChoice {
        /// `both` or `neither`.
        got: &'static str,
    },
    /// A generation setting that makes no sense.
    #[error("generation setting `{field}`: expected {expected}, got `{got}`")]
    Setting {
        /// The setting.
        field: &'static str,
        /// What would be accepted.
        expected: &'static str,
        /// What was given.
        got: String,
    },
    /// There is nothing to continue.
    #[error("the prompt has no tokens")]
    EmptyPrompt,
    /// The prompt leaves no room for a new token.
    #[error(
        "the prompt has `{len}` tokens, but `max_position_embeddings` is `{limit}`: no room for a new one"
    )]
    PromptTooLong {
        /// Tokens of the prompt.
        len: usize,
        /// Longest context in tokens.
        limit: usize,
    },
}

impl EvalError {
    /// The way out, in one sentence, where there is one to name.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Folder(error) => return error.hint(),
            Self::Read { .. } => "check that the path is right and may be read",
            Self::Tokenizer(error) => return error.hint(),
            Self::Durable(error) => return error.hint(),
            Self::TooShort { .. } => {
                "leave the line out, or put a token that starts documents in front"
            }
            Self::TooLong { .. } => "cut the text into pieces, each within the model's context",
            Self::OutsideVocabulary { .. } => "encode with the tokenizer of this model",
            Self::NotFinite { .. } => {
                "the weights may be damaged or diverged: `jikji model import` names the first one that is no finite number"
            }
            Self::Line { source, .. } => return source.hint(),
            Self::LineFields { .. } | Self::LineChoice { .. } => {
                "each line is one JSON object such as {\"text\": \"안녕\"} or {\"ids\": [1, 5, 7]}"
            }
            Self::Setting { .. } => return None,
            Self::EmptyPrompt => "give a prompt with at least one character or one id",
            Self::PromptTooLong { .. } => "shorten the prompt",
        };
        Some(hint.to_owned())
    }
}
