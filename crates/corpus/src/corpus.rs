//! A finished corpus: its papers, and its documents part by part.

use std::path::{Path, PathBuf};

use crate::part::{check_size, verify};
use crate::{CorpusError, CorpusManifest, PartDocuments, PartEntry};

/// A corpus folder whose build is complete.
#[derive(Debug, Clone)]
pub struct Corpus {
    dir: PathBuf,
    manifest: CorpusManifest,
}

impl Corpus {
    /// Opens a folder, checking that the manifest agrees with itself and that every part is there in its size.
    /// [`verify`](Self::verify) checks the content.
    pub fn open(dir: &Path) -> Result<Self, CorpusError> {
        Self::open_if_complete(dir)?.ok_or_else(|| CorpusError::Read {
            path: CorpusManifest::path(dir),
            source: std::io::ErrorKind::NotFound.into(),
        })
    }

    /// As [`open`](Self::open); nothing where no build has been completed.
    pub(crate) fn open_if_complete(dir: &Path) -> Result<Option<Self>, CorpusError> {
        let Some(manifest) = CorpusManifest::load(dir)? else {
            return Ok(None);
        };
        for part in &manifest.parts {
            check_size(dir, part)?;
        }
        Ok(Some(Self {
            dir: dir.to_owned(),
            manifest,
        }))
    }

    /// The papers.
    pub fn manifest(&self) -> &CorpusManifest {
        &self.manifest
    }

    /// The parts, in the order of their documents.
    pub fn parts(&self) -> &[PartEntry] {
        &self.manifest.parts
    }

    /// Streams the documents of one of [`parts`](Self::parts).
    pub fn documents(&self, part: &PartEntry) -> Result<PartDocuments, CorpusError> {
        PartDocuments::open(&self.dir, part)
    }

    /// Hashes every part again.
    ///
    /// # Errors
    /// The first part whose size or hash is not the manifest's.
    pub fn verify(&self) -> Result<(), CorpusError> {
        self.parts()
            .iter()
            .try_for_each(|part| verify(&self.dir, part))
    }
}
