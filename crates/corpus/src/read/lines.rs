//! Lines of UTF-8 text, each of bounded length, with their number and place.

use std::io::{self, BufRead, Read};
use std::path::PathBuf;

use crate::CorpusError;

/// No text of one row is longer; what claims to be is a damaged file, a decompression bomb or not JSON Lines.
pub(crate) const MAX_ROW_BYTES: u64 = 256 << 20;

/// Reads line after line into one buffer.
pub(crate) struct Lines<R> {
    reader: R,
    path: PathBuf,
    compressed: bool,
    max_bytes: u64,
    number: u64,
    offset: u64,
    buffer: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(reader: R, path: PathBuf, compressed: bool, max_bytes: u64) -> Self {
        Self {
            reader,
            path,
            compressed,
            max_bytes,
            number: 0,
            offset: 0,
            buffer: Vec::new(),
        }
    }

    /// The next line that is not blank, without its end, and its number from 1.
    pub(crate) fn next_line(&mut self) -> Result<Option<(u64, &str)>, CorpusError> {
        let range = loop {
            if !self.fill()? {
                return Ok(None);
            }
            let start = self.offset - self.buffer.len() as u64;
            // Editors and exports on Windows begin UTF-8 files with a byte order mark.
            let skip = if start == 0 && self.buffer.starts_with(b"\xef\xbb\xbf") {
                3
            } else {
                0
            };
            let line = self.buffer.get(skip..).unwrap_or_default();
            let trimmed = line.trim_ascii();
            if !trimmed.is_empty() {
                break skip..skip + line.trim_ascii_end().len();
            }
        };
        let start = self.offset - self.buffer.len() as u64 + range.start as u64;
        let bytes = self.buffer.get(range).unwrap_or_default();
        match std::str::from_utf8(bytes) {
            Ok(line) => Ok(Some((self.number, line))),
            Err(error) => Err(CorpusError::NotUtf8 {
                path: self.path.clone(),
                offset: start + error.valid_up_to() as u64,
                compressed: self.compressed,
            }),
        }
    }

    /// Reads one line with its end; false at the end of the file.
    fn fill(&mut self) -> Result<bool, CorpusError> {
        self.buffer.clear();
        let mut bounded = (&mut self.reader).take(self.max_bytes + 1);
        let count = bounded
            .read_until(b'\n', &mut self.buffer)
            .map_err(|source| self.failed(source))?;
        if count == 0 {
            return Ok(false);
        }
        self.number += 1;
        self.offset += count as u64;
        if count as u64 > self.max_bytes {
            return Err(CorpusError::RowTooLong {
                path: self.path.clone(),
                row: self.number,
                limit: self.max_bytes,
            });
        }
        Ok(true)
    }

    fn failed(&self, source: io::Error) -> CorpusError {
        let path = self.path.clone();
        if self.compressed {
            CorpusError::Decompress {
                path,
                line: self.number,
                source,
            }
        } else {
            CorpusError::Read { path, source }
        }
    }
}
