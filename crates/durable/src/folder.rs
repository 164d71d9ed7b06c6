//! Folders: made, renamed and removed so that a power cut leaves each of them whole or gone.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

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

/// The folder that one written to `path` would be or replace: the one that a link leads to, and without a slash at its end.
///
/// # Errors
/// A link to nothing, and the current folder or one that holds it: a shell that stands there would be left in a folder that is
/// gone.
pub fn folder_target(path: &Path) -> Result<PathBuf, DurableError> {
    let fail = |source| DurableError::new(Operation::Inspect, path, source);
    let plain: PathBuf = path.components().collect();
    let is_link = fs::symlink_metadata(&plain).is_ok_and(|found| found.is_symlink());
    let target = if is_link || plain.file_name().is_none() {
        fs::canonicalize(&plain).map_err(fail)?
    } else {
        plain
    };
    let current = std::env::current_dir();
    let real = fs::canonicalize(&target);
    if let (Ok(current), Ok(real)) = (current, real)
        && current.starts_with(real)
    {
        let message = "it is the current folder or holds it, and would be replaced";
        return Err(fail(io::Error::new(io::ErrorKind::ResourceBusy, message)));
    }
    Ok(target)
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
    fn a_link_stands_for_the_folder_it_leads_to() {
        let dir = tempfile::tempdir().unwrap();
        let there = dir.path().join("there");
        fs::create_dir(&there).unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("there", &link).unwrap();
        let real = fs::canonicalize(&there).unwrap();
        for name in ["link", "link/", "link/."] {
            assert_eq!(folder_target(&dir.path().join(name)).unwrap(), real);
        }
        assert_eq!(
            folder_target(&dir.path().join("new/")).unwrap(),
            dir.path().join("new")
        );
        std::os::unix::fs::symlink("nowhere", dir.path().join("broken")).unwrap();
        let broken = folder_target(&dir.path().join("broken")).unwrap_err();
        assert_eq!(broken.source.kind(), io::ErrorKind::NotFound);
        for current in [".", "./", ".."] {
            let error = folder_target(Path::new(current)).unwrap_err();
            assert_eq!(error.source.kind(), io::ErrorKind::ResourceBusy);
            assert!(error.hint().unwrap().contains("another"));
        }
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
