//! JSON Lines: one object a line, blank lines passed over.

use std::path::PathBuf;

use serde::de::DeserializeSeed;

use super::json_reason::json_reason;
use super::lines::Lines;
use super::row::{Fields, Names, ObjectSeed, Values, list_names};
use super::text_stream::TextStream;
use super::{MAX_ROW_BYTES, RawRow, RowReader};
use crate::CorpusError;

/// The rows of one file.
pub(crate) struct JsonLineRows {
    path: PathBuf,
    lines: Lines<TextStream>,
    fields: Fields,
}

impl JsonLineRows {
    pub(crate) fn new(stream: TextStream, fields: Fields) -> Self {
        Self::after(Lines::new(stream, MAX_ROW_BYTES), fields)
    }

    /// Goes on with lines of which some were read.
    pub(crate) fn after(lines: Lines<TextStream>, fields: Fields) -> Self {
        Self {
            path: lines.source().path().to_owned(),
            lines,
            fields,
        }
    }
}

impl RowReader for JsonLineRows {
    fn next_row(&mut self) -> Option<Result<RawRow, CorpusError>> {
        let (number, line) = match self.lines.next_line() {
            Ok(Some(found)) => found,
            Ok(None) => return None,
            Err(error) => return Some(Err(error)),
        };
        // Files that were joined have their marks inside.
        let line = line.trim_start_matches('\u{feff}');
        Some(match parse(line, &self.fields) {
            Ok(values) => self
                .fields
                .assemble(&self.path, number, values, || field_names(line)),
            Err(source) => Err(CorpusError::Json {
                path: self.path.clone(),
                row: number,
                place: format!("column {}", source.column()),
                reason: json_reason(&source, line),
            }),
        })
    }

    fn stream(&self) -> Option<&TextStream> {
        Some(self.lines.source())
    }
}

pub(crate) fn parse(text: &str, fields: &Fields) -> Result<Values, serde_json::Error> {
    let mut parser = serde_json::Deserializer::from_str(text);
    let values = ObjectSeed(fields).deserialize(&mut parser)?;
    parser.end()?;
    Ok(values)
}

/// For a message about a row that has been read once already.
pub(crate) fn field_names(text: &str) -> String {
    let names = serde_json::from_str(text).map_or_else(|_| Vec::new(), |Names(names)| names);
    list_names(names.iter().map(String::as_str))
}
