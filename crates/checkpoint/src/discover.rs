//! Finding the checkpoint to go on from: the newest that verifies, by looking and not by a hint.

use std::cmp::Reverse;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::durable::replaced_name;
use crate::error::CheckpointError;
use crate::manifest::Manifest;
use crate::verify::verify;
use crate::write::step_name;

/// A checkpoint whose every file was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Its folder.
    pub path: PathBuf,
    /// What is in it.
    pub manifest: Manifest,
}

impl Verified {
    /// Updates done when it was saved.
    pub fn step(&self) -> u64 {
        self.manifest.step
    }
}

/// What a folder of checkpoints holds.
#[derive(Debug, Default)]
pub struct Discovery {
    /// The newest checkpoint that verifies.
    pub newest: Option<Verified>,
    /// Newer ones that do not, newest first, and why.
    pub passed_over: Vec<(PathBuf, CheckpointError)>,
}

/// Looks for the newest checkpoint that verifies; older ones are not looked at. A folder that does not exist holds none.
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

/// A folder that by its name is a checkpoint.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) step: u64,
    pub(crate) path: PathBuf,
}

/// As [`verify`], and the manifest must be of the step that the folder's name says.
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

/// All checkpoints by name, newest first; of one step, the folder proper before one that was being replaced.
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
