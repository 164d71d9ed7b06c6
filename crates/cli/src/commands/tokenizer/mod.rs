//! `jikji tokenizer`.

mod encode;
mod extend;
mod measure;
mod train;

use std::path::Path;

use jikji_checkpoint::durable;
use jikji_corpus::{Document, FieldMapping, InputConfig, InputFile};

use crate::arguments::{Texts, TokenizerCommand};
use crate::console;
use crate::exit;
use crate::failure::Failure;

pub(crate) fn run(command: TokenizerCommand) -> Result<(), Failure> {
    match command {
        TokenizerCommand::Train(arguments) => train::run(&arguments),
        TokenizerCommand::Measure(arguments) => measure::run(&arguments),
        TokenizerCommand::Extend(arguments) => extend::run(&arguments),
        TokenizerCommand::Encode {
            tokenizer,
            input,
            output,
            text_field,
        } => encode::run(&tokenizer, &input, &output, &text_field),
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

    /// The documents, whose `source` is the domain.
    pub(super) fn documents(
        &self,
    ) -> Result<impl Iterator<Item = Result<Document, Failure>>, Failure> {
        Ok(jikji_corpus::read(&self.config, &self.file)?.map(|document| Ok(document?)))
    }
}

/// Domain of files without a name in front.
const UNNAMED: &str = "input";

/// The files of all inputs.
pub(super) fn files(texts: &Texts) -> Result<Vec<TextFile>, Failure> {
    let mut files = Vec::new();
    for input in &texts.input {
        let (name, path) = match input.split_once('=') {
            // A path may hold the sign too.
            Some((name, path)) if !Path::new(input).exists() => (Some(name), path),
            _ => (None, input.as_str()),
        };
        let config = InputConfig {
            name: name.unwrap_or(UNNAMED).to_owned(),
            path: path.to_owned(),
            exclude: Vec::new(),
            fields: vec![FieldMapping {
                glob: "**".to_owned(),
                text: texts.text_field.clone(),
                license: None,
            }],
            license: None,
        };
        let found = jikji_corpus::discover(&config)?;
        for skipped in &found.skipped {
            console::say(format!("skipped `{}`: {}", skipped.path, skipped.reason));
        }
        files.extend(found.files.into_iter().map(|file| TextFile {
            label: name.map_or_else(|| file.path.display().to_string(), str::to_owned),
            config: config.clone(),
            file,
        }));
    }
    Ok(files)
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
