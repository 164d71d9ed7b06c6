//! From other encodings to UTF-8, with each byte that is none marked in its place.
//!
//! Where the input cannot be decoded the output has the byte 0xFF, which no UTF-8 has: whoever
//! looks at that row finds it damaged exactly there, and [`Transcoder::original`] gives the place
//! in the input. So a fault belongs to its row, and rows need not know about encodings.

use std::collections::VecDeque;
use std::io::{self, BufRead};

use encoding_rs::{Decoder, DecoderResult};

use crate::encoding::Kind;

/// In the output, where the input is damaged.
const DAMAGED: u8 = 0xff;

/// Faults remembered until their row is passed; of later ones only the row is known.
const MOST_FAULTS: usize = 4096;

const OUT_BYTES: usize = 64 << 10;

/// Decodes a stream.
pub(crate) struct Transcoder {
    decoding: Decoding,
    /// Bytes of input decoded.
    taken: u64,
    out: Vec<u8>,
    start: usize,
    /// Bytes of output before `out`.
    given: u64,
    /// Places of faults: in the output, in the input.
    faults: VecDeque<(u64, u64)>,
    finished: bool,
}

enum Decoding {
    Standard(Box<Decoder>),
    /// Line by line, to find lines of UTF-8 between those of CP949.
    Cp949(Box<Decoder>),
    Utf32(Utf32),
}

impl Transcoder {
    /// Nothing for UTF-8; `taken` bytes of the stream came before.
    pub(crate) fn new(kind: Kind, taken: u64) -> Option<Self> {
        let standard = |encoding: &'static encoding_rs::Encoding| {
            Box::new(encoding.new_decoder_without_bom_handling())
        };
        let decoding = match kind {
            Kind::Utf8 => return None,
            Kind::Cp949 => Decoding::Cp949(standard(encoding_rs::EUC_KR)),
            Kind::Utf16 { big_endian: false } => {
                Decoding::Standard(standard(encoding_rs::UTF_16LE))
            }
            Kind::Utf16 { big_endian: true } => Decoding::Standard(standard(encoding_rs::UTF_16BE)),
            Kind::Utf32 { big_endian } => Decoding::Utf32(Utf32 {
                big_endian,
                ..Utf32::default()
            }),
            Kind::Other(encoding) => Decoding::Standard(standard(encoding)),
        };
        Some(Self {
            decoding,
            taken,
            out: Vec::new(),
            start: 0,
            given: 0,
            faults: VecDeque::new(),
            finished: false,
        })
    }

    /// The next decoded bytes of `input`; none at its end.
    pub(crate) fn fill(&mut self, input: &mut impl BufRead) -> io::Result<&[u8]> {
        while self.start == self.out.len() && !self.finished {
            self.given += self.out.len() as u64;
            self.out.clear();
            self.start = 0;
            let chunk = input.fill_buf()?;
            let is_last = chunk.is_empty();
            let piece = match self.decoding {
                // The end of a line is never the second byte of a character.
                Decoding::Cp949(_) => match chunk.iter().position(|byte| *byte == b'\n') {
                    Some(end) => &chunk[..=end],
                    None => chunk,
                },
                _ => &chunk[..chunk.len().min(OUT_BYTES)],
            };
            let used = self.decode(piece, is_last);
            input.consume(used);
            self.finished = is_last;
        }
        Ok(&self.out[self.start..])
    }

    pub(crate) fn consume(&mut self, count: usize) {
        self.start += count;
    }

    /// The place in the input of the fault that stands at `place` of the output.
    pub(crate) fn original(&mut self, place: u64) -> Option<u64> {
        while let Some(&(out, original)) = self.faults.front() {
            if out == place {
                return Some(original);
            }
            if out > place {
                return None;
            }
            self.faults.pop_front();
        }
        None
    }

    /// Appends the characters of `piece` and gives the bytes used.
    fn decode(&mut self, piece: &[u8], is_last: bool) -> usize {
        let (out, taken, given) = (&mut self.out, self.taken, self.given);
        let mut faults = Vec::new();
        let used = match &mut self.decoding {
            Decoding::Utf32(utf32) => {
                utf32.decode(piece, is_last, out, &mut faults);
                piece.len()
            }
            Decoding::Cp949(decoder) if is_utf8_line(piece) => {
                // Ends a character that the line before left open.
                let _ = standard(decoder, b"\n", false, &mut Vec::new(), &mut faults);
                faults.clear();
                faults.push((out.len() as i64, 0));
                out.push(DAMAGED);
                out.extend(piece.last().filter(|byte| **byte == b'\n'));
                piece.len()
            }
            Decoding::Cp949(decoder) | Decoding::Standard(decoder) => {
                standard(decoder, piece, is_last, out, &mut faults)
            }
        };
        for (at, from) in faults {
            if self.faults.len() < MOST_FAULTS {
                let original = taken.saturating_add_signed(from);
                self.faults.push_back((given + at as u64, original));
            }
        }
        self.taken += used as u64;
        used
    }
}

/// A fault's place in the output piece and in the input piece; the latter may lie before the piece.
type Faults = Vec<(i64, i64)>;

/// UTF-8 in a file of CP949 would become wrong Hangul in silence: characters of three bytes are no
/// accident.
pub(crate) fn is_utf8_line(line: &[u8]) -> bool {
    if line.is_ascii() {
        return false;
    }
    let whole = match std::str::from_utf8(line) {
        Ok(text) => text,
        // A long line comes in pieces, and a character may lie across two.
        Err(error) if error.error_len().is_none() => {
            let valid = line.get(..error.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(valid).unwrap_or_default()
        }
        Err(_) => return false,
    };
    whole.chars().filter(|c| c.len_utf8() == 3).count() >= 2
}

fn standard(
    decoder: &mut Decoder,
    piece: &[u8],
    is_last: bool,
    out: &mut Vec<u8>,
    faults: &mut Faults,
) -> usize {
    let mut read = 0;
    loop {
        let held = out.len();
        let room = decoder
            .max_utf8_buffer_length_without_replacement(piece.len() - read)
            .unwrap_or(OUT_BYTES)
            .max(16);
        out.resize(held + room, 0);
        let (result, used, written) =
            decoder.decode_to_utf8_without_replacement(&piece[read..], &mut out[held..], is_last);
        out.truncate(held + written);
        read += used;
        match result {
            DecoderResult::InputEmpty => return read,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(length, after) => {
                let from = read as i64 - i64::from(after) - i64::from(length);
                faults.push((out.len() as i64, from));
                out.push(DAMAGED);
            }
        }
    }
}

/// One unit of UTF-32, which may lie across two pieces.
#[derive(Default)]
struct Utf32 {
    big_endian: bool,
    unit: [u8; 4],
    filled: usize,
}

impl Utf32 {
    fn decode(&mut self, piece: &[u8], is_last: bool, out: &mut Vec<u8>, faults: &mut Faults) {
        let mut damaged = |out: &mut Vec<u8>, from: usize, filled: usize| {
            faults.push((out.len() as i64, from as i64 - filled as i64));
            out.push(DAMAGED);
        };
        for (index, byte) in piece.iter().enumerate() {
            self.unit[self.filled] = *byte;
            self.filled += 1;
            if self.filled < 4 {
                continue;
            }
            self.filled = 0;
            let code = if self.big_endian {
                u32::from_be_bytes(self.unit)
            } else {
                u32::from_le_bytes(self.unit)
            };
            match char::from_u32(code) {
                Some(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                None => damaged(out, index + 1, 4),
            }
        }
        if is_last && self.filled > 0 {
            damaged(out, piece.len(), self.filled);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The whole output and the faults' places in input and output, read in chunks of the given
    /// size.
    fn decoded(kind: Kind, bytes: &[u8], chunk: usize) -> (Vec<u8>, Vec<(u64, u64)>) {
        let mut input = std::io::BufReader::with_capacity(chunk, bytes);
        let mut transcoder = Transcoder::new(kind, 0).unwrap();
        let (mut all, mut faults) = (Vec::new(), Vec::new());
        loop {
            let piece = transcoder.fill(&mut input).unwrap().to_vec();
            if piece.is_empty() {
                return (all, faults);
            }
            for (index, byte) in piece.iter().enumerate() {
                let place = (all.len() + index) as u64;
                if *byte == DAMAGED {
                    faults.push((place, transcoder.original(place).unwrap()));
                }
            }
            all.extend_from_slice(&piece);
            transcoder.consume(piece.len());
        }
    }

    fn utf32(text: &str, big_endian: bool) -> Vec<u8> {
        let units = text.chars().map(u32::from);
        if big_endian {
            units.flat_map(u32::to_be_bytes).collect()
        } else {
            units.flat_map(u32::to_le_bytes).collect()
        }
    }

    fn utf16(text: &str, big_endian: bool) -> Vec<u8> {
        let units = text.encode_utf16();
        if big_endian {
            units.flat_map(u16::to_be_bytes).collect()
        } else {
            units.flat_map(u16::to_le_bytes).collect()
        }
    }

    #[test]
    fn faults_are_marked_where_they_are() {
        for chunk in [1, 2, 3, 5, 100] {
            // 한, a lead byte before a line's end, 국.
            let (text, faults) = decoded(Kind::Cp949, b"\xc7\xd1\xb1\n\xb1\xb9", chunk);
            assert_eq!(text, ["한".as_bytes(), b"\xff\n", "국".as_bytes()].concat());
            assert_eq!(faults, [(3, 2)]);
            let (text, faults) = decoded(
                Kind::Utf16 { big_endian: false },
                b"\x00\xac\x00\xd8\x41\x00\x42",
                chunk,
            );
            assert_eq!(text, ["가".as_bytes(), b"\xffA\xff"].concat());
            assert_eq!(faults, [(3, 2), (5, 6)]);
            let (text, faults) = decoded(
                Kind::Utf32 { big_endian: true },
                b"\0\0\xac\0\0\x11\0\0\0\0\0A\0",
                chunk,
            );
            assert_eq!(text, ["가".as_bytes(), b"\xffA\xff"].concat());
            assert_eq!(faults, [(3, 4), (5, 12)]);
        }
        let mixed = [b"\xc7\xd1\n".as_slice(), "한국\n".as_bytes(), b"\xb1\xb9"].concat();
        let (text, faults) = decoded(Kind::Cp949, &mixed, 100);
        assert_eq!(
            text,
            ["한\n".as_bytes(), b"\xff\n", "국".as_bytes()].concat()
        );
        assert_eq!(faults, [(4, 3)]);
    }

    proptest! {
        #[test]
        fn what_was_encoded_comes_back(text in "([가-힣]|[ -~]|\n|😀){0,60}", chunk in 1_usize..40) {
            for big_endian in [false, true] {
                let (got, faults) = decoded(Kind::Utf32 { big_endian }, &utf32(&text, big_endian), chunk);
                prop_assert_eq!(std::str::from_utf8(&got).unwrap(), &text);
                prop_assert!(faults.is_empty());
                let (got, _) = decoded(Kind::Utf16 { big_endian }, &utf16(&text, big_endian), chunk);
                prop_assert_eq!(std::str::from_utf8(&got).unwrap(), &text);
            }
            let korean: String = text.chars().filter(|c| *c != '😀').collect();
            let bytes = encoding_rs::EUC_KR.encode(&korean).0;
            let (got, _) = decoded(Kind::Cp949, &bytes, chunk);
            prop_assert_eq!(std::str::from_utf8(&got).unwrap(), &korean);
        }

        #[test]
        fn any_bytes_give_utf8_but_for_the_marks(bytes in prop::collection::vec(any::<u8>(), 0..200), chunk in 1_usize..40) {
            for kind in [Kind::Cp949, Kind::Utf16 { big_endian: false }, Kind::Utf32 { big_endian: false }, Kind::Other(encoding_rs::SHIFT_JIS)] {
                let (got, faults) = decoded(kind, &bytes, chunk);
                for piece in got.split(|byte| *byte == DAMAGED) {
                    prop_assert!(std::str::from_utf8(piece).is_ok());
                }
                prop_assert!(faults.iter().all(|(_, original)| *original < bytes.len() as u64));
            }
        }
    }
}
