//! The tensors of the file: their list, and their numbers a few rows at a time.

use jikji_checkpoint::gguf::{GgufTensor, GgufType};
use jikji_model::{DecoderConfig, Role, Scaling, inverse_frequencies};

use crate::weight_source::WeightSource;

use super::names::{Architecture, ROPE_FREQS, tensor_name};

/// Where a tensor's numbers come from.
enum Source {
    /// A parameter as it is.
    Parameter(usize),
    /// A parameter of heads whose two halves have to be interleaved; the width of a head.
    Interleaved(usize, usize),
    /// Numbers made here.
    Made(Vec<f32>),
}

pub(super) struct Tensors<'a> {
    list: Vec<GgufTensor>,
    sources: Vec<Source>,
    weights: &'a dyn WeightSource,
    number: GgufType,
}

impl<'a> Tensors<'a> {
    pub(super) fn new(
        architecture: Architecture,
        decoder: &DecoderConfig,
        weights: &'a dyn WeightSource,
        number: GgufType,
    ) -> Self {
        let mut tensors = Self {
            list: Vec::new(),
            sources: Vec::new(),
            weights,
            number,
        };
        let parameters = weights.table().parameters();
        for (index, parameter) in parameters.iter().enumerate() {
            let of_rotated_heads = matches!(
                parameter.role,
                Role::QProj | Role::KProj | Role::QBias | Role::KBias
            );
            let source = if of_rotated_heads && architecture.turns_neighbours() {
                Source::Interleaved(index, decoder.head_dim)
            } else {
                Source::Parameter(index)
            };
            tensors.push(tensor_name(parameter), parameter.shape.clone(), source);
        }
        if let Some(factors) = llama3_factors(decoder) {
            let shape = vec![factors.len()];
            tensors.push(ROPE_FREQS.to_owned(), shape, Source::Made(factors));
        }
        tensors
    }

    fn push(&mut self, name: String, shape: Vec<usize>, source: Source) {
        let number = match shape[..] {
            // llama.cpp's graphs add and multiply norms and biases in F32 only.
            [] | [_] => GgufType::F32,
            // As its own converter does with rows that are not whole blocks.
            [.., row] if !row.is_multiple_of(self.number.block()) => GgufType::F16,
            _ => self.number,
        };
        self.list.push(GgufTensor {
            name,
            shape,
            number,
        });
        self.sources.push(source);
    }

    pub(super) fn list(&self) -> &[GgufTensor] {
        &self.list
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        let otherwise = self
            .list
            .iter()
            .filter(|tensor| tensor.shape.len() > 1 && tensor.number != self.number)
            .count();
        let sentence = format!(
            "{otherwise} matrices are stored in F16: their rows are not whole blocks of {} numbers, as {} needs",
            self.number.block(),
            self.number.name()
        );
        (otherwise > 0).then_some(sentence).into_iter().collect()
    }

    /// Gives the elements of a tensor from `start` on; whole rows.
    pub(super) fn fill(&self, index: usize, start: usize, out: &mut [f32]) {
        let row = match &self.list[index].shape[..] {
            [_] => 1,
            shape => shape.last().copied().unwrap_or(1),
        };
        match &self.sources[index] {
            Source::Parameter(parameter) => self.weights.read(*parameter, start, out),
            Source::Made(numbers) => out.copy_from_slice(&numbers[start..start + out.len()]),
            Source::Interleaved(parameter, head_dim) => {
                for (offset, target) in out.chunks_exact_mut(row).enumerate() {
                    let from = interleaved(start / row + offset, *head_dim) * row;
                    self.weights.read(*parameter, from, target);
                }
            }
        }
    }
}

/// The row of the published tensor that becomes row `row`: in each head, rows `i` and `i + head_dim / 2` become neighbours.
fn interleaved(row: usize, head_dim: usize) -> usize {
    let (head, within) = (row / head_dim, row % head_dim);
    head * head_dim + within / 2 + within % 2 * (head_dim / 2)
}

/// By how much the scaling `llama3` slows each pair down: what llama.cpp divides the angles by.
fn llama3_factors(decoder: &DecoderConfig) -> Option<Vec<f32>> {
    let scaling @ Scaling::Llama3 { .. } = decoder.rope.scaling else {
        return None;
    };
    let frequencies = |scaling| inverse_frequencies(decoder.head_dim, decoder.rope.theta, scaling);
    let pairs = frequencies(Scaling::None)
        .into_iter()
        .zip(frequencies(scaling));
    Some(
        pairs
            .map(|(plain, scaled)| (plain / scaled) as f32)
            .collect(),
    )
}
