//! Files that are either whole or not there: written aside, flushed to the disk, renamed, and the folder flushed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::CorpusError;

/// A file being written beside its final name. Dropped without [`commit`](Self::commit), it is removed.
///
/// Its name is the final one and `.tmp`: the journal's lock keeps a second writer out of the folder, and what a killed
/// process left under that name is overwritten.
pub(crate) struct AsideFile {
    file: File,
    aside: PathBuf,
    target: PathBuf,
    committed: bool,
}

impl AsideFile {
    pub(crate) fn create(target: &Path) -> io::Result<Self> {
        let mut name = target.as_os_str().to_owned();
        name.push(".tmp");
        let aside = PathBuf::from(name);
        let file = File::create(&aside)?;
        Ok(Self {
            file,
            aside,
            target: target.to_owned(),
            committed: false,
        })
    }

    /// Makes the file appear under its final name, whole and durable.
    pub(crate) fn commit(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.aside, &self.target)?;
        self.committed = true;
        let folder = self
            .target
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        sync_folder(folder.unwrap_or(Path::new(".")))
    }
}

impl Write for AsideFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for AsideFile {
    fn drop(&mut self) {
        if !self.committed {
            // Nothing depends on it: the next writer of this file overwrites it.
            let _ = fs::remove_file(&self.aside);
        }
    }
}

/// Makes renames and new files in a folder durable.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Writes a small file whole.
pub(crate) fn write_whole(target: &Path, bytes: &[u8]) -> Result<(), CorpusError> {
    let failed = |source| CorpusError::Write {
        path: target.to_owned(),
        source,
    };
    let mut file = AsideFile::create(target).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.commit().map_err(failed)
}
