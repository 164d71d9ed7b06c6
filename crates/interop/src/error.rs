//! What can go wrong with a model folder, in words that name the file and the field.

use std::path::PathBuf;

use jikji_checkpoint::PublishedError;
use jikji_checkpoint::durable::{DurableError, FolderFileError};
use jikji_checkpoint::gguf::GgufError;
use jikji_model::{ConfigJsonError, ModelError};
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
    /// A name in the folder is a link that leads elsewhere, or no file.
    #[error(transparent)]
    File(#[from] FolderFileError),
    /// The folder has no `config.json`.
    #[error("`{}` is no model folder: it has no `config.json`", dir.display())]
    NotAModel {
        /// The folder.
        dir: PathBuf,
    },
    /// A file that is small in every model is not.
    #[error("`{}` has more than the {most} bytes that are read", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Most bytes that are read.
        most: u64,
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
    /// A `config.json` says something that is not supported, or cannot be read.
    #[error("`{}` cannot be used", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// Which key.
        #[source]
        source: ConfigJsonError,
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
    /// The weights belong to another config.
    #[error("the weights are not those of this config: parameter `{name}` differs")]
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
    /// Another family computes something else, or has no such tensors.
    #[error("`{from}` cannot be written as `{to}`: {reason}")]
    NoOtherForm {
        /// The model's family.
        from: &'static str,
        /// The family that was asked for.
        to: &'static str,
        /// What differs.
        reason: String,
    },
    /// A layer to be copied does not exist.
    #[error("the model in `{}` has no layer {layer}: it has {layers}, counted from 0", dir.display())]
    NoSuchLayer {
        /// The folder.
        dir: PathBuf,
        /// The layer that was asked for.
        layer: usize,
        /// How many there are.
        layers: usize,
    },
    /// Models cannot be merged as asked.
    #[error("the models cannot be merged: {problem}")]
    Merge {
        /// Why.
        problem: String,
    },
    /// A number that should have stayed is another one.
    #[error("tensor `{name}` holds `{got}` at element {element}, expected `{expected}` as before")]
    RowChanged {
        /// The tensor.
        name: String,
        /// Index of the element, from 0.
        element: usize,
        /// What it was.
        expected: f32,
        /// What it is.
        got: f32,
    },
    /// A weight would be infinite or no number in what is written.
    #[error(
        "tensor `{name}` holds `{got}` at element {element}, which is no finite number in {number}"
    )]
    DoesNotFit {
        /// The tensor.
        name: String,
        /// Index of the element, from 0.
        element: usize,
        /// What it is.
        got: f32,
        /// The number format to be written.
        number: &'static str,
    },
    /// The output is the folder that is read.
    #[error("`{}` is the model that is read", path.display())]
    IntoItself {
        /// The output.
        path: PathBuf,
    },
    /// The file to be replaced is no GGUF file.
    #[error("`{}` is no GGUF file and would be overwritten", path.display())]
    NotGguf {
        /// The file.
        path: PathBuf,
    },
    /// A tokenizer gives an id another meaning than the weights were trained with.
    #[error("id {id} is `{got}` in this tokenizer and `{expected}` in that of `{}`, whose weights are used", dir.display())]
    OtherTokens {
        /// The folder of the weights.
        dir: PathBuf,
        /// The first id that differs.
        id: u32,
        /// What the folder's tokenizer says.
        expected: String,
        /// What the given one says.
        got: String,
    },
    /// A weight is infinite or not a number.
    #[error("tensor `{name}` in `{}` holds `{got}` at element {element}", dir.display())]
    WeightNotFinite {
        /// The folder.
        dir: PathBuf,
        /// The tensor.
        name: String,
        /// Index of the element, from 0.
        element: usize,
        /// What it is.
        got: f32,
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
            Self::File(error) => return error.hint(),
            Self::NotAModel { .. } => {
                "name the folder that holds config.json, model*.safetensors and tokenizer.json; a run has it in `export`"
            }
            Self::TooLarge { .. } => "copy the file again from where it was published",
            Self::Json { .. } => {
                "copy the file again from where it was published; it may be cut off or altered"
            }
            Self::Field { .. } => "correct the key, or remove it if it only steers another program",
            Self::Config { source, .. } => return source.hint(),
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
            Self::NoOtherForm { .. } => "leave `--as` out: the model is written in its own form",
            Self::NoSuchLayer { .. } => "`jikji model info` says how many layers a model has",
            Self::Merge { .. } => {
                "merge models of one base with the same config and tokenizer; `jikji model merge --help` says what each method takes"
            }
            Self::DoesNotFit { got, .. } if got.is_finite() => {
                "write it in bf16 or f32, which reach further"
            }
            Self::DoesNotFit { .. } => {
                "the weights are damaged or diverged: take an earlier checkpoint, or copy the model again"
            }
            Self::RowChanged { .. } => "check the disk, and write the model again",
            Self::IntoItself { .. } => "name another `--output`",
            Self::NotGguf { .. } => "name another `--output`, or move the file aside",
            Self::OtherTokens { .. } => "set `tokenizer.from` to the folder of `model.from`",
            Self::WeightNotFinite { .. } => {
                "copy the model again from where it was published; it may be damaged"
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
