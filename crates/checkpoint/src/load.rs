//! Reading a checkpoint back, whatever layout it was written in.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::discover::Verified;
use crate::error::CheckpointError;
use crate::manifest::{MANIFEST, MAX_RUN_BYTES, Manifest, RUN, StateEntry};
use crate::shown::shown;
use crate::snapshot::{RunState, StateKind};
use crate::tensor_file::{TensorFile, num_elements};
use crate::verify::verify;

/// An opened checkpoint. Tensors are mapped, so opening reads no data beyond what verifying reads.
#[derive(Debug)]
pub struct Loaded {
    dir: PathBuf,
    manifest: Manifest,
    run: RunState,
    files: BTreeMap<String, TensorFile>,
    /// Indices into `manifest.states` of a state's pieces, in the order of their elements.
    pieces: BTreeMap<(String, StateKind), Vec<usize>>,
}

impl Loaded {
    /// Verifies a checkpoint and opens it.
    ///
    /// # Errors
    /// As [`verify`], or if a tensor file or the run's state is not what the manifest says.
    pub fn open(dir: &Path) -> Result<Self, CheckpointError> {
        let manifest = verify(dir)?;
        Loaded::from_parts(dir, manifest)
    }

    /// Opens a checkpoint that [`discover`](crate::discover) has just verified.
    ///
    /// # Errors
    /// If a tensor file or the run's state is not what the manifest says.
    pub fn open_verified(verified: Verified) -> Result<Self, CheckpointError> {
        Loaded::from_parts(&verified.path, verified.manifest)
    }

    /// Opens a checkpoint by its manifest alone. Altered data is then read as if it were right: for a caller that was told so by name.
    ///
    /// # Errors
    /// If the manifest is damaged, or a tensor file or the run's state is not what it says.
    pub fn open_unverified(dir: &Path) -> Result<Self, CheckpointError> {
        let manifest = Manifest::read(dir)?;
        Loaded::from_parts(dir, manifest)
    }

    fn from_parts(dir: &Path, manifest: Manifest) -> Result<Self, CheckpointError> {
        let run_path = dir.join(RUN);
        let run =
            read_small(&run_path).map_err(|source| CheckpointError::read(&run_path, source))?;
        let run = serde_json::from_slice(&run).map_err(|source| CheckpointError::Run {
            path: run_path,
            source,
        })?;
        let mut files: BTreeMap<String, TensorFile> = BTreeMap::new();
        let mut pieces: BTreeMap<(String, StateKind), Vec<usize>> = BTreeMap::new();
        for (index, state) in manifest.states.iter().enumerate() {
            if !files.contains_key(&state.file) {
                files.insert(
                    state.file.clone(),
                    TensorFile::open(&dir.join(&state.file))?,
                );
            }
            check_tensor(dir, state, files.get(&state.file))?;
            pieces
                .entry((state.name.clone(), state.kind.clone()))
                .or_default()
                .push(index);
        }
        for indices in pieces.values_mut() {
            indices.sort_by_key(|&index| manifest.states.get(index).map(|state| state.range));
        }
        Ok(Loaded {
            dir: dir.to_path_buf(),
            manifest,
            run,
            files,
            pieces,
        })
    }

    /// The checkpoint's folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Updates done when it was saved.
    pub fn step(&self) -> u64 {
        self.manifest.step
    }

    /// What the checkpoint consists of.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What else than tensors was saved.
    pub fn run(&self) -> &RunState {
        &self.run
    }

    /// Every state there is: the parameter's name and the kind, in order.
    pub fn names(&self) -> impl Iterator<Item = (&str, &StateKind)> {
        self.pieces.keys().map(|(name, kind)| (name.as_str(), kind))
    }

    /// The shape of a state, if there is one.
    pub fn shape(&self, name: &str, kind: &StateKind) -> Option<&[usize]> {
        self.pieces_of(name, kind)
            .ok()?
            .next()
            .map(|piece| piece.shape.as_slice())
    }

    /// Reads a whole state into `out`, in row-major order.
    ///
    /// # Errors
    /// If there is no such state or `out` has another length.
    pub fn read(
        &self,
        name: &str,
        kind: &StateKind,
        out: &mut [f32],
    ) -> Result<(), CheckpointError> {
        let got = self.num_elements(name, kind)?;
        if got != out.len() {
            return Err(self.length_error(name, kind, out.len(), got));
        }
        self.read_range(name, kind, 0, out)
    }

    /// As [`Loaded::read`], for a model that expects `shape`.
    ///
    /// # Errors
    /// If there is no such state, it has another shape, or `out` has another length.
    pub fn read_shaped(
        &self,
        name: &str,
        kind: &StateKind,
        shape: &[usize],
        out: &mut [f32],
    ) -> Result<(), CheckpointError> {
        match self.shape(name, kind) {
            Some(got) if got != shape => Err(CheckpointError::Shape {
                dir: self.dir.clone(),
                name: name.to_owned(),
                kind: kind.clone(),
                expected: shape.to_vec(),
                got: got.to_vec(),
            }),
            _ => self.read(name, kind, out),
        }
    }

    /// Reads `out.len()` elements from element `start` on: what one rank holds of a sharded state, however the writer had cut it.
    ///
    /// # Errors
    /// If there is no such state or it ends before the range.
    pub fn read_range(
        &self,
        name: &str,
        kind: &StateKind,
        start: usize,
        out: &mut [f32],
    ) -> Result<(), CheckpointError> {
        let got = self.num_elements(name, kind)?;
        let end = start.saturating_add(out.len());
        if end > got {
            return Err(self.length_error(name, kind, end, got));
        }
        for piece in self.pieces_of(name, kind)? {
            let [piece_start, piece_end] = piece.range;
            let (from, to) = (piece_start.max(start), piece_end.min(end));
            if from >= to {
                continue;
            }
            let (Some(part), Some(file)) = (
                out.get_mut(from - start..to - start),
                self.files.get(&piece.file),
            ) else {
                continue;
            };
            file.read_f32(&piece.tensor_name(), from - piece_start, part)?;
        }
        Ok(())
    }

    /// Whether the checkpoint has a file of this name.
    pub fn has_file(&self, name: &str) -> bool {
        self.manifest.files.contains_key(name)
    }

    /// The content of one of the files, such as `config.json`.
    ///
    /// # Errors
    /// If the manifest names no such file or it cannot be read.
    pub fn file(&self, name: &str) -> Result<Vec<u8>, CheckpointError> {
        if !self.manifest.files.contains_key(name) {
            return Err(CheckpointError::MissingFile {
                dir: self.dir.clone(),
                name: name.to_owned(),
            });
        }
        let path = self.dir.join(name);
        fs::read(&path).map_err(|source| CheckpointError::read(&path, source))
    }

    fn pieces_of(
        &self,
        name: &str,
        kind: &StateKind,
    ) -> Result<impl Iterator<Item = &StateEntry>, CheckpointError> {
        let key = (name.to_owned(), kind.canonical().into_owned());
        let Some(indices) = self.pieces.get(&key) else {
            return Err(CheckpointError::MissingState {
                dir: self.dir.clone(),
                name: key.0,
                kind: key.1,
            });
        };
        Ok(indices
            .iter()
            .filter_map(|&index| self.manifest.states.get(index)))
    }

    fn num_elements(&self, name: &str, kind: &StateKind) -> Result<usize, CheckpointError> {
        let mut pieces = self.pieces_of(name, kind)?;
        Ok(pieces
            .next()
            .and_then(|piece| num_elements(&piece.shape))
            .unwrap_or(0))
    }

    fn length_error(
        &self,
        name: &str,
        kind: &StateKind,
        expected: usize,
        got: usize,
    ) -> CheckpointError {
        CheckpointError::Length {
            dir: self.dir.clone(),
            name: name.to_owned(),
            kind: kind.clone(),
            expected,
            got,
        }
    }
}

/// Reads the run's state. In memory, JSON of any kind takes up to thirty times its length.
fn read_small(path: &Path) -> io::Result<Vec<u8>> {
    // Asked before opening: opening a named pipe would wait for ever.
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() || metadata.len() > MAX_RUN_BYTES {
        let problem = format!("not a regular file of at most {MAX_RUN_BYTES} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
    }
    fs::read(path)
}

/// The manifest's word against the tensor file's own header.
fn check_tensor(
    dir: &Path,
    state: &StateEntry,
    file: Option<&TensorFile>,
) -> Result<(), CheckpointError> {
    let tensor = state.tensor_name();
    let got = file.and_then(|file| file.tensors().get(&tensor));
    let expected = state.tensor_shape();
    if got.is_some_and(|got| got.shape == expected && got.dtype == safetensors::Dtype::F32) {
        return Ok(());
    }
    Err(CheckpointError::Manifest {
        path: dir.join(MANIFEST),
        problem: match got {
            None => format!(
                "`{}` has no tensor `{}`",
                shown(&state.file),
                shown(&tensor)
            ),
            Some(got) => format!(
                "tensor `{}` in `{}` has shape {:?} and type `{:?}`, expected {expected:?} and `F32`",
                shown(&tensor),
                shown(&state.file),
                got.shape,
                got.dtype
            ),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Snapshot;
    use crate::write::{Piece, write_pieces};
    use proptest::prelude::*;

    /// Cuts a state of `data.len()` elements at `cuts` and deals the pieces out to three files, as ranks would.
    fn cut<'a>(name: &str, data: &'a [f32], cuts: &[usize]) -> Vec<Piece<'a>> {
        let mut borders: Vec<usize> = cuts.iter().map(|cut| cut % (data.len() + 1)).collect();
        borders.extend([0, data.len()]);
        borders.sort_unstable();
        borders.dedup();
        let piece = |(number, border): (usize, &[usize])| Piece {
            entry: StateEntry {
                name: name.to_owned(),
                kind: StateKind::M,
                shape: vec![data.len()],
                file: format!("optimizer-{}.safetensors", number % 3),
                range: [border[0], border[1]],
            },
            data: &data[border[0]..border[1]],
        };
        borders.windows(2).enumerate().map(piece).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

        #[test]
        fn any_layout_loads_into_any_other(
            length in 1_usize..60,
            cuts in prop::collection::vec(any::<usize>(), 0..3),
            start in any::<usize>(),
            end in any::<usize>(),
        ) {
            let data: Vec<f32> = (0..length).map(|i| i as f32).collect();
            let mut pieces = cut("a", &data, &cuts);
            // The order in which pieces are listed means nothing.
            pieces.reverse();
            // One file holds at most one piece of a state: with three cuts at most there may be four, so keep three.
            prop_assume!(pieces.len() <= 3);
            let run = RunState { format_version: 1, code_version: String::new(), identity: BTreeMap::new(), progress: BTreeMap::new() };
            let snapshot = Snapshot { step: 1, tensors: Vec::new(), run, extra_files: Vec::new() };
            let dir = tempfile::tempdir().unwrap();
            let loaded = Loaded::open(&write_pieces(dir.path(), &snapshot, &pieces).unwrap()).unwrap();

            let mut whole = vec![0.0; length];
            loaded.read_shaped("a", &StateKind::M, &[length], &mut whole).unwrap();
            prop_assert_eq!(&whole, &data);
            let (start, end) = (start % (length + 1), end % (length + 1));
            let (start, end) = (start.min(end), start.max(end));
            let mut part = vec![0.0; end - start];
            loaded.read_range("a", &StateKind::M, start, &mut part).unwrap();
            prop_assert_eq!(&part[..], &data[start..end]);
        }
    }
}
