//! The one error type of this crate: a file that could not be used.

use std::io;
use std::path::{Path, PathBuf};

use jikji_durable::DurableError;

/// Why a log could not be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// A file or folder could not be created, opened, read, written or renamed.
    #[error("failed to {action} `{path}`")]
    File {
        /// What was being done, as a verb: `create`, `read`, `rename`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A call by which a file is replaced, whole and durable, failed.
    #[error(transparent)]
    Durable(#[from] DurableError),
    /// A complete line of a JSON-lines file is not a record of this program.
    #[error("line {line} of `{path}` is not a record: expected {expected}")]
    Line {
        /// The JSON-lines file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// What a line of this file holds.
        expected: &'static str,
        /// What the parser said.
        #[source]
        source: serde_json::Error,
    },
}

impl TelemetryError {
    /// The way out, in one sentence, where there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::File { source, path, .. } => way_out(source, path),
            Self::Durable(error) => way_out(&error.source, &error.path).or_else(|| error.hint()),
            Self::Line { path, line, .. } => Some(format!(
                "delete line {line} of `{}`; the other lines do not depend on it",
                path.display()
            )),
        }
    }

    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File {
            action,
            path,
            source,
        }
    }
}

fn way_out(source: &io::Error, path: &Path) -> Option<String> {
    match source.kind() {
        io::ErrorKind::NotFound => Some(format!(
            "check that `{}` exists and that `run.output` names the folder of the run",
            parent(path).display()
        )),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            Some("choose another `run.output`, or give this user write permission there".to_owned())
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Some("free some space on that disk, or choose another `run.output`".to_owned())
        }
        _ => None,
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}
