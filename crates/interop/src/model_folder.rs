//! A published model folder in memory: config, weights in flat buffers, tokenizer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use jikji_checkpoint::ModelFiles;
use jikji_model::{Decoder, DecoderConfig, Layout, ModelConfig, ParameterTable, Role, Store};
use jikji_ops::Precision;
use jikji_tokenizer::Tokenizer;

use crate::error::InteropError;
use crate::read_config::{CONFIG_NAME, read_config, read_stop_ids};

/// The name under which files may repeat a tied head.
const HEAD_NAME: &str = "lm_head.weight";

/// A model that is ready to be asked.
#[derive(Debug)]
pub struct LoadedModel {
    /// Sizes and tables.
    pub decoder: Decoder,
    /// The numbers; none of them is trained.
    pub weights: Store,
    /// Absent where the folder has no `tokenizer.json`: ids can be scored, text cannot.
    pub tokenizer: Option<Tokenizer>,
    /// The keys of `config.json`.
    pub config: ModelConfig,
    /// Tokens that end a generated text, as the folder says.
    pub stop_ids: Vec<u32>,
    /// Where the weights lie.
    pub device: Device,
    /// Where it came from.
    pub dir: PathBuf,
}

impl LoadedModel {
    /// Reads `config.json`, `model*.safetensors` and, where there is one, the tokenizer of a folder.
    ///
    /// # Errors
    /// A file that is missing or damaged, a key or a tensor that is unknown, missing or of another shape; each is named.
    pub fn load(dir: &Path, precision: Precision) -> Result<Self, InteropError> {
        let config = read_config(dir)?;
        let model_error = |source| InteropError::Model {
            path: dir.join(CONFIG_NAME),
            source,
        };
        let resolved = DecoderConfig::resolve(&config).map_err(model_error)?;
        let layout = Layout::new(ParameterTable::new(&resolved), &[]).map_err(model_error)?;
        let mut weights = Store::weights(layout);
        load_weights(dir, &resolved, &mut weights)?;
        let has_tokenizer = dir.join("tokenizer.json").exists();
        let tokenizer = has_tokenizer.then(|| Tokenizer::load(dir)).transpose()?;
        let eos = tokenizer.as_ref().and_then(Tokenizer::eos_id);
        let stop_ids = read_stop_ids(dir)?
            .unwrap_or_else(|| config.eos_token_id.or(eos).into_iter().collect());
        Ok(Self {
            decoder: Decoder::new(resolved, precision),
            weights,
            tokenizer,
            config,
            stop_ids,
            device: Device::flex(),
            dir: dir.to_owned(),
        })
    }

    /// The tokenizer, for what needs text.
    ///
    /// # Errors
    /// If the folder has none.
    pub fn require_tokenizer(&self) -> Result<&Tokenizer, InteropError> {
        self.tokenizer
            .as_ref()
            .ok_or_else(|| InteropError::NoTokenizer {
                dir: self.dir.clone(),
            })
    }
}

/// Reads a folder's tensors into a store that was laid out for `config`, converted to f32, without a copy between.
///
/// Every parameter must be there once, and nothing else; a tied head may be repeated if it equals the embedding.
///
/// # Errors
/// A tensor that is unknown, missing or of another shape, or a file that cannot be read. The store is then half filled.
pub fn load_weights(
    dir: &Path,
    config: &DecoderConfig,
    weights: &mut Store,
) -> Result<(), InteropError> {
    let files = ModelFiles::open(dir)?;
    let layout = weights.layout().clone();
    let parameters = layout.table().parameters();
    let by_name: BTreeMap<&str, usize> = parameters
        .iter()
        .enumerate()
        .map(|(index, parameter)| (parameter.name.as_str(), index))
        .collect();
    let repeats_head = |name: &str| config.tie_word_embeddings && name == HEAD_NAME;
    // Names first: a model of gigabytes is refused before it is read.
    if let Some(name) = files
        .names()
        .find(|name| !by_name.contains_key(name) && !repeats_head(name))
    {
        let model_type = config.model_type.name();
        return Err(InteropError::UnknownTensor {
            dir: dir.to_owned(),
            name: name.to_owned(),
            model_type,
        });
    }
    for (index, parameter) in parameters.iter().enumerate() {
        files.read_shaped(&parameter.name, &parameter.shape, weights.values_mut(index))?;
    }
    if files.names().any(repeats_head)
        && let Some(embedding) = parameters
            .iter()
            .position(|parameter| parameter.role == Role::Embedding)
    {
        let parameter = &parameters[embedding];
        let mut head = vec![0.0; parameter.num_elements()];
        files.read_shaped(HEAD_NAME, &parameter.shape, &mut head)?;
        if weights.values(embedding) != Some(head.as_slice()) {
            let embedding = parameter.name.clone();
            return Err(InteropError::TiedHeadDiffers {
                dir: dir.to_owned(),
                embedding,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use jikji_checkpoint::{FloatType, write_model};

    use super::*;
    use crate::export::export_model;
    use crate::testing::{EXAONE4, model};

    type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

    /// Exports a tied model, changes its tensors and loads it.
    fn load_changed(change: impl FnOnce(&mut Tensors)) -> Result<LoadedModel, InteropError> {
        let parent = tempfile::tempdir().unwrap();
        let (dir, model) = (parent.path().join("m"), model(EXAONE4));
        export_model(
            &dir,
            &model.config,
            &model.weights,
            None,
            FloatType::F32,
            1 << 30,
        )
        .unwrap();
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
        assert!(matches!(load(), InteropError::Read { .. }));
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
