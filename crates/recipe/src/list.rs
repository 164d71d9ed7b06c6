//! Which recipes a folder holds.

use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// A recipe, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipeSummary {
    /// The file.
    pub path: PathBuf,
    /// What it says it is for, if it says so and can be read.
    pub description: Option<String>,
}

/// Every `.toml` file below a folder, by path; hidden ones and what cannot be listed are left out.
pub fn list(dir: &Path) -> Vec<RecipeSummary> {
    let mut recipes = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let hidden = name.to_string_lossy().starts_with('.');
            // Links to folders are not followed: one may lead to a folder above.
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            match path.extension() {
                _ if hidden => {}
                _ if is_folder => folders.push(path),
                Some(ending) if ending == "toml" && path.is_file() => {
                    let description = description(&path);
                    recipes.push(RecipeSummary { path, description });
                }
                _ => {}
            }
        }
    }
    recipes.sort_by(|a, b| a.path.cmp(&b.path));
    recipes
}

fn description(path: &Path) -> Option<String> {
    let mut table: Table = toml::from_str(&fs::read_to_string(path).ok()?).ok()?;
    match table.remove("description")? {
        Value::String(text) => Some(text),
        _ => None,
    }
}
