//! `jikji model`: one small file a subcommand.

mod deepen;
mod export;
mod import;
mod info;
mod merge;
mod verify;

use std::path::{Path, PathBuf};

use jikji_interop::{Written, check_not_itself, check_replaceable};

use crate::arguments::ModelCommand;
use crate::console;
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(command: &ModelCommand) -> Result<(), Failure> {
    match command {
        ModelCommand::Info { model, parameters } => info::run(model, *parameters),
        ModelCommand::Import(arguments) => import::run(arguments),
        ModelCommand::Export(arguments) => export::run(arguments),
        ModelCommand::Verify { model, reference } => verify::run(model, reference),
        ModelCommand::Deepen(arguments) => deepen::run(arguments),
        ModelCommand::Merge(arguments) => merge::run(arguments),
    }
}

/// Refuses an output that cannot become a model folder; called before any weight is read.
pub(super) fn check_output<'a>(
    dir: &Path,
    models: impl IntoIterator<Item = &'a PathBuf>,
) -> Result<(), Failure> {
    for model in models {
        check_not_itself(dir, model)?;
    }
    output::check_replaced_folder("--output", dir)?;
    Ok(check_replaceable(dir)?)
}

/// The warnings for people, the path for programs.
pub(super) fn tell(written: &Written) {
    for warning in &written.warnings {
        console::say(format!("warning: {warning}"));
    }
    // Not behind the model itself.
    if !output::is_stdout(&written.path) {
        console::data(written.path.display().to_string());
    }
}
