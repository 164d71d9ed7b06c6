//! `jikji model deepen`.

use jikji_interop::{Deepened, Export, LayerMap, Lineage, ModelFolder, export_model};
use serde_json::json;

use super::tell;
use crate::arguments::DeepenArguments;
use crate::console;
use crate::exit;
use crate::failure::Failure;

pub(crate) fn run(arguments: &DeepenArguments) -> Result<(), Failure> {
    let folder = ModelFolder::open(&arguments.model)?;
    let layers = folder.decoder().num_hidden_layers();
    let map = match (&arguments.layers.layers, arguments.layers.remove) {
        (Some(map), _) => map.clone(),
        (None, removed) => {
            LayerMap::depth_up_scaled(layers, removed.unwrap_or(0)).map_err(|problem| {
                Failure::new(exit::COMMAND_LINE, format!("`--remove`: {problem}"))
            })?
        }
    };
    let tokenizer = folder.tokenizer()?;
    let deepened = Deepened::new(&folder, &map)?;
    let settings = [("layers".to_owned(), json!(map.to_string()))];
    let mut lineage = Lineage::new("deepen", settings.into_iter().collect());
    lineage.add_source("model", &folder)?;
    let export = Export {
        config: deepened.config(),
        weights: &deepened,
        lineage: Some(lineage),
        ..Export::of_folder(&folder, tokenizer.as_ref())
    };
    let written = export_model(&arguments.output, &export)?;
    console::say(format!("{} layers of {layers}: {map}", map.sources().len()));
    tell(&written);
    Ok(())
}
