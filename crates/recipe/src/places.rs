//! Where the relative paths of a recipe begin: in the current folder, else in the nearest folder above the recipe that has
//! them. So a recipe runs from the repository's root, and from anywhere else too.

use std::path::{Path, PathBuf};

use crate::RecipeError;
use crate::origin::Origin;

/// The folders in which paths are looked for.
#[derive(Debug)]
pub(crate) struct Places {
    /// Empty for the process's own, so that what is found stays as short as it was written.
    current: PathBuf,
    above_recipe: Vec<PathBuf>,
}

impl Places {
    /// `current` is an empty path outside tests.
    pub(crate) fn new(current: &Path, recipe: &Path) -> Result<Self, RecipeError> {
        let read = |source| RecipeError::Read {
            path: recipe.to_owned(),
            source,
        };
        let recipe = recipe.canonicalize().map_err(read)?;
        Ok(Self {
            current: current.to_owned(),
            above_recipe: recipe.ancestors().skip(1).map(Path::to_owned).collect(),
        })
    }

    /// The current folder alone.
    pub(crate) fn current() -> Self {
        Self {
            current: PathBuf::new(),
            above_recipe: Vec::new(),
        }
    }

    /// The path of an existing file or folder, or of a glob whose fixed part exists.
    pub(crate) fn find(&self, written: &str) -> Option<PathBuf> {
        // An unset variable of a shell gives an empty path, which would mean the current folder.
        if written.is_empty() {
            return None;
        }
        let folders = std::iter::once(&self.current).chain(&self.above_recipe);
        folders
            .map(|folder| folder.join(written))
            .find(|path| exists(path))
    }

    /// The error of a path that is nowhere.
    pub(crate) fn not_found(&self, key: String, origin: Box<Origin>, written: &str) -> RecipeError {
        let searched = if Path::new(written).is_absolute() {
            Vec::new()
        } else {
            let current = if self.current.as_os_str().is_empty() {
                PathBuf::from(".")
            } else {
                self.current.clone()
            };
            let nearest = self
                .above_recipe
                .first()
                .filter(|folder| **folder != current);
            std::iter::once(current.clone())
                .chain(nearest.cloned())
                .collect()
        };
        RecipeError::NotFound {
            key,
            origin,
            path: written.to_owned(),
            searched,
        }
    }
}

/// Whether a path, or the folder before its first wildcard, is there.
pub(crate) fn exists(path: &Path) -> bool {
    if path.exists() {
        return true;
    }
    let mut components = path.components();
    let mut wildcard = false;
    // From the end: drop components until the last wildcard is gone.
    while has_wildcard(components.as_path()) {
        wildcard = true;
        components.next_back();
    }
    let fixed = components.as_path();
    wildcard && (fixed.as_os_str().is_empty() || fixed.is_dir())
}

pub(crate) fn has_wildcard(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '['])
}
