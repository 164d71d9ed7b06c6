//! What can be wrong with a recipe, and the way out of each.

use std::path::PathBuf;

use jikji_corpus::CorpusError;
use jikji_model::{ConfigJsonError, ModelError};
use jikji_tokenizer::TokenizerError;

use crate::origin::Origin;

/// Why a recipe or a model config was refused.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// A file could not be read.
    #[error("failed to read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file is not TOML.
    #[error("`{path}` is not TOML, line {line}: {message}")]
    Toml {
        /// The file.
        path: PathBuf,
        /// Line, counted from 1.
        line: usize,
        /// What the parser met.
        message: String,
    },
    /// A published `config.json` that cannot be used.
    #[error("`{path}` cannot be used")]
    PublishedConfig {
        /// The file.
        path: PathBuf,
        /// Which key.
        #[source]
        source: ConfigJsonError,
    },
    /// A key that means nothing.
    #[error("unknown key `{key}` in {origin}")]
    UnknownKey {
        /// The full dotted key.
        key: String,
        /// Where it stands.
        origin: Box<Origin>,
        /// The nearest key that means something there.
        nearest: Option<String>,
        /// All keys that do.
        known: Vec<String>,
    },
    /// A required key is absent.
    #[error("`{key}` is missing in `{file}`")]
    Missing {
        /// The full dotted key.
        key: String,
        /// The recipe.
        file: PathBuf,
    },
    /// A value of the wrong kind or out of its range.
    #[error("`{key}` in {origin}: expected {expected}, got {got}")]
    Value {
        /// The full dotted key.
        key: String,
        /// Where it stands.
        origin: Box<Origin>,
        /// What may stand there.
        expected: String,
        /// What does.
        got: String,
        /// The nearest word that may stand there, where it must be one of several.
        nearest: Option<String>,
    },
    /// A type refused a value in its own words.
    #[error("`{key}` in {origin}: {message}")]
    Refused {
        /// The full dotted key.
        key: String,
        /// Where it stands.
        origin: Box<Origin>,
        /// The type's words.
        message: String,
    },
    /// Two settings that cannot both hold.
    #[error("`{first}` = {first_value} in {origin} {relation} `{second}` = {second_value}")]
    Conflict {
        /// The setting that is out of bounds.
        first: String,
        /// Its value.
        first_value: u64,
        /// How it stands to the other, for example `exceeds`.
        relation: &'static str,
        /// The setting that bounds it.
        second: String,
        /// Its value.
        second_value: u64,
        /// Where the first was said.
        origin: Box<Origin>,
    },
    /// Two ways of saying one thing, both used.
    #[error("`{first}` and `{second}` exclude each other, {origin} gives both")]
    Both {
        /// One.
        first: String,
        /// The other.
        second: String,
        /// Where the first stands.
        origin: Box<Origin>,
    },
    /// Several ways of saying one thing, none used.
    #[error("`{file}` gives neither `{first}` nor `{second}`")]
    Neither {
        /// One.
        first: String,
        /// The other.
        second: String,
        /// The recipe.
        file: PathBuf,
    },
    /// A key that says nothing beside another.
    #[error("`{key}` in {origin} has no effect: {reason}")]
    NoEffect {
        /// The full dotted key.
        key: String,
        /// Where it stands.
        origin: Box<Origin>,
        /// Why.
        reason: String,
    },
    /// A file or folder that a recipe names does not exist.
    #[error("`{key}` in {origin}: `{path}` does not exist")]
    NotFound {
        /// The key that names it.
        key: String,
        /// Where that stands.
        origin: Box<Origin>,
        /// The path as written.
        path: String,
        /// Folders in which it was looked for.
        searched: Vec<PathBuf>,
    },
    /// A path that TOML cannot hold.
    #[error("the path `{path}` is not UTF-8")]
    NotUtf8 {
        /// The path.
        path: PathBuf,
    },
    /// An override that is not `key=value`.
    #[error("`--set {argument}` is not of the form `key=value`")]
    SetForm {
        /// As typed.
        argument: String,
    },
    /// An override of a list's entry that is not there.
    #[error("`{key}` in {origin}: the list has no entry `{entry}`")]
    NoEntry {
        /// The list's dotted key.
        key: String,
        /// Where the override stands.
        origin: Box<Origin>,
        /// The name or index asked for.
        entry: String,
        /// The names or indices there are.
        known: Vec<String>,
    },
    /// A scale that the recipe does not have.
    #[error("`{file}` has no scale `{name}`")]
    NoScale {
        /// The recipe.
        file: PathBuf,
        /// The scale asked for.
        name: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// A key that only a whole recipe may have, in an included file.
    #[error("`{key}` in `{file}`: an included file holds tables only")]
    NotInIncluded {
        /// The key.
        key: String,
        /// The included file.
        file: PathBuf,
    },
    /// Two sources of one name.
    #[error("two sources in {origin} are named `{name}`")]
    DuplicateSource {
        /// The name.
        name: String,
        /// Where the sources stand.
        origin: Box<Origin>,
    },
    /// Weights for some sources and not for others.
    #[error("source `{with}` has a `weight` and source `{without}` has none in {origin}")]
    SomeWeights {
        /// A source with a weight.
        with: String,
        /// A source without.
        without: String,
        /// Where the sources stand.
        origin: Box<Origin>,
    },
    /// A source that does not exist.
    #[error("`{key}` in {origin} names the source `{name}`, which does not exist")]
    UnknownSource {
        /// The key that names it.
        key: String,
        /// Where that stands.
        origin: Box<Origin>,
        /// The name.
        name: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// The model contradicts itself.
    #[error("the model that {origin} describes is not possible")]
    Model {
        /// Where it is described.
        origin: Box<Origin>,
        /// What is wrong.
        #[source]
        source: ModelError,
    },
    /// The tokenizer's settings contradict each other.
    #[error("the tokenizer that {origin} describes is not possible")]
    Tokenizer {
        /// Where it is described.
        origin: Box<Origin>,
        /// What is wrong.
        #[source]
        source: TokenizerError,
    },
    /// The folder of `data.path` could not be listed.
    #[error("`data.path` in {origin} gives no sources")]
    Corpus {
        /// Where the path stands.
        origin: Box<Origin>,
        /// What is wrong.
        #[source]
        source: CorpusError,
    },
}

impl RecipeError {
    /// Where what is wrong was said, if it is something that was said.
    pub(crate) fn origin(&self) -> Option<&Origin> {
        match self {
            Self::UnknownKey { origin, .. }
            | Self::Value { origin, .. }
            | Self::Refused { origin, .. }
            | Self::Conflict { origin, .. }
            | Self::Both { origin, .. }
            | Self::NoEffect { origin, .. }
            | Self::NotFound { origin, .. }
            | Self::NoEntry { origin, .. }
            | Self::DuplicateSource { origin, .. }
            | Self::SomeWeights { origin, .. }
            | Self::UnknownSource { origin, .. }
            | Self::Model { origin, .. }
            | Self::Tokenizer { origin, .. }
            | Self::Corpus { origin, .. } => Some(origin),
            Self::Read { .. }
            | Self::Toml { .. }
            | Self::PublishedConfig { .. }
            | Self::Missing { .. }
            | Self::Neither { .. }
            | Self::NotUtf8 { .. }
            | Self::SetForm { .. }
            | Self::NoScale { .. }
            | Self::NotInIncluded { .. } => None,
        }
    }

    /// The way out, in one sentence.
    pub fn hint(&self) -> Option<String> {
        let list = |known: &[String]| known.join("`, `");
        Some(match self {
            Self::Read { .. } => "check that the path is right and the file can be read".to_owned(),
            Self::Toml { .. } => {
                "text stands in quotes, lists in `[ ]`, a table begins with `[name]`".to_owned()
            }
            Self::UnknownKey {
                nearest: Some(nearest),
                ..
            }
            | Self::Value {
                nearest: Some(nearest),
                ..
            } => format!("did you mean `{nearest}`?"),
            Self::UnknownKey { known, .. } if (1..=12).contains(&known.len()) => {
                format!("known here are `{}`", list(known))
            }
            Self::UnknownKey { .. } => {
                "remove it if it is for another program; `jikji recipe schema` describes every key"
                    .to_owned()
            }
            Self::Missing { key, .. } if key.contains('.') => {
                format!("add it, or give it with `--set {key}=VALUE`")
            }
            Self::Missing { .. } => {
                "add it; the files below `recipes/` and `configs/` are complete examples".to_owned()
            }
            Self::Value { key, got, .. } if key == "data.sources" && got == "a table" => {
                "write `[[data.sources]]` entries: only those can be changed by name".to_owned()
            }
            Self::Value {
                expected, origin, ..
            } if expected == "a string" && matches!(**origin, Origin::Set(_)) => {
                let Origin::Set(argument) = &**origin else {
                    return None;
                };
                let (key, value) = argument.split_once('=').unwrap_or((argument, ""));
                format!("quote it twice so that it stays text: `--set '{key}=\"{value}\"'`")
            }
            Self::Both { first, second, .. } => format!("remove `{first}` or `{second}`"),
            Self::Neither { first, second, .. } if first == "data.path" => {
                format!(
                    "name a file, folder or glob with `--set data.path=PATH`, or write `{second}`"
                )
            }
            Self::Neither { first, second, .. } => format!("give `{first}` or `{second}`"),
            Self::NoEffect { key, .. } => format!("remove `{key}`"),
            Self::NotFound { searched, .. } if !searched.is_empty() => {
                let folders: Vec<String> = searched
                    .iter()
                    .map(|folder| format!("`{}`", folder.display()))
                    .collect();
                format!("looked for it in {}", folders.join(", "))
            }
            Self::NotUtf8 { .. } => "rename it; a recipe is UTF-8 text".to_owned(),
            Self::SetForm { .. } => {
                "write for example `--set train.steps=100`; a name with a dot stands in quotes"
                    .to_owned()
            }
            Self::NoEntry { known, .. } if known.is_empty() => "the list is empty".to_owned(),
            Self::NoEntry { known, .. } => format!("its entries are `{}`", list(known)),
            Self::NoScale { known, .. } if known.is_empty() => {
                "the recipe has no `[scale.NAME]` tables; leave `--scale` out".to_owned()
            }
            Self::NoScale { known, .. } => format!("its scales are `{}`", list(known)),
            Self::NotInIncluded { key, .. } => {
                format!("move `{key}` to the recipe that includes this file")
            }
            Self::DuplicateSource { .. } => "give each source a name of its own".to_owned(),
            Self::SomeWeights { .. } => {
                "give every source a weight, or none: then each is read as much as it is long"
                    .to_owned()
            }
            Self::UnknownSource { known, .. } if known.is_empty() => {
                "there is no source".to_owned()
            }
            Self::UnknownSource { known, .. } => format!("the sources are `{}`", list(known)),
            Self::Conflict { first, second, .. } => format!("change `{first}` or `{second}`"),
            Self::Model { source, .. } => return source.hint(),
            Self::Tokenizer { source, .. } => return source.hint(),
            Self::Corpus { source, .. } => return source.hint(),
            Self::Value { key, .. } | Self::Refused { key, .. } => {
                format!("change `{key}`; docs/reference/recipe.md says what it takes")
            }
            Self::PublishedConfig { source, .. } => return source.hint(),
            Self::NotFound { .. } => return None,
        })
    }
}
