//! The model of a run as a folder: under its own tokenizer, or beside the files of the folder that it started from.

use std::path::Path;

use jikji_checkpoint::FloatType;
use jikji_interop::{
    Beside, Export, InteropError, Lineage, ModelFolder, WeightSource, Written, export_model,
};
use jikji_loader::Prepared;
use jikji_model::{ParameterTable, Store};
use jikji_recipe::RunConfig;
use jikji_telemetry::Console;
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
    let started_from = match Origin::open(dir, outcome.state.step) {
        Ok(origin) => origin,
        // It was there when the run began; nothing that the run learned may be lost with it.
        Err(error) => {
            console.warn(format!(
                "`{}` can no longer be read ({error}): the export does not have its generation settings, licence and number formats",
                dir.display()
            ));
            return Ok(export_model(path, &own())?);
        }
    };
    let formats = InFormatsOf {
        weights,
        folder: &started_from.folder,
    };
    // The tokenizer's files as published, if they are the ones that the run used.
    let own_tokenizer = started_from.folder.tokenizer()?;
    let same = own_tokenizer.is_some_and(|own| own.fingerprint() == tokenizer.fingerprint());
    let beside = if same {
        Beside::Folder(&started_from.folder, Some(tokenizer))
    } else {
        Beside::Tokenizer(Some(tokenizer))
    };
    let export = Export {
        weights: &formats,
        beside,
        lineage: Some(started_from.lineage),
        ..own()
    };
    Ok(export_model(path, &export)?)
}

/// The folder that a run started from.
struct Origin {
    folder: ModelFolder,
    lineage: Lineage,
}

impl Origin {
    fn open(dir: &Path, steps: u64) -> Result<Self, InteropError> {
        let folder = ModelFolder::open(dir)?;
        let settings = [("steps".to_owned(), json!(steps))];
        let mut lineage = Lineage::new("train", settings.into_iter().collect());
        lineage.add_source("model", &folder)?;
        Ok(Self { folder, lineage })
    }
}

/// A run's weights in the number formats of the folder that they started from.
struct InFormatsOf<'a> {
    weights: &'a Store,
    folder: &'a ModelFolder,
}

impl WeightSource for InFormatsOf<'_> {
    fn table(&self) -> &ParameterTable {
        self.weights.table()
    }

    fn float(&self, parameter: usize) -> FloatType {
        self.folder.float(parameter)
    }

    fn read(&self, parameter: usize, start: usize, out: &mut [f32]) {
        self.weights.read(parameter, start, out);
    }
}
