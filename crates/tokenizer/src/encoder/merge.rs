//! Merging the bytes of a piece by rank.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;
use serde_json::Value;

use crate::byte_alphabet;

/// Longer pieces are merged with a queue: what a scan for the lowest rank costs grows with the square of the length.
const LONGEST_SCANNED: usize = 96;

/// Of a pair that does not merge.
const NEVER: Merge = Merge {
    rank: u32::MAX,
    id: u32::MAX,
};

/// What a pair of neighbours becomes, the lowest rank first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Merge {
    rank: u32,
    id: u32,
}

/// The vocabulary and the merges of a byte-level BPE model.
#[derive(Debug)]
pub(crate) struct Merges {
    id_of_byte: [u32; 256],
    merge_of_pair: FxHashMap<u64, Merge>,
    /// Those of two bytes once more, by the bytes: a piece's first look at its pairs.
    merge_of_bytes: Vec<Merge>,
    /// Pieces that are tokens and are not merged at all, if the file says so.
    whole: FxHashMap<Box<[u8]>, u32>,
}

impl Merges {
    /// Of the `model` of a file; `None` where it asks for more than merging.
    pub(super) fn new(model: &Value) -> Option<Self> {
        let is_unset = |key: &str| match model.get(key) {
            None | Some(Value::Null | Value::Bool(false)) => true,
            Some(Value::String(text)) => text.is_empty(),
            Some(_) => false,
        };
        let plain = ["dropout", "continuing_subword_prefix", "end_of_word_suffix"];
        if model["type"] != "BPE" || !plain.into_iter().all(is_unset) {
            return None;
        }
        let vocab: FxHashMap<&str, u32> = model["vocab"]
            .as_object()?
            .iter()
            .map(|(token, id)| Some((token.as_str(), u32::try_from(id.as_u64()?).ok()?)))
            .collect::<Option<_>>()?;
        let mut id_of_byte = [0; 256];
        for byte in 0..=255u8 {
            let mut letters = [0; 4];
            let spelling: &str = byte_alphabet::char_of(byte).encode_utf8(&mut letters);
            id_of_byte[usize::from(byte)] = *vocab.get(spelling)?;
        }
        let mut merges = Vec::new();
        let mut spelling = String::new();
        for merge in model["merges"].as_array()? {
            let (left, right) = match merge {
                Value::String(both) => both.split_once(' ')?,
                both => (both.get(0)?.as_str()?, both.get(1)?.as_str()?),
            };
            spelling.clear();
            spelling.extend([left, right]);
            let id = *vocab.get(spelling.as_str())?;
            merges.push(((*vocab.get(left)?, *vocab.get(right)?), id));
        }
        let is_whole = model["ignore_merges"] == true;
        let whole = vocab
            .into_iter()
            .filter(|_| is_whole)
            .filter_map(|(token, id)| Some((byte_alphabet::unspell(token)?.into_boxed_slice(), id)))
            .collect();
        Some(Self::from_ids(&id_of_byte, merges).with_whole(whole))
    }

    /// With pieces that are not merged at all.
    pub(crate) fn with_whole(self, whole: FxHashMap<Box<[u8]>, u32>) -> Self {
        Self { whole, ..self }
    }

    /// Of the ids of the bytes, and of pairs of ids with what they become, in the order of their ranks.
    pub(crate) fn from_ids(
        id_of_byte: &[u32; 256],
        merges: impl IntoIterator<Item = ((u32, u32), u32)>,
    ) -> Self {
        let merge_of_pair: FxHashMap<u64, Merge> = merges
            .into_iter()
            .zip(0..)
            .map(|(((left, right), id), rank)| (pair(left, right), Merge { rank, id }))
            .collect();
        let ids = || id_of_byte.iter();
        let merge_of_bytes = ids()
            .flat_map(|left| ids().map(|right| pair(*left, *right)))
            .map(|pair| merge_of_pair.get(&pair).copied().unwrap_or(NEVER))
            .collect();
        Self {
            id_of_byte: *id_of_byte,
            merge_of_pair,
            merge_of_bytes,
            whole: FxHashMap::default(),
        }
    }

    /// Appends the ids of a piece.
    pub(crate) fn encode(&self, piece: &[u8], ids: &mut Vec<u32>) {
        if let Some(id) = self.whole.get(piece) {
            return ids.push(*id);
        }
        let start = ids.len();
        ids.extend(piece.iter().map(|byte| self.id_of_byte[usize::from(*byte)]));
        let left = if piece.len() <= LONGEST_SCANNED {
            self.merge_scanning(piece, &mut ids[start..])
        } else {
            self.merge_queued(&mut ids[start..])
        };
        ids.truncate(start + left);
    }

    fn merge(&self, left: u32, right: u32) -> Merge {
        let merge = self.merge_of_pair.get(&pair(left, right));
        merge.copied().unwrap_or(NEVER)
    }

    /// Merges the ids of a piece's bytes in place and returns how many are left. Of equal ranks the leftmost merges first.
    fn merge_scanning(&self, piece: &[u8], ids: &mut [u32]) -> usize {
        let mut len = ids.len();
        // What each id and the next one become.
        let mut merges = [NEVER; LONGEST_SCANNED];
        for (merge, bytes) in merges.iter_mut().zip(piece.windows(2)) {
            *merge = self.merge_of_bytes[usize::from(bytes[0]) << 8 | usize::from(bytes[1])];
        }
        while len > 1 {
            let mut at = 0;
            for index in 1..len - 1 {
                if merges[index].rank < merges[at].rank {
                    at = index;
                }
            }
            if merges[at] == NEVER {
                break;
            }
            ids[at] = merges[at].id;
            ids.copy_within(at + 2..len, at + 1);
            merges.copy_within(at + 1..len - 1, at);
            len -= 1;
            merges[len - 1] = NEVER;
            if at > 0 {
                merges[at - 1] = self.merge(ids[at - 1], ids[at]);
            }
            if at + 1 < len {
                merges[at] = self.merge(ids[at], ids[at + 1]);
            }
        }
        len
    }

    /// As [`merge_scanning`](Self::merge_scanning), in n log n steps.
    fn merge_queued(&self, ids: &mut [u32]) -> usize {
        const GONE: u32 = u32::MAX;
        let len = ids.len();
        let mut before: Vec<usize> = (0..len).map(|at| at.wrapping_sub(1)).collect();
        let mut after: Vec<usize> = (1..=len).collect();
        let mut queue: BinaryHeap<Reverse<(Merge, usize)>> = ids
            .windows(2)
            .enumerate()
            .map(|(at, neighbours)| (self.merge(neighbours[0], neighbours[1]), at))
            .filter(|(merge, _)| *merge != NEVER)
            .map(Reverse)
            .collect();
        while let Some(Reverse((merge, at))) = queue.pop() {
            let right = after[at];
            // What is in the queue may have merged otherwise since.
            if ids[at] == GONE || right == len || self.merge(ids[at], ids[right]) != merge {
                continue;
            }
            ids[at] = merge.id;
            ids[right] = GONE;
            after[at] = after[right];
            if after[at] < len {
                before[after[at]] = at;
            }
            for left in [before[at], at] {
                let Some(&right) = after.get(left) else {
                    continue;
                };
                if right < len {
                    let merge = self.merge(ids[left], ids[right]);
                    if merge != NEVER {
                        queue.push(Reverse((merge, left)));
                    }
                }
            }
        }
        let mut left = 0;
        for at in 0..len {
            if ids[at] != GONE {
                ids[left] = ids[at];
                left += 1;
            }
        }
        left
    }
}

fn pair(left: u32, right: u32) -> u64 {
    u64::from(left) << 32 | u64::from(right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// All bytes and merges that overlap in many ways.
    fn merges() -> Merges {
        let mut vocab = serde_json::Map::new();
        for byte in 0..=255u8 {
            vocab.insert(byte_alphabet::char_of(byte).to_string(), json!(byte));
        }
        let pairs = [
            ["b", "a"],
            ["a", "a"],
            ["a", "b"],
            ["aa", "aa"],
            ["ab", "ab"],
            ["c", "ba"],
            ["ba", "aa"],
            ["cba", "cba"],
        ];
        for (index, [left, right]) in pairs.iter().enumerate() {
            vocab.insert(format!("{left}{right}"), json!(256 + index));
        }
        let model = json!({"type": "BPE", "vocab": vocab, "merges": pairs});
        Merges::new(&model).unwrap()
    }

    /// The lowest rank, the leftmost of it, again and again.
    fn expected(merges: &Merges, piece: &[u8]) -> Vec<u32> {
        let mut ids: Vec<u32> = piece.iter().map(|byte| u32::from(*byte)).collect();
        while let Some((merge, at)) = ids
            .windows(2)
            .enumerate()
            .map(|(at, pair)| (merges.merge(pair[0], pair[1]), at))
            .min()
            .filter(|(merge, _)| *merge != NEVER)
        {
            ids.splice(at..at + 2, [merge.id]);
        }
        ids
    }

    #[test]
    fn scanned_and_queued_merges_are_those_of_the_definition() {
        let merges = merges();
        let mut state = 7u64;
        for len in (0..40).cycle().take(4000).chain([200, 1000]) {
            let piece: Vec<u8> = (0..len)
                .map(|_| {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    b"aaabbc"[(state >> 33) as usize % 6]
                })
                .collect();
            let expected = expected(&merges, &piece);
            let mut got = vec![1];
            merges.encode(&piece, &mut got);
            assert_eq!(got[1..], expected, "{piece:?}");
            let mut queued: Vec<u32> = piece.iter().map(|byte| u32::from(*byte)).collect();
            let left = merges.merge_queued(&mut queued);
            assert_eq!(queued[..left], expected, "{piece:?}");
        }
    }
}
