//! `jikji recipe`.

use jikji_interop::check_exportable;
use jikji_model::DecoderConfig;
use jikji_recipe::{Overrides, RunConfig};

use crate::arguments::{RecipeArguments, RecipeCommand};
use crate::console;
use crate::exit;
use crate::failure::Failure;

pub(crate) fn run(command: &RecipeCommand) -> Result<(), Failure> {
    match command {
        RecipeCommand::Check(arguments) => {
            let config = load(arguments)?;
            check_model(&config)?;
            console::data(config.to_toml().trim_end());
            console::say(format!(
                "`{}` is a valid recipe",
                arguments.recipe.display()
            ));
        }
        RecipeCommand::Schema => {
            let text =
                serde_json::to_string_pretty(&jikji_recipe::schema()).expect("a schema is JSON");
            console::data(text);
        }
        RecipeCommand::List { folder } => {
            if !folder.is_dir() {
                return Err(Failure::new(
                    exit::RECIPE,
                    format!("`{}` is not a folder", folder.display()),
                )
                .with_hint("name the folder that holds recipes, such as `recipes`"));
            }
            for recipe in jikji_recipe::list(folder) {
                let description = recipe.description.unwrap_or_default();
                console::data(format!("{:<40} {description}", recipe.path.display()));
            }
        }
    }
    Ok(())
}

/// The recipe's model, if it can be trained and what comes of it exported.
pub(crate) fn check_model(config: &RunConfig) -> Result<DecoderConfig, Failure> {
    let decoder = DecoderConfig::resolve(&config.model.config)?;
    check_exportable(&config.model.config, &decoder)
        .map_err(|error| Failure::from_error(exit::RECIPE, &error, error.hint()))?;
    Ok(decoder)
}

/// A recipe with the command line's overrides.
pub(crate) fn load(arguments: &RecipeArguments) -> Result<RunConfig, Failure> {
    let overrides = Overrides {
        scale: arguments.scale.clone(),
        set: arguments.set.clone(),
    };
    Ok(jikji_recipe::load(&arguments.recipe, &overrides)?)
}
