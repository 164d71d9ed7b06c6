//! `jikji tokenizer train`.

use jikji_telemetry::human_units::{human_bytes, with_separators};
use jikji_tokenizer::Trainer;

use crate::arguments::TrainTokenizer;
use crate::console;
use crate::exit;
use crate::failure::Failure;
use crate::now_and_then::NowAndThen;

pub(super) fn run(arguments: &TrainTokenizer) -> Result<(), Failure> {
    let output = &arguments.output;
    if output.join("tokenizer.json").exists() {
        return Err(Failure::new(
            exit::DATA,
            format!("`{}` holds a tokenizer already", output.display()),
        )
        .with_hint("name a new folder with `--output`"));
    }
    let mut set = arguments.set.clone();
    if let Some(size) = arguments.vocab_size {
        set.push(format!("tokenizer.vocab_size={size}"));
    }
    let mut config = jikji_recipe::load_tokenizer_config(arguments.config.as_deref(), &set)?;
    for weight in &arguments.weight {
        let (name, times) = weight
            .split_once('=')
            .and_then(|(name, times)| Some((name, times.parse().ok()?)))
            .ok_or_else(|| {
                Failure::new(
                    exit::COMMAND_LINE,
                    format!("`--weight {weight}`: expected NAME=TIMES, such as law=2"),
                )
            })?;
        config.weights.insert(name.to_owned(), times);
    }
    config.check()?;
    let files = super::files(&arguments.texts)?;
    let mut trainer = Trainer::new(&config, super::scratch(output)?)?;
    let mut word = NowAndThen::new();
    let mut bytes = 0;
    for (number, file) in (1..).zip(&files) {
        for document in file.documents()? {
            let document = document?;
            let text = jikji_corpus::clean(&document.text);
            trainer.add(&document.source, &text)?;
            bytes += text.len() as u64;
            if word.is_due() {
                let (bytes, all) = (human_bytes(bytes), files.len());
                console::say(format!("reading: {bytes} of text, file {number} of {all}"));
            }
        }
    }
    let asked = with_separators(config.vocab_size as u64);
    let tokenizer = trainer.finish_telling(&mut |tokens| {
        if word.is_due() {
            console::say(format!(
                "learning: {} of {asked} tokens",
                with_separators(tokens as u64)
            ));
        }
    })?;
    tokenizer.save(output)?;
    let entries = with_separators(tokenizer.vocab_size() as u64);
    if tokenizer.vocab_size() < config.vocab_size {
        console::say(format!(
            "{entries} tokens instead of {asked}: no further pair occurs {} times in this text",
            config.min_frequency
        ));
    }
    console::say(format!("{entries} tokens: {}", output.display()));
    Ok(())
}
