//! A complete shard set, opened for reading.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::document_table::DocumentRow;
use crate::error::{ShardError, io_error};
use crate::journal::JOURNAL_FILE;
use crate::manifest::{MANIFEST_FILE, Manifest};
use crate::mapped::ResidentBudget;
use crate::shard::{Shard, verify_files};
use crate::split::Split;

/// What a source has on one side of the split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceStats {
    /// The source.
    pub name: String,
    /// Whether a program or model made the text.
    pub synthetic: bool,
    /// Number of documents.
    pub documents: u64,
    /// Number of tokens.
    pub tokens: u64,
    /// Bytes of the text that the tokens stand for.
    pub text_bytes: u64,
}

/// A shard set whose manifest, sizes, document tables and column ends have been checked.
///
/// Reading is by memory map and safe from several threads; the resident part of the maps stays below 128 MiB (plus what one
/// read touches).
#[derive(Debug)]
pub struct ShardSet {
    dir: PathBuf,
    manifest: Manifest,
    shards: Vec<Shard>,
    resident: ResidentBudget,
}

impl ShardSet {
    /// Opens a finished set. Truncated, missing, exchanged files and altered document tables are found here; a change in the
    /// middle of a column only by [`verify`](Self::verify).
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, ShardError> {
        let dir = dir.as_ref().to_owned();
        let manifest = Self::read_manifest(&dir)?;
        let shards = manifest
            .shards
            .iter()
            .map(|entry| Shard::open(&dir, entry))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            dir,
            manifest,
            shards,
            resident: ResidentBudget::default(),
        })
    }

    /// Hashes every file in full and compares it with the manifest.
    pub fn verify(&self) -> Result<(), ShardError> {
        // The manifest may have changed since it was read.
        let manifest = Self::read_manifest(&self.dir)?;
        if manifest != self.manifest {
            return Err(ShardError::ManifestField {
                path: self.dir.join(MANIFEST_FILE),
                field: "checksum".to_owned(),
                expected: self.manifest.checksum.clone(),
                got: manifest.checksum,
            });
        }
        manifest
            .shards
            .iter()
            .try_for_each(|entry| verify_files(&self.dir, entry))
    }

    /// What each source has in a split, ordered by name; sources without a document there are left out.
    pub fn sources(&self, split: Split) -> Vec<SourceStats> {
        let mut sources: BTreeMap<&str, SourceStats> = BTreeMap::new();
        for entry in self
            .manifest
            .shards
            .iter()
            .filter(|entry| entry.split == split)
        {
            let stats = sources.entry(&entry.source).or_insert_with(|| SourceStats {
                name: entry.source.clone(),
                synthetic: false,
                documents: 0,
                tokens: 0,
                text_bytes: 0,
            });
            stats.synthetic |= entry.synthetic;
            stats.documents += entry.documents;
            stats.tokens += entry.tokens;
            stats.text_bytes += entry.text_bytes;
        }
        sources.into_values().collect()
    }

    /// The manifest as it stands on disk.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Identity of all inputs the shards were made from.
    pub fn fingerprint(&self) -> &str {
        &self.manifest.spec.fingerprint
    }

    /// Identity of what the shards hold, whatever the times and places of the files they were made from.
    pub fn content_hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for shard in &self.manifest.shards {
            let files = shard.columns.iter().map(|column| &column.content);
            for file in files.chain([&shard.document_table]) {
                hasher.update(shard.source.as_bytes()).update(&[0]);
                hasher.update(shard.split.name().as_bytes()).update(&[0]);
                hasher.update(file.blake3.as_bytes());
            }
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Identity of the tokens of one source on one side of the split.
    pub(crate) fn source_hash(&self, source: &str, split: Split) -> String {
        let mut hasher = blake3::Hasher::new();
        for id in self.shards_of(source, split) {
            let shard = &self.manifest.shards[id.0];
            for column in &shard.columns {
                hasher.update(column.content.blake3.as_bytes());
            }
        }
        hasher.finalize().to_hex().to_string()
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn read_manifest(dir: &Path) -> Result<Manifest, ShardError> {
        let path = dir.join(MANIFEST_FILE);
        match fs::read(&path) {
            Ok(json) => Manifest::parse(&path, &json),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(if dir.join(JOURNAL_FILE).exists() {
                    ShardError::Unfinished {
                        path: dir.to_owned(),
                    }
                } else {
                    ShardError::NoManifest {
                        path: dir.to_owned(),
                    }
                })
            }
            Err(error) => Err(io_error("read", &path)(error)),
        }
    }

    pub(crate) fn vocab_size(&self) -> usize {
        self.manifest.spec.vocab_size
    }

    /// The shards of a source and split, in the order of their stream.
    pub(crate) fn shards_of(&self, source: &str, split: Split) -> impl Iterator<Item = ShardId> {
        let entries = self.manifest.shards.iter().enumerate();
        entries
            .filter(move |(_, entry)| entry.source == source && entry.split == split)
            .map(|(index, _)| ShardId(index))
    }

    pub(crate) fn shard(&self, id: ShardId) -> &Shard {
        &self.shards[id.0]
    }

    pub(crate) fn find_document(&self, id: ShardId, token: u64) -> Result<u64, ShardError> {
        let shard = self.shard(id);
        self.spend(shard.table.search_bytes());
        shard.table.find(token)
    }

    pub(crate) fn document(&self, id: ShardId, index: u64) -> Result<DocumentRow, ShardError> {
        self.shard(id).table.row(index)
    }

    pub(crate) fn read(
        &self,
        id: ShardId,
        tokens: Range<u64>,
        ids: &mut Vec<u32>,
    ) -> Result<(), ShardError> {
        let shard = self.shard(id);
        self.spend(shard.read_bytes(&tokens));
        shard.read(tokens, self.vocab_size(), ids)
    }

    fn spend(&self, bytes: u64) {
        if self.resident.spend(bytes) {
            self.shards.iter().for_each(Shard::release);
        }
    }
}

/// A shard of the set that handed the id out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShardId(usize);

#[cfg(test)]
mod tests;
