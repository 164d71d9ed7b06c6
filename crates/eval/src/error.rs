//! What can go wrong with a model folder, a text to score or a prompt, in words that name the file and the field.

use std::path::PathBuf;

use jikji_checkpoint::PublishedError;
use jikji_checkpoint::durable::DurableError;
use jikji_checkpoint::gguf::GgufError;
use jikji_model::ModelError;
use jikji_tokenizer::TokenizerError;

/// Why a model could not be loaded, exported, scored or sampled from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    /// A file could not be read.
    #[error("failed to read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// A file of the model folder is not JSON.
    #[error("`{}` is not a JSON object", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where the JSON breaks.
        #[source]
        source: serde_json::Error,
    },
    /// A key of a JSON file is unknown, missing, or has a value that cannot be used.
    #[error("`{}`, field `{field}`: {reason}", path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// The key.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The keys are readable, but no decoder is like that.
    #[error("`{}` describes no decoder that exists here", path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// Which key.
        #[source]
        source: ModelError,
    },
    /// The tensors cannot be read or written.
    #[error(transparent)]
    Weights(#[from] PublishedError),
    /// The folder has a tensor that the model does not have.
    #[error("`{}` has a tensor `{name}` that a `{model_type}` model does not have", dir.display())]
    UnknownTensor {
        /// The folder.
        dir: PathBuf,
        /// The tensor.
        name: String,
        /// The family.
        model_type: &'static str,
    },
    /// The config ties the output projection to the embedding, the weights do not.
    #[error("`lm_head.weight` in `{}` differs from `{embedding}`, but `tie_word_embeddings` is `true`", dir.display())]
    TiedHeadDiffers {
        /// The folder.
        dir: PathBuf,
        /// The embedding's name.
        embedding: String,
    },
    /// The tokenizer cannot be read, written or used.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// Text was given, and the folder has no tokenizer.
    #[error("`{}` has no `tokenizer.json`, which text needs", dir.display())]
    NoTokenizer {
        /// The folder.
        dir: PathBuf,
    },
    /// The tokenizer has more ids than the embedding has rows.
    #[error("the tokenizer has `{tokens}` tokens, but `vocab_size` is `{vocab_size}`")]
    TokenizerTooLarge {
        /// Ids that the tokenizer may give.
        tokens: usize,
        /// Rows of the embedding.
        vocab_size: usize,
    },
    /// The weights were laid out for another config.
    #[error("the weights to export are not those of this config: parameter `{name}` differs")]
    OtherModel {
        /// The first parameter that differs.
        name: String,
    },
    /// The published form of the family cannot say what this config asks for.
    #[error("`{field}` cannot be exported: published `{model_type}` models have no such setting")]
    NotPublishable {
        /// The key.
        field: &'static str,
        /// The family.
        model_type: &'static str,
    },
    /// llama.cpp would compute or encode something else than this model, or cannot load it.
    #[error("`{field}` cannot be exported to GGUF: {reason}")]
    NoGgufForm {
        /// The key of `config.json`, or of a tokenizer's file.
        field: String,
        /// What llama.cpp does or lacks.
        reason: String,
    },
    /// A GGUF file cannot be written or read.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// An export would delete something that is not a model.
    #[error("`{}` holds `{entry}`, which is no part of a model folder and would be deleted", dir.display())]
    Occupied {
        /// The folder.
        dir: PathBuf,
        /// A file or folder in it.
        entry: String,
    },
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
            Self::Read { .. } => "check that the path is right and may be read",
            Self::Json { .. } => {
                "copy the file again from where it was published; it may be cut off or altered"
            }
            Self::Field { .. } => "correct the key, or remove it if it only steers another program",
            Self::Model { source, .. } => return source.hint(),
            Self::Weights(error) => return error.hint(),
            Self::UnknownTensor { .. } => "check that config.json and the weights belong together",
            Self::TiedHeadDiffers { .. } => {
                "set `tie_word_embeddings` to `false` in config.json to use the head"
            }
            Self::Tokenizer(error) => return error.hint(),
            Self::NoTokenizer { .. } => "put the tokenizer's files into the folder, or give `ids`",
            Self::TokenizerTooLarge { .. } => {
                "raise `vocab_size`, or export with the tokenizer it was trained with"
            }
            Self::OtherModel { .. } => "export with the config that the weights were made from",
            Self::NotPublishable { .. } => {
                "remove the setting, or choose a `model_type` that has it"
            }
            Self::NoGgufForm { .. } => {
                "export as safetensors, which other programs load with every setting"
            }
            Self::Gguf(error) => return error.hint(),
            Self::Occupied { .. } => "export into a new folder, or move what is in this one aside",
            Self::Durable(error) => return error.hint(),
            Self::TooShort { .. } => {
                "leave the line out, or put a token that starts documents in front"
            }
            Self::TooLong { .. } => "cut the text into pieces, each within the model's context",
            Self::OutsideVocabulary { .. } => "encode with the tokenizer of this model",
            Self::NotFinite { .. } => {
                "the weights may be damaged: verify the model folder, or load it in f32"
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
