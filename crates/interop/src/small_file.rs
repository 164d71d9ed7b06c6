//! The small files of a folder that a stranger made.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use jikji_checkpoint::durable::folder_file;

use crate::error::InteropError;

/// Far more than any config; a folder must not fill the memory.
const MAX_BYTES: u64 = 16 << 20;

/// The path and the bytes of a file such as `config.json`, or `None` where the folder has none.
///
/// # Errors
/// A link that leads out of the folder, a file of more than 16 MiB, or one that cannot be read.
pub(crate) fn read_small(
    dir: &Path,
    name: &str,
) -> Result<Option<(PathBuf, Vec<u8>)>, InteropError> {
    let Some(path) = folder_file(dir, name)? else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    let read = File::open(&path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    match read {
        Err(source) => Err(InteropError::Read { path, source }),
        Ok(_) if bytes.len() as u64 > MAX_BYTES => Err(InteropError::TooLarge {
            path,
            most: MAX_BYTES,
        }),
        Ok(_) => Ok(Some((path, bytes))),
    }
}
