//! Writing a model folder that other programs load: built aside, and under its name only when it is complete.

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jikji_checkpoint::durable::{self, StagedDir};
use jikji_checkpoint::{FloatType, TensorInfo, write_model_with};
use jikji_model::{DecoderConfig, ModelConfig, ParameterTable, Store};
use jikji_tokenizer::Tokenizer;
use serde_json::{Map, Value};

use crate::error::InteropError;
use crate::published_config::{ControlIds, generation_config, published_config};
use crate::read_config::{CONFIG_NAME, GENERATION_NAME};

/// Files that a model folder may hold: an export replaces them and touches nothing else.
const OTHER_FILES: [&str; 8] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "vocab.json",
    "merges.txt",
    "added_tokens.json",
    "model.safetensors.index.json",
];

/// Writes `config.json`, `generation_config.json`, `model*.safetensors` and the tokenizer's files to `dir`.
///
/// A file holds at most `max_shard_bytes` of data, but for a single larger tensor. An earlier model in `dir` is replaced when
/// this one is complete; folders above are made.
///
/// # Errors
/// A setting that the family's published form does not have, a folder that holds something else, or a failed write.
pub fn export_model(
    dir: &Path,
    config: &ModelConfig,
    weights: &Store,
    tokenizer: Option<&Tokenizer>,
    dtype: FloatType,
    max_shard_bytes: u64,
) -> Result<PathBuf, InteropError> {
    let decoder = DecoderConfig::resolve(config).map_err(|source| InteropError::Model {
        path: dir.join(CONFIG_NAME),
        source,
    })?;
    check_parameters(&decoder, weights)?;
    let control = control_ids(config, tokenizer)?;
    let config_keys = published_config(config, &decoder, control, dtype)?;
    check_replaceable(dir)?;

    if let Some(parent) = dir.parent() {
        durable::create_dir_all(parent)?;
    }
    let staged = StagedDir::create(dir)?;
    write_json(&staged, CONFIG_NAME, config_keys)?;
    write_json(&staged, GENERATION_NAME, generation_config(control))?;
    let parameters = weights.layout().table().parameters();
    let infos = parameters
        .iter()
        .map(|parameter| TensorInfo {
            name: parameter.name.clone(),
            shape: parameter.shape.clone(),
        })
        .collect();
    let elements = |info: &TensorInfo| {
        let index = parameters
            .iter()
            .position(|parameter| parameter.name == info.name);
        Cow::Borrowed(
            index
                .and_then(|index| weights.values(index))
                .unwrap_or_default(),
        )
    };
    write_model_with(staged.path(), infos, dtype, max_shard_bytes, elements)?;
    if let Some(tokenizer) = tokenizer {
        tokenizer.save(staged.path())?;
    }
    Ok(staged.commit()?)
}

pub(crate) fn check_parameters(
    decoder: &DecoderConfig,
    weights: &Store,
) -> Result<(), InteropError> {
    let expected = ParameterTable::new(decoder);
    let (expected, got) = (expected.parameters(), weights.layout().table().parameters());
    let differs = |at: usize| {
        let (expected, got) = (expected.get(at), got.get(at));
        let same = expected
            .zip(got)
            .is_some_and(|(e, g)| e.name == g.name && e.shape == g.shape);
        (!same || weights.values(at).is_none())
            .then(|| expected.or(got).map(|p| p.name.clone()).unwrap_or_default())
    };
    match (0..expected.len().max(got.len())).find_map(differs) {
        Some(name) => Err(InteropError::OtherModel { name }),
        None => Ok(()),
    }
}

/// What the tokenizer says counts; without one, what the config says.
pub(crate) fn control_ids(
    config: &ModelConfig,
    tokenizer: Option<&Tokenizer>,
) -> Result<ControlIds, InteropError> {
    let Some(tokenizer) = tokenizer else {
        return Ok(ControlIds {
            bos: config.bos_token_id,
            eos: config.eos_token_id,
            pad: config.pad_token_id,
        });
    };
    if tokenizer.vocab_size() > config.vocab_size {
        let (tokens, vocab_size) = (tokenizer.vocab_size(), config.vocab_size);
        return Err(InteropError::TokenizerTooLarge { tokens, vocab_size });
    }
    Ok(ControlIds {
        bos: tokenizer.bos_id(),
        eos: tokenizer.eos_id(),
        pad: tokenizer.pad_id(),
    })
}

/// A folder may be replaced if an export could have made it; a mistyped path must not cost anybody their files.
fn check_replaceable(dir: &Path) -> Result<(), InteropError> {
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
    is_tensors || name == CONFIG_NAME || name == GENERATION_NAME || OTHER_FILES.contains(&name)
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
    use jikji_ops::Precision;

    use super::*;
    use crate::model_folder::LoadedModel;
    use crate::testing::{EXAONE, EXAONE4, FAMILIES, LLAMA, config, model, tokenizer};

    const SHARD_BYTES: u64 = 1 << 30;

    fn export(
        dir: &Path,
        model: &LoadedModel,
        tokenizer: Option<&Tokenizer>,
    ) -> Result<PathBuf, InteropError> {
        export_model(
            dir,
            &model.config,
            &model.weights,
            tokenizer,
            FloatType::F32,
            SHARD_BYTES,
        )
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
        assert_eq!(back.config.eos_token_id, tokenizer.eos_id());
        assert_eq!(back.config.pad_token_id, tokenizer.pad_id());
        assert_eq!(back.stop_ids, [tokenizer.eos_id().unwrap()]);
    }

    #[test]
    fn shards_and_bf16_are_read_back() {
        let parent = tempfile::tempdir().unwrap();
        let (dir, model) = (parent.path().join("m"), model(EXAONE));
        export_model(
            &dir,
            &model.config,
            &model.weights,
            None,
            FloatType::BF16,
            4_000,
        )
        .unwrap();
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
        let got = export_model(
            &dir,
            &other,
            &model.weights,
            None,
            FloatType::F32,
            SHARD_BYTES,
        );
        assert!(
            matches!(got, Err(InteropError::OtherModel { name }) if name == "model.embed_tokens.weight")
        );
        other = config(LLAMA);
        other.logits_scaling = Some(0.5);
        let got = export_model(
            &dir,
            &other,
            &model.weights,
            None,
            FloatType::F32,
            SHARD_BYTES,
        );
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
