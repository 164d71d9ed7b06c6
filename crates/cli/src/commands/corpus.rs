//! `jikji corpus`.

use std::io::Write;
use std::path::Path;

use jikji_checkpoint::durable;
use jikji_corpus::synth::{SynthConfig, Topic, documents};
use jikji_corpus::{BuildConfig, InputConfig};
use jikji_telemetry::human_units::{human_bytes, with_separators};

use crate::arguments::CorpusCommand;
use crate::console;
use crate::exit;
use crate::failure::Failure;

pub(crate) fn run(command: CorpusCommand) -> Result<(), Failure> {
    match command {
        CorpusCommand::Build {
            input,
            exclude,
            output,
            min_chars,
        } => build(&input, &exclude, &output, min_chars),
        CorpusCommand::Synth {
            documents,
            seed,
            topic,
            output,
        } => synth(documents, seed, &topic, output.as_deref()),
    }
}

fn build(
    input: &[String],
    exclude: &[String],
    output: &Path,
    min_chars: usize,
) -> Result<(), Failure> {
    let mut inputs: Vec<InputConfig> = Vec::new();
    for path in input {
        inputs.push(InputConfig {
            name: unused_name(&source_name(path), &inputs),
            path: path.clone(),
            exclude: exclude.to_vec(),
            fields: Vec::new(),
            license: None,
        });
    }
    let config = BuildConfig {
        inputs,
        min_chars,
        drop_exact_duplicates: true,
        ..BuildConfig::default()
    };
    let corpus = jikji_corpus::build(&config, output, &mut |_| ())?;
    for source in &corpus.manifest().sources {
        console::data(format!(
            "{:<20} {:>12} documents {:>10} of text; dropped {} empty, {} short, {} duplicate",
            source.name,
            with_separators(source.documents),
            human_bytes(source.bytes),
            source.dropped.empty,
            source.dropped.too_short,
            source.dropped.duplicate,
        ));
        for skipped in &source.skipped {
            console::say(format!("skipped `{}`: {}", skipped.path, skipped.reason));
        }
    }
    console::say(format!(
        "documents and their papers: {}",
        output.join("manifest.json").display()
    ));
    Ok(())
}

/// The last part of a path without wildcards and endings: `/data/law/*.jsonl` is `law`.
fn source_name(path: &str) -> String {
    let mut parts = path.split('/').rev();
    let plain = parts.find(|part| !part.is_empty() && !part.contains(['*', '?', '[']));
    let stem = plain.and_then(|part| part.split('.').find(|stem| !stem.is_empty()));
    stem.and_then(jikji_corpus::source_name)
        .unwrap_or_else(|| "input".to_owned())
}

fn unused_name(name: &str, taken: &[InputConfig]) -> String {
    let is_free = |name: &str| taken.iter().all(|input| input.name != name);
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    std::iter::once(name.to_owned())
        .chain(numbered)
        .find(|name| is_free(name))
        .expect("numbers do not end")
}

fn synth(count: usize, seed: u64, topics: &[String], output: Option<&Path>) -> Result<(), Failure> {
    let config = SynthConfig {
        seed,
        documents: count,
        topics: parse_topics(topics)?,
    };
    let lines = documents(&config).map(|document| {
        serde_json::json!({ "text": document.text, "topic": document.topic.name(), "synthetic": true }).to_string()
    });
    match output {
        None => lines.for_each(console::data),
        Some(path) => {
            let mut lines = lines;
            durable::write_file_with(path, |out: &mut dyn Write| {
                lines.try_for_each(|line| writeln!(out, "{line}"))
            })?;
            console::say(format!(
                "{} synthetic documents: {}",
                with_separators(count as u64),
                path.display()
            ));
        }
    }
    Ok(())
}

/// Topics by name; an unknown one is an error that lists what there is.
pub(crate) fn parse_topics(names: &[String]) -> Result<Vec<Topic>, Failure> {
    let parse = |name: &String| {
        Topic::parse(name).ok_or_else(|| {
            let known: Vec<&str> = Topic::ALL.iter().map(|topic| topic.name()).collect();
            Failure::new(exit::RECIPE, format!("unknown topic `{name}`"))
                .with_hint(format!("topics are {}", known.join(", ")))
        })
    };
    names.iter().map(parse).collect()
}
