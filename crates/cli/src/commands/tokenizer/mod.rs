//! `jikji tokenizer`.

mod encode;
mod extend;
mod measure;
mod train;

use std::path::Path;

use jikji_checkpoint::durable;
use jikji_corpus::{BuildConfig, CorpusError, Document, FieldMapping, InputConfig, InputFile};

use crate::arguments::{Texts, TokenizerCommand};
use crate::console;
use crate::exit;
use crate::failure::Failure;

pub(crate) fn run(command: TokenizerCommand) -> Result<(), Failure> {
    match command {
        TokenizerCommand::Train(arguments) => train::run(&arguments),
        TokenizerCommand::Measure(arguments) => measure::run(&arguments),
        TokenizerCommand::Extend(arguments) => extend::run(&arguments),
        TokenizerCommand::Encode(arguments) => encode::run(&arguments),
    }
}

/// A file of texts, and what it belongs to.
pub(super) struct TextFile {
    /// The name of its domain, or its path if it has none.
    pub(super) label: String,
    config: InputConfig,
    file: InputFile,
}

impl TextFile {
    /// The name that the command line gives its domain.
    pub(super) fn domain(&self) -> Option<&str> {
        (self.config.name != UNNAMED).then_some(&self.config.name)
    }

    /// The documents, whose `source` is the domain. At the end it is said what could not be read.
    pub(super) fn documents(
        &self,
    ) -> Result<impl Iterator<Item = Result<Document, Failure>>, Failure> {
        let mut documents = match jikji_corpus::read(&self.config, &self.file) {
            Ok(documents) => Some(documents),
            // Said when the inputs were listed.
            Err(CorpusError::DoesNotFit { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(std::iter::from_fn(move || {
            let documents = documents.as_mut()?;
            let next = documents.next();
            if next.is_none() {
                for line in documents.faults().lines() {
                    console::say(format!("left out: {line}"));
                }
            }
            next.map(|document| Ok(document?))
        })
        .fuse())
    }
}

/// Domain of files without a name in front.
const UNNAMED: &str = "input";

/// The files of all inputs.
pub(super) fn files(texts: &Texts) -> Result<Vec<TextFile>, Failure> {
    let (mut files, mut inputs) = (Vec::new(), Vec::new());
    for input in &texts.input {
        let (name, path) = name_and_path(input);
        let config = InputConfig {
            name: name.unwrap_or(UNNAMED).to_owned(),
            path: path.to_owned(),
            fields: vec![FieldMapping {
                glob: "**".to_owned(),
                text: texts.text_field.clone(),
                license: None,
            }],
            encoding: texts.encoding,
            on_error: texts.on_error,
            ..InputConfig::default()
        };
        let found = jikji_corpus::discover(&config)?;
        inputs.push(config.clone());
        files.extend(found.files.into_iter().map(|file| TextFile {
            label: name.map_or_else(|| file.path.display().to_string(), str::to_owned),
            config: config.clone(),
            file,
        }));
    }
    // What cannot be read is better known now, and all of it, than one by one after hours.
    let probe = BuildConfig {
        inputs,
        ..BuildConfig::default()
    };
    for line in jikji_corpus::probe(&probe)?.lines() {
        console::say(line);
    }
    Ok(files)
}

/// `law=texts/*.txt` is the domain `law` and a path, which may hold the sign too.
fn name_and_path(input: &str) -> (Option<&str>, &str) {
    match input.split_once('=') {
        Some((name, path)) if !jikji_corpus::user_path(input).exists() => (Some(name), path),
        _ => (None, input),
    }
}

fn path_of(input: &str) -> &str {
    name_and_path(input).1
}

/// The folder around an output, for what does not fit into memory.
pub(super) fn scratch(output: &Path) -> Result<&Path, Failure> {
    let around = output
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let around = around.unwrap_or(Path::new("."));
    durable::create_dir_all(around)?;
    Ok(around)
}

/// The text of documents, as the command's files hold it.
pub(super) fn all_texts(texts: &Texts) -> Result<Vec<String>, Failure> {
    let mut all = Vec::new();
    for file in files(texts)? {
        for document in file.documents()? {
            all.push(document?.text);
        }
    }
    if all.iter().all(String::is_empty) {
        return Err(Failure::new(
            exit::DATA,
            "the files of `--input` hold no text",
        ));
    }
    Ok(all)
}
