//! Compressed streams: gzip members, Zstandard and LZ4 frames one after the other, one Brotli
//! stream.
//!
//! Each member is decoded on its own, so that the end of one is a known place: zeros after it are
//! the padding of tapes and disks, another member goes on, anything else is named with its
//! position. The libraries' own readers of several members take padding for damage (flate2) or a
//! file that was cut between two blocks for a whole one (`lz4_flex`).
//!
//! Memory: a Zstandard frame may ask for a window of up to 2 GiB (`zstd --long=31`), the largest
//! that its format's own library decodes; of that, what the text fills is resident. The others need
//! less than 20 MiB.

use std::fmt;
use std::io::{self, BufRead, ErrorKind, Read};

use flate2::bufread::GzDecoder;
use lz4_flex::frame::FrameDecoder;

use super::ahead::Ahead;
use super::digest::DigestReader;
use crate::Compression;

pub(crate) type RawBytes = Ahead<DigestReader>;

const ZSTD_MAGIC: u32 = 0xfd2f_b528;
const LZ4_MAGIC: u32 = 0x184d_2204;
const LZ4_LEGACY_MAGIC: u32 = 0x184c_2102;

/// Exponent of the largest window, in bytes.
const ZSTD_WINDOW_LOG: u32 = 31;

/// What the first bytes of a file say it is compressed with; Brotli cannot be told.
pub(crate) fn compression_of(head: &[u8]) -> Option<Compression> {
    if head.starts_with(&[0x1f, 0x8b]) {
        return Some(Compression::Gzip);
    }
    match magic(head)? {
        ZSTD_MAGIC => Some(Compression::Zstd),
        LZ4_MAGIC | LZ4_LEGACY_MAGIC => Some(Compression::Lz4),
        _ => None,
    }
}

fn magic(head: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(head.get(..4)?.try_into().ok()?))
}

/// Frames that both Zstandard and LZ4 readers pass over.
fn is_skippable(magic: u32) -> bool {
    magic & 0xffff_fff0 == 0x184d_2a50
}

/// A stream that ends although it says that it goes on.
pub(crate) fn cut_short() -> io::Error {
    io::Error::new(ErrorKind::UnexpectedEof, "the file ends in the middle")
}

/// The decompressed bytes of a file.
pub(crate) struct Members {
    codec: Compression,
    state: State,
    decoded_any: bool,
}

enum State {
    Between(Box<RawBytes>),
    Gzip(Box<GzDecoder<RawBytes>>),
    Zstd(Box<zstd::Decoder<'static, RawBytes>>),
    Lz4(Box<FrameDecoder<SeesEnd>>),
    Brotli(Box<brotli_decompressor::Decompressor<SeesEnd>>),
    /// At the end, or after an error.
    Done,
}

/// Knows whether its reader was asked for more than there is.
struct SeesEnd {
    inner: RawBytes,
    saw_end: bool,
}

impl Read for SeesEnd {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(out)?;
        self.saw_end |= count == 0 && !out.is_empty();
        Ok(count)
    }
}

impl Members {
    pub(crate) fn new(codec: Compression, raw: RawBytes) -> Self {
        Self {
            codec,
            state: State::Between(Box::new(raw)),
            decoded_any: false,
        }
    }

    /// Begins the next member; at the end of the file there is none.
    fn next_member(&mut self, mut raw: RawBytes) -> io::Result<State> {
        // Zeros alone are no text of any kind.
        if self.decoded_any {
            pass_over_zeros(&mut raw)?;
        }
        let head = raw.peek(8)?;
        if head.is_empty() {
            return if self.decoded_any {
                Ok(State::Done)
            } else {
                Err(cut_short())
            };
        }
        if let Some(codec) = compression_of(head).filter(|codec| *codec == self.codec) {
            self.decoded_any = true;
            return Ok(match codec {
                Compression::Gzip => State::Gzip(Box::new(GzDecoder::new(raw))),
                Compression::Zstd => State::Zstd(Box::new(zstd_frame(raw)?)),
                Compression::Lz4 if magic(head) == Some(LZ4_LEGACY_MAGIC) => {
                    // It has no mark at its end: a file that was cut would look whole.
                    let reason = "it is in the old LZ4 format, which does not say where it ends";
                    return Err(io::Error::new(ErrorKind::Unsupported, reason));
                }
                Compression::Lz4 => State::Lz4(Box::new(FrameDecoder::new(SeesEnd {
                    inner: raw,
                    saw_end: false,
                }))),
                Compression::Brotli => State::Done,
            });
        }
        let skippable = magic(head).is_some_and(is_skippable)
            && matches!(self.codec, Compression::Zstd | Compression::Lz4);
        if let (true, Some(length)) = (skippable, magic(head.get(4..).unwrap_or_default())) {
            pass_over(&mut raw, 8 + u64::from(length))?;
            return self.next_member(raw);
        }
        if self.codec == Compression::Brotli && !self.decoded_any {
            self.decoded_any = true;
            let raw = SeesEnd {
                inner: raw,
                saw_end: false,
            };
            let decoder = brotli_decompressor::Decompressor::new(raw, 64 << 10);
            return Ok(State::Brotli(Box::new(decoder)));
        }
        let codec = self.codec;
        Err(match (self.decoded_any, is_beginning(head, codec)) {
            (_, true) => cut_short(),
            (true, _) => trailing(raw.consumed()),
            (false, _) => {
                let reason = format!("it does not begin as {codec} does");
                io::Error::new(ErrorKind::InvalidData, reason)
            }
        })
    }
}

/// After the last member stands something else.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TrailingBytes {
    /// Where the compressed data ends, if the decoder tells.
    pub(crate) at: Option<u64>,
}

fn trailing(at: u64) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, TrailingBytes { at: Some(at) })
}

impl fmt::Display for TrailingBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("something else follows the compressed data")
    }
}

impl std::error::Error for TrailingBytes {}

/// Whether a file that ends after `head` may have been cut within the mark of its first or next
/// member.
fn is_beginning(head: &[u8], codec: Compression) -> bool {
    let mark: &[u8] = match codec {
        Compression::Gzip => &[0x1f, 0x8b],
        Compression::Zstd => &ZSTD_MAGIC.to_le_bytes(),
        Compression::Lz4 => &LZ4_MAGIC.to_le_bytes(),
        Compression::Brotli => &[],
    };
    head.len() < mark.len() && mark.starts_with(head)
}

fn zstd_frame(mut raw: RawBytes) -> io::Result<zstd::Decoder<'static, RawBytes>> {
    if let Some(window) = zstd_window_bytes(raw.peek(6)?)
        && window > 1 << ZSTD_WINDOW_LOG
    {
        let reason = format!(
            "it was written with a window of {} GiB; frames with up to 2 GiB are read",
            window >> 30
        );
        return Err(io::Error::new(ErrorKind::Unsupported, reason));
    }
    let mut decoder = zstd::Decoder::with_buffer(raw)?.single_frame();
    decoder.window_log_max(ZSTD_WINDOW_LOG)?;
    Ok(decoder)
}

/// The window that a frame's header asks for (RFC 8878, 3.1.1.1.2); absent where the content's size
/// is the window.
fn zstd_window_bytes(head: &[u8]) -> Option<u64> {
    let (descriptor, window) = (head.get(4)?, head.get(5)?);
    if descriptor & 0b0010_0000 != 0 {
        return None;
    }
    let base = 1_u64 << (10 + (window >> 3));
    Some(base + base / 8 * u64::from(window & 7))
}

fn pass_over_zeros(raw: &mut RawBytes) -> io::Result<()> {
    loop {
        let chunk = raw.fill_buf()?;
        let zeros = chunk.iter().take_while(|byte| **byte == 0).count();
        let all = zeros == chunk.len();
        raw.consume(zeros);
        if zeros == 0 || !all {
            return Ok(());
        }
    }
}

fn pass_over(raw: &mut RawBytes, count: u64) -> io::Result<()> {
    if io::copy(&mut raw.by_ref().take(count), &mut io::sink())? < count {
        return Err(cut_short());
    }
    Ok(())
}

impl Read for Members {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            // An error leaves `Done` behind.
            let mut state = std::mem::replace(&mut self.state, State::Done);
            let read = match &mut state {
                State::Between(_) => 0,
                State::Gzip(decoder) => decoder.read(out)?,
                State::Zstd(decoder) => decoder.read(out)?,
                State::Lz4(decoder) => decoder.read(out)?,
                State::Brotli(decoder) => match decoder.read(out) {
                    Err(_) if decoder.get_ref().saw_end => return Err(cut_short()),
                    read => read?,
                },
                State::Done => return Ok(0),
            };
            if read > 0 {
                self.state = state;
                return Ok(read);
            }
            let raw = match state {
                State::Between(raw) => *raw,
                State::Gzip(decoder) => decoder.into_inner(),
                State::Zstd(decoder) => decoder.finish(),
                State::Lz4(decoder) => {
                    let SeesEnd { inner, saw_end } = decoder.into_inner();
                    if saw_end {
                        return Err(cut_short());
                    }
                    inner
                }
                State::Brotli(mut decoder) => {
                    // A second reading after the end fails if the decoder holds bytes that it did
                    // not use.
                    let used_all = decoder.read(out).is_ok();
                    if used_all && decoder.get_mut().inner.peek(1)?.is_empty() {
                        return Ok(0);
                    }
                    let unknown = TrailingBytes { at: None };
                    return Err(io::Error::new(ErrorKind::InvalidData, unknown));
                }
                State::Done => return Ok(0),
            };
            self.state = self.next_member(raw)?;
        }
    }
}
