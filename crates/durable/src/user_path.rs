//! Paths as people type them: `~` for a home, Hangul composed or decomposed.
//!
//! A shell expands `~` only at the start of a word, so not in `--set data.path=~/texts` and not in
//! a recipe; and it never minds that macOS and archives made there spell `한글` with single letters
//! (NFD) where keyboards compose them (NFC).

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use unicode_normalization::UnicodeNormalization;

/// Makes a typed path one that can be opened: `~` and `~user` at its start become the home folder,
/// and each component that does not exist as spelled takes the spelling of an entry that differs in
/// Unicode normalization only.
///
/// What exists as typed is never changed, and what exists in no spelling keeps the typed one, so
/// output paths may go through here too.
///
/// ```
/// use std::path::Path;
/// let home = std::env::var("HOME").unwrap();
/// assert_eq!(jikji_durable::user_path("~/no-such-folder"), Path::new(&home).join("no-such-folder"));
/// assert_eq!(jikji_durable::user_path("a/~/b"), Path::new("a/~/b"));
/// ```
pub fn user_path(typed: impl AsRef<Path>) -> PathBuf {
    existing_spelling(&with_home(typed.as_ref(), home_of))
}

/// Replaces a leading `~` or `~user`; a user that is not known leaves the path as it is.
fn with_home(typed: &Path, home_of: impl Fn(&str) -> Option<PathBuf>) -> PathBuf {
    let mut components = typed.components();
    let Some(Component::Normal(first)) = components.next() else {
        return typed.to_owned();
    };
    let user = first.to_str().and_then(|first| first.strip_prefix('~'));
    // `./~` begins with another component.
    match user.and_then(home_of) {
        Some(home) => home.join(components.as_path()),
        None => typed.to_owned(),
    }
}

fn home_of(user: &str) -> Option<PathBuf> {
    if user.is_empty() {
        return std::env::var_os("HOME")
            .filter(|home| !home.is_empty())
            .map(PathBuf::from);
    }
    // name:password:uid:gid:comment:home:shell
    let table = std::fs::read_to_string("/etc/passwd").ok()?;
    let mut lines = table.lines().map(|line| line.split(':'));
    lines.find_map(|mut fields| {
        let is_user = fields.next() == Some(user);
        fields.nth(4).filter(|_| is_user).map(PathBuf::from)
    })
}

/// The path with each component spelled as in the folder that holds it.
fn existing_spelling(path: &Path) -> PathBuf {
    // ASCII has one spelling.
    if path.to_str().is_some_and(str::is_ascii) || path.symlink_metadata().is_ok() {
        return path.to_owned();
    }
    let mut found = PathBuf::new();
    for component in path.components() {
        let next = found.join(component);
        let name = component.as_os_str();
        found = match component {
            Component::Normal(_) if next.symlink_metadata().is_err() => {
                sibling_spelled_like(&found, name).unwrap_or(next)
            }
            _ => next,
        };
    }
    found
}

/// The entry of `folder` whose name is canonically equivalent to `name`; of several, the first in
/// byte order.
fn sibling_spelled_like(folder: &Path, name: &OsStr) -> Option<PathBuf> {
    let wanted: String = name.to_str()?.nfc().collect();
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let names = std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.nfc().eq(wanted.chars()));
    let best = names.min()?;
    // As short as it was typed.
    Some(if folder == Path::new(".") {
        PathBuf::from(best)
    } else {
        folder.join(best)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tilde_at_the_start_is_a_home() {
        let home = |user: &str| match user {
            "" => Some(PathBuf::from("/home/me")),
            "kim" => Some(PathBuf::from("/home/kim")),
            _ => None,
        };
        for (typed, expected) in [
            ("~", "/home/me"),
            ("~/", "/home/me"),
            ("~/texts/*.jsonl", "/home/me/texts/*.jsonl"),
            ("~kim/x", "/home/kim/x"),
            ("~nobody/x", "~nobody/x"),
            ("a/~", "a/~"),
            ("./~/x", "./~/x"),
            ("/~/x", "/~/x"),
            ("", ""),
        ] {
            assert_eq!(
                with_home(Path::new(typed), home),
                Path::new(expected),
                "{typed}"
            );
        }
        assert_eq!(home_of("root"), Some(PathBuf::from("/root")));
    }

    #[test]
    fn composed_and_decomposed_names_are_one() {
        let dir = tempfile::tempdir().unwrap();
        let composed = dir.path().join("법률/가나.txt");
        let decomposed = PathBuf::from(composed.to_str().unwrap().nfd().collect::<String>());
        assert_ne!(composed, decomposed);
        std::fs::create_dir(decomposed.parent().unwrap()).unwrap();
        std::fs::write(&decomposed, "x").unwrap();
        assert_eq!(user_path(&composed), decomposed);
        assert_eq!(user_path(&decomposed), decomposed);
        // What is not there keeps its own last component, below the folder that is.
        let new = composed.with_file_name("새것");
        assert_eq!(user_path(&new), decomposed.with_file_name("새것"));
        // An exact name wins.
        std::fs::create_dir(composed.parent().unwrap()).unwrap();
        std::fs::write(&composed, "y").unwrap();
        assert_eq!(user_path(&composed), composed);
    }
}
