//! A file whose bytes are gathered into chunks, so that the fault hook sees few and equal writes.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::DurableError;
use crate::fault::{self, Operation};

/// Bytes gathered before they are handed to the file.
pub(crate) const CHUNK_BYTES: usize = 256 * 1024;

/// A file whose writes are gathered into chunks, each passing the fault hook.
#[derive(Debug)]
pub(crate) struct ChunkedFile {
    file: File,
    path: PathBuf,
    pending: Vec<u8>,
    /// A write failed, and how much of it reached the file is unknown.
    broken: bool,
}

impl ChunkedFile {
    /// `path` is the name the file has at the moment.
    pub(crate) fn new(file: File, path: &Path) -> Self {
        ChunkedFile {
            file,
            path: path.to_path_buf(),
            pending: Vec::with_capacity(CHUNK_BYTES),
            broken: false,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what is pending and flushes the file to the device.
    pub(crate) fn sync(&mut self) -> Result<(), DurableError> {
        self.flush()
            .map_err(|error| DurableError::new(Operation::Write, &self.path, error))?;
        fault::point(Operation::SyncFile, &self.path)
            .and_then(|()| self.file.sync_all())
            .map_err(|error| DurableError::new(Operation::SyncFile, &self.path, error))
    }

    fn write_out(&mut self, from_pending: usize) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::other("an earlier write of this file failed"));
        }
        let written = fault::point(Operation::Write, &self.path)
            .and_then(|()| self.file.write_all(&self.pending[..from_pending]));
        self.broken = written.is_err();
        written?;
        self.pending.drain(..from_pending);
        Ok(())
    }
}

impl Write for ChunkedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(CHUNK_BYTES - self.pending.len());
        self.pending.extend_from_slice(&bytes[..taken]);
        if self.pending.len() == CHUNK_BYTES {
            self.write_out(CHUNK_BYTES)?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            Ok(())
        } else {
            self.write_out(self.pending.len())
        }
    }
}

/// Writes the body and flushes it to the device, under the name the file has at the moment.
pub(crate) fn fill_and_sync(
    file: File,
    path: &Path,
    body: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), DurableError> {
    let mut out = ChunkedFile::new(file, path);
    body(&mut out).map_err(|error| DurableError::new(Operation::Write, path, error))?;
    out.sync()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_is_final() {
        let path = Path::new("/dev/full");
        let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
        let mut out = ChunkedFile::new(file, path);
        out.write_all(b"lost").unwrap();
        assert_eq!(out.flush().unwrap_err().kind(), io::ErrorKind::StorageFull);
        // The disk has room again: what it holds of the file is still unknown.
        out.file = tempfile::tempfile().unwrap();
        assert_eq!(out.sync().unwrap_err().operation, Operation::Write);
    }
}
