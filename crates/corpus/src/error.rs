//! What can go wrong between a raw file and a finished corpus, and the way out of each.

use std::io;
use std::path::PathBuf;

use jikji_durable::{DurableError, shell_path};

use crate::{Compression, FaultList, READ_ENDINGS, TextEncoding};

/// Any failure of this crate. [`hint`](Self::hint) gives the way out where there is one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CorpusError {
    /// A source's name cannot be part of a file name.
    #[error("source name `{name}` cannot be part of a file name")]
    Name {
        /// The name as given, at most 200 characters of it.
        name: String,
    },
    /// Two sources have the same name.
    #[error("two sources are named `{name}`")]
    DuplicateName {
        /// The name both have.
        name: String,
    },
    /// A glob is malformed.
    #[error("glob `{pattern}` of source `{input}` is malformed")]
    Glob {
        /// The source it belongs to.
        input: String,
        /// The glob as written.
        pattern: String,
        /// What is wrong with it.
        #[source]
        source: glob::PatternError,
    },
    /// A field mapping names no text field.
    #[error(
        "the field mapping `{glob}` of source `{input}` has an empty `text`, expected at least one field"
    )]
    NoTextField {
        /// The source it belongs to.
        input: String,
        /// The mapping's glob.
        glob: String,
    },
    /// The path of a source does not exist.
    #[error("`{path}`, the `path` of source `{input}`, does not exist")]
    NotFound {
        /// The source.
        input: String,
        /// Its path.
        path: String,
    },
    /// The path of a source is a glob without a match.
    #[error("`{path}`, the `path` of source `{input}`, is a glob that matches nothing")]
    NoMatch {
        /// The source.
        input: String,
        /// Its glob.
        path: String,
    },
    /// A source has files, but none that can be read.
    #[error("`{path}`, the `path` of source `{input}`, holds no file that can be read ({skipped})")]
    NothingToRead {
        /// The source.
        input: String,
        /// Its path.
        path: String,
        /// How many files were passed over, and why the first ones were.
        skipped: String,
    },
    /// A file or folder could not be read.
    #[error("failed to read `{path}`")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// A compressed file is damaged, or needs what is not supported.
    #[error("failed to decompress `{path}` after line {lines}")]
    Decompress {
        /// The file.
        path: PathBuf,
        /// As what it was read.
        codec: Compression,
        /// Lines that could be read before.
        lines: u64,
        /// The decoder's reason.
        #[source]
        source: io::Error,
    },
    /// A compressed file ends in the middle.
    #[error("`{path}` is cut short: its {codec} data ends in the middle, after line {lines}")]
    CutShort {
        /// The file.
        path: PathBuf,
        /// As what it was read.
        codec: Compression,
        /// Lines that could be read before.
        lines: u64,
    },
    /// Behind the compressed data stands something that is neither more of it nor padding.
    #[error("the {codec} data of `{path}` ends{}, but the file goes on", at_byte(*.at))]
    TrailingBytes {
        /// The file.
        path: PathBuf,
        /// As what it was read.
        codec: Compression,
        /// Where the compressed data ends.
        at: Option<u64>,
    },
    /// A file is something else than its name says.
    #[error("`{path}` is {what}, which its name does not say")]
    OtherContent {
        /// The file.
        path: PathBuf,
        /// What it is, with an article.
        what: &'static str,
    },
    /// Git LFS left the name of the content in place of the content.
    #[error("`{path}` is a Git LFS pointer: its content was not fetched")]
    LfsPointer {
        /// The file.
        path: PathBuf,
    },
    /// A file could not be written.
    #[error("failed to write `{path}`")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// A call by which a file is put in its place, whole and durable, failed.
    #[error(transparent)]
    Durable(#[from] DurableError),
    /// A text in UTF-8 has bytes that are none.
    #[error("`{path}` is not UTF-8 at byte {offset}{}, line {line}", inside(*.compressed))]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// Offset of the first byte that is not UTF-8.
        offset: u64,
        /// The line it stands in, from 1.
        line: u64,
        /// True where the offset counts decompressed bytes.
        compressed: bool,
    },
    /// A text in another encoding has bytes that are not in it.
    #[error("`{path}` is not {encoding}{}{}, line {line}", at_byte(*.offset), inside(*.compressed))]
    Undecodable {
        /// The file.
        path: PathBuf,
        /// The encoding it is in otherwise.
        encoding: TextEncoding,
        /// Offset of the first byte that cannot be decoded, where it is known.
        offset: Option<u64>,
        /// The line it stands in, from 1.
        line: u64,
        /// True where the offset counts decompressed bytes.
        compressed: bool,
    },
    /// The encoding of a text is not known for sure.
    #[error(
        "`{path}` is neither UTF-8 nor for sure CP949 (EUC-KR), from byte {offset}{}, line {line} on",
        inside(*.compressed)
    )]
    UnknownEncoding {
        /// The file.
        path: PathBuf,
        /// Offset of the first byte that is not ASCII.
        offset: u64,
        /// The line it stands in, from 1.
        line: u64,
        /// True where the offset counts decompressed bytes.
        compressed: bool,
        /// What it may be.
        likely: Option<&'static str>,
    },
    /// A row is longer than any text should be.
    #[error("`{path}:{row}` is longer than {limit} bytes")]
    RowTooLong {
        /// The file.
        path: PathBuf,
        /// The row, from 1.
        row: u64,
        /// The most that is read.
        limit: u64,
    },
    /// A row is not a JSON object.
    #[error("`{path}:{row}` is not a JSON object: {reason}, {place}")]
    Json {
        /// The file.
        path: PathBuf,
        /// The row, from 1: a line of JSON Lines, an element of a list.
        row: u64,
        /// Column, and line where rows are not lines.
        place: String,
        /// The parser's reason.
        reason: String,
    },
    /// A `.json` file is no JSON.
    #[error("`{path}` is not JSON at line {line}: {reason}")]
    NotJson {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What stands there.
        reason: String,
    },
    /// A record of CSV or TSV is not a row.
    #[error("`{path}:{row}` {reason}")]
    CsvRecord {
        /// The file.
        path: PathBuf,
        /// The line where the record begins, from 1.
        row: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// Two columns have the name of a mapped field.
    #[error("`{path}` has two columns named `{column}`")]
    DuplicateColumn {
        /// The file.
        path: PathBuf,
        /// The name.
        column: String,
    },
    /// A row after the first lacks a field that the first has.
    #[error("`{path}:{row}` has no field `{field}`, it has {found}")]
    MissingField {
        /// The file.
        path: PathBuf,
        /// The row, from 1.
        row: u64,
        /// The field that the mapping names.
        field: String,
        /// The row's fields.
        found: String,
    },
    /// A mapped field is not a string.
    #[error("field `{field}` of `{path}:{row}` is {got}, expected a string")]
    FieldType {
        /// The file.
        path: PathBuf,
        /// The row, from 1.
        row: u64,
        /// The field that the mapping names.
        field: String,
        /// What it is instead.
        got: &'static str,
    },
    /// A row without a value in the field that the documents are split by.
    #[error("`{path}:{row}` has no value in the field `{field}`, by which the documents are split")]
    NoGroup {
        /// The file.
        path: PathBuf,
        /// The row, from 1.
        row: u64,
        /// The field that `split_by` names.
        field: String,
    },
    /// A file's first row does not have the mapped fields: `build` lists such a file as skipped.
    #[error("`{path}` does not fit: {reason}")]
    DoesNotFit {
        /// The file.
        path: PathBuf,
        /// Which field is missing, and what is there instead.
        reason: String,
    },
    /// A Parquet file is damaged or uses what is not supported.
    #[error("failed to read `{path}` as Parquet at row {row}: {reason}")]
    Parquet {
        /// The file.
        path: PathBuf,
        /// The row that was being read, from 1; 0 is the file's metadata.
        row: u64,
        /// The decoder's reason.
        reason: String,
    },
    /// A value of a Parquet column is not UTF-8.
    #[error("column `{column}` of `{path}:{row}` is not UTF-8 at byte {offset} of its value")]
    ParquetText {
        /// The file.
        path: PathBuf,
        /// The row, from 1.
        row: u64,
        /// The column.
        column: String,
        /// Offset of the first byte that is not UTF-8.
        offset: usize,
    },
    /// Several rows or files cannot be read.
    #[error("{list}")]
    Unreadable {
        /// All of them.
        list: Box<FaultList>,
    },
    /// A file is not the one that was listed.
    #[error("`{path}` changed while it was read: {expected} bytes when listed, {got} when read")]
    Changed {
        /// The file.
        path: PathBuf,
        /// Size in bytes when it was listed.
        expected: u64,
        /// Bytes read.
        got: u64,
    },
    /// Nothing is left of the inputs.
    #[error("the corpus is empty after filtering: {report}")]
    Empty {
        /// Rows read and what became of them, source by source.
        report: String,
    },
    /// The folder belongs to a corpus of other inputs or settings.
    #[error(
        "`{dir}` holds a corpus of other inputs or settings: its fingerprint is `{found}`, expected `{expected}`"
    )]
    OtherFingerprint {
        /// The corpus folder.
        dir: PathBuf,
        /// The fingerprint of what was asked for.
        expected: String,
        /// The fingerprint in the folder.
        found: String,
    },
    /// Another process is building in the folder.
    #[error("another process is building a corpus in `{dir}`")]
    Busy {
        /// The corpus folder.
        dir: PathBuf,
    },
    /// A manifest or journal is not readable as such.
    #[error("`{path}` is not a corpus manifest or journal")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// The parser's reason.
        #[source]
        source: serde_json::Error,
    },
    /// A manifest or journal was written in another format version.
    #[error("`{path}` has format version {found}, expected {expected}")]
    FormatVersion {
        /// The file.
        path: PathBuf,
        /// The version this program reads.
        expected: u32,
        /// The version in the file.
        found: u32,
    },
    /// A manifest contradicts itself.
    #[error("`{path}` contradicts itself: {reason}")]
    Inconsistent {
        /// The manifest.
        path: PathBuf,
        /// The figures that do not agree.
        reason: String,
    },
    /// A part is not the one that the manifest describes.
    #[error("`{path}` was altered: {what} `{got}`, expected `{expected}`")]
    PartAltered {
        /// The part.
        path: PathBuf,
        /// What differs: size or hash.
        what: &'static str,
        /// As the manifest says.
        expected: String,
        /// As found.
        got: String,
    },
}

impl CorpusError {
    /// Whether this is the fault of one row, after which the next can be read.
    pub fn is_of_row(&self) -> bool {
        matches!(
            self,
            Self::NotUtf8 { .. }
                | Self::Undecodable { .. }
                | Self::Json { .. }
                | Self::CsvRecord { .. }
                | Self::MissingField { .. }
                | Self::FieldType { .. }
                | Self::NoGroup { .. }
                | Self::ParquetText { .. }
        )
    }

    /// Whether `on_error = "skip"` passes over it: what a file holds, not what the disk does.
    pub(crate) fn may_be_skipped(&self) -> bool {
        !matches!(self, Self::Read { .. })
    }

    /// The way out, one sentence; absent where the system's reason says it all.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Name { .. } => {
                "use letters, digits, `-`, `_` and `.`, and begin with a letter, digit or `_`"
            }
            Self::DuplicateName { .. } => "give each source a name of its own",
            Self::Glob { .. } => {
                "`*` and `?` match within one folder, `**` stands alone between slashes, `[` needs its `]`"
            }
            Self::NoTextField { .. } => "write `text = [\"...\"]` with the fields that hold text",
            Self::NotFound { .. } | Self::NoMatch { .. } => {
                "a relative path starts at the current folder; check its spelling there"
            }
            Self::NothingToRead { .. } => {
                return Some(format!(
                    "files that end in {READ_ENDINGS} are read; look at `exclude` too"
                ));
            }
            Self::Read { .. } => {
                "check that the file exists, that it may be read and that the disk is well"
            }
            Self::Decompress { source, .. } if source.kind() == io::ErrorKind::Unsupported => {
                "compress it again with the usual settings"
            }
            Self::Decompress { .. } => "the file is damaged: fetch it again",
            Self::CutShort { .. } => "fetch it again: the end is missing",
            Self::TrailingBytes { .. } => {
                "remove what follows, or fetch the file again; two files were perhaps joined"
            }
            Self::OtherContent { .. } => {
                "unpack or convert it, rename it to what it is, or leave it out with `exclude`"
            }
            Self::LfsPointer { path } => {
                let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
                let dir = dir.map_or(String::new(), |dir| format!("cd {} && ", shell_path(dir)));
                return Some(format!("fetch the content: {dir}git lfs pull"));
            }
            Self::Write { .. } | Self::Durable(_) => {
                "check free space and permissions, then run again: complete parts are kept"
            }
            Self::NotUtf8 { .. } | Self::ParquetText { .. } => {
                "the rest of the text is UTF-8, so that place is damaged: mend it, or fetch the file again"
            }
            Self::Undecodable { .. } => {
                "mend that place; where the encoding was named, check the name"
            }
            Self::UnknownEncoding {
                path,
                likely: Some(likely),
                ..
            } => {
                return Some(format!(
                    "it may be {likely}: if so, name it with `encoding = \"{likely}\"`, or convert the file: \
                     iconv -f {likely} -t UTF-8 {} > converted",
                    shell_path(path)
                ));
            }
            Self::UnknownEncoding { .. } => {
                "name its encoding, for example `encoding = \"cp949\"`; binary files are left out with `exclude`"
            }
            Self::RowTooLong { .. } => {
                "is it one JSON object a line? split longer texts into several rows"
            }
            Self::Json { .. } => "each row must be one whole JSON object; mend or remove this one",
            Self::NotJson { .. } => {
                "a `.json` file is a list of objects, or objects one after the other; mend it, or leave it out with `exclude`"
            }
            Self::CsvRecord { .. } => {
                "mend this row: fields that hold the delimiter, quotes or line ends stand in quotes, with quotes doubled"
            }
            Self::DuplicateColumn { .. } => "rename one of them",
            Self::Unreadable { list } => {
                return Some(format!(
                    "{}; or leave what is damaged out, counted, with `on_error = \"skip\"`",
                    list.hints().join("; ")
                ));
            }
            Self::MissingField { .. } | Self::FieldType { .. } => {
                "mend this row, map other fields with `fields = [{ glob = \"...\", text = [\"...\"] }]`, or exclude the file"
            }
            Self::NoGroup { .. } => {
                "give every row a value there, or leave such rows out with `data.on_error = \"skip\"`"
            }
            Self::DoesNotFit { .. } => {
                "map its text with `fields = [{ glob = \"...\", text = [\"...\"] }]`, or exclude it"
            }
            Self::Parquet { .. } => {
                "fetch the file again; if it is whole, write it with zstd or snappy compression or as JSON Lines"
            }
            Self::Changed { .. } => "run again when nothing writes to the inputs any more",
            Self::Empty { .. } => "lower `min_chars`, or map the fields that hold the text",
            Self::OtherFingerprint { .. } => "choose a new folder, or remove this one",
            Self::Busy { .. } => "wait for it to end, or choose another folder",
            Self::Manifest { .. } | Self::FormatVersion { .. } | Self::Inconsistent { .. } => {
                "remove the corpus folder and build it again"
            }
            Self::PartAltered { .. } => {
                "remove `manifest.json` and build again: what is whole is kept, the rest is made anew"
            }
        };
        Some(hint.to_owned())
    }
}

fn at_byte(offset: Option<u64>) -> String {
    offset.map_or(String::new(), |offset| format!(" at byte {offset}"))
}

fn inside(compressed: bool) -> &'static str {
    if compressed {
        " of its decompressed content"
    } else {
        ""
    }
}
