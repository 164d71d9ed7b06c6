//! `jikji tokenizer train`.

use jikji_telemetry::human_units::with_separators;
use jikji_tokenizer::Trainer;

use crate::arguments::TrainTokenizer;
use crate::console;
use crate::exit;
use crate::failure::Failure;

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
    for file in &files {
        for document in file.documents()? {
            let document = document?;
            trainer.add(&document.source, &jikji_corpus::clean(&document.text))?;
        }
    }
    let tokenizer = trainer.finish()?;
    tokenizer.save(output)?;
    let entries = with_separators(tokenizer.vocab_size() as u64);
    if tokenizer.vocab_size() < config.vocab_size {
        console::say(format!(
            "{entries} tokens instead of {}: no further pair occurs {} times in this text",
            with_separators(config.vocab_size as u64),
            config.min_frequency
        ));
    }
    console::say(format!("{entries} tokens: {}", output.display()));
    Ok(())
}
