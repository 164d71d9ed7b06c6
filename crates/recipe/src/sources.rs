//! Which sources a recipe's `[data]` means, with paths that can be opened. The only part of resolution that looks at the
//! user's text folders; it lists names and reads nothing.

use std::fs;
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern};
use jikji_corpus::{CorpusError, FieldMapping, InputConfig};
use unicode_normalization::UnicodeNormalization;

use crate::RecipeError;
use crate::file::{DataTable, SourceTable};
use crate::layers::Layers;
use crate::origin::Origin;
use crate::places::{Places, exists, has_wildcard};
use crate::run_config::{SourceConfig, SynthConfig};

/// The sources of `[data]`; `seed` is the run's.
pub(crate) fn resolve(
    data: &DataTable,
    seed: u64,
    layers: &Layers,
    places: &Places,
) -> Result<Vec<SourceConfig>, RecipeError> {
    let root = match &data.path {
        None => None,
        Some(written) => Some(places.find(written).ok_or_else(|| {
            let origin = layers.origin_of("data.path");
            places.not_found("data.path".to_owned(), origin, written)
        })?),
    };
    let mut sources = match (&root, data.sources.is_empty()) {
        (None, true) => {
            return Err(RecipeError::Neither {
                first: "data.path".to_owned(),
                second: "[[data.sources]]".to_owned(),
                file: layers.recipe().to_owned(),
            });
        }
        (Some(root), true) => discovered(root, data, layers)?,
        (root, false) => {
            if let Some(root) = root
                && !root.is_dir()
            {
                return Err(RecipeError::NoEffect {
                    key: "data.path".to_owned(),
                    origin: layers.origin_of("data.path"),
                    reason: "beside `[[data.sources]]` it is the folder where their paths begin, and this is no folder"
                        .to_owned(),
                });
            }
            let listed = data.sources.iter().enumerate();
            listed
                .map(|(index, source)| {
                    let place = Place {
                        index,
                        layers,
                        places,
                    };
                    place.source(source, root.as_deref(), data, seed)
                })
                .collect::<Result<_, _>>()?
        }
    };
    for source in &mut sources {
        source.license = source.license.take().or_else(|| data.license.clone());
    }
    Ok(sources)
}

/// Sources of a `data.path` alone.
fn discovered(
    root: &Path,
    data: &DataTable,
    layers: &Layers,
) -> Result<Vec<SourceConfig>, RecipeError> {
    if !root.is_dir() {
        let (exclude, fields) = (data.exclude.clone(), data.fields.clone());
        return Ok(vec![read_source("data".to_owned(), root, exclude, fields)?]);
    }
    let mut sources = Vec::new();
    for (name, folder) in sub_folders(root)? {
        let (exclude, fields) = inside(data, Path::new(&name));
        let source = read_source(source_name(&name), &folder, exclude, fields)?;
        if is_readable(&source).map_err(|source| corpus(layers, source))? {
            sources.push(source);
        }
    }
    // Files beside the folders: all below a folder is left out by the last glob.
    let mut exclude = data.exclude.clone();
    exclude.push("*/**".to_owned());
    let root_name = root.canonicalize().ok();
    let root_name = root_name.as_deref().and_then(Path::file_name);
    let name = source_name(&root_name.map_or("data".into(), |name| name.to_string_lossy()));
    let beside = read_source(name, root, exclude, data.fields.clone())?;
    match jikji_corpus::discover(&input(&beside)) {
        Ok(_) => sources.push(beside),
        Err(CorpusError::NothingToRead { .. }) if !sources.is_empty() => {}
        Err(source) => return Err(corpus(layers, source)),
    }
    Ok(sources)
}

fn corpus(layers: &Layers, source: CorpusError) -> RecipeError {
    RecipeError::Corpus {
        origin: layers.origin_of("data.path"),
        source,
    }
}

/// First-level folders that are not hidden, by name.
fn sub_folders(root: &Path) -> Result<Vec<(String, PathBuf)>, RecipeError> {
    let read = |source| RecipeError::Read {
        path: root.to_owned(),
        source,
    };
    let mut folders = Vec::new();
    for entry in fs::read_dir(root).map_err(read)? {
        let entry = entry.map_err(read)?;
        let path = entry.path();
        let is_folder = entry.file_type().map_err(read)?.is_dir();
        let Ok(name) = entry.file_name().into_string() else {
            if is_folder {
                return Err(RecipeError::NotUtf8 { path });
            }
            continue;
        };
        if is_folder && !name.starts_with('.') {
            folders.push((name, path));
        }
    }
    folders.sort();
    Ok(folders)
}

fn source_name(folder: &str) -> String {
    jikji_corpus::source_name(folder).unwrap_or_else(|| "data".to_owned())
}

fn is_readable(source: &SourceConfig) -> Result<bool, CorpusError> {
    match jikji_corpus::discover(&input(source)) {
        Ok(_) => Ok(true),
        Err(CorpusError::NothingToRead { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

fn input(source: &SourceConfig) -> InputConfig {
    InputConfig {
        name: source.name.clone(),
        path: source.path.clone().unwrap_or_default(),
        exclude: source.exclude.clone(),
        fields: source.fields.clone(),
        license: None,
    }
}

fn read_source(
    name: String,
    path: &Path,
    exclude: Vec<String>,
    fields: Vec<FieldMapping>,
) -> Result<SourceConfig, RecipeError> {
    let path = path.to_str().ok_or_else(|| RecipeError::NotUtf8 {
        path: path.to_owned(),
    })?;
    Ok(SourceConfig {
        name,
        path: Some(path.to_owned()),
        synth: None,
        weight: None,
        license: None,
        exclude,
        fields,
    })
}

/// An entry of `[[data.sources]]`.
struct Place<'a> {
    index: usize,
    layers: &'a Layers,
    places: &'a Places,
}

impl Place<'_> {
    fn source(
        &self,
        table: &SourceTable,
        root: Option<&Path>,
        data: &DataTable,
        seed: u64,
    ) -> Result<SourceConfig, RecipeError> {
        let mut source = match (&table.path, &table.synth) {
            (Some(written), None) => {
                let below_root = root
                    .map(|root| root.join(written))
                    .filter(|path| exists(path));
                let is_below_root = below_root.is_some() && Path::new(written).is_relative();
                let (exclude, fields) = if is_below_root {
                    inside(data, fixed_part(Path::new(written)))
                } else {
                    // No common folder that globs could be relative to.
                    (data.exclude.clone(), data.fields.clone())
                };
                let found = match root {
                    Some(_) => below_root,
                    None => self.places.find(written),
                };
                let path = found.ok_or_else(|| self.not_found(written, root))?;
                read_source(table.name.clone(), &path, exclude, fields)?
            }
            (None, Some(synth)) => {
                for (key, given) in [
                    ("exclude", !table.exclude.is_empty()),
                    ("fields", !table.fields.is_empty()),
                ] {
                    if given {
                        let (key, origin) = self.key(key);
                        let reason = "a synthetic source reads no files".to_owned();
                        return Err(RecipeError::NoEffect {
                            key,
                            origin,
                            reason,
                        });
                    }
                }
                SourceConfig {
                    name: table.name.clone(),
                    path: None,
                    synth: Some(SynthConfig {
                        documents: synth.documents.get(),
                        seed: synth.seed.unwrap_or(seed),
                        topics: synth.topics.clone(),
                    }),
                    weight: None,
                    license: None,
                    exclude: Vec::new(),
                    fields: Vec::new(),
                }
            }
            (Some(_), Some(_)) => {
                let (first, origin) = self.key("path");
                let (second, _) = self.key("synth");
                return Err(RecipeError::Both {
                    first,
                    second,
                    origin,
                });
            }
            (None, None) => {
                return Err(RecipeError::Neither {
                    first: self.key("path").0,
                    second: self.key("synth").0,
                    file: self.layers.recipe().to_owned(),
                });
            }
        };
        // A source's own globs come first: of field mappings the first match counts.
        source.exclude.splice(0..0, table.exclude.iter().cloned());
        source.fields.splice(0..0, table.fields.iter().cloned());
        source.weight = table.weight;
        source.license.clone_from(&table.license);
        Ok(source)
    }

    fn key(&self, last: &str) -> (String, Box<Origin>) {
        let path = ["data", "sources", &self.index.to_string(), last].map(str::to_owned);
        let origin = self.layers.origin(&path);
        (origin.key(&path), origin)
    }

    fn not_found(&self, written: &str, root: Option<&Path>) -> RecipeError {
        let (key, origin) = self.key("path");
        match root {
            Some(root) if Path::new(written).is_relative() => RecipeError::NotFound {
                key,
                origin,
                path: written.to_owned(),
                searched: vec![root.to_owned()],
            },
            _ => self.places.not_found(key, origin, written),
        }
    }
}

/// The globs of `[data]`, relative to its path, as seen from a folder below it.
fn inside(data: &DataTable, folder: &Path) -> (Vec<String>, Vec<FieldMapping>) {
    let seen = |glob: &str| seen_from(glob, folder);
    let exclude = data.exclude.iter().flat_map(|glob| seen(glob)).collect();
    let mapped = |mapping: &FieldMapping| {
        let mapping = mapping.clone();
        seen(&mapping.glob)
            .into_iter()
            .map(move |glob| FieldMapping {
                glob,
                ..mapping.clone()
            })
    };
    (exclude, data.fields.iter().flat_map(mapped).collect())
}

/// A glob as seen from a folder: without the components that match the folder's. A glob that ends on the way matches the
/// folder as a whole, one that does not match says nothing about what is inside.
fn seen_from(glob: &str, folder: &Path) -> Vec<String> {
    let mut globs = vec![glob.trim_start_matches("./").to_owned()];
    for component in folder.components() {
        let name: String = component.as_os_str().to_string_lossy().nfc().collect();
        globs = globs
            .iter()
            .flat_map(|glob| step_into(glob, &name))
            .collect();
    }
    globs
}

fn step_into(glob: &str, name: &str) -> Vec<String> {
    let (first, rest) = match glob.split_once('/') {
        Some((first, rest)) => (first, Some(rest)),
        None => (glob, None),
    };
    if first == "**" {
        // Any number of folders, this one among them or not.
        let after = rest.into_iter().flat_map(|rest| step_into(rest, name));
        return std::iter::once(glob.to_owned()).chain(after).collect();
    }
    let composed: String = first.nfc().collect();
    let matches = Pattern::new(&composed).is_ok_and(|pattern| {
        pattern.matches_with(
            name,
            MatchOptions {
                require_literal_separator: true,
                ..MatchOptions::default()
            },
        )
    });
    match (matches, rest) {
        (true, Some(rest)) => vec![rest.to_owned()],
        (true, None) => vec!["**".to_owned()],
        (false, _) => Vec::new(),
    }
}

/// The folder that a source's own globs are relative to: the path itself, or what stands before its first wildcard.
fn fixed_part(path: &Path) -> &Path {
    let mut path = path;
    while has_wildcard(path) {
        path = path.parent().unwrap_or(Path::new(""));
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(glob: &str, folder: &str) -> String {
        seen_from(glob, Path::new(folder)).join(" ")
    }

    #[test]
    fn globs_are_seen_from_below() {
        assert_eq!(seen("eval/**", "eval"), "**");
        assert_eq!(seen("eval/**", "law"), "");
        assert_eq!(seen("eval", "eval"), "**");
        assert_eq!(seen("law/bills.jsonl", "law"), "bills.jsonl");
        assert_eq!(seen("README.md", "law"), "");
        assert_eq!(seen("*/raw/*.xml", "law"), "raw/*.xml");
        assert_eq!(seen("*/raw/*.xml", "law/raw"), "*.xml");
        assert_eq!(seen("**/raw.txt", "law"), "**/raw.txt");
        assert_eq!(seen("**/law/x.txt", "law"), "**/law/x.txt x.txt");
        assert_eq!(seen("**", "law"), "**");
    }

    #[test]
    fn folder_names_become_source_names() {
        assert_eq!(source_name("의학 문서 (2024)"), "의학-문서--2024-");
        assert_eq!(source_name("\u{1100}\u{1161}"), "가", "composed");
        assert_eq!(source_name("---"), "data");
    }
}
