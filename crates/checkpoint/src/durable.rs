//! The one way in which the workspace writes a file or a folder that must survive a crash.
//!
//! A file is written under a temporary name in its own folder, flushed, renamed over the target, and the folder is flushed: after a
//! power cut the old content or the new content is there, whole. A folder is built aside the same way ([`StagedDir`]). A failed
//! flush is final: the kernel may have dropped the pages, so the temporary is removed and the caller writes again from scratch.
//!
//! Every call that changes the disk passes [`fault::point`], the hook by which the tests kill or fail it.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub mod fault;
mod staged;
mod temporary;

pub use self::fault::Operation;
pub use self::staged::StagedDir;
pub(crate) use self::staged::replaced_name;
use self::temporary::Temporary;
pub(crate) use self::temporary::process_exists;
pub use self::temporary::{is_temporary, sweep_stale};

/// Bytes gathered before they are handed to the file.
const CHUNK_BYTES: usize = 256 * 1024;

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
    pub(crate) fn new(operation: Operation, path: &Path, source: io::Error) -> Self {
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

/// Replaces the content of `path` by `bytes`, durably and in one step.
///
/// # Errors
/// If any call fails; the previous content is then still there and no temporary is left.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), DurableError> {
    write_file_with(path, |out| out.write_all(bytes))
}

/// As [`write_file`], with a body that writes piece by piece; its writes are gathered into chunks.
///
/// # Errors
/// If any call or the body fails; the previous content is then still there and no temporary is left.
pub fn write_file_with(
    path: &Path,
    body: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), DurableError> {
    let (mut temporary, file) = Temporary::create(path, Operation::Create, create_new)?;
    fill_and_sync(file, temporary.path(), body)?;
    rename(temporary.path(), path)?;
    temporary.keep();
    sync_dir(parent_of(path))
}

/// Creates `path` and the folders above it that are missing, each flushed into its parent.
///
/// # Errors
/// If a folder cannot be created or a parent not flushed.
pub fn create_dir_all(path: &Path) -> Result<(), DurableError> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    let parent = parent_of(path);
    create_dir_all(parent)?;
    let created = fault::point(Operation::CreateDir, path).and_then(|()| fs::create_dir(path));
    match created {
        Ok(()) => sync_dir(parent),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(DurableError::new(Operation::CreateDir, path, error)),
    }
}

/// Renames a folder and flushes the parents of both names. A target that exists and is not empty is refused by the system.
///
/// # Errors
/// If the rename or a flush fails.
pub fn rename_dir_durably(from: &Path, to: &Path) -> Result<(), DurableError> {
    rename(from, to)?;
    sync_dir(parent_of(to))?;
    if parent_of(from) != parent_of(to) {
        sync_dir(parent_of(from))?;
    }
    Ok(())
}

/// Removes a folder with what is in it. It is renamed to a temporary name first, so that a half-removed folder is never taken
/// for a whole one.
///
/// # Errors
/// If a call fails; what remains then has a temporary name, which [`sweep_stale`] removes later.
pub fn remove_dir_durably(path: &Path) -> Result<(), DurableError> {
    let mut aside = Temporary::reserve(path);
    rename(path, aside.path())?;
    aside.remove_on_drop();
    sync_dir(parent_of(path))?;
    remove_tree(aside.path())?;
    aside.keep();
    sync_dir(parent_of(path))
}

/// Removes one file and flushes its folder; a file that is already gone is no error.
///
/// # Errors
/// If the file cannot be removed or the folder not flushed.
pub fn remove_file(path: &Path) -> Result<(), DurableError> {
    remove_entry(path, |path| fs::remove_file(path))?;
    sync_dir(parent_of(path))
}

/// Bytes that an ordinary user may still write on the file system of `path`, or of its nearest ancestor that exists.
///
/// # Errors
/// If the file system does not answer.
pub fn free_space(path: &Path) -> Result<u64, DurableError> {
    let mut asked = path;
    loop {
        let existing = if asked.as_os_str().is_empty() {
            Path::new(".")
        } else {
            asked
        };
        match (rustix::fs::statvfs(existing), asked.parent()) {
            (Ok(stat), _) => return Ok(stat.f_bavail.saturating_mul(stat.f_frsize)),
            (Err(rustix::io::Errno::NOENT), Some(parent)) => asked = parent,
            (Err(error), _) => {
                return Err(DurableError::new(Operation::Inspect, path, error.into()));
            }
        }
    }
}

/// A file whose writes are gathered into chunks, each passing the fault hook.
struct ChunkedFile<'a> {
    file: File,
    path: &'a Path,
    pending: Vec<u8>,
}

impl ChunkedFile<'_> {
    fn write_out(&mut self, from_pending: usize) -> io::Result<()> {
        fault::point(Operation::Write, self.path)?;
        self.file.write_all(&self.pending[..from_pending])?;
        self.pending.drain(..from_pending);
        Ok(())
    }
}

impl Write for ChunkedFile<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(CHUNK_BYTES - self.pending.len());
        self.pending.extend_from_slice(&bytes[..taken]);
        if self.pending.len() == CHUNK_BYTES {
            self.write_out(CHUNK_BYTES)?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            Ok(())
        } else {
            self.write_out(self.pending.len())
        }
    }
}

fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Writes the body and flushes it to the device, under the name the file has at the moment.
fn fill_and_sync(
    file: File,
    path: &Path,
    body: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), DurableError> {
    let mut out = ChunkedFile {
        file,
        path,
        pending: Vec::with_capacity(CHUNK_BYTES),
    };
    body(&mut out)
        .and_then(|()| out.flush())
        .map_err(|error| DurableError::new(Operation::Write, path, error))?;
    fault::point(Operation::SyncFile, path)
        .and_then(|()| out.file.sync_all())
        .map_err(|error| DurableError::new(Operation::SyncFile, path, error))
}

fn rename(from: &Path, to: &Path) -> Result<(), DurableError> {
    fault::point(Operation::Rename, to)
        .and_then(|()| fs::rename(from, to))
        .map_err(|error| DurableError::new(Operation::Rename, to, error))
}

fn sync_dir(dir: &Path) -> Result<(), DurableError> {
    let flushed = fault::point(Operation::SyncDir, dir).and_then(|()| File::open(dir)?.sync_all());
    match flushed {
        // Some network file systems cannot flush a folder and say so in this way; there is nothing better to call.
        Err(error) if error.kind() != io::ErrorKind::InvalidInput => {
            Err(DurableError::new(Operation::SyncDir, dir, error))
        }
        _ => Ok(()),
    }
}

/// Removes a file, or a folder with all that is in it, without following links.
fn remove_tree(path: &Path) -> Result<(), DurableError> {
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

fn remove_entry(path: &Path, remove: impl Fn(&Path) -> io::Result<()>) -> Result<(), DurableError> {
    match fault::point(Operation::Remove, path).and_then(|()| remove(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(DurableError::new(Operation::Remove, path, error))
        }
        _ => Ok(()),
    }
}

/// The folder a path lies in; `.` for a bare name.
fn parent_of(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// `dir/name`, but a bare name for the current folder, so that messages show what the caller wrote.
fn entry_path(dir: &Path, name: &OsStr) -> PathBuf {
    if dir == Path::new(".") {
        PathBuf::from(name)
    } else {
        dir.join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn content_is_replaced_and_no_temporary_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("설정.json");
        write_file(&path, b"old").unwrap();
        let long: Vec<u8> = (0..3 * CHUNK_BYTES + 17).map(|i| i as u8).collect();
        write_file_with(&path, |out| {
            long.chunks(1000).try_for_each(|piece| out.write_all(piece))
        })
        .unwrap();
        assert_eq!(fs::read(&path).unwrap(), long);
        assert_eq!(names(dir.path()), ["설정.json"]);
    }

    #[test]
    fn a_failing_body_keeps_the_old_content() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        write_file(&path, b"old").unwrap();
        let error = write_file_with(&path, |out| {
            out.write_all(b"half")?;
            Err(io::ErrorKind::StorageFull.into())
        })
        .unwrap_err();
        assert_eq!(error.operation, Operation::Write);
        assert!(error.hint().unwrap().contains("free space"));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(dir.path()), ["a"]);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let error = write_file(&dir.path().join("no/such"), b"").unwrap_err();
        assert!(error.to_string().contains("no/such.tmp."), "{error}");
        assert_eq!(error.hint().unwrap(), "check that the folder exists");
    }

    #[test]
    fn folders_are_made_renamed_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b/c");
        create_dir_all(&deep).unwrap();
        write_file(&deep.join("f"), b"1").unwrap();
        rename_dir_durably(&dir.path().join("a"), &dir.path().join("z")).unwrap();
        assert_eq!(fs::read(dir.path().join("z/b/c/f")).unwrap(), b"1");
        create_dir_all(&dir.path().join("full/x")).unwrap();
        assert!(rename_dir_durably(&dir.path().join("z"), &dir.path().join("full")).is_err());
        remove_dir_durably(&dir.path().join("z")).unwrap();
        assert_eq!(names(dir.path()), ["full"]);
    }

    #[test]
    fn removal_does_not_follow_links() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("kept")).unwrap();
        fs::write(dir.path().join("kept/f"), b"1").unwrap();
        fs::create_dir(dir.path().join("gone")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("kept"), dir.path().join("gone/link")).unwrap();
        remove_dir_durably(&dir.path().join("gone")).unwrap();
        assert!(dir.path().join("kept/f").exists());
    }

    #[test]
    fn free_space_of_a_path_to_be_made_is_that_of_its_ancestor() {
        let dir = tempfile::tempdir().unwrap();
        assert!(free_space(&dir.path().join("not/yet")).unwrap() > 0);
        assert!(free_space(Path::new("not-yet")).unwrap() > 0);
    }
}
