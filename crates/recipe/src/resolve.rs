//! From a recipe's files and the command line to a [`RunConfig`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jikji_corpus::user_path;
use jikji_tokenizer::TokenizerConfig;
use toml::{Table, Value};

use crate::RecipeError;
use crate::check;
use crate::file::{DataTable, RecipeFile, RunTable};
use crate::layers::{Layers, refused, unknown};
use crate::model::{self, read_toml, take_path};
use crate::origin::Origin;
use crate::places::Places;
use crate::run_config::{DataSection, RunConfig, RunSection, TokenizerSource};
use crate::schema;
use crate::set::{self, Override};
use crate::sources;
use crate::strict::{self, Refusal};

/// Share of the documents held back where the recipe gives none.
const DEFAULT_VALIDATION_FRACTION: f64 = 0.01;

/// 1377: the year in which Jikji was printed.
const DEFAULT_SEED: u64 = 1377;

/// Overrides from the command line. They win over the file, and `set` wins over `scale`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// The `[scale.NAME]` table to lay over the recipe.
    pub scale: Option<String>,
    /// Arguments `key=value` of `--set`, in order.
    pub set: Vec<String>,
}

/// Reads a recipe and everything it names, and resolves it.
///
/// # Errors
/// See [`RecipeError`].
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
    let run = said.resolve(chosen, &overrides.set);
    let run = run.map_err(|error| said.blame(error, chosen, &overrides.set))?;
    said.check_other_scales(chosen, &overrides.set)?;
    Ok(run)
}

/// The files of a recipe, before any choice.
struct Said {
    places: Places,
    /// Includes and the recipe's own tables.
    base: Layers,
    /// `[scale.NAME]` tables in the order in which they are laid over the base; several may have
    /// one name.
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
        take_unset(&mut table, &mut self.base, &origin)?;
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

    fn resolve(&self, scale: Option<&str>, set: &[String]) -> Result<RunConfig, RecipeError> {
        let layers = self.layers(scale, set)?;
        resolve(read(&layers)?, &layers, &self.places)
    }

    /// Names the argument of `--set` that caused an error: leaving it out makes the error go away.
    /// The included file that the error names may be right for the recipe as it was written.
    fn blame(&self, error: RecipeError, scale: Option<&str>, set: &[String]) -> RecipeError {
        if matches!(error.origin(), Some(Origin::Set(_)))
            || matches!(error, RecipeError::SetForm { .. })
        {
            return error;
        }
        let message = error.to_string();
        let mut suspect = None;
        for (index, argument) in set.iter().enumerate() {
            let rest: Vec<String> = [&set[..index], &set[index + 1..]].concat();
            match self.resolve(scale, &rest) {
                Ok(_) => suspect = Some((true, argument)),
                // It gave what the recipe leaves open: no fault of it.
                Err(RecipeError::Missing { .. } | RecipeError::Neither { .. }) => {}
                Err(other) if other.to_string() == message => {}
                Err(_) => suspect = suspect.or(Some((false, argument))),
            }
        }
        match suspect {
            None => error,
            Some((_, argument)) => RecipeError::BySet {
                argument: argument.clone(),
                source: Box::new(error),
            },
        }
    }

    /// All layers, merged.
    fn layers(&self, scale: Option<&str>, set: &[String]) -> Result<Layers, RecipeError> {
        let mut layers = self.base.clone();
        for (origin, table) in &self.scales {
            if matches!(origin, Origin::Scale { name, .. } if Some(name.as_str()) == scale) {
                let mut table = table.clone();
                take_unset(&mut table, &mut layers, origin)?;
                layers.add(table, origin)?;
            }
        }
        for argument in set {
            apply(argument, &mut layers)?;
        }
        Ok(layers)
    }

    /// Checks the scales that were not chosen too, but not for missing keys.
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
            // With the overrides, which may hold what the recipe itself leaves open; but a scale
            // that fits the recipe as it is written need not fit another model that they choose.
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

/// Applies an argument of `--set`.
fn apply(argument: &str, layers: &mut Layers) -> Result<(), RecipeError> {
    let origin = Origin::Set(argument.to_owned());
    match set::parse(argument)? {
        Override::Set(table) => layers.add(table, &origin),
        Override::Unset(path) => unset(&path, layers, &origin),
    }
}

/// Takes the list `unset` out of a layer and applies it to the layers below.
fn take_unset(table: &mut Table, layers: &mut Layers, origin: &Origin) -> Result<(), RecipeError> {
    let Some(list) = table.remove("unset") else {
        return Ok(());
    };
    let refusal = |complaint: Refusal| {
        let Refusal { path, complaint } = complaint.under("unset");
        refused(&path, complaint, origin.clone().into())
    };
    let keys: Vec<String> = strict::read(&list).map_err(refusal)?;
    for key in keys {
        let path = set::split_key(&key).ok_or_else(|| RecipeError::Refused {
            key: origin.key(&["unset".to_owned()]),
            origin: origin.clone().into(),
            message: format!("`{key}` is no dotted key"),
        })?;
        unset(&path, layers, origin)?;
    }
    Ok(())
}

/// Removes a key; a key that no recipe can have is refused.
fn unset(path: &[String], layers: &mut Layers, origin: &Origin) -> Result<(), RecipeError> {
    if let Some((path, known)) = schema::unknown_key(path) {
        let known = known.iter().map(String::as_str).collect();
        return Err(unknown(&path, known, origin));
    }
    layers.unset(path, origin)
}

fn read(layers: &Layers) -> Result<RecipeFile, RecipeError> {
    strict::read(&Value::Table(layers.table.clone())).map_err(|refusal| layers.error(refusal))
}

fn resolve(file: RecipeFile, layers: &Layers, places: &Places) -> Result<RunConfig, RecipeError> {
    let RecipeFile {
        description,
        include: _,
        unset: _,
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
    let output = output.map_or_else(|| Path::new("runs").join(&name), user_path);
    Ok(RunSection { name, output, seed })
}

/// The `[tokenizer]` table of a file that holds nothing else, or of none, with `key=value`
/// overrides.
///
/// # Errors
/// A wrong file or override, or a tokenizer that already exists (`from`).
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
        apply(argument, &mut layers)?;
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
    let prepared = data.prepared.clone();
    let prepared = prepared.map_or_else(|| Path::new("shards").join(&run.name), user_path);
    let validation = sources::validation(&data, layers, places)?;
    let not_read = sources::not_read(&run.output, &prepared, &validation);
    let (sources, left_out) = sources::resolve(&data, run.seed, &not_read, layers, places)?;
    let DataTable {
        path: _,
        exclude: _,
        fields: _,
        license: _,
        encoding: _,
        on_error,
        prepared: _,
        validation_fraction,
        mut validation_sources,
        split_by,
        validation: _,
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
        prepared,
        validation_fraction: validation_fraction.unwrap_or(if validation.is_empty() {
            DEFAULT_VALIDATION_FRACTION
        } else {
            0.0
        }),
        validation_sources,
        split_by,
        validation,
        min_chars,
        drop_exact_duplicates,
        on_error,
        cross_documents,
        sources,
        stages,
        left_out,
    })
}
