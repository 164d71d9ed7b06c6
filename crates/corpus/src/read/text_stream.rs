//! The text of a file: opened, decompressed and in UTF-8, whatever it was on the disk.
//!
//! Names may lie, so the content decides about compression, and a file that is no text at all is
//! said to be what it is. The encoding is that of the byte order mark, else the one that the
//! configuration names, else what [`detect`](super::detect) finds at the first byte that is not
//! ASCII. Bytes that are not in that encoding stay damaged in the stream, for the reader of rows to
//! find.

use std::fmt;
use std::io::{self, BufRead, ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::ahead::Ahead;
use super::content::{Content, HEAD_BYTES, is_like_text, not_text};
use super::detect::{LARGEST_WINDOW_BYTES, Verdict, WINDOW_BYTES, byte_order_mark, verdict};
use super::digest::{Digest, DigestReader};
use super::members::{Members, TrailingBytes, compression_of};
use super::transcode::Transcoder;
use crate::encoding::{Kind, TextEncoding};
use crate::{Compression, CorpusError, InputFile};

/// Characters that a window should hold before it is judged.
const TELLING_BYTES: usize = 256;

/// A file as UTF-8.
pub(crate) struct TextStream {
    path: PathBuf,
    bytes: Ahead<Box<dyn Read>>,
    state: State,
    codec: Option<Compression>,
    digest: Digest,
    /// Bytes of the byte order mark.
    mark: u64,
    /// Decoded bytes taken.
    given: u64,
    notes: Vec<String>,
}

enum State {
    /// All was ASCII so far.
    Undecided,
    Utf8,
    /// Another encoding, from this decoded byte on.
    Other(TextEncoding, Box<Transcoder>, u64),
}

impl TextStream {
    /// Opens a file and looks at its beginning.
    ///
    /// # Errors
    /// A file that cannot be opened or decompressed, one that is no text, UTF-16 without a mark.
    pub(crate) fn open(
        file: &InputFile,
        forced: Option<TextEncoding>,
    ) -> Result<Self, CorpusError> {
        let path = file.path.clone();
        let read = |source| CorpusError::Read {
            path: path.clone(),
            source,
        };
        let (reader, digest) = DigestReader::open(&path)?;
        let mut raw = Ahead::new(reader);
        let mut notes = Vec::new();
        let head = raw.peek(HEAD_BYTES).map_err(read)?;
        let codec = match (compression_of(head), file.compression) {
            // A few bytes say nothing: a file may be cut within its mark.
            (None, Some(_)) if head.len() >= 4 && is_like_text(head) => {
                notes.push("is not compressed in spite of its name".to_owned());
                None
            }
            (None, named) => named,
            (Some(found), named) => {
                if named != Some(found) {
                    notes.push(format!("is compressed with {found} in spite of its name"));
                }
                Some(found)
            }
        };
        let mut bytes: Ahead<Box<dyn Read>> = Ahead::new(match codec {
            Some(codec) => Box::new(Members::new(codec, raw)),
            None => Box::new(raw),
        });
        let head = match bytes.peek(HEAD_BYTES) {
            Ok(head) => head,
            Err(source) => return Err(unreadable(path, codec, 0, source)),
        };
        match not_text(head) {
            Some(Content::LfsPointer) => return Err(CorpusError::LfsPointer { path }),
            Some(Content::Other(what)) => return Err(CorpusError::OtherContent { path, what }),
            None => {}
        }
        let marked = byte_order_mark(head);
        let kind = marked.map(|(kind, _)| kind).or(forced.map(|it| it.0));
        let refused = match kind {
            None if head.contains(&0) => refusal(verdict(head, head.len() < HEAD_BYTES), 0),
            _ => None,
        };
        let mark = marked.map_or(0, |(_, length)| length);
        bytes.consume(mark);
        let mut stream = Self {
            path,
            bytes,
            state: State::Undecided,
            codec,
            digest,
            mark: mark as u64,
            given: 0,
            notes,
        };
        if let Some(refusal) = refused {
            return Err(stream.failed(1, io::Error::other(refusal)));
        }
        if let Some(kind) = kind {
            stream.decide(kind);
        }
        Ok(stream)
    }

    fn decide(&mut self, kind: Kind) {
        self.state = match Transcoder::new(kind, self.bytes.consumed()) {
            None => State::Utf8,
            Some(transcoder) => State::Other(TextEncoding(kind), Box::new(transcoder), self.given),
        };
    }

    /// The encoding, if it is another than UTF-8.
    pub(crate) fn converted_from(&self) -> Option<TextEncoding> {
        match &self.state {
            State::Other(encoding, ..) => Some(*encoding),
            State::Undecided | State::Utf8 => None,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What is odd about the file, in phrases that follow its name.
    pub(crate) fn notes(&self) -> &[String] {
        &self.notes
    }

    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    pub(crate) fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The error of text that is not UTF-8 at a place of the decoded stream.
    pub(crate) fn damaged(&mut self, decoded: u64, line: u64) -> CorpusError {
        let path = self.path.clone();
        let compressed = self.codec.is_some();
        match &mut self.state {
            State::Undecided | State::Utf8 => CorpusError::NotUtf8 {
                path,
                offset: self.mark + decoded,
                line,
                compressed,
            },
            State::Other(encoding, transcoder, from) => CorpusError::Undecodable {
                path,
                encoding: *encoding,
                offset: transcoder.original(decoded.saturating_sub(*from)),
                line,
                compressed,
            },
        }
    }

    /// The error of a reading that failed in this line.
    pub(crate) fn failed(&self, line: u64, source: io::Error) -> CorpusError {
        let refused = source
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<Refusal>());
        if let Some(Refusal { offset, why }) = refused {
            return CorpusError::UnknownEncoding {
                path: self.path.clone(),
                offset: *offset,
                line,
                compressed: self.codec.is_some(),
                likely: *why,
            };
        }
        unreadable(
            self.path.clone(),
            self.codec,
            line.saturating_sub(1),
            source,
        )
    }
}

fn unreadable(
    path: PathBuf,
    codec: Option<Compression>,
    lines: u64,
    source: io::Error,
) -> CorpusError {
    let inner = source.get_ref();
    let trailing = inner.and_then(|inner| inner.downcast_ref::<TrailingBytes>());
    match (codec, trailing.copied(), source.kind()) {
        (None, ..) => CorpusError::Read { path, source },
        (Some(codec), Some(TrailingBytes { at }), _) => {
            CorpusError::TrailingBytes { path, codec, at }
        }
        (Some(codec), None, ErrorKind::UnexpectedEof) => {
            CorpusError::CutShort { path, codec, lines }
        }
        (Some(codec), None, _) => CorpusError::Decompress {
            path,
            codec,
            lines,
            source,
        },
    }
}

/// Passed through `io::Read` as an error's inside.
#[derive(Debug)]
struct Refusal {
    offset: u64,
    why: Option<&'static str>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the encoding is not known")
    }
}

impl std::error::Error for Refusal {}

fn refusal(verdict: Verdict, offset: u64) -> Option<Refusal> {
    let why = match verdict {
        Verdict::Utf8 | Verdict::Cp949 => return None,
        // Places count from the start of the file.
        Verdict::Utf16 { big_endian } => Some(if big_endian ^ (offset % 2 == 1) {
            "utf-16be"
        } else {
            "utf-16le"
        }),
        Verdict::Unknown(why) => why,
    };
    Some(Refusal { offset, why })
}

impl BufRead for TextStream {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if matches!(self.state, State::Undecided) {
            let chunk = self.bytes.fill_buf()?;
            let plain = chunk.iter().position(|byte| *byte == 0 || *byte >= 0x80);
            match plain {
                None => return self.bytes.fill_buf(),
                Some(0) => {
                    let offset = self.bytes.consumed();
                    let found = judge(&mut self.bytes)?;
                    if let Some(refusal) = refusal(found, offset) {
                        return Err(io::Error::other(refusal));
                    }
                    self.decide(match found {
                        Verdict::Cp949 => Kind::Cp949,
                        _ => Kind::Utf8,
                    });
                }
                Some(ascii) => return Ok(&self.bytes.fill_buf()?[..ascii]),
            }
        }
        match &mut self.state {
            State::Other(_, transcoder, _) => transcoder.fill(&mut self.bytes),
            State::Undecided | State::Utf8 => self.bytes.fill_buf(),
        }
    }

    fn consume(&mut self, count: usize) {
        self.given += count as u64;
        match &mut self.state {
            State::Other(_, transcoder, _) => transcoder.consume(count),
            State::Undecided | State::Utf8 => self.bytes.consume(count),
        }
    }
}

/// Judges the next bytes, more of them where there are few characters.
fn judge(bytes: &mut Ahead<Box<dyn Read>>) -> io::Result<Verdict> {
    let mut size = WINDOW_BYTES;
    loop {
        let is_whole = bytes.ends_within(size)?;
        let window = bytes.peek(size)?;
        let telling = window.iter().filter(|byte| **byte >= 0x80).count();
        if is_whole || telling >= TELLING_BYTES || size >= LARGEST_WINDOW_BYTES {
            return Ok(verdict(window, is_whole));
        }
        size *= 4;
    }
}

impl Read for TextStream {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(out)?;
        self.consume(count);
        Ok(count)
    }
}
