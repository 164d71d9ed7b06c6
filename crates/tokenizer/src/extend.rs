//! Fitting a published tokenizer to text that it was not made for: its ids stay, but for those of tokens that nobody misses.
//!
//! Tokens that are used least, and that no other token is made of, make room (leaf pruning). Then merging goes on from the
//! pieces that the merges so far leave of the new text, so that a new token is always one of two tokens that were there before
//! it, and comes after all old merges.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::encoder::Merges;
use crate::merges::{Learner, Limits, Store};
use crate::piece_counts::PieceCounter;
use crate::pre_tokenizer::PreTokenizer;
use crate::train::{BYTES_OF_PLACE, scratch_error};
use crate::{Tokenizer, TokenizerError, byte_alphabet};

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
    /// A tokenizer that is no byte-level BPE, or has a part that is not known here.
    pub fn new(
        tokenizer: &'a Tokenizer,
        config: ExtendConfig,
        scratch: &Path,
    ) -> Result<Self, TokenizerError> {
        if config.replace + config.add == 0 {
            return Err(not_extendable("no token is to be added or replaced"));
        }
        let document = tokenizer.to_json()?;
        let counter = || {
            let json = document.get("pre_tokenizer")?;
            let pre_tokenizer = PreTokenizer::new(json)?;
            // They are counted at the same time.
            let memory_bytes = config.memory_bytes / 2;
            Some(PieceCounter::new(
                pre_tokenizer,
                None,
                memory_bytes,
                scratch,
            ))
        };
        let parts = || {
            tokenizer.encoder()?;
            Some((Vocabulary::new(&document)?, counter()?, counter()?))
        };
        let (old, learned, kept) = parts().ok_or_else(|| {
            not_extendable("only byte-level BPE can be extended, cut by patterns as published models have them")
        })?;
        Ok(Self {
            tokenizer,
            old,
            config,
            learned,
            kept,
            scratch: scratch.to_owned(),
            document,
        })
    }

    /// Adds a text to learn new tokens from.
    ///
    /// # Errors
    /// A disk that is full.
    pub fn learn(&mut self, text: &str) -> Result<(), TokenizerError> {
        let text = normalized(self.tokenizer, text);
        let added = self.learned.add(&text, 1);
        added.map_err(scratch_error(&self.scratch))
    }

    /// Adds a text of the kind that should stay as short in tokens as it is.
    ///
    /// # Errors
    /// A disk that is full.
    pub fn keep(&mut self, text: &str) -> Result<(), TokenizerError> {
        let text = normalized(self.tokenizer, text);
        let added = self.kept.add(&text, 1);
        added.map_err(scratch_error(&self.scratch))
    }

    /// Prunes and learns.
    ///
    /// There are fewer new tokens than asked for where no further pair occurs often enough; then fewer old ones go.
    ///
    /// # Errors
    /// No text to learn from; more tokens to replace than can go; a disk that is full.
    pub fn finish(self) -> Result<Extended, TokenizerError> {
        let Self {
            tokenizer,
            document,
            old,
            config,
            learned,
            kept,
            scratch,
        } = self;
        let failed = scratch_error(&scratch);
        let merges = old.merges(None);
        let mut usage = Usage::new(old.tokens.len());
        kept.for_each_sorted(|piece, count| usage.add(&merges, piece, count))
            .map_err(&failed)?;
        let usage_kept = usage.shares();
        // As bytes: how they are cut is known only when it is known which tokens go.
        let mut pieces = Store::new(config.memory_bytes / 2, &scratch);
        let mut usage = Usage::new(old.tokens.len());
        learned
            .for_each_sorted(|piece, count| {
                usage.add(&merges, piece, count)?;
                pieces.push(count, piece.iter().map(|byte| u32::from(*byte)))
            })
            .map_err(&failed)?;
        if usage.is_empty() {
            return Err(TokenizerError::NoText);
        }
        let shares = usage.shares().into_iter().zip(usage_kept);
        let usage = shares.map(|(learned, kept)| learned + kept).collect();
        let removed = old.leaves_to_remove(config.replace, usage)?;

        let left = old.merges(Some(&removed.iter().copied().collect()));
        let mut learner = old.learner(&removed);
        let (num_tokens, num_merges) = (learner.tokens.len(), learner.merges().count());
        let mut words = Store::new(config.memory_bytes / 2, &scratch);
        let (mut piece, mut ids) = (Vec::new(), Vec::new());
        let mut pushed = Ok(());
        pieces
            .for_each(|count, bytes| {
                piece.clear();
                piece.extend(bytes.iter().map(|byte| *byte as u8));
                ids.clear();
                left.encode(&piece, &mut ids);
                if pushed.is_ok() {
                    pushed = words.push(count, ids.iter().copied());
                }
            })
            .and(pushed)
            .map_err(&failed)?;
        drop(pieces);
        let limits = Limits {
            vocab_size: num_tokens + config.replace + config.add,
            min_frequency: config.min_frequency,
            places: usize::try_from(config.memory_bytes / 2 / BYTES_OF_PLACE).unwrap_or(usize::MAX),
        };
        learner.learn(&mut words, limits).map_err(&failed)?;

        // A token that was removed and is learned again has its id and its row back.
        let learned = learner.tokens.split_off(num_tokens);
        let is_old: BTreeSet<&str> = removed.iter().map(|id| old.spelling(*id)).collect();
        let new: Vec<&String> = learned
            .iter()
            .filter(|token| !is_old.contains(token.as_str()))
            .collect();
        let again: BTreeSet<&str> = learned.iter().map(String::as_str).collect();
        let (again, mut gone): (Vec<u32>, Vec<u32>) = removed
            .iter()
            .partition(|id| again.contains(old.spelling(**id)));
        gone.truncate(new.len());

        let mut free = gone.clone();
        free.sort_unstable();
        let beyond = (0..).filter(|id: &u32| old.is_free(*id));
        let ids: Vec<u32> = free
            .into_iter()
            .chain(beyond.take(new.len() - gone.len()))
            .collect();
        let tokens: Vec<NewToken> = new
            .into_iter()
            .zip(ids)
            .map(|(token, id)| {
                let mut pieces = Vec::new();
                let bytes =
                    byte_alphabet::unspell(token).expect("it is made of tokens that are bytes");
                merges.encode(&bytes, &mut pieces);
                let piece = |id: u32| Piece {
                    id,
                    bytes: old.spelling(id).chars().count(),
                };
                let replaces = old.tokens.get(id as usize).cloned().flatten();
                NewToken {
                    id,
                    token: token.clone(),
                    replaces,
                    pieces: pieces.into_iter().map(piece).collect(),
                }
            })
            .collect();
        let further: Vec<[String; 2]> = {
            let spell = |id: u32| match learned.get((id as usize).wrapping_sub(num_tokens)) {
                Some(token) => token.clone(),
                None => learner.tokens[id as usize].clone(),
            };
            let pairs = learner.pairs().skip(num_merges);
            pairs
                .map(|(left, right)| [spell(left), spell(right)])
                .collect()
        };
        let document = old.document(document, &gone, &again, &tokens, &further)?;
        let path = Path::new("tokenizer.json");
        let tokenizer = Tokenizer::from_document(document, tokenizer.settings().clone(), path)?;
        Ok(Extended { tokenizer, tokens })
    }
}

fn not_extendable(reason: &str) -> TokenizerError {
    TokenizerError::NotExtendable {
        reason: reason.to_owned(),
    }
}

/// A text as the file's pre-tokenizer gets it.
fn normalized<'a>(tokenizer: &Tokenizer, text: &'a str) -> std::borrow::Cow<'a, str> {
    let normal = tokenizer
        .encoder()
        .and_then(|encoder| encoder.normalized(text));
    normal.unwrap_or(text.into())
}

/// What a file says about its tokens.
struct Vocabulary {
    /// By id; added tokens too, in their own spelling.
    tokens: Vec<Option<String>>,
    /// Tokens that must stay whatever merges do: added ones.
    added: BTreeSet<u32>,
    /// Left, right and what they become.
    merges: Vec<[u32; 3]>,
    /// A piece that is a token is not merged.
    ignores_merges: bool,
}

impl Vocabulary {
    /// Of a file that was found to be sound; `None` if it is no BPE.
    fn new(document: &Value) -> Option<Self> {
        let model = document.get("model")?;
        if model["type"] != "BPE" {
            return None;
        }
        let id = |value: &Value| u32::try_from(value.as_u64()?).ok();
        let mut ids: BTreeMap<&str, u32> = BTreeMap::new();
        for (token, value) in model["vocab"].as_object()? {
            ids.insert(token, id(value)?);
        }
        let merges = model["merges"].as_array()?.iter().map(|merge| {
            let (left, right) = (merge.get(0)?.as_str()?, merge.get(1)?.as_str()?);
            let joined = [left, right].concat();
            Some([
                *ids.get(left)?,
                *ids.get(right)?,
                *ids.get(joined.as_str())?,
            ])
        });
        let merges = merges.collect::<Option<_>>()?;
        let mut added = BTreeSet::new();
        for token in document["added_tokens"].as_array()? {
            added.insert(id(&token["id"])?);
            ids.insert(token["content"].as_str()?, id(&token["id"])?);
        }
        let mut tokens = vec![None; *ids.values().max()? as usize + 1];
        for (token, id) in ids {
            tokens[id as usize] = Some(token.to_owned());
        }
        Some(Self {
            tokens,
            added,
            merges,
            ignores_merges: model["ignore_merges"] == true,
        })
    }

    fn spelling(&self, id: u32) -> &str {
        self.tokens[id as usize].as_deref().unwrap_or_default()
    }

    fn is_free(&self, id: u32) -> bool {
        self.tokens.get(id as usize).is_none_or(Option::is_none)
    }

    /// The bytes of a token that text is encoded as.
    fn bytes(&self, id: u32) -> Option<Vec<u8>> {
        (!self.added.contains(&id)).then(|| byte_alphabet::unspell(self.spelling(id)))?
    }

    fn merges_without<'a>(
        &'a self,
        removed: &'a BTreeSet<u32>,
    ) -> impl Iterator<Item = &'a [u32; 3]> {
        let is_left = |merge: &&[u32; 3]| !merge.iter().any(|id| removed.contains(id));
        self.merges.iter().filter(is_left)
    }

    /// What encodes pieces, with the tokens that are left.
    fn merges(&self, removed: Option<&BTreeSet<u32>>) -> Merges {
        let none = BTreeSet::new();
        let removed = removed.unwrap_or(&none);
        let merges = self
            .merges_without(removed)
            .map(|[left, right, id]| ((*left, *right), *id));
        let ids =
            (0..self.tokens.len() as u32).filter(|id| self.ignores_merges && !removed.contains(id));
        let whole = ids.filter_map(|id| Some((self.bytes(id)?.into_boxed_slice(), id)));
        Merges::from_ids(&self.id_of_byte(), merges).with_whole(whole.collect())
    }

    fn id_of_byte(&self) -> [u32; 256] {
        let mut id_of_byte = [0; 256];
        for (token, id) in self.tokens.iter().zip(0..) {
            if let Some(token) = token
                && let mut letters = token.chars()
                && let (Some(letter), None) = (letters.next(), letters.next())
                && let Some(byte) = byte_alphabet::byte_of(letter)
            {
                id_of_byte[usize::from(byte)] = id;
            }
        }
        id_of_byte
    }

    /// A learner that goes on where the merges that are left end.
    fn learner(&self, removed: &[u32]) -> Learner {
        let removed: BTreeSet<u32> = removed.iter().copied().collect();
        let spelled = |id: u32| match removed.contains(&id) {
            true => String::new(),
            false => self.spelling(id).to_owned(),
        };
        // Text that spells an added token must not become one token either.
        let forbidden = self
            .added
            .iter()
            .map(|id| spelled_bytes(self.spelling(*id)));
        let merges = self
            .merges_without(&removed)
            .map(|[left, right, id]| ((*left, *right), *id));
        Learner::resume(
            (0..self.tokens.len() as u32).map(spelled).collect(),
            self.id_of_byte(),
            merges,
            forbidden.collect(),
        )
    }

    /// So many tokens that no other is made of, the least used first; with one that goes, its parts are used more.
    fn leaves_to_remove(
        &self,
        count: usize,
        mut usage: Vec<f64>,
    ) -> Result<Vec<u32>, TokenizerError> {
        let mut part_of = vec![0u32; self.tokens.len()];
        let mut made_by: BTreeMap<u32, Vec<[u32; 2]>> = BTreeMap::new();
        for &[left, right, id] in &self.merges {
            part_of[left as usize] += 1;
            part_of[right as usize] += 1;
            made_by.entry(id).or_default().push([left, right]);
        }
        let can_go = |id: u32, part_of: &[u32]| {
            part_of[id as usize] == 0 && made_by.contains_key(&id) && !self.added.contains(&id)
        };
        let leaf = |id: u32, usage: &[f64]| Leaf {
            usage: usage[id as usize],
            id,
        };
        let mut leaves: BinaryHeap<Leaf> = (0..self.tokens.len() as u32)
            .filter(|id| can_go(*id, &part_of))
            .map(|id| leaf(id, &usage))
            .collect();
        let mut removed = Vec::with_capacity(count);
        while removed.len() < count {
            let Some(Leaf { usage: used, id }) = leaves.pop() else {
                let message = format!(
                    "{count} tokens are to be replaced, and only {} can go",
                    removed.len()
                );
                return Err(not_extendable(&message));
            };
            removed.push(id);
            // As text is cut without it, by the first of its merges.
            for part in made_by[&id][0] {
                usage[part as usize] += used;
            }
            for part in made_by[&id].as_flattened() {
                part_of[*part as usize] -= 1;
                if can_go(*part, &part_of) {
                    leaves.push(leaf(*part, &usage));
                }
            }
        }
        Ok(removed)
    }

    /// The file without the tokens that are `gone`, and with others; of those that were learned `again` the merges are new too.
    fn document(
        &self,
        mut document: Value,
        gone: &[u32],
        again: &[u32],
        tokens: &[NewToken],
        further: &[[String; 2]],
    ) -> Result<Value, TokenizerError> {
        let mut removed: BTreeSet<u32> = gone.iter().copied().collect();
        let mut vocab: Map<String, Value> = Map::new();
        let old = document["model"]["vocab"].take();
        let num_old = old.as_object().map_or(0, Map::len);
        let is_left = |(_, id): &(&String, &Value)| {
            id.as_u64().is_none_or(|id| !removed.contains(&(id as u32)))
        };
        let left = old.as_object().into_iter().flatten().filter(is_left);
        vocab.extend(left.map(|(token, id)| (token.clone(), id.clone())));
        vocab.extend(tokens.iter().map(|new| (new.token.clone(), json!(new.id))));
        if vocab.len() != num_old {
            // The library gives an added token the next free id, unless the vocabulary has it.
            for id in &self.added {
                vocab.insert(self.spelling(*id).to_owned(), json!(id));
            }
            self.check_added(&document)?;
        }
        removed.extend(again);
        let left = self.merges_without(&removed);
        let left =
            left.map(|[left, right, _]| json!([self.spelling(*left), self.spelling(*right)]));
        let merges: Vec<Value> = left.chain(further.iter().map(|pair| json!(pair))).collect();
        document["model"]["vocab"] = Value::Object(vocab);
        document["model"]["merges"] = Value::Array(merges);
        Ok(document)
    }

    /// Where pieces that are tokens are not merged, an added token in the vocabulary must be no piece: text could spell it.
    fn check_added(&self, document: &Value) -> Result<(), TokenizerError> {
        let Some(pre_tokenizer) = PreTokenizer::new(&document["pre_tokenizer"]) else {
            return Ok(());
        };
        for id in self.added.iter().filter(|_| self.ignores_merges) {
            let token = self.spelling(*id);
            let mut is_piece = false;
            pre_tokenizer.cut(token, |piece| is_piece |= piece == token);
            if is_piece {
                return Err(not_extendable(&format!(
                    "text that spells `{token}` would become that control token; replace tokens without adding any"
                )));
            }
        }
        Ok(())
    }
}

/// A text in the alphabet of byte-level tokens.
fn spelled_bytes(text: &str) -> String {
    text.bytes().map(byte_alphabet::char_of).collect()
}

/// A token that no other is made of; the greatest is the one that goes next.
#[derive(Debug, PartialEq)]
struct Leaf {
    usage: f64,
    id: u32,
}

impl Eq for Leaf {}

impl Ord for Leaf {
    fn cmp(&self, other: &Self) -> Ordering {
        // Of tokens that are used alike the one that was learned last goes first.
        other
            .usage
            .total_cmp(&self.usage)
            .then(self.id.cmp(&other.id))
    }
}

impl PartialOrd for Leaf {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
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

    fn add(&mut self, merges: &Merges, piece: &[u8], count: u64) -> std::io::Result<()> {
        self.ids.clear();
        merges.encode(piece, &mut self.ids);
        for id in &self.ids {
            self.counts[*id as usize] += count;
        }
        Ok(())
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
