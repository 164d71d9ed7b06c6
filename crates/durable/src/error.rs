//! The error of every durable call: what was tried, on which path, and what the system answered.

use std::io;
use std::path::{Path, PathBuf};

use crate::fault::Operation;

/// A durable call that failed, with the path it was about.
#[derive(Debug, thiserror::Error)]
#[error("failed to {operation} `{}`", path.display())]
pub struct DurableError {
    /// What was tried.
    pub operation: Operation,
    /// On which file or folder.
    pub path: PathBuf,
    /// What the system answered.
    #[source]
    pub source: io::Error,
}

impl DurableError {
    /// A failure of `operation` on `path`.
    pub fn new(operation: Operation, path: &Path, source: io::Error) -> Self {
        DurableError {
            operation,
            path: path.to_path_buf(),
            source,
        }
    }

    /// The way out, where there is one.
    pub fn hint(&self) -> Option<String> {
        let hint = match self.source.kind() {
            io::ErrorKind::StorageFull => "free space on that disk or write to another one",
            io::ErrorKind::QuotaExceeded => {
                "the user's disk quota is used up: remove files or ask for more"
            }
            io::ErrorKind::ReadOnlyFilesystem => {
                "the file system is mounted read-only: choose another output folder"
            }
            io::ErrorKind::PermissionDenied => {
                "check who owns the folder and whether it may be written"
            }
            io::ErrorKind::NotFound => "check that the folder exists",
            io::ErrorKind::IsADirectory => {
                "a folder stands where a file should be: choose another path"
            }
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
                "a file stands where a folder should be: choose another path"
            }
            _ => match self
                .source
                .raw_os_error()
                .map(rustix::io::Errno::from_raw_os_error)
            {
                Some(rustix::io::Errno::IO) => {
                    "the device reports an error: look at the kernel log and write to another disk"
                }
                Some(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE) => {
                    "too many files are open: raise the limit (ulimit -n)"
                }
                _ => return None,
            },
        };
        Some(hint.to_owned())
    }
}
