//! A resolved run: every value is explicit, so that the run can be repeated.

use std::collections::BTreeMap;
use std::path::{Component, PathBuf};

use jikji_corpus::{FieldMapping, NotRead, OnError, Skipped, TextEncoding};
use jikji_model::ModelConfig;
use jikji_optim::OptimizerConfig;
use jikji_tokenizer::TokenizerConfig;
use jikji_train::{CheckpointConfig, Horizon, LogConfig, TrainConfig};
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::RecipeError;
use crate::sources;

/// Everything a run is built from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// What the run is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Name, output folder, seed.
    pub run: RunSection,
    /// The text.
    pub data: DataSection,
    /// Where the tokenizer comes from.
    pub tokenizer: TokenizerSource,
    /// The decoder.
    pub model: ModelSource,
    /// AdamW, schedule, clipping, Muon.
    pub optimizer: OptimizerConfig,
    /// Length of the run, size of a step, number format.
    pub train: TrainConfig,
    /// When checkpoints are written and how many are kept.
    pub checkpoint: CheckpointConfig,
    /// What is logged and how often.
    pub log: LogConfig,
}

/// Name, output folder and seed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunSection {
    /// One path component.
    pub name: String,
    /// Folder of the run, relative to the current one.
    pub output: PathBuf,
    /// Seed of initial weights, data order and grammar generator.
    pub seed: u64,
}

/// The text: its sources, and how they are mixed and held back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSection {
    /// Folder of corpus, tokenizer and token shards, relative to the current one.
    pub prepared: PathBuf,
    /// Share of the documents held back, from 0 up to but not 1.
    pub validation_fraction: f64,
    /// Sources that documents are held back from; empty only where every source is synthetic.
    pub validation_sources: Vec<String>,
    /// Field of rows by which the documents are split instead of by their text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_by: Option<String>,
    /// Files that are read for validation alone; without weights.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub validation: Vec<SourceConfig>,
    /// Documents with fewer characters after cleaning are dropped.
    pub min_chars: usize,
    /// Whether a document is dropped whose clean text an earlier document has.
    pub drop_exact_duplicates: bool,
    /// What becomes of rows and files that cannot be read.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_error: OnError,
    /// Whether attention and loss cross the borders of documents inside a sequence.
    pub cross_documents: bool,
    /// At least one; all names differ.
    pub sources: Vec<SourceConfig>,
    /// Later parts of the run with other weights, by increasing `from_step`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<StageConfig>,
    /// What the folder of `data.path` holds that belongs to no source. Found when the recipe is
    /// resolved; the resolved form lists its sources and has none of this.
    #[serde(skip)]
    pub left_out: Vec<Skipped>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// One source of text; just one of `path` and `synth` is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// Name, used by weights, stages and reports.
    pub name: String,
    /// A file, folder or glob; found from the current folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Share of the tokens, above 0, in any unit. Given for all sources or for none: then in
    /// proportion to their tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// Licence of documents that do not state their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Encoding of files without a byte order mark; found out for each if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<TextEncoding>,
    /// Globs of files that are not read, relative to the folder of `path`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// Documents from the grammar generator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synth: Option<SynthConfig>,
    /// Which fields of rows are text, by file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldMapping>,
}

/// Documents from the grammar generator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SynthConfig {
    /// Number of documents.
    pub documents: usize,
    /// Seed of the generator.
    pub seed: u64,
    /// Topics, in equal shares; all if empty.
    pub topics: Vec<String>,
}

/// A later part of the run with other weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StageConfig {
    /// First step of the stage, above 0 and larger than that of the stage before.
    pub from_step: u64,
    /// Share of the tokens from each source, above 0, in any unit. A source that is not named is
    /// not read.
    pub weights: BTreeMap<String, f64>,
}

/// Where the tokenizer comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum TokenizerSource {
    /// A folder that holds a `tokenizer.json`.
    From(PathBuf),
    /// Trained on the run's text.
    Train(Box<TokenizerConfig>),
}

/// The model config, and the weights that training starts from.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelSource {
    /// The model config.
    pub config: ModelConfig,
    /// Model folder with the initial weights; random if absent.
    pub from: Option<PathBuf>,
}

impl RunConfig {
    /// The resolved recipe. Read as a recipe it resolves to the same run.
    ///
    /// # Panics
    /// Never for a run from [`load`](crate::load): every value of a recipe has a TOML form.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a resolved recipe holds only what TOML can")
    }

    /// The same without the texts that `log.private` keeps out of files: the prompts of samples.
    ///
    /// # Panics
    /// As [`to_toml`](Self::to_toml).
    pub fn to_public_toml(&self) -> String {
        if !self.log.private || self.log.prompts.is_empty() {
            return self.to_toml();
        }
        let mut public = self.clone();
        public.log.prompts.clear();
        let prompts = self.log.prompts.len();
        format!(
            "# log.private: {prompts} prompts of `log.prompts` are left out.\n{}",
            public.to_toml()
        )
    }

    /// What no source reads, wherever it lies: the run's own folders, and the validation files.
    pub fn not_read(&self) -> Vec<NotRead> {
        sources::not_read(&self.run.output, &self.data.prepared, &self.data.validation)
    }

    /// The run with its length settled at so many steps, and every part of the schedule in steps.
    ///
    /// # Errors
    /// A schedule that does not fit into so many steps.
    pub fn settled(&self, steps: u64) -> Result<Self, RecipeError> {
        let schedule = &self.optimizer.schedule;
        schedule
            .check(steps)
            .map_err(|source| RecipeError::Schedule {
                length: match self.train.horizon() {
                    Horizon::Steps(steps) => format!("`train.steps` = {steps}"),
                    Horizon::Epochs(epochs) => {
                        format!("`train.epochs` = {epochs}, which is {steps} steps of this text")
                    }
                },
                origin: None,
                source,
            })?;
        let mut settled = self.clone();
        settled.optimizer.schedule = schedule.settled(steps);
        settled.train.steps = Some(steps);
        settled.train.epochs = None;
        Ok(settled)
    }

    /// The learning rate of update number `step` (from 0). The length of the run must be settled.
    pub fn learning_rate(&self, step: u64) -> f64 {
        let ratio = self
            .optimizer
            .schedule
            .ratio(step, self.train.total_steps());
        self.optimizer.learning_rate * ratio
    }

    /// The settings that must be the same when a run is resumed, by dotted key. Left out are the
    /// length of the run, when it saves, validates and logs, and where it writes. The paths of text
    /// and tokenizer are left out too: a run compares their content. Entries of lists of tables are
    /// called by their name where they have one.
    ///
    /// # Panics
    /// Never: every key of a run is text.
    pub fn identity(&self) -> BTreeMap<String, Value> {
        const MAY_CHANGE: [&str; 11] = [
            "tokenizer.memory_bytes",
            "description",
            "run.name",
            "run.output",
            "data.prepared",
            "train.steps",
            "train.epochs",
            "train.validate_every_steps",
            "train.validation_tokens",
            "checkpoint",
            "log",
        ];
        let whole = serde_json::to_value(self).expect("a run's keys are text and its paths UTF-8");
        let mut flat = BTreeMap::new();
        flatten(&mut flat, String::new(), whole);
        let is_place = |key: &str| {
            let is_path = key.rsplit('.').next() == Some("path");
            key == "tokenizer.from"
                || ["data.sources.", "data.validation."]
                    .iter()
                    .any(|list| key.starts_with(list))
                    && is_path
        };
        flat.retain(|key, _| {
            !is_place(key)
                && !MAY_CHANGE.iter().any(|may| {
                    key.strip_prefix(may)
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                })
        });
        for (key, value) in &mut flat {
            if let ("model.from", Value::String(path)) = (key.as_str(), value) {
                *path = one_spelling(path);
            }
        }
        flat
    }
}

/// One spelling for `model`, `./model/`, `other/../model` and the absolute path. Links are not
/// followed.
fn one_spelling(path: &str) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let mut plain = PathBuf::new();
    for part in here.join(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    plain.to_string_lossy().into_owned()
}

fn flatten(flat: &mut BTreeMap<String, Value>, key: String, value: Value) {
    let below = |part: &str| match key.as_str() {
        "" => part.to_owned(),
        key => format!("{key}.{part}"),
    };
    match value {
        Value::Object(table) => {
            for (part, value) in table {
                flatten(flat, below(&part), value);
            }
        }
        Value::Array(list) if list.iter().any(Value::is_object) => {
            for (index, value) in list.into_iter().enumerate() {
                let name = value.get("name").and_then(Value::as_str).map(str::to_owned);
                let part = name.unwrap_or_else(|| index.to_string());
                flatten(flat, below(&part), value);
            }
        }
        // An absent setting and one without a value are the same.
        Value::Null => {}
        leaf => drop(flat.insert(key, leaf)),
    }
}

// Both are written as the tables that a recipe has, so that the resolved form is a recipe.

impl Serialize for TokenizerSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::From(folder) => BTreeMap::from([("from", folder)]).serialize(serializer),
            Self::Train(config) => config.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for TokenizerSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut table = serde_json::Map::deserialize(deserializer)?;
        match table.remove("from") {
            Some(folder) if table.is_empty() => serde_json::from_value(folder).map(Self::From),
            Some(_) => return Err(D::Error::custom("`from` excludes every other key")),
            None => serde_json::from_value(Value::Object(table)).map(Self::Train),
        }
        .map_err(D::Error::custom)
    }
}

impl Serialize for ModelSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Table<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            from: &'a Option<PathBuf>,
            #[serde(flatten)]
            config: &'a ModelConfig,
        }
        let Self { config, from } = self;
        Table { from, config }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ModelSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut table = serde_json::Map::deserialize(deserializer)?;
        let from = table.remove("from").map(serde_json::from_value).transpose();
        Ok(Self {
            from: from.map_err(D::Error::custom)?,
            config: serde_json::from_value(Value::Object(table)).map_err(D::Error::custom)?,
        })
    }
}
