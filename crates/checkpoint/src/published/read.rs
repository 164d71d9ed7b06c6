//! Reading a model folder's tensors, single or in shards.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::index::{self, Shards};
use super::{INDEX, PublishedError, SINGLE};
use crate::durable::folder_file;
use crate::tensor_file::{Entry, TensorFile, TensorFileError, num_elements};

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
        let file = self.file_of(name).ok_or_else(missing)?;
        let got = file
            .tensors()
            .get(name)
            .and_then(|entry| num_elements(&entry.shape))
            .ok_or_else(missing)?;
        if got != out.len() {
            return Err(TensorFileError::Length {
                path: file.path().to_path_buf(),
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
        self.file_of(name)?.tensors().get(name)
    }

    fn file_of(&self, name: &str) -> Option<&TensorFile> {
        self.files.get(*self.tensors.get(name)?)
    }
}
