//! `journal.jsonl`: the units that are complete while a build has no manifest yet.
//!
//! First line the specification, then one line per unit, each fsynced after the unit's files. A torn last line belongs to a
//! unit whose files may be incomplete, so it is cut off and the unit is written again. The open journal is also the lock
//! against a second builder.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use jikji_durable::sync_dir;
use serde::{Deserialize, Serialize};

use crate::error::{ShardError, io_error};
use crate::manifest::{ShardEntry, ShardSetSpec};

pub(crate) const JOURNAL_FILE: &str = "journal.jsonl";

/// One complete unit; without shards if it had no documents.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UnitRecord {
    unit: String,
    shards: Vec<ShardEntry>,
}

/// The journal of a build in progress, held open and locked.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Opens or creates the journal of `dir` and returns the units it holds.
    pub(crate) fn open(
        dir: &Path,
        spec: &ShardSetSpec,
    ) -> Result<(Self, BTreeMap<String, Vec<ShardEntry>>), ShardError> {
        let path = dir.join(JOURNAL_FILE);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(io_error("open", &path))?;
        let mut journal = Self { path, file };
        journal.lock(dir)?;

        let mut text = Vec::new();
        journal
            .file
            .read_to_end(&mut text)
            .map_err(io_error("read", &journal.path))?;
        let mut lines = text
            .split_inclusive(|&byte| byte == b'\n')
            .filter(|line| line.ends_with(b"\n"));
        let mut units = BTreeMap::new();
        let Some(header) = lines.next() else {
            journal.cut(0)?;
            journal.append(spec)?;
            sync_dir(dir)?;
            return Ok((journal, units));
        };
        let found: ShardSetSpec =
            serde_json::from_slice(header).map_err(|source| ShardError::ManifestSyntax {
                path: journal.path.clone(),
                source,
            })?;
        spec.same_as(&found, dir)?;

        let mut kept = header.len() as u64;
        for line in lines {
            let Ok(record) = serde_json::from_slice::<UnitRecord>(line) else {
                break;
            };
            units.insert(record.unit, record.shards);
            kept += line.len() as u64;
        }
        journal.cut(kept)?;
        Ok((journal, units))
    }

    /// Records a unit whose files are durable.
    pub(crate) fn record(&mut self, unit: &str, shards: &[ShardEntry]) -> Result<(), ShardError> {
        self.append(&UnitRecord {
            unit: unit.to_owned(),
            shards: shards.to_vec(),
        })
    }

    /// The manifest has taken over.
    pub(crate) fn remove(self) -> Result<(), ShardError> {
        fs::remove_file(&self.path).map_err(io_error("remove", &self.path))
    }

    fn lock(&self, dir: &Path) -> Result<(), ShardError> {
        let busy = || ShardError::Busy {
            path: dir.to_owned(),
        };
        match self.file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(busy()),
            // Some network file systems have no locks; a build there is as safe as its operator.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(source)) => {
                return Err(ShardError::Io {
                    action: "lock",
                    path: self.path.clone(),
                    source,
                });
            }
        }
        // The holder of the lock may have removed the file between our open and our lock.
        if self.path.exists() {
            Ok(())
        } else {
            Err(busy())
        }
    }

    fn cut(&mut self, len: u64) -> Result<(), ShardError> {
        self.file
            .set_len(len)
            .and_then(|()| self.file.seek(SeekFrom::Start(len)))
            .map(drop)
            .map_err(io_error("truncate", &self.path))
    }

    fn append(&mut self, record: &impl Serialize) -> Result<(), ShardError> {
        let mut line = serde_json::to_vec(record).expect("strings and integers always serialize");
        line.push(b'\n');
        let before = self
            .file
            .stream_position()
            .map_err(io_error("write", &self.path))?;
        let written = self
            .file
            .write_all(&line)
            .and_then(|()| self.file.sync_data());
        if let Err(source) = written {
            // Half a line must not be followed by the next record.
            let _ = self.cut(before);
            return Err(ShardError::Io {
                action: "write",
                path: self.path.clone(),
                source,
            });
        }
        Ok(())
    }
}
