//! One part of a corpus: a single Zstandard frame of JSON Lines with `text`, `origin` and, if known, `license`.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use jikji_durable::AsideFile;
use serde::{Deserialize, Serialize};

use crate::manifest::ASIDE;
use crate::read::{Lines, MAX_ROW_BYTES};
use crate::{CorpusError, Document, PartEntry};

/// Fast, and within a few per cent of the size of slower levels on Korean text.
const ZSTD_LEVEL: i32 = 3;

/// Escapes and normalization make a line of a part longer than the raw row was: NFC at most triples UTF-8, and of what
/// `clean` leaves, an escape at most doubles it.
const MAX_LINE_BYTES: u64 = MAX_ROW_BYTES * 6 + (1 << 20);

#[derive(Serialize, Deserialize)]
struct Row {
    text: String,
    origin: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    license: Option<String>,
}

/// A part being written.
pub(crate) struct PartWriter {
    path: PathBuf,
    encoder: zstd::Encoder<'static, HashingFile>,
    line: Vec<u8>,
    documents: u64,
    bytes: u64,
}

struct HashingFile {
    file: AsideFile,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Write for HashingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hasher.update(bytes.get(..count).unwrap_or_default());
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl PartWriter {
    pub(crate) fn create(dir: &Path, file: &str) -> Result<Self, CorpusError> {
        let path = dir.join(file);
        let file = AsideFile::create(&path, ASIDE)?;
        let start = || {
            let file = HashingFile {
                file,
                hasher: blake3::Hasher::new(),
                bytes: 0,
            };
            let mut encoder = zstd::Encoder::new(file, ZSTD_LEVEL)?;
            encoder.include_checksum(true)?;
            Ok(encoder)
        };
        match start() {
            Ok(encoder) => Ok(Self {
                path,
                encoder,
                line: Vec::new(),
                documents: 0,
                bytes: 0,
            }),
            Err(source) => Err(CorpusError::Write { path, source }),
        }
    }

    /// Adds a document, whose source is the part's.
    pub(crate) fn push(&mut self, document: Document) -> Result<(), CorpusError> {
        let Document {
            text,
            origin,
            license,
            source: _,
            synthetic: _,
        } = document;
        self.documents += 1;
        self.bytes += text.len() as u64;
        self.line.clear();
        let written = serde_json::to_writer(
            &mut self.line,
            &Row {
                text,
                origin,
                license,
            },
        )
        .map_err(io::Error::from)
        .and_then(|()| {
            self.line.push(b'\n');
            self.encoder.write_all(&self.line)
        });
        written.map_err(|source| CorpusError::Write {
            path: self.path.clone(),
            source,
        })
    }

    /// UTF-8 bytes of the texts so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Makes the part appear in its folder.
    pub(crate) fn commit(
        self,
        file: String,
        source: &str,
        synthetic: bool,
    ) -> Result<PartEntry, CorpusError> {
        let Self {
            path,
            encoder,
            documents,
            bytes,
            ..
        } = self;
        let HashingFile {
            file: aside,
            hasher,
            bytes: file_bytes,
        } = encoder
            .finish()
            .map_err(|source| CorpusError::Write { path, source })?;
        aside.commit()?;
        let blake3 = hasher.finalize().to_hex().to_string();
        let source = source.to_owned();
        Ok(PartEntry {
            file,
            source,
            synthetic,
            documents,
            bytes,
            file_bytes,
            blake3,
        })
    }
}

/// Compares a part's size and hash with its entry.
pub(crate) fn verify(dir: &Path, part: &PartEntry) -> Result<(), CorpusError> {
    check_size(dir, part)?;
    let path = dir.join(&part.file);
    let hash = || {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(File::open(&path)?)?;
        Ok(hasher.finalize().to_hex().to_string())
    };
    let got = hash().map_err(|source| CorpusError::Read {
        path: path.clone(),
        source,
    })?;
    if got == part.blake3 {
        return Ok(());
    }
    Err(CorpusError::PartAltered {
        path,
        what: "hash",
        expected: part.blake3.clone(),
        got,
    })
}

/// Compares a part's size with its entry: what can be done on every opening.
pub(crate) fn check_size(dir: &Path, part: &PartEntry) -> Result<(), CorpusError> {
    let path = dir.join(&part.file);
    let size = std::fs::metadata(&path)
        .map_err(|source| CorpusError::Read {
            path: path.clone(),
            source,
        })?
        .len();
    if size == part.file_bytes {
        return Ok(());
    }
    let expected = part.file_bytes.to_string();
    Err(CorpusError::PartAltered {
        path,
        what: "size",
        expected,
        got: size.to_string(),
    })
}

/// The documents of one part, in order. After an error there is nothing more.
pub struct PartDocuments {
    lines: Lines<BufReader<Box<dyn Read + Send>>>,
    path: PathBuf,
    source: String,
    synthetic: bool,
    expected: u64,
    count: u64,
    finished: bool,
}

impl PartDocuments {
    pub(crate) fn open(dir: &Path, part: &PartEntry) -> Result<Self, CorpusError> {
        let path = dir.join(&part.file);
        let open = || zstd::Decoder::new(File::open(&path)?);
        let decoder: Box<dyn Read + Send> = match open() {
            Ok(decoder) => Box::new(decoder),
            Err(source) => return Err(CorpusError::Read { path, source }),
        };
        let reader = BufReader::with_capacity(256 << 10, decoder);
        Ok(Self {
            lines: Lines::new(reader, path.clone(), true, MAX_LINE_BYTES),
            path,
            source: part.source.clone(),
            synthetic: part.synthetic,
            expected: part.documents,
            count: 0,
            finished: false,
        })
    }

    fn document(&mut self) -> Result<Option<Document>, CorpusError> {
        let Some((number, line)) = self.lines.next_line()? else {
            if self.count == self.expected {
                return Ok(None);
            }
            return Err(CorpusError::PartAltered {
                path: self.path.clone(),
                what: "number of documents",
                expected: self.expected.to_string(),
                got: self.count.to_string(),
            });
        };
        let row: Row = serde_json::from_str(line).map_err(|source| CorpusError::Json {
            path: self.path.clone(),
            row: number,
            column: source.column(),
            source,
        })?;
        self.count += 1;
        Ok(Some(Document {
            text: row.text,
            source: self.source.clone(),
            license: row.license,
            origin: row.origin,
            synthetic: self.synthetic,
        }))
    }
}

impl Iterator for PartDocuments {
    type Item = Result<Document, CorpusError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.finished {
            return None;
        }
        let document = self.document().transpose();
        self.finished = !matches!(document, Some(Ok(_)));
        document
    }
}
