//! How the rows of new tokens begin.

mod frequency_direction;

use std::collections::BTreeMap;

use jikji_model::{Role, normal_values};
use jikji_tokenizer::{NewToken, Piece};

use super::extend::{Rows, row, vocabulary_matrices};
use super::token_statistics::{Neighbours, TokenCounts};
use crate::model_folder::ModelFolder;
use crate::weight_source::WeightSource;
use frequency_direction::FrequencyDirection;

/// What the row of a new token is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewRows {
    /// The mean of the rows of its old pieces.
    Mean,
    /// That, and noise of a tenth of the matrix's deviation, so that no two rows begin alike.
    NoisyMean {
        /// Another seed, other noise.
        seed: u64,
    },
    /// The mean of its pieces by their bytes, brought to its own frequency.
    Weighted,
    /// That, and as much of the rows of tokens that stand in like places, brought to its own frequency.
    Similar,
    /// Normal numbers with the matrix's deviation.
    Random {
        /// Another seed, other numbers.
        seed: u64,
    },
}

/// What texts say about the tokens of both vocabularies.
#[derive(Debug)]
pub struct TextStatistics {
    /// How often each old token occurs in every million.
    pub before: Vec<f64>,
    /// How often each token of the new vocabulary does.
    pub after: Vec<f64>,
    /// Of the new vocabulary.
    pub counts: TokenCounts,
    /// Of the new vocabulary; [`NewRows::Similar`] looks at them.
    pub neighbours: Option<Neighbours>,
}

/// Noise as a part of the deviation of a matrix.
const NOISE: f64 = 0.1;

/// How much of a row is that of like tokens.
const SIMILAR: f32 = 0.5;

impl NewRows {
    /// The rows of new tokens, for each matrix that has rows of tokens.
    pub fn rows(
        self,
        folder: &ModelFolder,
        tokens: &[NewToken],
        texts: &TextStatistics,
    ) -> BTreeMap<usize, Rows> {
        let mixtures = match (self, &texts.neighbours) {
            (Self::Similar, Some(neighbours)) => {
                let ids: Vec<u32> = tokens.iter().map(|token| token.id).collect();
                neighbours.similar(&texts.counts, &ids)
            }
            _ => vec![Vec::new(); tokens.len()],
        };
        let matrices = vocabulary_matrices(folder).into_iter();
        matrices
            .map(|parameter| {
                let mut rows = self.mixed(folder, parameter, tokens, &mixtures);
                if matches!(self, Self::Weighted | Self::Similar) && gives_logits(folder, parameter)
                {
                    bring_to_frequency(folder, parameter, &mut rows, texts);
                }
                (parameter, rows)
            })
            .collect()
    }

    /// Before frequencies are looked at.
    fn mixed(
        self,
        folder: &ModelFolder,
        parameter: usize,
        tokens: &[NewToken],
        mixtures: &[Vec<(u32, f32)>],
    ) -> Rows {
        let alike = |_: &Piece| 1.0;
        let bytes = |piece: &Piece| piece.bytes as f32;
        match self {
            Self::Mean => of_pieces(folder, parameter, tokens, alike),
            Self::NoisyMean { seed } => {
                let mut rows = of_pieces(folder, parameter, tokens, alike);
                let noise = normal(folder, parameter, tokens, seed, NOISE);
                for (row, noise) in rows.values_mut().zip(noise.values()) {
                    add(row, noise, 1.0);
                }
                rows
            }
            Self::Weighted => of_pieces(folder, parameter, tokens, bytes),
            Self::Similar => {
                let mut rows = of_pieces(folder, parameter, tokens, bytes);
                for (token, mixture) in tokens.iter().zip(mixtures) {
                    let Some(mixed) = rows.get_mut(&token.id).filter(|_| !mixture.is_empty())
                    else {
                        continue;
                    };
                    for value in mixed.iter_mut() {
                        *value *= 1.0 - SIMILAR;
                    }
                    for (id, weight) in mixture {
                        add(mixed, &row(folder, parameter, *id), SIMILAR * weight);
                    }
                }
                rows
            }
            Self::Random { seed } => normal(folder, parameter, tokens, seed, 1.0),
        }
    }
}

/// Whether logits are products with the rows of a matrix.
fn gives_logits(folder: &ModelFolder, parameter: usize) -> bool {
    let role = folder.table().parameters()[parameter].role;
    role == Role::LmHead || folder.decoder().tie_word_embeddings
}

/// Moves each row along the direction in which rows tell how frequent their tokens are, until it tells its own token's frequency:
/// a mean of common pieces would be expected as often as they are.
fn bring_to_frequency(
    folder: &ModelFolder,
    parameter: usize,
    rows: &mut Rows,
    texts: &TextStatistics,
) {
    let Some(direction) = FrequencyDirection::fit(folder, parameter, rows, &texts.before) else {
        return;
    };
    for (id, row) in rows {
        let per_million = texts.after.get(*id as usize).copied().unwrap_or(0.0);
        direction.bring(row, per_million);
    }
}

fn add(sum: &mut [f32], row: &[f32], weight: f32) {
    sum.iter_mut()
        .zip(row)
        .for_each(|(sum, value)| *sum += weight * value);
}

/// The mean of the rows of a token's old pieces.
fn of_pieces(
    folder: &ModelFolder,
    parameter: usize,
    tokens: &[NewToken],
    weight: impl Fn(&Piece) -> f32,
) -> Rows {
    let mean = |token: &NewToken| {
        let mut sum = vec![0.0; folder.decoder().hidden_size];
        let weights: Vec<f32> = token.pieces.iter().map(&weight).collect();
        let total: f32 = weights.iter().sum();
        for (piece, weight) in token.pieces.iter().zip(weights) {
            add(&mut sum, &row(folder, parameter, piece.id), weight / total);
        }
        (token.id, sum)
    };
    tokens.iter().map(mean).collect()
}

/// Normal numbers with a part of the deviation that a matrix has.
fn normal(
    folder: &ModelFolder,
    parameter: usize,
    tokens: &[NewToken],
    seed: u64,
    part: f64,
) -> Rows {
    let dims = folder.decoder().hidden_size;
    let name = &folder.table().parameters()[parameter].name;
    let deviation = part * deviation(folder, parameter);
    let mut values = vec![0.0; tokens.len() * dims];
    normal_values(name, seed, deviation, &mut values);
    let rows = values.chunks_exact(dims.max(1)).map(<[f32]>::to_vec);
    tokens.iter().map(|token| token.id).zip(rows).collect()
}

fn deviation(folder: &ModelFolder, parameter: usize) -> f64 {
    let vocab_size = folder.config().vocab_size;
    let count = (vocab_size * folder.decoder().hidden_size) as f64;
    let (mut sum, mut squares) = (0.0, 0.0);
    for id in 0..vocab_size as u32 {
        for value in row(folder, parameter, id).into_iter().map(f64::from) {
            sum += value;
            squares += value * value;
        }
    }
    (squares / count - (sum / count).powi(2)).max(0.0).sqrt()
}

#[cfg(test)]
mod tests {
    use jikji_tokenizer::Piece;

    use super::*;
    use crate::export::{Export, export_model};
    use crate::testing::{LLAMA, QWEN3, model};

    fn token(id: u32, pieces: &[(u32, usize)]) -> NewToken {
        NewToken {
            id,
            token: format!("t{id}"),
            replaces: None,
            pieces: pieces
                .iter()
                .map(|(id, bytes)| Piece {
                    id: *id,
                    bytes: *bytes,
                })
                .collect(),
        }
    }

    /// A model whose head, or tied embedding, tells frequencies along its first dimension.
    fn folder(dir: &std::path::Path, text: &str) -> ModelFolder {
        let mut plain = model(text);
        let table = plain.weights.layout().table().parameters().to_vec();
        let dims = plain.decoder.config().hidden_size;
        for (index, parameter) in table.iter().enumerate() {
            if matches!(parameter.role, Role::Embedding | Role::LmHead) {
                let rows = plain.weights.values_mut(index).chunks_exact_mut(dims);
                for (row, frequency) in rows.zip(frequencies()) {
                    row[0] = frequency.ln() as f32;
                }
            }
        }
        export_model(dir, &Export::of_run(&plain.config, &plain.weights, None)).unwrap();
        ModelFolder::open(dir).unwrap()
    }

    fn frequencies() -> Vec<f64> {
        (0..300)
            .map(|id| 1.0 + f64::from((id * 37) % 101))
            .collect()
    }

    fn texts() -> TextStatistics {
        let mut after = frequencies();
        (after[40], after[41]) = (30.0, 2.0);
        TextStatistics {
            before: frequencies(),
            after,
            counts: TokenCounts::default(),
            neighbours: None,
        }
    }

    #[test]
    fn rows_are_what_they_are_called() {
        let parent = tempfile::tempdir().unwrap();
        let tokens = [token(40, &[(50, 3), (51, 1)]), token(41, &[(60, 2)])];
        for text in [LLAMA, QWEN3] {
            let folder = folder(&parent.path().join("m"), text);
            let rows = |init: NewRows| init.rows(&folder, &tokens, &texts());
            let mean = rows(NewRows::Mean);
            let (noisy, other) = (
                rows(NewRows::NoisyMean { seed: 1 }),
                rows(NewRows::NoisyMean { seed: 2 }),
            );
            let (weighted, random) = (rows(NewRows::Weighted), rows(NewRows::Random { seed: 1 }));
            assert_ne!(noisy, other);
            assert_eq!(noisy, rows(NewRows::NoisyMean { seed: 1 }));
            for parameter in vocabulary_matrices(&folder) {
                let row = |id| row(&folder, parameter, id);
                let deviation = deviation(&folder, parameter) as f32;
                let size = |row: &[f32]| {
                    (row.iter().map(|value| value * value).sum::<f32>() / row.len() as f32).sqrt()
                };
                let (first, second) = (row(50), row(51));
                assert_eq!(mean[&parameter][&41], row(60));
                for (index, value) in mean[&parameter][&40].iter().enumerate() {
                    assert!((value - first[index].midpoint(second[index])).abs() < 1e-6);
                }
                let noise: Vec<f32> = noisy[&parameter][&40]
                    .iter()
                    .zip(&mean[&parameter][&40])
                    .map(|(noisy, mean)| noisy - mean)
                    .collect();
                assert!((0.03..0.3).contains(&(size(&noise) / deviation)));
                assert!((0.3..3.0).contains(&(size(&random[&parameter][&40]) / deviation)));

                // In the matrix that gives logits, a row tells its own frequency instead of that of its pieces.
                let got = &weighted[&parameter];
                let of_pieces = |dim: usize| (3.0 * first[dim] + second[dim]) / 4.0;
                if gives_logits(&folder, parameter) {
                    assert!((got[&40][0] - 30.0_f32.ln()).abs() < 0.4, "{}", got[&40][0]);
                    assert!((got[&41][0] - 2.0_f32.ln()).abs() < 0.4, "{}", got[&41][0]);
                } else {
                    let is_mean =
                        |(dim, value): (usize, &f32)| (value - of_pieces(dim)).abs() < 1e-5;
                    assert!(got[&40].iter().enumerate().all(is_mean));
                }
            }
        }
    }

    #[test]
    fn a_token_begins_half_way_to_those_it_is_like() {
        let parent = tempfile::tempdir().unwrap();
        let folder = folder(&parent.path().join("m"), LLAMA);
        let mut counts = TokenCounts::default();
        let texts_of = |id| std::iter::repeat_n(vec![5_u32, id, 6], 30);
        let lines: Vec<Vec<u32>> = texts_of(40).chain(texts_of(70)).collect();
        for ids in &lines {
            counts.add(ids);
        }
        let mut neighbours = Neighbours::new(&counts, [40].into_iter());
        for ids in &lines {
            neighbours.add(ids);
        }
        let texts = TextStatistics {
            neighbours: Some(neighbours),
            counts,
            ..texts()
        };
        let rows = NewRows::Similar.rows(&folder, &[token(40, &[(50, 3)])], &texts);
        // The embedding, which gives no logits here.
        let parameter = vocabulary_matrices(&folder)[0];
        let (piece, like) = (row(&folder, parameter, 50), row(&folder, parameter, 70));
        for (index, value) in rows[&parameter][&40].iter().enumerate() {
            assert!((value - piece[index].midpoint(like[index])).abs() < 1e-5);
        }
    }
}
