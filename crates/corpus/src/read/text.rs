//! Plain text and Markdown: a file is a document, unless it is so large that it must be many.

use std::io::{self, Read};
use std::path::PathBuf;

use super::{DigestReader, RawRow, Rows};
use crate::{CorpusError, InputFile};

/// Above this a file is no longer one document, in bytes.
const WHOLE_FILE_BYTES: u64 = 64 << 20;
/// The most that one document of a larger file holds, in bytes.
const PIECE_BYTES: usize = 1 << 20;

/// The whole file as one row, or, above 64 MiB, rows of at most 1 MiB.
///
/// A large file is cut at the last blank line within each MiB; where there is none, at the last line end; where there
/// is none either, between two characters.
pub(crate) fn rows(reader: DigestReader, file: &InputFile) -> Rows {
    let path = file.path.clone();
    if file.bytes > WHOLE_FILE_BYTES {
        Box::new(Pieces::new(reader, path, PIECE_BYTES))
    } else {
        Box::new(std::iter::once_with(move || whole(reader, path)))
    }
}

fn whole(reader: DigestReader, path: PathBuf) -> Result<RawRow, CorpusError> {
    let mut bytes = Vec::new();
    // A file that grows meanwhile is found out by its size; one byte more is enough for that.
    if let Err(source) = reader.take(WHOLE_FILE_BYTES + 1).read_to_end(&mut bytes) {
        return Err(CorpusError::Read { path, source });
    }
    Ok(RawRow {
        number: 1,
        text: utf8(bytes, 0, &path)?,
        license: None,
    })
}

fn utf8(bytes: Vec<u8>, start: u64, path: &std::path::Path) -> Result<String, CorpusError> {
    String::from_utf8(bytes).map_err(|error| CorpusError::NotUtf8 {
        path: path.to_owned(),
        offset: start + error.utf8_error().valid_up_to() as u64,
        compressed: false,
    })
}

/// A large file, piece by piece.
struct Pieces<R> {
    reader: R,
    path: PathBuf,
    piece_bytes: usize,
    pending: Vec<u8>,
    /// Where `pending` begins in the file.
    offset: u64,
    number: u64,
}

impl<R: Read> Pieces<R> {
    fn new(reader: R, path: PathBuf, piece_bytes: usize) -> Self {
        Self {
            reader,
            path,
            piece_bytes,
            pending: Vec::new(),
            offset: 0,
            number: 0,
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        // One byte more than a piece tells whether the file ends with it.
        let want = (self.piece_bytes + 1).saturating_sub(self.pending.len());
        (&mut self.reader)
            .take(want as u64)
            .read_to_end(&mut self.pending)?;
        Ok(())
    }
}

impl<R: Read> Iterator for Pieces<R> {
    type Item = Result<RawRow, CorpusError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Err(source) = self.fill() {
            return Some(Err(CorpusError::Read {
                path: self.path.clone(),
                source,
            }));
        }
        if self.pending.is_empty() {
            return None;
        }
        let end = cut(&self.pending, self.piece_bytes);
        let rest = self.pending.split_off(end);
        let piece = std::mem::replace(&mut self.pending, rest);
        let start = self.offset;
        self.offset += end as u64;
        self.number += 1;
        let text = utf8(piece, start, &self.path);
        Some(text.map(|text| RawRow {
            number: self.number,
            text,
            license: None,
        }))
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
    // Bytes 10xxxxxx continue a character; four in a row are none, and `utf8` reports them.
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

    fn pieces(text: &[u8], limit: usize) -> Result<Vec<String>, CorpusError> {
        Pieces::new(text, PathBuf::from("big.txt"), limit)
            .map(|row| row.map(|r| r.text))
            .collect()
    }

    #[test]
    fn cuts_at_blank_lines_then_lines_then_characters() {
        let check = |text: &str, expect: &[&str]| {
            assert_eq!(pieces(text.as_bytes(), 10).unwrap(), expect, "{text:?}");
        };
        check("", &[]);
        check("짧다\n", &["짧다\n"]);
        check("aa\n\nbb\n\ncc\ndd", &["aa\n\nbb\n\n", "cc\ndd"]);
        check("aa\r\n \r\nbbbbbbbb", &["aa\r\n \r\n", "bbbbbbbb"]);
        check("aaaa\nbbbb\ncccc\n", &["aaaa\nbbbb\n", "cccc\n"]);
        check("가나다라마", &["가나다", "라마"]);
    }

    #[test]
    fn bytes_that_are_not_utf8_are_found_at_their_offset() {
        let mut text = "가나다\n".repeat(3).into_bytes();
        text.push(0xb0);
        text.extend_from_slice(&[0x80; 30]);
        let error = pieces(&text, 10).unwrap_err();
        assert!(
            matches!(error, CorpusError::NotUtf8 { offset: 30, .. }),
            "{error}"
        );
    }

    proptest! {
        #[test]
        fn pieces_join_to_the_file_and_keep_the_limit(
            text in "([가-힣]|[a-c]|\n|\n\n| |\r|😀){0,80}", limit in 4_usize..40,
        ) {
            let pieces = pieces(text.as_bytes(), limit).unwrap();
            prop_assert_eq!(pieces.concat(), text);
            prop_assert!(pieces.iter().all(|piece| !piece.is_empty() && piece.len() <= limit));
        }
    }
}
