//! The gradients of a step while its micro-batches go through forward and backward.

use std::collections::BTreeMap;
use std::sync::Arc;

use burn::tensor::Gradients;
use jikji_ops::{GradientSlot, GradientSum};

use crate::segment::{Segment, SegmentWeights};
use crate::store::{Group, Layout, Store};

/// Sums over the micro-batches of a step, in the memory of a [`Store`]. Operations add the gradients of matrices where they
/// belong; those of vectors come through the engine.
#[derive(Debug)]
pub struct GradientSums {
    layout: Arc<Layout>,
    groups: BTreeMap<Group, GradientSum>,
}

impl GradientSums {
    /// Begins at zero in the buffers of `store`, which has none until [`Self::end`].
    pub fn begin(store: &mut Store) -> Self {
        let groups = std::mem::take(store.buffers_mut())
            .into_iter()
            .map(|(group, buffer)| (group, GradientSum::begin(buffer)))
            .collect();
        Self {
            layout: store.layout().clone(),
            groups,
        }
    }

    /// Gives the buffers back, with what was added to them.
    pub fn end(self, store: &mut Store) {
        *store.buffers_mut() = self
            .groups
            .into_iter()
            .map(|(group, sum)| (group, sum.end()))
            .collect();
    }

    /// The place of a parameter's gradient; `None` where it is not trained.
    pub(crate) fn slot(&self, parameter: usize) -> Option<GradientSlot> {
        let (group, range) = self.layout.place(parameter);
        self.groups.get(&group).map(|sum| sum.slot(range))
    }

    /// Adds what the engine found for a segment's vectors.
    pub fn add_vectors(&self, segment: Segment, weights: &SegmentWeights, found: &mut Gradients) {
        for index in self.layout.table().used_by(segment) {
            let role = self.layout.table().parameters()[index].role;
            if let Some(slot) = self.slot(index)
                && let Some(vector) = weights.vectors.get(&role)
                && let Some(gradient) = vector.grad_remove(found)
            {
                slot.add(gradient);
            }
        }
    }
}
