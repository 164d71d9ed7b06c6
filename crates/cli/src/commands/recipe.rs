//! `jikji recipe`.

use jikji_recipe::Overrides;

use crate::arguments::{RecipeArguments, RecipeCommand};
use crate::console;
use crate::exit;
use crate::failure::Failure;

pub(crate) fn run(command: &RecipeCommand) -> Result<(), Failure> {
    match command {
        RecipeCommand::Check(arguments) => {
            let config = load(arguments)?;
            jikji_model::DecoderConfig::resolve(&config.model.config)?;
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

/// A recipe with the command line's overrides.
pub(crate) fn load(arguments: &RecipeArguments) -> Result<jikji_recipe::RunConfig, Failure> {
    let overrides = Overrides {
        scale: arguments.scale.clone(),
        set: arguments.set.clone(),
    };
    Ok(jikji_recipe::load(&arguments.recipe, &overrides)?)
}
