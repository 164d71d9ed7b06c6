//! What can go wrong between a raw file and a finished corpus, and the way out of each.

use std::io;
use std::path::PathBuf;

use jikji_durable::DurableError;

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
    /// A compressed file is damaged or is not what its name says.
    #[error("failed to decompress `{path}` after line {line}")]
    Decompress {
        /// The file.
        path: PathBuf,
        /// Lines that could be read before.
        line: u64,
        /// The decoder's reason.
        #[source]
        source: io::Error,
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
    /// A text is not UTF-8.
    #[error("`{path}` is not UTF-8 at byte {offset}{}", if *.compressed { " of its decompressed content" } else { "" })]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// Offset of the first byte that is not UTF-8.
        offset: u64,
        /// True where the offset counts decompressed bytes.
        compressed: bool,
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
    /// A line is not a JSON object.
    #[error("`{path}:{row}` is not a JSON object (at column {column} of the line)")]
    Json {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        row: u64,
        /// The column in bytes, from 1.
        column: usize,
        /// The parser's reason; its own line number is always 1.
        #[source]
        source: serde_json::Error,
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
                "files that end in .txt, .md, .jsonl, .jsonl.zst, .jsonl.gz and .parquet are read; look at `exclude` too"
            }
            Self::Read { .. } => {
                "check that the file exists, that it may be read and that the disk is well"
            }
            Self::Decompress { .. } => "the file is cut short or damaged: fetch it again",
            Self::Write { .. } | Self::Durable(_) => {
                "check free space and permissions, then run again: complete parts are kept"
            }
            Self::NotUtf8 { path, .. } => {
                return Some(format!(
                    "convert it to UTF-8, from CP949/EUC-KR for example with `iconv -f CP949 -t UTF-8 {0} > converted`",
                    path.display()
                ));
            }
            Self::RowTooLong { .. } => {
                "is it one JSON object a line? split longer texts into several rows"
            }
            Self::Json { .. } => {
                "each line must be one whole JSON object; mend or remove this line"
            }
            Self::MissingField { .. } | Self::FieldType { .. } => {
                "mend this row, map other fields with `fields = [{ glob = \"...\", text = [\"...\"] }]`, or exclude the file"
            }
            Self::DoesNotFit { .. } => {
                "map its text with `fields = [{ glob = \"...\", text = [\"...\"] }]`, or exclude it"
            }
            Self::Parquet { .. } => {
                "fetch the file again; if it is whole, write it with snappy, gzip or zstd compression or as JSON Lines"
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
