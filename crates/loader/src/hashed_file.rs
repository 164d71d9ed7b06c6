//! Files of a shard set by their content: written aside as `NAME.partial` and hashed on the way, or hashed as they lie.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use jikji_durable::{AsideFile, SyncedFile};

use crate::error::{ShardError, io_error};
use crate::manifest::FileEntry;

pub(crate) const PARTIAL: &str = ".partial";
/// How much of either end of a column the cheap check reads.
const END_BYTES: u64 = 64 * 1024;

/// A file being written under its partial name; dropped before [`publish`](Written::publish), it leaves nothing behind.
pub(crate) struct PartialFile {
    name: String,
    file: AsideFile,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl PartialFile {
    pub(crate) fn create(dir: &Path, name: String) -> Result<Self, ShardError> {
        Ok(Self {
            file: AsideFile::create(&dir.join(&name), PARTIAL)?,
            name,
            hasher: blake3::Hasher::new(),
            bytes: 0,
        })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), ShardError> {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        self.file
            .write_all(bytes)
            .map_err(io_error("write", self.file.path()))
    }

    /// Flushed and fsynced, not yet under its name.
    pub(crate) fn sync(self) -> Result<Written, ShardError> {
        Ok(Written {
            file: self.file.sync()?,
            entry: FileEntry {
                file: self.name,
                bytes: self.bytes,
                blake3: self.hasher.finalize().to_hex().to_string(),
            },
        })
    }
}

/// A complete file that still has its partial name.
pub(crate) struct Written {
    file: SyncedFile,
    entry: FileEntry,
}

impl Written {
    /// Gives the file its name. The name is durable after [`sync_dir`](jikji_durable::sync_dir).
    pub(crate) fn publish(self) -> Result<FileEntry, ShardError> {
        self.file.publish()?;
        Ok(self.entry)
    }
}

/// BLAKE3 over the first and the last 64 KiB of a file, in hexadecimal.
pub(crate) fn ends_hash(path: &Path) -> Result<String, ShardError> {
    let read = || -> io::Result<String> {
        let mut file = File::open(path)?;
        let len = file.metadata()?.len();
        let mut hasher = blake3::Hasher::new();
        io::copy(&mut (&mut file).take(END_BYTES), &mut hasher)?;
        file.seek(SeekFrom::Start(len.saturating_sub(END_BYTES)))?;
        io::copy(&mut file, &mut hasher)?;
        Ok(hasher.finalize().to_hex().to_string())
    };
    read().map_err(io_error("read", path))
}

/// BLAKE3 of a whole file, read in pieces so that its size does not show in resident memory.
pub(crate) fn content_hash(path: &Path) -> Result<String, ShardError> {
    let mut hasher = blake3::Hasher::new();
    read_in_pieces(path, |piece| {
        hasher.update(piece);
    })?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// Hands a file to `visit` in pieces of a mebibyte (the last one shorter).
pub(crate) fn read_in_pieces(path: &Path, mut visit: impl FnMut(&[u8])) -> Result<(), ShardError> {
    const PIECE: u64 = 1 << 20;
    let mut file = File::open(path).map_err(io_error("open", path))?;
    let mut piece = Vec::with_capacity(PIECE as usize);
    loop {
        piece.clear();
        let got = (&mut file)
            .take(PIECE)
            .read_to_end(&mut piece)
            .map_err(io_error("read", path))?;
        if got == 0 {
            return Ok(());
        }
        visit(&piece);
    }
}
