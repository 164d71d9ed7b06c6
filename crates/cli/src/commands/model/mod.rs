//! `jikji model`: one small file a subcommand.

mod export;
mod info;
mod verify;

use crate::arguments::ModelCommand;
use crate::failure::Failure;

pub(crate) fn run(command: &ModelCommand) -> Result<(), Failure> {
    match command {
        ModelCommand::Info { model, parameters } => info::run(model, *parameters),
        ModelCommand::Export(arguments) => export::run(arguments),
        ModelCommand::Verify { model, reference } => verify::run(model, reference),
    }
}
