//! Reading a model folder's tensors, single or in shards.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::index::{self, Shards};
use super::{INDEX, PublishedError, SINGLE};
use crate::durable::folder_file;
use crate::tensor_file::{Entry, FloatType, TensorFile};

/// The tensors of a model folder; opening reads headers, never data.
#[derive(Debug)]
pub struct ModelFiles {
    dir: PathBuf,
    files: Vec<TensorFile>,
    /// The place in `files` of each tensor's file.
    tensors: BTreeMap<String, usize>,
}

impl ModelFiles {
    /// Opens a folder with one file, or with shards and an index. Where both are there the single file counts, as with other readers.
    ///
    /// No other files are opened than those of the folder and of the cache that it belongs to:
    /// [`folder_file`] has the rule.
    ///
    /// # Errors
    /// If there is neither, a file is malformed or lies elsewhere, or the index and the shards disagree: every tensor of every shard
    /// must be listed once.
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
