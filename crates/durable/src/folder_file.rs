//! A file of a folder that a stranger made: by a plain name, and not a link that leads out of the folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Longest name of a file on the systems that there are, in bytes.
const MAX_NAME_BYTES: usize = 255;

/// A file of a folder must not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderFileError {
    /// The name is not that of a file in the folder itself.
    #[error("`{name}` is not a plain file name, so it is not read from `{}`", dir.display())]
    Name {
        /// The folder.
        dir: PathBuf,
        /// The name, cut and with control characters escaped.
        name: String,
    },
    /// The file is a link that leads out of the folder.
    #[error("`{}` is a link that leads out of its folder, to `{}`", path.display(), target.display())]
    Outside {
        /// The link.
        path: PathBuf,
        /// Where it ends.
        target: PathBuf,
    },
    /// The file is a link to nothing.
    #[error("`{}` is a link to `{}`, which is not there", path.display(), target.display())]
    Dangling {
        /// The link.
        path: PathBuf,
        /// What it says.
        target: PathBuf,
    },
    /// It is a folder, a named pipe, a socket or a device.
    #[error("`{}` is not a regular file", path.display())]
    NotAFile {
        /// What is not a file.
        path: PathBuf,
    },
    /// The system cannot say what it is.
    #[error("failed to read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
}

impl FolderFileError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            FolderFileError::Name { .. } => {
                "put every file into the folder itself and name it without a path"
            }
            FolderFileError::Outside { .. } => {
                "copy the file into the folder, in place of the link"
            }
            FolderFileError::Dangling { .. } => {
                "copy or download the file again: what the link names was moved or removed"
            }
            FolderFileError::NotAFile { .. } => "put a regular file there",
            FolderFileError::Read { .. } => "check that it exists and may be read",
        };
        Some(hint.to_owned())
    }
}

/// The path of the file `name` in `dir`, or `None` if nothing has that name. Nothing is opened.
///
/// A folder of a stranger, or a list in one of its files, must not make a program read other files. So the name is a plain one,
/// and a link is followed only if it ends in the same folder, or in the cache of Hugging Face, whose folders consist of links:
/// `<model>/snapshots/<revision>/<name>` may lead to `<model>/blobs/<hash>`. The folder itself may be reached by a link: its
/// caller named it. Whoever can change the folder meanwhile can change what is read; this is no guard against that.
///
/// # Errors
/// If the name is not a plain one, or has a link that leads elsewhere or nowhere, or something that is not a regular file.
pub fn folder_file(dir: &Path, name: &str) -> Result<Option<PathBuf>, FolderFileError> {
    if !is_plain(name) {
        let shown: String = name.chars().take(100).collect();
        return Err(FolderFileError::Name {
            dir: dir.to_path_buf(),
            name: shown.escape_debug().to_string(),
        });
    }
    let path = dir.join(name);
    let read = |source| FolderFileError::Read {
        path: path.clone(),
        source,
    };
    let found = match fs::symlink_metadata(&path) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(None);
        }
        found => found.map_err(read)?,
    };
    let is_file = if found.is_symlink() {
        let target = match fs::canonicalize(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let target = fs::read_link(&path).map_err(read)?;
                return Err(FolderFileError::Dangling { path, target });
            }
            target => target.map_err(read)?,
        };
        if !may_end_at(&fs::canonicalize(dir).map_err(read)?, &target) {
            return Err(FolderFileError::Outside { path, target });
        }
        target.is_file()
    } else {
        found.is_file()
    };
    if is_file {
        Ok(Some(path))
    } else {
        Err(FolderFileError::NotAFile { path })
    }
}

fn is_plain(name: &str) -> bool {
    !matches!(name, "" | "." | "..")
        && name.len() <= MAX_NAME_BYTES
        && !name.contains(['/', '\\'])
        && !name.contains(char::is_control)
}

/// Whether a link in `dir` may end at `target`; both without links.
fn may_end_at(dir: &Path, target: &Path) -> bool {
    let Some(folder) = target.parent() else {
        return false;
    };
    let is_blob = || {
        let snapshots = dir.parent().filter(|parent| parent.ends_with("snapshots"));
        let model = snapshots.and_then(Path::parent);
        model.is_some_and(|model| folder == model.join("blobs"))
    };
    folder == dir || is_blob()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder with a secret beside it, and in it what a test puts there.
    fn folder() -> (tempfile::TempDir, PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("model");
        fs::create_dir(&dir).unwrap();
        fs::write(root.path().join("secret"), b"secret").unwrap();
        fs::write(dir.join("plain"), b"").unwrap();
        (root, dir)
    }

    fn message(dir: &Path, name: &str) -> String {
        let error = folder_file(dir, name).unwrap_err();
        assert!(error.hint().is_some());
        error.to_string()
    }

    #[test]
    fn a_file_is_there_or_not() {
        let (_root, dir) = folder();
        assert_eq!(folder_file(&dir, "plain").unwrap(), Some(dir.join("plain")));
        assert_eq!(folder_file(&dir, "other").unwrap(), None);
        assert_eq!(folder_file(&dir.join("missing"), "plain").unwrap(), None);
        fs::create_dir(dir.join("folder")).unwrap();
        assert!(message(&dir, "folder").ends_with("is not a regular file"));
        assert_eq!(folder_file(&dir.join("plain"), "plain").unwrap(), None);
    }

    #[test]
    fn only_plain_names_are_looked_up() {
        let (_root, dir) = folder();
        let long = "n".repeat(10_000);
        for name in [
            "",
            ".",
            "..",
            "../secret",
            "/etc/passwd",
            "a\\b",
            "a\0",
            "\u{1b}[2J",
            &long,
        ] {
            let message = message(&dir, name);
            assert!(message.contains("is not a plain file name"), "{message}");
            assert!(message.len() < 400 && !message.contains(char::is_control));
        }
    }

    #[test]
    fn links_stay_in_the_folder() {
        let (root, dir) = folder();
        for (name, target) in [
            ("near", "plain"),
            ("around", "../model/plain"),
            ("twice", "around"),
        ] {
            symlink(target, dir.join(name)).unwrap();
            assert_eq!(folder_file(&dir, name).unwrap(), Some(dir.join(name)));
        }
        for (name, target) in [
            ("out", "../secret".into()),
            ("absolute", root.path().join("secret")),
            ("by_another", "out".into()),
        ] {
            symlink(target, dir.join(name)).unwrap();
            let message = message(&dir, name);
            assert!(message.contains("leads out of its folder"), "{message}");
        }
        symlink("nowhere", dir.join("dangling")).unwrap();
        assert!(message(&dir, "dangling").ends_with("is a link to `nowhere`, which is not there"));
        symlink("loop", dir.join("loop")).unwrap();
        assert!(matches!(
            folder_file(&dir, "loop"),
            Err(FolderFileError::Read { .. })
        ));
        // The caller named the folder itself, by whatever path.
        symlink(&dir, root.path().join("alias")).unwrap();
        assert!(
            folder_file(&root.path().join("alias"), "near")
                .unwrap()
                .is_some()
        );
    }

    #[test]
    fn a_cache_of_links_to_blobs_is_read() {
        let root = tempfile::tempdir().unwrap();
        let model = root.path().join("models--a--b");
        let revision = model.join("snapshots/0123");
        fs::create_dir_all(&revision).unwrap();
        for folder in ["blobs", "others", "snapshots/0456"] {
            fs::create_dir_all(model.join(folder)).unwrap();
            fs::write(model.join(folder).join("hash"), b"").unwrap();
        }
        symlink("../../blobs/hash", revision.join("model.safetensors")).unwrap();
        assert!(
            folder_file(&revision, "model.safetensors")
                .unwrap()
                .is_some()
        );
        for (name, target) in [("a", "../../others/hash"), ("b", "../0456/hash")] {
            symlink(target, revision.join(name)).unwrap();
            assert!(message(&revision, name).contains("leads out of its folder"));
        }
        // The same link from a folder that is no snapshot.
        let elsewhere = model.join("others/0123");
        fs::create_dir(&elsewhere).unwrap();
        symlink("../../blobs/hash", elsewhere.join("c")).unwrap();
        assert!(message(&elsewhere, "c").contains("leads out of its folder"));
    }
}
