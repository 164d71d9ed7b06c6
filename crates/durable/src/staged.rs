//! A folder that is built aside and appears under its final name all at once.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::DurableError;
use crate::calls::{create_new, entry_path, parent_of, remove_tree, rename, sync_dir, sync_parent};
use crate::chunked_file::fill_and_sync;
use crate::fault::{self, Operation};
use crate::temporary::Temporary;

/// A folder under a temporary name; [`StagedDir::commit`] gives it its real one, dropping it without that removes it.
#[derive(Debug)]
pub struct StagedDir {
    temporary: Temporary,
    target: PathBuf,
}

impl StagedDir {
    /// Starts a folder that is to become `target`; the parent of `target` must exist.
    ///
    /// # Errors
    /// If the folder cannot be created.
    pub fn create(target: &Path) -> Result<Self, DurableError> {
        let (temporary, ()) = Temporary::create(target, Operation::CreateDir, |path| {
            std::fs::create_dir(path)
        })?;
        Ok(StagedDir {
            temporary,
            target: target.to_path_buf(),
        })
    }

    /// Where the folder lies until it is committed.
    pub fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// Writes one new file into the folder and flushes it. The commit renames the folder, so the file needs no rename of its own.
    ///
    /// # Errors
    /// If the file exists or a call fails.
    pub fn write_file_with(
        &self,
        name: &str,
        body: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), DurableError> {
        let path = self.path().join(name);
        let file = fault::point(Operation::Create, &path)
            .and_then(|()| create_new(&path))
            .map_err(|error| DurableError::new(Operation::Create, &path, error))?;
        fill_and_sync(file, &path, body)
    }

    /// Flushes the folder and gives it its name. A folder that had the name is replaced without a moment in which a reader
    /// finds neither: the two are exchanged, or, where the file system cannot, the old one waits under `name.replaced`.
    ///
    /// # Errors
    /// If a call fails before the new folder has its name; the old one is then still there.
    pub fn commit(mut self) -> Result<PathBuf, DurableError> {
        sync_dir(self.path())?;
        match rename(self.path(), &self.target) {
            Ok(()) => self.temporary.keep(),
            Err(error) if is_occupied(&error.source) => self.replace()?,
            Err(error) => return Err(error),
        }
        sync_parent(&self.target)?;
        Ok(self.target)
    }

    fn replace(&mut self) -> Result<(), DurableError> {
        match exchange(self.path(), &self.target) {
            Ok(()) => {
                // Under the temporary name now lies the old folder: it may go only when the exchange is on the device.
                self.temporary.keep();
                sync_parent(&self.target)?;
                self.temporary.remove_on_drop();
                Ok(())
            }
            Err(error) if cannot_exchange(&error) => {
                self.replace_in_two_steps()?;
                self.temporary.keep();
                Ok(())
            }
            Err(error) => Err(DurableError::new(Operation::Rename, &self.target, error)),
        }
    }

    fn replace_in_two_steps(&self) -> Result<(), DurableError> {
        let waiting = replaced_name(&self.target);
        remove_tree(&waiting)?;
        rename(&self.target, &waiting)?;
        if let Err(error) = rename(self.path(), &self.target) {
            // Put the old one back; if that fails too, readers still find it under its waiting name.
            let _ = rename(&waiting, &self.target);
            return Err(error);
        }
        sync_parent(&self.target)?;
        // The new folder is in place: what cannot be removed here costs disk and is removed with the old checkpoints.
        let _ = remove_tree(&waiting);
        Ok(())
    }
}

/// Where a replaced folder waits on a file system that cannot exchange two names.
pub fn replaced_name(target: &Path) -> PathBuf {
    let mut name = target
        .file_name()
        .map(std::ffi::OsStr::to_os_string)
        .unwrap_or_default();
    name.push(".replaced");
    entry_path(parent_of(target), &name)
}

fn is_occupied(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::DirectoryNotEmpty
            | io::ErrorKind::AlreadyExists
            | io::ErrorKind::NotADirectory
    )
}

fn cannot_exchange(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
    )
}

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    fault::point(Operation::Rename, other)?;
    Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn staged(target: &Path, content: &str) -> StagedDir {
        let staged = StagedDir::create(target).unwrap();
        staged
            .write_file_with("f", |out| out.write_all(content.as_bytes()))
            .unwrap();
        staged
    }

    fn only_entry(dir: &Path) -> PathBuf {
        let mut entries = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let first = entries.next().unwrap();
        assert_eq!(entries.next(), None);
        first
    }

    #[test]
    fn appears_whole_and_replaces_whole() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("step");
        for content in ["one", "two", "three"] {
            let staged = staged(&target, content);
            assert!(staged.path().join("f").exists());
            staged.commit().unwrap();
            assert_eq!(only_entry(dir.path()), target);
            assert_eq!(fs::read_to_string(target.join("f")).unwrap(), content);
        }
    }

    #[test]
    fn replaces_where_names_cannot_be_exchanged() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("step");
        staged(&target, "one").commit().unwrap();
        // Left by an earlier crash between the two renames.
        fs::create_dir(replaced_name(&target)).unwrap();
        let mut two = staged(&target, "two");
        two.replace_in_two_steps().unwrap();
        two.temporary.keep();
        assert_eq!(only_entry(dir.path()), target);
        assert_eq!(fs::read_to_string(target.join("f")).unwrap(), "two");
    }

    #[test]
    fn dropped_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        drop(staged(&dir.path().join("step"), "one"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
