//! Hashes a file while it is read, so that its papers cost no second pass.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::CorpusError;

/// What was read so far of a file.
#[derive(Clone, Default)]
pub(crate) struct Digest(Arc<Mutex<(u64, blake3::Hasher)>>);

impl Digest {
    fn update(&self, bytes: &[u8]) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 += bytes.len() as u64;
        state.1.update(bytes);
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// BLAKE3, in hex.
    pub(crate) fn blake3(&self) -> String {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .1
            .finalize()
            .to_hex()
            .to_string()
    }
}

/// A file whose bytes pass through a [`Digest`].
pub(crate) struct DigestReader {
    file: File,
    digest: Digest,
}

impl DigestReader {
    pub(crate) fn open(path: &Path) -> Result<(Self, Digest), CorpusError> {
        let file = File::open(path).map_err(|source| CorpusError::Read {
            path: path.to_owned(),
            source,
        })?;
        let digest = Digest::default();
        Ok((
            Self {
                file,
                digest: digest.clone(),
            },
            digest,
        ))
    }

    /// Hashes the whole file and hands it over, for formats that are not read front to back.
    pub(crate) fn digest_all(mut self) -> io::Result<File> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(self.file)
    }
}

impl Read for DigestReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.digest.update(&buffer[..count]);
        Ok(count)
    }
}
