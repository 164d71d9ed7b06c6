//! The sources of a recipe's `[data]`, with paths that can be opened. This is the only part of
//! resolution that looks into the user's text folders: it lists files and reads none.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern};
use jikji_corpus::{
    BELOW_FOLDERS, CorpusError, FieldMapping, InputConfig, NotRead, Skipped, user_path,
};
use unicode_normalization::UnicodeNormalization;

use crate::RecipeError;
use crate::file::{DataTable, SourceTable};
use crate::layers::Layers;
use crate::origin::Origin;
use crate::places::{Places, exists, has_wildcard};
use crate::run_config::{SourceConfig, SynthConfig};

/// What no source reads: what the run writes, and the files for validation.
pub(crate) fn not_read(
    output: &Path,
    prepared: &Path,
    validation: &[SourceConfig],
) -> Vec<NotRead> {
    let written = [
        (output, "where this run writes (`run.output`)"),
        (
            prepared,
            "where this run keeps its prepared text (`data.prepared`)",
        ),
    ]
    .map(|(path, reason)| NotRead {
        path: path.to_owned(),
        reason: reason.to_owned(),
    });
    let held_out = validation.iter().flat_map(|source| {
        // What is wrong with it is said when it is read.
        let files = jikji_corpus::list_files(&input(source, &[])).map(|inputs| inputs.files);
        let reason = format!("read for validation as `{}`", source.name);
        files
            .unwrap_or_default()
            .into_iter()
            .map(move |file| NotRead {
                path: file.path,
                reason: reason.clone(),
            })
    });
    written.into_iter().chain(held_out).collect()
}

/// The files of `[[data.validation]]`.
pub(crate) fn validation(
    data: &DataTable,
    layers: &Layers,
    places: &Places,
) -> Result<Vec<SourceConfig>, RecipeError> {
    let root = data.path.as_ref().and_then(|written| places.find(written));
    let root = root.filter(|root| root.is_dir());
    let entries = data.validation.iter().enumerate();
    entries
        .map(|(index, table)| {
            let below_root = root.as_ref().map(|root| root.join(&table.path));
            let found = below_root
                .filter(|path| exists(path))
                .or_else(|| places.find(&table.path));
            let path = found.ok_or_else(|| {
                let key = ["data", "validation", &index.to_string(), "path"].map(str::to_owned);
                let origin = layers.origin(&key);
                places.not_found(origin.key(&key), origin, &table.path)
            })?;
            let fields = table.fields.iter().chain(&data.fields).cloned().collect();
            let mut source = read_source(table.name.clone(), &path, table.exclude.clone(), fields)?;
            source.license = table.license.clone().or_else(|| data.license.clone());
            source.encoding = table.encoding.or(data.encoding);
            Ok(source)
        })
        .collect()
}

/// The sources of `[data]`; `seed` is the run's.
pub(crate) fn resolve(
    data: &DataTable,
    seed: u64,
    not_read: &[NotRead],
    layers: &Layers,
    places: &Places,
) -> Result<(Vec<SourceConfig>, Vec<Skipped>), RecipeError> {
    let mut left_out = Vec::new();
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
        (Some(root), true) => discovered(root, data, not_read, layers, &mut left_out)?,
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
        if source.synth.is_none() {
            source.encoding = source.encoding.or(data.encoding);
        }
    }
    Ok((sources, left_out))
}

/// The sources of a `data.path` without `[[data.sources]]`; what belongs to none is named.
fn discovered(
    root: &Path,
    data: &DataTable,
    not_read: &[NotRead],
    layers: &Layers,
    left_out: &mut Vec<Skipped>,
) -> Result<Vec<SourceConfig>, RecipeError> {
    if !root.is_dir() {
        let (exclude, fields) = (data.exclude.clone(), data.fields.clone());
        return Ok(vec![read_source("data".to_owned(), root, exclude, fields)?]);
    }
    let list = |source: &SourceConfig| {
        jikji_corpus::list_files(&input(source, not_read)).map_err(|source| corpus(layers, source))
    };
    let mut leave_out = |path: &str, reason: String| {
        left_out.push(Skipped {
            path: path.to_owned(),
            reason,
            blake3: None,
        });
    };
    let mut sources: Vec<SourceConfig> = Vec::new();
    let unused = |name: &str, sources: &[SourceConfig]| {
        let is_taken = |name: &str| {
            let mut taken = sources.iter().map(|source| source.name.to_lowercase());
            taken.any(|taken| taken == name.to_lowercase())
        };
        jikji_corpus::unused_name(name, is_taken)
    };
    for (name, folder, why_not) in sub_folders(root)? {
        if let Some(reason) = why_not {
            leave_out(&name, reason);
            continue;
        }
        let (exclude, fields) = inside(data, Path::new(&name));
        let source_name = unused(&source_name(&name), &sources);
        let source = read_source(source_name, &folder, exclude, fields)?;
        let inputs = list(&source)?;
        if inputs.files.is_empty() {
            leave_out(&name, inputs.what_else());
        } else {
            sources.push(source);
        }
    }
    // Files beside the folders.
    let mut exclude = data.exclude.clone();
    exclude.push(BELOW_FOLDERS.to_owned());
    let root_name = root.canonicalize().ok();
    let root_name = root_name.as_deref().and_then(Path::file_name);
    let name = source_name(&root_name.map_or("data".into(), |name| name.to_string_lossy()));
    let beside = read_source(unused(&name, &sources), root, exclude, data.fields.clone())?;
    let inputs = list(&beside)?;
    if !inputs.files.is_empty() {
        sources.push(beside);
        return Ok(sources);
    }
    for (count, what) in [
        (inputs.hidden, "hidden"),
        (inputs.excluded, "named by `exclude`"),
    ] {
        if count > 0 {
            leave_out(".", format!("{count} {what}"));
        }
    }
    left_out.extend(inputs.skipped);
    if sources.is_empty() {
        return Err(corpus(
            layers,
            CorpusError::NothingToRead {
                input: name,
                path: beside.path.unwrap_or_default(),
                skipped: jikji_corpus::describe(left_out),
            },
        ));
    }
    Ok(sources)
}

fn corpus(layers: &Layers, source: CorpusError) -> RecipeError {
    RecipeError::Corpus {
        origin: layers.origin_of("data.path"),
        source,
    }
}

/// First-level folders that are not hidden, by name, those that are links too; with each that would
/// be read twice, why.
fn sub_folders(root: &Path) -> Result<Vec<(String, PathBuf, Option<String>)>, RecipeError> {
    let read = |source| RecipeError::Read {
        path: root.to_owned(),
        source,
    };
    let mut folders = Vec::new();
    for entry in fs::read_dir(root).map_err(read)? {
        let entry = entry.map_err(read)?;
        let path = entry.path();
        let is_link = entry.file_type().map_err(read)?.is_symlink();
        if !path.is_dir() {
            continue;
        }
        let Ok(name) = entry.file_name().into_string() else {
            return Err(RecipeError::NotUtf8 { path });
        };
        if !name.starts_with('.') {
            folders.push((is_link, name, path));
        }
    }
    // Real folders first: a link to one of them is the second way to it.
    folders.sort();
    let around = root.canonicalize().map_err(read)?;
    let mut known: BTreeMap<PathBuf, String> = BTreeMap::new();
    let mut found = Vec::new();
    for (is_link, name, path) in folders {
        let place = path.canonicalize().map_err(read)?;
        let twice = if is_link && around.starts_with(&place) {
            Some("a link to a folder around it, which would lead in a circle".to_owned())
        } else {
            let known = known.get(&place);
            let twice = known.map(|known| format!("a link to a folder that is read as `{known}`"));
            twice.or_else(|| jikji_corpus::why_not_text(&path).map(str::to_owned))
        };
        known.entry(place).or_insert_with(|| name.clone());
        found.push((name, path, twice));
    }
    found.sort();
    Ok(found)
}

fn source_name(folder: &str) -> String {
    jikji_corpus::source_name(folder).unwrap_or_else(|| "data".to_owned())
}

fn input(source: &SourceConfig, not_read: &[NotRead]) -> InputConfig {
    InputConfig {
        name: source.name.clone(),
        path: source.path.clone().unwrap_or_default(),
        exclude: source.exclude.clone(),
        fields: source.fields.clone(),
        not_read: not_read.to_vec(),
        ..InputConfig::default()
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
        encoding: None,
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
                    .map(|root| user_path(root.join(user_path(written))))
                    .filter(|path| exists(path));
                let is_below_root = below_root.is_some() && user_path(written).is_relative();
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
                    ("encoding", table.encoding.is_some()),
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
                    encoding: None,
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
        source.encoding = table.encoding;
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

/// A glob relative to a folder below its own: without the components that match the folder's. A
/// glob that ends on the way matches the whole folder; one that does not match the folder matches
/// nothing in it.
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

/// The folder that a source's own globs are relative to: the path itself, or what stands before its
/// first wildcard.
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
