//! From inputs to a corpus folder: discover, fingerprint, clean, filter, write, and continue what was interrupted.
//!
//! Parts and manifest depend on the inputs and settings alone, never on where a build was interrupted.

mod assembly;
mod journal;
mod plan;

use std::fmt;
use std::path::Path;

use crate::{Corpus, CorpusError, CorpusManifest, InputConfig};
use assembly::Assembly;
use plan::Plan;

/// What a corpus is made of.
#[derive(Debug, Default)]
pub struct BuildConfig {
    /// Sources that are read, in this order.
    pub inputs: Vec<InputConfig>,
    /// Documents with fewer characters after cleaning are dropped.
    pub min_chars: usize,
    /// Drop a document whose clean text an earlier one has, whichever source that is in. Takes about 40 bytes of
    /// memory a document.
    pub drop_exact_duplicates: bool,
    /// Sources that a program makes; they come after those that are read.
    pub synthetic: Vec<SyntheticInput>,
}

/// Makes all documents of a synthetic source, the same ones in the same order each time it is called.
pub type MakeDocuments = Box<dyn Fn() -> Box<dyn Iterator<Item = String>>>;

/// Documents made by a program instead of read.
pub struct SyntheticInput {
    /// Name of the source.
    pub name: String,
    /// Licence of every document.
    pub license: String,
    /// Changes whenever the documents would: the generator's version, seed and settings.
    pub fingerprint: String,
    /// Called at most once by a build.
    pub documents: MakeDocuments,
}

impl fmt::Debug for SyntheticInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyntheticInput")
            .field("name", &self.name)
            .field("license", &self.license)
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

/// How far a build is; sent at every file's end and every thousand rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildProgress {
    /// The source being read.
    pub source: String,
    /// The file being read, relative to its source; empty for a synthetic source.
    pub file: String,
    /// Raw bytes of the files before this one, all sources together.
    pub input_bytes_done: u64,
    /// Raw bytes of all files; synthetic sources count nothing.
    pub input_bytes: u64,
    /// Documents kept so far, all sources together.
    pub documents: u64,
    /// UTF-8 bytes of their texts.
    pub text_bytes: u64,
}

/// The seam that tests use to get many parts out of little text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// A part is closed as soon as its texts have this many bytes.
    pub(crate) part_bytes: u64,
    /// Rows between two progress reports.
    pub(crate) progress_rows: u64,
}

const LIMITS: Limits = Limits {
    part_bytes: 32 << 20,
    progress_rows: 1000,
};

/// Names a corpus by what it would be made of, in hex: names, mappings, licences, filters, and each file's relative
/// path, size and time of change. Reads no content.
pub fn fingerprint(config: &BuildConfig) -> Result<String, CorpusError> {
    Ok(Plan::of(config)?.fingerprint)
}

/// Builds the corpus into `dir`, which is made if need be, and opens it.
///
/// A folder that holds this corpus already is only opened. A build that was interrupted continues after its last
/// complete part. The manifest is written last.
///
/// # Errors
/// A folder with another corpus; inputs that are missing, damaged or not UTF-8; nothing left after filtering; a disk
/// that is full. What was complete stays.
pub fn build(
    config: &BuildConfig,
    dir: &Path,
    progress: &mut dyn FnMut(BuildProgress),
) -> Result<Corpus, CorpusError> {
    build_within(config, dir, progress, LIMITS)
}

pub(crate) fn build_within(
    config: &BuildConfig,
    dir: &Path,
    progress: &mut dyn FnMut(BuildProgress),
    limits: Limits,
) -> Result<Corpus, CorpusError> {
    let plan = Plan::of(config)?;
    // Before the journal is touched: a finished corpus may lie in a folder that cannot be written.
    if let Some(corpus) = finished(dir, &plan.fingerprint)? {
        return Ok(corpus);
    }
    std::fs::create_dir_all(dir).map_err(|source| CorpusError::Write {
        path: dir.to_owned(),
        source,
    })?;
    let mut assembly = Assembly::start(config, &plan, dir, limits, progress)?;
    // Another process may have finished while this one waited to begin.
    if let Some(corpus) = finished(dir, &plan.fingerprint)? {
        return Ok(corpus);
    }
    assembly.run()?;
    let manifest = assembly.into_manifest();
    if manifest.documents() == 0 {
        return Err(CorpusError::Empty {
            report: manifest.fates(),
        });
    }
    manifest.store(dir)?;
    Corpus::open(dir)
}

fn finished(dir: &Path, fingerprint: &str) -> Result<Option<Corpus>, CorpusError> {
    // Compared before the parts are looked at: what is wrong with another corpus is none of our business.
    let Some(manifest) = CorpusManifest::load(dir)? else {
        return Ok(None);
    };
    if manifest.fingerprint != fingerprint {
        return Err(CorpusError::OtherFingerprint {
            dir: dir.to_owned(),
            expected: fingerprint.to_owned(),
            found: manifest.fingerprint,
        });
    }
    Corpus::open_if_complete(dir)
}

#[cfg(test)]
mod tests;
