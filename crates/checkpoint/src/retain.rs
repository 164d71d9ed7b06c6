//! Keeping the last few checkpoints.

use std::io;
use std::path::{Path, PathBuf};

use crate::discover::{Candidate, candidates, check_step, verify_candidate};
use crate::durable::{DurableError, remove_dir_durably};
use crate::error::CheckpointError;
use crate::verify::verify_sizes;

/// Removes what is older than the newest `keep` checkpoints (at least one) and returns what was removed.
///
/// Nothing is removed unless one checkpoint verifies in full, and the newest that does is never removed. The others are counted
/// if their manifest is whole and their files have the right sizes: they were verified in full when they were written. A damaged
/// checkpoint does not count, and goes when enough good ones are newer than it.
///
/// # Errors
/// If the folder cannot be listed or a checkpoint not removed; those removed before are gone.
pub fn retain(checkpoints_dir: &Path, keep: usize) -> Result<Vec<PathBuf>, CheckpointError> {
    let candidates = list(checkpoints_dir)?;
    let newest = candidates
        .iter()
        .position(|candidate| verify_candidate(candidate).is_ok());
    newest.map_or(Ok(Vec::new()), |newest| {
        retain_around(&candidates, newest, keep)
    })
}

/// As [`retain`], when the caller has just verified `verified`, which is kept whatever its step.
pub(crate) fn retain_with(
    checkpoints_dir: &Path,
    keep: usize,
    verified: &Path,
) -> Result<Vec<PathBuf>, CheckpointError> {
    let candidates = list(checkpoints_dir)?;
    let known = candidates
        .iter()
        .position(|candidate| candidate.path == verified);
    known.map_or(Ok(Vec::new()), |known| {
        retain_around(&candidates, known, keep)
    })
}

fn list(checkpoints_dir: &Path) -> Result<Vec<Candidate>, CheckpointError> {
    candidates(checkpoints_dir).map_err(|source| CheckpointError::read(checkpoints_dir, source))
}

fn retain_around(
    candidates: &[Candidate],
    verified: usize,
    keep: usize,
) -> Result<Vec<PathBuf>, CheckpointError> {
    let mut good_steps: Vec<u64> = Vec::new();
    let mut removed = Vec::new();
    for (index, candidate) in candidates.iter().enumerate() {
        let superseded = good_steps.last() == Some(&candidate.step);
        if index == verified {
            good_steps.push(candidate.step);
        } else if superseded || good_steps.len() >= keep.max(1) {
            remove(candidate)?;
            removed.push(candidate.path.clone());
        } else if verify_sizes(&candidate.path)
            .and_then(|manifest| check_step(candidate, manifest))
            .is_ok()
        {
            good_steps.push(candidate.step);
        }
    }
    Ok(removed)
}

fn remove(candidate: &Candidate) -> Result<(), DurableError> {
    match remove_dir_durably(&candidate.path) {
        // Another saver of the same folder was faster.
        Err(error) if error.source.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}
