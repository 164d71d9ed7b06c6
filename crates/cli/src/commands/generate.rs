//! `jikji generate`.

use std::ops::ControlFlow;

use jikji_eval::{EvalError, Generator};
use jikji_interop::LoadedModel;
use jikji_ops::Precision;

use super::chat::Conversing;
use crate::arguments::GenerateArguments;
use crate::console;
use crate::failure::Failure;

pub(crate) fn run(arguments: &GenerateArguments) -> Result<(), Failure> {
    let model = LoadedModel::load(&arguments.model, Precision::F32)?;
    let sampling = &arguments.sampling;
    let config = sampling.config(&model);
    if arguments.chat {
        let mut conversing = Conversing::with(&model, config)?;
        sampling.warn_beyond_context(&model, 0);
        return match conversing.answer(&arguments.prompt)? {
            None => Ok(()),
            Some(too_long) => Err(EvalError::from(too_long).into()),
        };
    }
    let tokenizer = model.require_tokenizer()?;
    let prompt = tokenizer
        .encode_with_post_processor(&arguments.prompt)
        .map_err(EvalError::from)?;
    sampling.warn_beyond_context(&model, prompt.len());
    let mut first = true;
    let written = Generator::of(&model).continue_text(tokenizer, &prompt, &config, |piece| {
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
    super::chat::say_if_full(&model, &written.generated);
    Ok(())
}
