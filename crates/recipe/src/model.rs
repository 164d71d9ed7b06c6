//! The `[model]` table: a file, a published folder, or the keys themselves.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use jikji_model::{DecoderConfig, ModelConfig, ModelError, SPELLINGS};
use toml::{Table, Value};

use crate::RecipeError;
use crate::error::YAML;
use crate::layers::{Layers, refused};
use crate::origin::Origin;
use crate::places::Places;
use crate::run_config::ModelSource;
use crate::shipped::shipped_file;
use crate::strict::{self, Complaint, Refusal};

/// Reads a model config: a flat TOML table, a published `config.json`, or the folder that holds
/// one.
///
/// Unknown keys are refused.
pub fn load_model_config(path: &Path) -> Result<ModelConfig, RecipeError> {
    let file = if path.is_dir() {
        path.join("config.json")
    } else {
        path.to_owned()
    };
    let origin: Box<Origin> = Origin::File(file.clone()).into();
    let config = if file.extension().is_some_and(|ending| ending == "json") {
        ModelConfig::from_json(read_text(&file)?.as_bytes())
            .map_err(|source| RecipeError::PublishedConfig { path: file, source })?
    } else {
        strict::read(&Value::Table(read_toml(&file)?))
            .map_err(|Refusal { path, complaint }| refused(&path, complaint, origin.clone()))?
    };
    match DecoderConfig::resolve(&config) {
        Ok(_) => Ok(config),
        Err(source) => Err(RecipeError::Model { origin, source }),
    }
}

/// Reads a TOML file into a table.
pub(crate) fn read_toml(path: &Path) -> Result<Table, RecipeError> {
    let ending = path
        .extension()
        .map(|ending| ending.to_string_lossy().to_lowercase());
    let format = match ending.as_deref() {
        Some("yaml" | "yml") => Some("YAML"),
        Some("json" | "jsonl") => Some("JSON"),
        Some("py") => Some("Python"),
        _ => None,
    };
    let text = read_text(path)?;
    if let Some(format) = format {
        return Err(RecipeError::OtherFormat {
            path: path.to_owned(),
            format,
        });
    }
    toml::from_str(&text).map_err(|error| {
        let before = error.span().map_or(0, |span| span.start);
        let message = error.message().trim().to_owned();
        RecipeError::Toml {
            path: path.to_owned(),
            line: 1 + text
                .bytes()
                .take(before)
                .filter(|byte| *byte == b'\n')
                .count(),
            message: if first_line_is_yaml(&text) {
                format!("{YAML} ({message})")
            } else {
                message
            },
        }
    })
}

/// Whether a text begins with `key: value` or `---`, as no TOML does.
fn first_line_is_yaml(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
    first.is_some_and(|line| {
        let key = line
            .split_once(':')
            .filter(|(_, rest)| rest.is_empty() || rest.starts_with(' '));
        line == "---" || key.is_some_and(|(key, _)| !key.contains(['=', '[', '"', ' ', '\'']))
    })
}

fn read_text(path: &Path) -> Result<String, RecipeError> {
    fs::read_to_string(path).or_else(|source| match shipped_file(path) {
        Some(file) if source.kind() == ErrorKind::NotFound => Ok(file.text.to_owned()),
        _ => Err(RecipeError::Read {
            path: path.to_owned(),
            source,
        }),
    })
}

/// The key that an error is about.
fn field(error: &ModelError) -> &'static str {
    match error {
        ModelError::Missing { field }
        | ModelError::Invalid { field, .. }
        | ModelError::Unsupported { field, .. } => field,
        ModelError::TrainableMatchesNothing { .. } => "",
    }
}

/// Resolves the table `[model]`.
pub(crate) fn resolve(
    mut table: Table,
    layers: &Layers,
    places: &Places,
) -> Result<ModelSource, RecipeError> {
    if table.contains_key("config") && table.contains_key("from") {
        return Err(RecipeError::Both {
            first: "model.config".to_owned(),
            second: "model.from".to_owned(),
            origin: layers.origin_of("model.config"),
        });
    }
    let config = take_path(
        &mut table,
        ["model", "config"],
        "config.json",
        layers,
        places,
    )?;
    let from = take_path(&mut table, ["model", "from"], "config.json", layers, places)?;
    let base = match config.as_ref().or(from.as_ref()) {
        Some(path) => Some(load_model_config(path)?),
        None if table.is_empty() => {
            return Err(RecipeError::Neither {
                first: "model.config".to_owned(),
                second: "model.from".to_owned(),
                file: layers.recipe().to_owned(),
            });
        }
        None => None,
    };
    let whole = match base {
        Some(base) => overlay(&base, table, layers)?,
        None => table,
    };
    let resolved: ModelConfig =
        strict::read(&Value::Table(whole)).map_err(|refusal| model_error(layers, refusal))?;
    match DecoderConfig::resolve(&resolved) {
        Ok(_) => Ok(ModelSource {
            config: resolved,
            from,
        }),
        Err(source) => Err(RecipeError::Model {
            origin: layers.origin(&["model".to_owned(), field(&source).to_owned()]),
            source,
        }),
    }
}

/// The keys of `[model]`, merged over those of the file that it names.
fn overlay(base: &ModelConfig, table: Table, layers: &Layers) -> Result<Table, RecipeError> {
    let base = Table::try_from(base).map_err(|error| RecipeError::Refused {
        key: "model".to_owned(),
        origin: layers.origin_of("model"),
        message: error.to_string(),
    })?;
    let mut whole = Layers::new(layers.recipe());
    let file = Origin::File(layers.recipe().to_owned());
    whole.add(base, &file)?;
    let published = |key: &str| {
        let found = SPELLINGS.iter().find(|(alias, _)| *alias == key);
        found.map_or(key, |(_, published)| *published).to_owned()
    };
    for path in layers.unset_below("model") {
        let mut path = path.to_vec();
        if let Some(first) = path.first_mut() {
            *first = published(first);
        }
        whole.unset(&path, &file)?;
    }
    for (key, value) in table {
        let origin = layers.origin(&["model".to_owned(), key.clone()]);
        let key = published(&key);
        whole.add(Table::from_iter([(key, value)]), &origin)?;
    }
    Ok(whole.table)
}

fn model_error(layers: &Layers, mut refusal: Refusal) -> RecipeError {
    if let Complaint::Unknown { known } = &mut refusal.complaint {
        known.extend(["config", "from"]);
    }
    layers.error(refusal.under("model"))
}

/// Removes the path `TABLE.KEY` from its table and finds it. A folder must contain the file
/// `inside`, unless that is empty.
pub(crate) fn take_path(
    table: &mut Table,
    [table_name, key]: [&str; 2],
    inside: &str,
    layers: &Layers,
    places: &Places,
) -> Result<Option<PathBuf>, RecipeError> {
    let Some(value) = table.remove(key) else {
        return Ok(None);
    };
    let path = [table_name.to_owned(), key.to_owned()];
    let written: String = strict::read(&value)
        .map_err(|refusal| layers.error(refusal.under(key).under(table_name)))?;
    let origin = layers.origin(&path);
    let Some(found) = places.find(&written) else {
        return Err(places.not_found(origin.key(&path), origin, &written));
    };
    let needed = found.join(inside);
    if found.is_dir() && !inside.is_empty() && !needed.is_file() {
        return Err(RecipeError::NotFound {
            key: origin.key(&path),
            origin,
            path: needed.display().to_string(),
            searched: Vec::new(),
        });
    }
    Ok(Some(found))
}
