//! The `[model]` table: a file, a published folder, or the keys themselves.

use std::fs;
use std::path::{Path, PathBuf};

use jikji_model::{DecoderConfig, ModelConfig, ModelError, SPELLINGS};
use toml::{Table, Value};

use crate::RecipeError;
use crate::layers::{Layers, refused};
use crate::origin::Origin;
use crate::places::Places;
use crate::run_config::ModelSource;
use crate::strict::{self, Complaint, Refusal};

/// Reads a model config: a flat TOML table, a published `config.json`, or the folder that holds one.
///
/// A key that is not known is refused.
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
    let text = read_text(path)?;
    toml::from_str(&text).map_err(|error| {
        let before = error.span().map_or(0, |span| span.start);
        RecipeError::Toml {
            path: path.to_owned(),
            line: 1 + text
                .bytes()
                .take(before)
                .filter(|byte| *byte == b'\n')
                .count(),
            message: error.message().trim().to_owned(),
        }
    })
}

fn read_text(path: &Path) -> Result<String, RecipeError> {
    fs::read_to_string(path).map_err(|source| RecipeError::Read {
        path: path.to_owned(),
        source,
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

/// What `[model]` says.
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

/// The keys of `[model]` over those of the file it names.
fn overlay(base: &ModelConfig, table: Table, layers: &Layers) -> Result<Table, RecipeError> {
    let base = Table::try_from(base).map_err(|error| RecipeError::Refused {
        key: "model".to_owned(),
        origin: layers.origin_of("model"),
        message: error.to_string(),
    })?;
    let mut whole = Layers::new(layers.recipe());
    whole.add(base, &Origin::File(layers.recipe().to_owned()))?;
    for (key, value) in table {
        let origin = layers.origin(&["model".to_owned(), key.clone()]);
        let published = SPELLINGS.iter().find(|(alias, _)| *alias == key);
        let key = published.map_or(key, |(_, published)| (*published).to_owned());
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

/// Takes the path `TABLE.KEY` out of its table and finds it; a folder must hold the file `inside`, if that is not empty.
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
