//! Single files, replaced in one step or removed.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crate::DurableError;
use crate::calls::{create_new, remove_entry, rename, sync_parent};
use crate::chunked_file::fill_and_sync;
use crate::fault::Operation;
use crate::temporary::Temporary;

/// Replaces the content of `path` by `bytes`, durably and in one step.
///
/// # Errors
/// If any call fails; the previous content is then still there and no temporary is left.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), DurableError> {
    write_file_with(path, |out| out.write_all(bytes))
}

/// As [`write_file`], with a body that writes piece by piece; its writes are gathered into chunks.
///
/// A link stays a link, and what it points to is replaced. A device or pipe has no content to replace: it is written to.
///
/// # Errors
/// If any call or the body fails; the previous content is then still there and no temporary is left.
pub fn write_file_with(
    path: &Path,
    body: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), DurableError> {
    let inspect = |error| DurableError::new(Operation::Inspect, path, error);
    // Asked through links: `/dev/stdout` points to what has no path of its own.
    if fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        return write_through(path, body);
    }
    let is_link = fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
    let target = if is_link {
        fs::canonicalize(path).map_err(inspect)?
    } else {
        path.to_owned()
    };
    let (mut temporary, file) = Temporary::create(&target, Operation::Create, create_new)?;
    fill_and_sync(file, temporary.path(), body)?;
    rename(temporary.path(), &target)?;
    temporary.keep();
    sync_parent(&target)
}

fn write_through(
    path: &Path,
    body: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), DurableError> {
    let failed = |error| DurableError::new(Operation::Write, path, error);
    let file = fs::OpenOptions::new().write(true).open(path);
    let mut out = io::BufWriter::new(file.map_err(failed)?);
    body(&mut out).and_then(|()| out.flush()).map_err(failed)
}

/// Removes one file and flushes its folder; a file that is already gone is no error.
///
/// # Errors
/// If the file cannot be removed or the folder not flushed.
pub fn remove_file(path: &Path) -> Result<(), DurableError> {
    remove_entry(path, |path| fs::remove_file(path))?;
    sync_parent(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunked_file::CHUNK_BYTES;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn links_and_devices_stay_what_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let (link, target) = (dir.path().join("link"), dir.path().join("there"));
        fs::write(&target, "old").unwrap();
        std::os::unix::fs::symlink("there", &link).unwrap();
        write_file(&link, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&target).unwrap(), b"new");
        assert_eq!(names(dir.path()), ["link", "there"]);

        // A device of our own making needs privileges; a pipe does not.
        let pipe = dir.path().join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RWXU,
            0,
        )
        .unwrap();
        let reader = {
            let pipe = pipe.clone();
            std::thread::spawn(move || fs::read(pipe).unwrap())
        };
        write_file(&pipe, b"through").unwrap();
        assert_eq!(reader.join().unwrap(), b"through");
        assert!(!fs::metadata(&pipe).unwrap().is_file());
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
}
