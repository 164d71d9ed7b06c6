//! Recipes: reading a run's TOML file strictly, merging its layers, and resolving every value.
//!
//! ```text
//!  includes ┐
//!  recipe   ├─ Layers (one table, each value with its origin) ─ RecipeFile ─ resolve ─▶ RunConfig ─ to_toml ─▶ a recipe
//!  scale    │                                                  (as written)            (every value explicit)
//!  --set    ┘
//! ```
//!
//! The config types live beside the code that uses them; this crate only composes them. It reads
//! strictly: an unknown key, a value of the wrong type and settings that contradict each other are
//! a [`RecipeError`], which names the file (or the `--set`) and the full key. It writes nothing.

mod aliases;
mod error;
mod nearest;
mod origin;
mod strict;

// As written.
mod file;
mod layers;
mod set;

// Resolved.
mod check;
mod model;
mod places;
mod resolve;
mod run_config;
mod sources;
mod warnings;

// Listing and schema.
mod list;
mod schema;
mod shipped;
mod template;

pub use aliases::Alias;
pub use error::RecipeError;
pub use list::{RecipeSummary, list};
pub use model::load_model_config;
pub use origin::Origin;
pub use resolve::{Overrides, load, load_tokenizer_config};
pub use run_config::{
    DataSection, ModelSource, RunConfig, RunSection, SourceConfig, StageConfig, SynthConfig,
    TokenizerSource,
};
pub use schema::{model_schema, schema};
pub use shipped::{ShippedFile, shipped_file, shipped_recipe, shipped_recipes};
pub use template::{NewRecipe, needs_model, new_recipe};

#[cfg(test)]
mod tests;
