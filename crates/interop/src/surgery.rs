//! New models from the weights of others, without training: more layers, several models in one, rows for new tokens.
//!
//! Each is a [`WeightSource`](crate::WeightSource) that computes its numbers while they are written, so that no model is in
//! memory as a whole.

mod deepen;
mod extend;
mod layer_map;
mod merge;
mod merge_rules;
mod new_rows;
mod token_statistics;

pub use deepen::Deepened;
pub use extend::{Rows, WithRows, vocabulary_matrices};
pub use layer_map::LayerMap;
pub use merge::{MergeMethod, Merged};
pub use new_rows::{NewRows, TextStatistics};
pub use token_statistics::{Neighbours, TokenCounts};
