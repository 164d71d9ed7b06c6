//! `jikji tokenizer encode`.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use jikji_checkpoint::durable;
use jikji_telemetry::human_units::with_separators;
use jikji_tokenizer::Tokenizer;
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::console;
use crate::exit;
use crate::failure::Failure;
use crate::now_and_then::NowAndThen;

/// Lines that all threads encode together.
const BATCH: usize = 4096;

/// A batch is also full at so many bytes.
const BATCH_BYTES: usize = 16 << 20;

pub(super) fn run(dir: &Path, input: &Path, output: &Path, field: &str) -> Result<(), Failure> {
    super::super::refuse_same_file(input, output)?;
    let tokenizer = Tokenizer::load(dir)?;
    let file = File::open(input).map_err(|error| {
        let message = format!("failed to open `{}`: {error}", input.display());
        Failure::new(exit::DATA, message)
    })?;
    let mut lines = BufReader::new(file).lines().zip(1..);
    let mut num_lines = 0;
    let mut word = NowAndThen::new();
    let mut failed = None;
    let written = durable::write_file_with(output, |out: &mut dyn Write| {
        loop {
            let batch = match next_batch(&mut lines, input) {
                Ok(batch) if batch.is_empty() => return Ok(()),
                Ok(batch) => batch,
                Err(failure) => return Err(stop(&mut failed, failure)),
            };
            let encoded: Result<Vec<String>, Failure> = batch
                .par_iter()
                .map(|(line, number)| encode(&tokenizer, line, field, input, *number))
                .collect();
            let encoded = encoded.map_err(|failure| stop(&mut failed, failure))?;
            num_lines += encoded.len();
            for line in encoded {
                writeln!(out, "{line}")?;
            }
            if word.is_due() {
                let lines = with_separators(num_lines as u64);
                console::say(format!("encoding: {lines} lines"));
            }
        }
    });
    if let Some(failure) = failed {
        return Err(failure);
    }
    written?;
    console::say(format!(
        "encoded {} lines: {}",
        with_separators(num_lines as u64),
        output.display()
    ));
    Ok(())
}

/// Ends the writing of a file that is then not kept.
fn stop(failed: &mut Option<Failure>, failure: Failure) -> std::io::Error {
    *failed = Some(failure);
    std::io::Error::other("a line that cannot be encoded")
}

/// The next lines that hold something, with their numbers.
fn next_batch(
    lines: &mut impl Iterator<Item = (std::io::Result<String>, usize)>,
    input: &Path,
) -> Result<Vec<(String, usize)>, Failure> {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while batch.len() < BATCH
        && bytes < BATCH_BYTES
        && let Some((line, number)) = lines.next()
    {
        let mut line = line.map_err(|error| {
            let message = format!("`{}` line {number}: {error}", input.display());
            Failure::new(exit::DATA, message)
        })?;
        // What editors leave behind is no line: a mark of UTF-8 at the start, empty lines.
        if line.starts_with('\u{feff}') {
            line.remove(0);
        }
        if !line.trim().is_empty() {
            bytes += line.len();
            batch.push((line, number));
        }
    }
    Ok(batch)
}

fn encode(
    tokenizer: &Tokenizer,
    line: &str,
    field: &str,
    input: &Path,
    number: usize,
) -> Result<String, Failure> {
    let place = || format!("`{}` line {number}", input.display());
    let row: Value = serde_json::from_str(line).map_err(|error| {
        Failure::new(
            exit::DATA,
            format!("{}: not a JSON object: {error}", place()),
        )
    })?;
    let text = row.get(field).and_then(Value::as_str).ok_or_else(|| {
        let message = format!("{}: expected a string field `{field}`", place());
        Failure::new(exit::DATA, message)
            .with_hint("each line is an object such as {\"text\": \"...\"}; `--text-field` names another field")
    })?;
    Ok(json!({ "ids": tokenizer.encode_with_post_processor(text)? }).to_string())
}
