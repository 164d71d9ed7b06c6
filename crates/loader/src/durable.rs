//! Files that are complete or absent: written aside as `NAME.partial`, hashed on the way, fsynced, then renamed.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::error::ShardError;
use crate::manifest::FileEntry;

pub(crate) const PARTIAL: &str = ".partial";
/// How much of either end of a column the cheap check reads.
const END_BYTES: u64 = 64 * 1024;

pub(crate) fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ShardError {
    let path = path.to_owned();
    move |source| ShardError::Io {
        action,
        path,
        source,
    }
}

/// A file being written under its partial name; dropped before [`publish`](Written::publish), it leaves nothing behind.
pub(crate) struct PartialFile {
    dir: PathBuf,
    name: String,
    writer: BufWriter<File>,
    hasher: blake3::Hasher,
    bytes: u64,
    guard: RemoveOnDrop,
}

impl PartialFile {
    pub(crate) fn create(dir: &Path, name: String) -> Result<Self, ShardError> {
        let path = dir.join(format!("{name}{PARTIAL}"));
        let file = File::create(&path).map_err(io_error("create", &path))?;
        let writer = BufWriter::with_capacity(256 * 1024, file);
        Ok(Self {
            dir: dir.to_owned(),
            name,
            writer,
            hasher: blake3::Hasher::new(),
            bytes: 0,
            guard: RemoveOnDrop(Some(path)),
        })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), ShardError> {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        self.writer
            .write_all(bytes)
            .map_err(|source| self.error("write", source))
    }

    /// Flushed and fsynced, not yet under its name.
    pub(crate) fn sync(mut self) -> Result<Written, ShardError> {
        self.writer
            .flush()
            .map_err(|source| self.error("write", source))?;
        self.writer
            .get_ref()
            .sync_all()
            .map_err(|source| self.error("sync", source))?;
        let entry = FileEntry {
            file: self.name,
            bytes: self.bytes,
            blake3: self.hasher.finalize().to_hex().to_string(),
        };
        Ok(Written {
            dir: self.dir,
            entry,
            guard: self.guard,
        })
    }

    fn error(&self, action: &'static str, source: io::Error) -> ShardError {
        ShardError::Io {
            action,
            path: self.dir.join(&self.name),
            source,
        }
    }
}

/// A complete file that still has its partial name.
pub(crate) struct Written {
    dir: PathBuf,
    entry: FileEntry,
    guard: RemoveOnDrop,
}

impl Written {
    /// Gives the file its name. The name is durable after [`sync_dir`].
    pub(crate) fn publish(mut self) -> Result<FileEntry, ShardError> {
        let to = self.dir.join(&self.entry.file);
        if let Some(from) = &self.guard.0 {
            fs::rename(from, &to).map_err(io_error("rename to", &to))?;
        }
        self.guard.0 = None;
        Ok(self.entry)
    }
}

struct RemoveOnDrop(Option<PathBuf>);

impl Drop for RemoveOnDrop {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // Only a courtesy to a full disk: leftovers are removed when the build is opened again.
            let _ = fs::remove_file(path);
        }
    }
}

/// Makes the renames in a folder survive a power cut.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), ShardError> {
    File::open(dir)
        .and_then(|folder| folder.sync_all())
        .map_err(io_error("sync", dir))
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
