//! One small file a command.

mod bench;
mod chat;
mod completions;
mod corpus;
mod doctor;
mod encode_bench;
mod generate;
mod model;
mod new;
mod recipe;
mod report;
mod runs;
mod score;
mod tokenizer;
mod train;

use std::path::Path;

use crate::arguments::Command;
use crate::exit;
use crate::failure::Failure;

pub(crate) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Train(arguments) => train::run(&arguments),
        Command::Recipe(command) => recipe::run(&command),
        Command::Tokenizer(command) => tokenizer::run(command),
        Command::Corpus(command) => corpus::run(command),
        Command::Generate(arguments) => generate::run(&arguments),
        Command::Chat(arguments) => chat::run(&arguments),
        Command::Score(arguments) => score::run(&arguments),
        Command::Model(command) => model::run(&command),
        Command::Bench(command) => bench::run(&command),
        Command::Runs { dir, json } => runs::run(&dir, json),
        Command::Report(arguments) => report::run(&arguments),
        Command::New(arguments) => new::run(&arguments),
        Command::Doctor => doctor::run(),
        Command::Completions { shell } => {
            completions::run(shell);
            Ok(())
        }
    }
}

/// An output that is the input would cost the input.
fn refuse_same_file(input: &Path, output: &Path) -> Result<(), Failure> {
    let same = match (input.canonicalize(), output.canonicalize()) {
        (Ok(input), Ok(output)) => input == output,
        _ => false,
    };
    if !same {
        return Ok(());
    }
    Err(Failure::new(
        exit::DATA,
        format!(
            "`--output` names the input, `{}`: it would be replaced",
            input.display()
        ),
    )
    .with_hint("name another file with `--output`"))
}
