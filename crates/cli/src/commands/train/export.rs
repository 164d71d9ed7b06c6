//! The model of a run as a folder: under its own tokenizer, or beside the files of the folder that it started from.

use std::path::Path;

use jikji_checkpoint::FloatType;
use jikji_interop::{
    Beside, Export, InteropError, Lineage, ModelFolder, WeightSource, Written, export_model,
};
use jikji_loader::Prepared;
use jikji_model::{ParameterTable, Store};
use jikji_recipe::{RunConfig, TokenizerSource};
use jikji_telemetry::Console;
use jikji_tokenizer::Tokenizer;
use jikji_train::RunOutcome;
use serde_json::json;

use crate::failure::Failure;

pub(super) fn write(
    path: &Path,
    config: &RunConfig,
    outcome: &RunOutcome,
    prepared: &Prepared,
    console: &Console,
) -> Result<Written, Failure> {
    let (model, weights) = (&config.model.config, &outcome.state.weights);
    let tokenizer = &prepared.tokenizer;
    let own = || Export::of_run(model, weights, Some(tokenizer));
    let Some(dir) = &config.model.from else {
        return Ok(export_model(path, &own())?);
    };
    let origin = match Origin::open(dir, config, outcome, tokenizer) {
        Ok(origin) => origin,
        // It was there when the run began; nothing that the run learned may be lost with it.
        Err(error) => {
            console.warn(format!(
                "`{}` is no longer the model that the run started from ({error}): the export does not have its generation settings, \
                 licence and number formats",
                dir.display()
            ));
            return Ok(export_model(path, &own())?);
        }
    };
    let formats = InFormatsOf {
        weights,
        folder: &origin.folder,
    };
    let beside = if origin.has_tokenizer {
        Beside::Folder(&origin.folder, Some(tokenizer))
    } else {
        Beside::Tokenizer(Some(tokenizer))
    };
    let export = Export {
        weights: &formats,
        beside,
        lineage: Some(origin.lineage),
        ..own()
    };
    Ok(export_model(path, &export)?)
}

/// The folder that a run started from.
struct Origin {
    folder: ModelFolder,
    lineage: Lineage,
    /// Whether the run's tokenizer is that folder's, with everything beside it. One of another folder may have the same ids and
    /// another chat template.
    has_tokenizer: bool,
}

impl Origin {
    fn open(
        dir: &Path,
        config: &RunConfig,
        outcome: &RunOutcome,
        tokenizer: &Tokenizer,
    ) -> Result<Self, InteropError> {
        let folder = ModelFolder::open(dir)?;
        folder.check_parameters(outcome.state.weights.table())?;
        let is_same_folder = match &config.tokenizer {
            TokenizerSource::From(other) => other.canonicalize().ok() == dir.canonicalize().ok(),
            TokenizerSource::Train(_) => false,
        };
        let own = folder.tokenizer()?;
        let is_same = own.is_some_and(|own| own.fingerprint() == tokenizer.fingerprint());
        let settings = [("steps".to_owned(), json!(outcome.state.step))];
        let mut lineage = Lineage::new("train", settings.into_iter().collect());
        lineage.add_source("model", &folder)?;
        Ok(Self {
            folder,
            lineage,
            has_tokenizer: is_same_folder && is_same,
        })
    }
}

/// A run's weights in the number formats of the folder that they started from; a tensor that has outgrown its format is in f32.
struct InFormatsOf<'a> {
    weights: &'a Store,
    folder: &'a ModelFolder,
}

impl WeightSource for InFormatsOf<'_> {
    fn table(&self) -> &ParameterTable {
        self.weights.table()
    }

    fn float(&self, parameter: usize) -> FloatType {
        let float = self.folder.float(parameter);
        let values = self.weights.values(parameter).unwrap_or_default();
        let fits = values.iter().all(|value| float.holds(*value));
        if fits { float } else { FloatType::F32 }
    }

    fn read(&self, parameter: usize, start: usize, out: &mut [f32]) {
        self.weights.read(parameter, start, out);
    }
}
