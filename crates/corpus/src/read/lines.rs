//! Lines of UTF-8 text, each of bounded length, with their number and place.

use std::io::{self, BufRead, Read};

use super::text_stream::TextStream;
use crate::CorpusError;

/// No text of one row is longer; what claims to be is a damaged file, a decompression bomb or not JSON Lines.
pub(crate) const MAX_ROW_BYTES: u64 = 256 << 20;

/// Line ends among the bytes.
pub(crate) fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

/// Where lines come from, and what to say when they do not.
pub(crate) trait LineSource: BufRead {
    /// The text is not UTF-8 at this place of the stream.
    fn damaged(&mut self, offset: u64, line: u64) -> CorpusError;
    /// Reading failed in this line.
    fn failed(&self, line: u64, source: io::Error) -> CorpusError;
    /// A line is longer than it may be.
    fn too_long(&self, line: u64, limit: u64) -> CorpusError;
}

impl LineSource for TextStream {
    fn damaged(&mut self, offset: u64, line: u64) -> CorpusError {
        TextStream::damaged(self, offset, line)
    }

    fn failed(&self, line: u64, source: io::Error) -> CorpusError {
        TextStream::failed(self, line, source)
    }

    fn too_long(&self, line: u64, limit: u64) -> CorpusError {
        CorpusError::RowTooLong {
            path: self.path().to_owned(),
            row: line,
            limit,
        }
    }
}

/// Reads line after line into one buffer.
pub(crate) struct Lines<R> {
    reader: R,
    max_bytes: u64,
    number: u64,
    offset: u64,
    buffer: Vec<u8>,
    /// True where the line in the buffer is to be given once more.
    again: bool,
}

impl<R: LineSource> Lines<R> {
    pub(crate) fn new(reader: R, max_bytes: u64) -> Self {
        Self {
            reader,
            max_bytes,
            number: 0,
            offset: 0,
            buffer: Vec::new(),
            again: false,
        }
    }

    /// Goes on in a stream of which `lines` whole ones and `offset` bytes were read.
    pub(crate) fn going_on(reader: R, max_bytes: u64, lines: u64, offset: u64) -> Self {
        Self {
            number: lines,
            offset,
            ..Self::new(reader, max_bytes)
        }
    }

    /// The line that was read last, with its end.
    pub(crate) fn line(&self) -> &[u8] {
        &self.buffer
    }

    /// Reads the last line again.
    pub(crate) fn go_back(&mut self) {
        self.again = true;
    }

    /// The stream, and the line that was read last.
    pub(crate) fn into_parts(self) -> (R, Vec<u8>) {
        (self.reader, self.buffer)
    }

    pub(crate) fn source(&self) -> &R {
        &self.reader
    }

    /// The next line that is not blank, without its end, and its number from 1.
    ///
    /// # Errors
    /// After [`CorpusError::NotUtf8`] and [`CorpusError::Undecodable`], which are one line's fault,
    /// the next line follows.
    pub(crate) fn next_line(&mut self) -> Result<Option<(u64, &str)>, CorpusError> {
        loop {
            if !self.fill()? {
                return Ok(None);
            }
            if !self.buffer.trim_ascii().is_empty() {
                break;
            }
        }
        let start = self.offset - self.buffer.len() as u64;
        let end = self.buffer.trim_ascii_end().len();
        match std::str::from_utf8(self.buffer.get(..end).unwrap_or_default()) {
            Ok(line) => Ok(Some((self.number, line))),
            Err(error) => {
                let place = start + error.valid_up_to() as u64;
                Err(self.reader.damaged(place, self.number))
            }
        }
    }

    /// Reads one line with its end; false at the end of the file.
    fn fill(&mut self) -> Result<bool, CorpusError> {
        if std::mem::take(&mut self.again) {
            return Ok(true);
        }
        self.buffer.clear();
        let mut bounded = (&mut self.reader).take(self.max_bytes + 1);
        let read = bounded.read_until(b'\n', &mut self.buffer);
        let count = read.map_err(|source| self.reader.failed(self.number + 1, source))?;
        if count == 0 {
            return Ok(false);
        }
        self.number += 1;
        self.offset += count as u64;
        if count as u64 > self.max_bytes {
            return Err(self.reader.too_long(self.number, self.max_bytes));
        }
        Ok(true)
    }
}
