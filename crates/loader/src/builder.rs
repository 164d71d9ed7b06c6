//! Building a shard set unit by unit, in bounded memory, so that an interrupted build goes on after its last complete unit
//! and ends with the same bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jikji_durable::sync_dir;

use crate::document_table::DocumentRow;
use crate::error::{ShardError, WriteUnitError, io_error};
use crate::hashed_file::{PARTIAL, PartialFile, ends_hash};
use crate::journal::Journal;
use crate::manifest::{
    ColumnEntry, DOCUMENTS, Dtype, MANIFEST_FILE, Manifest, ShardEntry, ShardSetSpec, TOKENS,
    is_plain_name,
};
use crate::shard::check_files;
use crate::shard_set::ShardSet;
use crate::split::Split;

/// A document as the tokenizer left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedDocument {
    /// All its ids, begin and end tokens included where wanted.
    pub ids: Vec<u32>,
    /// Bytes of the text that its targets stand for.
    pub text_bytes: u32,
    /// The document's identity (a hash of its text).
    pub hash: [u8; 16],
    /// The side it belongs to; [`split_of`](crate::split_of) decides by the hash.
    pub split: Split,
}

/// A shard set in the making.
///
/// Units may be written in any order: the finished set orders them by name.
#[derive(Debug)]
pub struct ShardSetBuilder {
    dir: PathBuf,
    spec: ShardSetSpec,
    journal: Journal,
    units: BTreeMap<String, Vec<ShardEntry>>,
}

impl ShardSetBuilder {
    /// Starts a build in `dir`, or continues the one that was interrupted there.
    ///
    /// A unit whose files are damaged counts as not written. Shards of another specification are an error, and so is a second
    /// builder in the same folder.
    pub fn open(dir: impl AsRef<Path>, spec: ShardSetSpec) -> Result<Self, ShardError> {
        let dir = dir.as_ref().to_owned();
        spec.check()?;
        fs::create_dir_all(&dir).map_err(io_error("create", &dir))?;

        // The manifest first: other people's shards must not even get a journal.
        let mut units = finished_units(&dir, &spec)?;
        let (journal, journaled) = Journal::open(&dir, &spec)?;
        units.extend(journaled);
        units.retain(|_, shards| {
            let sound = |shard: &ShardEntry| {
                shard
                    .check(&dir, 0, spec.token_dtype())
                    .and_then(|()| check_files(&dir, shard))
            };
            shards.iter().all(|shard| sound(shard).is_ok())
        });
        remove_leftovers(&dir)?;
        Ok(Self {
            dir,
            spec,
            journal,
            units,
        })
    }

    /// Whether the unit was written, in this build or before it was interrupted.
    pub fn is_complete(&self, unit: &str) -> bool {
        self.units.contains_key(unit)
    }

    /// Writes the documents of one unit, all of one source. Either the whole unit is kept or nothing of it.
    ///
    /// Documents stream to the disk; only one is held at a time.
    pub fn write_unit<E: std::error::Error + 'static>(
        &mut self,
        unit: &str,
        source: &str,
        synthetic: bool,
        documents: &mut dyn Iterator<Item = Result<EncodedDocument, E>>,
    ) -> Result<(), WriteUnitError<E>> {
        self.check_unit(unit, source, synthetic)?;
        let mut writers: BTreeMap<Split, ShardWriter> = BTreeMap::new();
        for (number, document) in documents.enumerate() {
            let document = document.map_err(WriteUnitError::Document)?;
            self.check_document(unit, number as u64, &document)?;
            let writer = match writers.entry(document.split) {
                std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::btree_map::Entry::Vacant(entry) => entry.insert(
                    ShardWriter::create(&self.dir, unit, document.split, self.spec.token_dtype())?,
                ),
            };
            writer.push(&document)?;
        }

        // What an earlier, unrecorded attempt left under the final names must not survive beside this one.
        for split in [Split::Train, Split::Validation] {
            for column in [TOKENS, DOCUMENTS] {
                remove_if_there(&self.dir.join(file_name(unit, split, column)))?;
            }
        }
        let mut shards = Vec::new();
        for (split, writer) in writers {
            shards.push(writer.publish(&self.dir, unit, source, synthetic, split)?);
        }
        sync_dir(&self.dir).map_err(ShardError::from)?;
        self.journal.record(unit, &shards)?;
        self.units.insert(unit.to_owned(), shards);
        Ok(())
    }

    /// Writes the manifest, which makes the set complete, and opens it.
    pub fn finish(self) -> Result<ShardSet, ShardError> {
        let Self {
            dir,
            spec,
            journal,
            units,
        } = self;
        let shards: Vec<ShardEntry> = units.into_values().flatten().collect();
        if shards.is_empty() {
            return Err(ShardError::Empty { path: dir });
        }
        let mut file = PartialFile::create(&dir, MANIFEST_FILE.to_owned())?;
        file.write(Manifest::new(spec, shards).to_json().as_bytes())?;
        file.sync()?.publish()?;
        sync_dir(&dir)?;
        journal.remove()?;
        ShardSet::open(&dir)
    }

    fn check_unit(&self, unit: &str, source: &str, synthetic: bool) -> Result<(), ShardError> {
        if !is_plain_name(unit) || unit.len() > 200 {
            return Err(ShardError::UnitName {
                unit: unit.to_owned(),
            });
        }
        if self.is_complete(unit) {
            return Err(ShardError::UnitComplete {
                path: self.dir.clone(),
                unit: unit.to_owned(),
            });
        }
        let contradicting = self
            .units
            .values()
            .flatten()
            .find(|shard| shard.source == source && shard.synthetic != synthetic);
        match contradicting {
            Some(shard) => Err(ShardError::Synthetic {
                unit: unit.to_owned(),
                name: source.to_owned(),
                got: synthetic,
                other: shard.unit.clone(),
            }),
            None => Ok(()),
        }
    }

    fn check_document(
        &self,
        unit: &str,
        document: u64,
        encoded: &EncodedDocument,
    ) -> Result<(), ShardError> {
        let got = encoded.ids.len();
        if got == 0 || got > u32::MAX as usize {
            return Err(ShardError::DocumentLength {
                unit: unit.to_owned(),
                document,
                got,
            });
        }
        let vocab_size = self.spec.vocab_size;
        match encoded.ids.iter().find(|&&id| id as usize >= vocab_size) {
            Some(&id) => Err(ShardError::TokenInDocument {
                unit: unit.to_owned(),
                document,
                id,
                vocab_size,
            }),
            None => Ok(()),
        }
    }
}

/// The two files of a unit's one side, being written.
struct ShardWriter {
    dtype: Dtype,
    columns: PartialFile,
    table: PartialFile,
    documents: u64,
    tokens: u64,
    text_bytes: u64,
    /// Reused for each document.
    encoded: Vec<u8>,
}

impl ShardWriter {
    fn create(dir: &Path, unit: &str, split: Split, dtype: Dtype) -> Result<Self, ShardError> {
        let columns = PartialFile::create(dir, file_name(unit, split, TOKENS))?;
        let table = PartialFile::create(dir, file_name(unit, split, DOCUMENTS))?;
        Ok(Self {
            dtype,
            columns,
            table,
            documents: 0,
            tokens: 0,
            text_bytes: 0,
            encoded: Vec::new(),
        })
    }

    fn push(&mut self, document: &EncodedDocument) -> Result<(), ShardError> {
        self.encoded.clear();
        if self.dtype == Dtype::U16 {
            // Every id is below a vocabulary size of at most 65,536.
            self.encoded.extend(
                document
                    .ids
                    .iter()
                    .flat_map(|&id| (id as u16).to_le_bytes()),
            );
        } else {
            self.encoded
                .extend(document.ids.iter().flat_map(|&id| id.to_le_bytes()));
        }
        self.columns.write(&self.encoded)?;
        let row = DocumentRow {
            first_token: self.tokens,
            tokens: document.ids.len() as u32,
            text_bytes: document.text_bytes,
            hash: document.hash,
        };
        self.table.write(&row.to_bytes())?;
        self.documents += 1;
        self.tokens += document.ids.len() as u64;
        self.text_bytes += u64::from(document.text_bytes);
        Ok(())
    }

    fn publish(
        self,
        dir: &Path,
        unit: &str,
        source: &str,
        synthetic: bool,
        split: Split,
    ) -> Result<ShardEntry, ShardError> {
        let (columns, table) = (self.columns.sync()?, self.table.sync()?);
        let content = columns.publish()?;
        let document_table = table.publish()?;
        let ends_blake3 = ends_hash(&dir.join(&content.file))?;
        Ok(ShardEntry {
            unit: unit.to_owned(),
            source: source.to_owned(),
            synthetic,
            split,
            documents: self.documents,
            tokens: self.tokens,
            text_bytes: self.text_bytes,
            document_table,
            columns: vec![ColumnEntry {
                name: TOKENS.to_owned(),
                dtype: self.dtype,
                content,
                ends_blake3,
            }],
        })
    }
}

fn file_name(unit: &str, split: Split, column: &str) -> String {
    format!("{unit}.{split}.{column}")
}

/// The units of a set that was finished before: adding to it is continuing it.
fn finished_units(
    dir: &Path,
    spec: &ShardSetSpec,
) -> Result<BTreeMap<String, Vec<ShardEntry>>, ShardError> {
    let mut units: BTreeMap<String, Vec<ShardEntry>> = BTreeMap::new();
    let manifest = match ShardSet::read_manifest(dir) {
        Ok(manifest) => manifest,
        Err(ShardError::NoManifest { .. } | ShardError::Unfinished { .. }) => return Ok(units),
        Err(error) => return Err(error),
    };
    spec.same_as(&manifest.spec, dir)?;
    for shard in manifest.shards {
        units.entry(shard.unit.clone()).or_default().push(shard);
    }
    Ok(units)
}

/// Partial files of a build that was killed.
fn remove_leftovers(dir: &Path) -> Result<(), ShardError> {
    let ours = [TOKENS, DOCUMENTS, MANIFEST_FILE].map(|name| format!("{name}{PARTIAL}"));
    for entry in fs::read_dir(dir).map_err(io_error("list", dir))? {
        let path = entry.map_err(io_error("list", dir))?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if ours.iter().any(|suffix| name.ends_with(suffix.as_str())) {
            remove_if_there(&path)?;
        }
    }
    Ok(())
}

fn remove_if_there(path: &Path) -> Result<(), ShardError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(io_error("remove", path)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
