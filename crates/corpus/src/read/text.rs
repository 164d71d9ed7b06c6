//! Plain text and Markdown: a file is a document, unless it is so large that it must be many.

use std::io::{self, Read};

use super::lines::newlines;
use super::text_stream::TextStream;
use super::{RawRow, RowReader};
use crate::CorpusError;

/// Above this a file is no longer one document, in bytes of UTF-8.
const WHOLE_FILE_BYTES: usize = 64 << 20;
/// The most that one document of a larger file holds, in bytes.
const PIECE_BYTES: usize = 1 << 20;

/// The whole file as one row, or, above 64 MiB, rows of at most 1 MiB.
///
/// A large file is cut at the last blank line within each MiB; where there is none, at the last line end; where there
/// is none either, between two characters.
pub(crate) struct TextRows {
    stream: TextStream,
    pieces: Pieces,
}

impl TextRows {
    pub(crate) fn new(stream: TextStream) -> Self {
        Self {
            stream,
            pieces: Pieces::new(WHOLE_FILE_BYTES, PIECE_BYTES),
        }
    }

    /// As [`new`](Self::new), for a look at the beginning: a piece is enough.
    pub(crate) fn beginning(stream: TextStream) -> Self {
        Self {
            stream,
            pieces: Pieces::new(0, PIECE_BYTES),
        }
    }
}

impl RowReader for TextRows {
    fn next_row(&mut self) -> Option<Result<RawRow, CorpusError>> {
        let piece = match self.pieces.next(&mut self.stream) {
            Ok(piece) => piece?,
            Err(source) => return Some(Err(self.stream.failed(self.pieces.line, source))),
        };
        Some(match String::from_utf8(piece.bytes) {
            Ok(text) => Ok(RawRow {
                number: piece.number,
                text,
                license: None,
                group: None,
            }),
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let line = piece.line + newlines(&error.as_bytes()[..valid]);
                Err(self.stream.damaged(piece.offset + valid as u64, line))
            }
        })
    }

    fn stream(&self) -> Option<&TextStream> {
        Some(&self.stream)
    }
}

/// A text in one piece or in many.
struct Pieces {
    whole_bytes: usize,
    piece_bytes: usize,
    /// Read and not given; its first `given` bytes were.
    pending: Vec<u8>,
    given: usize,
    /// Where the next piece begins: its number, its line, its place.
    number: u64,
    line: u64,
    offset: u64,
    finished: bool,
}

struct Piece {
    bytes: Vec<u8>,
    number: u64,
    line: u64,
    offset: u64,
}

impl Pieces {
    fn new(whole_bytes: usize, piece_bytes: usize) -> Self {
        Self {
            whole_bytes,
            piece_bytes,
            pending: Vec::new(),
            given: 0,
            number: 1,
            line: 1,
            offset: 0,
            finished: false,
        }
    }

    fn next(&mut self, reader: &mut impl Read) -> io::Result<Option<Piece>> {
        if self.finished {
            return Ok(None);
        }
        // Set until the end is known to be all right: after an error there is nothing more.
        self.finished = true;
        let is_first = self.number == 1;
        let limit = if is_first {
            self.whole_bytes.max(self.piece_bytes)
        } else {
            self.piece_bytes
        };
        // One byte more tells whether the text ends there.
        let has_more = self.fill(reader, limit + 1)?;
        let held = &self.pending[self.given..];
        if held.is_empty() && !is_first {
            return Ok(None);
        }
        let end = if has_more {
            cut(held, self.piece_bytes)
        } else {
            held.len()
        };
        self.finished = false;
        let piece = Piece {
            bytes: held[..end].to_vec(),
            number: self.number,
            line: self.line,
            offset: self.offset,
        };
        self.line += newlines(&piece.bytes);
        self.given += end;
        self.number += 1;
        self.offset += end as u64;
        Ok(Some(piece))
    }

    /// Holds `want` bytes, and says whether there were so many.
    fn fill(&mut self, reader: &mut impl Read, want: usize) -> io::Result<bool> {
        let held = self.pending.len() - self.given;
        if held >= want {
            return Ok(true);
        }
        self.pending.drain(..self.given);
        self.given = 0;
        let missing = (want - held) as u64;
        reader.take(missing).read_to_end(&mut self.pending)?;
        Ok(self.pending.len() >= want)
    }
}

/// Where the first piece of `bytes` ends: at least 1, at most `limit` (and 1 if that is 0).
fn cut(bytes: &[u8], limit: usize) -> usize {
    if bytes.len() <= limit {
        return bytes.len();
    }
    let window = bytes.get(..limit).unwrap_or(bytes);
    let mut line_end = None;
    for (at, _) in window
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, byte)| **byte == b'\n')
    {
        let before = trim_blanks(window.get(..at).unwrap_or_default());
        if before.last() == Some(&b'\n') {
            return at + 1;
        }
        line_end = line_end.or(Some(at + 1));
    }
    if let Some(end) = line_end {
        return end;
    }
    // Bytes 10xxxxxx continue a character; four in a row are none, and whoever reads the piece says
    // so.
    let continues = |at: &usize| {
        bytes
            .get(*at)
            .is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000)
    };
    let back = (limit.saturating_sub(3)..=limit)
        .rev()
        .find(|at| !continues(at))
        .unwrap_or(limit);
    back.max(1)
}

/// Without blanks at its end, but with its line ends.
fn trim_blanks(line: &[u8]) -> &[u8] {
    let mut rest = line;
    while let [before @ .., b' ' | b'\t' | b'\r'] = rest {
        rest = before;
    }
    rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pieces(text: &[u8], limit: usize) -> Vec<String> {
        let (mut pieces, mut reader) = (Pieces::new(0, limit), text);
        let mut found = Vec::new();
        while let Some(piece) = pieces.next(&mut reader).unwrap() {
            assert_eq!(
                piece.offset,
                found
                    .iter()
                    .map(|one: &String| one.len() as u64)
                    .sum::<u64>()
            );
            found.push(String::from_utf8(piece.bytes).unwrap());
        }
        found
    }

    #[test]
    fn cuts_at_blank_lines_then_lines_then_characters() {
        let check = |text: &str, expect: &[&str]| {
            assert_eq!(pieces(text.as_bytes(), 10), expect, "{text:?}");
        };
        check("", &[""]);
        check("짧다\n", &["짧다\n"]);
        check("aa\n\nbb\n\ncc\ndd", &["aa\n\nbb\n\n", "cc\ndd"]);
        check("aa\r\n \r\nbbbbbbbb", &["aa\r\n \r\n", "bbbbbbbb"]);
        check("aaaa\nbbbb\ncccc\n", &["aaaa\nbbbb\n", "cccc\n"]);
        check("가나다라마", &["가나다", "라마"]);
    }

    #[test]
    fn a_text_within_the_limit_is_one_piece_however_it_is_read() {
        let text = "가나다\n\n".repeat(9);
        let mut pieces = Pieces::new(200, 10);
        let piece = pieces.next(&mut text.as_bytes()).unwrap().unwrap();
        assert_eq!(piece.bytes, text.as_bytes());
        assert!(pieces.next(&mut [].as_slice()).unwrap().is_none());
        let mut longer = Pieces::new(90, 12);
        let first = longer.next(&mut text.as_bytes()).unwrap().unwrap();
        assert_eq!(first.bytes, "가나다\n\n".as_bytes());
    }

    proptest! {
        #[test]
        fn pieces_join_to_the_file_and_keep_the_limit(
            text in "([가-힣]|[a-c]|\n|\n\n| |\r|😀){0,80}", limit in 4_usize..40,
        ) {
            let pieces = pieces(text.as_bytes(), limit);
            prop_assert_eq!(pieces.concat(), text);
            prop_assert!(pieces.iter().all(|piece| piece.len() <= limit));
            prop_assert!(pieces.len() == 1 || pieces.iter().all(|piece| !piece.is_empty()));
        }
    }
}
