//! `jikji generate`.

use std::ops::ControlFlow;

use jikji_eval::{GenerateConfig, Generator, LoadedModel};
use jikji_ops::Precision;

use crate::arguments::GenerateArguments;
use crate::console;
use crate::failure::Failure;

pub(crate) fn run(arguments: &GenerateArguments) -> Result<(), Failure> {
    let model = LoadedModel::load(&arguments.model, Precision::F32)?;
    let tokenizer = model.require_tokenizer()?;
    let config = GenerateConfig {
        max_new_tokens: arguments.max_new_tokens,
        temperature: arguments.temperature,
        top_p: arguments.top_p,
        seed: arguments.seed,
        stop_ids: model.stop_ids.clone(),
    };
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
