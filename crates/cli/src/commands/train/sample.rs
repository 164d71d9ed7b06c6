//! A look into every source before anything is prepared: how much text there is, and some of it.
//! Small sources are counted, large ones estimated from the beginning of each file.

use jikji_corpus::{CorpusError, Documents, InputConfig, InputFile, InputFormat, SyntheticInput};
use jikji_recipe::RunConfig;

use super::prepare::{corpus_failure, prepare_config};
use crate::failure::Failure;

/// Text that is read at most, of all sources together.
const SAMPLE_BYTES: u64 = 16 << 20;

/// Text that is kept of each source, for its tokens to be counted.
const KEPT_BYTES: u64 = 1 << 20;

/// Opening a Parquet file reads all of it, so only so many of a source are opened.
const PARQUET_FILES: usize = 3;

/// Documents that the grammar generator makes for an estimate.
const SYNTHETIC_DOCUMENTS: usize = 200;

/// What one source holds.
pub(super) struct SourceSample {
    pub(super) name: String,
    /// Documents after cleaning and the minimum length, before duplicates are dropped.
    pub(super) documents: u64,
    /// Bytes of their clean texts.
    pub(super) text_bytes: u64,
    /// Whether every document was counted.
    pub(super) is_exact: bool,
    /// Some of them, from the beginning of each file.
    pub(super) texts: Vec<String>,
}

/// Looks into every source, in the order of the recipe, the grammar's last. What the run would
/// refuse in the beginning of a file is refused here.
pub(super) fn sample(config: &RunConfig) -> Result<Vec<SourceSample>, Failure> {
    let mut corpus = prepare_config(config)?.corpus;
    // Those for validation alone come first.
    corpus.inputs.drain(..config.data.validation.len());
    let failure = |error| corpus_failure(config, error);
    let sources = (corpus.inputs.len() + corpus.synthetic.len()).max(1) as u64;
    let mut samples = Vec::new();
    for input in &corpus.inputs {
        let mut counted = Counted::new(corpus.min_chars);
        counted
            .read(input, SAMPLE_BYTES / sources)
            .map_err(failure)?;
        samples.push(counted.sample(&input.name));
    }
    for (input, source) in corpus.synthetic.iter().zip(synthetic_sizes(config)) {
        samples.push(synthetic(input, source));
    }
    Ok(samples)
}

/// Numbers of documents of the synthetic sources.
fn synthetic_sizes(config: &RunConfig) -> impl Iterator<Item = usize> + '_ {
    let synthetic = config.data.sources.iter();
    synthetic.filter_map(|source| Some(source.synth.as_ref()?.documents))
}

fn synthetic(input: &SyntheticInput, documents: usize) -> SourceSample {
    let texts: Vec<String> = (input.documents)().take(SYNTHETIC_DOCUMENTS).collect();
    let read: usize = texts.iter().map(String::len).sum();
    let scale = documents as f64 / texts.len().max(1) as f64;
    SourceSample {
        name: input.name.clone(),
        documents: documents as u64,
        text_bytes: (read as f64 * scale) as u64,
        is_exact: texts.len() >= documents,
        texts,
    }
}

/// What was read of a source so far.
struct Counted {
    min_chars: usize,
    documents: u64,
    text_bytes: u64,
    /// Bytes on disk of what was read, and of what was not.
    read_bytes: u64,
    unread_bytes: u64,
    texts: Vec<String>,
    kept_bytes: u64,
}

impl Counted {
    fn new(min_chars: usize) -> Self {
        Self {
            min_chars,
            documents: 0,
            text_bytes: 0,
            read_bytes: 0,
            unread_bytes: 0,
            texts: Vec::new(),
            kept_bytes: 0,
        }
    }

    fn read(&mut self, input: &InputConfig, most: u64) -> Result<(), CorpusError> {
        let files = jikji_corpus::discover(input)?.files;
        let share = most / files.len().max(1) as u64;
        let mut parquet = 0;
        for file in &files {
            if file.format == InputFormat::Parquet {
                parquet += 1;
                if parquet > PARQUET_FILES {
                    self.unread_bytes += file.bytes;
                    continue;
                }
            }
            match jikji_corpus::read(input, file) {
                Ok(documents) => self.file(documents, file, share)?,
                // The run skips such a file too, and lists it.
                Err(CorpusError::DoesNotFit { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The beginning of a file, and at least one document.
    fn file(
        &mut self,
        mut documents: Documents,
        file: &InputFile,
        share: u64,
    ) -> Result<(), CorpusError> {
        let mut read = 0;
        let is_whole = loop {
            let Some(document) = documents.next() else {
                break true;
            };
            let text = jikji_corpus::clean(&document?.text);
            read += text.len() as u64;
            self.document(text);
            if read >= share {
                break false;
            }
        };
        let done = if is_whole || file.format == InputFormat::Parquet {
            file.bytes
        } else {
            documents.bytes_read().min(file.bytes)
        };
        self.read_bytes += done;
        self.unread_bytes += file.bytes - done;
        Ok(())
    }

    fn document(&mut self, text: String) {
        if text.is_empty() || text.chars().take(self.min_chars).count() < self.min_chars {
            return;
        }
        let bytes = text.len() as u64;
        self.documents += 1;
        self.text_bytes += bytes;
        if self.kept_bytes < KEPT_BYTES {
            self.kept_bytes += bytes;
            self.texts.push(text);
        }
    }

    fn sample(self, name: &str) -> SourceSample {
        let whole = (self.read_bytes + self.unread_bytes) as f64;
        let scale = whole / self.read_bytes.max(1) as f64;
        let is_exact = self.unread_bytes == 0;
        let scaled = |count: u64| {
            if is_exact {
                count
            } else {
                (count as f64 * scale) as u64
            }
        };
        SourceSample {
            name: name.to_owned(),
            documents: scaled(self.documents),
            text_bytes: scaled(self.text_bytes),
            is_exact,
            texts: self.texts,
        }
    }
}
