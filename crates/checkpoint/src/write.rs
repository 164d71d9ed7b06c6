//! Writing a checkpoint: everything aside, flushed, the manifest last, then one rename.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::durable::{self, StagedDir};
use crate::error::CheckpointError;
use crate::manifest::{
    FORMAT_VERSION, FileEntry, MANIFEST, MAX_MANIFEST_BYTES, MAX_RUN_BYTES, MODEL, Manifest,
    OPTIMIZER, RUN, StateEntry, check_file_name,
};
use crate::snapshot::{Snapshot, StateKind, StateTensor};
use crate::tensor_file::{FloatType, Layout, num_elements, write_elements};

/// Room that the file system itself may take per file, and for the folder.
const OVERHEAD_BYTES: u64 = 64 * 1024;

/// Writes a checkpoint `step-N` into a folder of checkpoints, which is made if it is missing, and returns its path. An older
/// checkpoint of the same step is replaced; there is no moment in which neither can be found.
///
/// # Errors
/// If the snapshot contradicts itself, the disk has no room, or a call fails. The checkpoints that were there are whole then, and no
/// half of the new one is left. (If only the very last flush failed, the new one is in place and whole, but may not survive a power cut.)
pub fn write(checkpoints_dir: &Path, snapshot: &Snapshot) -> Result<PathBuf, CheckpointError> {
    check(snapshot)?;
    let mut pieces: Vec<Piece> = snapshot.tensors.iter().map(Piece::whole).collect();
    pieces.sort_by(|a, b| {
        (&a.entry.file, &a.entry.kind, &a.entry.name).cmp(&(
            &b.entry.file,
            &b.entry.kind,
            &b.entry.name,
        ))
    });
    write_pieces(checkpoints_dir, snapshot, &pieces)
}

/// A run of elements of a state, and the file it goes to.
#[derive(Debug)]
pub(crate) struct Piece<'a> {
    pub(crate) entry: StateEntry,
    pub(crate) data: &'a [f32],
}

impl<'a> Piece<'a> {
    fn whole(tensor: &'a StateTensor) -> Self {
        let kind = tensor.kind.canonical().into_owned();
        let file = if kind == StateKind::Weight {
            MODEL
        } else {
            OPTIMIZER
        };
        let entry = StateEntry {
            name: tensor.name.clone(),
            kind,
            shape: tensor.shape.clone(),
            file: file.to_owned(),
            range: [0, tensor.data.len()],
        };
        Piece {
            entry,
            data: &tensor.data,
        }
    }
}

/// The folder's name of a step.
pub(crate) fn step_name(step: u64) -> String {
    format!("step-{step:08}")
}

/// Writes the checkpoint in any layout: each file holds its pieces in the order given.
pub(crate) fn write_pieces(
    checkpoints_dir: &Path,
    snapshot: &Snapshot,
    pieces: &[Piece],
) -> Result<PathBuf, CheckpointError> {
    let by_file = lay_out(pieces)?;
    let run = to_json(&snapshot.run).map_err(|source| CheckpointError::Run {
        path: PathBuf::from(RUN),
        source,
    })?;
    if run.len() as u64 > MAX_RUN_BYTES {
        let problem = format!(
            "it would have {} bytes, more than {MAX_RUN_BYTES}",
            run.len()
        );
        return Err(CheckpointError::Run {
            path: PathBuf::from(RUN),
            source: serde::ser::Error::custom(problem),
        });
    }
    let mut manifest = Manifest {
        format_version: FORMAT_VERSION,
        step: snapshot.step,
        files: BTreeMap::new(),
        states: pieces.iter().map(|piece| piece.entry.clone()).collect(),
    };
    let manifest_bytes = |manifest: &Manifest| {
        let refuse = |problem| CheckpointError::Manifest {
            path: PathBuf::from(MANIFEST),
            problem,
        };
        let bytes = manifest.to_bytes();
        let bytes = bytes.map_err(|error| refuse(error.to_string()))?;
        if bytes.len() as u64 > MAX_MANIFEST_BYTES {
            return Err(refuse(format!(
                "it would have {} bytes, more than {MAX_MANIFEST_BYTES}",
                bytes.len()
            )));
        }
        Ok(bytes)
    };

    durable::create_dir_all(checkpoints_dir)?;
    // What an earlier process left is swept before the room is measured; a stray that cannot be removed does not stop a save.
    let _ = durable::sweep_stale(checkpoints_dir);
    let extras: u64 = snapshot
        .extra_files
        .iter()
        .map(|(_, bytes)| bytes.len() as u64)
        .sum();
    let tensors: u64 = by_file
        .values()
        .map(|(layout, _)| layout.file_bytes())
        .sum();
    let needed = tensors
        + extras
        + run.len() as u64
        + manifest_bytes(&manifest)?.len() as u64
        + OVERHEAD_BYTES;
    check_room(checkpoints_dir, needed)?;

    let staged = StagedDir::create(&checkpoints_dir.join(step_name(snapshot.step)))?;
    for (file, (layout, pieces)) in &by_file {
        let entry = write_hashed(&staged, file, |out| {
            layout.write_header(out)?;
            pieces
                .iter()
                .try_for_each(|piece| write_elements(out, piece.data, FloatType::F32))
        })?;
        manifest.files.insert((*file).to_owned(), entry);
    }
    let run_file = std::iter::once((RUN, run.as_slice()));
    let extra_files = snapshot
        .extra_files
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
    for (name, bytes) in run_file.chain(extra_files) {
        let entry = write_hashed(&staged, name, |out| out.write_all(bytes))?;
        manifest.files.insert(name.to_owned(), entry);
    }
    let bytes = manifest_bytes(&manifest)?;
    staged.write_file_with(MANIFEST, |out| out.write_all(&bytes))?;
    Ok(staged.commit()?)
}

fn check_room(dir: &Path, needed: u64) -> Result<(), CheckpointError> {
    let free = durable::free_space(dir)?;
    if free < needed {
        Err(CheckpointError::NoSpace {
            dir: dir.to_path_buf(),
            needed,
            free,
        })
    } else {
        Ok(())
    }
}

/// Header and pieces of each tensor file.
type TensorFiles<'a> = BTreeMap<&'a str, (Layout, Vec<&'a Piece<'a>>)>;

fn lay_out<'a>(pieces: &'a [Piece<'a>]) -> Result<TensorFiles<'a>, CheckpointError> {
    let mut by_file: BTreeMap<&str, Vec<&Piece>> = BTreeMap::new();
    for piece in pieces {
        by_file.entry(&piece.entry.file).or_default().push(piece);
    }
    by_file
        .into_iter()
        .map(|(file, pieces)| {
            let tensors: Vec<_> = pieces
                .iter()
                .map(|piece| (piece.entry.tensor_name(), piece.entry.tensor_shape()))
                .collect();
            let named = tensors
                .iter()
                .map(|(name, shape)| (name.as_str(), shape.as_slice(), FloatType::F32));
            let layout = Layout::new(named).ok_or_else(|| CheckpointError::FileName {
                name: file.to_owned(),
                problem: "its header would be larger than what is read, or a shape has more than 16 dimensions",
            })?;
            Ok((file, (layout, pieces)))
        })
        .collect()
}

fn to_json(value: &impl serde::Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn write_hashed(
    staged: &StagedDir,
    name: &str,
    body: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<FileEntry, CheckpointError> {
    let mut hasher = blake3::Hasher::new();
    let mut bytes = 0;
    staged.write_file_with(name, |out| {
        body(&mut Hashing {
            out,
            hasher: &mut hasher,
            bytes: &mut bytes,
        })
    })?;
    Ok(FileEntry {
        bytes,
        blake3: hasher.finalize().to_hex().to_string(),
    })
}

/// Passes bytes on and hashes them, so that the hash is of what was meant, not of what the disk gives back.
struct Hashing<'a> {
    out: &'a mut dyn Write,
    hasher: &'a mut blake3::Hasher,
    bytes: &'a mut u64,
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or(bytes));
        *self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn check(snapshot: &Snapshot) -> Result<(), CheckpointError> {
    let mut seen = BTreeSet::new();
    for StateTensor {
        name,
        kind,
        shape,
        data,
    } in &snapshot.tensors
    {
        let kind = kind.canonical();
        let refuse = |problem: String| {
            Err(CheckpointError::State {
                name: name.clone(),
                kind: kind.clone().into_owned(),
                problem,
            })
        };
        if name.is_empty() || (name == "__metadata__" && *kind == StateKind::Weight) {
            return refuse("the format reserves that name".to_owned());
        }
        if !kind.is_well_formed() {
            return refuse(
                "a kind is written in lower-case ASCII letters, digits and `_`".to_owned(),
            );
        }
        if num_elements(shape) != Some(data.len()) {
            return refuse(format!(
                "it has {} elements, which is not its shape {shape:?}",
                data.len()
            ));
        }
        if !seen.insert((name.as_str(), kind.name().to_owned())) {
            return refuse("it comes twice".to_owned());
        }
    }
    let mut names = BTreeSet::from([MODEL, OPTIMIZER, RUN]);
    for (name, _) in &snapshot.extra_files {
        let checked = check_file_name(name).and_then(|()| {
            if names.insert(name) {
                Ok(())
            } else {
                Err("comes twice or is one of the checkpoint's own")
            }
        });
        checked.map_err(|problem| CheckpointError::FileName {
            name: name.clone(),
            problem,
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_room_is_told_with_both_figures() {
        let dir = tempfile::tempdir().unwrap();
        check_room(dir.path(), 1).unwrap();
        let error = check_room(dir.path(), u64::MAX).unwrap_err();
        assert!(
            error
                .to_string()
                .contains(&format!("needs {} bytes, but ", u64::MAX)),
            "{error}"
        );
        assert!(error.hint().unwrap().contains("`checkpoint.keep`"));
    }
}
