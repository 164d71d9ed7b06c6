//! Temporary names beside their target, and who may remove them.
//!
//! A temporary is called `name.tmp.<pid>.<nonce>`. It belongs to the process that made it and to one guard inside it; the guard
//! removes it unless it was renamed into place. What a killed process left behind is recognised by its pid and swept.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::process::{Pid, test_kill_process};

use crate::DurableError;
use crate::calls::{entry_path, parent_of, remove_tree};
use crate::fault::{self, Operation};

/// Nonces of this process's temporaries that are in use. A temporary with our pid that is not here was left by an earlier
/// process with the same pid (usual in containers, where a trainer is pid 1 each time) or by a removal that failed.
static IN_USE: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());
static NEXT_NONCE: AtomicU64 = AtomicU64::new(0);

/// A temporary path that is removed on drop unless [`Temporary::keep`] was called.
#[derive(Debug)]
pub(crate) struct Temporary {
    path: PathBuf,
    nonce: u64,
    remove: bool,
}

impl Temporary {
    /// Reserves a name beside `target` and lets `make` create it exclusively.
    pub(crate) fn create<T>(
        target: &Path,
        operation: Operation,
        make: impl Fn(&Path) -> io::Result<T>,
    ) -> Result<(Self, T), DurableError> {
        loop {
            let mut guard = Temporary::reserve(target);
            let made = fault::point(operation, &guard.path).and_then(|()| make(&guard.path));
            match made {
                Ok(value) => {
                    guard.remove_on_drop();
                    return Ok((guard, value));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(DurableError::new(operation, &guard.path, error)),
            }
        }
    }

    /// A name that nobody has made yet: the target of a rename.
    pub(crate) fn reserve(target: &Path) -> Self {
        let nonce = NEXT_NONCE.fetch_add(1, Ordering::Relaxed);
        IN_USE
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(nonce);
        let mut name = target
            .file_name()
            .map(OsStr::to_os_string)
            .unwrap_or_default();
        name.push(format!(".tmp.{}.{nonce:x}", std::process::id()));
        Temporary {
            path: entry_path(parent_of(target), &name),
            nonce,
            remove: false,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// From here on the path is removed on drop.
    pub(crate) fn remove_on_drop(&mut self) {
        self.remove = true;
    }

    /// The temporary has become its target (or is gone): nothing is left to remove.
    pub(crate) fn keep(&mut self) {
        self.remove = false;
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.remove {
            // A failure here leaves a stray that the next sweep takes; the error that brought us here is the one to report.
            let _ = remove_tree(&self.path);
        }
        IN_USE
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.nonce);
    }
}

/// Whether a file name has the form of a temporary, and so is never a finished file or folder.
pub fn is_temporary(name: &OsStr) -> bool {
    owner(name).is_some()
}

/// Removes the temporaries in `dir` (not below it) whose process is gone; returns what was removed.
///
/// Pids say nothing about another host: call this only for a folder that one host writes, as a run's lock ensures.
///
/// # Errors
/// If the folder cannot be listed or a stale temporary cannot be removed.
pub fn sweep_stale(dir: &Path) -> Result<Vec<PathBuf>, DurableError> {
    let inspect = |error| DurableError::new(Operation::Inspect, dir, error);
    let mut stale: Vec<OsString> = Vec::new();
    for entry in fs::read_dir(dir).map_err(inspect)? {
        let name = entry.map_err(inspect)?.file_name();
        if owner(&name).is_some_and(|(pid, nonce)| is_stale(pid, nonce)) {
            stale.push(name);
        }
    }
    stale.sort();
    let mut removed = Vec::with_capacity(stale.len());
    for name in stale {
        let path = entry_path(dir, &name);
        remove_tree(&path)?;
        removed.push(path);
    }
    Ok(removed)
}

/// Pid and nonce in a temporary's name.
fn owner(name: &OsStr) -> Option<(u32, u64)> {
    let name = name.as_encoded_bytes();
    // Only the tail matters and it is ASCII, so the name before it may be in any encoding.
    let tail_at = name.windows(5).rposition(|window| window == b".tmp.")?;
    let tail = std::str::from_utf8(name.get(tail_at + 5..)?).ok()?;
    let (pid, nonce) = tail.split_once('.')?;
    let digits_only = pid.bytes().all(|byte| byte.is_ascii_digit())
        && nonce.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !digits_only || tail_at == 0 {
        return None;
    }
    Some((pid.parse().ok()?, u64::from_str_radix(nonce, 16).ok()?))
}

fn is_stale(pid: u32, nonce: u64) -> bool {
    if pid == std::process::id() {
        return !IN_USE
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&nonce);
    }
    !process_exists(pid)
}

/// Whether a process with this pid exists on this host (in this pid namespace).
pub fn process_exists(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return false;
    };
    // "Not permitted" is an answer about a process that exists.
    !matches!(test_kill_process(pid), Err(rustix::io::Errno::SRCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_recognised() {
        for (name, expected) in [
            ("manifest.json.tmp.12.3f", Some((12, 0x3f))),
            ("step-00000001.tmp.1.0", Some((1, 0))),
            ("a.tmp.1.0.tmp.2.1", Some((2, 1))),
            (".tmp.1.0", None),
            ("a.tmp", None),
            ("a.tmp.1", None),
            ("a.tmp.x.0", None),
            ("a.tmp.1.", None),
            ("a.tmp.99999999999.0", None),
        ] {
            assert_eq!(owner(OsStr::new(name)), expected, "{name}");
        }
    }

    #[test]
    fn sweep_takes_the_dead_and_leaves_the_living() {
        let dir = tempfile::tempdir().unwrap();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let dead = child.id();
        child.wait().unwrap();
        let ours = Temporary::reserve(&dir.path().join("busy"));
        let parent = rustix::process::getppid().unwrap().as_raw_nonzero();
        fs::write(ours.path(), b"1").unwrap();
        fs::write(dir.path().join(format!("x.tmp.{dead}.0")), b"1").unwrap();
        fs::create_dir_all(dir.path().join(format!("y.tmp.{dead}.1/in"))).unwrap();
        fs::write(dir.path().join(format!("z.tmp.{parent}.1")), b"1").unwrap();
        fs::write(
            dir.path()
                .join(format!("old.tmp.{}.ffffffff", std::process::id())),
            b"1",
        )
        .unwrap();
        fs::write(dir.path().join("kept"), b"1").unwrap();

        let swept = sweep_stale(dir.path()).unwrap();
        assert_eq!(swept.len(), 3, "{swept:?}");
        let mut left: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        let busy = ours.path().file_name().unwrap().to_os_string();
        assert_eq!(
            left,
            [busy, "kept".into(), format!("z.tmp.{parent}.1").into()]
        );
    }
}
