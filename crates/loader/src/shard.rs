//! One open shard: its token column and document table, mapped.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::document_table::{DocumentTable, check_table};
use crate::error::{ShardError, io_error};
use crate::hashed_file::{content_hash, ends_hash};
use crate::manifest::{Dtype, ShardEntry};
use crate::mapped::{FAULT_WINDOW, MappedFile};

/// The documents of one unit on one side of the split, readable.
#[derive(Debug)]
pub(crate) struct Shard {
    /// Shared with every span that names it.
    pub(crate) source: Arc<str>,
    pub(crate) file: Arc<str>,
    pub(crate) tokens: u64,
    pub(crate) table: DocumentTable,
    column: MappedFile,
    dtype: Dtype,
}

impl Shard {
    /// Maps the files after the checks of [`check_files`].
    pub(crate) fn open(dir: &Path, entry: &ShardEntry) -> Result<Self, ShardError> {
        check_files(dir, entry)?;
        let column = entry
            .token_column()
            .expect("a parsed manifest has a token column in every shard");
        Ok(Self {
            source: entry.source.as_str().into(),
            file: column.content.file.as_str().into(),
            tokens: entry.tokens,
            table: DocumentTable::new(MappedFile::open(dir.join(&entry.document_table.file))?),
            column: MappedFile::open(dir.join(&column.content.file))?,
            dtype: column.dtype,
        })
    }

    /// Appends the ids of a range of the shard's tokens; every one is below `vocab_size`.
    pub(crate) fn read(
        &self,
        tokens: Range<u64>,
        vocab_size: usize,
        ids: &mut Vec<u32>,
    ) -> Result<(), ShardError> {
        let size = self.dtype.size();
        let bytes = || {
            let start = usize::try_from(tokens.start.checked_mul(size)?).ok()?;
            let end = usize::try_from(tokens.end.checked_mul(size)?).ok()?;
            self.column.bytes().get(start..end)
        };
        let bytes = bytes().ok_or_else(|| ShardError::Bounds {
            path: self.column.path().to_owned(),
            what: "token",
            position: tokens.end,
        })?;
        let before = ids.len();
        if self.dtype == Dtype::U16 {
            ids.extend(
                bytes
                    .as_chunks()
                    .0
                    .iter()
                    .map(|&id| u32::from(u16::from_le_bytes(id))),
            );
        } else {
            ids.extend(bytes.as_chunks().0.iter().map(|&id| u32::from_le_bytes(id)));
        }
        let read = ids.get(before..).unwrap_or_default();
        match read.iter().position(|&id| id as usize >= vocab_size) {
            Some(at) => {
                let position = tokens.start + at as u64;
                Err(ShardError::TokenInFile {
                    path: self.column.path().to_owned(),
                    position,
                    id: read[at],
                    vocab_size,
                })
            }
            None => Ok(()),
        }
    }

    /// Bytes that reading a range may make resident.
    pub(crate) fn read_bytes(&self, tokens: &Range<u64>) -> u64 {
        let bytes = (tokens.end - tokens.start).saturating_mul(self.dtype.size());
        bytes
            .saturating_add(2 * FAULT_WINDOW)
            .min(self.column.bytes().len() as u64)
    }

    pub(crate) fn release(&self) {
        self.column.release();
        self.table.file().release();
    }
}

/// The checks made at every opening: all sizes, the document table in full, both ends of each column.
pub(crate) fn check_files(dir: &Path, entry: &ShardEntry) -> Result<(), ShardError> {
    for file in entry.files() {
        let path = dir.join(&file.file);
        let got = match fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(ShardError::Missing {
                    path,
                    expected: file.bytes,
                });
            }
            Err(error) => return Err(io_error("open", &path)(error)),
        };
        if got != file.bytes {
            return Err(ShardError::Size {
                path,
                expected: file.bytes,
                got,
            });
        }
    }
    for column in &entry.columns {
        let path = dir.join(&column.content.file);
        let got = ends_hash(&path)?;
        if got != column.ends_blake3 {
            return Err(ShardError::Hash {
                path,
                part: "ends",
                expected: column.ends_blake3.clone(),
                got,
            });
        }
    }
    check_table(&dir.join(&entry.document_table.file), entry)
}

/// Hashes every file of the shard in full.
pub(crate) fn verify_files(dir: &Path, entry: &ShardEntry) -> Result<(), ShardError> {
    check_files(dir, entry)?;
    for column in &entry.columns {
        let path = dir.join(&column.content.file);
        let got = content_hash(&path)?;
        if got != column.content.blake3 {
            return Err(ShardError::Hash {
                path,
                part: "content",
                expected: column.content.blake3.clone(),
                got,
            });
        }
    }
    Ok(())
}
