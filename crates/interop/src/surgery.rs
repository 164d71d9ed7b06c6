//! New models from the weights of others, without training: more layers, or several models in one.
//!
//! Each is a [`WeightSource`](crate::WeightSource) that computes its numbers while they are written, so that no model is in
//! memory as a whole.

mod deepen;
mod layer_map;
mod merge;
mod merge_rules;

pub use deepen::Deepened;
pub use layer_map::LayerMap;
pub use merge::{MergeMethod, Merged};
