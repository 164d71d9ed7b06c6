//! Which files a source has: what will be read, and what was passed over and why. Reads names,
//! sizes and times, never content.

mod format;
mod walk;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use format::{Compression, InputFormat, READ_ENDINGS};

use crate::config::{PathGlob, Rules};
use crate::{CorpusError, InputConfig, own_output};
use walk::Walk;

/// The files of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// What will be read, sorted by the bytes of the relative path.
    pub files: Vec<InputFile>,
    /// What will not, sorted likewise; hidden and excluded entries are only counted.
    pub skipped: Vec<Skipped>,
    /// Hidden files and folders passed over; what is in such a folder is not counted.
    pub hidden: u64,
    /// Files and folders that `exclude` names; what is in such a folder is not counted.
    pub excluded: u64,
}

/// A file that will be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its path from the source's root, with `/` between folders.
    pub relative: String,
    /// How its rows stand in it, by its name.
    pub format: InputFormat,
    /// What it is compressed with, by its name. The content decides in the end.
    pub compression: Option<Compression>,
    /// Size in bytes.
    pub bytes: u64,
    /// By what a change would show.
    pub stamp: Stamp,
}

/// What the file system says of a file that changes when its content does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Time of its last change, seconds since 1970.
    pub modified: i64,
    /// The fraction of that second, in nanoseconds.
    pub modified_nanos: i64,
    /// Time of the last change of content, name or rights, which no program can set: seconds since
    /// 1970.
    pub changed: i64,
    /// The fraction of that second, in nanoseconds.
    pub changed_nanos: i64,
    /// Number of the file in its file system.
    pub inode: u64,
}

impl Stamp {
    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            modified: metadata.mtime(),
            modified_nanos: metadata.mtime_nsec(),
            changed: metadata.ctime(),
            changed_nanos: metadata.ctime_nsec(),
            inode: metadata.ino(),
        }
    }
}

/// A file or folder that is not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Its path from the source's root.
    pub path: String,
    /// Why, in one phrase.
    pub reason: String,
    /// BLAKE3 of a file that was opened and found to be of another kind, in hex: should it change,
    /// it may fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blake3: Option<String>,
}

/// Lists the files of a source.
///
/// Links are followed: a folder is read once, wherever it is met, and a link that leads in a circle
/// is listed as skipped.
///
/// # Errors
/// A path that does not exist, a glob that matches nothing, a place without any readable file, a
/// malformed setting.
pub fn discover(config: &InputConfig) -> Result<Inputs, CorpusError> {
    let listing = list_files(config)?;
    if listing.files.is_empty() {
        return Err(CorpusError::NothingToRead {
            input: config.name.clone(),
            path: config.path.clone(),
            skipped: describe(&listing.skipped),
        });
    }
    Ok(listing)
}

/// As [`discover`], but a place without a readable file is no error.
pub fn list_files(config: &InputConfig) -> Result<Inputs, CorpusError> {
    let rules = Rules::of(config)?;
    let written = jikji_durable::user_path(&config.path);
    let path = written.as_path();
    let mut listing = Listing::default();
    match fs::metadata(path) {
        Ok(metadata) if let Some(reason) = why_not_an_input(path, &metadata, &rules) => {
            listing.skip(".".to_owned(), reason);
        }
        Ok(metadata) if metadata.is_dir() => Walk::new(None, &rules, &mut listing).run(path)?,
        Ok(metadata) => {
            let name = path
                .file_name()
                .unwrap_or(path.as_os_str())
                .to_string_lossy();
            listing.add(path.to_owned(), name.into_owned(), &metadata);
        }
        Err(_) if config.path.contains(['*', '?', '[']) => {
            let (root, pattern) = split_glob(&written.to_string_lossy());
            let select = Selection::new(&config.name, &pattern)?;
            if root.is_dir() {
                Walk::new(Some(&select), &rules, &mut listing).run(&root)?;
            }
            if listing.files.is_empty() && listing.skipped.is_empty() {
                return Err(CorpusError::NoMatch {
                    input: config.name.clone(),
                    path: config.path.clone(),
                });
            }
        }
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => {
            return Err(CorpusError::NotFound {
                input: config.name.clone(),
                path: config.path.clone(),
            });
        }
        Err(source) => {
            return Err(CorpusError::Read {
                path: path.to_owned(),
                source,
            });
        }
    }
    Ok(listing.finish())
}

/// Why a named path is not read: it is, or lies in, what this program writes or reads for something
/// else.
fn why_not_an_input(path: &Path, metadata: &fs::Metadata, rules: &Rules) -> Option<String> {
    let place = path.canonicalize().ok()?;
    let by_place = place
        .ancestors()
        .find_map(|place| rules.why_not_read(place));
    let by_content = || own_output::why_not_an_input(path).filter(|_| metadata.is_dir());
    by_place.or_else(by_content).map(str::to_owned)
}

/// The glob of a path, and how deep it can reach.
struct Selection {
    glob: PathGlob,
    /// Folders deeper than this cannot match; absent where `**` reaches any depth.
    max_depth: Option<usize>,
}

impl Selection {
    fn new(input: &str, pattern: &str) -> Result<Self, CorpusError> {
        let max_depth = (!pattern.contains("**")).then(|| pattern.split('/').count());
        Ok(Self {
            glob: PathGlob::new(input, pattern)?,
            max_depth,
        })
    }
}

/// Cuts a glob into the folder before its first wildcard and the rest.
fn split_glob(path: &str) -> (PathBuf, String) {
    let wildcard = path.find(['*', '?', '[']).unwrap_or(path.len());
    match path[..wildcard].rfind('/') {
        Some(0) => (PathBuf::from("/"), path[1..].to_owned()),
        Some(slash) => (PathBuf::from(&path[..slash]), path[slash + 1..].to_owned()),
        None => (PathBuf::from("."), path.to_owned()),
    }
}

#[derive(Default)]
struct Listing {
    files: Vec<InputFile>,
    skipped: Vec<Skipped>,
    hidden: u64,
    excluded: u64,
}

impl Listing {
    fn add(&mut self, path: PathBuf, relative: String, metadata: &fs::Metadata) {
        // A pipe or a device would block or never end.
        if !metadata.is_file() {
            return self.skip(relative, "not a regular file");
        }
        match format::of_name(&relative) {
            Ok((format, compression)) => self.files.push(InputFile {
                path,
                relative,
                format,
                compression,
                bytes: metadata.len(),
                stamp: Stamp::of(metadata),
            }),
            Err(reason) => self.skip(relative, reason),
        }
    }

    fn skip(&mut self, path: String, reason: impl Into<String>) {
        self.skipped.push(Skipped {
            path,
            reason: reason.into(),
            blake3: None,
        });
    }

    fn finish(mut self) -> Inputs {
        self.files
            .sort_by(|a, b| a.relative.as_bytes().cmp(b.relative.as_bytes()));
        self.skipped
            .sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
        Inputs {
            files: self.files,
            skipped: self.skipped,
            hidden: self.hidden,
            excluded: self.excluded,
        }
    }
}

impl Inputs {
    /// Why a folder is no source, in one phrase: what it holds instead of files that are read.
    pub fn what_else(&self) -> String {
        let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
        for skipped in &self.skipped {
            let kind = if skipped.reason.starts_with(format::NOT_READ) {
                format::ending(&skipped.path.to_ascii_lowercase())
            } else {
                skipped.reason.clone()
            };
            *kinds.entry(kind).or_default() += 1;
        }
        let mut parts: Vec<String> = kinds
            .iter()
            .take(5)
            .map(|(ending, count)| format!("{count} {ending}"))
            .collect();
        if kinds.len() > 5 {
            parts.push("others".to_owned());
        }
        for (count, what) in [(self.hidden, "hidden"), (self.excluded, "excluded")] {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        if parts.is_empty() {
            return "an empty folder".to_owned();
        }
        format!("a folder with nothing that is read ({})", parts.join(", "))
    }
}

/// How many files were passed over, and why the first three were.
pub fn describe(skipped: &[Skipped]) -> String {
    let count = format!("{} skipped", skipped.len());
    if skipped.is_empty() {
        return count;
    }
    let why = |one: &Skipped| format!("`{}` {}", one.path, one.reason);
    let shown: Vec<String> = skipped.iter().take(3).map(why).collect();
    format!("{count}: {}", shown.join("; "))
}

#[cfg(test)]
mod tests;
