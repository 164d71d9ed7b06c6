//! The tokens and merges of a file: which can go, and the file without them.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use serde_json::{Map, Value, json};

use super::{Lessons, NewToken, not_extendable};
use crate::encoder::Merges;
use crate::merges::Learner;
use crate::pre_tokenizer::PreTokenizer;
use crate::{TokenizerError, byte_alphabet};

/// What a file says about its tokens.
pub(super) struct Vocabulary {
    /// By id, as the model has them.
    pub(super) tokens: Vec<Option<String>>,
    /// Added tokens in their own spelling, which the model may have too.
    added: BTreeMap<u32, String>,
    /// Ids that no new token may have.
    pub(super) reserved: BTreeSet<u32>,
    /// Left, right and what they become.
    merges: Vec<[u32; 3]>,
    /// A piece that is a token is not merged.
    ignores_merges: bool,
}

impl Vocabulary {
    /// Of a file that was found to be sound; `None` if it is no BPE.
    pub(super) fn new(document: &Value) -> Option<Self> {
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
        let mut added = BTreeMap::new();
        for token in document["added_tokens"].as_array()? {
            added.insert(id(&token["id"])?, token["content"].as_str()?.to_owned());
        }
        let mut tokens = vec![None; *ids.values().max()? as usize + 1];
        for (token, id) in ids {
            tokens[id as usize] = Some(token.to_owned());
        }
        Some(Self {
            tokens,
            reserved: added.keys().copied().collect(),
            added,
            merges,
            ignores_merges: model["ignore_merges"] == true,
        })
    }

    pub(super) fn spelling(&self, id: u32) -> &str {
        self.tokens[id as usize].as_deref().unwrap_or_default()
    }

    pub(super) fn is_free(&self, id: u32) -> bool {
        let has_token = self.tokens.get(id as usize).is_some_and(Option::is_some);
        !has_token && !self.reserved.contains(&id)
    }

    /// The bytes of a token that text is encoded as.
    fn bytes(&self, id: u32) -> Option<Vec<u8>> {
        let token = self.tokens[id as usize].as_deref()?;
        (!self.added.contains_key(&id)).then(|| byte_alphabet::unspell(token))?
    }

    fn merges_without<'a>(
        &'a self,
        removed: &'a BTreeSet<u32>,
    ) -> impl Iterator<Item = &'a [u32; 3]> {
        let is_left = |merge: &&[u32; 3]| !merge.iter().any(|id| removed.contains(id));
        self.merges.iter().filter(is_left)
    }

    /// What encodes pieces, with the tokens that are left.
    pub(super) fn merges(&self, removed: &BTreeSet<u32>) -> Merges {
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
    pub(super) fn learner(&self, removed: &BTreeSet<u32>) -> Learner {
        let spelled = |id: u32| {
            if removed.contains(&id) {
                String::new()
            } else {
                self.spelling(id).to_owned()
            }
        };
        // Text that spells an added token must not become one token either, and a vocabulary has each spelling once.
        let contents = self.added.values();
        let forbidden = contents.flat_map(|content| [content.clone(), spelled_bytes(content)]);
        let merges = self
            .merges_without(removed)
            .map(|[left, right, id]| ((*left, *right), *id));
        Learner::resume(
            (0..self.tokens.len() as u32).map(spelled).collect(),
            &self.id_of_byte(),
            merges,
            forbidden.collect(),
        )
    }

    /// So many tokens that no other is made of, the least used first; with one that goes, its parts are used more.
    pub(super) fn leaves_to_remove(
        &self,
        count: usize,
        mut usage: Vec<f64>,
    ) -> Result<Vec<u32>, TokenizerError> {
        let can_be_had = self.tokens.len().min(count);
        let mut part_of = vec![0u32; self.tokens.len()];
        let mut made_by: BTreeMap<u32, Vec<[u32; 2]>> = BTreeMap::new();
        for &[left, right, id] in &self.merges {
            part_of[left as usize] += 1;
            part_of[right as usize] += 1;
            made_by.entry(id).or_default().push([left, right]);
        }
        let can_go = |id: u32, part_of: &[u32]| {
            part_of[id as usize] == 0 && made_by.contains_key(&id) && !self.reserved.contains(&id)
        };
        let leaf = |id: u32, usage: &[f64]| Leaf {
            usage: usage[id as usize],
            id,
        };
        let mut leaves: BinaryHeap<Leaf> = (0..self.tokens.len() as u32)
            .filter(|id| can_go(*id, &part_of))
            .map(|id| leaf(id, &usage))
            .collect();
        let mut removed = Vec::with_capacity(can_be_had);
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

    /// The file with what was learned.
    pub(super) fn document(
        &self,
        mut document: Value,
        lessons: &Lessons,
        tokens: &[NewToken],
    ) -> Result<Value, TokenizerError> {
        let mut removed: BTreeSet<u32> = lessons.gone.iter().copied().collect();
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
            for (id, content) in &self.added {
                vocab.insert(content.clone(), json!(id));
            }
            self.check_added(&document)?;
        }
        removed.extend(&lessons.again);
        let left = self.merges_without(&removed);
        let left =
            left.map(|[left, right, _]| json!([self.spelling(*left), self.spelling(*right)]));
        let merges: Vec<Value> = left
            .chain(lessons.merges.iter().map(|pair| json!(pair)))
            .collect();
        document["model"]["vocab"] = Value::Object(vocab);
        document["model"]["merges"] = Value::Array(merges);
        Ok(document)
    }

    /// Where pieces that are tokens are not merged, an added token in the vocabulary must be no piece: text could spell it.
    fn check_added(&self, document: &Value) -> Result<(), TokenizerError> {
        let Some(pre_tokenizer) = PreTokenizer::new(&document["pre_tokenizer"]) else {
            return Ok(());
        };
        let is_piece = |text: &str| {
            let mut is_piece = false;
            pre_tokenizer.cut(text, |piece| is_piece |= piece == text);
            is_piece
        };
        for token in self.added.values().filter(|_| self.ignores_merges) {
            let unspelled =
                byte_alphabet::unspell(token).and_then(|bytes| String::from_utf8(bytes).ok());
            if is_piece(token) || unspelled.is_some_and(|text| is_piece(&text)) {
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
