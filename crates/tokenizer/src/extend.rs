//! Fitting a published tokenizer to text that it was not made for: its ids stay, but for those of tokens that nobody misses.
//!
//! Tokens that are used least, and that no other token is made of, make room (leaf pruning). Then merging goes on from the
//! pieces that the merges so far leave of the new text, so that a new token is always one of two tokens that were there before
//! it, and comes after all old merges.

mod vocabulary;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::encoder::{Encoder, Merges};
use crate::merges::{Limits, Store};
use crate::piece_counts::PieceCounter;
use crate::pre_tokenizer::PreTokenizer;
use crate::train::{BYTES_OF_PLACE, scratch_error};
use crate::validate::MAX_VOCAB;
use crate::{Tokenizer, TokenizerError, byte_alphabet};
use vocabulary::Vocabulary;

/// How a vocabulary is extended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtendConfig {
    /// Old tokens that give their ids to new ones.
    pub replace: usize,
    /// New tokens beside those, with ids of their own.
    pub add: usize,
    /// A pair of tokens is merged only if it occurs at least this often in the text to learn from.
    pub min_frequency: u64,
    /// Memory for counts, at most; what does not fit is kept on disk.
    pub memory_bytes: u64,
}

/// A token that the old vocabulary did not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// Its id.
    pub id: u32,
    /// Its spelling in the file.
    pub token: String,
    /// The spelling of the token that had the id.
    pub replaces: Option<String>,
    /// The old tokens that its text was encoded as.
    pub pieces: Vec<Piece>,
}

/// An old token inside of a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Its id.
    pub id: u32,
    /// How long it is.
    pub bytes: usize,
}

/// What became of a tokenizer.
#[derive(Debug)]
pub struct Extended {
    /// With the new tokens.
    pub tokenizer: Tokenizer,
    /// They, in the order in which they were learned: the commonest first.
    pub tokens: Vec<NewToken>,
}

/// Takes texts one at a time, and extends a tokenizer by them.
pub struct Extender<'a> {
    tokenizer: &'a Tokenizer,
    encoder: &'a Encoder,
    document: Value,
    old: Vocabulary,
    config: ExtendConfig,
    learned: PieceCounter,
    kept: PieceCounter,
    scratch: PathBuf,
}

impl<'a> Extender<'a> {
    /// With a folder for what does not fit into memory; files there have no name and are gone with the extender.
    ///
    /// # Errors
    /// A tokenizer that is no byte-level BPE, or has a part that is not known here; more tokens than it can lose or have.
    pub fn new(
        tokenizer: &'a Tokenizer,
        config: ExtendConfig,
        scratch: &Path,
    ) -> Result<Self, TokenizerError> {
        if config.replace == 0 && config.add == 0 {
            return Err(not_extendable("no token is to be added or replaced"));
        }
        let size = tokenizer.vocab_size();
        if config.add > MAX_VOCAB.saturating_sub(size) {
            return Err(not_extendable(&format!(
                "{} tokens are to be added to {size}, and a vocabulary has at most {MAX_VOCAB}",
                config.add
            )));
        }
        let document = tokenizer.to_json()?;
        let counter = || {
            let json = document.get("pre_tokenizer")?;
            let pre_tokenizer = PreTokenizer::new(json)?;
            // They are counted at the same time.
            let memory_bytes = config.memory_bytes / 2;
            let counter = PieceCounter::new(pre_tokenizer, None, memory_bytes, scratch);
            Some(if tokenizer.normalizes_to_nfc() {
                counter
            } else {
                counter.of_text_as_it_is()
            })
        };
        let parts = || {
            let encoder = tokenizer.encoder()?;
            Some((encoder, Vocabulary::new(&document)?, counter()?, counter()?))
        };
        let (encoder, old, learned, kept) = parts().ok_or_else(|| {
            not_extendable(
                "only byte-level BPE can be extended, cut by patterns as published models have them",
            )
        })?;
        Ok(Self {
            tokenizer,
            encoder,
            old,
            config,
            learned,
            kept,
            scratch: scratch.to_owned(),
            document,
        })
    }

    /// Keeps these ids from new tokens, whether they have a token or not: other files than `tokenizer.json` mean something by them.
    pub fn reserve(&mut self, ids: impl IntoIterator<Item = u32>) {
        self.old.reserved.extend(ids);
    }

    /// Adds a text to learn new tokens from.
    ///
    /// # Errors
    /// A disk that is full.
    pub fn learn(&mut self, text: &str) -> Result<(), TokenizerError> {
        let Self {
            encoder, learned, ..
        } = self;
        let added = encoder.for_each_stretch(text, |stretch| learned.add(stretch, 1));
        added.map_err(scratch_error(&self.scratch))
    }

    /// Adds a text of the kind that should stay as short in tokens as it is.
    ///
    /// # Errors
    /// A disk that is full.
    pub fn keep(&mut self, text: &str) -> Result<(), TokenizerError> {
        let Self { encoder, kept, .. } = self;
        let added = encoder.for_each_stretch(text, |stretch| kept.add(stretch, 1));
        added.map_err(scratch_error(&self.scratch))
    }

    /// Prunes and learns.
    ///
    /// There are fewer new tokens than asked for where no further pair occurs often enough; then fewer old ones go.
    ///
    /// # Errors
    /// No text to learn from or, where tokens are to be replaced, to keep; more tokens to replace than can go; no pair that occurs
    /// often enough; a disk that is full.
    pub fn finish(self) -> Result<Extended, TokenizerError> {
        let Self {
            tokenizer,
            document,
            old,
            config,
            learned,
            kept,
            scratch,
            ..
        } = self;
        let failed = scratch_error(&scratch);
        let merges = old.merges(&BTreeSet::new());
        let mut usage = Usage::new(old.tokens.len());
        kept.for_each_sorted(|piece, count| {
            usage.add(&merges, piece, count);
            Ok(())
        })
        .map_err(&failed)?;
        if config.replace > 0 && usage.is_empty() {
            return Err(not_extendable(
                "the text to keep is empty, and the tokens of what the model knows would go",
            ));
        }
        let usage_kept = usage.shares();
        // As bytes: how they are cut is known only when it is known which tokens go.
        let mut pieces = Store::new(config.memory_bytes / 2, &scratch);
        let mut usage = Usage::new(old.tokens.len());
        learned
            .for_each_sorted(|piece, count| {
                usage.add(&merges, piece, count);
                pieces.push(count, piece.iter().map(|byte| u32::from(*byte)))
            })
            .map_err(&failed)?;
        if usage.is_empty() {
            return Err(TokenizerError::NoText);
        }
        let shares = usage.shares().into_iter().zip(usage_kept);
        let usage: Vec<f64> = shares.map(|(learned, kept)| learned + kept).collect();

        let mut replace = config.replace;
        let lessons = loop {
            let removed = old.leaves_to_remove(replace, usage.clone())?;
            let lessons = Lessons::learn(&old, removed, &mut pieces, config, &scratch);
            let lessons = lessons.map_err(&failed)?;
            if lessons.gone.len() <= lessons.new.len() {
                break lessons;
            }
            // Not so many need to go.
            replace = lessons.new.len();
        };
        if lessons.new.is_empty() {
            return Err(not_extendable(&format!(
                "no pair of tokens that is not one already occurs {} times in the text to learn from",
                config.min_frequency
            )));
        }
        let tokens = lessons.tokens(&old, &merges);
        let document = old.document(document, &lessons, &tokens)?;
        let path = Path::new("tokenizer.json");
        let tokenizer = Tokenizer::from_document(document, tokenizer.settings().clone(), path)?;
        Ok(Extended { tokenizer, tokens })
    }
}

/// What was learned after some tokens were removed.
struct Lessons {
    /// Removed, and not learned again.
    gone: Vec<u32>,
    /// Removed and learned again, by other merges: they have their ids and their rows back.
    again: Vec<u32>,
    /// Spellings of tokens that were not there before, the commonest first.
    new: Vec<String>,
    /// Merges that follow the old ones.
    merges: Vec<[String; 2]>,
}

impl Lessons {
    fn learn(
        old: &Vocabulary,
        removed: Vec<u32>,
        pieces: &mut Store,
        config: ExtendConfig,
        scratch: &Path,
    ) -> io::Result<Self> {
        let without: BTreeSet<u32> = removed.iter().copied().collect();
        let left = old.merges(&without);
        let mut learner = old.learner(&without);
        let (num_tokens, num_merges) = (learner.tokens.len(), learner.pairs().len());
        let mut words = Store::new(config.memory_bytes / 2, scratch);
        let (mut piece, mut ids) = (Vec::new(), Vec::new());
        let mut pushed = Ok(());
        pieces.for_each(|count, bytes| {
            piece.clear();
            piece.extend(bytes.iter().map(|byte| *byte as u8));
            ids.clear();
            left.encode(&piece, &mut ids);
            if pushed.is_ok() {
                pushed = words.push(count, ids.iter().copied());
            }
        })?;
        pushed?;
        let limits = Limits {
            vocab_size: num_tokens + removed.len() + config.add,
            min_frequency: config.min_frequency,
            places: usize::try_from(config.memory_bytes / 2 / BYTES_OF_PLACE).unwrap_or(usize::MAX),
        };
        learner.learn(&mut words, limits, &mut |_| {})?;
        let merges = learner.merges().skip(num_merges);
        let merges = merges.map(|pair| pair.map(str::to_owned)).collect();
        let learned = learner.tokens.split_off(num_tokens);
        let (again, gone) = {
            let learned: BTreeSet<&str> = learned.iter().map(String::as_str).collect();
            removed
                .into_iter()
                .partition(|id| learned.contains(old.spelling(*id)))
        };
        let is_old: BTreeSet<&str> = without.iter().map(|id| old.spelling(*id)).collect();
        let mut new = learned;
        new.retain(|token| !is_old.contains(token.as_str()));
        Ok(Self {
            gone,
            again,
            new,
            merges,
        })
    }

    /// The new tokens with their ids: those of the tokens that are gone, then free ones.
    fn tokens(&self, old: &Vocabulary, merges: &Merges) -> Vec<NewToken> {
        let mut ids = self.gone.clone();
        ids.sort_unstable();
        let free = (0..).filter(|id: &u32| old.is_free(*id));
        let ids = ids.into_iter().chain(free);
        let token = |(token, id): (&String, u32)| {
            let bytes = byte_alphabet::unspell(token).expect("it is made of tokens that are bytes");
            let mut pieces = Vec::new();
            merges.encode(&bytes, &mut pieces);
            let piece = |id: u32| Piece {
                id,
                bytes: old.spelling(id).chars().count(),
            };
            NewToken {
                id,
                token: token.clone(),
                replaces: old.tokens.get(id as usize).cloned().flatten(),
                pieces: pieces.into_iter().map(piece).collect(),
            }
        };
        self.new.iter().zip(ids).map(token).collect()
    }
}

fn not_extendable(reason: &str) -> TokenizerError {
    TokenizerError::NotExtendable {
        reason: reason.to_owned(),
    }
}

/// How often each token stands in a text.
struct Usage {
    counts: Vec<u64>,
    ids: Vec<u32>,
}

impl Usage {
    fn new(num_tokens: usize) -> Self {
        Self {
            counts: vec![0; num_tokens],
            ids: Vec::new(),
        }
    }

    fn add(&mut self, merges: &Merges, piece: &[u8], count: u64) {
        self.ids.clear();
        merges.encode(piece, &mut self.ids);
        for id in &self.ids {
            self.counts[*id as usize] += count;
        }
    }

    fn is_empty(&self) -> bool {
        self.counts.iter().all(|count| *count == 0)
    }

    /// As shares of all: two texts weigh the same, however long they are.
    fn shares(&self) -> Vec<f64> {
        let total = self.counts.iter().sum::<u64>().max(1) as f64;
        self.counts
            .iter()
            .map(|count| *count as f64 / total)
            .collect()
    }
}
