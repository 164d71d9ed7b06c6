//! Flat buffers laid out by the parameter table: weights, gradients and optimizer states all have this form.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use burn::tensor::Tensor;
use glob::Pattern;
use jikji_ops::{FlatBuffer, Weight};

use crate::error::ModelError;
use crate::families::Role;
use crate::gradients::GradientSums;
use crate::init::initial_values;
use crate::segment::{Segment, SegmentWeights};
use crate::table::ParameterTable;

/// Parameters that are treated alike share one buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Hidden matrices.
    Matrix,
    /// Embedding and an untied output projection.
    Embedding,
    /// Norms and biases.
    Vector,
    /// What the run does not train; it has weights, but neither gradient nor optimizer state.
    Frozen,
}

/// Where each parameter lies.
#[derive(Debug)]
pub struct Layout {
    table: ParameterTable,
    places: Vec<(Group, usize)>,
    lens: BTreeMap<Group, usize>,
}

impl Layout {
    /// Lays out all parameters; those that match no pattern of `trainable` are frozen. Patterns are globs over published
    /// names; `["*"]` trains everything.
    pub fn new(table: ParameterTable, trainable: &[String]) -> Result<Arc<Self>, ModelError> {
        let patterns: Vec<(&String, Pattern)> = trainable
            .iter()
            .map(|text| {
                Pattern::new(text)
                    .map(|pattern| (text, pattern))
                    .map_err(|error| ModelError::Invalid {
                        field: "train.trainable",
                        got: format!("`{text}`"),
                        expected: format!("a glob pattern ({error})"),
                    })
            })
            .collect::<Result<_, _>>()?;
        for (text, pattern) in &patterns {
            if !table
                .parameters()
                .iter()
                .any(|parameter| pattern.matches(&parameter.name))
            {
                return Err(ModelError::TrainableMatchesNothing {
                    pattern: (*text).clone(),
                    parameters: table.parameters().len(),
                });
            }
        }
        let mut lens = BTreeMap::new();
        let places = table
            .parameters()
            .iter()
            .map(|parameter| {
                let trained = patterns
                    .iter()
                    .any(|(_, pattern)| pattern.matches(&parameter.name));
                let group = match parameter.role {
                    _ if !trained => Group::Frozen,
                    Role::Embedding | Role::LmHead => Group::Embedding,
                    _ if parameter.shape.len() == 1 => Group::Vector,
                    _ => Group::Matrix,
                };
                let len = lens.entry(group).or_insert(0);
                let start = *len;
                *len += parameter.num_elements();
                (group, start)
            })
            .collect();
        Ok(Arc::new(Self {
            table,
            places,
            lens,
        }))
    }

    /// The parameters.
    pub fn table(&self) -> &ParameterTable {
        &self.table
    }

    /// The group of a parameter and its range in the group's buffer.
    pub fn place(&self, parameter: usize) -> (Group, Range<usize>) {
        let (group, start) = self.places[parameter];
        (
            group,
            start..start + self.table.parameters()[parameter].num_elements(),
        )
    }

    /// Elements of each group that has any.
    pub fn lens(&self) -> &BTreeMap<Group, usize> {
        &self.lens
    }

    /// Elements that are trained.
    pub fn num_trainable(&self) -> usize {
        self.lens
            .iter()
            .filter(|(group, _)| **group != Group::Frozen)
            .map(|(_, len)| len)
            .sum()
    }

    /// Whether a segment's forward uses anything that is trained.
    pub fn trains(&self, segment: Segment) -> bool {
        self.table
            .used_by(segment)
            .any(|parameter| self.places[parameter].0 != Group::Frozen)
    }
}

/// One number for every parameter element: the weights, or their gradients, or a moment.
#[derive(Debug)]
pub struct Store {
    layout: Arc<Layout>,
    buffers: BTreeMap<Group, FlatBuffer>,
}

impl Store {
    /// Zeros for every parameter.
    pub fn weights(layout: Arc<Layout>) -> Self {
        let buffers = layout
            .lens
            .iter()
            .map(|(group, len)| (*group, FlatBuffer::zeros(*len)))
            .collect();
        Self { layout, buffers }
    }

    /// Zeros for every trained parameter of the groups that `holds` says.
    pub fn of_trained(layout: Arc<Layout>, holds: impl Fn(Group) -> bool) -> Self {
        let trained = layout
            .lens
            .iter()
            .filter(|(group, _)| **group != Group::Frozen && holds(**group));
        let buffers = trained
            .map(|(group, len)| (*group, FlatBuffer::zeros(*len)))
            .collect();
        Self { layout, buffers }
    }

    /// Fresh weights of a seed.
    pub fn initialized(layout: Arc<Layout>, seed: u64) -> Self {
        let mut store = Self::weights(layout.clone());
        for (index, parameter) in layout.table.parameters().iter().enumerate() {
            initial_values(parameter, seed, store.values_mut(index));
        }
        store
    }

    /// Where everything lies.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// The buffers by group.
    pub fn buffers(&self) -> &BTreeMap<Group, FlatBuffer> {
        &self.buffers
    }

    /// The buffers by group, to change.
    pub fn buffers_mut(&mut self) -> &mut BTreeMap<Group, FlatBuffer> {
        &mut self.buffers
    }

    /// One parameter's numbers; `None` where this store holds none for it.
    pub fn values(&self, parameter: usize) -> Option<&[f32]> {
        let (group, range) = self.layout.place(parameter);
        self.buffers.get(&group).map(|buffer| &buffer.host()[range])
    }

    /// One parameter's numbers, to change.
    ///
    /// # Panics
    /// If this store holds none for it.
    pub fn values_mut(&mut self, parameter: usize) -> &mut [f32] {
        let (group, range) = self.layout.place(parameter);
        let buffer = self
            .buffers
            .get_mut(&group)
            .expect("a store of every parameter");
        &mut buffer.host_mut()[range]
    }

    /// Views of a segment's weights.
    pub fn segment(&self, segment: Segment) -> SegmentWeights {
        self.views(segment, None)
    }

    /// Views of a segment's weights, those of trained parameters with gradients, which go to `sums`.
    pub fn segment_to_train(&self, segment: Segment, sums: &GradientSums) -> SegmentWeights {
        self.views(segment, Some(sums))
    }

    fn views(&self, segment: Segment, sums: Option<&GradientSums>) -> SegmentWeights {
        let mut weights = SegmentWeights::default();
        for index in self.layout.table.used_by(segment) {
            let parameter = &self.layout.table.parameters()[index];
            let (group, range) = self.layout.place(index);
            let buffer = &self.buffers[&group];
            let gradient = sums.and_then(|sums| sums.slot(index));
            let tracked = gradient.is_some();
            if let [rows, columns] = parameter.shape[..] {
                let values = leaf(buffer.view(range.start, [rows, columns]), tracked);
                let weight = Weight { values, gradient };
                weights.matrices.insert(parameter.role, weight);
            } else {
                let view = buffer.view(range.start, [parameter.num_elements()]);
                let view = leaf(view, tracked);
                weights.vectors.insert(parameter.role, view);
            }
        }
        weights
    }
}

fn leaf<const D: usize>(view: Tensor<D>, tracked: bool) -> Tensor<D> {
    if tracked {
        view.autodiff().require_grad()
    } else {
        view
    }
}
