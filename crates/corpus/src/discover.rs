//! Which files a source has: what will be read, and what was passed over and why. Reads names, sizes and times,
//! never content.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use crate::config::{PathGlob, Rules};
use crate::{CorpusError, InputConfig};

/// The files of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// What will be read, sorted by the bytes of the relative path. Never empty.
    pub files: Vec<InputFile>,
    /// What will not, sorted likewise. Hidden and excluded files are not listed.
    pub skipped: Vec<Skipped>,
}

/// A file that will be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its path from the source's root, with `/` between folders.
    pub relative: String,
    /// How it is read.
    pub format: InputFormat,
    /// Size in bytes.
    pub bytes: u64,
    /// Time of its last change, nanoseconds since 1970; 0 where the file system has none.
    pub modified_nanos: u128,
}

/// How a file is read; decided by the end of its name, in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputFormat {
    /// `.txt`: one document; over 64 MiB it is split at blank lines into documents of at most 1 MiB.
    Text,
    /// `.md`: as [`Text`](Self::Text).
    Markdown,
    /// `.jsonl`: one JSON object a line.
    Jsonl,
    /// `.jsonl.zst`: the same in Zstandard frames.
    JsonlZstd,
    /// `.jsonl.gz`: the same in gzip members.
    JsonlGzip,
    /// `.parquet`: string columns by name.
    Parquet,
}

impl InputFormat {
    fn of(name: &str) -> Option<Self> {
        const ENDINGS: [(&str, InputFormat); 6] = [
            (".txt", InputFormat::Text),
            (".md", InputFormat::Markdown),
            (".jsonl", InputFormat::Jsonl),
            (".jsonl.zst", InputFormat::JsonlZstd),
            (".jsonl.gz", InputFormat::JsonlGzip),
            (".parquet", InputFormat::Parquet),
        ];
        let name = name.to_ascii_lowercase();
        ENDINGS
            .iter()
            .find(|(ending, _)| name.ends_with(ending))
            .map(|(_, format)| *format)
    }
}

/// A file that is not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Its path from the source's root.
    pub path: String,
    /// Why, in one phrase.
    pub reason: String,
}

const UNKNOWN_KIND: &str =
    "not a kind that is read (.txt, .md, .jsonl, .jsonl.zst, .jsonl.gz, .parquet)";

/// Lists the files of a source.
///
/// Links to files are followed, links to folders are not: a folder cannot be read twice, nor for ever.
///
/// # Errors
/// A path that does not exist, a glob that matches nothing, a place without any readable file, a malformed setting.
pub fn discover(config: &InputConfig) -> Result<Inputs, CorpusError> {
    let rules = Rules::of(config)?;
    let path = Path::new(&config.path);
    let mut listing = Listing::default();
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => walk(path, None, &rules, &mut listing)?,
        Ok(metadata) => {
            let name = path
                .file_name()
                .unwrap_or(path.as_os_str())
                .to_string_lossy();
            listing.add(path.to_owned(), name.into_owned(), &metadata);
        }
        Err(_) if config.path.contains(['*', '?', '[']) => {
            let (root, pattern) = split_glob(&config.path);
            let select = Selection::new(&config.name, &pattern)?;
            if root.is_dir() {
                walk(&root, Some(&select), &rules, &mut listing)?;
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
    listing.finish(config)
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

/// A folder still to be listed.
struct Folder {
    path: PathBuf,
    relative: String,
    depth: usize,
    /// True where the folder itself was asked for, so that all below it is.
    selected: bool,
}

fn walk(
    root: &Path,
    select: Option<&Selection>,
    rules: &Rules,
    listing: &mut Listing,
) -> Result<(), CorpusError> {
    let start = Folder {
        path: root.to_owned(),
        relative: String::new(),
        depth: 0,
        selected: select.is_none(),
    };
    let mut folders = vec![start];
    while let Some(folder) = folders.pop() {
        let failed = |source| CorpusError::Read {
            path: folder.path.clone(),
            source,
        };
        for entry in fs::read_dir(&folder.path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let lossy = name.to_string_lossy();
            if lossy.starts_with('.') {
                continue;
            }
            let relative = if folder.relative.is_empty() {
                lossy.clone().into_owned()
            } else {
                format!("{}/{lossy}", folder.relative)
            };
            if rules.excludes(&relative) {
                continue;
            }
            let selected = folder.selected || select.is_some_and(|s| s.glob.matches(&relative));
            let path = entry.path();
            let file_type = entry.file_type().map_err(failed)?;
            if file_type.is_dir() {
                let depth = folder.depth + 1;
                let reachable =
                    select.is_none_or(|s| s.max_depth.is_none_or(|deepest| depth < deepest));
                if selected || reachable {
                    folders.push(Folder {
                        path,
                        relative,
                        depth,
                        selected,
                    });
                }
            } else if selected {
                if name.to_str().is_none() {
                    listing.skip(relative, "its name is not UTF-8");
                    continue;
                }
                match fs::metadata(&path) {
                    Ok(metadata) if metadata.is_dir() => {
                        listing.skip(relative, "a link to a folder is not followed");
                    }
                    Ok(metadata) => listing.add(path, relative, &metadata),
                    Err(_) if file_type.is_symlink() => {
                        listing.skip(relative, "the link leads nowhere");
                    }
                    Err(source) => return Err(CorpusError::Read { path, source }),
                }
            }
        }
    }
    Ok(())
}

#[derive(Default)]
struct Listing {
    files: Vec<InputFile>,
    skipped: Vec<Skipped>,
}

impl Listing {
    fn add(&mut self, path: PathBuf, relative: String, metadata: &fs::Metadata) {
        // A pipe or a device would block or never end.
        if !metadata.is_file() {
            return self.skip(relative, "not a regular file");
        }
        let Some(format) = InputFormat::of(&relative) else {
            return self.skip(relative, UNKNOWN_KIND);
        };
        let modified = metadata.modified().ok();
        let since_1970 = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let modified_nanos = since_1970.map_or(0, |duration| duration.as_nanos());
        self.files.push(InputFile {
            path,
            relative,
            format,
            bytes: metadata.len(),
            modified_nanos,
        });
    }

    fn skip(&mut self, path: String, reason: &str) {
        self.skipped.push(Skipped {
            path,
            reason: reason.to_owned(),
        });
    }

    fn finish(mut self, config: &InputConfig) -> Result<Inputs, CorpusError> {
        self.files
            .sort_by(|a, b| a.relative.as_bytes().cmp(b.relative.as_bytes()));
        self.skipped
            .sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
        if self.files.is_empty() {
            return Err(CorpusError::NothingToRead {
                input: config.name.clone(),
                path: config.path.clone(),
                skipped: describe(&self.skipped),
            });
        }
        Ok(Inputs {
            files: self.files,
            skipped: self.skipped,
        })
    }
}

/// How many files were passed over, and why the first three were.
pub(crate) fn describe(skipped: &[Skipped]) -> String {
    let count = format!("{} skipped", skipped.len());
    if skipped.is_empty() {
        return count;
    }
    let why = |one: &Skipped| format!("`{}` {}", one.path, one.reason);
    let shown: Vec<String> = skipped.iter().take(3).map(why).collect();
    format!("{count}: {}", shown.join("; "))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn tree(files: &[&str]) -> TempDir {
        let dir = TempDir::new().unwrap();
        for file in files {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "글").unwrap();
        }
        dir
    }

    fn listed(path: &Path, exclude: &[&str]) -> Result<(Vec<String>, Vec<String>), CorpusError> {
        let inputs = discover(&InputConfig {
            name: "s".to_owned(),
            path: path.to_str().unwrap().to_owned(),
            exclude: exclude.iter().map(|&glob| glob.to_owned()).collect(),
            fields: vec![],
            license: None,
        })?;
        let files = inputs.files.into_iter().map(|file| file.relative).collect();
        Ok((
            files,
            inputs.skipped.into_iter().map(|file| file.path).collect(),
        ))
    }

    #[test]
    fn folders_globs_and_exclusions() {
        let files = [
            "b.txt",
            "a/x.jsonl",
            "a/deep/y.MD",
            "a.md",
            "eval/z.txt",
            ".git/c.txt",
            "p.pdf",
        ];
        let dir = tree(&files);
        let check = |path: &str, exclude: &[&str], expect: &[&str]| {
            let (files, _) = listed(&dir.path().join(path), exclude).unwrap();
            assert_eq!(files, expect, "{path} without {exclude:?}");
        };
        check(
            "",
            &[],
            &["a.md", "a/deep/y.MD", "a/x.jsonl", "b.txt", "eval/z.txt"],
        );
        check(
            "",
            &["eval", "*.md"],
            &["a/deep/y.MD", "a/x.jsonl", "b.txt"],
        );
        check("", &["**/*.txt", "a/deep/**"], &["a.md", "a/x.jsonl"]);
        check("b.txt", &[], &["b.txt"]);
        check("*.txt", &[], &["b.txt"]);
        check("**/*.txt", &[], &["b.txt", "eval/z.txt"]);
        check("[ab]", &[], &["a/deep/y.MD", "a/x.jsonl"]);
        check("*/*.txt", &[], &["eval/z.txt"]);
        check("a/*.jsonl", &[], &["x.jsonl"]);
        assert_eq!(listed(dir.path(), &[]).unwrap().1, ["p.pdf"]);
    }

    #[test]
    fn what_is_not_there_is_named() {
        let dir = tree(&["p.pdf", "[draft].txt"]);
        let error = |path: &str| listed(&dir.path().join(path), &[]).unwrap_err();
        assert!(matches!(error("nothing"), CorpusError::NotFound { .. }));
        assert!(matches!(
            error("nothing/*.txt"),
            CorpusError::NoMatch { .. }
        ));
        assert!(matches!(error("*.jsonl"), CorpusError::NoMatch { .. }));
        let text = error("*.pdf").to_string();
        assert!(
            text.contains("1 skipped: `p.pdf` not a kind that is read"),
            "{text}"
        );
        // A name with wildcards that exists is a name.
        assert_eq!(
            listed(&dir.path().join("[draft].txt"), &[]).unwrap().0,
            ["[draft].txt"]
        );
    }

    #[cfg(unix)]
    #[test]
    fn links_and_pipes_and_names_that_are_no_text() {
        use std::os::unix::ffi::OsStrExt;
        use std::os::unix::fs::symlink;

        let dir = tree(&["real.txt", "sub/s.txt"]);
        let at = |name: &str| dir.path().join(name);
        symlink(at("real.txt"), at("link.txt")).unwrap();
        symlink(dir.path(), at("sub/loop")).unwrap();
        symlink(at("gone.txt"), at("dangling.txt")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket.txt")).unwrap();
        fs::write(
            dir.path()
                .join(std::ffi::OsStr::from_bytes(b"\xb0\xa1.txt")),
            "x",
        )
        .unwrap();
        let (files, skipped) = listed(dir.path(), &[]).unwrap();
        assert_eq!(files, ["link.txt", "real.txt", "sub/s.txt"]);
        assert_eq!(
            skipped,
            [
                "dangling.txt",
                "socket.txt",
                "sub/loop",
                "\u{fffd}\u{fffd}.txt"
            ]
        );
    }
}
