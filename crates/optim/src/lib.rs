//! What turns gradients into new weights: the [`Optimizer`] (AdamW, and Muon for matrices) over flat buffers, the learning rate's
//! [`Schedule`], and [`global_norm`] with the factor that clips by it.

mod clipping;
mod config;
mod optimizer;
mod schedule;

pub use clipping::{clip_factor, global_norm, non_finite_parameter};
pub use config::{MuonConfig, OptimizerConfig};
pub use optimizer::{Optimizer, UpdateScale};
pub use schedule::Schedule;
