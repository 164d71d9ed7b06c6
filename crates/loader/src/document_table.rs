//! The document table of a shard: one row of 32 bytes per document, in the order of the tokens.
//!
//! It stays on disk and is searched there, so that memory does not grow with the number of documents.

use std::path::Path;

use crate::error::ShardError;
use crate::hashed_file::read_in_pieces;
use crate::manifest::ShardEntry;
use crate::mapped::MappedFile;

pub(crate) const ROW_BYTES: u64 = 32;

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DocumentRow {
    /// Where the document begins in its shard, in tokens.
    pub(crate) first_token: u64,
    pub(crate) tokens: u32,
    pub(crate) text_bytes: u32,
    pub(crate) hash: [u8; 16],
}

impl DocumentRow {
    pub(crate) fn to_bytes(self) -> [u8; ROW_BYTES as usize] {
        let mut row = [0; ROW_BYTES as usize];
        row[..8].copy_from_slice(&self.first_token.to_le_bytes());
        row[8..12].copy_from_slice(&self.tokens.to_le_bytes());
        row[12..16].copy_from_slice(&self.text_bytes.to_le_bytes());
        row[16..].copy_from_slice(&self.hash);
        row
    }

    fn from_bytes(row: &[u8]) -> Option<Self> {
        let (first_token, rest) = row.split_first_chunk()?;
        let (tokens, rest) = rest.split_first_chunk()?;
        let (text_bytes, rest) = rest.split_first_chunk()?;
        let hash = rest.first_chunk()?;
        Some(Self {
            first_token: u64::from_le_bytes(*first_token),
            tokens: u32::from_le_bytes(*tokens),
            text_bytes: u32::from_le_bytes(*text_bytes),
            hash: *hash,
        })
    }
}

/// A mapped table.
#[derive(Debug)]
pub(crate) struct DocumentTable {
    file: MappedFile,
    len: u64,
}

impl DocumentTable {
    pub(crate) fn new(file: MappedFile) -> Self {
        let len = file.bytes().len() as u64 / ROW_BYTES;
        Self { file, len }
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn file(&self) -> &MappedFile {
        &self.file
    }

    pub(crate) fn row(&self, index: u64) -> Result<DocumentRow, ShardError> {
        let row = || {
            let start = usize::try_from(index.checked_mul(ROW_BYTES)?).ok()?;
            DocumentRow::from_bytes(
                self.file
                    .bytes()
                    .get(start..start.checked_add(ROW_BYTES as usize)?)?,
            )
        };
        row().ok_or_else(|| ShardError::Bounds {
            path: self.file.path().to_owned(),
            what: "document",
            position: index,
        })
    }

    /// The document that `token` of the shard belongs to.
    pub(crate) fn find(&self, token: u64) -> Result<u64, ShardError> {
        let (mut low, mut high) = (0, self.len);
        // Invariant: rows below `low` begin at or before `token`, rows from `high` on begin after it.
        while low < high {
            let middle = low + (high - low) / 2;
            if self.row(middle)?.first_token <= token {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low.saturating_sub(1))
    }

    /// The error for a row that does not begin where the one before it ends.
    pub(crate) fn misplaced(&self, document: u64, expected: u64, row: DocumentRow) -> ShardError {
        ShardError::Table {
            path: self.file.path().to_owned(),
            document,
            field: "first_token",
            expected,
            got: row.first_token,
        }
    }

    /// Bytes that a search may bring into memory, for the resident budget.
    pub(crate) fn search_bytes(&self) -> u64 {
        let probes = u64::from(u64::BITS - self.len.leading_zeros());
        (probes * crate::mapped::FAULT_WINDOW).min(self.file.bytes().len() as u64)
    }
}

/// Reads the whole table once: its hash, that it covers the tokens without gap, and that its sums are the manifest's.
pub(crate) fn check_table(path: &Path, entry: &ShardEntry) -> Result<(), ShardError> {
    let mut hasher = blake3::Hasher::new();
    let (mut documents, mut tokens, mut text_bytes) = (0_u64, 0_u64, 0_u64);
    let mut first_fault = None;
    read_in_pieces(path, |piece| {
        hasher.update(piece);
        for row in piece
            .chunks_exact(ROW_BYTES as usize)
            .filter_map(DocumentRow::from_bytes)
        {
            if row.first_token != tokens {
                first_fault.get_or_insert((documents, "first_token", tokens, row.first_token));
            }
            if row.tokens == 0 {
                first_fault.get_or_insert((documents, "tokens", 1, 0));
            }
            documents += 1;
            tokens = tokens.saturating_add(u64::from(row.tokens));
            text_bytes = text_bytes.saturating_add(u64::from(row.text_bytes));
        }
    })?;

    let got = hasher.finalize().to_hex().to_string();
    let expected = &entry.document_table.blake3;
    if got != *expected {
        return Err(ShardError::Hash {
            path: path.to_owned(),
            part: "content",
            expected: expected.clone(),
            got,
        });
    }
    // A table whose hash is right was written like this, by us or by somebody else's hand.
    if tokens != entry.tokens {
        first_fault.get_or_insert((documents, "tokens", entry.tokens, tokens));
    }
    if text_bytes != entry.text_bytes {
        first_fault.get_or_insert((documents, "text_bytes", entry.text_bytes, text_bytes));
    }
    match first_fault {
        Some((document, field, expected, got)) => Err(ShardError::Table {
            path: path.to_owned(),
            document,
            field,
            expected,
            got,
        }),
        None => Ok(()),
    }
}
