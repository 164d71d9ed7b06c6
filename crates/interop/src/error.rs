//! What can go wrong with a model folder, in words that name the file and the field.

use std::path::PathBuf;

use jikji_checkpoint::PublishedError;
use jikji_checkpoint::durable::DurableError;
use jikji_checkpoint::gguf::GgufError;
use jikji_model::ModelError;
use jikji_tokenizer::TokenizerError;

/// Why a model folder could not be read, loaded or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InteropError {
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
}

impl InteropError {
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
        };
        Some(hint.to_owned())
    }
}
