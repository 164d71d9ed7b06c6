//! `jikji corpus`.

use std::io::Write;
use std::path::Path;

use jikji_checkpoint::durable;
use jikji_corpus::synth::{SynthConfig, Topic, documents};
use jikji_corpus::{BuildConfig, InputConfig, OnError, TextEncoding, unused_name};
use jikji_telemetry::human_units::{human_bytes, with_separators};

use crate::arguments::CorpusCommand;
use crate::console;
use crate::exit;
use crate::failure::Failure;
use crate::now_and_then::NowAndThen;
use crate::output;

pub(crate) fn run(command: CorpusCommand) -> Result<(), Failure> {
    match command {
        CorpusCommand::Build {
            input,
            exclude,
            encoding,
            on_error,
            output,
            min_chars,
        } => build(&input, &exclude, encoding, on_error, &output, min_chars),
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
    encoding: Option<TextEncoding>,
    on_error: OnError,
    dir: &Path,
    min_chars: usize,
) -> Result<(), Failure> {
    output::check_outside("--output", dir, &WRITTEN, input)?;
    output::check_filled_folder("--output", dir, is_written)?;
    let mut inputs: Vec<InputConfig> = Vec::new();
    for path in input {
        inputs.push(InputConfig {
            name: unused_name(&source_name(path), |name| {
                let taken = inputs.iter().map(|input| input.name.to_lowercase());
                taken.into_iter().any(|taken| taken == name.to_lowercase())
            }),
            path: path.clone(),
            exclude: exclude.to_vec(),
            encoding,
            on_error,
            ..InputConfig::default()
        });
    }
    let config = BuildConfig {
        inputs,
        min_chars,
        drop_exact_duplicates: true,
        ..BuildConfig::default()
    };
    let mut progress = NowAndThen::new();
    let corpus = jikji_corpus::build(&config, dir, &mut |at| {
        progress.tell(|| {
            format!(
                "reading `{}`: {} of {}, {} documents",
                at.source,
                human_bytes(at.input_bytes_done),
                human_bytes(at.input_bytes),
                with_separators(at.documents)
            )
        });
    })?;
    drop(progress);
    for source in &corpus.manifest().sources {
        console::data(format!(
            "{:<20} {:>12} documents {:>10} of text; dropped {} empty, {} short, {} duplicate{}",
            source.name,
            with_separators(source.documents),
            human_bytes(source.bytes),
            source.dropped.empty,
            source.dropped.too_short,
            source.dropped.duplicate,
            match source.dropped.unreadable {
                0 => String::new(),
                rows => format!(", {rows} unreadable"),
            },
        ));
    }
    for line in corpus.manifest().remarks() {
        console::say(line);
    }
    console::say(format!(
        "documents and their papers: {}",
        dir.join("manifest.json").display()
    ));
    Ok(())
}

/// Files of a corpus folder, one of each kind.
const WRITTEN: [&str; 5] = [
    "manifest.json",
    "journal.jsonl",
    "stamps.json",
    "build.lock",
    "documents-00000.jsonl.zst",
];

/// Whether a file may be of a corpus, whole or in the making.
fn is_written(name: &str) -> bool {
    let [fixed @ .., _] = &WRITTEN;
    fixed.iter().any(|written| name.starts_with(written)) || name.contains(".jsonl.zst")
}

/// The last part of a path without wildcards and endings: `/data/law/*.jsonl` is `law`.
fn source_name(path: &str) -> String {
    let mut parts = path.split('/').rev();
    let plain = parts.find(|part| !part.is_empty() && !part.contains(['*', '?', '[']));
    let stem = plain.and_then(|part| part.split('.').find(|stem| !stem.is_empty()));
    stem.and_then(jikji_corpus::source_name)
        .unwrap_or_else(|| "input".to_owned())
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
            output::check_file("--output", path)?;
            let mut lines = lines;
            let written = durable::write_file_with(path, |out: &mut dyn Write| {
                lines.try_for_each(|line| writeln!(out, "{line}"))
            });
            output::written(path, written)?;
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
