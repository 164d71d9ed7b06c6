//! What an export leaves behind.

use std::path::PathBuf;

/// What was written, and what its readers should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The folder or the file.
    pub path: PathBuf,
    /// Where other programs differ: one sentence each.
    pub warnings: Vec<String>,
}
