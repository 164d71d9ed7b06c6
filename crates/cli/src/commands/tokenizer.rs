//! `jikji tokenizer`.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use jikji_checkpoint::durable;
use jikji_corpus::{CorpusError, Document, InputConfig};
use jikji_telemetry::human_units::with_separators;
use jikji_tokenizer::measure::Measure;
use jikji_tokenizer::{Tokenizer, TokenizerConfig};
use serde_json::{Value, json};

use crate::arguments::TokenizerCommand;
use crate::console;
use crate::exit;
use crate::failure::Failure;

pub(crate) fn run(command: TokenizerCommand) -> Result<(), Failure> {
    match command {
        TokenizerCommand::Train {
            input,
            vocab_size,
            output,
        } => train(&input, vocab_size, &output),
        TokenizerCommand::Measure {
            tokenizer,
            input,
            json,
        } => measure(&tokenizer, &input, json),
        TokenizerCommand::Encode {
            tokenizer,
            input,
            output,
        } => encode(&tokenizer, &input, &output),
    }
}

/// The documents of each input, under the file they come from.
pub(super) fn documents(
    inputs: &[String],
) -> Result<Vec<(String, InputConfig, jikji_corpus::InputFile)>, Failure> {
    let mut files = Vec::new();
    for input in inputs {
        let config = InputConfig {
            name: "input".to_owned(),
            path: input.clone(),
            exclude: Vec::new(),
            fields: Vec::new(),
            license: None,
        };
        let found = jikji_corpus::discover(&config)?;
        for skipped in &found.skipped {
            console::say(format!("skipped `{}`: {}", skipped.path, skipped.reason));
        }
        for file in found.files {
            files.push((file.path.display().to_string(), config.clone(), file));
        }
    }
    Ok(files)
}

fn train(inputs: &[String], vocab_size: usize, output: &Path) -> Result<(), Failure> {
    if output.join("tokenizer.json").exists() {
        return Err(Failure::new(
            exit::DATA,
            format!("`{}` holds a tokenizer already", output.display()),
        )
        .with_hint("name a new folder with `--output`"));
    }
    let mut failed: Option<CorpusError> = None;
    let files = documents(inputs)?;
    let texts = files
        .iter()
        .flat_map(
            |(_, config, file)| -> Box<dyn Iterator<Item = Result<Document, CorpusError>>> {
                match jikji_corpus::read(config, file) {
                    Ok(documents) => Box::new(documents),
                    Err(error) => Box::new(std::iter::once(Err(error))),
                }
            },
        )
        .map_while(|document| match document {
            Ok(document) => Some(jikji_corpus::clean(&document.text)),
            Err(error) => {
                failed = Some(error);
                None
            }
        });
    let tokenizer = jikji_tokenizer::train(texts, &TokenizerConfig::with_vocab_size(vocab_size));
    if let Some(error) = failed {
        return Err(error.into());
    }
    let tokenizer = tokenizer?;
    tokenizer.save(output)?;
    console::say(format!(
        "{} entries: {}",
        with_separators(tokenizer.vocab_size() as u64),
        output.display()
    ));
    Ok(())
}

struct Row {
    tokenizer: String,
    input: String,
    measure: Measure,
}

fn measure(tokenizers: &[PathBuf], inputs: &[String], json: bool) -> Result<(), Failure> {
    let files = documents(inputs)?;
    let mut rows = Vec::new();
    for dir in tokenizers {
        let tokenizer = Tokenizer::load(dir)?;
        let name = dir.display().to_string();
        let mut total = Measure::default();
        for (input, config, file) in &files {
            let mut measure = Measure::default();
            for document in jikji_corpus::read(config, file)? {
                measure.add(&tokenizer, &document?.text)?;
            }
            total.merge(&measure);
            rows.push(Row {
                tokenizer: name.clone(),
                input: input.clone(),
                measure,
            });
        }
        rows.push(Row {
            tokenizer: name,
            input: "total".to_owned(),
            measure: total,
        });
    }
    if json {
        let list: Vec<Value> = rows.iter().map(Row::json).collect();
        console::data(serde_json::to_string_pretty(&list).expect("numbers and names are JSON"));
    } else {
        console::data("bytes/token  tokens/eojeol  tokens/syllable  tokenizer, input");
        for row in &rows {
            console::data(row.line());
        }
    }
    Ok(())
}

impl Row {
    fn json(&self) -> Value {
        json!({
            "tokenizer": self.tokenizer,
            "input": self.input,
            "bytes_per_token": self.measure.bytes_per_token(),
            "tokens_per_eojeol": self.measure.tokens_per_eojeol(),
            "tokens_per_syllable": self.measure.tokens_per_syllable(),
        })
    }

    fn line(&self) -> String {
        let number = |value: Option<f64>| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"))
        };
        format!(
            "{:>11}  {:>13}  {:>15}  {}, {}",
            number(self.measure.bytes_per_token()),
            number(self.measure.tokens_per_eojeol()),
            number(self.measure.tokens_per_syllable()),
            self.tokenizer,
            self.input
        )
    }
}

fn encode(dir: &Path, input: &Path, output: &Path) -> Result<(), Failure> {
    super::refuse_same_file(input, output)?;
    let tokenizer = Tokenizer::load(dir)?;
    let file = std::fs::File::open(input).map_err(|error| {
        Failure::new(
            exit::DATA,
            format!("failed to open `{}`: {error}", input.display()),
        )
    })?;
    let mut lines = Vec::new();
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let place = || format!("`{}` line {}", input.display(), number + 1);
        let line =
            line.map_err(|error| Failure::new(exit::DATA, format!("{}: {error}", place())))?;
        // What editors leave behind is no line: a mark of UTF-8 at the start, empty lines.
        let line = line.trim_start_matches('\u{feff}');
        if line.trim().is_empty() {
            continue;
        }
        let row: Value = serde_json::from_str(line).map_err(|error| {
            Failure::new(
                exit::DATA,
                format!("{}: not a JSON object: {error}", place()),
            )
        })?;
        let text = row.get("text").and_then(Value::as_str).ok_or_else(|| {
            Failure::new(
                exit::DATA,
                format!("{}: expected a string field `text`", place()),
            )
            .with_hint("each line is an object such as {\"text\": \"...\"}")
        })?;
        lines.push(json!({ "ids": tokenizer.encode_with_post_processor(text)? }).to_string());
    }
    durable::write_file_with(output, |out: &mut dyn Write| {
        lines.iter().try_for_each(|line| writeln!(out, "{line}"))
    })?;
    console::say(format!(
        "encoded {} lines: {}",
        with_separators(lines.len() as u64),
        output.display()
    ));
    Ok(())
}
