//! Reading a model folder's tensors, single or in shards.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{INDEX, Index, PublishedError, SINGLE};
use crate::tensor_file::{Entry, FloatType, TensorFile};

/// The largest published indices have some ten thousand tensors and take a few megabytes.
const MAX_INDEX_BYTES: u64 = 256 * 1024 * 1024;

/// The tensors of a model folder; opening reads headers, never data.
#[derive(Debug)]
pub struct ModelFiles {
    dir: PathBuf,
    files: BTreeMap<String, TensorFile>,
    /// The file of each tensor.
    tensors: BTreeMap<String, String>,
}

impl ModelFiles {
    /// Opens a folder with one file, or with shards and an index. Where both are there the single file counts, as with other readers.
    ///
    /// # Errors
    /// If there is neither, a file is malformed, or the index and the shards disagree.
    pub fn open(dir: &Path) -> Result<Self, PublishedError> {
        let (index_path, single_path) = (dir.join(INDEX), dir.join(SINGLE));
        if single_path.exists() {
            let file = TensorFile::open(&single_path)?;
            let tensors = file
                .tensors()
                .keys()
                .map(|name| (name.clone(), SINGLE.to_owned()))
                .collect();
            return Ok(ModelFiles {
                dir: dir.to_path_buf(),
                files: [(SINGLE.to_owned(), file)].into(),
                tensors,
            });
        }
        if !index_path.exists() {
            return Err(PublishedError::NoModel {
                dir: dir.to_path_buf(),
            });
        }
        let damaged = |problem: String| PublishedError::Index {
            path: index_path.clone(),
            problem,
        };
        let read = |source| PublishedError::Read {
            path: index_path.clone(),
            source,
        };
        let size = fs::metadata(&index_path).map_err(read)?.len();
        if size > MAX_INDEX_BYTES {
            return Err(damaged(format!(
                "it has {size} bytes, more than {MAX_INDEX_BYTES}"
            )));
        }
        let bytes = fs::read(&index_path).map_err(read)?;
        let index: Index = serde_json::from_slice(&bytes)
            .map_err(|error| damaged(format!("it cannot be read: {error}")))?;
        let mut files = BTreeMap::new();
        for (name, file) in &index.weight_map {
            if file.is_empty() || file == ".." || file.contains(['/', '\\', '\0']) {
                return Err(damaged(format!(
                    "tensor `{name}` lies in `{file}`, which is not a plain file name"
                )));
            }
            if !files.contains_key(file) {
                files.insert(file.clone(), TensorFile::open(&dir.join(file))?);
            }
            if files
                .get(file)
                .is_none_or(|opened| !opened.tensors().contains_key(name))
            {
                return Err(damaged(format!(
                    "tensor `{name}` should lie in `{file}`, which lacks it"
                )));
            }
        }
        Ok(ModelFiles {
            dir: dir.to_path_buf(),
            files,
            tensors: index.weight_map,
        })
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The tensors' names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The shape of a tensor, if there is one.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.entry(name).map(|entry| entry.shape.as_slice())
    }

    /// Checks that a tensor is there with that shape, and says in which type.
    ///
    /// # Errors
    /// If there is no such tensor, it has another shape, or it is neither `F32` nor `BF16` nor `F16`.
    pub fn expect(&self, name: &str, shape: &[usize]) -> Result<FloatType, PublishedError> {
        let (Some(file), Some(entry)) = (self.file(name), self.entry(name)) else {
            return Err(self.missing(name));
        };
        if entry.shape != shape {
            return Err(PublishedError::Shape {
                dir: self.dir.clone(),
                name: name.to_owned(),
                expected: shape.to_vec(),
                got: entry.shape.clone(),
            });
        }
        Ok(file.expect_float(name)?)
    }

    /// Reads `out.len()` elements of a tensor from element `start` on, converted to `f32` where they are not.
    ///
    /// # Errors
    /// If there is no such tensor, it is neither `F32` nor `BF16` nor `F16`, or it ends before.
    pub fn read_f32(
        &self,
        name: &str,
        start: usize,
        out: &mut [f32],
    ) -> Result<(), PublishedError> {
        let file = self.file(name).ok_or_else(|| self.missing(name))?;
        Ok(file.read_f32(name, start, out)?)
    }

    /// The files that hold the tensors, and the index where there is one.
    pub fn paths(&self) -> Vec<PathBuf> {
        let index = (!self.files.contains_key(SINGLE)).then_some(INDEX);
        let names = self.files.keys().map(String::as_str).chain(index);
        names.map(|name| self.dir.join(name)).collect()
    }

    fn missing(&self, name: &str) -> PublishedError {
        PublishedError::Missing {
            dir: self.dir.clone(),
            name: name.to_owned(),
        }
    }

    fn file(&self, name: &str) -> Option<&TensorFile> {
        self.files.get(self.tensors.get(name)?)
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        self.file(name)?.tensors().get(name)
    }
}
