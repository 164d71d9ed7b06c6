//! The run file: what a recipe may say, and what a run makes of it.
//!
//! ```text
//!  includes ┐
//!  recipe   ├─ Layers (one table, each value with its origin) ─ RecipeFile ─ resolve ─▶ RunConfig ─ to_toml ─▶ a recipe
//!  scale    │                                                  (as written)            (every value explicit)
//!  --set    ┘
//! ```
//!
//! The settings themselves live beside the code they steer; this crate only composes them. It reads strictly: a key that
//! means nothing, a value of the wrong kind and settings that contradict each other end in a [`RecipeError`] that names the
//! file (or the `--set`) and the full key. It writes nothing.

mod error;
mod origin;
mod strict;

// What is said.
mod file;
mod layers;
mod set;

// What it means.
mod check;
mod model;
mod places;
mod resolve;
mod run_config;
mod sources;

// About recipes.
mod list;
mod schema;

pub use error::RecipeError;
pub use list::{RecipeSummary, list};
pub use model::load_model_config;
pub use origin::Origin;
pub use resolve::{Overrides, load, load_tokenizer_config};
pub use run_config::{
    DataSection, ModelSource, RunConfig, RunSection, SourceConfig, StageConfig, SynthConfig,
    TokenizerSource,
};
pub use schema::schema;

#[cfg(test)]
mod tests;
