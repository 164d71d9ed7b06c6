//! What can go wrong with a checkpoint, in words that name the file and what was expected.

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
    /// A call that changes the disk failed; what was there before is still there.
    #[error(transparent)]
    Durable(#[from] DurableError),
    /// The disk has too little room for the checkpoint.
    #[error("a checkpoint in `{}` needs {needed} bytes, but {free} are free", dir.display())]
    NoSpace {
        /// The folder of checkpoints.
        dir: PathBuf,
        /// Bytes that the checkpoint takes.
        needed: u64,
        /// Bytes that may still be written there.
        free: u64,
    },
    /// A file or folder cannot be read.
    #[error("failed to read `{}`", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// The manifest is missing, torn, altered or contradicts itself.
    #[error("`{}` is damaged: {problem}", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The checkpoint was written by another version of the format.
    #[error("`{}` has format version {found}, expected {FORMAT_VERSION}", path.display())]
    Version {
        /// The manifest.
        path: PathBuf,
        /// The version it names.
        found: u64,
    },
    /// The folder's name and its manifest disagree about the step.
    #[error("`{}` holds step {found}, expected step {expected} by its name", dir.display())]
    Step {
        /// The checkpoint.
        dir: PathBuf,
        /// The step of its name.
        expected: u64,
        /// The step of its manifest.
        found: u64,
    },
    /// Files differ from what the manifest says about them.
    #[error("`{}` is damaged: {}", dir.display(), list(bad))]
    Damaged {
        /// The checkpoint.
        dir: PathBuf,
        /// Every file that differs.
        bad: Vec<BadFile>,
    },
    /// A snapshot, or a checkpoint that verifies, contradicts itself.
    #[error("state `{kind}` of `{name}` cannot be saved: {problem}")]
    State {
        /// The parameter.
        name: String,
        /// Which of its states.
        kind: StateKind,
        /// What is wrong.
        problem: String,
    },
    /// A file that should go along has a name that cannot be one.
    #[error("`{name}` cannot be the name of a file of a checkpoint: {problem}")]
    FileName {
        /// The name.
        name: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// The run's state is not what its format says.
    #[error("`{}` cannot be read", path.display())]
    Run {
        /// The file.
        path: PathBuf,
        /// Where in the file.
        #[source]
        source: serde_json::Error,
    },
    /// The checkpoint has no such state.
    #[error("`{}` has no state `{kind}` of `{name}`", dir.display())]
    MissingState {
        /// The checkpoint.
        dir: PathBuf,
        /// The parameter.
        name: String,
        /// Which of its states.
        kind: StateKind,
    },
    /// A state has another shape than the model.
    #[error("state `{kind}` of `{name}` in `{}` has shape {got:?}, expected {expected:?}", dir.display())]
    Shape {
        /// The checkpoint.
        dir: PathBuf,
        /// The parameter.
        name: String,
        /// Which of its states.
        kind: StateKind,
        /// The model's shape.
        expected: Vec<usize>,
        /// The checkpoint's shape.
        got: Vec<usize>,
    },
    /// A state has fewer or other elements than the place it is read into.
    #[error("state `{kind}` of `{name}` in `{}` has {got} elements, expected {expected}", dir.display())]
    Length {
        /// The checkpoint.
        dir: PathBuf,
        /// The parameter.
        name: String,
        /// Which of its states.
        kind: StateKind,
        /// Elements wanted.
        expected: usize,
        /// Elements there are.
        got: usize,
    },
    /// The checkpoint has no such file.
    #[error("`{}` has no file `{name}`", dir.display())]
    MissingFile {
        /// The checkpoint.
        dir: PathBuf,
        /// The file's name.
        name: String,
    },
    /// A tensor file cannot be used.
    #[error(transparent)]
    Tensors(#[from] TensorFileError),
    /// The thread that saves ended by a bug of ours, or could not be started.
    #[error("saving step {step} broke off: {message}")]
    Saver {
        /// The step being saved.
        step: u64,
        /// What it said.
        message: String,
    },
}

impl CheckpointError {
    /// The way out, where there is one.
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

/// A file that is not what the manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadFile {
    /// Its name in the checkpoint.
    pub file: String,
    /// How it differs.
    pub problem: FileProblem,
}

/// How a file differs from what the manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileProblem {
    /// It is not there, or is not a regular file.
    Missing,
    /// It has another size, in bytes.
    Size {
        /// By the manifest.
        expected: u64,
        /// On the disk.
        found: u64,
    },
    /// It has another BLAKE3 hash, in hexadecimal digits.
    Hash {
        /// By the manifest.
        expected: String,
        /// Of what is on the disk.
        found: String,
    },
    /// The system cannot read it; its answer.
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
