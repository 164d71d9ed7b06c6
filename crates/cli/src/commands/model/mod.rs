//! `jikji model`: one small file a subcommand.

mod deepen;
mod export;
mod import;
mod info;
mod merge;
mod verify;

use jikji_interop::Written;

use crate::arguments::ModelCommand;
use crate::console;
use crate::failure::Failure;

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

/// The warnings for people, the path for programs.
pub(super) fn tell(written: &Written) {
    for warning in &written.warnings {
        console::say(format!("warning: {warning}"));
    }
    console::data(written.path.display().to_string());
}
