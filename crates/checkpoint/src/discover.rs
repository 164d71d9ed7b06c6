//! Finding the newest valid checkpoint. It scans the folder; there is no `latest` file.

use std::cmp::Reverse;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::durable::replaced_name;
use crate::error::CheckpointError;
use crate::manifest::Manifest;
use crate::verify::verify;
use crate::write::step_name;

/// A checkpoint in which every file was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The folder of the checkpoint.
    pub path: PathBuf,
    /// The manifest of the checkpoint.
    pub manifest: Manifest,
}

impl Verified {
    /// Number of optimizer updates done when it was saved.
    pub fn step(&self) -> u64 {
        self.manifest.step
    }
}

/// The result of scanning a folder of checkpoints.
#[derive(Debug, Default)]
pub struct Discovery {
    /// The newest valid checkpoint.
    pub newest: Option<Verified>,
    /// Newer checkpoints that are not valid, newest first, each with its error.
    pub passed_over: Vec<(PathBuf, CheckpointError)>,
}

/// Finds the newest valid checkpoint. Older checkpoints are not checked. A missing folder contains
/// no checkpoint.
pub fn discover(checkpoints_dir: &Path) -> Discovery {
    let mut discovery = Discovery::default();
    let candidates = match candidates(checkpoints_dir) {
        Ok(candidates) => candidates,
        Err(error) => {
            discovery.passed_over.push((
                checkpoints_dir.to_path_buf(),
                CheckpointError::read(checkpoints_dir, error),
            ));
            return discovery;
        }
    };
    for candidate in candidates {
        match verify_candidate(&candidate) {
            Ok(manifest) => {
                discovery.newest = Some(Verified {
                    path: candidate.path,
                    manifest,
                });
                break;
            }
            Err(error) => discovery.passed_over.push((candidate.path, error)),
        }
    }
    discovery
}

/// A folder whose name has the form of a checkpoint.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) step: u64,
    pub(crate) path: PathBuf,
}

/// Like [`verify`]; also checks that the step in the manifest matches the folder name.
pub(crate) fn verify_candidate(candidate: &Candidate) -> Result<Manifest, CheckpointError> {
    check_step(candidate, verify(&candidate.path)?)
}

pub(crate) fn check_step(
    candidate: &Candidate,
    manifest: Manifest,
) -> Result<Manifest, CheckpointError> {
    if manifest.step == candidate.step {
        Ok(manifest)
    } else {
        Err(CheckpointError::Step {
            dir: candidate.path.clone(),
            expected: candidate.step,
            found: manifest.step,
        })
    }
}

/// All checkpoint folders by name, newest first. For one step, the regular folder comes before one
/// that was being replaced.
pub(crate) fn candidates(checkpoints_dir: &Path) -> io::Result<Vec<Candidate>> {
    let entries = match fs::read_dir(checkpoints_dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let Some(digits) = name.to_str().and_then(|name| name.strip_prefix("step-")) else {
            continue;
        };
        let Ok(step) = digits
            .trim_end_matches(|c: char| !c.is_ascii_digit())
            .parse::<u64>()
        else {
            continue;
        };
        let path = checkpoints_dir.join(step_name(step));
        if name.to_str() == Some(step_name(step).as_str()) {
            found.push(Candidate { step, path });
        } else if Some(name.as_os_str()) == replaced_name(&path).file_name() {
            found.push(Candidate {
                step,
                path: replaced_name(&path),
            });
        }
    }
    found.sort_by(|a, b| (Reverse(a.step), &a.path).cmp(&(Reverse(b.step), &b.path)));
    Ok(found)
}
