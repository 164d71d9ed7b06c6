//! One trainer per run folder: the file `lock`.
//!
//! The holder keeps the kernel's advisory lock on the file for its life, so a crash frees it whatever is written there. The JSON in
//! the file (host, pid, start time, boot id) says who holds it, and decides where the kernel's lock does not reach: another
//! host, or a file system without such locks.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

mod holder;

pub use self::holder::Holder;
use self::holder::started;
use crate::durable::process_exists;

/// A lock file is a few hundred bytes; a longer one is not ours.
const MAX_LOCK_BYTES: u64 = 64 * 1024;
/// A holder writes its name right after it got the lock; a reader that comes in between looks again this often.
const READ_ATTEMPTS: u32 = 20;
const READ_PAUSE: Duration = Duration::from_millis(5);
/// Each retry means that another trainer took and removed the lock in between.
const ACQUIRE_ATTEMPTS: u32 = 100;

/// Why a lock that was found is nobody's any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StaleReason {
    /// The process is gone.
    ProcessGone,
    /// The pid belongs to another process by now.
    PidReused,
    /// The host was started anew since.
    Rebooted,
    /// The file does not say who held it (a crash while it was written), and nobody holds the kernel's lock.
    Unreadable,
}

/// A lock that was found and replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaleLock {
    /// Who held it, if the file said so.
    pub holder: Option<Holder>,
    /// How we know that the holder is gone.
    pub reason: StaleReason,
}

impl std::fmt::Display for StaleLock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let why = match self.reason {
            StaleReason::ProcessGone => "which is gone",
            StaleReason::PidReused => "whose pid belongs to another process by now",
            StaleReason::Rebooted => "before the host was restarted",
            StaleReason::Unreadable => "which did not finish writing it",
        };
        match &self.holder {
            Some(holder) => {
                write!(
                    f,
                    "replaced the lock of process {} on `{}` since {}, {why}",
                    holder.pid, holder.host, holder.since
                )
            }
            None => write!(f, "replaced the lock of an unnamed process, {why}"),
        }
    }
}

/// Why a run folder could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// A live process holds it.
    #[error("`{}` is in use by process {} on host `{}` since {}", path.display(), holder.pid, holder.host, holder.since)]
    Held {
        /// The lock file.
        path: PathBuf,
        /// Who holds it.
        holder: Box<Holder>,
    },
    /// A live process holds it, but the file does not say which.
    #[error("`{}` is in use by a process that has not written its name", path.display())]
    HeldByUnknown {
        /// The lock file.
        path: PathBuf,
    },
    /// Another host left it; from here nobody can tell whether that process lives.
    #[error("`{}` was left by process {} on another host, `{}`, since {}", path.display(), holder.pid, holder.host, holder.since)]
    OtherHost {
        /// The lock file.
        path: PathBuf,
        /// Who holds or held it.
        holder: Box<Holder>,
    },
    /// The file could not be opened, locked, read or written.
    #[error("failed to lock `{}`", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
}

impl LockError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            LockError::Held { .. } | LockError::HeldByUnknown { .. } => {
                "wait for that process or stop it, or choose another `run.output`".to_owned()
            }
            LockError::OtherHost { path, holder } => format!(
                "if process {} no longer runs on `{}`, remove the lock: rm '{}'",
                holder.pid,
                holder.host,
                path.display()
            ),
            LockError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "free space on that disk".to_owned()
            }
            LockError::Io { .. } => {
                "check that the run folder exists and may be written".to_owned()
            }
        })
    }
}

/// The right to write a run folder; given back on drop.
#[derive(Debug)]
pub struct RunLock {
    path: PathBuf,
    /// Closing it frees the kernel's lock.
    _file: File,
}

impl RunLock {
    /// Takes the lock of `run_dir`, which must exist. Returns also the stale lock that was replaced, if there was one, so that the
    /// caller can say so.
    ///
    /// # Errors
    /// If a live process holds it, another host left it, or the file cannot be used.
    pub fn acquire(run_dir: &Path) -> Result<(RunLock, Option<StaleLock>), LockError> {
        let path = run_dir.join("lock");
        let us = Holder::this_process();
        for _ in 0..ACQUIRE_ATTEMPTS {
            if let Some((file, stale)) = try_acquire(&path, &us)? {
                return Ok((RunLock { path, _file: file }, stale));
            }
        }
        Err(LockError::HeldByUnknown { path })
    }

    /// The lock file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for RunLock {
    fn drop(&mut self) {
        // While the kernel's lock is still held, so nobody else's file can be removed. A failure leaves a stale lock, which the
        // next trainer recognises.
        let _ = fs::remove_file(&self.path);
    }
}

/// One attempt; `None` if the file was removed by its holder while we waited at the door.
fn try_acquire(path: &Path, us: &Holder) -> Result<Option<(File, Option<StaleLock>)>, LockError> {
    let io_error = |source| LockError::Io {
        path: path.to_path_buf(),
        source,
    };
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(io_error)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return refuse(&mut file, path).map(|()| None),
        // Without kernel locks the JSON alone decides.
        Err(TryLockError::Error(error)) if has_no_locks(&error) => {}
        Err(TryLockError::Error(error)) => return Err(io_error(error)),
    }
    if !is_still_at(&file, path).map_err(io_error)? {
        return Ok(None);
    }
    let found = read(&mut file).map_err(io_error)?;
    let stale = judge(found, us, path)?;
    write_holder(&mut file, us).map_err(io_error)?;
    Ok(Some((file, stale)))
}

/// Whether the file system knows no locks at all, as some network mounts.
fn has_no_locks(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported
        || error.raw_os_error() == Some(rustix::io::Errno::NOLCK.raw_os_error())
}

/// The answer to a lock that the kernel says is held. `Ok` if it was freed meanwhile.
fn refuse(file: &mut File, path: &Path) -> Result<(), LockError> {
    let io_error = |source| LockError::Io {
        path: path.to_path_buf(),
        source,
    };
    for _ in 0..READ_ATTEMPTS {
        if let Found::Holder(holder) = read(file).map_err(io_error)? {
            return Err(LockError::Held {
                path: path.to_path_buf(),
                holder: Box::new(holder),
            });
        }
        if !is_still_at(file, path).map_err(io_error)? {
            return Ok(());
        }
        std::thread::sleep(READ_PAUSE);
    }
    Err(LockError::HeldByUnknown {
        path: path.to_path_buf(),
    })
}

/// Decides about what the file says when the kernel has given us its lock.
fn judge(found: Found, us: &Holder, path: &Path) -> Result<Option<StaleLock>, LockError> {
    let holder = match found {
        Found::Nothing => return Ok(None),
        Found::Garbage => {
            return Ok(Some(StaleLock {
                holder: None,
                reason: StaleReason::Unreadable,
            }));
        }
        Found::Holder(holder) => holder,
    };
    let same_boot = holder.boot_id.is_some() && holder.boot_id == us.boot_id;
    let reason = if holder.host == us.host {
        let rebooted = !same_boot && holder.boot_id.is_some() && us.boot_id.is_some();
        if rebooted {
            StaleReason::Rebooted
        } else if !process_exists(holder.pid) {
            StaleReason::ProcessGone
        } else if holder.started.is_some()
            && started(holder.pid).is_some()
            && holder.started != started(holder.pid)
        {
            StaleReason::PidReused
        } else {
            return Err(LockError::Held {
                path: path.to_path_buf(),
                holder: Box::new(holder),
            });
        }
    } else if same_boot {
        // Another container on this kernel: its pids mean nothing here, but the kernel's lock, which we got, does.
        StaleReason::ProcessGone
    } else {
        return Err(LockError::OtherHost {
            path: path.to_path_buf(),
            holder: Box::new(holder),
        });
    };
    Ok(Some(StaleLock {
        holder: Some(holder),
        reason,
    }))
}

enum Found {
    Nothing,
    Garbage,
    Holder(Holder),
}

fn read(file: &mut File) -> io::Result<Found> {
    let mut bytes = Vec::new();
    file.rewind()?;
    (&*file).take(MAX_LOCK_BYTES).read_to_end(&mut bytes)?;
    Ok(match serde_json::from_slice(&bytes) {
        Ok(holder) => Found::Holder(holder),
        Err(_) if bytes.is_empty() => Found::Nothing,
        Err(_) => Found::Garbage,
    })
}

fn write_holder(file: &mut File, holder: &Holder) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(holder)?;
    text.push(b'\n');
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(&text)?;
    file.sync_all()
}

/// Whether `path` still names the file we opened, and not a later one or none.
fn is_still_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match fs::metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leave(dir: &Path, change: impl FnOnce(&mut Holder)) -> Holder {
        let mut holder = Holder::this_process();
        change(&mut holder);
        fs::write(dir.join("lock"), serde_json::to_vec(&holder).unwrap()).unwrap();
        holder
    }

    fn a_dead_pid() -> u32 {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        child.wait().unwrap();
        pid
    }

    #[test]
    fn a_second_trainer_is_refused_by_name_until_the_first_ends() {
        let dir = tempfile::tempdir().unwrap();
        let (lock, stale) = RunLock::acquire(dir.path()).unwrap();
        assert_eq!(stale, None);
        let text = RunLock::acquire(dir.path()).unwrap_err().to_string();
        assert!(
            text.contains(&format!("process {} on host", std::process::id())),
            "{text}"
        );
        drop(lock);
        assert!(!dir.path().join("lock").exists());
        RunLock::acquire(dir.path()).unwrap();
    }

    type Change = Box<dyn FnOnce(&mut Holder)>;

    #[test]
    fn stale_locks_are_told_apart_and_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let parent = rustix::process::getppid().unwrap().as_raw_nonzero().get() as u32;
        let cases: [(StaleReason, Change); 3] = [
            (
                StaleReason::ProcessGone,
                Box::new(|holder| holder.pid = a_dead_pid()),
            ),
            (
                StaleReason::PidReused,
                Box::new(move |holder| (holder.pid, holder.started) = (parent, Some(1))),
            ),
            (
                StaleReason::Rebooted,
                Box::new(|holder| holder.boot_id = Some("earlier".into())),
            ),
        ];
        for (reason, change) in cases {
            let left = leave(dir.path(), change);
            let (_lock, stale) = RunLock::acquire(dir.path()).unwrap();
            assert_eq!(
                stale,
                Some(StaleLock {
                    holder: Some(left),
                    reason
                })
            );
        }
        fs::write(dir.path().join("lock"), b"{\"host\": ").unwrap();
        let (_lock, stale) = RunLock::acquire(dir.path()).unwrap();
        assert_eq!(
            stale,
            Some(StaleLock {
                holder: None,
                reason: StaleReason::Unreadable
            })
        );
    }

    #[test]
    fn a_live_holder_is_believed_even_without_the_kernels_lock() {
        let dir = tempfile::tempdir().unwrap();
        let parent = rustix::process::getppid().unwrap().as_raw_nonzero().get() as u32;
        leave(dir.path(), |holder| {
            (holder.pid, holder.started) = (parent, started(parent));
        });
        assert!(matches!(
            RunLock::acquire(dir.path()),
            Err(LockError::Held { .. })
        ));
    }

    #[test]
    fn another_hosts_lock_is_refused_with_the_way_to_remove_it() {
        let dir = tempfile::tempdir().unwrap();
        leave(dir.path(), |holder| {
            holder.host = "node-17".into();
            holder.boot_id = Some("other".into());
        });
        let error = RunLock::acquire(dir.path()).unwrap_err();
        assert!(
            matches!(&error, LockError::OtherHost { holder, .. } if holder.host == "node-17"),
            "{error}"
        );
        let remove = format!("rm '{}'", dir.path().join("lock").display());
        assert!(error.hint().unwrap().ends_with(&remove));
        assert!(dir.path().join("lock").exists());
    }

    #[test]
    fn threads_that_race_never_hold_it_together() {
        let dir = tempfile::tempdir().unwrap();
        let holders = std::sync::atomic::AtomicU32::new(0);
        let taken = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        if let Ok((_lock, _)) = RunLock::acquire(dir.path()) {
                            assert_eq!(
                                holders.fetch_add(1, std::sync::atomic::Ordering::SeqCst),
                                0
                            );
                            taken.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                            holders.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                        }
                    }
                });
            }
        });
        assert!(taken.into_inner() > 0);
    }
}
