//! `jikji recipe`.

use std::path::Path;

use jikji_interop::check_exportable;
use jikji_model::DecoderConfig;
use jikji_recipe::{
    Overrides, RecipeError, RunConfig, shipped_file, shipped_recipe, shipped_recipes,
};
use jikji_telemetry::display_width;

use crate::arguments::{RecipeArguments, RecipeCommand};
use crate::console;
use crate::exit;
use crate::failure::Failure;

pub(crate) fn run(command: &RecipeCommand) -> Result<(), Failure> {
    match command {
        RecipeCommand::Check(arguments) => {
            let mut config = load(arguments)?;
            check_model(&config)?;
            if let Some(steps) = config.train.steps {
                config = config.settled(steps)?;
                for warning in config.warnings() {
                    console::say(format!("warning: {warning}"));
                }
            }
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
        RecipeCommand::List { folder } => list(folder.as_deref())?,
        RecipeCommand::Show { name } => {
            let found = shipped_file(Path::new(name)).or_else(|| shipped_recipe(name));
            let file = found.ok_or_else(|| {
                Failure::new(exit::RECIPE, format!("`{name}` is no part of the program"))
                    .with_hint("`jikji recipe list` shows the recipes; each names its configs")
            })?;
            console::piece(file.text);
        }
    }
    Ok(())
}

/// Recipes on disk and then those of the binary; without a folder, those of `recipes`, if it is
/// there.
fn list(folder: Option<&Path>) -> Result<(), Failure> {
    let on_disk = match folder {
        Some(folder) if !folder.is_dir() => {
            let message = format!("`{}` is not a folder", folder.display());
            return Err(Failure::new(exit::RECIPE, message)
                .with_hint("name the folder that holds recipes, such as `recipes`"));
        }
        folder => jikji_recipe::list(folder.unwrap_or(Path::new("recipes"))),
    };
    let is_on_disk = |path: &Path| on_disk.iter().any(|recipe| recipe.path == path);
    let mut built_in = shipped_recipes();
    built_in.retain(|recipe| folder.is_none() && !is_on_disk(&recipe.path));
    let names = on_disk.iter().chain(&built_in);
    let width = names
        .map(|recipe| display_width(&recipe.path.to_string_lossy()))
        .max();
    for (recipes, note) in [(&on_disk, ""), (&built_in, "[built in] ")] {
        for recipe in recipes {
            let path = recipe.path.display().to_string();
            let room = " ".repeat(width.unwrap_or(0) - display_width(&path));
            let description = recipe.description.as_deref().unwrap_or_default();
            console::data(format!("{path}{room}  {note}{description}"));
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
    jikji_recipe::load(&arguments.recipe, &overrides).map_err(|error| {
        let is_built_in = !arguments.recipe.exists() && shipped_file(&arguments.recipe).is_some();
        let lacks_files = matches!(error, RecipeError::NotFound { .. });
        let failure = Failure::from(error);
        if is_built_in && lacks_files {
            return failure.with_hint(
                "the recipe is built in, the files that it reads are not: base a recipe of your own on it with \
                 `jikji new NAME --from RECIPE`",
            );
        }
        failure
    })
}
