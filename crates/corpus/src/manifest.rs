//! The papers of a corpus: what was read, what became of each row, and the parts that hold the rest.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jikji_durable::write_file_beside;
use serde::{Deserialize, Serialize};

use crate::discover::describe;
use crate::{CorpusError, Skipped};

/// Written into every manifest and journal; another version is refused.
pub(crate) const FORMAT_VERSION: u32 = 1;

/// Ends the name of a file that is not whole. One name a file, since the build's lock keeps a second writer out of the folder:
/// what a killed build left under it is overwritten.
pub(crate) const ASIDE: &str = ".tmp";

const FILE_NAME: &str = "manifest.json";

/// The content of `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorpusManifest {
    /// Version of this format.
    pub format_version: u32,
    /// The [`fingerprint`](crate::fingerprint) of the inputs and settings.
    pub fingerprint: String,
    /// The sources, in the order of the configuration, synthetic ones last.
    pub sources: Vec<SourceReport>,
    /// The parts, in the order of their documents.
    pub parts: Vec<PartEntry>,
}

/// What one source gave. `rows` is `documents` and the three counts of `dropped`, added up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceReport {
    /// Name of the source.
    pub name: String,
    /// True for text made by a program.
    pub synthetic: bool,
    /// Files read to their end, in the order of their relative paths.
    pub files_read: Vec<FileReport>,
    /// Files passed over, and why.
    pub skipped: Vec<Skipped>,
    /// Rows read.
    pub rows: u64,
    /// Documents kept.
    pub documents: u64,
    /// UTF-8 bytes of their clean texts.
    pub bytes: u64,
    /// Rows not kept, by reason.
    pub dropped: Dropped,
    /// Documents by licence; `not stated` where neither the row nor the source names one.
    pub licenses: BTreeMap<String, u64>,
}

/// Rows that did not become documents, by the first reason that applied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Nothing was left after cleaning.
    pub empty: u64,
    /// Fewer characters than `min_chars`.
    pub too_short: u64,
    /// A document before it, in any source, has the same clean text.
    pub duplicate: u64,
}

impl Dropped {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.empty + self.too_short + self.duplicate
    }
}

/// One raw file that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileReport {
    /// Path relative to the source's root.
    pub path: String,
    /// Size in bytes, as it lies on the disk.
    pub bytes: u64,
    /// BLAKE3 of those bytes, in hex.
    pub blake3: String,
    /// Rows read.
    pub rows: u64,
    /// Documents kept of them.
    pub documents: u64,
}

/// One part: a Zstandard file of JSON Lines, all of one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartEntry {
    /// File name within the corpus folder.
    pub file: String,
    /// Name of the source.
    pub source: String,
    /// True for text made by a program.
    pub synthetic: bool,
    /// Documents in it.
    pub documents: u64,
    /// UTF-8 bytes of their texts.
    pub bytes: u64,
    /// Size of the file in bytes.
    pub file_bytes: u64,
    /// BLAKE3 of the file, in hex.
    pub blake3: String,
}

impl SourceReport {
    /// Adds what came after: `self` is the beginning of a source, `later` a piece that follows it.
    pub(crate) fn absorb(&mut self, later: Self) {
        let Self {
            name: _,
            synthetic: _,
            files_read,
            skipped,
            rows,
            documents,
            bytes,
            dropped,
            licenses,
        } = later;
        self.files_read.extend(files_read);
        self.skipped.extend(skipped);
        self.rows += rows;
        self.documents += documents;
        self.bytes += bytes;
        self.dropped.empty += dropped.empty;
        self.dropped.too_short += dropped.too_short;
        self.dropped.duplicate += dropped.duplicate;
        for (license, count) in licenses {
            *self.licenses.entry(license).or_default() += count;
        }
    }

    /// One phrase on what became of the rows, for the error on an empty corpus.
    fn fate(&self) -> String {
        let Dropped {
            empty,
            too_short,
            duplicate,
        } = self.dropped;
        format!(
            "source `{}`: {} rows read, {empty} empty, {too_short} too short, {duplicate} duplicates, files {}",
            self.name,
            self.rows,
            describe(&self.skipped),
        )
    }
}

impl CorpusManifest {
    pub(crate) fn path(dir: &Path) -> PathBuf {
        dir.join(FILE_NAME)
    }

    /// The manifest in a folder, or nothing if there is none.
    ///
    /// # Errors
    /// A manifest that cannot be read, is of another version, names files outside its folder, or whose figures do not
    /// add up.
    pub(crate) fn load(dir: &Path) -> Result<Option<Self>, CorpusError> {
        let path = Self::path(dir);
        let json = match fs::read(&path) {
            Ok(json) => json,
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(CorpusError::Read { path, source }),
        };
        check_version(&path, &json)?;
        let manifest: Self =
            serde_json::from_slice(&json).map_err(|source| CorpusError::Manifest {
                path: path.clone(),
                source,
            })?;
        match manifest.contradiction() {
            Some(reason) => Err(CorpusError::Inconsistent { path, reason }),
            None => Ok(Some(manifest)),
        }
    }

    /// Writes the manifest, the last file of a build: its presence says that all others are whole.
    pub(crate) fn store(&self, dir: &Path) -> Result<(), CorpusError> {
        let path = Self::path(dir);
        let mut json = serde_json::to_vec_pretty(self).map_err(|source| CorpusError::Manifest {
            path: path.clone(),
            source,
        })?;
        json.push(b'\n');
        Ok(write_file_beside(&path, ASIDE, &json)?)
    }

    pub(crate) fn documents(&self) -> u64 {
        self.sources.iter().map(|source| source.documents).sum()
    }

    /// What became of every row, for the error on an empty corpus.
    pub(crate) fn fates(&self) -> String {
        if self.sources.is_empty() {
            return "no source is configured".to_owned();
        }
        self.sources
            .iter()
            .map(SourceReport::fate)
            .collect::<Vec<_>>()
            .join("; ")
    }

    fn contradiction(&self) -> Option<String> {
        for part in &self.parts {
            let known = self.sources.iter().any(|source| source.name == part.source);
            if !known {
                return Some(format!(
                    "part `{}` is of the unlisted source `{}`",
                    part.file, part.source
                ));
            }
            if part.file.contains(['/', '\\']) || part.file.starts_with('.') {
                return Some(format!(
                    "part `{}` does not lie in the folder itself",
                    part.file
                ));
            }
        }
        for source in &self.sources {
            let fates = [
                source.documents,
                source.dropped.empty,
                source.dropped.too_short,
                source.dropped.duplicate,
            ];
            if sum(fates) != Some(source.rows) {
                return Some(format!(
                    "the rows of source `{}` do not add up",
                    source.name
                ));
            }
            let parts = || self.parts.iter().filter(|part| part.source == source.name);
            if sum(parts().map(|part| part.documents)) != Some(source.documents)
                || sum(parts().map(|part| part.bytes)) != Some(source.bytes)
            {
                return Some(format!(
                    "source `{}` and its parts differ in documents or bytes",
                    source.name
                ));
            }
        }
        None
    }
}

/// Figures in a file may be anything, so the sum may not fit.
fn sum(numbers: impl IntoIterator<Item = u64>) -> Option<u64> {
    numbers.into_iter().try_fold(0, u64::checked_add)
}

/// Reads `format_version` before anything else, so that a newer format is named and not called damaged.
pub(crate) fn check_version(path: &Path, json: &[u8]) -> Result<(), CorpusError> {
    #[derive(Deserialize)]
    struct Head {
        format_version: u32,
    }
    let head: Head = serde_json::from_slice(json).map_err(|source| CorpusError::Manifest {
        path: path.to_owned(),
        source,
    })?;
    if head.format_version == FORMAT_VERSION {
        return Ok(());
    }
    Err(CorpusError::FormatVersion {
        path: path.to_owned(),
        expected: FORMAT_VERSION,
        found: head.format_version,
    })
}
