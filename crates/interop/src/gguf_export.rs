//! Writing a model as one GGUF file, under the names and keys that llama.cpp reads.
//!
//! The rules are those of llama.cpp's loader and graphs (build 11549, October 2026): what they would silently compute
//! otherwise is refused ([`limits`]), and where they encode text otherwise, the export says so in its warnings.

mod limits;
mod model_keys;
mod names;
mod pre_tokenizer;
mod tensors;
mod vocabulary;

#[cfg(test)]
mod tests;

use std::path::Path;

use jikji_checkpoint::durable;
use jikji_checkpoint::gguf::{GgufType, GgufValue, write_gguf};
use jikji_model::{DecoderConfig, ModelConfig, ParameterTable};
use jikji_tokenizer::Tokenizer;

pub(crate) use self::pre_tokenizer::cuts_as_qwen2;
use self::tensors::Tensors;
use crate::error::InteropError;
use crate::file_names::CONFIG_NAME;
use crate::published_config::control_ids;
use crate::weight_source::{WeightSource, check_parameters};
use crate::written::Written;

/// Keys and values, in the order in which they are written.
type Keys = Vec<(String, GgufValue)>;

/// Writes a model to the file `path`; folders above are made, an earlier file is replaced when this one is whole.
///
/// Matrices are stored as `number` says, norms and biases always in `F32`. Without a tokenizer the file says that it has none, and
/// readers take token ids only.
///
/// # Errors
/// A setting or a tokenizer that llama.cpp has no form for, named; weights of another config; or a failed write.
pub fn export_gguf(
    path: &Path,
    config: &ModelConfig,
    weights: &dyn WeightSource,
    tokenizer: Option<&Tokenizer>,
    number: GgufType,
) -> Result<Written, InteropError> {
    let decoder = DecoderConfig::resolve(config).map_err(|source| InteropError::Model {
        path: path.with_file_name(CONFIG_NAME),
        source,
    })?;
    check_parameters(&ParameterTable::new(&decoder), weights.table())?;
    let architecture = limits::check(config, &decoder)?;
    let control = control_ids(config, tokenizer)?;
    let tensors = Tensors::new(architecture, &decoder, weights, number);

    let mut keys = model_keys::general(architecture, path, number);
    keys.extend(model_keys::model(architecture, config, &decoder));
    let mut warnings = tensors.warnings();
    match tokenizer {
        Some(tokenizer) => {
            let vocabulary = vocabulary::vocabulary(tokenizer, &control, decoder.vocab_size)?;
            keys.extend(vocabulary.keys);
            warnings.extend(vocabulary.warnings);
        }
        None => keys.push(vocabulary::none()),
    }
    if let Some(parent) = path.parent() {
        durable::create_dir_all(parent)?;
    }
    write_gguf(path, &keys, tensors.list(), |index, start, out| {
        tensors.fill(index, start, out);
    })?;
    Ok(Written {
        path: path.to_owned(),
        warnings,
    })
}

fn no_form(field: impl Into<String>, reason: impl Into<String>) -> InteropError {
    InteropError::NoGgufForm {
        field: field.into(),
        reason: reason.into(),
    }
}
