//! CSV and TSV: the first record names the columns, every other one is a row.
//!
//! The state machine of `csv-core` cuts records; what it forgives is checked here, because in
//! training text it would be damage that nobody sees: a quote that stands inside a field, or is
//! never closed and swallows the rows after it, and rows with more or fewer fields than there are
//! columns. Each is the fault of the line where it begins; reading goes on with the next. In TSV,
//! whose own definition has no quotes, a field that is not quoted from end to end is taken as it
//! is.

use std::io::BufRead;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::lines::newlines;
use super::row::{Fields, Value, Values, list_names};
use super::text_stream::TextStream;
use super::{MAX_ROW_BYTES, RawRow, RowReader};
use crate::CorpusError;

/// The rows of one file.
pub(crate) struct CsvRows {
    records: Records,
    fields: Fields,
    /// For each wanted field the column that holds it.
    columns: Vec<Option<usize>>,
    width: usize,
    finished: bool,
}

impl CsvRows {
    /// Reads the first record.
    ///
    /// # Errors
    /// [`CorpusError::MissingField`] without a wanted column; two columns of a wanted name; a
    /// header that is not UTF-8.
    pub(crate) fn new(
        stream: TextStream,
        fields: Fields,
        delimiter: u8,
    ) -> Result<Self, CorpusError> {
        let is_tsv = delimiter == b'\t';
        let mut records = Records::new(stream, delimiter);
        let mut header = records.next_fields()?.unwrap_or_default();
        // A spreadsheet's way of naming the delimiter.
        if let [only] = header.as_slice()
            && let Some([delimiter]) = only.strip_prefix("sep=").map(str::as_bytes)
        {
            records.delimiter(*delimiter);
            header = records.next_fields()?.unwrap_or_default();
        }
        if !is_tsv
            && fields
                .missing(|place| fields.is_in(place, &header))
                .is_some()
        {
            header = records.with_another_delimiter(header, &fields);
        }
        let names: Vec<&str> = header.iter().map(|name| name.trim()).collect();
        let mut columns = Vec::with_capacity(fields.names().len());
        for wanted in fields.names() {
            let mut places = names
                .iter()
                .enumerate()
                .filter(|(_, name)| **name == wanted);
            let first = places.next();
            if places.next().is_some() {
                return Err(CorpusError::DuplicateColumn {
                    path: records.stream.path().to_owned(),
                    column: wanted.clone(),
                });
            }
            columns.push(first.map(|(place, _)| place));
        }
        let found = |place: usize| columns.get(place).is_some_and(Option::is_some);
        if let Some(field) = fields.missing(found)
            && !header.is_empty()
        {
            return Err(CorpusError::MissingField {
                path: records.stream.path().to_owned(),
                row: 1,
                field: field.to_owned(),
                found: list_names(names.iter().copied()),
            });
        }
        Ok(Self {
            width: header.len(),
            records,
            fields,
            columns,
            finished: false,
        })
    }

    fn row(&mut self) -> Result<Option<RawRow>, CorpusError> {
        let Some(record) = self.records.next_fields()? else {
            self.finished = true;
            return Ok(None);
        };
        let (line, path) = (self.records.line, self.records.stream.path());
        if record.len() != self.width {
            return Err(CorpusError::CsvRecord {
                path: path.to_owned(),
                row: line,
                reason: format!("has {} fields, the header has {}", record.len(), self.width),
            });
        }
        let mut record: Vec<Option<String>> = record.into_iter().map(Some).collect();
        let values: Values = self
            .columns
            .iter()
            .map(|column| {
                let taken = column.and_then(|column| record.get_mut(column)?.take());
                taken.map(Value::Text)
            })
            .collect();
        self.fields
            .assemble(path, line, values, || "other columns".to_owned())
            .map(Some)
    }
}

impl RowReader for CsvRows {
    fn next_row(&mut self) -> Option<Result<RawRow, CorpusError>> {
        if self.finished {
            return None;
        }
        self.row().transpose()
    }

    fn stream(&self) -> Option<&TextStream> {
        Some(&self.records.stream)
    }
}

/// Records of a stream, as fields of text.
struct Records {
    stream: TextStream,
    delimiter: u8,
    reader: Reader,
    /// Bytes taken from the stream that are to be read again.
    again: Vec<u8>,
    again_at: usize,
    /// The record's own bytes.
    raw: Vec<u8>,
    out: Vec<u8>,
    ends: Vec<usize>,
    /// Line where the record begins, from 1.
    line: u64,
    /// Line and place of the next byte.
    next_line: u64,
    offset: u64,
}

fn reader(delimiter: u8) -> Reader {
    ReaderBuilder::new().delimiter(delimiter).build()
}

impl Records {
    fn new(stream: TextStream, delimiter: u8) -> Self {
        Self {
            stream,
            delimiter,
            reader: reader(delimiter),
            again: Vec::new(),
            again_at: 0,
            raw: Vec::new(),
            out: vec![0; 4096],
            ends: vec![0; 64],
            line: 1,
            next_line: 1,
            offset: 0,
        }
    }

    fn delimiter(&mut self, delimiter: u8) {
        self.delimiter = delimiter;
        self.reader = reader(delimiter);
    }

    /// Where a header lacks a wanted column: the delimiter of other countries or programs that has
    /// them all.
    fn with_another_delimiter(&mut self, header: Vec<String>, fields: &Fields) -> Vec<String> {
        let raw = String::from_utf8_lossy(&self.raw).into_owned();
        for delimiter in [';', '\t', '|'] {
            let names: Vec<String> = raw
                .trim()
                .split(delimiter)
                .map(|name| name.trim().trim_matches('"').to_owned())
                .collect();
            if fields
                .missing(|place| fields.is_in(place, &names))
                .is_none()
            {
                self.delimiter(delimiter as u8);
                let shown = delimiter.escape_default();
                self.stream
                    .note(format!("has `{shown}` between its columns"));
                return names;
            }
        }
        header
    }

    /// The fields of the next record; none at the end.
    ///
    /// # Errors
    /// A record that is not well formed or not UTF-8; after either, the next record follows.
    fn next_fields(&mut self) -> Result<Option<Vec<String>>, CorpusError> {
        let Some((length, num_fields)) = self.cut_record()? else {
            return Ok(None);
        };
        // Line ends of blank lines before it, and its own.
        let blank = self
            .raw
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'))
            .count();
        let start = self.offset - self.raw.len() as u64;
        self.line = self.next_line - newlines(self.raw.get(blank..).unwrap_or_default());
        let is_whole = num_fields > 0;
        if is_whole
            && is_well_quoted(
                self.raw.get(blank..).unwrap_or_default(),
                self.fields(length, num_fields),
                self.delimiter,
            )
        {
            let checked = std::str::from_utf8(&self.raw).map(drop);
            if let Err(error) = checked {
                return Err(self.damaged(start, error.valid_up_to()));
            }
            let fields = self
                .fields(length, num_fields)
                .map(|field| String::from_utf8_lossy(field).into_owned());
            return Ok(Some(fields.collect()));
        }
        self.first_line_alone(blank, start)
    }

    /// A record with a stray quote: its first line is read alone, what came after it again.
    fn first_line_alone(
        &mut self,
        blank: usize,
        start: u64,
    ) -> Result<Option<Vec<String>>, CorpusError> {
        let raw = std::mem::take(&mut self.raw);
        let end = raw[blank..]
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(raw.len(), |end| blank + end + 1);
        let (first, rest) = raw.split_at(end);
        self.next_line -= newlines(rest);
        self.offset -= rest.len() as u64;
        let mut again = rest.to_vec();
        again.extend_from_slice(self.again.get(self.again_at..).unwrap_or_default());
        self.again = again;
        self.again_at = 0;
        self.reader = reader(self.delimiter);
        let line = match std::str::from_utf8(first) {
            Ok(line) => line,
            Err(error) => {
                let valid = error.valid_up_to();
                self.raw = first.to_vec();
                return Err(self.damaged(start, valid));
            }
        };
        if self.delimiter == b'\t' {
            let fields = line.trim_matches(['\r', '\n']).split('\t');
            return Ok(Some(fields.map(str::to_owned).collect()));
        }
        Err(CorpusError::CsvRecord {
            path: self.stream.path().to_owned(),
            row: self.line,
            reason: "has a quote that is not closed, or text beside a quoted field".to_owned(),
        })
    }

    fn damaged(&mut self, start: u64, valid: usize) -> CorpusError {
        let before = newlines(self.raw.get(..valid).unwrap_or_default());
        let first_line = self.line - newlines(&self.raw[..leading_line_ends(&self.raw)]);
        self.stream
            .damaged(start + valid as u64, first_line.max(1) + before)
    }

    fn fields(&self, length: usize, num_fields: usize) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        let ends = self.ends.get(..num_fields).unwrap_or_default();
        ends.iter().map(move |end| {
            let field = self.out.get(start..(*end).min(length)).unwrap_or_default();
            start = *end;
            field
        })
    }

    /// Takes one record from the stream: bytes of its fields and their number, which is 0 for one
    /// that does not end.
    fn cut_record(&mut self) -> Result<Option<(usize, usize)>, CorpusError> {
        self.raw.clear();
        let (mut length, mut num_fields) = (0, 0);
        loop {
            let is_again = self.again_at < self.again.len();
            let chunk = if is_again {
                &self.again[self.again_at..]
            } else {
                match self.stream.fill_buf() {
                    Ok(chunk) => chunk,
                    Err(source) => return Err(self.stream.failed(self.next_line, source)),
                }
            };
            // A line end that is not there closes every record but one inside quotes.
            let is_end = chunk.is_empty();
            let input = if is_end { b"\n" } else { chunk };
            let (result, read, written, ended) = self.reader.read_record(
                input,
                &mut self.out[length..],
                &mut self.ends[num_fields..],
            );
            length += written;
            num_fields += ended;
            if !is_end {
                let taken = &input[..read];
                self.raw.extend_from_slice(taken);
                self.next_line += newlines(taken);
                self.offset += read as u64;
                if is_again {
                    self.again_at += read;
                } else {
                    self.stream.consume(read);
                }
            }
            match result {
                ReadRecordResult::Record => return Ok(Some((length, num_fields))),
                ReadRecordResult::End => return Ok(None),
                ReadRecordResult::OutputFull => self.out.resize(self.out.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::InputEmpty if is_end => {
                    let nothing = self.raw.iter().all(|byte| matches!(byte, b'\r' | b'\n'));
                    return Ok((!nothing).then_some((0, 0)));
                }
                ReadRecordResult::InputEmpty => {}
            }
            if self.raw.len() as u64 > MAX_ROW_BYTES {
                return Err(CorpusError::RowTooLong {
                    path: self.stream.path().to_owned(),
                    row: self.next_line - newlines(&self.raw),
                    limit: MAX_ROW_BYTES,
                });
            }
        }
    }
}

fn leading_line_ends(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count()
}

/// Whether a record's bytes are its fields, each as it is or quoted from end to end.
fn is_well_quoted<'a>(raw: &[u8], fields: impl Iterator<Item = &'a [u8]>, delimiter: u8) -> bool {
    let mut rest = raw;
    for (index, field) in fields.enumerate() {
        if index > 0 {
            match rest.split_first() {
                Some((first, after)) if *first == delimiter => rest = after,
                _ => return false,
            }
        }
        let is_quoted = rest.first() == Some(&b'"');
        if !is_quoted {
            match rest.strip_prefix(field) {
                Some(after) => rest = after,
                None => return false,
            }
            continue;
        }
        rest = &rest[1..];
        for byte in field {
            let doubled: &[u8] = if *byte == b'"' { b"\"\"" } else { &[*byte] };
            match rest.strip_prefix(doubled) {
                Some(after) => rest = after,
                None => return false,
            }
        }
        match rest.strip_prefix(b"\"") {
            Some(after) => rest = after,
            None => return false,
        }
    }
    rest.iter().all(|byte| matches!(byte, b'\r' | b'\n'))
}
