//! From inputs to a corpus folder: discover, fingerprint, clean, filter, write, and continue what was interrupted.
//!
//! Parts and manifest depend on the inputs and settings alone, never on where a build was interrupted.

mod assembly;
mod journal;
mod plan;
mod reuse;

use std::fmt;
use std::path::Path;

use crate::{Corpus, CorpusError, CorpusManifest, InputConfig, Skipped};
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
    /// What lies around the inputs and belongs to none of them, for the manifest; it changes
    /// nothing else.
    pub left_out: Vec<Skipped>,
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

/// Names a build by its settings and by what the file system says of its files: path, size, times,
/// number. Reads no content.
///
/// Of the finished corpus, [`CorpusManifest::fingerprint`] is the name that does not change when a
/// file is only touched.
pub fn fingerprint(config: &BuildConfig) -> Result<String, CorpusError> {
    Ok(Plan::of(config)?.fingerprint)
}

/// Builds the corpus into `dir`, which is made if need be, and opens it.
///
/// A folder that holds this corpus already is only opened; files that were touched since are hashed
/// to know that. A build that was interrupted continues after its last complete part. The manifest
/// is written last.
///
/// # Errors
/// A folder with another corpus; inputs that are missing or, with [`OnError::Stop`], cannot be read
/// ([all of them are listed](CorpusError::Unreadable)); nothing left after filtering; a disk that
/// is full. What was complete stays.
pub fn build(
    config: &BuildConfig,
    dir: &Path,
    progress: &mut dyn FnMut(BuildProgress),
) -> Result<Corpus, CorpusError> {
    build_within(config, dir, progress, LIMITS)
}

/// Builds the corpus into a folder of its own below `parent`, or opens the one there that has the
/// same settings and files of the same content, whenever those were written.
///
/// # Errors
/// As [`build`].
pub fn build_below(
    config: &BuildConfig,
    parent: &Path,
    progress: &mut dyn FnMut(BuildProgress),
) -> Result<Corpus, CorpusError> {
    let plan = Plan::of(config)?;
    let name = format!("{FOLDER_PREFIX}{}", &plan.fingerprint[..12]);
    for dir in reuse::folders(parent, &name) {
        if let Some(corpus) = reuse::open_if_same(&dir, &plan)? {
            return Ok(corpus);
        }
    }
    build(config, &parent.join(name), progress)
}

/// Begins the name of a corpus folder beside others.
const FOLDER_PREFIX: &str = "corpus-";

pub(crate) fn build_within(
    config: &BuildConfig,
    dir: &Path,
    progress: &mut dyn FnMut(BuildProgress),
    limits: Limits,
) -> Result<Corpus, CorpusError> {
    let plan = Plan::of(config)?;
    // Before the journal is touched: a finished corpus may lie in a folder that cannot be written.
    if let Some(corpus) = finished(dir, &plan)? {
        return Ok(corpus);
    }
    std::fs::create_dir_all(dir).map_err(|source| CorpusError::Write {
        path: dir.to_owned(),
        source,
    })?;
    let mut assembly = Assembly::start(config, &plan, dir, limits, progress)?;
    // Another process may have finished while this one waited to begin.
    if let Some(corpus) = finished(dir, &plan)? {
        return Ok(corpus);
    }
    assembly.run()?;
    let manifest = assembly.into_manifest(&config.left_out);
    if manifest.documents() == 0 {
        return Err(CorpusError::Empty {
            report: manifest.fates(),
        });
    }
    reuse::write_stamps(dir, &plan)?;
    manifest.store(dir)?;
    Corpus::open(dir)
}

/// The corpus in a folder, if one is complete there and it is this one.
fn finished(dir: &Path, plan: &Plan<'_>) -> Result<Option<Corpus>, CorpusError> {
    let Some(manifest) = CorpusManifest::load(dir)? else {
        return Ok(None);
    };
    match reuse::open_if_same(dir, plan)? {
        Some(corpus) => Ok(Some(corpus)),
        None => Err(CorpusError::OtherFingerprint {
            dir: dir.to_owned(),
            expected: plan.fingerprint.clone(),
            found: manifest.fingerprint,
        }),
    }
}

#[cfg(test)]
mod tests;
