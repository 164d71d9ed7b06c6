//! Files replaced as a whole: written beside their place, made durable, renamed over it.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::TelemetryError;

/// Ends the name of a file that is not complete.
const UNFINISHED: &str = ".unfinished";

/// Replaces `path` with what `write` produces, or leaves it as it was.
pub(crate) fn replace(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> Result<(), TelemetryError> {
    let unfinished = with_suffix(path, UNFINISHED);
    let result = (|| {
        let file =
            File::create(&unfinished).map_err(TelemetryError::file("create", &unfinished))?;
        let mut out = BufWriter::new(file);
        write(&mut out)
            .and_then(|()| out.flush())
            .map_err(TelemetryError::file("write", &unfinished))?;
        out.get_ref()
            .sync_all()
            .map_err(TelemetryError::file("sync", &unfinished))?;
        fs::rename(&unfinished, path).map_err(TelemetryError::file("rename", &unfinished))
    })();
    if result.is_err() {
        // Best effort: the next replacement of this file starts it afresh anyway.
        let _ = fs::remove_file(&unfinished);
    }
    result?;
    sync_folder(path)
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

/// Makes the name of `path` durable.
pub(crate) fn sync_folder(path: &Path) -> Result<(), TelemetryError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(TelemetryError::file("sync", folder))
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
