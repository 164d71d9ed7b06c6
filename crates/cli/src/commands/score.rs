//! `jikji score`.

use jikji_eval::{Window, score_file};
use jikji_interop::LoadedModel;
use jikji_ops::Precision;

use crate::arguments::ScoreArguments;
use crate::console;
use crate::exit;
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(arguments: &ScoreArguments) -> Result<(), Failure> {
    super::refuse_same_file(&arguments.input, &arguments.output)?;
    output::check_file("--output", &arguments.output)?;
    let model = LoadedModel::load(&arguments.model, Precision::F32)?;
    let window = window(arguments, model.decoder.config().max_position_embeddings)?;
    let scored = score_file(&model, &arguments.input, &arguments.output, window);
    let report = output::written(&arguments.output, scored)?;
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

/// The window that was asked for, within the context of the model.
fn window(arguments: &ScoreArguments, context: usize) -> Result<Option<Window>, Failure> {
    if arguments.window.is_none() && arguments.stride.is_none() {
        return Ok(None);
    }
    let tokens = arguments.window.unwrap_or(context);
    let stride = arguments.stride.unwrap_or(tokens / 2);
    let window = Window::new(tokens, stride).filter(|_| tokens <= context);
    window.map(Some).ok_or_else(|| {
        let message = format!(
            "`--window` is {tokens} and `--stride` {stride}, expected a stride from 1 to below the window, \
             and a window within the model's context of {context} tokens"
        );
        Failure::new(exit::COMMAND_LINE, message)
    })
}
