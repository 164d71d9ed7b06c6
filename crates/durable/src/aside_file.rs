//! A file written piece by piece under a fixed name beside its own.
//!
//! For folders in which something else (a journal's lock, a run's lock) allows one writer at a time: what a killed process left under
//! the name is overwritten by the next one, so nobody has to sweep.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::DurableError;
use crate::calls::{remove_entry, rename, sync_parent};
use crate::chunked_file::ChunkedFile;
use crate::fault::{self, Operation};

/// A file in the making; dropped before it has its name, it is removed. Its writes are gathered into chunks.
///
/// [`commit`](Self::commit) is the whole way. Where several files must all be on the device before the first of them appears, go
/// by [`sync`](Self::sync) and [`SyncedFile::publish`], and end with one [`sync_dir`](crate::sync_dir).
#[derive(Debug)]
pub struct AsideFile {
    out: ChunkedFile,
    name: AsideName,
}

impl AsideFile {
    /// Starts a file that is to become `target`, under that name with `suffix` at its end; a file of this name is overwritten.
    ///
    /// # Errors
    /// If the file cannot be created.
    pub fn create(target: &Path, suffix: &str) -> Result<Self, DurableError> {
        let mut aside = target.as_os_str().to_owned();
        aside.push(suffix);
        let aside = PathBuf::from(aside);
        let file = fault::point(Operation::Create, &aside)
            .and_then(|()| File::create(&aside))
            .map_err(|error| DurableError::new(Operation::Create, &aside, error))?;
        Ok(AsideFile {
            out: ChunkedFile::new(file, &aside),
            name: AsideName {
                aside: Some(aside),
                target: target.to_path_buf(),
            },
        })
    }

    /// Where the file lies until it has its name.
    pub fn path(&self) -> &Path {
        self.out.path()
    }

    /// Flushes the content to the device; the file does not have its name yet.
    ///
    /// # Errors
    /// If a write or the flush fails; nothing is left then.
    pub fn sync(mut self) -> Result<SyncedFile, DurableError> {
        self.out.sync()?;
        Ok(SyncedFile { name: self.name })
    }

    /// Makes the file appear under its name, whole and durable.
    ///
    /// # Errors
    /// If a call fails; before the rename, the previous content is then still there.
    pub fn commit(self) -> Result<(), DurableError> {
        let target = self.sync()?.publish()?;
        sync_parent(&target)
    }
}

impl Write for AsideFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A file whose content is on the device and that lacks only its name; dropped without it, it is removed.
#[derive(Debug)]
pub struct SyncedFile {
    name: AsideName,
}

impl SyncedFile {
    /// Gives the file its name and returns it. The name is durable after [`sync_dir`](crate::sync_dir) on its folder.
    ///
    /// # Errors
    /// If the rename fails; nothing is left then.
    pub fn publish(mut self) -> Result<PathBuf, DurableError> {
        if let Some(aside) = &self.name.aside {
            rename(aside, &self.name.target)?;
        }
        self.name.aside = None;
        Ok(std::mem::take(&mut self.name.target))
    }
}

/// Replaces the content of `path` by `bytes`, as [`write_file`](crate::write_file) does but by way of an [`AsideFile`].
///
/// # Errors
/// If any call fails; before the rename, the previous content is then still there.
pub fn write_file_beside(path: &Path, suffix: &str, bytes: &[u8]) -> Result<(), DurableError> {
    write_file_beside_with(path, suffix, |out| out.write_all(bytes))
}

/// As [`write_file_beside`], with a body that writes piece by piece.
///
/// # Errors
/// If any call or the body fails; before the rename, the previous content is then still there.
pub fn write_file_beside_with(
    path: &Path,
    suffix: &str,
    body: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), DurableError> {
    let mut file = AsideFile::create(path, suffix)?;
    body(&mut file).map_err(|error| DurableError::new(Operation::Write, file.path(), error))?;
    file.commit()
}

/// The two names of a file; the first is gone once the file has the second.
#[derive(Debug)]
struct AsideName {
    aside: Option<PathBuf>,
    target: PathBuf,
}

impl Drop for AsideName {
    fn drop(&mut self) {
        if let Some(aside) = &self.aside {
            // Nothing depends on it: the next writer of this file overwrites what stays.
            let _ = remove_entry(aside, |path| fs::remove_file(path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(dir: &Path) -> Vec<(String, Vec<u8>)> {
        let mut entries: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| {
                let name = entry.file_name().into_string().unwrap();
                (name, fs::read(entry.path()).unwrap())
            })
            .collect();
        entries.sort();
        entries
    }

    fn entry(name: &str, content: &[u8]) -> (String, Vec<u8>) {
        (name.to_owned(), content.to_vec())
    }

    #[test]
    fn what_a_killed_writer_left_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("부분.json");
        fs::write(
            dir.path().join("부분.json.part"),
            b"longer than what follows",
        )
        .unwrap();
        write_file_beside(&path, ".part", b"whole").unwrap();
        assert_eq!(entries(dir.path()), [entry("부분.json", b"whole")]);
    }

    #[test]
    fn a_failing_body_keeps_the_old_content_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        write_file_beside(&path, ".part", b"old").unwrap();
        let error = write_file_beside_with(&path, ".part", |out| {
            out.write_all(b"half")?;
            Err(io::ErrorKind::StorageFull.into())
        })
        .unwrap_err();
        assert_eq!(error.operation, Operation::Write);
        assert!(error.path.ends_with("a.part"), "{error}");
        assert_eq!(entries(dir.path()), [entry("a", b"old")]);
    }

    #[test]
    fn files_appear_one_by_one_after_all_are_flushed() {
        let dir = tempfile::tempdir().unwrap();
        let synced = ["a", "b"].map(|name| {
            let mut file = AsideFile::create(&dir.path().join(name), ".part").unwrap();
            file.write_all(name.as_bytes()).unwrap();
            file.sync().unwrap()
        });
        let both_aside = [entry("a.part", b"a"), entry("b.part", b"b")];
        assert_eq!(entries(dir.path()), both_aside);
        let [a, b] = synced;
        assert_eq!(a.publish().unwrap(), dir.path().join("a"));
        drop(b);
        assert_eq!(entries(dir.path()), [entry("a", b"a")]);
    }
}
