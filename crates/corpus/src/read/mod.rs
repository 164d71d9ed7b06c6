//! From one raw file to a stream of documents. Each format has its own file and hands out [`RawRow`]s; here they get
//! their papers. Memory is bounded by the longest row, not by the file.

mod digest;
mod jsonl;
mod lines;
mod parquet;
mod row;
mod text;

use std::iter::Peekable;

pub(crate) use digest::Digest;
pub(crate) use lines::{Lines, MAX_ROW_BYTES};

use crate::config::Rules;
use crate::{CorpusError, Document, InputConfig, InputFile, InputFormat};
use digest::DigestReader;
use row::Fields;

/// One row as its format holds it.
pub(crate) struct RawRow {
    /// Counted from 1.
    number: u64,
    text: String,
    license: Option<String>,
}

type Rows = Box<dyn Iterator<Item = Result<RawRow, CorpusError>>>;

/// The documents of one file, in its order. After an error there is nothing more.
pub struct Documents {
    rows: Peekable<Rows>,
    failed: bool,
    digest: Digest,
    source: String,
    relative: String,
    license: Option<String>,
}

/// Opens one file of a source and looks at its first row. Texts are handed out as they are in the file, not cleaned.
///
/// # Errors
/// [`CorpusError::DoesNotFit`] if the first row lacks a mapped field or has something other than a string there; a file
/// that cannot be opened; a damaged first row.
pub fn read(config: &InputConfig, file: &InputFile) -> Result<Documents, CorpusError> {
    let fields = Fields::of(&Rules::of(config)?.mapping(&file.relative));
    let (reader, digest) = DigestReader::open(&file.path)?;
    let rows = open_rows(reader, file, fields).map_err(first_row)?;
    Ok(Documents {
        rows,
        failed: false,
        digest,
        source: config.name.clone(),
        relative: file.relative.clone(),
        license: config.license.clone(),
    })
}

/// The rows of a file, the first of them looked at.
fn open_rows(
    reader: DigestReader,
    file: &InputFile,
    fields: Fields,
) -> Result<Peekable<Rows>, CorpusError> {
    let rows: Rows = match file.format {
        InputFormat::Text | InputFormat::Markdown => text::rows(reader, file),
        InputFormat::Jsonl => Box::new(jsonl::plain(reader, file, fields)),
        InputFormat::JsonlZstd => Box::new(jsonl::zstd(reader, file, fields)?),
        InputFormat::JsonlGzip => Box::new(jsonl::gzip(reader, file, fields)),
        InputFormat::Parquet => Box::new(parquet::rows(reader, file, fields)?),
    };
    let mut rows = rows.peekable();
    match rows.next_if(Result::is_err) {
        Some(Err(error)) => Err(error),
        _ => Ok(rows),
    }
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
    /// Size and hash of the raw bytes read so far: those of the file once the iterator is at its end.
    pub(crate) fn digest(&self) -> &Digest {
        &self.digest
    }
}

impl Iterator for Documents {
    type Item = Result<Document, CorpusError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        Some(match self.rows.next()? {
            Ok(row) => Ok(Document {
                text: row.text,
                source: self.source.clone(),
                license: row.license.or_else(|| self.license.clone()),
                origin: format!("{}:{}", self.relative, row.number),
                synthetic: false,
            }),
            Err(error) => {
                self.failed = true;
                Err(error)
            }
        })
    }
}

#[cfg(test)]
mod tests;
