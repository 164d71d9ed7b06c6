//! What can go wrong with a tokenizer, in words that name the file and the field.

use std::path::PathBuf;

use jikji_durable::DurableError;

/// Why a tokenizer could not be trained, loaded, saved or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerError {
    /// A setting that no tokenizer can be made from.
    #[error("tokenizer setting `{field}`: expected {expected}, got `{got}`")]
    Config {
        /// Path of the setting inside the tokenizer's table.
        field: String,
        /// What would be accepted.
        expected: &'static str,
        /// What was given.
        got: String,
    },
    /// The vocabulary cannot hold what must be in it.
    #[error(
        "`vocab_size` is `{vocab_size}`, but the special tokens and the 256 bytes alone need `{needed}`"
    )]
    VocabTooSmall {
        /// The size asked for, in tokens.
        vocab_size: usize,
        /// Special, extra and reserved tokens plus 256.
        needed: usize,
    },
    /// Training was given no text, or only empty texts.
    #[error("there is no text to train a tokenizer on")]
    NoText,
    /// A tokenizer that cannot be extended as it was asked for.
    #[error("the tokenizer cannot be extended: {reason}")]
    NotExtendable {
        /// Why.
        reason: String,
    },
    /// A file could not be read.
    #[error("failed to read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error("failed to write `{path}`")]
    Write {
        /// The file.
        path: PathBuf,
        /// Which call failed, with the system's reason.
        #[source]
        source: DurableError,
    },
    /// What training keeps on disk could not be written or read.
    #[error("failed to keep counts in `{folder}`")]
    Scratch {
        /// Where they are kept.
        folder: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// A file is longer than any tokenizer file.
    #[error("`{path}` is `{bytes}` bytes long, at most `{limit}` are read")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
        /// The longest that is read.
        limit: u64,
    },
    /// A file is not JSON, or nests deeper than any tokenizer does.
    #[error("`{path}` is not readable JSON")]
    Json {
        /// The file.
        path: PathBuf,
        /// Where the JSON breaks.
        #[source]
        source: serde_json::Error,
    },
    /// A field of a tokenizer file has a value that cannot be used.
    #[error("`{path}`, field `{field}`: expected {expected}, got {got}")]
    Field {
        /// The file.
        path: PathBuf,
        /// Path of the field, such as `model.merges[3]`.
        field: String,
        /// What would be accepted.
        expected: String,
        /// What stands there, shortened.
        got: String,
    },
    /// The tokenizer library refused a file that passed our own checks.
    #[error("`{path}` was refused by the tokenizer library: {reason}")]
    Refused {
        /// The file.
        path: PathBuf,
        /// The library's words.
        reason: String,
    },
    /// The tokenizer library failed on a text or on ids.
    #[error("failed to {action}: {reason}")]
    Library {
        /// What was being done.
        action: &'static str,
        /// The library's words.
        reason: String,
    },
}

impl TokenizerError {
    /// The way out, in one sentence, where there is one to name.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Config { field, .. } => format!("change `{field}` in the tokenizer's configuration"),
            Self::VocabTooSmall { needed, .. } => {
                format!("set `vocab_size` to more than {needed}, or lower `reserved_tokens`")
            }
            Self::NotExtendable { .. } => return None,
            Self::NoText => "check that the data path holds documents that are not empty after filtering".to_owned(),
            Self::Read { .. } => {
                "give a folder that holds tokenizer.json, or the path of a tokenizer.json, and check its permissions"
                    .to_owned()
            }
            Self::Write { .. } => "check free space and permissions of the folder".to_owned(),
            Self::Scratch { .. } => "free space there, or raise `memory_bytes` so that less is kept on disk".to_owned(),
            Self::TooLarge { .. } => "check that the path names a tokenizer.json and not another file".to_owned(),
            Self::Json { .. } | Self::Refused { .. } => {
                "copy the file again from where it was published; it may be cut off or altered".to_owned()
            }
            Self::Field { field, .. } if field == "model.type" => {
                "only BPE tokenizers (byte-level, or SentencePiece BPE with byte fallback) and Unigram tokenizers are supported".to_owned()
            }
            Self::Field { .. } => {
                "copy the file again from where it was published, or save it anew with the program that made it"
                    .to_owned()
            }
            Self::Library { .. } => "load the tokenizer from the folder where it was published and try again".to_owned(),
        };
        Some(hint)
    }
}
