//! A buffered reader that can look ahead: what a stream begins with decides how it is read.

use std::io::{self, BufRead, Read};

const CHUNK_BYTES: usize = 64 << 10;

/// Bytes of a reader, of which any number may be looked at before they are taken.
pub(crate) struct Ahead<R> {
    reader: R,
    buffer: Vec<u8>,
    start: usize,
    consumed: u64,
    at_end: bool,
    /// What ends the stream; told when all before it was taken.
    error: Option<io::Error>,
}

impl<R: Read> Ahead<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: Vec::new(),
            start: 0,
            consumed: 0,
            at_end: false,
            error: None,
        }
    }

    /// The next `count` bytes, fewer only at the end of the stream or before an error.
    pub(crate) fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        while self.buffer.len() - self.start < count && !self.at_end {
            self.read_more();
        }
        self.check()?;
        let found = &self.buffer[self.start..];
        Ok(&found[..found.len().min(count)])
    }

    /// The error, if nothing stands before it.
    fn check(&mut self) -> io::Result<()> {
        if self.start < self.buffer.len() {
            return Ok(());
        }
        match self.error.take() {
            None => Ok(()),
            Some(error) => {
                // Whoever asks again gets no end of the file instead.
                self.error = Some(error.kind().into());
                Err(error)
            }
        }
    }

    /// Whether nothing follows the next `count` bytes.
    pub(crate) fn ends_within(&mut self, count: usize) -> io::Result<bool> {
        Ok(self.peek(count + 1)?.len() <= count)
    }

    /// Bytes taken so far.
    pub(crate) fn consumed(&self) -> u64 {
        self.consumed
    }

    fn read_more(&mut self) {
        self.buffer.drain(..self.start);
        self.start = 0;
        let held = self.buffer.len();
        self.buffer.resize(held + CHUNK_BYTES, 0);
        let read = loop {
            match self.reader.read(&mut self.buffer[held..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        let count = read.unwrap_or_else(|error| {
            self.error = Some(error);
            0
        });
        self.buffer.truncate(held + count);
        self.at_end = count == 0;
    }
}

impl<R: Read> BufRead for Ahead<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.buffer.len() && !self.at_end {
            self.read_more();
        }
        self.check()?;
        Ok(&self.buffer[self.start..])
    }

    fn consume(&mut self, count: usize) {
        self.start += count;
        self.consumed += count as u64;
    }
}

impl<R: Read> Read for Ahead<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(out)?;
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_ahead_takes_nothing() {
        let bytes: Vec<u8> = (0..200_000_u32).map(|n| n as u8).collect();
        let mut ahead = Ahead::new(bytes.as_slice());
        assert_eq!(ahead.peek(100_000).unwrap(), &bytes[..100_000]);
        assert!(!ahead.ends_within(199_999).unwrap());
        assert!(ahead.ends_within(200_000).unwrap());
        let mut read = vec![0; 10];
        ahead.read_exact(&mut read).unwrap();
        assert_eq!(ahead.consumed(), 10);
        assert_eq!(ahead.peek(3).unwrap(), &bytes[10..13]);
        ahead.read_to_end(&mut read).unwrap();
        assert_eq!(read, bytes);
        assert!(ahead.peek(1).unwrap().is_empty());
    }

    #[test]
    fn an_error_comes_after_what_stands_before_it_and_stays() {
        struct Fails;
        impl Read for Fails {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::InvalidData.into())
            }
        }
        let mut ahead = Ahead::new(b"abc".chain(Fails));
        assert_eq!(ahead.peek(10).unwrap(), b"abc");
        ahead.consume(3);
        for _ in 0..3 {
            assert_eq!(
                ahead.peek(1).unwrap_err().kind(),
                io::ErrorKind::InvalidData
            );
            assert_eq!(
                ahead.fill_buf().unwrap_err().kind(),
                io::ErrorKind::InvalidData
            );
        }
    }
}
