//! Read-only memory maps whose resident part is bounded.
//!
//! The kernel keeps a touched page of a map in the process until memory runs short, which makes a long run look (and, in a
//! container with a limit, count) as large as its corpus. So a [`ResidentBudget`] counts what reads may have brought in, and
//! when it is spent, the pages of all maps are given back; they stay in the page cache.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::Mmap;

use crate::error::{ShardError, io_error};

/// A fault on a cached page maps its neighbours too: Linux's `fault_around_bytes`, 64 KiB by default.
pub(crate) const FAULT_WINDOW: u64 = 64 * 1024;
/// Far below the 512 MB a loader may hold, far above what one batch touches.
const RESIDENT_BYTES: u64 = 128 << 20;

/// A whole file, mapped.
#[derive(Debug)]
pub(crate) struct MappedFile {
    path: PathBuf,
    map: Mmap,
}

impl MappedFile {
    pub(crate) fn open(path: PathBuf) -> Result<Self, ShardError> {
        let file = File::open(&path).map_err(io_error("open", &path))?;
        #[expect(
            unsafe_code,
            reason = "a map is the only way to read without holding the file in memory or copying it"
        )]
        // SAFETY: the map is read-only and private to this value, and every value read from it is checked before use. A
        // process that writes to a published shard could change bytes under us (ids are checked at each read) or cut the
        // file (the read then ends in SIGBUS, not in wrong data); the builder never writes to a published file.
        let map = unsafe { Mmap::map(&file) }.map_err(io_error("map", &path))?;
        Ok(Self { path, map })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// Gives the resident pages back to the kernel; later reads bring them in again.
    pub(crate) fn release(&self) {
        #[cfg(unix)]
        {
            #[expect(
                unsafe_code,
                reason = "the advice is unchecked because it destroys private writable pages; ours are neither"
            )]
            // SAFETY: the map is shared and read-only, so dropped pages are read again from the file with the same content.
            let advised = unsafe {
                self.map
                    .unchecked_advise(memmap2::UncheckedAdvice::DontNeed)
            };
            // A kernel that refuses the advice only costs memory.
            let _ = advised;
        }
    }
}

/// Counts bytes that may have become resident since the last release.
#[derive(Debug, Default)]
pub(crate) struct ResidentBudget {
    touched: AtomicU64,
}

impl ResidentBudget {
    /// Records a read; true for the one caller that must release the maps.
    pub(crate) fn spend(&self, bytes: u64) -> bool {
        let before = self.touched.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) <= RESIDENT_BYTES {
            return false;
        }
        // Of several threads past the limit, the one that empties the counter releases.
        self.touched.swap(0, Ordering::Relaxed) > RESIDENT_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_asks_for_a_release_once_per_limit() {
        let budget = ResidentBudget::default();
        let releases = (0..1_000).filter(|_| budget.spend(1 << 20)).count();
        assert_eq!(releases, 1_000 / 129);
    }

    #[test]
    fn released_pages_read_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("column");
        let content: Vec<u8> = (0..300_000_u32).map(|i| (i % 251) as u8).collect();
        std::fs::write(&path, &content).unwrap();
        let file = MappedFile::open(path).unwrap();
        assert_eq!(file.bytes(), content);
        file.release();
        assert_eq!(file.bytes(), content);
    }
}
