//! `jikji model import`.

use jikji_interop::{Export, Lineage, ModelFolder, check_not_itself, export_model};

use super::{info, tell};
use crate::arguments::ImportArguments;
use crate::commands::chat::load_template;
use crate::console;
use crate::failure::Failure;

pub(crate) fn run(arguments: &ImportArguments) -> Result<(), Failure> {
    let folder = ModelFolder::open(&arguments.model)?;
    let tokenizer = folder.tokenizer()?;
    let template = load_template(folder.dir())?;
    let stop_ids = folder.stop_ids(tokenizer.as_ref())?;
    check_not_itself(&arguments.output, folder.dir())?;
    folder.check_finite()?;
    let mut lineage = Lineage::new("import", serde_json::Map::new());
    lineage.add_source("model", &folder)?;
    let export = Export {
        lineage: Some(lineage),
        ..Export::of_folder(&folder, tokenizer.as_ref())
    };
    let written = export_model(&arguments.output, &export)?;
    info::show(folder.decoder());
    match &tokenizer {
        Some(tokenizer) => console::data(format!(
            "tokenizer with {} tokens, {} chat template; a text ends with {stop_ids:?}",
            tokenizer.vocab_size(),
            if template.is_some() { "a" } else { "no" },
        )),
        None => console::say("there is no tokenizer.json: the model takes token ids only"),
    }
    let passed_over = folder.passed_over();
    if !passed_over.is_empty() {
        console::say(format!(
            "not written again, since the config says the same: {}",
            passed_over.join(", ")
        ));
    }
    tell(&written);
    Ok(())
}
