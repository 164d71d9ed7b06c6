//! Whether a finished corpus is the one that a plan would give: same settings, and files of the
//! same content.
//!
//! Beside its manifest a corpus keeps what the file system said of every file when it was read
//! (`stamps.json`). A file of which it says the same is taken as unchanged; any other is hashed and
//! compared, which is a reading of that file only. The stamps are a cache: without them everything
//! is hashed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jikji_durable::write_file_beside;
use serde::{Deserialize, Serialize};

use super::FOLDER_PREFIX;
use super::plan::Plan;
use crate::manifest::ASIDE;
use crate::read::hash_file;
use crate::{Corpus, CorpusError, CorpusManifest, InputFile, SourceReport, Stamp};

const FILE_NAME: &str = "stamps.json";

/// One file as it was when it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stamped {
    source: String,
    path: String,
    stamp: Stamp,
}

/// BLAKE3 of every file that a corpus was made of, by source and relative path.
pub(super) struct Hashes(BTreeMap<(String, String), String>);

impl Hashes {
    pub(super) fn of(sources: &[SourceReport]) -> Self {
        let mut hashes = BTreeMap::new();
        for source in sources {
            let read = source
                .files_read
                .iter()
                .map(|file| (&file.path, Some(&file.blake3)));
            let skipped = source
                .skipped
                .iter()
                .map(|file| (&file.path, file.blake3.as_ref()));
            for (path, hash) in read.chain(skipped) {
                if let Some(hash) = hash {
                    hashes.insert((source.name.clone(), path.clone()), hash.clone());
                }
            }
        }
        Self(hashes)
    }

    /// Empty for a file that is not there: another name than any hash.
    pub(super) fn get(&self, source: &str, path: &str) -> String {
        let key = (source.to_owned(), path.to_owned());
        self.0.get(&key).cloned().unwrap_or_default()
    }
}

/// Corpus folders below `parent` with a manifest, the named one first.
pub(super) fn folders(parent: &Path, first: &str) -> Vec<PathBuf> {
    let mut names: Vec<String> = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.starts_with(FOLDER_PREFIX) && name != first)
        .collect();
    names.sort();
    std::iter::once(first.to_owned())
        .chain(names)
        .map(|name| parent.join(name))
        .filter(|dir| CorpusManifest::path(dir).is_file())
        .collect()
}

/// Opens the corpus in a folder if it is the one of the plan.
///
/// # Errors
/// A part that is missing, a file that cannot be read. A manifest of another version is another
/// corpus.
pub(super) fn open_if_same(dir: &Path, plan: &Plan<'_>) -> Result<Option<Corpus>, CorpusError> {
    let Ok(Some(manifest)) = CorpusManifest::load(dir) else {
        return Ok(None);
    };
    if manifest.settings != plan.settings {
        return Ok(None);
    }
    let hashes = Hashes::of(&manifest.sources);
    let files = || {
        let sources = plan.sources.iter();
        sources.flat_map(|source| source.files().iter().map(move |file| (source.name(), file)))
    };
    // Before any file is hashed: the same files of the same sizes.
    let sizes: BTreeMap<(&str, &str), u64> = manifest
        .sources
        .iter()
        .flat_map(|source| {
            let files = source.files_read.iter();
            files.map(|file| ((source.name.as_str(), file.path.as_str()), file.bytes))
        })
        .collect();
    let is_known = |(source, file): (&str, &InputFile)| {
        let size = sizes.get(&(source, file.relative.as_str()));
        !hashes.get(source, &file.relative).is_empty()
            && size.is_none_or(|bytes| *bytes == file.bytes)
    };
    if files().count() != hashes.0.len() || !files().all(is_known) {
        return Ok(None);
    }
    let before = read_stamps(dir);
    let known: BTreeMap<(&str, &str), &Stamp> = before
        .iter()
        .map(|it| ((it.source.as_str(), it.path.as_str()), &it.stamp))
        .collect();
    let now = stamps(plan);
    let mut touched = false;
    for ((source, file), stamp) in files().zip(&now) {
        if known.get(&(source, file.relative.as_str())) == Some(&&stamp.stamp) {
            continue;
        }
        touched = true;
        if hash_file(&file.path)?.0 != hashes.get(source, &file.relative) {
            return Ok(None);
        }
    }
    if touched {
        // In a folder that cannot be written the next start hashes again.
        let _ = write_stamps(dir, plan);
    }
    Corpus::open_if_complete(dir)
}

fn stamps(plan: &Plan<'_>) -> Vec<Stamped> {
    let mut stamps = Vec::new();
    for source in &plan.sources {
        for file in source.files() {
            stamps.push(Stamped {
                source: source.name().to_owned(),
                path: file.relative.clone(),
                stamp: file.stamp,
            });
        }
    }
    stamps
}

/// Records what the file system says of the plan's files.
pub(super) fn write_stamps(dir: &Path, plan: &Plan<'_>) -> Result<(), CorpusError> {
    let json = serde_json::to_vec(&stamps(plan)).expect("strings and numbers are always JSON");
    Ok(write_file_beside(&dir.join(FILE_NAME), ASIDE, &json)?)
}

fn read_stamps(dir: &Path) -> Vec<Stamped> {
    let json = fs::read(dir.join(FILE_NAME)).unwrap_or_default();
    serde_json::from_slice(&json).unwrap_or_default()
}
