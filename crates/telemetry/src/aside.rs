//! Files replaced as a whole, and what an earlier run left moved out of the way.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jikji_durable::write_file_beside_with;

use crate::TelemetryError;

/// Ends the name of a file that is not complete. One name a file, since one run writes a folder at a time: what a killed run left
/// under it is overwritten.
pub(crate) const UNFINISHED: &str = ".unfinished";

/// Replaces `path` with what `write` produces, or leaves it as it was.
pub(crate) fn replace(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), TelemetryError> {
    Ok(write_file_beside_with(path, UNFINISHED, write)?)
}

/// Moves a file or folder that an earlier run left at `path` to the first free `path.old-N`; `None` when there
/// was nothing.
pub(crate) fn set_aside(path: &Path) -> Result<Option<PathBuf>, TelemetryError> {
    if fs::symlink_metadata(path).is_err() {
        return Ok(None);
    }
    let mut number = 1_u32;
    let free = loop {
        let candidate = with_suffix(path, &format!(".old-{number}"));
        if fs::symlink_metadata(&candidate).is_err() {
            break candidate;
        }
        number += 1;
    };
    fs::rename(path, &free).map_err(TelemetryError::file("rename", path))?;
    Ok(Some(free))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_replacement_leaves_the_old_file_and_no_litter() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page.html");
        replace(&path, |out| out.write_all(b"old")).unwrap();
        replace(&path, |out| {
            out.write_all(b"half")?;
            Err(std::io::Error::from(std::io::ErrorKind::StorageFull))
        })
        .unwrap_err();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn setting_aside_twice_keeps_both() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        assert_eq!(set_aside(&path).unwrap(), None);
        for content in ["first", "second"] {
            fs::write(&path, content).unwrap();
            set_aside(&path).unwrap().expect("the file exists");
        }
        assert_eq!(
            fs::read(folder.path().join("metrics.jsonl.old-1")).unwrap(),
            b"first"
        );
        assert_eq!(
            fs::read(folder.path().join("metrics.jsonl.old-2")).unwrap(),
            b"second"
        );
    }
}
