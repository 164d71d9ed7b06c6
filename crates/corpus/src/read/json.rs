//! `.json` files: an array of objects, one object, objects one after the other, or one a line.
//!
//! Elements are cut out by brackets and quotes alone and parsed one at a time, so that memory holds
//! one element, and a bad value is the fault of its element. Where each line is an object, lines
//! are the better cut: a quote that is not closed ends with its line.

use std::io::BufRead;

use super::json_reason::json_reason;
use super::jsonl::{JsonLineRows, field_names, parse};
use super::lines::{Lines, newlines};
use super::row::Fields;
use super::text_stream::TextStream;
use super::{MAX_ROW_BYTES, RawRow, RowReader};
use crate::CorpusError;

/// Opens a file and finds out in which form its objects stand.
///
/// # Errors
/// [`CorpusError::DoesNotFit`] for JSON without objects; text that is no JSON.
pub(crate) fn rows(
    mut stream: TextStream,
    fields: Fields,
) -> Result<Box<dyn RowReader>, CorpusError> {
    let mut place = Place { line: 1, offset: 0 };
    let first = skip_blanks(&mut stream, &mut place)?;
    match first {
        None => Ok(Box::new(JsonLineRows::new(stream, fields))),
        Some(b'[') => {
            stream.consume(1);
            place.offset += 1;
            Ok(Box::new(ElementRows::new(
                stream,
                fields,
                place,
                Vec::new(),
                true,
            )))
        }
        Some(b'{') => {
            let mut lines = Lines::going_on(stream, MAX_ROW_BYTES, place.line - 1, place.offset);
            // Its faults are found again when it is read as a row.
            match lines.next_line() {
                Err(error) if !error.is_of_row() => return Err(error),
                _ => {}
            }
            if is_one_object(lines.line()) {
                lines.go_back();
                return Ok(Box::new(JsonLineRows::after(lines, fields)));
            }
            let (stream, begun) = lines.into_parts();
            Ok(Box::new(ElementRows::new(
                stream, fields, place, begun, false,
            )))
        }
        Some(b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => Err(CorpusError::DoesNotFit {
            path: stream.path().to_owned(),
            reason: "it holds neither an object nor a list of objects".to_owned(),
        }),
        Some(byte) => Err(CorpusError::NotJson {
            path: stream.path().to_owned(),
            line: place.line,
            reason: format!(
                "it begins with `{}`, expected `[` or `{{`",
                byte.escape_ascii()
            ),
        }),
    }
}

/// Where the next byte stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    line: u64,
    offset: u64,
}

impl Place {
    fn pass(&mut self, bytes: &[u8]) {
        self.offset += bytes.len() as u64;
        self.line += newlines(bytes);
    }
}

fn skip_blanks(stream: &mut TextStream, place: &mut Place) -> Result<Option<u8>, CorpusError> {
    loop {
        let chunk = match stream.fill_buf() {
            Ok(chunk) => chunk,
            Err(source) => return Err(stream.failed(place.line, source)),
        };
        let blanks = chunk
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace())
            .count();
        let next = chunk.get(blanks).copied();
        let is_end = chunk.is_empty();
        place.pass(&chunk[..blanks]);
        stream.consume(blanks);
        if next.is_some() || is_end {
            return Ok(next);
        }
    }
}

/// Follows brackets and quotes through JSON text.
#[derive(Default)]
struct Nesting {
    depth: u64,
    in_string: bool,
    escaped: bool,
}

impl Nesting {
    fn pass(&mut self, byte: u8) {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.in_string => self.escaped = true,
            b'"' => self.in_string = !self.in_string,
            _ if self.in_string => {}
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    fn is_outside(&self) -> bool {
        self.depth == 0 && !self.in_string
    }
}

/// Whether a line is an object by its brackets, and nothing else.
fn is_one_object(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let mut nesting = Nesting::default();
    for (index, byte) in line.iter().enumerate() {
        nesting.pass(*byte);
        if nesting.is_outside() {
            return index + 1 == line.len();
        }
    }
    false
}

/// Elements of an array, or objects one after the other.
struct ElementRows {
    stream: TextStream,
    fields: Fields,
    place: Place,
    /// Text taken from the stream that is still to be read.
    begun: Vec<u8>,
    begun_at: usize,
    is_array: bool,
    number: u64,
    finished: bool,
    /// What is wrong behind the last element, told after it.
    after: Option<CorpusError>,
}

/// How an element ended.
enum End {
    Element,
    /// The bracket after it closed the array, or the file ended after the last object.
    Last,
}

impl ElementRows {
    fn new(
        stream: TextStream,
        fields: Fields,
        place: Place,
        begun: Vec<u8>,
        is_array: bool,
    ) -> Self {
        Self {
            stream,
            fields,
            place,
            begun,
            begun_at: 0,
            is_array,
            number: 0,
            finished: false,
            after: None,
        }
    }

    fn chunk(&mut self) -> Result<&[u8], CorpusError> {
        if self.begun_at < self.begun.len() {
            return Ok(&self.begun[self.begun_at..]);
        }
        if let Err(source) = self.stream.fill_buf() {
            return Err(self.stream.failed(self.place.line, source));
        }
        Ok(self.stream.fill_buf().unwrap_or_default())
    }

    fn take(&mut self, count: usize) {
        if self.begun_at < self.begun.len() {
            let taken = &self.begun[self.begun_at..self.begun_at + count];
            self.place.pass(taken);
            self.begun_at += count;
        } else {
            if let Ok(chunk) = self.stream.fill_buf() {
                self.place.pass(&chunk[..count]);
            }
            self.stream.consume(count);
        }
    }

    /// The next byte that is not blank, not taken.
    fn peek(&mut self) -> Result<Option<u8>, CorpusError> {
        loop {
            let chunk = self.chunk()?;
            if chunk.is_empty() {
                return Ok(None);
            }
            let blanks = chunk
                .iter()
                .take_while(|byte| byte.is_ascii_whitespace())
                .count();
            let next = chunk.get(blanks).copied();
            self.take(blanks);
            if next.is_some() {
                return Ok(next);
            }
        }
    }

    /// Reads one element into `text`.
    fn element(&mut self, text: &mut Vec<u8>) -> Result<End, CorpusError> {
        let start = self.place.line;
        let mut nesting = Nesting::default();
        loop {
            let is_array = self.is_array;
            let chunk = self.chunk()?;
            if chunk.is_empty() {
                return Err(CorpusError::NotJson {
                    path: self.stream.path().to_owned(),
                    line: start,
                    reason: format!(
                        "the file ends inside element {}, which begins there: it is cut short, or a quote or bracket is not \
                         closed",
                        self.number
                    ),
                });
            }
            let mut end = None;
            let mut used = 0;
            for byte in chunk {
                if is_array && nesting.is_outside() && matches!(byte, b',' | b']') {
                    end = Some(if *byte == b',' {
                        End::Element
                    } else {
                        End::Last
                    });
                    break;
                }
                nesting.pass(*byte);
                used += 1;
                if !is_array && nesting.is_outside() {
                    end = Some(End::Element);
                    break;
                }
            }
            text.extend_from_slice(&chunk[..used]);
            self.take(used + usize::from(is_array && end.is_some()));
            if text.len() as u64 > MAX_ROW_BYTES {
                return Err(CorpusError::RowTooLong {
                    path: self.stream.path().to_owned(),
                    row: start,
                    limit: MAX_ROW_BYTES,
                });
            }
            if let Some(end) = end {
                return Ok(end);
            }
        }
    }

    fn row(&mut self) -> Result<Option<RawRow>, CorpusError> {
        let first = self.peek()?;
        match (first, self.is_array) {
            (None, false) => return Ok(None),
            (Some(b']'), true) if self.number == 0 => {
                self.take(1);
                return self.ended().map(|()| None);
            }
            (Some(byte), false) if byte != b'{' => {
                return Err(CorpusError::NotJson {
                    path: self.stream.path().to_owned(),
                    line: self.place.line,
                    reason: format!(
                        "after {} objects stands `{}`, expected `{{`",
                        self.number,
                        byte.escape_ascii()
                    ),
                });
            }
            // An array without its end is found out by its element.
            _ => {}
        }
        self.number += 1;
        let place = self.place;
        let mut text = Vec::new();
        let end = self.element(&mut text)?;
        self.finished = matches!(end, End::Last);
        let row = self.parse(&text, place);
        if self.finished {
            self.after = self.ended().err();
        }
        row.map(Some)
    }

    /// Only blanks may follow an array.
    fn ended(&mut self) -> Result<(), CorpusError> {
        self.finished = true;
        match self.peek()? {
            None => Ok(()),
            Some(byte) => Err(CorpusError::NotJson {
                path: self.stream.path().to_owned(),
                line: self.place.line,
                reason: format!("`{}` follows the end of the list", byte.escape_ascii()),
            }),
        }
    }

    fn parse(&mut self, bytes: &[u8], place: Place) -> Result<RawRow, CorpusError> {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let valid = error.valid_up_to();
                let line = place.line + newlines(&bytes[..valid]);
                return Err(self.stream.damaged(place.offset + valid as u64, line));
            }
        };
        let path = self.stream.path();
        if self.number == 1 && !text.trim_ascii_start().starts_with('{') {
            return Err(CorpusError::DoesNotFit {
                path: path.to_owned(),
                reason: "it is a list, but not of objects".to_owned(),
            });
        }
        match parse(text, &self.fields) {
            Ok(values) => self
                .fields
                .assemble(path, self.number, values, || field_names(text)),
            Err(source) => Err(CorpusError::Json {
                path: path.to_owned(),
                row: self.number,
                place: format!(
                    "line {}, column {}",
                    place.line + (source.line() as u64).saturating_sub(1),
                    source.column()
                ),
                reason: json_reason(&source, text),
            }),
        }
    }
}

impl RowReader for ElementRows {
    fn next_row(&mut self) -> Option<Result<RawRow, CorpusError>> {
        if self.finished {
            return self.after.take().map(Err);
        }
        self.row().transpose()
    }

    fn stream(&self) -> Option<&TextStream> {
        Some(&self.stream)
    }
}
