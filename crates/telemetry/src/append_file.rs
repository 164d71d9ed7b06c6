//! A log file that only grows and that a full disk cannot turn into an error of the run.
//!
//! Bytes wait in memory until they are written. When a write fails part way, the part that reached the file is
//! remembered and the rest is retried later, so that the file never holds half a record followed by another one.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::TelemetryError;

/// Records waiting for a disk that refuses them; beyond this they are dropped.
const MAX_PENDING_BYTES: usize = 4 << 20;

/// How long a file that refused a write is left alone.
const RETRY_AFTER: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct AppendFile {
    path: PathBuf,
    file: File,
    pending: VecDeque<u8>,
    write_every: Duration,
    retry_after: Duration,
    last_attempt: Instant,
    failing: bool,
    dropped_records: u64,
    warnings: Vec<String>,
}

impl AppendFile {
    /// Opens `path` for appending, creating it; records reach the file at the latest `write_every` after the
    /// first of them, given further calls.
    pub(crate) fn open(path: &Path, write_every: Duration) -> Result<Self, TelemetryError> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .map_err(TelemetryError::file("open", path))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            pending: VecDeque::new(),
            write_every,
            retry_after: RETRY_AFTER,
            last_attempt: Instant::now(),
            failing: false,
            dropped_records: 0,
            warnings: Vec::new(),
        })
    }

    /// Adds one whole record: it reaches the file complete or, after a failure, not at all.
    pub(crate) fn append(&mut self, record: &[u8]) {
        if self.pending.len() + record.len() > MAX_PENDING_BYTES {
            self.write_pending();
        }
        if self.failing && self.pending.len() + record.len() > MAX_PENDING_BYTES {
            self.dropped_records += 1;
        } else {
            self.pending.extend(record);
        }
        let wait = if self.failing {
            self.retry_after
        } else {
            self.write_every
        };
        if self.last_attempt.elapsed() >= wait {
            self.write_pending();
        }
    }

    /// Hands everything that waits to the operating system.
    pub(crate) fn flush(&mut self) {
        self.write_pending();
    }

    /// As [`AppendFile::flush`], and returns only when the bytes survive a loss of power.
    pub(crate) fn sync(&mut self) {
        self.write_pending();
        if !self.failing
            && let Err(error) = self.file.sync_data()
            && error.kind() != io::ErrorKind::InvalidInput
        {
            self.note_failure(&error);
        }
    }

    /// Messages for people, each given once.
    pub(crate) fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    fn write_pending(&mut self) {
        self.last_attempt = Instant::now();
        while !self.pending.is_empty() {
            let (front, _) = self.pending.as_slices();
            match self.file.write(front) {
                Ok(0) => return self.note_failure(&io::Error::from(io::ErrorKind::WriteZero)),
                Ok(written) => drop(self.pending.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.note_failure(&error),
            }
        }
        if self.failing {
            self.failing = false;
            let lost = std::mem::take(&mut self.dropped_records);
            self.warnings.push(format!(
                "`{}` is written again; {lost} records were lost",
                self.path.display()
            ));
        }
    }

    fn note_failure(&mut self, error: &io::Error) {
        if !self.failing {
            self.failing = true;
            self.warnings.push(format!(
                "failed to write `{}`: {error}; the run goes on and the log is tried again every {} s",
                self.path.display(),
                self.retry_after.as_secs()
            ));
        }
    }
}

impl Drop for AppendFile {
    fn drop(&mut self) {
        self.write_pending();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_disk_is_reported_once_and_bounded() {
        let mut file = AppendFile::open(Path::new("/dev/full"), Duration::ZERO).unwrap();
        file.retry_after = Duration::ZERO;
        for _ in 0..2000 {
            file.append(&[b'x'; 4096]);
        }
        let warnings = file.take_warnings();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains("`/dev/full`"), "{warnings:?}");
        assert!(file.pending.len() <= MAX_PENDING_BYTES);
        assert_eq!(
            file.dropped_records as usize,
            2000 - MAX_PENDING_BYTES / 4096
        );
    }

    #[test]
    fn records_that_waited_arrive_in_order_after_the_disk_has_room() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut file = AppendFile::open(Path::new("/dev/full"), Duration::ZERO).unwrap();
        file.append(b"one\n");
        file.append(b"two\n");
        assert_eq!(file.take_warnings().len(), 1);
        file.file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&path)
            .unwrap();
        file.flush();
        file.append(b"three\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\nthree\n");
        let warnings = file.take_warnings();
        assert!(
            warnings.len() == 1 && warnings[0].contains("written again"),
            "{warnings:?}"
        );
    }
}
