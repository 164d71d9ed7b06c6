//! A published model folder, opened and checked; its weights stay in their files until they are asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jikji_checkpoint::durable::folder_file;
use jikji_checkpoint::{FloatType, ModelFiles};
use jikji_model::{DecoderConfig, ModelConfig, ParameterTable, Role, Store, TokenIds};
use jikji_tokenizer::Tokenizer;
use serde_json::{Map, Value};

use crate::error::InteropError;
use crate::file_names::{COMPANIONS, CONFIG_NAME, GENERATION_NAME};
use crate::generation_file::GenerationFile;
use crate::small_file::read_small;
use crate::weight_source::{WeightSource, check_parameters};

/// The name under which files may repeat a tied head.
const HEAD_NAME: &str = "lm_head.weight";

/// Rotary frequencies, which files of the first Llama models hold although they follow from the config.
const FREQUENCIES: &str = ".self_attn.rotary_emb.inv_freq";

/// Reads the `config.json` of a folder, strictly; no weight is read.
///
/// # Errors
/// A file that cannot be read, or a key that is unknown, missing, not supported or of another type.
pub fn read_config(dir: &Path) -> Result<ModelConfig, InteropError> {
    let (path, text) = read_small(dir, CONFIG_NAME)?.ok_or_else(|| InteropError::NotAModel {
        dir: dir.to_owned(),
    })?;
    ModelConfig::from_json(&text).map_err(|source| InteropError::Config { path, source })
}

/// A folder with `config.json` and `model*.safetensors` of which every tensor was found where the config expects it.
#[derive(Debug)]
pub struct ModelFolder {
    dir: PathBuf,
    config: ModelConfig,
    decoder: DecoderConfig,
    table: ParameterTable,
    files: ModelFiles,
    /// The number format of each parameter.
    floats: Vec<FloatType>,
}

impl ModelFolder {
    /// Opens a folder, and no file that a link in it leads to elsewhere. Every parameter must be there once in its shape, and
    /// nothing else; a tied head may be repeated if it equals the embedding, and rotary frequencies that follow from the config
    /// are passed over.
    ///
    /// # Errors
    /// A file that is missing or damaged; a key or a tensor that is unknown, missing or of another shape; each is named.
    pub fn open(dir: &Path) -> Result<Self, InteropError> {
        let config = read_config(dir)?;
        let decoder = DecoderConfig::resolve(&config).map_err(|source| InteropError::Model {
            path: dir.join(CONFIG_NAME),
            source,
        })?;
        for name in COMPANIONS {
            folder_file(dir, name)?;
        }
        let table = ParameterTable::new(&decoder);
        let files = ModelFiles::open(dir)?;
        let mut folder = Self {
            dir: dir.to_owned(),
            config,
            decoder,
            table,
            files,
            floats: Vec::new(),
        };
        folder.check_tensors()?;
        Ok(folder)
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The keys of `config.json`.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// What they mean.
    pub fn decoder(&self) -> &DecoderConfig {
        &self.decoder
    }

    /// The files that hold the weights.
    pub fn weight_files(&self) -> Vec<PathBuf> {
        self.files.paths()
    }

    /// The tokenizer, where the folder has one.
    ///
    /// # Errors
    /// A file that is damaged, or ids for which the embedding has no row.
    pub fn tokenizer(&self) -> Result<Option<Tokenizer>, InteropError> {
        if !self.dir.join("tokenizer.json").exists() {
            return Ok(None);
        }
        let tokenizer = Tokenizer::load(&self.dir)?;
        let (tokens, vocab_size) = (tokenizer.vocab_size(), self.decoder.vocab_size);
        if tokens > vocab_size {
            return Err(InteropError::TokenizerTooLarge { tokens, vocab_size });
        }
        Ok(Some(tokenizer))
    }

    /// Tokens that end a generated text: what `generation_config.json` says, or else `config.json`, or else the tokenizer.
    ///
    /// # Errors
    /// A `generation_config.json` that cannot be read.
    pub fn stop_ids(&self, tokenizer: Option<&Tokenizer>) -> Result<Vec<u32>, InteropError> {
        let said = GenerationFile::read(&self.dir)?.stop_ids;
        let most = self.decoder.vocab_size;
        let ids = said.as_ref().map_or(&[][..], TokenIds::as_slice);
        if let Some(id) = ids.iter().find(|id| **id as usize >= most) {
            return Err(InteropError::Field {
                path: self.dir.join(GENERATION_NAME),
                field: "eos_token_id".to_owned(),
                reason: format!("{id} is no id of a model whose `vocab_size` is {most}"),
            });
        }
        let said = said.or_else(|| self.config.eos_token_id.clone());
        Ok(said.map_or_else(
            || tokenizer.and_then(Tokenizer::eos_id).into_iter().collect(),
            |ids| ids.as_slice().to_vec(),
        ))
    }

    /// Ids that files beside `tokenizer.json` mean something by: `config.json` and `generation_config.json` by keys that end in
    /// `token_id`, `added_tokens.json` and `tokenizer_config.json` by the tokens they list.
    ///
    /// # Errors
    /// A file that cannot be read, or is no JSON object.
    pub fn named_ids(&self) -> Result<BTreeSet<u32>, InteropError> {
        let mut ids = BTreeSet::new();
        let mut add =
            |value: &Value| ids.extend(value.as_u64().and_then(|id| u32::try_from(id).ok()));
        for name in [
            CONFIG_NAME,
            GENERATION_NAME,
            "added_tokens.json",
            "tokenizer_config.json",
        ] {
            let Some((path, text)) = read_small(&self.dir, name)? else {
                continue;
            };
            let keys: Map<String, Value> = serde_json::from_slice(&text)
                .map_err(|source| InteropError::Json { path, source })?;
            for (key, value) in &keys {
                match value {
                    Value::Array(values) if key.ends_with("token_id") => {
                        values.iter().for_each(&mut add);
                    }
                    value if key.ends_with("token_id") || name == "added_tokens.json" => add(value),
                    Value::Object(tokens) if key == "added_tokens_decoder" => {
                        let ids = tokens.keys().filter_map(|id| id.parse::<u32>().ok());
                        ids.map(Value::from).for_each(|id| add(&id));
                    }
                    _ => {}
                }
            }
        }
        Ok(ids)
    }

    /// What `generation_config.json` asks for and generation here does not do, as `key = value`; sampling settings do not count,
    /// since whoever asks for a text gives those.
    ///
    /// # Errors
    /// A `generation_config.json` that cannot be read.
    pub fn unapplied_settings(&self) -> Result<Vec<String>, InteropError> {
        Ok(GenerationFile::read(&self.dir)?.unapplied)
    }

    /// Copies every weight once into a store, converted to f32 where it is not.
    ///
    /// # Errors
    /// If the store was laid out for a model with other parameters.
    pub fn load(&self, weights: &mut Store) -> Result<(), InteropError> {
        self.check_parameters(weights.layout().table())?;
        for index in 0..self.table.parameters().len() {
            self.read(index, 0, weights.values_mut(index));
        }
        Ok(())
    }

    /// Whether a model has the same parameters as this one.
    ///
    /// # Errors
    /// The first that differs.
    pub fn check_parameters(&self, table: &ParameterTable) -> Result<(), InteropError> {
        check_parameters(table, &self.table)
    }

    /// Whether a tokenizer means the same by each id as the one with which these weights were trained, where the folder has it.
    ///
    /// # Errors
    /// The first id that means another token.
    pub fn check_tokens(&self, tokenizer: &Tokenizer) -> Result<(), InteropError> {
        let Some(own) = self.tokenizer()? else {
            return Ok(());
        };
        for id in 0..self.decoder.vocab_size as u32 {
            let (expected, got) = (own.id_to_token(id), tokenizer.id_to_token(id));
            if let (Some(expected), Some(got)) = (expected, got)
                && expected != got
            {
                return Err(InteropError::OtherTokens {
                    dir: self.dir.clone(),
                    id,
                    expected,
                    got,
                });
            }
        }
        Ok(())
    }

    /// Reads every number once.
    ///
    /// # Errors
    /// A weight that is infinite or not a number.
    pub fn check_finite(&self) -> Result<(), InteropError> {
        const READ: usize = 1 << 20;
        let mut values = vec![0.0_f32; READ];
        for (index, parameter) in self.table.parameters().iter().enumerate() {
            let elements = parameter.num_elements();
            for start in (0..elements).step_by(READ) {
                let piece = &mut values[..READ.min(elements - start)];
                self.read(index, start, piece);
                if let Some(at) = piece.iter().position(|value| !value.is_finite()) {
                    return Err(InteropError::WeightNotFinite {
                        dir: self.dir.clone(),
                        name: parameter.name.clone(),
                        element: start + at,
                        got: piece[at],
                    });
                }
            }
        }
        Ok(())
    }

    fn check_tensors(&mut self) -> Result<(), InteropError> {
        let by_name: BTreeMap<&str, usize> = (0..)
            .zip(self.table.parameters())
            .map(|(index, parameter)| (parameter.name.as_str(), index))
            .collect();
        let tied = self.decoder.tie_word_embeddings;
        let is_known = |name: &str| {
            by_name.contains_key(name) || (tied && name == HEAD_NAME) || self.is_frequencies(name)
        };
        if let Some(name) = self.files.names().find(|name| !is_known(name)) {
            return Err(InteropError::UnknownTensor {
                dir: self.dir.clone(),
                name: name.to_owned(),
                model_type: self.decoder.model_type.name(),
            });
        }
        let expect = |parameter: &jikji_model::Parameter| {
            self.files.expect(&parameter.name, &parameter.shape)
        };
        let floats: Result<_, _> = self.table.parameters().iter().map(expect).collect();
        self.floats = floats?;
        if tied && self.files.names().any(|name| name == HEAD_NAME) {
            self.check_repeated_head()?;
        }
        Ok(())
    }

    /// Whether a tensor is one that every program works out by itself: of a layer that there is, one frequency a pair.
    fn is_frequencies(&self, name: &str) -> bool {
        let layer = name
            .strip_prefix("model.layers.")
            .and_then(|rest| rest.strip_suffix(FREQUENCIES))
            .and_then(|layer| layer.parse::<usize>().ok());
        layer.is_some_and(|layer| layer < self.decoder.num_hidden_layers())
            && self.files.shape(name) == Some(&[self.decoder.head_dim / 2])
    }

    /// Tensors of the files that are no parameters and are not written again: a head that repeats the embedding, and rotary
    /// frequencies.
    pub fn passed_over(&self) -> Vec<&str> {
        let parameters: BTreeSet<&str> = self
            .table
            .parameters()
            .iter()
            .map(|parameter| parameter.name.as_str())
            .collect();
        let names = self.files.names();
        names.filter(|name| !parameters.contains(name)).collect()
    }

    fn check_repeated_head(&self) -> Result<(), InteropError> {
        const COMPARED: usize = 1 << 20;
        let is_embedding = |parameter: &&jikji_model::Parameter| parameter.role == Role::Embedding;
        let Some(embedding) = self.table.parameters().iter().find(is_embedding) else {
            return Ok(());
        };
        self.files.expect(HEAD_NAME, &embedding.shape)?;
        let elements = embedding.num_elements();
        let (mut ours, mut theirs) = (vec![0.0; COMPARED], vec![0.0; COMPARED]);
        for start in (0..elements).step_by(COMPARED) {
            let len = COMPARED.min(elements - start);
            self.files
                .read_f32(&embedding.name, start, &mut ours[..len])?;
            self.files.read_f32(HEAD_NAME, start, &mut theirs[..len])?;
            if ours[..len] != theirs[..len] {
                return Err(InteropError::TiedHeadDiffers {
                    dir: self.dir.clone(),
                    embedding: embedding.name.clone(),
                });
            }
        }
        Ok(())
    }
}

impl WeightSource for ModelFolder {
    fn table(&self) -> &ParameterTable {
        &self.table
    }

    fn float(&self, parameter: usize) -> FloatType {
        self.floats[parameter]
    }

    fn read(&self, parameter: usize, start: usize, out: &mut [f32]) {
        let name = &self.table.parameters()[parameter].name;
        let read = self.files.read_f32(name, start, out);
        read.expect("every tensor was checked when the folder was opened");
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use jikji_checkpoint::{FloatType, write_model};
    use jikji_ops::Precision;

    use super::*;
    use crate::export::{Export, export_model};
    use crate::loaded_model::LoadedModel;
    use crate::testing::{EXAONE4, model};

    type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

    /// Exports a tied model, changes its tensors and loads it.
    fn load_changed(change: impl FnOnce(&mut Tensors)) -> Result<LoadedModel, InteropError> {
        let parent = tempfile::tempdir().unwrap();
        let (dir, model) = (parent.path().join("m"), model(EXAONE4));
        let export = Export::of_run(&model.config, &model.weights, None);
        export_model(&dir, &export).unwrap();
        let parameters = model
            .weights
            .layout()
            .table()
            .parameters()
            .iter()
            .enumerate();
        let mut tensors: Tensors = parameters
            .map(|(index, p)| {
                (
                    p.name.clone(),
                    (
                        p.shape.clone(),
                        model.weights.values(index).unwrap().to_vec(),
                    ),
                )
            })
            .collect();
        change(&mut tensors);
        let tensors = tensors
            .iter()
            .map(|(name, (shape, values))| (name.as_str(), shape.as_slice(), values.as_slice()));
        write_model(&dir, tensors, FloatType::F32, 1 << 30).unwrap();
        LoadedModel::load(&dir, Precision::F32)
    }

    #[test]
    fn ids_are_named_by_the_files_around_the_tokenizer() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("m");
        let mut model = model(EXAONE4);
        model.config.bos_token_id = Some(11);
        export_model(&dir, &Export::of_run(&model.config, &model.weights, None)).unwrap();
        for (name, text) in [
            (
                GENERATION_NAME,
                r#"{"eos_token_id": [2, 155], "pad_token_id": 7, "top_k": 50}"#,
            ),
            ("added_tokens.json", r#"{"<x>": 80}"#),
            (
                "tokenizer_config.json",
                r#"{"added_tokens_decoder": {"90": {"content": "<y>"}}, "model_max_length": 99}"#,
            ),
        ] {
            fs::write(dir.join(name), text).unwrap();
        }
        let folder = ModelFolder::open(&dir).unwrap();
        let ids: Vec<u32> = folder.named_ids().unwrap().into_iter().collect();
        assert_eq!(ids, [2, 7, 11, 80, 90, 155]);
        fs::write(dir.join("added_tokens.json"), "[]").unwrap();
        let refused = ModelFolder::open(&dir).unwrap().named_ids().unwrap_err();
        assert!(
            refused
                .to_string()
                .contains("added_tokens.json` is not a JSON object"),
            "{refused}"
        );
    }

    const EMBEDDING: &str = "model.embed_tokens.weight";

    #[test]
    fn a_tied_head_may_be_repeated_but_not_differ() {
        load_changed(|tensors| {
            let embedding = tensors[EMBEDDING].clone();
            tensors.insert(HEAD_NAME.to_owned(), embedding);
        })
        .unwrap();
        let got = load_changed(|tensors| {
            let mut head = tensors[EMBEDDING].clone();
            head.1[17] += 1.0;
            tensors.insert(HEAD_NAME.to_owned(), head);
        });
        assert!(
            matches!(got, Err(InteropError::TiedHeadDiffers { .. })),
            "{got:?}"
        );
    }

    #[test]
    fn tensors_that_do_not_fit_are_named() {
        let message = |change: fn(&mut Tensors)| load_changed(change).unwrap_err().to_string();
        let unknown = message(|tensors| {
            tensors.insert(
                "model.layers.4.mlp.up_proj.weight".to_owned(),
                (vec![1], vec![0.0]),
            );
        });
        assert!(
            unknown.ends_with("has a tensor `model.layers.4.mlp.up_proj.weight` that a `exaone4` model does not have"),
            "{unknown}"
        );
        let missing = message(|tensors| {
            tensors.remove("model.norm.weight");
        });
        assert!(
            missing.ends_with("has no tensor `model.norm.weight`"),
            "{missing}"
        );
        let shape = message(|tensors| {
            tensors.insert("model.norm.weight".to_owned(), (vec![2, 8], vec![0.0; 16]));
        });
        assert!(
            shape.contains("`model.norm.weight`")
                && shape.ends_with("has shape [2, 8], expected [16]"),
            "{shape}"
        );
    }

    #[test]
    fn a_folder_that_is_no_model_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let load = || LoadedModel::load(dir.path(), Precision::F32).unwrap_err();
        assert!(matches!(load(), InteropError::NotAModel { .. }));
        let keys = serde_json::json!({"model_type": "llama", "vocab_size": 9, "hidden_size": 8, "intermediate_size": 8,
            "num_attention_heads": 3, "num_hidden_layers": 1, "max_position_embeddings": 8, "rms_norm_eps": 1e-5});
        fs::write(dir.path().join(CONFIG_NAME), keys.to_string()).unwrap();
        assert!(matches!(load(), InteropError::Model { .. }));
        fs::write(
            dir.path().join(CONFIG_NAME),
            keys.to_string().replace(":3", ":2"),
        )
        .unwrap();
        assert!(matches!(load(), InteropError::Weights(_)));
    }
}
