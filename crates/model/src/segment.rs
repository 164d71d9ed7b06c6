//! The parts of a decoder that have graphs of their own, and the weights that each is given.

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use jikji_ops::Weight;

use crate::families::Role;

/// A part of the decoder with its own graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// Ids to hidden states.
    Embedding,
    /// One block, by index.
    Block(usize),
    /// Final norm and output projection.
    Head,
}

/// A segment's weights: views that live as long as its graph.
#[derive(Debug, Clone, Default)]
pub struct SegmentWeights {
    pub(crate) matrices: BTreeMap<Role, Weight>,
    pub(crate) vectors: BTreeMap<Role, Tensor<1>>,
}

impl SegmentWeights {
    /// A matrix by role.
    ///
    /// # Panics
    /// If the segment has none: the parameter table and the forward pass disagree.
    pub fn matrix(&self, role: Role) -> Weight {
        self.matrices
            .get(&role)
            .unwrap_or_else(|| panic!("no matrix {role:?} in this segment"))
            .clone()
    }

    pub(crate) fn vector(&self, role: Role) -> Tensor<1> {
        self.vectors
            .get(&role)
            .unwrap_or_else(|| panic!("no vector {role:?} in this segment"))
            .clone()
    }
}
