//! Folders: made, renamed and removed so that a power cut leaves each of them whole or gone.

use std::fs;
use std::io;
use std::path::Path;

use crate::DurableError;
use crate::calls::{parent_of, remove_tree, rename, sync_dir, sync_parent};
use crate::fault::{self, Operation};
use crate::temporary::Temporary;

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
    sync_parent(to)?;
    if parent_of(from) != parent_of(to) {
        sync_parent(from)?;
    }
    Ok(())
}

/// Removes a folder with what is in it. It is renamed to a temporary name first, so that a half-removed folder is never taken
/// for a whole one.
///
/// # Errors
/// If a call fails; what remains then has a temporary name, which [`sweep_stale`](crate::sweep_stale) removes later.
pub fn remove_dir_durably(path: &Path) -> Result<(), DurableError> {
    let mut aside = Temporary::reserve(path);
    rename(path, aside.path())?;
    aside.remove_on_drop();
    sync_parent(path)?;
    remove_tree(aside.path())?;
    aside.keep();
    sync_parent(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write_file;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
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
}
