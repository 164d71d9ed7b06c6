//! Which substrings a unigram vocabulary is chosen from: those that occur most, as many letters as they cover.

use rayon::prelude::*;

use super::Pieces;

/// The longest one, in characters.
const LONGEST: usize = 16;

/// A suffix of a piece, as far as a seed may reach.
#[derive(Clone, Copy)]
struct Suffix {
    start: usize,
    len: u32,
    piece: u32,
}

/// Substrings that occur at least twice, and cannot be made longer without occurring less; with how often they occur. The first ones
/// cover most text, and there are at most `most` of them. Characters of one byte are left out.
pub(super) fn find(pieces: &Pieces, most: usize) -> Vec<(Vec<u8>, f64)> {
    let text = |suffix: &Suffix| &pieces.text[suffix.start..suffix.start + suffix.len as usize];
    let mut suffixes = suffixes(pieces);
    suffixes.par_sort_unstable_by(|a, b| text(a).cmp(text(b)));

    // Prefixes that the suffixes seen last have in common, the longer above the shorter.
    let mut open: Vec<Open> = Vec::new();
    let mut seeds: Vec<(usize, usize, u64)> = Vec::new();
    for (index, suffix) in suffixes.iter().enumerate() {
        let count = pieces.ends[suffix.piece as usize].1;
        let len = suffix.len as usize;
        let next = suffixes.get(index + 1);
        let common = next.map_or(0, |next| common_prefix(text(suffix), text(next)));
        let mut closed = 0;
        open.push(Open {
            start: suffix.start,
            len,
            count,
        });
        while let Some(top) = open.last().copied()
            && top.len > common
        {
            open.pop();
            closed += top.count;
            if open.last().is_none_or(|below| below.len < top.len) {
                seeds.push((top.start, top.len, closed));
                // What this one counts, the next shorter one counts too.
                match open.last_mut() {
                    Some(below) if below.len >= common => {
                        below.count += closed;
                        closed = 0;
                    }
                    _ => break,
                }
            }
        }
        if closed > 0 && common > 0 {
            open.push(Open {
                start: suffix.start,
                len: common,
                count: closed,
            });
        }
    }

    let mut seeds: Vec<(u64, &[u8], u64)> = seeds
        .into_iter()
        .filter(|(_, len, count)| *len > 1 && *count > 1)
        .map(|(start, len, count)| {
            let seed = &pieces.text[start..start + len];
            (count * characters(seed) as u64, seed, count)
        })
        .collect();
    seeds.par_sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    seeds.truncate(most);
    seeds
        .into_iter()
        .map(|(_, seed, count)| (seed.to_vec(), count as f64))
        .collect()
}

#[derive(Clone, Copy)]
struct Open {
    start: usize,
    len: usize,
    count: u64,
}

fn suffixes(pieces: &Pieces) -> Vec<Suffix> {
    let mut suffixes = Vec::with_capacity(pieces.text.len() / 2);
    let mut start = 0;
    for (piece, (end, _)) in pieces.ends.iter().enumerate() {
        let starts: Vec<usize> = (start..*end)
            .filter(|at| begins_character(pieces.text[*at]))
            .collect();
        for (index, start) in starts.iter().enumerate() {
            let end = starts.get(index + LONGEST).copied().unwrap_or(*end);
            suffixes.push(Suffix {
                start: *start,
                len: (end - start) as u32,
                piece: piece as u32,
            });
        }
        start = *end;
    }
    suffixes
}

/// Bytes of the whole characters that both begin with.
fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let mut len = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    while a.get(len).is_some_and(|byte| !begins_character(*byte)) {
        len -= 1;
    }
    len
}

fn characters(text: &[u8]) -> usize {
    text.iter().filter(|byte| begins_character(**byte)).count()
}

fn begins_character(byte: u8) -> bool {
    byte & 0xC0 != 0x80
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn seeds_are_those_found_by_trying_every_substring() {
        let mut words: Vec<(String, u64)> = [
            ("가나다", 3),
            ("가나라", 2),
            ("aba", 50),
            ("ab", 1),
            ("라", 1),
            ("마바", 1),
        ]
        .map(|(word, count)| (word.to_owned(), count))
        .to_vec();
        let mut state = 1377u32;
        for _ in 0..60 {
            let letters = (0..state % 7)
                .map(|index| ['a', '가', '나'][(state >> (8 + 2 * index)) as usize % 3]);
            words.push((letters.collect(), u64::from(state % 3) + 1));
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223) >> 1;
        }
        let mut pieces = Pieces::default();
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for (word, count) in &words {
            let count = *count;
            pieces.push(word.as_bytes(), count);
            let characters: Vec<char> = word.chars().collect();
            for start in 0..characters.len() {
                for end in start + 1..=characters.len() {
                    *counts
                        .entry(characters[start..end].iter().collect())
                        .or_default() += count;
                }
            }
        }
        let is_maximal = |text: &str, count: u64| {
            counts.iter().all(|(longer, more)| {
                longer.len() <= text.len() || !longer.starts_with(text) || *more < count
            })
        };
        let mut expected: Vec<(String, u64)> = counts
            .iter()
            .filter(|(text, count)| **count > 1 && text.len() > 1 && is_maximal(text, **count))
            .map(|(text, count)| (text.clone(), *count))
            .collect();
        let mut got: Vec<(String, u64)> = find(&pieces, 1000)
            .into_iter()
            .map(|(seed, count)| (String::from_utf8(seed).unwrap(), count as u64))
            .collect();
        let best = &got[0];
        assert_eq!((best.0.as_str(), best.1), ("aba", 50));
        expected.sort_unstable();
        got.sort_unstable();
        assert_eq!(got, expected);
    }
}
