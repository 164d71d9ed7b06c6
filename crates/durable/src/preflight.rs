//! Whether an output could be written, asked before the work that fills it.
//!
//! The check makes and removes a temporary where the real one will be: that finds missing
//! permissions, read-only file systems and names that are too long, whatever the system calls them.
//! It can pass and the write still fail, as when the disk fills up.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::DurableError;
use crate::calls::{create_new, parent_of};
use crate::fault::Operation;
use crate::output::OutputTarget;
use crate::temporary::Temporary;

/// Checks that [`write_file`](crate::write_file) could write `path`.
///
/// # Errors
/// The error that the write would end with.
pub fn check_file_output(path: &Path) -> Result<(), DurableError> {
    let failed = |error: io::Error| DurableError::new(Operation::Create, path, error);
    let target = match OutputTarget::of(path).map_err(failed)? {
        OutputTarget::File(target) => target,
        // To open a pipe is to wait for its reader.
        OutputTarget::Stream(_) => return Ok(()),
        descriptor @ OutputTarget::Descriptor(_) => {
            let open = descriptor.open_stream().map_err(failed)?;
            let mode = open.map_or(Ok(OFlags::WRONLY), rustix::fs::fcntl_getfl);
            let is_writable = mode.map_err(io::Error::from).map_err(failed)?;
            let is_writable = is_writable.intersects(OFlags::WRONLY | OFlags::RDWR);
            return is_writable
                .then_some(())
                .ok_or_else(|| failed(Errno::BADF.into()));
        }
    };
    if path.as_os_str().is_empty() {
        return Err(failed(Errno::NOENT.into()));
    }
    if let Ok(found) = fs::metadata(&target) {
        if found.is_dir() {
            return Err(failed(Errno::ISDIR.into()));
        }
        if is_mount_point(&target) {
            return Err(failed(Errno::BUSY.into()));
        }
        if belongs_to_another(&target, &found) {
            return Err(failed(Errno::PERM.into()));
        }
    }
    let (temporary, _) = Temporary::create(&target, Operation::Create, create_new)?;
    drop(temporary);
    Ok(())
}

/// Checks that a folder could be made at `path`, and, if one is there, that
/// [`StagedDir`](crate::StagedDir) could replace it or, with `replaces` false, that files could be
/// written into it.
///
/// # Errors
/// The error that the write would end with. A folder that may not be renamed, such as a mount point
/// or the one that this process works in, is `ResourceBusy`.
pub fn check_folder_output(path: &Path, replaces: bool) -> Result<(), DurableError> {
    let failed = |error: io::Error| DurableError::new(Operation::CreateDir, path, error);
    if path.as_os_str().is_empty() {
        return Err(failed(Errno::NOENT.into()));
    }
    let around = match fs::metadata(path) {
        Ok(found) if !found.is_dir() => return Err(failed(Errno::NOTDIR.into())),
        Ok(found) => {
            let real = fs::canonicalize(path).map_err(failed)?;
            if !replaces {
                return probe(&real.join("new"), path);
            }
            let here = std::env::current_dir().and_then(fs::canonicalize);
            if is_mount_point(&real) || here.is_ok_and(|here| here.starts_with(&real)) {
                return Err(failed(Errno::BUSY.into()));
            }
            if belongs_to_another(&real, &found) {
                return Err(failed(Errno::PERM.into()));
            }
            real
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if fs::symlink_metadata(path).is_ok() {
                // A link to nowhere.
                return Err(failed(error));
            }
            first_missing(path).map_err(failed)?
        }
        Err(error) => return Err(failed(error)),
    };
    probe(&around, path)
}

/// Makes and removes a folder beside `target`; an error names `path`.
fn probe(target: &Path, path: &Path) -> Result<(), DurableError> {
    let made = Temporary::create(target, Operation::CreateDir, |path| fs::create_dir(path));
    made.map(drop).map_err(|error| DurableError {
        path: path.to_owned(),
        ..error
    })
}

/// The topmost part of a path that is not there, whose parent is a folder.
fn first_missing(path: &Path) -> io::Result<PathBuf> {
    let mut missing = path;
    loop {
        let parent = parent_of(missing);
        match fs::metadata(parent) {
            Ok(found) if found.is_dir() => return Ok(missing.to_owned()),
            Ok(_) => return Err(Errno::NOTDIR.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing = parent,
            Err(error) => return Err(error),
        }
    }
}

/// In a folder like `/tmp` only the owner of an entry may rename or replace it.
fn belongs_to_another(path: &Path, found: &fs::Metadata) -> bool {
    const STICKY: u32 = 0o1000;
    let us = rustix::process::geteuid().as_raw();
    fs::metadata(parent_of(path)).is_ok_and(|parent| {
        parent.mode() & STICKY != 0 && us != 0 && found.uid() != us && parent.uid() != us
    })
}

/// Whether something is mounted at a path, links followed. Such an entry can be neither renamed nor
/// replaced.
pub fn is_mount_point(path: &Path) -> bool {
    let (Ok(real), Ok(mounts)) = (fs::canonicalize(path), fs::read("/proc/self/mountinfo")) else {
        return false;
    };
    mounts.split(|byte| *byte == b'\n').any(|line| {
        let point = line.split(|byte| *byte == b' ').nth(4);
        point.is_some_and(|point| unescaped(point) == real.as_os_str().as_bytes())
    })
}

/// A path as `mountinfo` writes it: blanks and the like are three octal digits behind a backslash.
fn unescaped(written: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(written.len());
    let mut rest = written;
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..]) => {
                bytes.push((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'));
                rest = tail;
            }
            _ => bytes.push(*first),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_file(path: &Path) -> Result<(), io::ErrorKind> {
        check_file_output(path).map_err(|error| error.source.kind())
    }

    fn of_folder(path: &Path, replaces: bool) -> Result<(), io::ErrorKind> {
        check_folder_output(path, replaces).map_err(|error| error.source.kind())
    }

    #[test]
    fn files_are_checked_and_nothing_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "old").unwrap();
        for (path, expected) in [
            (at("new"), Ok(())),
            (at("file"), Ok(())),
            ("/dev/null".into(), Ok(())),
            ("/dev/stderr".into(), Ok(())),
            (at(""), Err(io::ErrorKind::IsADirectory)),
            (at("no/new"), Err(io::ErrorKind::NotFound)),
            (at("file/new"), Err(io::ErrorKind::NotADirectory)),
            (at(&"긴".repeat(90)), Err(io::ErrorKind::InvalidFilename)),
            ("".into(), Err(io::ErrorKind::NotFound)),
        ] {
            assert_eq!(of_file(&path), expected, "{path:?}");
        }
        assert_eq!(fs::read(at("file")).unwrap(), b"old");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn folders_are_checked_and_nothing_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "old").unwrap();
        fs::create_dir(at("folder")).unwrap();
        std::os::unix::fs::symlink("nowhere", at("link")).unwrap();
        for replaces in [false, true] {
            for (path, expected) in [
                (at("a/b/c"), Ok(())),
                (at("folder"), Ok(())),
                (at("file"), Err(io::ErrorKind::NotADirectory)),
                (at("file/a"), Err(io::ErrorKind::NotADirectory)),
                (at("link"), Err(io::ErrorKind::NotFound)),
            ] {
                assert_eq!(of_folder(&path, replaces), expected, "{path:?}");
            }
        }
        for path in [".", "/", "/proc"] {
            assert_eq!(
                of_folder(Path::new(path), true),
                Err(io::ErrorKind::ResourceBusy),
                "{path}"
            );
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
    }

    #[test]
    fn paths_of_mounts_are_read_back() {
        assert_eq!(unescaped(b"/a\\040b\\134c"), b"/a b\\c");
        assert_eq!(unescaped(b"/x\\9"), b"/x\\9");
        assert!(is_mount_point(Path::new("/")) && !is_mount_point(Path::new("/no such")));
    }
}
