//! One small file a command.

mod bench;
mod corpus;
mod doctor;
mod generate;
mod model;
mod recipe;
mod report;
mod score;
mod tokenizer;
mod train;

use crate::arguments::Command;
use crate::failure::Failure;

pub(crate) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Train(arguments) => train::run(&arguments),
        Command::Recipe(command) => recipe::run(&command),
        Command::Tokenizer(command) => tokenizer::run(command),
        Command::Corpus(command) => corpus::run(command),
        Command::Generate(arguments) => generate::run(&arguments),
        Command::Score(arguments) => score::run(&arguments),
        Command::Model(command) => model::run(&command),
        Command::Bench(command) => bench::run(&command),
        Command::Report { run, curve } => report::run(&run, curve.as_deref()),
        Command::Doctor => doctor::run(),
    }
}
