//! From raw files to batches in three folders that are kept: documents, tokenizer, token shards.
//!
//! Each folder carries in its name what it was made from, so a changed setting makes a new one and nothing complete is lost;
//! a second run finds all three and reads only their manifests. An interrupted preparation continues where it stopped.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use jikji_corpus::{BuildConfig, BuildProgress, Corpus, CorpusError, Document, PartEntry};
use jikji_tokenizer::{Tokenizer, TokenizerConfig, TokenizerError, Trainer};
use rayon::prelude::*;

use crate::builder::{EncodedDocument, ShardSetBuilder};
use crate::error::{ShardError, WriteUnitError};
use crate::manifest::ShardSetSpec;
use crate::prepare_lock::PrepareLock;
use crate::shard_set::ShardSet;
use crate::split::{Split, split_of};

/// Changes when the same settings would give other tokens.
const RECIPE_OF_SHARDS: u32 = 3;

/// Text that is tokenized at a time.
const CHUNK_BYTES: usize = 4 * 1024 * 1024;

/// Text of one document that is tokenized at a time: the library holds some sixty bytes for each of text.
const PIECE_BYTES: usize = 1024 * 1024;

/// Where the tokenizer comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum TokenizerPlan {
    /// A folder with `tokenizer.json`.
    Load(PathBuf),
    /// Trained on the training documents.
    Train(Box<TokenizerConfig>),
}

/// What to prepare and where.
pub struct PrepareConfig {
    /// Folder that holds the three folders.
    pub dir: PathBuf,
    /// The raw files.
    pub corpus: BuildConfig,
    /// The tokenizer.
    pub tokenizer: TokenizerPlan,
    /// Which documents are held back.
    pub validation: ValidationSplit,
}

/// Share of documents held back, chosen by their hash.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidationSplit {
    /// Between 0 and 1.
    pub fraction: f64,
    /// Sources that give documents; empty means every source that is not synthetic.
    pub sources: Vec<String>,
}

impl ValidationSplit {
    fn of(&self, source: &str, synthetic: bool, hash: [u8; 16]) -> Split {
        let takes_part = if self.sources.is_empty() {
            !synthetic
        } else {
            self.sources.iter().any(|name| name == source)
        };
        if takes_part {
            split_of(&hash, self.fraction)
        } else {
            Split::Train
        }
    }
}

/// Where preparation is.
#[derive(Debug, Clone, PartialEq)]
pub enum PrepareProgress {
    /// Another process prepares text in the same folder; it is waited for.
    Waiting,
    /// Documents are read and cleaned.
    Corpus(BuildProgress),
    /// The tokenizer reads its text.
    CountingPieces {
        /// Bytes of text read.
        bytes: u64,
        /// Bytes of the whole corpus.
        of: u64,
    },
    /// The tokenizer learns its vocabulary.
    LearningTokens {
        /// Tokens learned.
        tokens: u64,
        /// Tokens asked for.
        of: u64,
    },
    /// Documents become tokens.
    Tokenizing {
        /// Bytes of text done.
        bytes: u64,
        /// Bytes of the whole corpus.
        of: u64,
    },
}

/// What a run reads.
pub struct Prepared {
    /// Documents and their papers.
    pub corpus: Corpus,
    /// The tokenizer.
    pub tokenizer: Tokenizer,
    /// Its folder.
    pub tokenizer_dir: PathBuf,
    /// Token shards.
    pub shards: ShardSet,
    split: ValidationSplit,
}

impl Prepared {
    /// The documents of one side of the split, in corpus order.
    pub fn documents(
        &self,
        split: Split,
    ) -> impl Iterator<Item = Result<Document, CorpusError>> + '_ {
        documents_of(&self.corpus, &self.split, split)
    }

    /// Training documents of about `max_bytes`, from every part of the corpus in its share and at least one of each, so that no
    /// source is left out.
    pub fn sample_of_training(
        &self,
        max_bytes: u64,
    ) -> impl Iterator<Item = Result<Document, CorpusError>> + '_ {
        let parts = self.corpus.parts();
        let whole: u64 = parts.iter().map(|part| part.bytes).sum();
        let share = (max_bytes as f64 / whole.max(1) as f64).min(1.0);
        parts.iter().flat_map(move |part| {
            let mut room = (part.bytes as f64 * share).ceil() as u64;
            documents_of_part(&self.corpus, &self.split, Split::Train, part).take_while(
                move |document| {
                    let bytes = document.as_ref().map_or(0, |found| found.text.len() as u64);
                    let has_room = room > 0;
                    room = room.saturating_sub(bytes);
                    has_room
                },
            )
        })
    }
}

/// What can go wrong on the way.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// Reading the raw files.
    #[error(transparent)]
    Corpus(#[from] CorpusError),
    /// Training, loading or applying the tokenizer.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// Writing or reading the shards.
    #[error(transparent)]
    Shards(#[from] ShardError),
    /// Nothing is left to train on.
    #[error("all {documents} documents are held back for validation, none is left to train on")]
    AllHeldBack {
        /// How many.
        documents: u64,
    },
    /// A tokenizer that cannot mark where documents end.
    #[error(
        "the tokenizer in `{path}` names no end-of-document token (`eos_token` of tokenizer_config.json)"
    )]
    NoEndToken {
        /// The tokenizer's folder.
        path: PathBuf,
    },
}

impl PrepareError {
    /// The way out, in one sentence.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Corpus(error) => error.hint(),
            Self::Tokenizer(error) => error.hint(),
            Self::Shards(error) => error.hint(),
            Self::AllHeldBack { .. } => {
                Some("lower `data.validation_fraction`, or add text".to_owned())
            }
            Self::NoEndToken { .. } => Some("add `eos_token` to tokenizer_config.json".to_owned()),
        }
    }
}

/// Finds or makes documents, tokenizer and shards.
pub fn prepare(
    config: &PrepareConfig,
    progress: &mut dyn FnMut(PrepareProgress),
) -> Result<Prepared, PrepareError> {
    let _lock = PrepareLock::acquire(&config.dir, &mut || progress(PrepareProgress::Waiting))?;
    let corpus_id = jikji_corpus::fingerprint(&config.corpus)?;
    let corpus_dir = config.dir.join(format!("corpus-{}", short(&corpus_id)));
    let corpus = jikji_corpus::build(&config.corpus, &corpus_dir, &mut |at| {
        progress(PrepareProgress::Corpus(at));
    })?;
    if documents_of(&corpus, &config.validation, Split::Train)
        .next()
        .is_none()
    {
        let documents = corpus.parts().iter().map(|part| part.documents).sum();
        return Err(PrepareError::AllHeldBack { documents });
    }
    let (tokenizer, tokenizer_dir) = prepare_tokenizer(config, &corpus_id, &corpus, progress)?;
    if tokenizer.eos_id().is_none() {
        return Err(PrepareError::NoEndToken {
            path: tokenizer_dir,
        });
    }
    let spec = ShardSetSpec {
        fingerprint: shards_id(&corpus_id, &tokenizer, &config.validation),
        tokenizer: tokenizer.fingerprint(),
        vocab_size: tokenizer.vocab_size(),
        eos_id: tokenizer.eos_id(),
        bos_id: tokenizer.bos_id(),
    };
    let shards_dir = config
        .dir
        .join(format!("tokens-{}", short(&spec.fingerprint)));
    let shards = prepare_shards(
        &shards_dir,
        spec,
        &corpus,
        &tokenizer,
        &config.validation,
        progress,
    )?;
    Ok(Prepared {
        corpus,
        tokenizer,
        tokenizer_dir,
        shards,
        split: config.validation.clone(),
    })
}

fn prepare_tokenizer(
    config: &PrepareConfig,
    corpus_id: &str,
    corpus: &Corpus,
    progress: &mut dyn FnMut(PrepareProgress),
) -> Result<(Tokenizer, PathBuf), PrepareError> {
    let settings = match &config.tokenizer {
        TokenizerPlan::Load(dir) => return Ok((Tokenizer::load(dir)?, dir.clone())),
        TokenizerPlan::Train(settings) => settings,
    };
    // How much memory training may take changes nothing else.
    let made_by = TokenizerConfig {
        memory_bytes: 0,
        ..TokenizerConfig::clone(settings)
    };
    let described = serde_json::json!([
        corpus_id,
        made_by,
        config.validation.fraction,
        config.validation.sources
    ]);
    let id = blake3::hash(described.to_string().as_bytes()).to_hex();
    let dir = config.dir.join(format!("tokenizer-{}", short(&id)));
    // Both files are renamed into place, the config last, so its presence means both are whole.
    if dir.join("tokenizer_config.json").is_file() {
        return Ok((Tokenizer::load(&dir)?, dir));
    }
    let mut trainer = Trainer::new(settings, &config.dir)?;
    let (mut bytes, of) = (0, text_bytes(corpus));
    for document in documents_of(corpus, &config.validation, Split::Train) {
        let document = document?;
        progress(PrepareProgress::CountingPieces { bytes, of });
        trainer.add(&document.source, &document.text)?;
        bytes += document.text.len() as u64;
    }
    let of = settings.vocab_size as u64;
    progress(PrepareProgress::LearningTokens { tokens: 0, of });
    let tokenizer = trainer.finish_telling(&mut |tokens| {
        let tokens = tokens as u64;
        progress(PrepareProgress::LearningTokens { tokens, of });
    })?;
    tokenizer.save(&dir)?;
    Ok((tokenizer, dir))
}

fn shards_id(corpus_id: &str, tokenizer: &Tokenizer, validation: &ValidationSplit) -> String {
    let described = serde_json::json!([
        RECIPE_OF_SHARDS,
        corpus_id,
        tokenizer.fingerprint(),
        validation.fraction,
        validation.sources
    ]);
    blake3::hash(described.to_string().as_bytes())
        .to_hex()
        .to_string()
}

fn prepare_shards(
    dir: &Path,
    spec: ShardSetSpec,
    corpus: &Corpus,
    tokenizer: &Tokenizer,
    validation: &ValidationSplit,
    progress: &mut dyn FnMut(PrepareProgress),
) -> Result<ShardSet, PrepareError> {
    if dir.join("manifest.json").is_file() {
        let shards = ShardSet::open(dir)?;
        if shards.fingerprint() == spec.fingerprint {
            return Ok(shards);
        }
    }
    let mut builder = ShardSetBuilder::open(dir, spec)?;
    let (mut bytes, of) = (0, text_bytes(corpus));
    for (done, part) in corpus.parts().iter().enumerate() {
        progress(PrepareProgress::Tokenizing { bytes, of });
        // By number: a source's name may hold dots or Hangul, which file names of units do not.
        let unit = format!("{done:05}");
        if builder.is_complete(&unit) {
            bytes += part.bytes;
            continue;
        }
        let mut done_of_part = 0;
        let mut encoded = Encoding {
            documents: corpus.documents(part)?,
            tokenizer,
            validation,
            ready: VecDeque::new(),
            read: &mut |read| {
                done_of_part += read;
                let bytes = bytes + done_of_part;
                progress(PrepareProgress::Tokenizing { bytes, of });
            },
        };
        builder
            .write_unit(&unit, &part.source, part.synthetic, &mut encoded)
            .map_err(|error| match error {
                WriteUnitError::Shards(error) => PrepareError::Shards(error),
                WriteUnitError::Document(error) => error,
            })?;
        bytes += part.bytes;
    }
    Ok(builder.finish()?)
}

/// Bytes of all documents.
fn text_bytes(corpus: &Corpus) -> u64 {
    corpus.parts().iter().map(|part| part.bytes).sum()
}

/// Documents of a part, encoded a chunk at a time on all threads, in order.
struct Encoding<'a, D> {
    documents: D,
    tokenizer: &'a Tokenizer,
    validation: &'a ValidationSplit,
    ready: VecDeque<Result<EncodedDocument, PrepareError>>,
    /// Receives the bytes of each chunk that is encoded.
    read: &'a mut dyn FnMut(u64),
}

impl<D: Iterator<Item = Result<Document, CorpusError>>> Iterator for Encoding<'_, D> {
    type Item = Result<EncodedDocument, PrepareError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.is_empty() {
            let (mut chunk, mut bytes, mut failed) = (Vec::new(), 0, None);
            while bytes < CHUNK_BYTES {
                match self.documents.next() {
                    Some(Ok(document)) => {
                        bytes += document.text.len();
                        chunk.push(document);
                    }
                    Some(Err(error)) => {
                        failed = Some(Err(error.into()));
                        break;
                    }
                    None => break,
                }
            }
            let encoded: Vec<_> = chunk
                .par_iter()
                .map(|document| encode(document, self.tokenizer, self.validation))
                .collect();
            self.ready.extend(encoded);
            self.ready.extend(failed);
            (self.read)(bytes as u64);
        }
        self.ready.pop_front()
    }
}

/// `<bos> text <eos>`: the first token is predicted from something, and the document's end is learnt. Where the tokenizer has no
/// `<bos>`, nothing predicts the first token, so its bytes do not count in bits per byte either.
fn encode(
    document: &Document,
    tokenizer: &Tokenizer,
    validation: &ValidationSplit,
) -> Result<EncodedDocument, PrepareError> {
    let mut text = Vec::new();
    for piece in pieces(&document.text, PIECE_BYTES) {
        text.extend(tokenizer.encode(piece)?);
    }
    let unpredicted = match (tokenizer.bos_id(), text.first()) {
        (None, Some(&first)) => tokenizer.decode_bytes(&[first]).len(),
        _ => 0,
    };
    let ids = tokenizer
        .bos_id()
        .into_iter()
        .chain(text)
        .chain(tokenizer.eos_id())
        .collect();
    let hash = document.hash().as_u128().to_be_bytes();
    Ok(EncodedDocument {
        ids,
        text_bytes: document.text.len().saturating_sub(unpredicted) as u32,
        hash,
        split: validation.of(&document.source, document.synthetic, hash),
    })
}

/// Pieces of about `bytes`, cut where a line of text begins: no token of a byte-level tokenizer reaches over such a place. A text
/// without lines is cut after a space, and as a last resort anywhere between two characters.
fn pieces(text: &str, bytes: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (piece, after) = rest.split_at(end_of_piece(rest, bytes));
        rest = after;
        Some(piece)
    })
}

fn end_of_piece(text: &str, bytes: usize) -> usize {
    if text.len() <= bytes {
        return text.len();
    }
    let window = &text[..text.floor_char_boundary(bytes)];
    let begins_a_line = |(at, _): &(usize, &str)| {
        let next = text[at + 1..].chars().next();
        next.is_some_and(|next| !next.is_whitespace())
    };
    let line = window.rmatch_indices('\n').find(begins_a_line);
    let place = line.map(|(at, _)| at + 1);
    // Before the space: it belongs to the word after it.
    let place = place.or_else(|| window.rfind(' ').filter(|at| *at > 0));
    place.unwrap_or(window.len())
}

fn documents_of<'a>(
    corpus: &'a Corpus,
    validation: &'a ValidationSplit,
    split: Split,
) -> impl Iterator<Item = Result<Document, CorpusError>> + 'a {
    let parts = corpus.parts().iter();
    parts.flat_map(move |part| documents_of_part(corpus, validation, split, part))
}

fn documents_of_part<'a>(
    corpus: &Corpus,
    validation: &'a ValidationSplit,
    split: Split,
    part: &PartEntry,
) -> impl Iterator<Item = Result<Document, CorpusError>> + use<'a> {
    let documents: Box<dyn Iterator<Item = _>> = match corpus.documents(part) {
        Ok(documents) => Box::new(documents),
        Err(error) => Box::new(std::iter::once(Err(error))),
    };
    documents.filter(move |document| match document {
        Ok(document) => {
            let hash = document.hash().as_u128().to_be_bytes();
            validation.of(&document.source, document.synthetic, hash) == split
        }
        Err(_) => true,
    })
}

fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

#[cfg(test)]
mod tests;
