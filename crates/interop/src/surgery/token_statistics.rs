//! What text says about tokens: how often each occurs, and which stand beside it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::{Device, Tensor, TensorData};

/// Counts of tokens in a group of texts.
#[derive(Debug, Clone, Default)]
pub struct TokenCounts {
    counts: Vec<u64>,
}

impl TokenCounts {
    /// Counts the tokens of a text.
    pub fn add(&mut self, ids: &[u32]) {
        for id in ids {
            let id = *id as usize;
            if id >= self.counts.len() {
                self.counts.resize(id + 1, 0);
            }
            self.counts[id] += 1;
        }
    }

    /// Adds what another one counted.
    pub fn merge(&mut self, other: &Self) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (count, other) in self.counts.iter_mut().zip(&other.counts) {
            *count += other;
        }
    }

    fn of(&self, id: u32) -> u64 {
        self.counts.get(id as usize).copied().unwrap_or(0)
    }

    fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How often each token occurs in every million, in the mean of several groups: a group counts alike however long it is.
    pub fn per_million(groups: &[&Self]) -> Vec<f64> {
        let longest = groups.iter().map(|group| group.counts.len()).max();
        let mut mean = vec![0.0; longest.unwrap_or(0)];
        let groups: Vec<_> = groups.iter().filter(|group| group.total() > 0).collect();
        for group in &groups {
            let scale = 1e6 / group.total() as f64 / groups.len() as f64;
            for (mean, count) in mean.iter_mut().zip(&group.counts) {
                *mean += *count as f64 * scale;
            }
        }
        mean
    }
}

/// Tokens that count as neighbours, on either side: the most frequent ones tell the most.
const NEIGHBOURS: usize = 512;

/// A token that occurs less often in the texts is like no other for all that is known.
const LEAST_COUNT: u64 = 20;

/// Tokens that new ones are compared with at most, the most frequent ones: each takes 12 kB while that goes on.
const MOST_TOKENS: usize = 1 << 16;

/// Of the frequency of neighbours (Levy, Goldberg and Dagan 2015).
const DAMPING: f64 = 0.75;

/// Of cosines, which lie close together.
const SHARPNESS: f32 = 10.0;

/// Tokens that one can be mixed of.
const MOST_MIXED: usize = 64;

/// New tokens that are compared with all others in one product of matrices.
const COMPARED_AT_ONCE: usize = 256;

/// Which tokens stand beside each: what makes two of them alike (Harris 1954).
#[derive(Debug)]
pub struct Neighbours {
    /// Where a token has its counts, by id.
    place: BTreeMap<u32, usize>,
    /// Where a neighbour is counted, by id.
    column: BTreeMap<u32, usize>,
    /// For each token, how often each neighbour stands before it and behind it.
    counts: Vec<u32>,
}

impl Neighbours {
    /// For tokens with these counts, of which only `wanted` ones and the frequent ones are looked at.
    pub fn new(counts: &TokenCounts, wanted: impl Iterator<Item = u32>) -> Self {
        let count = |id: &u32| counts.of(*id);
        let mut by_count: Vec<u32> = (0..counts.counts.len() as u32).collect();
        by_count.sort_by_key(|id| (Reverse(count(id)), *id));
        let frequent = by_count
            .iter()
            .copied()
            .filter(|id| count(id) >= LEAST_COUNT)
            .take(MOST_TOKENS);
        let tokens: BTreeMap<u32, usize> = frequent.chain(wanted).map(|id| (id, 0)).collect();
        let place: BTreeMap<u32, usize> = tokens.into_keys().zip(0..).collect();
        let column = by_count
            .into_iter()
            .filter(|id| count(id) > 0)
            .zip(0..NEIGHBOURS)
            .collect();
        Self {
            counts: vec![0; place.len() * 2 * NEIGHBOURS],
            place,
            column,
        }
    }

    /// Counts the neighbours in a text.
    pub fn add(&mut self, ids: &[u32]) {
        for pair in ids.windows(2) {
            let (left, right) = (pair[0], pair[1]);
            if let (Some(place), Some(column)) = (self.place.get(&right), self.column.get(&left)) {
                self.counts[place * 2 * NEIGHBOURS + column] += 1;
            }
            if let (Some(place), Some(column)) = (self.place.get(&left), self.column.get(&right)) {
                self.counts[(place * 2 + 1) * NEIGHBOURS + column] += 1;
            }
        }
    }

    /// The mixture of each of these tokens: tokens that were not made anew and stand in like places, with weights that add up to 1
    /// (sparsemax of the cosines, as FOCUS does with other vectors: Dobler and de Melo 2023, arXiv 2305.14481). Empty where the
    /// texts do not say enough.
    pub fn similar(&self, counts: &TokenCounts, new: &[u32]) -> Vec<Vec<(u32, f32)>> {
        let is_new: BTreeSet<u32> = new.iter().copied().collect();
        let known: Vec<u32> = self
            .place
            .keys()
            .copied()
            .filter(|id| !is_new.contains(id) && counts.of(*id) >= LEAST_COUNT)
            .collect();
        if known.is_empty() {
            return vec![Vec::new(); new.len()];
        }
        let device = Device::flex();
        let columns = self.columns(counts);
        let matrix = |ids: &[u32]| {
            let values = ids.iter().flat_map(|id| self.vector(*id, counts, &columns));
            let shape = [ids.len(), 2 * NEIGHBOURS];
            Tensor::<2>::from_data(
                TensorData::new(values.collect::<Vec<f32>>(), shape),
                &device,
            )
        };
        let known_vectors = matrix(&known).transpose();
        let mut mixtures = Vec::with_capacity(new.len());
        for ids in new.chunks(COMPARED_AT_ONCE) {
            let cosines = matrix(ids).matmul(known_vectors.clone()).into_data();
            let cosines: Vec<f32> = cosines.try_to_vec().expect("cosines are f32");
            for (id, cosines) in ids.iter().zip(cosines.chunks_exact(known.len())) {
                let says_enough = counts.of(*id) >= LEAST_COUNT;
                mixtures.push(if says_enough {
                    mixture(&known, cosines)
                } else {
                    Vec::new()
                });
            }
        }
        mixtures
    }

    /// How often each neighbour would stand beside any token, by column: frequent ones less than they are frequent.
    fn columns(&self, counts: &TokenCounts) -> Vec<f32> {
        let damped = |count: u64| (count as f64).powf(DAMPING);
        let all: f64 = counts.counts.iter().map(|count| damped(*count)).sum();
        let mut columns = vec![1.0; NEIGHBOURS];
        for (id, column) in &self.column {
            columns[*column] = (damped(counts.of(*id)) / all) as f32;
        }
        columns
    }

    /// By how much more each neighbour stands beside a token than it would beside any (positive pointwise mutual information), as a
    /// vector of length 1.
    fn vector(&self, id: u32, counts: &TokenCounts, columns: &[f32]) -> Vec<f32> {
        let mut vector = vec![0.0; 2 * NEIGHBOURS];
        let Some(place) = self.place.get(&id) else {
            return vector;
        };
        let total = counts.of(id).max(1) as f32;
        let beside = &self.counts[place * 2 * NEIGHBOURS..][..2 * NEIGHBOURS];
        for (index, (value, count)) in vector.iter_mut().zip(beside).enumerate() {
            if *count > 0 {
                *value = (*count as f32 / total / columns[index % NEIGHBOURS])
                    .ln()
                    .max(0.0);
            }
        }
        let norm = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        if norm > 0.0 {
            for value in &mut vector {
                *value /= norm;
            }
        }
        vector
    }
}

/// Sparsemax (Martins and Astudillo 2016, arXiv 1602.02068) of the most similar tokens.
fn mixture(known: &[u32], cosines: &[f32]) -> Vec<(u32, f32)> {
    let mut best: Vec<(f32, u32)> = cosines
        .iter()
        .map(|cosine| cosine * SHARPNESS)
        .zip(known.iter().copied())
        .collect();
    let order = |a: &(f32, u32), b: &(f32, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
    if best.len() > MOST_MIXED {
        best.select_nth_unstable_by(MOST_MIXED, order);
        best.truncate(MOST_MIXED);
    }
    best.sort_unstable_by(order);
    let (mut sum, mut threshold) = (0.0, 0.0);
    for (index, (score, _)) in best.iter().enumerate() {
        sum += score;
        let candidate = (sum - 1.0) / (index + 1) as f32;
        if *score <= candidate {
            break;
        }
        threshold = candidate;
    }
    let weighted = best.into_iter().map(|(score, id)| (id, score - threshold));
    weighted.take_while(|(_, weight)| *weight > 0.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_count_alike() {
        let (mut long, mut short) = (TokenCounts::default(), TokenCounts::default());
        for _ in 0..100 {
            long.add(&[1, 1, 2, 2]);
        }
        short.add(&[3]);
        let empty = TokenCounts::default();
        let got = TokenCounts::per_million(&[&long, &short, &empty]);
        assert_eq!(got, [0.0, 250_000.0, 250_000.0, 500_000.0]);
        assert!(TokenCounts::per_million(&[]).is_empty());
    }

    #[test]
    fn tokens_in_like_places_are_alike() {
        // 1 and 2 stand between 5 and 6, 3 between 7 and 8; 4 is rare.
        let texts: Vec<Vec<u32>> = (0..60)
            .map(|index| match index % 3 {
                0 => vec![5, 1, 6],
                1 => vec![5, 2, 6],
                _ => vec![7, 3, 8],
            })
            .chain([vec![7, 4, 8]])
            .collect();
        let mut counts = TokenCounts::default();
        for text in &texts {
            counts.add(text);
        }
        let mut neighbours = Neighbours::new(&counts, [2, 4].into_iter());
        for text in &texts {
            neighbours.add(text);
        }
        let mixtures = neighbours.similar(&counts, &[2, 4]);
        assert_eq!(mixtures[0], [(1, 1.0)]);
        assert!(mixtures[1].is_empty(), "{:?}", mixtures[1]);
    }

    #[test]
    fn a_mixture_adds_up_to_one() {
        let known: Vec<u32> = (0..200).collect();
        let cosines: Vec<f32> = known
            .iter()
            .map(|id| (*id as f32 * 0.37).sin().abs())
            .collect();
        let mixture = mixture(&known, &cosines);
        let sum: f32 = mixture.iter().map(|(_, weight)| weight).sum();
        assert!((sum - 1.0).abs() < 1e-5, "{sum}");
        assert!(mixture.len() > 1 && mixture.len() < 40, "{}", mixture.len());
        assert!(mixture.is_sorted_by(|a, b| a.1 >= b.1));
        assert_eq!(super::mixture(&[7], &[0.0]), [(7, 1.0)]);
    }
}
