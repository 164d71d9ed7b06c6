//! Whether a checkpoint is what its writer meant.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rayon::prelude::*;

use crate::error::{BadFile, CheckpointError, FileProblem};
use crate::manifest::{FileEntry, Manifest};

/// Bytes read at a time; large enough for BLAKE3's widest SIMD path.
const READ_BYTES: usize = 1024 * 1024;

/// Checks every file of a checkpoint against its manifest, by size and by hash.
///
/// # Errors
/// If the manifest is missing or damaged, or with the list of all files that differ, each with what was expected and found.
pub fn verify(dir: &Path) -> Result<Manifest, CheckpointError> {
    let manifest = Manifest::read(dir)?;
    let bad = manifest
        .files
        .par_iter()
        .filter_map(|(file, entry)| bad_file(dir, file, file_problem, entry))
        .collect();
    refuse_bad(dir, manifest, bad)
}

/// As [`verify`], on the calling thread alone. Training works in the thread pool that [`verify`] shares the files out to; a matrix
/// product that waits for the pool would wait for a file of gigabytes.
pub(crate) fn verify_on_this_thread(dir: &Path) -> Result<Manifest, CheckpointError> {
    let manifest = Manifest::read(dir)?;
    let bad = manifest
        .files
        .iter()
        .filter_map(|(file, entry)| bad_file(dir, file, file_problem, entry))
        .collect();
    refuse_bad(dir, manifest, bad)
}

/// As [`verify`], but looks only at the sizes: for a checkpoint that was verified when it was written.
pub(crate) fn verify_sizes(dir: &Path) -> Result<Manifest, CheckpointError> {
    let manifest = Manifest::read(dir)?;
    let sizes = |path: &Path, entry: &FileEntry| size_problem(path, entry).err();
    let bad = manifest
        .files
        .iter()
        .filter_map(|(file, entry)| bad_file(dir, file, sizes, entry))
        .collect();
    refuse_bad(dir, manifest, bad)
}

fn bad_file(
    dir: &Path,
    file: &str,
    problem: impl Fn(&Path, &FileEntry) -> Option<FileProblem>,
    entry: &FileEntry,
) -> Option<BadFile> {
    problem(&dir.join(file), entry).map(|problem| BadFile {
        file: file.to_owned(),
        problem,
    })
}

fn refuse_bad(
    dir: &Path,
    manifest: Manifest,
    bad: Vec<BadFile>,
) -> Result<Manifest, CheckpointError> {
    if bad.is_empty() {
        Ok(manifest)
    } else {
        Err(CheckpointError::Damaged {
            dir: dir.to_path_buf(),
            bad,
        })
    }
}

fn size_problem(path: &Path, entry: &FileEntry) -> Result<(), FileProblem> {
    // Asked before opening: opening a named pipe would wait for ever.
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() && metadata.len() == entry.bytes => Ok(()),
        Ok(metadata) if metadata.is_file() => Err(FileProblem::Size {
            expected: entry.bytes,
            found: metadata.len(),
        }),
        Ok(_) => Err(FileProblem::Missing),
        Err(error) => Err(io_problem(&error)),
    }
}

fn file_problem(path: &Path, entry: &FileEntry) -> Option<FileProblem> {
    if let Err(problem) = size_problem(path, entry) {
        return Some(problem);
    }
    // Read, not mapped: a device error is then an error and not a signal.
    match hash(path) {
        Ok(found) if found == entry.blake3 => None,
        Ok(found) => Some(FileProblem::Hash {
            expected: entry.blake3.clone(),
            found,
        }),
        Err(error) => Some(io_problem(&error)),
    }
}

fn hash(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let size = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    let mut buffer = vec![0; size.clamp(1, READ_BYTES)];
    let mut hasher = blake3::Hasher::new();
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finalize().to_hex().to_string()),
            Ok(read) => {
                hasher.update(buffer.get(..read).unwrap_or(&buffer));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn io_problem(error: &io::Error) -> FileProblem {
    if error.kind() == io::ErrorKind::NotFound {
        FileProblem::Missing
    } else {
        FileProblem::Unreadable(error.to_string())
    }
}
