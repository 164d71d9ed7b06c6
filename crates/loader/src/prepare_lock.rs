//! One preparation at a time in a prepared folder: a second run waits, then finds what the first made.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::error::{ShardError, io_error};

const NAME: &str = "prepare.lock";

/// Held while text is prepared; the system frees it with the process.
#[derive(Debug)]
pub(crate) struct PrepareLock {
    /// Absent where nothing can be locked: a folder that may only be read, a file system without
    /// locks.
    held: Option<(File, PathBuf)>,
}

impl PrepareLock {
    /// Waits for the lock; `waiting` is called once if another process holds it.
    pub(crate) fn acquire(dir: &Path, waiting: &mut dyn FnMut()) -> Result<Self, ShardError> {
        fs::create_dir_all(dir).map_err(io_error("create", dir))?;
        let path = dir.join(NAME);
        let mut has_waited = false;
        loop {
            let opened = OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&path);
            let file = match opened {
                Ok(file) => file,
                Err(error) if is_read_only(&error) => return Ok(Self { held: None }),
                Err(error) => return Err(io_error("open", &path)(error)),
            };
            let locked = match file.try_lock() {
                Err(TryLockError::WouldBlock) => {
                    if !std::mem::replace(&mut has_waited, true) {
                        waiting();
                    }
                    file.lock()
                }
                Err(TryLockError::Error(error)) => Err(error),
                Ok(()) => Ok(()),
            };
            match locked {
                // The holder removes the file when it is done, and another may have made a new one.
                Ok(()) if is_still_at(&file, &path) => {
                    let held = Some((file, path));
                    return Ok(Self { held });
                }
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                    return Ok(Self { held: None });
                }
                Err(error) => return Err(io_error("lock", &path)(error)),
            }
        }
    }
}

impl Drop for PrepareLock {
    fn drop(&mut self) {
        if let Some((_, path)) = &self.held {
            // Before the lock is freed. A file that stays is locked again by the next run.
            let _ = fs::remove_file(path);
        }
    }
}

fn is_still_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(ours), Ok(named)) => (ours.dev(), ours.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

fn is_read_only(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
    )
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_second_preparation_waits_for_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let first = PrepareLock::acquire(dir.path(), &mut || panic!("nobody holds it")).unwrap();
        let (says, heard) = channel();
        let path = dir.path().to_owned();
        let second = std::thread::spawn(move || {
            PrepareLock::acquire(&path, &mut || says.send("waiting").unwrap()).unwrap();
            says.send("has it").unwrap();
        });
        assert_eq!(heard.recv().unwrap(), "waiting");
        assert!(heard.recv_timeout(Duration::from_millis(50)).is_err());
        drop(first);
        assert_eq!(heard.recv().unwrap(), "has it");
        second.join().unwrap();
        assert!(!dir.path().join(NAME).exists());
    }
}
