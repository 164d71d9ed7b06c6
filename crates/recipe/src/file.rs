//! A recipe as written: what may be left out is optional here, and nothing has been looked up yet.
//! The doc comments of the fields are the manual: `docs/reference/recipe.md` is generated from
//! them.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use jikji_corpus::{FieldMapping, OnError, TextEncoding};
use jikji_optim::OptimizerConfig;
use jikji_train::{CheckpointConfig, LogConfig, TrainConfig};
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Table;

use crate::run_config::StageConfig;
use crate::schema;

/// A run: which text, which tokenizer, which model, trained how.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Jikji recipe")]
pub(crate) struct RecipeFile {
    /// What the run is for, in one sentence; `jikji recipe list` shows it. Not allowed in an
    /// included file.
    pub(crate) description: Option<String>,
    /// TOML files with some of these tables, merged in this order before the recipe's own tables.
    /// Not allowed in an included file.
    #[serde(default)]
    #[expect(dead_code, reason = "taken out while merging; here for the schema")]
    pub(crate) include: Vec<String>,
    /// Dotted keys that this file takes away from the layers below it, such as
    /// `["optimizer.muon"]`. Also allowed in `[scale.NAME]`. `--set KEY=none` does the same on the
    /// command line.
    #[serde(default)]
    #[expect(dead_code, reason = "taken out while merging; here for the schema")]
    pub(crate) unset: Vec<String>,
    /// Name, output folder and seed.
    #[serde(default)]
    pub(crate) run: RunTable,
    /// Which text is read, how it is cleaned, mixed and held back.
    #[serde(default)]
    pub(crate) data: DataTable,
    /// Either `from` alone, or the other keys: then a byte-level tokenizer is trained on the run's
    /// training documents. `jikji tokenizer train` reads the same table with `--config` and
    /// `--set`.
    #[serde(default)]
    #[schemars(schema_with = "schema::tokenizer_table")]
    pub(crate) tokenizer: Table,
    /// The model: a file (`config`), a model folder (`from`), or the keys of a model config. Keys
    /// beside `config` or `from` override that file's.
    #[serde(default)]
    #[schemars(schema_with = "schema::model_table")]
    pub(crate) model: Table,
    /// AdamW, learning-rate schedule, clipping; Muon for the hidden matrices if `muon` is given.
    pub(crate) optimizer: OptimizerConfig,
    /// Length of the run, size of a step, number format.
    pub(crate) train: TrainConfig,
    /// When checkpoints are written and how many are kept.
    pub(crate) checkpoint: CheckpointConfig,
    /// What is logged and how often.
    #[serde(default)]
    pub(crate) log: LogConfig,
    /// Overrides by name, each again a recipe's tables. `--scale NAME` chooses one; the others are
    /// still checked for unknown keys.
    #[serde(default)]
    #[schemars(schema_with = "schema::scale_tables")]
    #[expect(dead_code, reason = "taken out while merging; here for the schema")]
    pub(crate) scale: BTreeMap<String, Table>,
}

/// Name, output folder and seed.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunTable {
    /// Name of the run: 1 to 200 bytes without `/` and `\` that do not begin with `.`. The recipe's
    /// file name if absent.
    pub(crate) name: Option<String>,
    /// Folder of the run; `runs/NAME` if absent. Begins in the current folder.
    pub(crate) output: Option<PathBuf>,
    /// Seed of the initial weights, the order of the data and the grammar generator; 1377 if
    /// absent. Samples have a fixed seed of their own.
    pub(crate) seed: Option<u64>,
}

/// Which text is read, how it is cleaned, mixed and held back.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DataTable {
    /// A file, folder or glob; `~` is the home folder. This or `sources` is required. Without
    /// `sources`, each first-level folder that holds readable files is a source named after it, and
    /// files beside those folders are one more. With `sources`, the folder in which their relative
    /// paths begin.
    pub(crate) path: Option<String>,
    /// Globs of files that are not read, relative to `path`, or without it to each source's own
    /// folder.
    pub(crate) exclude: Vec<String>,
    /// Which fields of rows are text, by file; globs as in `exclude`.
    pub(crate) fields: Vec<FieldMapping>,
    /// Licence of the sources that do not give their own.
    pub(crate) license: Option<String>,
    /// Encoding of the text files that have no byte order mark, such as `cp949` or `utf-16le`;
    /// absent: found out for each file, UTF-8 or CP949 (EUC-KR).
    pub(crate) encoding: Option<TextEncoding>,
    /// What becomes of rows and files that cannot be read: `stop` lists all of them and builds
    /// nothing, `skip` leaves them out and counts them.
    pub(crate) on_error: OnError,
    /// Folder that keeps corpus, tokenizer and token shards between runs; `shards/NAME` if absent.
    /// Begins in the current folder.
    pub(crate) prepared: Option<PathBuf>,
    /// Share of the documents held back for validation, from 0 to below 1. A document is chosen by
    /// the hash of its text. 0.01 if absent, and 0 beside `[[data.validation]]`.
    pub(crate) validation_fraction: Option<f64>,
    /// Names of the sources that documents are held back from; if empty, all that are not
    /// synthetic.
    pub(crate) validation_sources: Vec<String>,
    /// Field of rows, such as `patient_id`: rows with the same value of it stay together in training
    /// or in validation, in all sources. Every row must have it, and texts without fields are left
    /// out. Absent: each document is chosen by its own text.
    pub(crate) split_by: Option<String>,
    /// Files of their own for validation. No training document has the text of one of theirs if
    /// `drop_exact_duplicates` is on, and the files themselves are never trained on.
    pub(crate) validation: Vec<ValidationTable>,
    /// Documents with fewer characters after cleaning are dropped.
    pub(crate) min_chars: usize,
    /// Whether a document is dropped whose clean text an earlier document has, in any source.
    pub(crate) drop_exact_duplicates: bool,
    /// Whether attention and loss cross the borders of documents inside a sequence.
    pub(crate) cross_documents: bool,
    /// The sources, if `path` alone does not name them. In a scale and with `--set`, an entry is
    /// called by its name or index: `data.sources.law.weight`.
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
            encoding: None,
            on_error: OnError::Stop,
            prepared: None,
            validation_fraction: None,
            validation_sources: Vec::new(),
            split_by: None,
            validation: Vec::new(),
            min_chars: 1,
            drop_exact_duplicates: true,
            cross_documents: false,
            sources: Vec::new(),
            stages: Vec::new(),
        }
    }
}

/// One source of text; just one of `path` and `synth`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceTable {
    /// Name of the source, used by weights, stages and reports: letters, digits, `-`, `_`, `.`, not
    /// beginning with `.` or `-`. No two sources have the same name.
    pub(crate) name: String,
    /// A file, a folder (read with everything below it) or a glob (`*`, `?`, `[...]`, `**`),
    /// relative to `data.path` if that is given.
    pub(crate) path: Option<String>,
    /// Documents from the grammar generator instead of files.
    pub(crate) synth: Option<SynthTable>,
    /// Share of the run's tokens from this source, above 0, in any unit. Give it for all sources or
    /// for none; without weights a source is read in proportion to its tokens.
    pub(crate) weight: Option<f64>,
    /// Licence of documents that do not state their own; `data.license` if absent.
    pub(crate) license: Option<String>,
    /// Encoding of its files, in place of `data.encoding`.
    pub(crate) encoding: Option<TextEncoding>,
    /// Globs of files that are not read, relative to the folder of `path`; they come before those
    /// of `[data]`.
    #[serde(default)]
    pub(crate) exclude: Vec<String>,
    /// Which fields of rows are text, by file; these entries come before those of `[data]`.
    #[serde(default)]
    pub(crate) fields: Vec<FieldMapping>,
}

/// Files that are read for validation alone.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ValidationTable {
    /// Name in reports and metrics; differs from those of all sources.
    pub(crate) name: String,
    /// A file, a folder or a glob, relative to `data.path` if that is a folder.
    pub(crate) path: String,
    /// Licence of documents that do not state their own; `data.license` if absent.
    pub(crate) license: Option<String>,
    /// Encoding of its files, in place of `data.encoding`.
    pub(crate) encoding: Option<TextEncoding>,
    /// Globs of files that are not read, relative to the folder of `path`.
    #[serde(default)]
    pub(crate) exclude: Vec<String>,
    /// Which fields of rows are text, by file; these entries come before those of `[data]`.
    #[serde(default)]
    pub(crate) fields: Vec<FieldMapping>,
}

/// Documents from the grammar generator.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SynthTable {
    /// Number of documents.
    pub(crate) documents: NonZeroUsize,
    /// Seed of the generator; `run.seed` if absent.
    pub(crate) seed: Option<u64>,
    /// Topics, in equal shares; all if empty. There are `everyday-life`, `weather`, `school-work`,
    /// `travel`, `food`, `nature`, `dialogue`, `diary`, `news`, `law`, `medicine`, `finance`,
    /// `arithmetic`, `comparison`, `definition`, `list`, `english` and `mixed`.
    #[serde(default)]
    pub(crate) topics: Vec<String>,
}
