//! Writing a model folder that other programs load: built aside, and under its name only when it is complete.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use jikji_checkpoint::durable::{self, StagedDir, folder_file};
use jikji_checkpoint::{FloatType, TensorInfo, write_model_with};
use jikji_model::{DecoderConfig, ModelConfig, ModelType, ParameterTable};
use jikji_tokenizer::Tokenizer;
use serde_json::{Map, Value};

use crate::error::InteropError;
use crate::file_names::{
    COMPANIONS, CONFIG_NAME, GENERATION_NAME, INDEX_NAME, LINEAGE_NAME, TOKEN_LISTS,
};
use crate::gguf_export::cuts_as_qwen2;
use crate::lineage::Lineage;
use crate::model_folder::ModelFolder;
use crate::number_check::NumberCheck;
use crate::published_config::{
    ControlIds, control_ids, dtype_name, generation_config, published_config,
};
use crate::weight_source::{WeightSource, check_parameters};
use crate::written::Written;

/// A model folder to be written.
pub struct Export<'a> {
    /// The keys of the model.
    pub config: &'a ModelConfig,
    /// Its numbers.
    pub weights: &'a dyn WeightSource,
    /// What stands beside them.
    pub beside: Beside<'a>,
    /// The number format of every tensor; `None` keeps each in the one it is held in.
    pub float: Option<FloatType>,
    /// Most bytes of tensors in a file, but for a single larger tensor.
    pub max_shard_bytes: u64,
    /// What the model was made from, for [`LINEAGE_NAME`].
    pub lineage: Option<Lineage>,
}

/// As published models are cut.
const MAX_SHARD_BYTES: u64 = 5_000_000_000;

impl<'a> Export<'a> {
    /// A run's model, in files of at most 5 GB.
    pub fn of_run(
        config: &'a ModelConfig,
        weights: &'a dyn WeightSource,
        tokenizer: Option<&'a Tokenizer>,
    ) -> Self {
        Self {
            config,
            weights,
            beside: Beside::Tokenizer(tokenizer),
            float: None,
            max_shard_bytes: MAX_SHARD_BYTES,
            lineage: None,
        }
    }

    /// A folder's model as it is, in files of at most 5 GB; with its tokenizer, which tells that it can be used.
    pub fn of_folder(folder: &'a ModelFolder, tokenizer: Option<&'a Tokenizer>) -> Self {
        Self {
            beside: Beside::Folder(folder, tokenizer),
            ..Self::of_run(folder.config(), folder, None)
        }
    }
}

/// Where tokenizer, generation settings and licence come from.
pub enum Beside<'a> {
    /// A run: its tokenizer says which tokens start and end a text.
    Tokenizer(Option<&'a Tokenizer>),
    /// Another folder: its files are copied.
    Folder(&'a ModelFolder, Option<&'a Tokenizer>),
    /// Another folder whose tokenizer was extended: its files are copied but for those that list tokens.
    Extended(&'a ModelFolder, &'a Tokenizer),
}

impl Beside<'_> {
    fn tokenizer(&self) -> Option<&Tokenizer> {
        match self {
            Self::Tokenizer(tokenizer) | Self::Folder(_, tokenizer) => *tokenizer,
            Self::Extended(_, tokenizer) => Some(tokenizer),
        }
    }

    fn folder(&self) -> Option<&ModelFolder> {
        match self {
            Self::Tokenizer(_) => None,
            Self::Folder(folder, _) | Self::Extended(folder, _) => Some(folder),
        }
    }
}

/// Writes `config.json`, `generation_config.json`, `model*.safetensors` and the tokenizer's files to `dir`.
///
/// The folder is built aside and appears whole. An earlier model in `dir` is replaced when this one is complete; folders above
/// are made.
///
/// # Errors
/// A setting that the family's published form does not have, weights of another config, a folder that holds something else, or a
/// failed write.
pub fn export_model(dir: &Path, export: &Export) -> Result<Written, InteropError> {
    let config = export.config;
    let decoder = DecoderConfig::resolve(config).map_err(|source| InteropError::Model {
        path: dir.join(CONFIG_NAME),
        source,
    })?;
    let table = ParameterTable::new(&decoder);
    check_parameters(&table, export.weights.table())?;
    let control = match &export.beside {
        Beside::Tokenizer(tokenizer) => control_ids(config, *tokenizer)?,
        Beside::Folder(..) | Beside::Extended(..) => ControlIds::of(config),
    };
    let float = |index: usize| export.float.unwrap_or_else(|| export.weights.float(index));
    let config_keys = published_config(config, &decoder, &control, float(0))?;
    if let Some(folder) = export.beside.folder() {
        check_not_itself(dir, folder.dir())?;
    }
    check_replaceable(dir)?;

    if let Some(parent) = dir.parent() {
        durable::create_dir_all(parent)?;
    }
    let staged = StagedDir::create(dir)?;
    write_json(&staged, CONFIG_NAME, config_keys)?;
    let (mut infos, mut indices) = (Vec::new(), BTreeMap::new());
    for (index, parameter) in table.parameters().iter().enumerate() {
        infos.push(TensorInfo {
            name: parameter.name.clone(),
            shape: parameter.shape.clone(),
            float: float(index),
        });
        indices.insert(parameter.name.as_str(), index);
    }
    let mut check = NumberCheck::default();
    let written = write_model_with(
        staged.path(),
        infos,
        export.max_shard_bytes,
        |tensor, start, out| {
            let index = indices[tensor.name.as_str()];
            export.weights.read(index, start, out);
            let number = dtype_name(tensor.float);
            check.look(&tensor.name, start, out, number, |value| {
                tensor.float.holds(value)
            })
        },
    );
    written.map_err(|error| check.into_error(error))?;
    match &export.beside {
        Beside::Tokenizer(tokenizer) => {
            write_json(&staged, GENERATION_NAME, generation_config(&control))?;
            if let Some(tokenizer) = tokenizer {
                let longest = decoder.max_position_embeddings as u64;
                tokenizer.save_for_model(staged.path(), longest)?;
            }
        }
        Beside::Folder(folder, _) | Beside::Extended(folder, _) => {
            copy_companions(&export.beside, folder.dir(), &staged)?;
            if !folder.dir().join(GENERATION_NAME).exists() {
                write_json(&staged, GENERATION_NAME, generation_config(&control))?;
            }
        }
    }
    match (&export.lineage, &export.beside) {
        (Some(lineage), _) => write_json(&staged, LINEAGE_NAME, lineage.to_json())?,
        // In another format it is still what it was made from.
        (None, Beside::Folder(folder, _) | Beside::Extended(folder, _)) => {
            copy(folder.dir(), LINEAGE_NAME, &staged)?;
        }
        (None, Beside::Tokenizer(_)) => {}
    }
    Ok(Written {
        path: staged.commit()?,
        warnings: warnings(config.model_type, export.beside.tokenizer())?,
    })
}

/// transformers chooses a tokenizer's class by the family, for Qwen2 even against what the folder says (as of version 5.23).
fn warnings(family: ModelType, tokenizer: Option<&Tokenizer>) -> Result<Vec<String>, InteropError> {
    let Some(tokenizer) = tokenizer.filter(|_| family == ModelType::Qwen2) else {
        return Ok(Vec::new());
    };
    let document = tokenizer.to_json()?;
    if document.get("pre_tokenizer").is_some_and(cuts_as_qwen2) {
        return Ok(Vec::new());
    }
    Ok(vec![
        "AutoTokenizer of transformers cuts text of every `qwen2` folder as Qwen2 does, which this tokenizer does not: ids can differ; \
         load it with PreTrainedTokenizerFast"
            .to_owned(),
    ])
}

fn copy_companions(beside: &Beside, from: &Path, staged: &StagedDir) -> Result<(), InteropError> {
    let Beside::Extended(_, tokenizer) = beside else {
        return COMPANIONS
            .iter()
            .try_for_each(|name| copy(from, name, staged));
    };
    let text = tokenizer.to_json_text()?;
    staged.write_file_with(TOKEN_LISTS[0], |out| out.write_all(text.as_bytes()))?;
    COMPANIONS
        .iter()
        .filter(|name| !TOKEN_LISTS.contains(name))
        .try_for_each(|name| copy(from, name, staged))
}

/// Copies a file that the folder may have.
fn copy(from: &Path, name: &str, staged: &StagedDir) -> Result<(), InteropError> {
    let Some(path) = folder_file(from, name)? else {
        return Ok(());
    };
    let bytes = fs::read(&path).map_err(|source| InteropError::Read { path, source })?;
    Ok(staged.write_file_with(name, |out| out.write_all(&bytes))?)
}

/// A model that is read must not be replaced while it is: what it was would be gone.
///
/// # Errors
/// If the output is that folder, under whatever name.
pub fn check_not_itself(output: &Path, source: &Path) -> Result<(), InteropError> {
    let real = |path: &Path| path.canonicalize().ok();
    match real(output) {
        Some(path) if Some(&path) == real(source).as_ref() => Err(InteropError::IntoItself {
            path: output.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// A folder may be replaced if an export could have made it; a mistyped path must not cost anybody their files.
///
/// # Errors
/// A folder that holds something else, or what is no folder.
pub fn check_replaceable(dir: &Path) -> Result<(), InteropError> {
    let read = |source| InteropError::Read {
        path: dir.to_owned(),
        source,
    };
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(read)?,
    };
    let mut strangers = Vec::new();
    for entry in entries {
        let name = entry.map_err(read)?.file_name();
        if !name.to_str().is_some_and(belongs_to_a_model) {
            strangers.push(name.to_string_lossy().into_owned());
        }
    }
    match strangers.into_iter().min() {
        Some(entry) => Err(InteropError::Occupied {
            dir: dir.to_owned(),
            entry,
        }),
        None => Ok(()),
    }
}

fn belongs_to_a_model(name: &str) -> bool {
    let is_tensors = name.starts_with("model") && name.ends_with(".safetensors");
    is_tensors
        || [CONFIG_NAME, INDEX_NAME, LINEAGE_NAME].contains(&name)
        || COMPANIONS.contains(&name)
}

fn write_json(
    staged: &StagedDir,
    name: &str,
    keys: Map<String, Value>,
) -> Result<(), InteropError> {
    let text = format!("{:#}\n", Value::Object(keys));
    Ok(staged.write_file_with(name, |out| out.write_all(text.as_bytes()))?)
}

#[cfg(test)]
mod tests {
    use jikji_model::TokenIds;
    use jikji_ops::Precision;

    use super::*;
    use crate::loaded_model::LoadedModel;
    use crate::testing::{
        EXAONE, EXAONE4, FAMILIES, LLAMA, QWEN2, QWEN3, config, model, tokenizer,
    };

    fn export(
        dir: &Path,
        model: &LoadedModel,
        tokenizer: Option<&Tokenizer>,
    ) -> Result<Written, InteropError> {
        let export = Export::of_run(&model.config, &model.weights, tokenizer);
        export_model(dir, &export)
    }

    fn files(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_comes_back_as_the_model_it_was() {
        let parent = tempfile::tempdir().unwrap();
        for text in FAMILIES {
            let model = model(text);
            let dir = parent
                .path()
                .join("deep/er")
                .join(model.config.model_type.name());
            export(&dir, &model, None).unwrap();
            let back = LoadedModel::load(&dir, Precision::F32).unwrap();
            assert_eq!(back.decoder.config(), model.decoder.config());
            let parameters = model.weights.layout().table().parameters();
            for (index, parameter) in parameters.iter().enumerate() {
                assert_eq!(
                    back.weights.values(index),
                    model.weights.values(index),
                    "{}",
                    parameter.name
                );
            }
            // And what was read can be written: nothing was lost on the way.
            let again = parent
                .path()
                .join("again")
                .join(model.config.model_type.name());
            export(&again, &back, None).unwrap();
            assert_eq!(
                fs::read(dir.join(CONFIG_NAME)).unwrap(),
                fs::read(again.join(CONFIG_NAME)).unwrap()
            );
        }
    }

    #[test]
    fn the_tokenizer_goes_along_and_names_the_control_tokens() {
        let parent = tempfile::tempdir().unwrap();
        let (dir, tokenizer) = (parent.path().join("m"), tokenizer());
        export(&dir, &model(EXAONE4), Some(&tokenizer)).unwrap();
        let expected = [
            "config.json",
            "generation_config.json",
            "model.safetensors",
            "tokenizer.json",
            "tokenizer_config.json",
        ];
        assert_eq!(files(&dir), expected);
        let back = LoadedModel::load(&dir, Precision::F32).unwrap();
        assert_eq!(
            back.require_tokenizer().unwrap().fingerprint(),
            tokenizer.fingerprint()
        );
        assert_eq!(back.config.bos_token_id, tokenizer.bos_id());
        assert_eq!(
            back.config.eos_token_id,
            tokenizer.eos_id().map(TokenIds::One)
        );
        assert_eq!(back.config.pad_token_id, tokenizer.pad_id());
        assert_eq!(back.stop_ids, [tokenizer.eos_id().unwrap()]);
    }

    #[test]
    fn a_tokenizer_that_transformers_would_replace_is_told_of() {
        let parent = tempfile::tempdir().unwrap();
        let tokenizer = tokenizer();
        for (text, warned) in [(QWEN2, 1), (QWEN3, 0)] {
            let written = export(&parent.path().join("m"), &model(text), Some(&tokenizer)).unwrap();
            assert_eq!(written.warnings.len(), warned, "{:?}", written.warnings);
        }
    }

    #[test]
    fn shards_and_bf16_are_read_back() {
        let parent = tempfile::tempdir().unwrap();
        let (dir, model) = (parent.path().join("m"), model(EXAONE));
        let sharded = Export {
            float: Some(FloatType::BF16),
            max_shard_bytes: 4_000,
            ..Export::of_run(&model.config, &model.weights, None)
        };
        export_model(&dir, &sharded).unwrap();
        assert!(
            files(&dir)
                .iter()
                .filter(|name| name.ends_with(".safetensors"))
                .count()
                > 2
        );
        let back = LoadedModel::load(&dir, Precision::F32).unwrap();
        let (got, expected) = (
            back.weights.values(1).unwrap(),
            model.weights.values(1).unwrap(),
        );
        assert!(
            got.iter()
                .zip(expected)
                .all(|(got, expected)| (got - expected).abs() <= expected.abs() / 256.0)
        );
        // Whole again, the shards are gone.
        export(&dir, &model, None).unwrap();
        assert_eq!(
            files(&dir),
            ["config.json", "generation_config.json", "model.safetensors"]
        );
    }

    #[test]
    fn an_export_that_fails_leaves_what_was_there() {
        let parent = tempfile::tempdir().unwrap();
        let (dir, model) = (parent.path().join("m"), model(LLAMA));
        export(&dir, &model, None).unwrap();
        let before = fs::read(dir.join(CONFIG_NAME)).unwrap();
        let mut other = config(LLAMA);
        other.vocab_size = 10;
        let got = export_model(&dir, &Export::of_run(&other, &model.weights, None));
        assert!(
            matches!(got, Err(InteropError::OtherModel { name }) if name == "model.embed_tokens.weight")
        );
        other = config(LLAMA);
        other.logits_scaling = Some(0.5);
        let got = export_model(&dir, &Export::of_run(&other, &model.weights, None));
        assert!(matches!(
            got,
            Err(InteropError::NotPublishable {
                field: "logits_scaling",
                ..
            })
        ));
        fs::write(dir.join("thesis.odt"), "years").unwrap();
        let message = export(&dir, &model, None).unwrap_err().to_string();
        assert!(
            message.contains("holds `thesis.odt`, which is no part of a model folder"),
            "{message}"
        );
        assert_eq!(fs::read(dir.join(CONFIG_NAME)).unwrap(), before);
        assert_eq!(files(parent.path()), ["m"]);
    }
}
