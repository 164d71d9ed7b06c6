//! JSON Lines, plain or compressed: one object a line, blank lines passed over.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use flate2::read::MultiGzDecoder;
use serde::de::DeserializeSeed;

use super::row::{Fields, Names, ObjectSeed, Values, list_names};
use super::{DigestReader, Lines, MAX_ROW_BYTES, RawRow};
use crate::{CorpusError, InputFile};

const BUFFER_BYTES: usize = 256 << 10;

/// The rows of one file.
pub(crate) struct JsonRows<R> {
    lines: Lines<R>,
    path: PathBuf,
    fields: Fields,
}

pub(crate) fn plain(
    reader: DigestReader,
    file: &InputFile,
    fields: Fields,
) -> JsonRows<impl BufRead + use<>> {
    rows(
        BufReader::with_capacity(BUFFER_BYTES, reader),
        file,
        fields,
        false,
    )
}

/// Frames may follow each other. A frame that needs a window of more than 128 MiB is refused by the decoder.
pub(crate) fn zstd(
    reader: DigestReader,
    file: &InputFile,
    fields: Fields,
) -> Result<JsonRows<impl BufRead + use<>>, CorpusError> {
    let decoder = zstd::Decoder::new(reader).map_err(|source| CorpusError::Read {
        path: file.path.clone(),
        source,
    })?;
    Ok(rows(
        BufReader::with_capacity(BUFFER_BYTES, decoder),
        file,
        fields,
        true,
    ))
}

/// Members may follow each other.
pub(crate) fn gzip(
    reader: DigestReader,
    file: &InputFile,
    fields: Fields,
) -> JsonRows<impl BufRead + use<>> {
    rows(
        BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(reader)),
        file,
        fields,
        true,
    )
}

fn rows<R: BufRead>(reader: R, file: &InputFile, fields: Fields, compressed: bool) -> JsonRows<R> {
    let path = file.path.clone();
    JsonRows {
        lines: Lines::new(reader, path.clone(), compressed, MAX_ROW_BYTES),
        path,
        fields,
    }
}

impl<R: BufRead> Iterator for JsonRows<R> {
    type Item = Result<RawRow, CorpusError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (number, line) = match self.lines.next_line() {
            Ok(Some(found)) => found,
            Ok(None) => return None,
            Err(error) => return Some(Err(error)),
        };
        Some(match parse(line, &self.fields) {
            Ok(values) => self
                .fields
                .assemble(&self.path, number, values, || field_names(line)),
            Err(source) => Err(CorpusError::Json {
                path: self.path.clone(),
                row: number,
                column: source.column(),
                source,
            }),
        })
    }
}

fn parse(line: &str, fields: &Fields) -> Result<Values, serde_json::Error> {
    let mut parser = serde_json::Deserializer::from_str(line);
    let values = ObjectSeed(fields).deserialize(&mut parser)?;
    parser.end()?;
    Ok(values)
}

/// For a message about a row that has been read once already.
fn field_names(line: &str) -> String {
    let names = serde_json::from_str(line).map_or_else(|_| Vec::new(), |Names(names)| names);
    list_names(names.iter().map(String::as_str))
}
