//! The recipes and configs of the repository, inside the binary: they work where the repository is
//! not at hand. A file on disk under the same path wins.

use std::path::{Component, Path, PathBuf};

use crate::list::{RecipeSummary, description};

macro_rules! files {
    ($($path:literal,)*) => {
        &[$(($path, include_str!(concat!("../../../", $path)))),*]
    };
}

/// Path and text, by path. A test compares the list with the folders.
const FILES: &[(&str, &str)] = files![
    "configs/chat/ax4.jinja",
    "configs/chat/exaone3.jinja",
    "configs/chat/exaone4.jinja",
    "configs/chat/hyperclovax-think.jinja",
    "configs/chat/hyperclovax.jinja",
    "configs/chat/solar.jinja",
    "configs/data/text-folder.toml",
    "configs/models/ax-4.0-light-7b.toml",
    "configs/models/exaone-3.5-2.4b.toml",
    "configs/models/exaone-4.0-1.2b.toml",
    "configs/models/exaone-4.0-32b.toml",
    "configs/models/hyperclovax-seed-0.5b.toml",
    "configs/models/hyperclovax-seed-1.5b.toml",
    "configs/models/hyperclovax-seed-think-14b.toml",
    "configs/models/jikji-100m.toml",
    "configs/models/jikji-1b.toml",
    "configs/models/jikji-20m.toml",
    "configs/models/jikji-300m.toml",
    "configs/models/llama-varco-8b.toml",
    "configs/models/quickstart.toml",
    "configs/models/solar-10.7b.toml",
    "configs/models/tiny/exaone.toml",
    "configs/models/tiny/exaone4.toml",
    "configs/models/tiny/hyperclovax.toml",
    "configs/models/tiny/llama.toml",
    "configs/models/tiny/qwen2.toml",
    "configs/optim/adamw-cosine.toml",
    "configs/optim/adamw-wsd.toml",
    "configs/optim/muon-wsd.toml",
    "configs/scales/extend-tiny.toml",
    "configs/scales/solar-tiny.toml",
    "configs/scales/tiny.toml",
    "configs/tokenizers/ko-16k.toml",
    "configs/tokenizers/ko-32k.toml",
    "configs/tokenizers/ko-64k.toml",
    "configs/tokenizers/quickstart.toml",
    "recipes/extend/embeddings.toml",
    "recipes/extend/whole.toml",
    "recipes/pretrain/100m-1xh100.toml",
    "recipes/pretrain/1b-8xh100.toml",
    "recipes/pretrain/300m-1xh100.toml",
    "recipes/pretrain/small.toml",
    "recipes/quickstart.toml",
    "recipes/upstage/solar-depth-up/solar-base.toml",
    "recipes/upstage/solar-depth-up/solar-control.toml",
    "recipes/upstage/solar-depth-up/solar-depth-up.toml",
];

/// A file that ships, under the path that it has in the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShippedFile {
    /// Such as `recipes/quickstart.toml`.
    pub path: &'static str,
    /// Its content.
    pub text: &'static str,
}

/// The file that ships under this very path.
pub fn shipped_file(path: &Path) -> Option<ShippedFile> {
    let parts = path.components().filter(|part| *part != Component::CurDir);
    let plain: PathBuf = parts.collect();
    all().find(|file| Path::new(file.path) == plain)
}

/// The recipe that ships under a path or a shorter name: `recipes/pretrain/small.toml`,
/// `pretrain/small` or `small`.
pub fn shipped_recipe(name: &str) -> Option<ShippedFile> {
    let wanted = name.strip_suffix(".toml").unwrap_or(name);
    recipes().find(|file| {
        let whole = file.path.strip_suffix(".toml").unwrap_or(file.path);
        let below = whole.strip_prefix("recipes/").unwrap_or(whole);
        let stem = below.rsplit('/').next();
        [Some(whole), Some(below), stem].contains(&Some(wanted))
    })
}

/// Every recipe that ships, in one line each, by path.
pub fn shipped_recipes() -> Vec<RecipeSummary> {
    let summary = |file: ShippedFile| RecipeSummary {
        path: PathBuf::from(file.path),
        description: description(file.text),
    };
    recipes().map(summary).collect()
}

fn recipes() -> impl Iterator<Item = ShippedFile> {
    all().filter(|file| file.path.starts_with("recipes/"))
}

fn all() -> impl Iterator<Item = ShippedFile> {
    FILES.iter().map(|(path, text)| ShippedFile { path, text })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files_below(&path, found);
            } else if path.extension().is_some_and(|ending| ending != "md") {
                found.push(path);
            }
        }
    }

    #[test]
    fn every_file_of_the_repository_ships() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut found = Vec::new();
        for folder in ["recipes", "configs"] {
            files_below(&root.join(folder), &mut found);
        }
        let mut found: Vec<String> = found
            .iter()
            .map(|path| path.strip_prefix(&root).unwrap().display().to_string())
            .collect();
        found.sort();
        let shipped: Vec<&str> = all().map(|file| file.path).collect();
        assert_eq!(
            shipped, found,
            "the list in shipped.rs is not that of the folders"
        );
    }

    #[test]
    fn recipes_are_found_by_short_names() {
        for name in [
            "recipes/pretrain/small.toml",
            "pretrain/small",
            "small",
            "small.toml",
        ] {
            let found = shipped_recipe(name).map(|file| file.path);
            assert_eq!(found, Some("recipes/pretrain/small.toml"), "{name}");
        }
        assert_eq!(shipped_recipe("smal"), None);
        assert!(shipped_file(Path::new("./configs/scales/tiny.toml")).is_some());
        assert!(shipped_file(Path::new("/configs/scales/tiny.toml")).is_none());
    }
}
