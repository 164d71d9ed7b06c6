//! What the path of an output stands for: a file that is replaced, or a stream that is written to.
//!
//! `/dev/stdout` leads to whatever the shell opened. Replacing that file, or opening it again from
//! its start, would destroy what is in it (`>> log`), so an open descriptor is duplicated: position
//! and append mode are those of the shell.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};

use crate::calls::parent_of;

/// Links followed before a path counts as a loop, as in the kernel.
const MAX_LINKS: usize = 40;

/// What is at the end of a path, links followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputTarget {
    /// A file, there or not yet, under its own path.
    File(PathBuf),
    /// A descriptor of this process, such as 1 for `/dev/stdout`.
    Descriptor(RawFd),
    /// A pipe, a terminal, another device, or a descriptor of another process.
    Stream(PathBuf),
}

impl OutputTarget {
    /// Follows the links of `path`.
    ///
    /// # Errors
    /// A loop of links, or a link that cannot be read.
    pub fn of(path: &Path) -> io::Result<Self> {
        let mut path = path.to_path_buf();
        for _ in 0..MAX_LINKS {
            if let Some(number) = standard_descriptor(&path) {
                return Ok(Self::Descriptor(number));
            }
            let Ok(found) = fs::symlink_metadata(&path) else {
                return Ok(Self::File(path));
            };
            match descriptor_of_process(&path) {
                Some((true, number)) => return Ok(Self::Descriptor(number)),
                None if found.is_symlink() => {
                    let link = fs::read_link(&path)?;
                    path = parent_of(&path).join(link);
                }
                None if found.is_file() || found.is_dir() => return Ok(Self::File(path)),
                Some((false, _)) | None => return Ok(Self::Stream(path)),
            }
        }
        Err(rustix::io::Errno::LOOP.into())
    }

    /// Opens a stream for writing at its end; `None` for a file.
    ///
    /// # Errors
    /// A descriptor that is not open, or a device that refuses to be opened.
    pub(crate) fn open_stream(&self) -> io::Result<Option<File>> {
        match self {
            Self::File(_) => Ok(None),
            Self::Descriptor(number) => Ok(Some(duplicate(*number)?.into())),
            // A regular file that another process holds open is appended to; for pipes and devices
            // it makes no difference.
            Self::Stream(path) => OpenOptions::new().append(true).open(path).map(Some),
        }
    }
}

/// `/dev/stdout` and the like by their names, which mean the same where `/proc` is not mounted.
fn standard_descriptor(path: &Path) -> Option<RawFd> {
    match path.to_str()? {
        "/dev/stdin" => Some(0),
        "/dev/stdout" => Some(1),
        "/dev/stderr" => Some(2),
        path => path.strip_prefix("/dev/fd/")?.parse().ok(),
    }
}

/// The number of an entry of `/proc/<pid>/fd`, and whether that process is this one.
fn descriptor_of_process(path: &Path) -> Option<(bool, RawFd)> {
    let number = path.file_name()?.to_str()?.parse().ok()?;
    let folder = fs::canonicalize(parent_of(path)).ok()?;
    let below = folder.strip_prefix("/proc").ok()?.to_str()?;
    let ([pid, "fd"] | [pid, "task", _, "fd"]) = *below.split('/').collect::<Vec<_>>() else {
        return None;
    };
    // Asked of `/proc` itself, which may count the processes of another namespace.
    let own = fs::read_link("/proc/self").ok()?;
    Some((own.to_str() == Some(pid), number))
}

#[expect(
    unsafe_code,
    reason = "a number that a user names cannot carry a lifetime; it is duplicated at once and not used otherwise"
)]
fn duplicate(number: RawFd) -> io::Result<OwnedFd> {
    match number {
        1 => io::stdout().as_fd().try_clone_to_owned(),
        2 => io::stderr().as_fd().try_clone_to_owned(),
        number if number < 0 => Err(rustix::io::Errno::BADF.into()),
        // SAFETY: `dup` only reads the table of descriptors: it answers EBADF where the number is
        // not open.
        number => unsafe { BorrowedFd::borrow_raw(number) }.try_clone_to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    fn of(path: &str) -> OutputTarget {
        OutputTarget::of(Path::new(path)).unwrap()
    }

    #[test]
    fn descriptors_are_known_under_all_their_names() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("/dev/stdout", &link).unwrap();
        for (path, number) in [
            ("/dev/stdout", 1),
            ("/dev/stderr", 2),
            ("/dev/fd/7", 7),
            ("/proc/self/fd/1", 1),
            ("/proc/thread-self/fd/2", 2),
            ("/dev/../dev/fd/1", 1),
            (link.to_str().unwrap(), 1),
        ] {
            assert_eq!(of(path), OutputTarget::Descriptor(number), "{path}");
        }
        assert!(matches!(of("/dev/null"), OutputTarget::Stream(_)));
        let parent = rustix::process::getppid().unwrap().as_raw_nonzero();
        let of_parent = format!("/proc/{parent}/fd/1");
        if fs::symlink_metadata(&of_parent).is_ok() {
            assert!(matches!(of(&of_parent), OutputTarget::Stream(_)));
        }
    }

    #[test]
    fn links_lead_to_files_that_need_not_exist() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("there", &link).unwrap();
        let there = dir.path().join("there");
        assert_eq!(
            OutputTarget::of(&link).unwrap(),
            OutputTarget::File(there.clone())
        );
        std::os::unix::fs::symlink("link", &there).unwrap();
        assert!(OutputTarget::of(&link).is_err(), "a loop");
    }

    #[test]
    fn a_descriptor_keeps_its_position() {
        use std::io::{Read, Seek, Write};
        let mut shared = tempfile::tempfile().unwrap();
        shared.write_all(b"head ").unwrap();
        let path = format!("/dev/fd/{}", shared.as_raw_fd());
        crate::write_file(Path::new(&path), b"through ").unwrap();
        shared.write_all(b"foot").unwrap();
        shared.rewind().unwrap();
        let mut content = String::new();
        shared.read_to_string(&mut content).unwrap();
        assert_eq!(content, "head through foot");
    }

    #[test]
    fn a_descriptor_that_is_not_open_is_an_error() {
        let error = crate::write_file(Path::new("/dev/fd/987654"), b"").unwrap_err();
        assert_eq!(
            error.to_string(),
            "failed to write `/dev/fd/987654`",
            "{error}"
        );
        assert!(error.hint().unwrap().contains("open for writing"));
    }
}
