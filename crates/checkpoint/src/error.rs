//! Errors of checkpoints. Messages name the file, the expected and the actual value.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::durable::DurableError;
use crate::manifest::FORMAT_VERSION;
use crate::shown::shown;
use crate::snapshot::StateKind;
use crate::tensor_file::TensorFileError;

/// A checkpoint could not be written, verified or read.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// A call that changes the disk failed. Existing files are unchanged.
    #[error(transparent)]
    Durable(#[from] DurableError),
    /// The disk has too little free space for the checkpoint.
    #[error("a checkpoint in `{}` needs {needed} bytes, but {free} are free", dir.display())]
    NoSpace {
        /// The folder of checkpoints.
        dir: PathBuf,
        /// Size of the checkpoint in bytes.
        needed: u64,
        /// Free bytes on that disk.
        free: u64,
    },
    /// A file or folder cannot be read.
    #[error("failed to read `{}`", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// The manifest is missing, torn, altered or inconsistent.
    #[error("`{}` is damaged: {problem}", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// The problem.
        problem: String,
    },
    /// The checkpoint has another format version.
    #[error("`{}` has format version {found}, expected {FORMAT_VERSION}", path.display())]
    Version {
        /// The manifest.
        path: PathBuf,
        /// The format version in the manifest.
        found: u64,
    },
    /// The folder name and the manifest have different steps.
    #[error("`{}` holds step {found}, expected step {expected} from its name", dir.display())]
    Step {
        /// The checkpoint.
        dir: PathBuf,
        /// The step in the folder name.
        expected: u64,
        /// The step in the manifest.
        found: u64,
    },
    /// Files do not match the manifest.
    #[error("`{}` is damaged: {}", dir.display(), list(bad))]
    Damaged {
        /// The checkpoint.
        dir: PathBuf,
        /// All files that do not match.
        bad: Vec<BadFile>,
    },
    /// A snapshot has an invalid or duplicate state.
    #[error("state `{kind}` of `{name}` cannot be saved: {problem}")]
    State {
        /// The parameter.
        name: String,
        /// The kind of state.
        kind: StateKind,
        /// The problem.
        problem: String,
    },
    /// An extra file has an invalid name.
    #[error("`{name}` is not a valid file name in a checkpoint: {problem}")]
    FileName {
        /// The name.
        name: String,
        /// The problem.
        problem: &'static str,
    },
    /// `run.json` is not valid.
    #[error("`{}` cannot be read", path.display())]
    Run {
        /// The file.
        path: PathBuf,
        /// The JSON error with its position.
        #[source]
        source: serde_json::Error,
    },
    /// The checkpoint does not contain this state.
    #[error("`{}` has no state `{kind}` of `{name}`", dir.display())]
    MissingState {
        /// The checkpoint.
        dir: PathBuf,
        /// The parameter.
        name: String,
        /// The kind of state.
        kind: StateKind,
    },
    /// The shape of a state differs from the model's.
    #[error("state `{kind}` of `{name}` in `{}` has shape {got:?}, expected {expected:?}", dir.display())]
    Shape {
        /// The checkpoint.
        dir: PathBuf,
        /// The parameter.
        name: String,
        /// The kind of state.
        kind: StateKind,
        /// The model's shape.
        expected: Vec<usize>,
        /// The checkpoint's shape.
        got: Vec<usize>,
    },
    /// The number of elements of a state differs from the length of the buffer.
    #[error("state `{kind}` of `{name}` in `{}` has {got} elements, expected {expected}", dir.display())]
    Length {
        /// The checkpoint.
        dir: PathBuf,
        /// The parameter.
        name: String,
        /// The kind of state.
        kind: StateKind,
        /// Number of elements requested.
        expected: usize,
        /// Number of elements in the checkpoint.
        got: usize,
    },
    /// The checkpoint does not contain this file.
    #[error("`{}` has no file `{name}`", dir.display())]
    MissingFile {
        /// The checkpoint.
        dir: PathBuf,
        /// The name of the file.
        name: String,
    },
    /// A tensor file is not valid.
    #[error(transparent)]
    Tensors(#[from] TensorFileError),
    /// The saver thread panicked or could not be started.
    #[error("saving step {step} failed: {message}")]
    Saver {
        /// The step that was being saved.
        step: u64,
        /// The panic message or the error.
        message: String,
    },
}

impl CheckpointError {
    /// How to fix the problem, if there is a way.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            CheckpointError::Durable(error) => return error.hint(),
            CheckpointError::Tensors(error) => return error.hint(),
            CheckpointError::NoSpace { .. } => {
                "free space on that disk, lower `checkpoint.keep`, or write to another disk"
            }
            CheckpointError::Read { .. } => "check that it exists and may be read",
            CheckpointError::Manifest { .. }
            | CheckpointError::Damaged { .. }
            | CheckpointError::Step { .. }
            | CheckpointError::Run { .. } => {
                "resume from an older checkpoint of the run, or copy this one again from its source"
            }
            CheckpointError::Version { .. } => "use the version of the program that wrote it",
            CheckpointError::MissingState { .. }
            | CheckpointError::Shape { .. }
            | CheckpointError::Length { .. } => {
                "check that the checkpoint and the recipe belong to the same model and optimizer"
            }
            CheckpointError::State { .. }
            | CheckpointError::FileName { .. }
            | CheckpointError::MissingFile { .. }
            | CheckpointError::Saver { .. } => return None,
        };
        Some(hint.to_owned())
    }

    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        CheckpointError::Read {
            path: path.to_path_buf(),
            source,
        }
    }
}

/// A file that does not match the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadFile {
    /// The name of the file.
    pub file: String,
    /// The difference.
    pub problem: FileProblem,
}

/// The difference between a file and its manifest entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileProblem {
    /// The file is missing or is not a regular file.
    Missing,
    /// The size in bytes differs.
    Size {
        /// According to the manifest.
        expected: u64,
        /// Of the file on disk.
        found: u64,
    },
    /// The BLAKE3 hash, in hexadecimal digits, differs.
    Hash {
        /// According to the manifest.
        expected: String,
        /// Of the file on disk.
        found: String,
    },
    /// The file cannot be read; holds the error message.
    Unreadable(String),
}

impl fmt::Display for BadFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ", shown(&self.file))?;
        match &self.problem {
            FileProblem::Missing => f.write_str("is missing"),
            FileProblem::Size { expected, found } => {
                write!(f, "has {found} bytes, expected {expected}")
            }
            FileProblem::Hash { expected, found } => {
                write!(f, "has hash `{found}`, expected `{}`", shown(expected))
            }
            FileProblem::Unreadable(answer) => write!(f, "cannot be read ({answer})"),
        }
    }
}

fn list(bad: &[BadFile]) -> String {
    bad.iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}
