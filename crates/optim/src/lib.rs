//! The [`Optimizer`] (AdamW, and Muon for hidden matrices) over flat buffers, the learning-rate
//! [`Schedule`], and gradient clipping by [`global_norm`] and [`clip_factor`].
//!
//! ```
//! use jikji_optim::clip_factor;
//!
//! // A gradient with norm 4 is scaled by 1/4 to reach `max_grad_norm = 1`.
//! assert_eq!(clip_factor(4.0, Some(1.0)), 0.25);
//! assert_eq!(clip_factor(0.5, Some(1.0)), 1.0);
//! ```

mod clipping;
mod config;
mod optimizer;
mod schedule;

pub use clipping::{clip_factor, global_norm, non_finite_parameter};
pub use config::{MuonConfig, OptimizerConfig};
pub use optimizer::{Optimizer, UpdateScale};
pub use schedule::{Schedule, ScheduleError};
