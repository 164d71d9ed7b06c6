//! `jikji recipe`, `jikji new`, and the options of every command that reads a recipe.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(crate) struct RecipeArguments {
    /// The recipe: a TOML file, or the path of a built-in one
    pub(crate) recipe: PathBuf,
    /// Override one setting, such as train.steps=600; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Apply the overrides in the recipe's table [scale.NAME], such as `tiny`
    #[arg(long, value_name = "NAME")]
    pub(crate) scale: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RecipeCommand {
    /// Resolve a recipe and print every setting that a run would use
    Check(RecipeArguments),
    /// Print the JSON Schema of recipes
    Schema,
    /// List the recipes in a folder, and the built-in ones
    List {
        /// Folder to search; without it, `recipes` and the built-in recipes
        folder: Option<PathBuf>,
    },
    /// Print a built-in recipe, config or chat template
    #[command(after_help = "Examples:
  jikji recipe show small
  jikji recipe show configs/models/exaone-4.0-1.2b.toml
  jikji recipe show configs/chat/exaone4.jinja > chat_template.jinja")]
    Show {
        /// Path of the file or, for a recipe, its name
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct NewArguments {
    /// Name of the run; the recipe is written to NAME.toml
    pub(crate) name: String,
    /// Built-in recipe to base it on, such as quickstart or pretrain/small
    #[arg(long, value_name = "RECIPE")]
    pub(crate) from: Option<String>,
    /// Folder with your text
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<String>,
    /// Model folder with the initial weights, for recipes that start from a model
    #[arg(long, value_name = "DIR")]
    pub(crate) model: Option<String>,
}
