//! `jikji generate`.

use std::ops::ControlFlow;

use jikji_eval::Generator;
use jikji_interop::LoadedModel;
use jikji_ops::Precision;

use super::chat::Conversing;
use crate::arguments::GenerateArguments;
use crate::console;
use crate::failure::Failure;

pub(crate) fn run(arguments: &GenerateArguments) -> Result<(), Failure> {
    let model = LoadedModel::load(&arguments.model, Precision::F32)?;
    let config = arguments.sampling.config(&model);
    if arguments.chat {
        Conversing::with(&model, config)?.answer(&arguments.prompt)?;
        return Ok(());
    }
    let tokenizer = model.require_tokenizer()?;
    let mut first = true;
    Generator::of(&model).generate_text(tokenizer, &arguments.prompt, &config, |piece| {
        if std::mem::take(&mut first) {
            console::piece(&arguments.prompt);
        }
        console::piece(piece);
        ControlFlow::Continue(())
    })?;
    if first {
        console::piece(&arguments.prompt);
    }
    console::data("");
    Ok(())
}
