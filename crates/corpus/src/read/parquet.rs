//! Parquet: string columns by name, row after row. The decoder is known to panic on some damaged files, so every call
//! into it crosses the [`panic_border`](crate::panic_border).

use std::path::PathBuf;
use std::sync::Arc;

use parquet::basic::{Repetition, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};
use parquet::schema::types::Type;

use super::row::{Fields, Value, Values, list_names};
use super::{DigestReader, MAX_ROW_BYTES, RawRow};
use crate::panic_border::contain;
use crate::{CorpusError, InputFile};

/// Rows the decoder prepares at once; its default of 1024 holds as many texts in memory.
const BATCH_ROWS: usize = 64;

/// The rows of one file.
pub(crate) struct ParquetRows {
    rows: RowIter<'static>,
    left: u64,
    number: u64,
    path: PathBuf,
    fields: Fields,
    finished: bool,
}

/// Opens a file and picks the mapped columns.
///
/// # Errors
/// [`CorpusError::MissingField`] and [`CorpusError::FieldType`] (of row 1) if a text column is absent or no string;
/// a damaged file.
pub(crate) fn rows(
    reader: DigestReader,
    file: &InputFile,
    fields: Fields,
) -> Result<ParquetRows, CorpusError> {
    let raw = reader.digest_all().map_err(|source| CorpusError::Read {
        path: file.path.clone(),
        source,
    })?;
    let damaged = |reason: String| CorpusError::Parquet {
        path: file.path.clone(),
        row: 0,
        reason,
    };

    let opened = contain(|| SerializedFileReader::new(raw)).map_err(damaged)?;
    let parquet = opened.map_err(|error| damaged(error.to_string()))?;
    let projection = project(parquet.metadata(), file, &fields)?;
    let left = count_rows(parquet.metadata(), &fields).map_err(damaged)?;
    let rows = contain(|| RowIter::from_file_into(Box::new(parquet)).project(Some(projection)))
        .map_err(damaged)?
        .map_err(|error| damaged(error.to_string()))?
        .with_batch_size(BATCH_ROWS);
    let path = file.path.clone();
    Ok(ParquetRows {
        rows,
        left,
        number: 0,
        path,
        fields,
        finished: false,
    })
}

/// The schema of the wanted columns, in the file's order.
fn project(
    metadata: &ParquetMetaData,
    file: &InputFile,
    fields: &Fields,
) -> Result<Type, CorpusError> {
    let root = metadata.file_metadata().schema_descr().root_schema();
    let columns: Vec<&Arc<Type>> = root.get_fields().iter().collect();
    let column = |name: &str| columns.iter().copied().find(|column| column.name() == name);

    let names = fields.names();
    if let Some(field) =
        fields.missing(|place| names.get(place).is_some_and(|n| column(n).is_some()))
    {
        return Err(CorpusError::MissingField {
            path: file.path.clone(),
            row: 1,
            field: field.to_owned(),
            found: list_names(columns.iter().map(|column| column.name())),
        });
    }
    let mut wanted = Vec::new();
    for found in &columns {
        if !names.iter().any(|name| name == found.name()) {
            continue;
        }
        if let Some(got) = not_a_string(found) {
            return Err(CorpusError::FieldType {
                path: file.path.clone(),
                row: 1,
                field: found.name().to_owned(),
                got,
            });
        }
        wanted.push(Arc::clone(found));
    }
    Type::group_type_builder(root.name())
        .with_fields(wanted)
        .build()
        .map_err(|error| CorpusError::Parquet {
            path: file.path.clone(),
            row: 0,
            reason: error.to_string(),
        })
}

fn not_a_string(column: &Type) -> Option<&'static str> {
    if column.is_group() {
        return Some("a nested column");
    }
    if column.get_basic_info().has_repetition()
        && column.get_basic_info().repetition() == Repetition::REPEATED
    {
        return Some("a repeated column");
    }
    match column.get_physical_type() {
        PhysicalType::BYTE_ARRAY => None,
        PhysicalType::BOOLEAN => Some("a column of booleans"),
        PhysicalType::FIXED_LEN_BYTE_ARRAY => Some("a column of fixed-length bytes"),
        _ => Some("a column of numbers"),
    }
}

/// Adds up the rows, and refuses row groups whose columns hold another number of values: the decoder would go on
/// past their end.
fn count_rows(metadata: &ParquetMetaData, fields: &Fields) -> Result<u64, String> {
    let mut total: u64 = 0;
    for (index, group) in metadata.row_groups().iter().enumerate() {
        let rows = group.num_rows();
        for column in group.columns() {
            let [name] = column.column_path().parts() else {
                continue;
            };
            if fields.names().contains(name) && column.num_values() != rows {
                return Err(format!(
                    "column `{name}` of row group {index} has {} values, expected {rows}",
                    column.num_values()
                ));
            }
        }
        let rows = u64::try_from(rows).map_err(|_| format!("row group {index} has {rows} rows"))?;
        total = total
            .checked_add(rows)
            .ok_or("the number of rows overflows")?;
    }
    Ok(total)
}

impl ParquetRows {
    fn damaged(&self, reason: String) -> CorpusError {
        CorpusError::Parquet {
            path: self.path.clone(),
            row: self.number,
            reason,
        }
    }

    fn row(&mut self) -> Result<Option<RawRow>, CorpusError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        self.number += 1;
        let next: Result<Option<Result<Row, ParquetError>>, String> = contain(|| self.rows.next());
        match next {
            Ok(Some(Ok(row))) => {
                let values = self.values(row)?;
                // The columns are known to be there; a decoder that drops one is a damaged file.
                self.fields
                    .assemble(&self.path, self.number, values, || {
                        "other columns".to_owned()
                    })
                    .map(Some)
            }
            Ok(Some(Err(error))) => Err(self.damaged(error.to_string())),
            Ok(None) => Err(self.damaged(format!("{} rows are missing", self.left + 1))),
            Err(panic) => Err(self.damaged(panic)),
        }
    }

    fn values(&self, row: Row) -> Result<Values, CorpusError> {
        let names = self.fields.names();
        let mut values: Values = vec![None; names.len()];
        for (name, field) in row.into_columns() {
            let value = match field {
                Field::Str(text) => Value::Text(text),
                Field::Null => Value::Null,
                Field::Bytes(bytes) => match std::str::from_utf8(bytes.data()) {
                    Ok(text) => Value::Text(text.to_owned()),
                    Err(error) => {
                        return Err(self.damaged(format!("column `{name}` is not UTF-8: {error}")));
                    }
                },
                _ => Value::Other("not a string"),
            };
            if let Value::Text(text) = &value
                && text.len() as u64 > MAX_ROW_BYTES
            {
                return Err(CorpusError::RowTooLong {
                    path: self.path.clone(),
                    row: self.number,
                    limit: MAX_ROW_BYTES,
                });
            }
            let place = names.iter().position(|wanted| *wanted == name);
            if let Some(slot) = place.and_then(|place| values.get_mut(place)) {
                *slot = Some(value);
            }
        }
        Ok(values)
    }
}

impl Iterator for ParquetRows {
    type Item = Result<RawRow, CorpusError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.finished {
            return None;
        }
        let row = self.row().transpose();
        self.finished = !matches!(row, Some(Ok(_)));
        row
    }
}
