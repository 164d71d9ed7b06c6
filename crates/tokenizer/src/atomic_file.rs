//! Writing a file so that a reader finds the old one or the new one, never a part.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::TokenizerError;

/// Writes `bytes` aside, makes them durable, and renames them to `folder/name`.
pub(crate) fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), TokenizerError> {
    let path = folder.join(name);
    let aside = folder.join(format!(".{name}.{}.tmp", std::process::id()));
    let written = (|| {
        fs::create_dir_all(folder)?;
        let mut file = File::create(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&aside, &path)?;
        // The rename is durable only once the folder is.
        #[cfg(unix)]
        File::open(folder)?.sync_all()?;
        Ok(())
    })();
    written.map_err(|source| {
        // What is left aside is ours and incomplete; that it may already be gone is no second error.
        let _ = fs::remove_file(&aside);
        TokenizerError::Write { path, source }
    })
}
