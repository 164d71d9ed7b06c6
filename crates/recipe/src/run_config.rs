//! A run, resolved: every value explicit, enough to repeat it.

use std::collections::BTreeMap;
use std::path::{Component, PathBuf};

use jikji_corpus::FieldMapping;
use jikji_model::ModelConfig;
use jikji_optim::OptimizerConfig;
use jikji_tokenizer::TokenizerConfig;
use jikji_train::{CheckpointConfig, LogConfig, TrainConfig};
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

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
    /// How text becomes tokens.
    pub tokenizer: TokenizerSource,
    /// The decoder.
    pub model: ModelSource,
    /// Step size, decay, clipping and schedule.
    pub optimizer: OptimizerConfig,
    /// How long, how wide, in which format.
    pub train: TrainConfig,
    /// When the run is saved.
    pub checkpoint: CheckpointConfig,
    /// What is logged and how often.
    pub log: LogConfig,
}

/// The run's name and seed, and where it writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunSection {
    /// One path component.
    pub name: String,
    /// Folder of the run, relative to the current one.
    pub output: PathBuf,
    /// Seed of everything random.
    pub seed: u64,
}

/// The text: sources with their paths, and how they are mixed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSection {
    /// Folder of corpus, tokenizer and token shards, relative to the current one.
    pub prepared: PathBuf,
    /// Share of the documents held back, from 0 up to but not 1.
    pub validation_fraction: f64,
    /// Sources that documents are held back from; empty only where every source is synthetic.
    pub validation_sources: Vec<String>,
    /// Documents with fewer characters after cleaning are dropped.
    pub min_chars: usize,
    /// Whether a document whose clean text an earlier one has is dropped.
    pub drop_exact_duplicates: bool,
    /// Whether attention and loss cross the borders of documents inside a sequence.
    pub cross_documents: bool,
    /// At least one, no two of one name.
    pub sources: Vec<SourceConfig>,
    /// Later parts of the run with other weights, by increasing `from_step`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<StageConfig>,
}

/// One source of text; just one of `path` and `synth` is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// What weights, stages and reports call it.
    pub name: String,
    /// A file, folder or glob; found from the current folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Share of the tokens in any unit, above 0; given for all sources or for none, which means as much as each is long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// Licence of documents that do not state their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Globs of what not to read, relative to the folder of `path`.
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
    /// How many.
    pub documents: usize,
    /// Seed of the generator.
    pub seed: u64,
    /// Topics, evenly; empty means all.
    pub topics: Vec<String>,
}

/// Weights from some step on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StageConfig {
    /// First step of the stage, above 0; larger than that of the stage before.
    pub from_step: u64,
    /// Share of the tokens from each source, in any unit, above 0; a source not named is not read.
    pub weights: BTreeMap<String, f64>,
}

/// How text becomes tokens.
#[derive(Debug, Clone, PartialEq)]
pub enum TokenizerSource {
    /// A folder that holds a `tokenizer.json`.
    From(PathBuf),
    /// Trained on the run's text.
    Train(Box<TokenizerConfig>),
}

/// The decoder, and the weights it begins with.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelSource {
    /// Its description.
    pub config: ModelConfig,
    /// Published model folder that gives the first weights; random ones if absent.
    pub from: Option<PathBuf>,
}

impl RunConfig {
    /// The resolved recipe. Read as a recipe it resolves to the same run.
    ///
    /// # Panics
    /// Never for what [`load`](crate::load) gave: a recipe holds nothing that TOML cannot.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a resolved recipe holds only what TOML can")
    }

    /// What must be the same for a run to go on, by dotted key: all but the length of the run, when it saves, validates and
    /// logs, and where it writes. Where text and tokenizer lie does not count either: a run compares what is in them. Entries of
    /// lists of tables are called by their name where they have one.
    ///
    /// # Panics
    /// Never: every key of a run is text.
    pub fn identity(&self) -> BTreeMap<String, Value> {
        const MAY_CHANGE: [&str; 10] = [
            "tokenizer.memory_bytes",
            "description",
            "run.name",
            "run.output",
            "data.prepared",
            "train.steps",
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
            key == "tokenizer.from" || key.starts_with("data.sources.") && is_path
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

/// `model`, `./model/`, `other/../model` and the absolute path are one path. Names alone decide; no link is followed.
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
