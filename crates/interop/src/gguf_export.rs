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

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use jikji_checkpoint::durable;
use jikji_checkpoint::gguf::{GgufTensor, GgufType, GgufValue, write_gguf};
use jikji_model::{DecoderConfig, ModelConfig, ParameterTable};
use jikji_tokenizer::Tokenizer;

pub(crate) use self::pre_tokenizer::cuts_as_qwen2;
use self::tensors::Tensors;
use crate::error::InteropError;
use crate::file_names::CONFIG_NAME;
use crate::number_check::NumberCheck;
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
    if let Some(tokenizer) = tokenizer {
        let vocabulary = vocabulary::vocabulary(tokenizer, &control, decoder.vocab_size)?;
        keys.extend(vocabulary.keys);
        warnings.extend(vocabulary.warnings);
    } else {
        keys.push(vocabulary::none());
        warnings.push("the file has no tokenizer: llama.cpp takes token ids only".to_owned());
    }
    check_replaceable(path)?;
    if let Some(parent) = path.parent() {
        durable::create_dir_all(parent)?;
    }
    let mut check = NumberCheck::default();
    let written = write_gguf(path, &keys, tensors.list(), |index, start, out| {
        tensors.fill(index, start, out);
        let GgufTensor { name, number, .. } = &tensors.list()[index];
        check.look(name, start, out, number.name(), |value| number.holds(value))
    });
    written.map_err(|error| check.into_error(error))?;
    Ok(Written {
        path: path.to_owned(),
        warnings,
    })
}

/// Only an earlier model may be replaced; a mistyped path must not cost anybody their file.
fn check_replaceable(path: &Path) -> Result<(), InteropError> {
    const MAGIC: &[u8] = b"GGUF";
    let mut head = [0; 4];
    match File::open(path).and_then(|mut file| file.read_exact(&mut head)) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Ok(()) if head == MAGIC => Ok(()),
        _ => Err(InteropError::NotGguf {
            path: path.to_owned(),
        }),
    }
}

fn no_form(field: impl Into<String>, reason: impl Into<String>) -> InteropError {
    InteropError::NoGgufForm {
        field: field.into(),
        reason: reason.into(),
    }
}
