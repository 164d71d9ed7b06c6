//! `jikji score`.

use jikji_eval::score_file;
use jikji_interop::LoadedModel;
use jikji_ops::Precision;

use crate::arguments::ScoreArguments;
use crate::console;
use crate::failure::Failure;

pub(crate) fn run(arguments: &ScoreArguments) -> Result<(), Failure> {
    super::refuse_same_file(&arguments.input, &arguments.output)?;
    let model = LoadedModel::load(&arguments.model, Precision::F32)?;
    let report = score_file(&model, &arguments.input, &arguments.output)?;
    let loss = report
        .loss
        .map_or_else(String::new, |loss| format!(", mean loss {loss:.4} nats"));
    console::say(format!(
        "scored {} lines, {} tokens{loss}: {}",
        report.rows,
        report.tokens,
        arguments.output.display()
    ));
    Ok(())
}
