//! What can go wrong with shards and with batches made of them; every message names the file or the setting, what was
//! expected and what was found, and [`hint`](ShardError::hint) gives the way out.

use std::io;
use std::path::{Path, PathBuf};

use jikji_durable::DurableError;

use crate::split::Split;

/// A shard set could not be written, opened or read.
#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    /// A call to the file system failed.
    #[error("failed to {action} `{path}`")]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The reason the system gave.
        #[source]
        source: io::Error,
    },
    /// A call by which a file is put in its place, whole and durable, failed.
    #[error(transparent)]
    Durable(#[from] DurableError),
    /// The folder has no manifest and no journal: it is not a shard set.
    #[error("no shard set in `{path}`: `manifest.json` is missing")]
    NoManifest {
        /// The folder.
        path: PathBuf,
    },
    /// The folder has a journal but no manifest: the build was interrupted.
    #[error(
        "the shard set in `{path}` is unfinished: it has `journal.jsonl` and no `manifest.json`"
    )]
    Unfinished {
        /// The folder.
        path: PathBuf,
    },
    /// The manifest (or a line of the journal) is not the JSON we write.
    #[error("`{path}` is not a readable shard manifest")]
    ManifestSyntax {
        /// The file.
        path: PathBuf,
        /// Where the reader stopped.
        #[source]
        source: serde_json::Error,
    },
    /// A value in the manifest contradicts the format or another value.
    #[error("field `{field}` in `{path}`: expected `{expected}`, got `{got}`")]
    ManifestField {
        /// The manifest.
        path: PathBuf,
        /// Which field, as a path.
        field: String,
        /// What would be right.
        expected: String,
        /// What stands there.
        got: String,
    },
    /// A file that the manifest names is not there.
    #[error("shard file `{path}` is missing, the manifest expects {expected} bytes")]
    Missing {
        /// The file.
        path: PathBuf,
        /// Its size by the manifest.
        expected: u64,
    },
    /// A file is shorter or longer than the manifest says.
    #[error("shard file `{path}` has {got} bytes, the manifest expects {expected}")]
    Size {
        /// The file.
        path: PathBuf,
        /// Its size by the manifest.
        expected: u64,
        /// Its size on disk.
        got: u64,
    },
    /// A file's content is not what was written.
    #[error(
        "shard file `{path}` was altered: BLAKE3 of its {part} is `{got}`, the manifest expects `{expected}`"
    )]
    Hash {
        /// The file.
        path: PathBuf,
        /// Which part was hashed: `content` or `ends`.
        part: &'static str,
        /// The hash by the manifest.
        expected: String,
        /// The hash of what is on disk.
        got: String,
    },
    /// A document table does not describe its token column.
    #[error("document {document} in `{path}`: `{field}` should be {expected}, got {got}")]
    Table {
        /// The document table.
        path: PathBuf,
        /// Which row, from 0; the number of rows for a sum over all.
        document: u64,
        /// Which column of the table.
        field: &'static str,
        /// What would be right.
        expected: u64,
        /// What stands there.
        got: u64,
    },
    /// A mapped file is shorter than when it was opened, or an index lies outside it.
    #[error("`{path}` ends before {what} {position}")]
    Bounds {
        /// The file.
        path: PathBuf,
        /// What was asked for: `token` or `document`.
        what: &'static str,
        /// Its number in the file, from 0.
        position: u64,
    },
    /// A token column holds an id that the vocabulary does not have.
    #[error("token {position} in `{path}` is `{id}`, `vocab_size` is {vocab_size}")]
    TokenInFile {
        /// The token column.
        path: PathBuf,
        /// Position in the file, in tokens from 0.
        position: u64,
        /// The id found.
        id: u32,
        /// The number of ids there are.
        vocab_size: usize,
    },
    /// A document handed to the builder holds an id that the vocabulary does not have.
    #[error(
        "document {document} of unit `{unit}` holds token id `{id}`, `vocab_size` is {vocab_size}"
    )]
    TokenInDocument {
        /// The unit being written.
        unit: String,
        /// Which document of it, from 0.
        document: u64,
        /// The id found.
        id: u32,
        /// The number of ids there are.
        vocab_size: usize,
    },
    /// A document handed to the builder has no tokens or more than the table can hold.
    #[error(
        "document {document} of unit `{unit}` has {got} tokens, a document has 1 to {}",
        u32::MAX
    )]
    DocumentLength {
        /// The unit being written.
        unit: String,
        /// Which document of it, from 0.
        document: u64,
        /// Its number of tokens.
        got: usize,
    },
    /// The unit's name cannot be a file name.
    #[error(
        "unit name `{unit}` must be 1 to 200 of the characters a-z A-Z 0-9 `_` `-` `.` and not start with `.`"
    )]
    UnitName {
        /// The name given.
        unit: String,
    },
    /// The unit was written before.
    #[error("unit `{unit}` in `{path}` is complete already")]
    UnitComplete {
        /// The shard folder.
        path: PathBuf,
        /// The unit.
        unit: String,
    },
    /// Two units of one source disagree whether it is synthetic.
    #[error("unit `{unit}` says `synthetic = {got}` for source `{name}`, unit `{other}` says `{}`", !got)]
    Synthetic {
        /// The unit being written.
        unit: String,
        /// The source both belong to.
        name: String,
        /// What this unit says.
        got: bool,
        /// The unit written before.
        other: String,
    },
    /// The folder holds a shard set (or the beginning of one) made from other inputs.
    #[error("`{path}` holds shards with `{field} = {got}`, this build has `{expected}`")]
    OtherBuild {
        /// The shard folder.
        path: PathBuf,
        /// The field of the specification that differs.
        field: &'static str,
        /// Its value in this build.
        expected: String,
        /// Its value in the folder.
        got: String,
    },
    /// A specification that no shard set can have.
    #[error("`{field} = {got}` is impossible: expected {expected}")]
    Spec {
        /// The field of the specification.
        field: &'static str,
        /// What is possible.
        expected: String,
        /// The value given.
        got: String,
    },
    /// Another process is writing the folder.
    #[error("another process is building shards in `{path}`")]
    Busy {
        /// The shard folder.
        path: PathBuf,
    },
    /// A build was finished without a single document.
    #[error("no document was written to `{path}`")]
    Empty {
        /// The shard folder.
        path: PathBuf,
    },
}

impl ShardError {
    /// The way out, in one sentence, where there is one.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoManifest { .. } => {
                "name the folder that holds `manifest.json`, or build the shards first"
            }
            Self::Unfinished { .. } => {
                "run the build again: it continues after the last complete unit"
            }
            Self::Missing { .. }
            | Self::Size { .. }
            | Self::Hash { .. }
            | Self::Table { .. }
            | Self::Bounds { .. } => {
                "copy the file again from where it was complete, or delete the folder and build the shards again"
            }
            Self::ManifestSyntax { .. } | Self::ManifestField { .. } => {
                "the manifest is written by the build and not meant to be edited; build the shards again or update the program"
            }
            Self::TokenInFile { .. } | Self::TokenInDocument { .. } => {
                "shards and tokenizer do not belong together: build the shards again with the tokenizer of this run"
            }
            Self::DocumentLength { .. } => {
                "leave out empty documents, or end every document with an end-of-text token"
            }
            Self::UnitName { .. } => "name units by number, such as `00017`",
            Self::UnitComplete { .. } => "ask `is_complete` before writing a unit",
            Self::Synthetic { .. } => "give generated text a source name of its own",
            Self::OtherBuild { .. } => {
                "choose another folder, or delete this one to build it afresh"
            }
            Self::Spec { .. } => "check the tokenizer that the specification was made from",
            Self::Busy { .. } => "wait for the other build to end, or choose another folder",
            Self::Empty { .. } => "check that the corpus has documents left after filtering",
            Self::Io { source, .. } => return way_out(source).map(str::to_owned),
            Self::Durable(error) => match way_out(&error.source) {
                Some(hint) => hint,
                None => return error.hint(),
            },
        };
        Some(hint.to_owned())
    }
}

fn way_out(source: &io::Error) -> Option<&'static str> {
    match source.kind() {
        io::ErrorKind::StorageFull => {
            Some("free some space and run again: complete units are kept")
        }
        io::ErrorKind::PermissionDenied => Some("check the owner and the rights of the folder"),
        _ => None,
    }
}

pub(crate) fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ShardError {
    let path = path.to_owned();
    move |source| ShardError::Io {
        action,
        path,
        source,
    }
}

/// Writing a unit failed: on our side, or because the documents' iterator did.
#[derive(Debug, thiserror::Error)]
pub enum WriteUnitError<E: std::error::Error + 'static> {
    /// The shard could not be written.
    #[error(transparent)]
    Shards(#[from] ShardError),
    /// The iterator gave an error in place of a document; nothing of the unit is kept.
    #[error(transparent)]
    Document(E),
}

impl<E: std::error::Error + 'static> WriteUnitError<E> {
    /// The way out where the shards are at fault; the documents' own error knows its own.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Shards(error) => error.hint(),
            Self::Document(_) => None,
        }
    }
}

/// Batches could not be planned or made.
#[derive(Debug, thiserror::Error)]
pub enum LoaderError {
    /// The shards under the loader failed.
    #[error(transparent)]
    Shards(#[from] ShardError),
    /// A setting has a value that no loader can work with.
    #[error("`{field} = {got}`: expected {expected}")]
    Setting {
        /// The setting's name.
        field: String,
        /// What would be right.
        expected: String,
        /// The value given.
        got: String,
    },
    /// A source is named that the shards do not have.
    #[error("`{field}` names source `{name}`, the shards have {known:?}")]
    UnknownSource {
        /// The setting that names it.
        field: String,
        /// The name given.
        name: String,
        /// The sources there are.
        known: Vec<String>,
    },
    /// A source does not fill one sequence.
    #[error("source `{name}` has {tokens} {split} tokens, one sequence of `seq_len = {seq_len}` needs {}", seq_len + 1)]
    SequenceTooLong {
        /// The source.
        name: String,
        /// Its tokens in this split.
        tokens: u64,
        /// The split read.
        split: Split,
        /// The sequence length asked for.
        seq_len: usize,
    },
    /// No token has a successor that could be predicted from it.
    #[error(
        "nothing to predict in the {split} split of `{path}`: {tokens} tokens in {documents} documents of sources {sources:?}"
    )]
    NothingToPredict {
        /// The shard folder.
        path: PathBuf,
        /// The split read.
        split: Split,
        /// The sources chosen.
        sources: Vec<String>,
        /// Documents found.
        documents: u64,
        /// Tokens found.
        tokens: u64,
    },
    /// A row was asked for beyond the last one.
    #[error("sequence {index} was asked for, the validation set has {len}")]
    OutOfRange {
        /// The index asked for.
        index: usize,
        /// Number of sequences.
        len: usize,
    },
    /// The prefetching thread could not be started.
    #[error("failed to start the thread that prefetches batches")]
    Spawn {
        /// The reason the system gave.
        #[source]
        source: io::Error,
    },
    /// The prefetching thread ended by a panic.
    #[error("the thread that prefetches batches died before step {step}")]
    PrefetchDied {
        /// The first step that was not delivered.
        step: u64,
    },
}

impl LoaderError {
    /// The way out, in one sentence, where there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Shards(error) => error.hint(),
            Self::Setting { .. } | Self::OutOfRange { .. } => None,
            Self::UnknownSource { known, name, .. } => Some(match known.first() {
                Some(first) => format!(
                    "use one of the listed names such as `{first}`, or build shards that include `{name}`"
                ),
                None => "the shards have no sources in this split; build them again".to_owned(),
            }),
            Self::SequenceTooLong { name, tokens, .. } => Some(if *tokens > 1 {
                format!(
                    "set `seq_len` to {} or less, add text to `{name}`, or leave the source out",
                    tokens - 1
                )
            } else {
                format!("add text to `{name}`, or leave the source out")
            }),
            Self::NothingToPredict {
                split: Split::Validation,
                ..
            } => Some(
                "raise the validation fraction or add documents, then build the shards again"
                    .to_owned(),
            ),
            Self::NothingToPredict { .. } => Some(
                "lower the validation fraction or add documents, then build the shards again"
                    .to_owned(),
            ),
            Self::Spawn { .. } => {
                Some("the process may be at its limit of threads (`ulimit -u`)".to_owned())
            }
            Self::PrefetchDied { .. } => {
                Some("this is a bug; the panic message above says where".to_owned())
            }
        }
    }
}
