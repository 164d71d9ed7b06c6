//! Reading a model folder's tensors, single or in shards.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{INDEX, Index, PublishedError, SINGLE};
use crate::tensor_file::{Entry, TensorFile, TensorFileError, num_elements};

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

    /// The type of a tensor as its file calls it (`BF16`, `F32`, ...), if there is one.
    pub fn dtype(&self, name: &str) -> Option<String> {
        self.entry(name).map(|entry| format!("{:?}", entry.dtype))
    }

    /// Reads a tensor into `out`, converted to `f32` where it is not.
    ///
    /// # Errors
    /// If there is no such tensor, it is neither `F32` nor `BF16` nor `F16`, or `out` has another length.
    pub fn read_f32(&self, name: &str, out: &mut [f32]) -> Result<(), PublishedError> {
        let missing = || PublishedError::Missing {
            dir: self.dir.clone(),
            name: name.to_owned(),
        };
        let file_name = self.tensors.get(name).ok_or_else(missing)?;
        let file = self.files.get(file_name).ok_or_else(missing)?;
        let got = file
            .tensors()
            .get(name)
            .and_then(|entry| num_elements(&entry.shape))
            .ok_or_else(missing)?;
        if got != out.len() {
            let path = self.dir.join(file_name);
            return Err(TensorFileError::Length {
                path,
                name: name.to_owned(),
                expected: out.len(),
                got,
            }
            .into());
        }
        Ok(file.read_f32(name, 0, out)?)
    }

    /// As [`ModelFiles::read_f32`], for a model that expects `shape`.
    ///
    /// # Errors
    /// As [`ModelFiles::read_f32`], or if the tensor has another shape.
    pub fn read_shaped(
        &self,
        name: &str,
        shape: &[usize],
        out: &mut [f32],
    ) -> Result<(), PublishedError> {
        match self.shape(name) {
            Some(got) if got != shape => Err(PublishedError::Shape {
                dir: self.dir.clone(),
                name: name.to_owned(),
                expected: shape.to_vec(),
                got: got.to_vec(),
            }),
            _ => self.read_f32(name, out),
        }
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        self.files.get(self.tensors.get(name)?)?.tensors().get(name)
    }
}
