//! The single calls on names in a folder, each passing the fault hook and naming its path when it fails.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::DurableError;
use crate::fault::{self, Operation};

/// Flushes the entries of a folder: which names it has, and what they stand for.
///
/// # Errors
/// If the folder cannot be opened or flushed.
pub fn sync_dir(dir: &Path) -> Result<(), DurableError> {
    let flushed = fault::point(Operation::SyncDir, dir).and_then(|()| File::open(dir)?.sync_all());
    match flushed {
        // Some network file systems cannot flush a folder and say so in this way; there is nothing better to call.
        Err(error) if error.kind() != io::ErrorKind::InvalidInput => {
            Err(DurableError::new(Operation::SyncDir, dir, error))
        }
        _ => Ok(()),
    }
}

/// Makes the name of a file or folder durable: [`sync_dir`] on the folder it lies in.
///
/// # Errors
/// As [`sync_dir`].
pub fn sync_parent(path: &Path) -> Result<(), DurableError> {
    sync_dir(parent_of(path))
}

pub(crate) fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), DurableError> {
    fault::point(Operation::Rename, to)
        .and_then(|()| fs::rename(from, to))
        .map_err(|error| DurableError::new(Operation::Rename, to, error))
}

/// Removes a file, or a folder with all that is in it, without following links.
pub(crate) fn remove_tree(path: &Path) -> Result<(), DurableError> {
    let inspect = |error| DurableError::new(Operation::Inspect, path, error);
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => return remove_entry(path, |path| fs::remove_file(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(inspect(error)),
    }
    let mut names = fs::read_dir(path)
        .and_then(|entries| {
            entries
                .map(|entry| entry.map(|entry| entry.file_name()))
                .collect::<io::Result<Vec<_>>>()
        })
        .map_err(inspect)?;
    names.sort();
    for name in names {
        remove_tree(&entry_path(path, &name))?;
    }
    remove_entry(path, |path| fs::remove_dir(path))
}

pub(crate) fn remove_entry(
    path: &Path,
    remove: impl Fn(&Path) -> io::Result<()>,
) -> Result<(), DurableError> {
    match fault::point(Operation::Remove, path).and_then(|()| remove(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(DurableError::new(Operation::Remove, path, error))
        }
        _ => Ok(()),
    }
}

/// The folder a path lies in; `.` for a bare name.
pub(crate) fn parent_of(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// `dir/name`, but a bare name for the current folder, so that messages show what the caller wrote.
pub(crate) fn entry_path(dir: &Path, name: &OsStr) -> PathBuf {
    if dir == Path::new(".") {
        PathBuf::from(name)
    } else {
        dir.join(name)
    }
}
