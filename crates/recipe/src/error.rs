//! Errors of recipes and model configs, with hints.

use std::path::PathBuf;

use jikji_corpus::CorpusError;
use jikji_model::{ConfigJsonError, ModelError};
use jikji_optim::ScheduleError;
use jikji_tokenizer::TokenizerError;

use crate::aliases::Alias;
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
    /// A file in the format of another program's recipes.
    #[error("`{path}` is {format}; a recipe is TOML")]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// The name of its format.
        format: &'static str,
    },
    /// A published `config.json` that cannot be used.
    #[error("`{path}` cannot be used")]
    PublishedConfig {
        /// The file.
        path: PathBuf,
        /// The key and what is wrong with it.
        #[source]
        source: ConfigJsonError,
    },
    /// An unknown key.
    #[error("unknown key `{key}` in {origin}")]
    UnknownKey {
        /// The full dotted key.
        key: String,
        /// Its origin.
        origin: Box<Origin>,
        /// Known keys with a similar name.
        nearest: Vec<String>,
        /// The equivalents of this key and of other unknown keys of the same table, if they are
        /// keys of another program.
        elsewhere: Vec<Alias>,
        /// All keys that are known there.
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
        /// Its origin.
        origin: Box<Origin>,
        /// What is allowed.
        expected: String,
        /// What was found.
        got: String,
        /// The allowed word with a similar name, if it must be one of several.
        nearest: Option<String>,
    },
    /// A value that its type refuses for another reason.
    #[error("`{key}` in {origin}: {message}")]
    Refused {
        /// The full dotted key.
        key: String,
        /// Its origin.
        origin: Box<Origin>,
        /// The type's message.
        message: String,
    },
    /// Two settings that contradict each other.
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
        /// The origin of the first.
        origin: Box<Origin>,
    },
    /// A schedule that does not fit into the length of the run.
    #[error("the learning rate's schedule{} does not fit into {length}", place(origin.as_deref()))]
    Schedule {
        /// The length and where it comes from, such as "`train.steps` = 10".
        length: String,
        /// Where the schedule stands, if that is known.
        origin: Option<Box<Origin>>,
        /// What does not fit.
        #[source]
        source: ScheduleError,
    },
    /// An argument of `--set` that does not work together with the rest.
    #[error("`--set {argument}` does not work with the rest of the recipe")]
    BySet {
        /// As typed.
        argument: String,
        /// What came of it.
        #[source]
        source: Box<RecipeError>,
    },
    /// Two keys that exclude each other.
    #[error("`{first}` and `{second}` exclude each other, {origin} gives both")]
    Both {
        /// One.
        first: String,
        /// The other.
        second: String,
        /// The origin of the first.
        origin: Box<Origin>,
    },
    /// Neither of two keys of which one is required.
    #[error("`{file}` gives neither `{first}` nor `{second}`")]
    Neither {
        /// One.
        first: String,
        /// The other.
        second: String,
        /// The recipe.
        file: PathBuf,
    },
    /// A key that has no effect beside another.
    #[error("`{key}` in {origin} has no effect: {reason}")]
    NoEffect {
        /// The full dotted key.
        key: String,
        /// Its origin.
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
    /// The origin of the setting that is wrong, if there is one.
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
            Self::Schedule { origin, .. } => origin.as_deref(),
            Self::Read { .. }
            | Self::Toml { .. }
            | Self::OtherFormat { .. }
            | Self::BySet { .. }
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
        Some(match self {
            Self::Read { .. } => "check that the path is right and the file can be read".to_owned(),
            Self::Toml { message, .. } if message.starts_with(YAML) => {
                "in TOML it is `key = value` below a line `[table]`; text stands in quotes".to_owned()
            }
            Self::Toml { .. } => {
                "text stands in quotes, lists in `[ ]`, a table begins with `[name]`".to_owned()
            }
            Self::OtherFormat { .. } => {
                "begin with one of `jikji recipe list` and write the settings into it; keys of other programs are \
                 answered with the name they have here"
                    .to_owned()
            }
            Self::UnknownKey {
                nearest,
                elsewhere,
                known,
                ..
            } => unknown_key_hint(nearest, elsewhere, known),
            Self::Missing { key, .. } if key.contains('.') => {
                format!("add it, or give it with `--set {key}=VALUE`")
            }
            Self::Missing { .. } => {
                "add it; the files below `recipes/` and `configs/` are complete examples".to_owned()
            }
            Self::Value {
                key,
                expected,
                got,
                origin,
                nearest,
            } => value_hint(key, expected, got, origin, nearest.as_deref()),
            Self::Refused { key, .. } => see_reference(key),
            Self::Both { first, second, .. } => {
                format!("keep the one that you mean: `{first}` or `{second}`")
            }
            Self::Neither { first, second, .. } if first == "data.path" => {
                format!(
                    "name a file, folder or glob with `--set data.path=PATH`, or write `{second}`"
                )
            }
            Self::Neither { first, second, .. } => format!("give `{first}` or `{second}`"),
            Self::NoEffect { key, .. } if key == "data.path" => {
                "name a folder with `data.path`, or leave it out and give each source its whole path"
                    .to_owned()
            }
            Self::NoEffect { key, .. } => format!("leave `{key}` out, or mend what it depends on"),
            Self::NotFound { searched, .. } if !searched.is_empty() => {
                let folders: Vec<String> = searched
                    .iter()
                    .map(|folder| format!("`{}`", folder.display()))
                    .collect();
                format!("looked for it in {}", folders.join(", "))
            }
            Self::NotFound { .. } => return None,
            Self::NotUtf8 { .. } => "rename it; a recipe is UTF-8 text".to_owned(),
            Self::SetForm { .. } => {
                "write for example `--set train.steps=100`; a name with a dot stands in quotes"
                    .to_owned()
            }
            Self::NoEntry { known, .. } if known.is_empty() => "the list is empty".to_owned(),
            Self::NoEntry { known, .. } => format!("its entries are {}", in_words(known, "and")),
            Self::NoScale { known, .. } if known.is_empty() => {
                "the recipe has no `[scale.NAME]` tables; leave `--scale` out".to_owned()
            }
            Self::NoScale { known, .. } => format!("its scales are {}", in_words(known, "and")),
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
            Self::UnknownSource { known, .. } => {
                format!("the sources are {}", in_words(known, "and"))
            }
            Self::Conflict { first, second, .. } => format!("change `{first}` or `{second}`"),
            Self::Schedule { source, .. } => schedule_hint(source).to_owned(),
            Self::BySet { argument, source } => return by_set_hint(argument, source),
            Self::Model { source, .. } => return source.hint(),
            Self::Tokenizer { source, .. } => return source.hint(),
            Self::Corpus { source, .. } => return source.hint(),
            Self::PublishedConfig { source, .. } => return source.hint(),
        })
    }
}

/// How the message about a file begins that is YAML under another name.
pub(crate) const YAML: &str = "this looks like YAML";

fn place(origin: Option<&Origin>) -> String {
    origin.map_or_else(String::new, |origin| format!(" in {origin}"))
}

fn see_reference(key: &str) -> String {
    format!("change `{key}`; docs/reference/recipe.md says what it takes")
}

fn in_words(words: &[String], last: &str) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((end, [])) => end.clone(),
        Some((end, front)) => format!("{} {last} {end}", front.join(", ")),
        None => String::new(),
    }
}

fn unknown_key_hint(nearest: &[String], elsewhere: &[Alias], known: &[String]) -> String {
    if !elsewhere.is_empty() {
        let sentence = |alias: &Alias| format!("`{}` {}", alias.written, alias.here);
        let sentences: Vec<String> = elsewhere.iter().map(sentence).collect();
        return sentences.join("; ");
    }
    if !nearest.is_empty() {
        return format!("did you mean {}?", in_words(nearest, "or"));
    }
    if (1..=12).contains(&known.len()) {
        return format!("known here are {}", in_words(known, "and"));
    }
    // Not "remove it": without it the run would compute something else than was asked for.
    "no setting has this name; `jikji recipe schema` describes every key".to_owned()
}

fn value_hint(
    key: &str,
    expected: &str,
    got: &str,
    origin: &Origin,
    nearest: Option<&str>,
) -> String {
    if let Some(nearest) = nearest {
        return format!("did you mean `{nearest}`?");
    }
    if key == "data.sources" && got == "a table" {
        return "write `[[data.sources]]` entries: only those can be changed by name".to_owned();
    }
    if key == "optimizer" && got.starts_with("the string") {
        return "the optimizer is AdamW; `[optimizer]` is a table with `learning_rate` and `schedule`".to_owned();
    }
    if let Origin::Set(argument) = origin {
        let (written, value) = argument.split_once('=').unwrap_or((argument, ""));
        if expected == "a string" {
            let toml = toml::Value::String(value.to_owned());
            let set = quoted(&format!("{written}={toml}"));
            return format!("quote it twice so that it stays text: `--set {set}`");
        }
        if expected == "a list" && got.starts_with("the string") {
            let toml = toml::Value::Array(vec![value.into()]);
            let set = quoted(&format!("{written}={toml}"));
            return format!("a list of one: `--set {set}`");
        }
    }
    see_reference(key)
}

fn schedule_hint(error: &ScheduleError) -> &'static str {
    match error {
        ScheduleError::WarmupTooLong { .. } => {
            "shorten the warm-up (`optimizer.schedule.warmup_steps` or `warmup_ratio`), or lengthen the run (`train.steps` \
             or `train.epochs`)"
        }
        ScheduleError::PartsTooLong { .. } => {
            "shorten the warm-up or the decay in `[optimizer.schedule]`, or lengthen the run (`train.steps` or \
             `train.epochs`); `warmup_ratio` and `decay_ratio` follow the length"
        }
    }
}

fn by_set_hint(argument: &str, error: &RecipeError) -> Option<String> {
    let (key, _) = argument.split_once('=').unwrap_or((argument, ""));
    match error {
        RecipeError::Missing { key: missing, .. }
            if key.trim().rsplit('.').next() == Some("type") =>
        {
            Some(format!(
                "another `type` begins with an empty table: give `--set {missing}=VALUE` after it"
            ))
        }
        _ => error.hint(),
    }
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
