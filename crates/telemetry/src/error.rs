//! The error type of this crate.

use std::io;
use std::path::{Path, PathBuf};

use jikji_durable::DurableError;

/// A log or report could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// A file or folder could not be created, opened, read, written or renamed.
    #[error("failed to {action} `{path}`")]
    File {
        /// The failed action, as a verb: `create`, `read`, `rename`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// An atomic, durable replacement of a file failed.
    #[error(transparent)]
    Durable(#[from] DurableError),
    /// A complete line of a JSON Lines file is not a valid record.
    #[error("line {line} of `{path}` is not a record: expected {expected}")]
    Line {
        /// The JSON Lines file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// The expected kind of record.
        expected: &'static str,
        /// The error of the parser.
        #[source]
        source: serde_json::Error,
    },
}

impl TelemetryError {
    /// How to fix the problem, in one sentence, if there is a way.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::File { source, path, .. } => way_out(source, path),
            Self::Durable(error) => way_out(&error.source, &error.path).or_else(|| error.hint()),
            Self::Line { path, line, .. } => Some(format!(
                "delete line {line} of `{}`; the other lines are independent of it",
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
        io::ErrorKind::FileTooLarge => Some(
            "raise the limit on the size of files (ulimit -f), or choose another `run.output`"
                .to_owned(),
        ),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Some("free space on that disk, or choose another `run.output`".to_owned())
        }
        _ => None,
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}
