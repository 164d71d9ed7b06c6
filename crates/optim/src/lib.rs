//! What turns gradients into new weights: [`AdamW`] over flat buffers, the learning rate's [`Schedule`], and
//! [`global_norm`] with the factor that clips by it.

mod adamw;
mod clipping;
mod config;
mod schedule;

pub use adamw::AdamW;
pub use clipping::{clip_factor, global_norm, non_finite_parameter};
pub use config::OptimizerConfig;
pub use schedule::Schedule;
