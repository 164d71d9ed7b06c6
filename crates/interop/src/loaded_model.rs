//! A model that is ready to be asked: config, weights in flat buffers, tokenizer.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use jikji_model::{Decoder, Layout, ModelConfig, ParameterTable, Store};
use jikji_ops::Precision;
use jikji_tokenizer::Tokenizer;

use crate::error::InteropError;
use crate::file_names::CONFIG_NAME;
use crate::model_folder::ModelFolder;

/// A model folder in memory.
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
    /// What the folder asks of generation and is not done here; see [`ModelFolder::unapplied_settings`].
    pub unapplied_settings: Vec<String>,
    /// Where the weights lie.
    pub device: Device,
    /// Where it came from.
    pub dir: PathBuf,
}

impl LoadedModel {
    /// Reads `config.json`, `model*.safetensors` and, where there is one, the tokenizer of a folder.
    ///
    /// # Errors
    /// As [`ModelFolder::open`] and [`ModelFolder::tokenizer`].
    pub fn load(dir: &Path, precision: Precision) -> Result<Self, InteropError> {
        let folder = ModelFolder::open(dir)?;
        // Before the weights: what is refused is refused at once.
        let tokenizer = folder.tokenizer()?;
        let stop_ids = folder.stop_ids(tokenizer.as_ref())?;
        let table = ParameterTable::new(folder.decoder());
        let layout = Layout::new(table, &[]).map_err(|source| InteropError::Model {
            path: dir.join(CONFIG_NAME),
            source,
        })?;
        let mut weights = Store::weights(layout);
        folder.load(&mut weights)?;
        Ok(Self {
            decoder: Decoder::new(folder.decoder().clone(), precision),
            weights,
            tokenizer,
            config: folder.config().clone(),
            stop_ids,
            unapplied_settings: folder.unapplied_settings()?,
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
