//! From what files and flags say to what the run uses.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jikji_tokenizer::TokenizerConfig;
use toml::{Table, Value};

use crate::RecipeError;
use crate::check;
use crate::file::{DataTable, RecipeFile, RunTable};
use crate::layers::{Layers, refused};
use crate::model::{self, read_toml, take_path};
use crate::origin::Origin;
use crate::places::Places;
use crate::run_config::{DataSection, RunConfig, RunSection, TokenizerSource};
use crate::set;
use crate::sources;
use crate::strict::{self, Refusal};

/// The year in which the book was printed.
const DEFAULT_SEED: u64 = 1377;

/// What the command line says over a recipe; it wins over the file, and `set` over `scale`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// The `[scale.NAME]` table to lay over the recipe.
    pub scale: Option<String>,
    /// `key=value`, in order.
    pub set: Vec<String>,
}

/// Reads a recipe and everything it names, and resolves it.
///
/// # Errors
/// Anything that is not right with it: see [`RecipeError`].
pub fn load(path: &Path, overrides: &Overrides) -> Result<RunConfig, RecipeError> {
    load_from(Path::new(""), path, overrides)
}

/// The same with another current folder.
pub(crate) fn load_from(
    current: &Path,
    path: &Path,
    overrides: &Overrides,
) -> Result<RunConfig, RecipeError> {
    let path = current.join(path);
    let said = Said::read(&path, Places::new(current, &path)?)?;
    let chosen = match &overrides.scale {
        None => None,
        Some(name) => Some(said.known_scale(name)?),
    };
    let layers = said.layers(chosen, &overrides.set)?;
    let run = resolve(read(&layers)?, &layers, &said.places)?;
    said.check_other_scales(chosen, &overrides.set)?;
    Ok(run)
}

/// The files of a recipe, before any choice.
struct Said {
    places: Places,
    /// Includes and the recipe's own tables.
    base: Layers,
    /// `[scale.NAME]` tables in the order in which they are laid over the base; several may have one name.
    scales: Vec<(Origin, Table)>,
}

impl Said {
    fn read(path: &Path, places: Places) -> Result<Self, RecipeError> {
        let mut said = Self {
            places,
            base: Layers::new(path),
            scales: Vec::new(),
        };
        let mut recipe = read_toml(path)?;
        let include = recipe
            .remove("include")
            .unwrap_or_else(|| Value::Array(Vec::new()));
        let include: Vec<String> =
            strict::read(&include).map_err(|refusal| said.base.error(refusal.under("include")))?;
        for written in include {
            let file = said.places.find(&written).ok_or_else(|| {
                let origin = Origin::File(path.to_owned()).into();
                said.places
                    .not_found("include".to_owned(), origin, &written)
            })?;
            let table = read_toml(&file)?;
            for key in ["include", "description"] {
                if table.contains_key(key) {
                    let key = key.to_owned();
                    return Err(RecipeError::NotInIncluded { key, file });
                }
            }
            said.add(table, &file)?;
        }
        said.add(recipe, path)?;
        Ok(said)
    }

    fn add(&mut self, mut table: Table, file: &Path) -> Result<(), RecipeError> {
        let origin = Origin::File(file.to_owned());
        let scales = table
            .remove("scale")
            .unwrap_or_else(|| Value::Table(Table::new()));
        let scales: BTreeMap<String, Table> =
            strict::read(&scales).map_err(|Refusal { path, complaint }| {
                let path: Vec<String> = std::iter::once("scale".to_owned()).chain(path).collect();
                refused(&path, complaint, origin.clone().into())
            })?;
        for (name, table) in scales {
            let file = file.to_owned();
            self.scales.push((Origin::Scale { file, name }, table));
        }
        self.base.add(table, &origin)
    }

    fn known_scale<'a>(&self, chosen: &'a str) -> Result<&'a str, RecipeError> {
        let known = self.names();
        if known.iter().any(|name| name == chosen) {
            return Ok(chosen);
        }
        Err(RecipeError::NoScale {
            file: self.base.recipe().to_owned(),
            name: chosen.to_owned(),
            known,
        })
    }

    fn names(&self) -> Vec<String> {
        let names = self.scales.iter().filter_map(|(origin, _)| match origin {
            Origin::Scale { name, .. } => Some(name.clone()),
            Origin::File(_) | Origin::Set(_) => None,
        });
        let names: BTreeSet<String> = names.collect();
        names.into_iter().collect()
    }

    /// Everything laid over each other.
    fn layers(&self, scale: Option<&str>, set: &[String]) -> Result<Layers, RecipeError> {
        let mut layers = self.base.clone();
        for (origin, table) in &self.scales {
            if matches!(origin, Origin::Scale { name, .. } if Some(name.as_str()) == scale) {
                layers.add(table.clone(), origin)?;
            }
        }
        for argument in set {
            layers.add(set::parse(argument)?, &Origin::Set(argument.clone()))?;
        }
        Ok(layers)
    }

    /// A slip in a scale that was not chosen is a slip all the same; what it leaves open is not.
    fn check_other_scales(&self, chosen: Option<&str>, set: &[String]) -> Result<(), RecipeError> {
        for name in self.names() {
            if Some(name.as_str()) == chosen {
                continue;
            }
            let check = |set| {
                let layers = self.layers(Some(&name), set)?;
                let file = read(&layers)?;
                model::resolve(file.model, &layers, &self.places)
            };
            // With the overrides, which may hold what the recipe itself leaves open; but a scale that fits the recipe as it is
            // written need not fit another model that they choose.
            if let Err(error) = check(set)
                && matches!(error.origin(), Some(Origin::Scale { .. }))
                && check(&[]).is_err()
            {
                return Err(error);
            }
        }
        Ok(())
    }
}

fn read(layers: &Layers) -> Result<RecipeFile, RecipeError> {
    strict::read(&Value::Table(layers.table.clone())).map_err(|refusal| layers.error(refusal))
}

fn resolve(file: RecipeFile, layers: &Layers, places: &Places) -> Result<RunConfig, RecipeError> {
    let RecipeFile {
        description,
        include: _,
        run,
        data,
        tokenizer,
        model,
        optimizer,
        mut train,
        checkpoint,
        log,
        scale: _,
    } = file;
    let run = resolve_run(run, layers)?;
    let model = model::resolve(model, layers, places)?;
    let tokenizer = resolve_tokenizer(tokenizer, layers, places)?;
    let data = resolve_data(data, &run, layers, places)?;
    train.micro_batch_size = train.micro_batch_size.or(Some(train.global_batch_size));
    let run = RunConfig {
        description,
        run,
        data,
        tokenizer,
        model,
        optimizer,
        train,
        checkpoint,
        log,
    };
    check::check(&run, layers)?;
    Ok(run)
}

fn resolve_run(run: RunTable, layers: &Layers) -> Result<RunSection, RecipeError> {
    let RunTable { name, output, seed } = run;
    let name = name.unwrap_or_else(|| {
        let stem = layers.recipe().file_stem().unwrap_or_default();
        stem.to_string_lossy().into_owned()
    });
    let seed = seed.unwrap_or(DEFAULT_SEED);
    check::run_name(&name, layers)?;
    let output = output.unwrap_or_else(|| Path::new("runs").join(&name));
    Ok(RunSection { name, output, seed })
}

/// The `[tokenizer]` table of a file that holds nothing else, or of none, with `key=value` overrides.
///
/// # Errors
/// A file or an override that is not right, or a tokenizer that need not be trained.
pub fn load_tokenizer_config(
    file: Option<&Path>,
    set: &[String],
) -> Result<TokenizerConfig, RecipeError> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        #[serde(default)]
        tokenizer: Table,
    }

    let places = match file {
        Some(file) => Places::new(Path::new(""), file)?,
        None => Places::current(),
    };
    let mut layers = Layers::new(file.unwrap_or(Path::new("--set")));
    if let Some(file) = file {
        layers.add(read_toml(file)?, &Origin::File(file.to_owned()))?;
    }
    for argument in set {
        layers.add(set::parse(argument)?, &Origin::Set(argument.clone()))?;
    }
    let said: File = strict::read(&Value::Table(layers.table.clone()))
        .map_err(|refusal| layers.error(refusal))?;
    match resolve_tokenizer(said.tokenizer, &layers, &places)? {
        TokenizerSource::Train(config) => Ok(*config),
        TokenizerSource::From(_) => Err(RecipeError::Refused {
            key: "tokenizer.from".to_owned(),
            origin: layers.origin_of("tokenizer.from"),
            message: "a tokenizer that exists is not trained".to_owned(),
        }),
    }
}

fn resolve_tokenizer(
    mut table: Table,
    layers: &Layers,
    places: &Places,
) -> Result<TokenizerSource, RecipeError> {
    if table.contains_key("from")
        && let Some(key) = table.keys().find(|key| *key != "from")
    {
        return Err(RecipeError::Both {
            first: "tokenizer.from".to_owned(),
            second: format!("tokenizer.{key}"),
            origin: layers.origin_of("tokenizer.from"),
        });
    }
    let place = ["tokenizer", "from"];
    match take_path(&mut table, place, "tokenizer.json", layers, places)? {
        Some(folder) => Ok(TokenizerSource::From(folder)),
        None if table.is_empty() => Err(RecipeError::Neither {
            first: "tokenizer.from".to_owned(),
            second: "tokenizer.vocab_size".to_owned(),
            file: layers.recipe().to_owned(),
        }),
        None => {
            if let Some(folder) =
                take_path(&mut table, ["tokenizer", "morphemes"], "", layers, places)?
            {
                let folder = folder.display().to_string();
                table.insert("morphemes".to_owned(), Value::String(folder));
            }
            let config: Box<TokenizerConfig> = strict::read(&Value::Table(table))
                .map_err(|refusal| layers.error(refusal.under("tokenizer")))?;
            match config.check() {
                Ok(()) => Ok(TokenizerSource::Train(config)),
                Err(source) => Err(RecipeError::Tokenizer {
                    origin: layers.origin_of("tokenizer"),
                    source,
                }),
            }
        }
    }
}

fn resolve_data(
    data: DataTable,
    run: &RunSection,
    layers: &Layers,
    places: &Places,
) -> Result<DataSection, RecipeError> {
    let sources = sources::resolve(&data, run.seed, layers, places)?;
    let DataTable {
        path: _,
        exclude: _,
        fields: _,
        license: _,
        prepared,
        validation_fraction,
        mut validation_sources,
        min_chars,
        drop_exact_duplicates,
        cross_documents,
        sources: _,
        stages,
    } = data;
    if validation_sources.is_empty() {
        let read = sources.iter().filter(|source| source.synth.is_none());
        validation_sources = read.map(|source| source.name.clone()).collect();
    }
    Ok(DataSection {
        prepared: prepared.unwrap_or_else(|| Path::new("shards").join(&run.name)),
        validation_fraction,
        validation_sources,
        min_chars,
        drop_exact_duplicates,
        cross_documents,
        sources,
        stages,
    })
}
