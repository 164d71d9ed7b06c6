//! The append-only record of complete parts, by which an interrupted build continues.
//!
//! `journal.jsonl` begins with the fingerprint; each further line is one part with all that changed since the line
//! before it. A line is appended only when its part is durable, so a torn last line loses nothing but work.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use jikji_durable::write_file_beside;
use serde::{Deserialize, Serialize};

use crate::manifest::{ASIDE, FORMAT_VERSION, check_version};
use crate::{CorpusError, PartEntry, SourceReport};

const FILE_NAME: &str = "journal.jsonl";
const LOCK_NAME: &str = "build.lock";

#[derive(Serialize, Deserialize)]
struct Head {
    format_version: u32,
    fingerprint: String,
}

/// One complete part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) part: PartEntry,
    /// What the sources gave since the entry before, as (place in the plan, report).
    pub(super) reports: Vec<(usize, SourceReport)>,
    /// Where to go on.
    pub(super) cursor: Cursor,
}

/// A place between two rows of the inputs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// Place of the source in the plan.
    pub(super) source: usize,
    /// Place of the file in its source; a synthetic source has one.
    pub(super) file: usize,
    /// Rows of that file that are done.
    pub(super) rows: u64,
    /// Documents that those rows gave.
    pub(super) documents: u64,
    /// Number of the source's next part.
    pub(super) part: u32,
}

/// The journal of a folder, and the lock that keeps other builds out of it.
pub(super) struct Journal {
    file: File,
    path: PathBuf,
    _lock: File,
}

impl Journal {
    /// Takes the folder, starting a journal where there is none, and hands out its entries.
    pub(super) fn open(dir: &Path, fingerprint: &str) -> Result<(Self, Vec<Entry>), CorpusError> {
        let lock = lock(dir)?;
        let path = dir.join(FILE_NAME);
        if !path.exists() {
            let head = Head {
                format_version: FORMAT_VERSION,
                fingerprint: fingerprint.to_owned(),
            };
            write_file_beside(&path, ASIDE, &line(&head, &path)?)?;
        }
        let failed = |source| CorpusError::Read {
            path: path.clone(),
            source,
        };
        let text = fs::read(&path).map_err(failed)?;
        let mut lines = text.split_inclusive(|byte| *byte == b'\n');
        let head_line = lines.next().unwrap_or_default();
        check_version(&path, head_line)?;
        let head: Head = parse(head_line, &path)?;
        if head.fingerprint != fingerprint {
            return Err(CorpusError::OtherFingerprint {
                dir: dir.to_owned(),
                expected: fingerprint.to_owned(),
                found: head.fingerprint,
            });
        }
        // The first line that is not whole ends what is known; the work after it is done again.
        let entries = lines
            .map_while(|line| {
                line.ends_with(b"\n")
                    .then(|| parse(line, &path).ok())
                    .flatten()
            })
            .collect();
        let file = OpenOptions::new().write(true).open(&path).map_err(failed)?;
        Ok((
            Self {
                file,
                path,
                _lock: lock,
            },
            entries,
        ))
    }

    /// Cuts the journal after the given entries. Not flushed: should the cut be lost, what stands after it describes
    /// parts that are checked, or made again with the same bytes.
    pub(super) fn keep(&mut self, entries: &[Entry], fingerprint: &str) -> Result<(), CorpusError> {
        let head = Head {
            format_version: FORMAT_VERSION,
            fingerprint: fingerprint.to_owned(),
        };
        let mut length = line(&head, &self.path)?.len() as u64;
        for entry in entries {
            length += line(entry, &self.path)?.len() as u64;
        }
        let cut = self
            .file
            .set_len(length)
            .and_then(|()| self.file.seek(SeekFrom::Start(length)));
        cut.map(|_| ()).map_err(|source| CorpusError::Write {
            path: self.path.clone(),
            source,
        })
    }

    /// Records one part, durably.
    pub(super) fn append(&mut self, entry: &Entry) -> Result<(), CorpusError> {
        let line = line(entry, &self.path)?;
        let written = self
            .file
            .write_all(&line)
            .and_then(|()| self.file.sync_data());
        written.map_err(|source| CorpusError::Write {
            path: self.path.clone(),
            source,
        })
    }
}

/// The lock has a file of its own, since the journal appears by a rename. The system frees it with the process.
fn lock(dir: &Path) -> Result<File, CorpusError> {
    let path = dir.join(LOCK_NAME);
    let failed = |source| CorpusError::Write {
        path: path.clone(),
        source,
    };
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(CorpusError::Busy {
            dir: dir.to_owned(),
        }),
        // Some network file systems have no locks; refusing to work there would help nobody.
        Err(fs::TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
            Ok(file)
        }
        Err(fs::TryLockError::Error(source)) => Err(failed(source)),
    }
}

fn line<T: Serialize>(value: &T, path: &Path) -> Result<Vec<u8>, CorpusError> {
    let mut line = serde_json::to_vec(value).map_err(|source| CorpusError::Manifest {
        path: path.to_owned(),
        source,
    })?;
    line.push(b'\n');
    Ok(line)
}

fn parse<'a, T: Deserialize<'a>>(line: &'a [u8], path: &Path) -> Result<T, CorpusError> {
    serde_json::from_slice(line).map_err(|source| CorpusError::Manifest {
        path: path.to_owned(),
        source,
    })
}
