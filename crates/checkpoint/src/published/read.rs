//! Reading the tensors of a model folder, from one file or several.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::index::{self, Shards};
use super::{INDEX, PublishedError, SINGLE};
use crate::durable::folder_file;
use crate::tensor_file::{Entry, FloatType, TensorFile};

/// The tensors of a model folder. Opening reads only headers, no data.
#[derive(Debug)]
pub struct ModelFiles {
    dir: PathBuf,
    files: Vec<TensorFile>,
    /// For each tensor, the index of its file in `files`.
    tensors: BTreeMap<String, usize>,
}

impl ModelFiles {
    /// Opens a folder with one file, or with several files and an index. If both exist, the single
    /// file is used, as in other readers.
    ///
    /// Opens only files of the folder and of the Hugging Face cache that it belongs to;
    /// [`folder_file`] defines the rule.
    ///
    /// # Errors
    /// If neither exists, a file is malformed or outside the folder, or the index does not match
    /// the files: it must list every tensor of every file once.
    pub fn open(dir: &Path) -> Result<Self, PublishedError> {
        let Shards { files, tensors } = if let Some(path) = folder_file(dir, SINGLE)? {
            let file = TensorFile::open(&path)?;
            let tensors = file
                .tensors()
                .keys()
                .map(|name| (name.clone(), 0))
                .collect();
            Shards {
                files: vec![file],
                tensors,
            }
        } else if let Some(path) = folder_file(dir, INDEX)? {
            index::read(dir, path)?
        } else {
            return Err(PublishedError::NoModel {
                dir: dir.to_path_buf(),
            });
        };
        Ok(ModelFiles {
            dir: dir.to_path_buf(),
            files,
            tensors,
        })
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The names of the tensors, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The shape of a tensor; `None` if it does not exist.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.entry(name).map(|entry| entry.shape.as_slice())
    }

    /// Checks that a tensor exists with this shape, and returns its dtype.
    ///
    /// # Errors
    /// If the tensor does not exist, has another shape, or is not `F32`, `BF16` or `F16`.
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

    /// Reads `out.len()` elements of a tensor, starting at element `start`, converted to `f32`.
    ///
    /// # Errors
    /// If the tensor does not exist, is not `F32`, `BF16` or `F16`, or ends before the range.
    pub fn read_f32(
        &self,
        name: &str,
        start: usize,
        out: &mut [f32],
    ) -> Result<(), PublishedError> {
        let file = self.file(name).ok_or_else(|| self.missing(name))?;
        Ok(file.read_f32(name, start, out)?)
    }

    /// The files that contain the tensors, and the index if there is one.
    pub fn paths(&self) -> Vec<PathBuf> {
        let index = self.dir.join(INDEX);
        let single = self.files.iter().any(|file| file.path().ends_with(SINGLE));
        let index = (!single).then_some(index);
        let files = self.files.iter().map(|file| file.path().to_owned());
        files.chain(index).collect()
    }

    fn missing(&self, name: &str) -> PublishedError {
        PublishedError::Missing {
            dir: self.dir.clone(),
            name: name.to_owned(),
        }
    }

    fn file(&self, name: &str) -> Option<&TensorFile> {
        self.files.get(*self.tensors.get(name)?)
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        self.file(name)?.tensors().get(name)
    }
}
