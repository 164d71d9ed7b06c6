//! A recipe as written: what may be left out is optional here, and nothing has been looked up yet.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use jikji_corpus::FieldMapping;
use jikji_optim::OptimizerConfig;
use jikji_train::{CheckpointConfig, LogConfig, TrainConfig};
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Table;

use crate::run_config::StageConfig;
use crate::schema;

/// A run: which text, which tokenizer, which model, trained how. Relative paths begin in the current folder, or else in the
/// nearest folder above the recipe that has them; what a run writes lies below the current folder.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Jikji recipe")]
pub(crate) struct RecipeFile {
    /// What the run is for, in one sentence.
    pub(crate) description: Option<String>,
    /// Files with some of these tables, merged in this order before the recipe's own.
    #[serde(default)]
    #[expect(dead_code, reason = "taken out while merging; here for the schema")]
    pub(crate) include: Vec<String>,
    /// The run's name and seed, and where it writes.
    #[serde(default)]
    pub(crate) run: RunTable,
    /// The text.
    #[serde(default)]
    pub(crate) data: DataTable,
    /// How text becomes tokens: `from` a folder, or trained with these settings.
    #[serde(default)]
    #[schemars(schema_with = "schema::tokenizer_table")]
    pub(crate) tokenizer: Table,
    /// The decoder: `config`, or `from`, or the keys of a model config; beside `config` or `from` such keys override what
    /// the file says.
    #[serde(default)]
    #[schemars(schema_with = "schema::model_table")]
    pub(crate) model: Table,
    /// Step size, decay, clipping and schedule.
    pub(crate) optimizer: OptimizerConfig,
    /// How long, how wide, in which format.
    pub(crate) train: TrainConfig,
    /// When the run is saved.
    pub(crate) checkpoint: CheckpointConfig,
    /// What is logged and how often.
    #[serde(default)]
    pub(crate) log: LogConfig,
    /// Overrides by name, chosen with `--scale NAME`: each is again a recipe's tables.
    #[serde(default)]
    #[schemars(schema_with = "schema::scale_tables")]
    #[expect(dead_code, reason = "taken out while merging; here for the schema")]
    pub(crate) scale: BTreeMap<String, Table>,
}

/// The run's name and seed, and where it writes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunTable {
    /// Name of the run; the recipe's file name if absent.
    pub(crate) name: Option<String>,
    /// Folder of the run; `runs/NAME` if absent.
    pub(crate) output: Option<PathBuf>,
    /// Seed of everything random: initial weights, order of the data, samples. 1377 if absent.
    pub(crate) seed: Option<u64>,
}

/// The text.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DataTable {
    /// A file, folder or glob. Without `sources`, each first-level folder with something readable is a source; with them,
    /// the folder in which their relative paths begin.
    pub(crate) path: Option<String>,
    /// Globs of what not to read, relative to `path` (without it, to each source's own folder).
    pub(crate) exclude: Vec<String>,
    /// Which fields of rows are text, by file; globs as in `exclude`.
    pub(crate) fields: Vec<FieldMapping>,
    /// Licence of the sources that do not give their own.
    pub(crate) license: Option<String>,
    /// Folder in which corpus, tokenizer and token shards are kept between runs; `shards/NAME` if absent.
    pub(crate) prepared: Option<PathBuf>,
    /// Share of the documents held back for validation, from 0 up to but not 1.
    pub(crate) validation_fraction: f64,
    /// Sources that documents are held back from; empty means all that are not synthetic.
    pub(crate) validation_sources: Vec<String>,
    /// Documents with fewer characters after cleaning are dropped.
    pub(crate) min_chars: usize,
    /// Whether a document whose clean text an earlier one has is dropped.
    pub(crate) drop_exact_duplicates: bool,
    /// Whether attention and loss cross the borders of documents inside a sequence.
    pub(crate) cross_documents: bool,
    /// The sources, if not found by `path` alone.
    pub(crate) sources: Vec<SourceTable>,
    /// Later parts of the run with other weights.
    pub(crate) stages: Vec<StageConfig>,
}

impl Default for DataTable {
    fn default() -> Self {
        Self {
            path: None,
            exclude: Vec::new(),
            fields: Vec::new(),
            license: None,
            prepared: None,
            validation_fraction: 0.01,
            validation_sources: Vec::new(),
            min_chars: 1,
            drop_exact_duplicates: true,
            cross_documents: false,
            sources: Vec::new(),
            stages: Vec::new(),
        }
    }
}

/// One source of text: read from `path`, or made by `synth`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceTable {
    /// Name of the source: what weights, stages and reports call it.
    pub(crate) name: String,
    /// A file, folder or glob, relative to `data.path` where that is given.
    pub(crate) path: Option<String>,
    /// Documents from the grammar generator instead of files.
    pub(crate) synth: Option<SynthTable>,
    /// Share of the tokens of the run, in any unit; given for all sources or for none, which means as much as each is long.
    pub(crate) weight: Option<f64>,
    /// Licence of documents that do not state their own.
    pub(crate) license: Option<String>,
    /// Globs of what not to read, relative to the folder of `path`.
    #[serde(default)]
    pub(crate) exclude: Vec<String>,
    /// Which fields of rows are text, by file; globs as in `exclude`.
    #[serde(default)]
    pub(crate) fields: Vec<FieldMapping>,
}

/// Documents from the grammar generator.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SynthTable {
    /// How many.
    pub(crate) documents: NonZeroUsize,
    /// Seed of the generator; the run's if absent.
    pub(crate) seed: Option<u64>,
    /// Topics, evenly; empty means all.
    #[serde(default)]
    pub(crate) topics: Vec<String>,
}
