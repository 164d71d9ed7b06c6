//! From one raw file to a stream of documents. Each format has its own file and hands out
//! [`RawRow`]s; here they become documents, and here it is decided what a row or file that cannot
//! be read ends. Memory is bounded by the longest row, not by the file.

mod ahead;
mod content;
mod csv;
mod detect;
mod digest;
mod faults;
mod json;
mod json_reason;
mod jsonl;
mod lines;
mod members;
mod parquet;
mod row;
mod text;
mod text_stream;
mod transcode;

pub(crate) use digest::{Digest, hash_file};
pub(crate) use faults::error_of;
pub use faults::{Fault, FaultList, Faults};
pub(crate) use json_reason::json_reason;
pub(crate) use lines::{LineSource, Lines, MAX_ROW_BYTES};

use crate::config::Rules;
use crate::{
    CorpusError, Document, DocumentHash, InputConfig, InputFile, InputFormat, OnError, TextEncoding,
};
use row::Fields;
use text_stream::TextStream;

/// One row as its format holds it.
pub(crate) struct RawRow {
    /// Counted from 1.
    number: u64,
    text: String,
    license: Option<String>,
    /// Hash of the value that stands for a group of rows.
    group: Option<DocumentHash>,
}

/// The rows of one file.
///
/// After an error that [is a row's](CorpusError::is_of_row) the next row follows, after any other
/// nothing.
pub(crate) trait RowReader {
    fn next_row(&mut self) -> Option<Result<RawRow, CorpusError>>;

    /// The file as text; none for a format that is no text.
    fn stream(&self) -> Option<&TextStream>;

    /// Size and hash of the raw bytes read so far.
    fn digest(&self) -> Digest {
        self.stream()
            .map(|stream| stream.digest().clone())
            .unwrap_or_default()
    }
}

/// How much of a file is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    Whole,
    /// The first rows: nothing is read for the sake of the rest.
    Beginning,
}

/// The documents of one file, in its order.
///
/// With [`OnError::Skip`] rows that cannot be read are passed over, and a file that breaks off ends
/// there; [`faults`](Self::faults) has them. With [`OnError::Stop`] each is handed out as an error:
/// after one that [is a row's](CorpusError::is_of_row) the next row follows, after any other there
/// is nothing more.
pub struct Documents {
    rows: Box<dyn RowReader>,
    first: Option<Result<RawRow, CorpusError>>,
    finished: bool,
    on_error: OnError,
    faults: Faults,
    source: String,
    relative: String,
    license: Option<String>,
}

/// Opens one file of a source and looks at its first row. Texts are handed out as they are in the file, not cleaned.
///
/// # Errors
/// [`CorpusError::DoesNotFit`] if the first row lacks a mapped field or has something other than a string there; a file
/// that cannot be opened, or not in its encoding or compression.
pub fn read(config: &InputConfig, file: &InputFile) -> Result<Documents, CorpusError> {
    open(config, file, Extent::Whole, config.on_error)
}

pub(crate) fn open(
    config: &InputConfig,
    file: &InputFile,
    extent: Extent,
    on_error: OnError,
) -> Result<Documents, CorpusError> {
    let split_by = config.split_by.as_deref();
    if let Some(field) = split_by
        && matches!(file.format, InputFormat::Text | InputFormat::Markdown)
    {
        return Err(CorpusError::DoesNotFit {
            path: file.path.clone(),
            reason: format!("a text has no field `{field}`, by which the documents are split"),
        });
    }
    let fields = Fields::of(&Rules::of(config)?.mapping(&file.relative), split_by);
    let mut rows = open_rows(file, fields, config.encoding, extent).map_err(first_row)?;
    // A first row of another kind says that the file is, a damaged one only that it is damaged.
    let first = match rows.next_row() {
        Some(Err(error)) => match first_row(error) {
            error if error.is_of_row() => Some(Err(error)),
            error => return Err(error),
        },
        first => first,
    };
    Ok(Documents {
        rows,
        finished: first.is_none(),
        first,
        on_error,
        faults: Faults::default(),
        source: config.name.clone(),
        relative: file.relative.clone(),
        license: config.license.clone(),
    })
}

fn open_rows(
    file: &InputFile,
    fields: Fields,
    encoding: Option<TextEncoding>,
    extent: Extent,
) -> Result<Box<dyn RowReader>, CorpusError> {
    if file.format == InputFormat::Parquet {
        return Ok(Box::new(parquet::rows(file, fields, extent)?));
    }
    let stream = TextStream::open(file, encoding)?;
    Ok(match file.format {
        InputFormat::Text | InputFormat::Markdown => Box::new(match extent {
            Extent::Whole => text::TextRows::new(stream),
            Extent::Beginning => text::TextRows::beginning(stream),
        }),
        InputFormat::JsonLines => Box::new(jsonl::JsonLineRows::new(stream, fields)),
        InputFormat::Json => json::rows(stream, fields)?,
        InputFormat::Csv => Box::new(csv::CsvRows::new(stream, fields, b',')?),
        InputFormat::Tsv => Box::new(csv::CsvRows::new(stream, fields, b'\t')?),
        InputFormat::Parquet => unreachable!("opened above"),
    })
}

/// A first row without the fields says that the file is of another kind, not that a row is damaged.
fn first_row(error: CorpusError) -> CorpusError {
    match error {
        CorpusError::MissingField {
            path, field, found, ..
        } => CorpusError::DoesNotFit {
            path,
            reason: format!("no field `{field}`, it has {found}"),
        },
        CorpusError::FieldType {
            path, field, got, ..
        } => CorpusError::DoesNotFit {
            path,
            reason: format!("field `{field}` is {got}, expected a string"),
        },
        other => other,
    }
}

impl Documents {
    /// Size and hash of the raw bytes read so far: those of the file once the iterator is at its
    /// end, unless the file broke off.
    pub(crate) fn digest(&self) -> Digest {
        self.rows.digest()
    }

    /// The rows that could not be read, as far as they were passed over.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The encoding of a text that is not in UTF-8, as far as it is known yet.
    pub fn converted_from(&self) -> Option<TextEncoding> {
        self.rows.stream().and_then(TextStream::converted_from)
    }

    /// What is odd about the file, in phrases that follow its name.
    pub fn notes(&self) -> &[String] {
        self.rows.stream().map_or(&[], TextStream::notes)
    }

    /// Raw bytes of the file that were read so far, some buffers ahead of the last document. A Parquet file counts as
    /// read when it is opened.
    pub fn bytes_read(&self) -> u64 {
        self.digest().bytes()
    }
}

impl Iterator for Documents {
    type Item = Result<Document, CorpusError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.finished {
            let row = match self.first.take() {
                Some(row) => Some(row),
                None => self.rows.next_row(),
            };
            match row {
                None => self.finished = true,
                Some(Ok(row)) => {
                    return Some(Ok(Document {
                        text: row.text,
                        source: self.source.clone(),
                        license: row.license.or_else(|| self.license.clone()),
                        origin: format!("{}:{}", self.relative, row.number),
                        synthetic: false,
                        group: row.group,
                    }));
                }
                Some(Err(error)) => {
                    self.finished = !error.is_of_row();
                    if self.on_error == OnError::Stop || !error.may_be_skipped() {
                        return Some(Err(error));
                    }
                    self.faults.add(error);
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
