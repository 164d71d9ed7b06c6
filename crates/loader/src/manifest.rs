//! `manifest.json`: what a shard set is made from and which files it has. Written last, so a folder with a manifest is
//! complete; it carries a checksum of itself, since a flipped bit in it would not show in any other file.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::ShardError;
use crate::split::Split;

pub(crate) const MANIFEST_FILE: &str = "manifest.json";
/// The column every shard has.
pub(crate) const TOKENS: &str = "tokens";
pub(crate) const DOCUMENTS: &str = "documents";
const FORMAT: &str = "jikji-shards";
const VERSION: u32 = 1;

/// What the shards are made from: two builds with equal specifications give equal bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardSetSpec {
    /// Identity of all inputs (corpus, tokenizer, split), chosen by the caller.
    pub fingerprint: String,
    /// Hash of the tokenizer that made the ids.
    pub tokenizer: String,
    /// Number of ids; every id in the shards is below it.
    pub vocab_size: usize,
    /// The id that ends documents, if the tokenizer has one.
    pub eos_id: Option<u32>,
    /// The id that begins documents, if the tokenizer has one.
    pub bos_id: Option<u32>,
}

impl ShardSetSpec {
    /// The narrowest type that holds every id.
    pub fn token_dtype(&self) -> Dtype {
        if self.vocab_size <= 1 << 16 {
            Dtype::U16
        } else {
            Dtype::U32
        }
    }

    /// A batch carries ids as `i32`, so a vocabulary ends there.
    pub(crate) fn check(&self) -> Result<(), ShardError> {
        let fail = |field, expected: &str, got: String| {
            Err(ShardError::Spec {
                field,
                expected: expected.to_owned(),
                got,
            })
        };
        if self.vocab_size == 0 || self.vocab_size > i32::MAX as usize {
            return fail("vocab_size", "1 to 2147483647", self.vocab_size.to_string());
        }
        for (field, id) in [("eos_id", self.eos_id), ("bos_id", self.bos_id)] {
            if let Some(id) = id.filter(|&id| id as usize >= self.vocab_size) {
                return fail(
                    field,
                    &format!("less than `vocab_size = {}`", self.vocab_size),
                    id.to_string(),
                );
            }
        }
        Ok(())
    }

    /// Refuses to go on with shards made from other inputs, naming the first field that differs.
    pub(crate) fn same_as(&self, found: &Self, dir: &Path) -> Result<(), ShardError> {
        let Self {
            fingerprint,
            tokenizer,
            vocab_size,
            eos_id,
            bos_id,
        } = self;
        let fields = [
            (
                "fingerprint",
                fingerprint.clone(),
                found.fingerprint.clone(),
            ),
            ("tokenizer", tokenizer.clone(), found.tokenizer.clone()),
            (
                "vocab_size",
                vocab_size.to_string(),
                found.vocab_size.to_string(),
            ),
            (
                "eos_id",
                format!("{eos_id:?}"),
                format!("{:?}", found.eos_id),
            ),
            (
                "bos_id",
                format!("{bos_id:?}"),
                format!("{:?}", found.bos_id),
            ),
        ];
        match fields
            .into_iter()
            .find(|(_, expected, got)| expected != got)
        {
            Some((field, expected, got)) => Err(ShardError::OtherBuild {
                path: dir.to_owned(),
                field,
                expected,
                got,
            }),
            None => Ok(()),
        }
    }
}

/// How one value of a column is stored, little endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// One byte.
    U8,
    /// Two bytes.
    U16,
    /// Four bytes.
    U32,
    /// IEEE 754 single precision.
    F32,
}

impl Dtype {
    /// Bytes of one value.
    pub const fn size(self) -> u64 {
        match self {
            Self::U8 => 1,
            Self::U16 => 2,
            Self::U32 | Self::F32 => 4,
        }
    }
}

/// One file of a shard set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Its name in the folder.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// BLAKE3 of its content, in hexadecimal.
    pub blake3: String,
}

/// One value per token, in a file of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnEntry {
    /// What the column holds: `tokens`, and whatever else a later writer adds.
    pub name: String,
    /// How a value is stored.
    pub dtype: Dtype,
    /// Where it lies.
    pub content: FileEntry,
    /// BLAKE3 of the first and the last 64 KiB: cheap enough to be compared whenever the set is opened, and enough to tell
    /// two exchanged files apart.
    pub ends_blake3: String,
}

/// The documents of one unit on one side of the split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardEntry {
    /// The unit of work it was written by.
    pub unit: String,
    /// The source its documents belong to.
    pub source: String,
    /// Whether a program or model made the text.
    pub synthetic: bool,
    /// Training or validation.
    pub split: Split,
    /// Number of documents.
    pub documents: u64,
    /// Number of tokens.
    pub tokens: u64,
    /// Bytes of the text that the tokens stand for.
    pub text_bytes: u64,
    /// One row of 32 bytes per document: first token (u64), tokens (u32), text bytes (u32), hash (16 bytes).
    pub document_table: FileEntry,
    /// The columns, `tokens` first.
    pub columns: Vec<ColumnEntry>,
}

impl ShardEntry {
    pub(crate) fn token_column(&self) -> Option<&ColumnEntry> {
        self.columns.iter().find(|column| column.name == TOKENS)
    }
}

/// The whole of `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Always `jikji-shards`.
    pub format: String,
    /// Version of the layout.
    pub version: u32,
    /// What the shards are made from.
    pub spec: ShardSetSpec,
    /// The shards, ordered by unit and split: their order is the order of the token streams.
    pub shards: Vec<ShardEntry>,
    /// BLAKE3 of this manifest with an empty `checksum`.
    pub checksum: String,
}

/// Read before the rest, so that a later layout is refused by its version and not by a field we do not know.
#[derive(Deserialize)]
struct Preamble {
    format: String,
    version: u32,
}

impl Manifest {
    pub(crate) fn new(spec: ShardSetSpec, shards: Vec<ShardEntry>) -> Self {
        let mut manifest = Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            spec,
            shards,
            checksum: String::new(),
        };
        manifest.checksum = manifest.checksum_of_rest();
        manifest
    }

    pub(crate) fn to_json(&self) -> String {
        let mut json =
            serde_json::to_string_pretty(self).expect("strings and integers always serialize");
        json.push('\n');
        json
    }

    /// Reads and checks everything that can be checked without touching the shard files.
    pub(crate) fn parse(path: &Path, json: &[u8]) -> Result<Self, ShardError> {
        let syntax = |source| ShardError::ManifestSyntax {
            path: path.to_owned(),
            source,
        };
        let fail = |field: String, expected: String, got: String| {
            Err(ShardError::ManifestField {
                path: path.to_owned(),
                field,
                expected,
                got,
            })
        };

        let preamble: Preamble = serde_json::from_slice(json).map_err(syntax)?;
        if preamble.format != FORMAT {
            return fail("format".into(), FORMAT.into(), preamble.format);
        }
        if preamble.version != VERSION {
            return fail(
                "version".into(),
                VERSION.to_string(),
                preamble.version.to_string(),
            );
        }
        let manifest: Self = serde_json::from_slice(json).map_err(syntax)?;
        let checksum = manifest.checksum_of_rest();
        if manifest.checksum != checksum {
            return fail("checksum".into(), checksum, manifest.checksum);
        }
        manifest.spec.check()?;
        for (i, shard) in manifest.shards.iter().enumerate() {
            shard.check(path, i, manifest.spec.token_dtype())?;
        }
        Ok(manifest)
    }

    fn checksum_of_rest(&self) -> String {
        let rest = Self {
            checksum: String::new(),
            ..self.clone()
        };
        let json = serde_json::to_vec(&rest).expect("strings and integers always serialize");
        blake3::hash(&json).to_hex().to_string()
    }
}

impl ShardEntry {
    /// Sizes must follow from the counts, and no name may lead out of the folder.
    pub(crate) fn check(
        &self,
        manifest: &Path,
        index: usize,
        token_dtype: Dtype,
    ) -> Result<(), ShardError> {
        let fail = |field: &str, expected: String, got: String| {
            Err(ShardError::ManifestField {
                path: manifest.to_owned(),
                field: format!("shards[{index}].{field}"),
                expected,
                got,
            })
        };
        let table = &self.document_table;
        if Some(table.bytes) != self.documents.checked_mul(crate::document_table::ROW_BYTES) {
            return fail(
                "document_table.bytes",
                format!("32 for each of {} documents", self.documents),
                table.bytes.to_string(),
            );
        }
        if self.documents == 0 || self.tokens < self.documents {
            return fail(
                "tokens",
                format!(
                    "at least one for each of {} documents",
                    self.documents.max(1)
                ),
                self.tokens.to_string(),
            );
        }
        for column in &self.columns {
            if Some(column.content.bytes) != self.tokens.checked_mul(column.dtype.size()) {
                let expected =
                    format!("{} for each of {} tokens", column.dtype.size(), self.tokens);
                return fail(
                    &format!("{}.bytes", column.name),
                    expected,
                    column.content.bytes.to_string(),
                );
            }
        }
        for file in self.files() {
            if !is_plain_name(&file.file) {
                return fail("file", "a plain file name".to_owned(), file.file.clone());
            }
        }
        match self.token_column() {
            Some(column) if column.dtype == token_dtype => Ok(()),
            Some(column) => fail(
                "tokens.dtype",
                format!("{token_dtype:?}"),
                format!("{:?}", column.dtype),
            ),
            None => fail("columns", format!("a column `{TOKENS}`"), "none".to_owned()),
        }
    }

    /// Every file of the shard.
    pub(crate) fn files(&self) -> impl Iterator<Item = &FileEntry> {
        std::iter::once(&self.document_table)
            .chain(self.columns.iter().map(|column| &column.content))
    }
}

/// Names that stay in the folder on any file system.
pub(crate) fn is_plain_name(name: &str) -> bool {
    (1..=240).contains(&name.len())
        && !name.starts_with('.')
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}
