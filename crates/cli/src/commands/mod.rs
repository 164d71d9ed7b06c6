//! One small file a command.

mod bench;
mod chat;
mod corpus;
mod doctor;
mod encode_bench;
mod generate;
mod model;
mod recipe;
mod report;
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
        Command::Report { run, curve } => report::run(&run, curve.as_deref()),
        Command::Doctor => doctor::run(),
    }
}

/// What a user of bf16 is told where the processor only imitates it.
const BF16_IN_F32: &str = "this processor has no bf16 products: they run in f32 on rounded operands, with bf16's numbers and f32's speed";

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
