//! How much room there is before a write is begun.

use std::path::Path;

use crate::DurableError;
use crate::fault::Operation;

/// Bytes that an ordinary user may still write on the file system of `path`, or of its nearest ancestor that exists.
///
/// # Errors
/// If the file system does not answer.
pub fn free_space(path: &Path) -> Result<u64, DurableError> {
    let mut asked = path;
    loop {
        let existing = if asked.as_os_str().is_empty() {
            Path::new(".")
        } else {
            asked
        };
        match (rustix::fs::statvfs(existing), asked.parent()) {
            (Ok(stat), _) => return Ok(stat.f_bavail.saturating_mul(stat.f_frsize)),
            (Err(rustix::io::Errno::NOENT), Some(parent)) => asked = parent,
            (Err(error), _) => {
                return Err(DurableError::new(Operation::Inspect, path, error.into()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_space_of_a_path_to_be_made_is_that_of_its_ancestor() {
        let dir = tempfile::tempdir().unwrap();
        assert!(free_space(&dir.path().join("not/yet")).unwrap() > 0);
        assert!(free_space(Path::new("not-yet")).unwrap() > 0);
    }
}
