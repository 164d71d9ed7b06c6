//! The training step, the loop around it, and when to save, evaluate and sample.
//!
//! Read [`train_step`] first, then [`run()`] around it; [`segments`] is how forward and
//! backward walk the decoder, and [`verify`] holds them against another program.

mod bench;
mod config;
mod error;
mod evaluate;
mod memory;
mod objective;
mod resume;
pub mod run;
pub mod segments;
mod state;
pub mod step;
mod stop;
pub mod verify;

pub use bench::{BenchConfig, BenchError, BenchReport, bench_train_step};
pub use config::{
    ActivationCheckpointing, CheckpointConfig, LogConfig, Objective, PrecisionConfig, TrainConfig,
};
pub use error::{NonFinite, TrainError};
pub use evaluate::{Evaluation, evaluate};
pub use memory::{MemoryPlan, StepSize, peak_resident_bytes, reset_peak, resident_bytes};
pub use resume::{restore, snapshot};
pub use run::{Hooks, RunOutcome, RunSetup, StopReason, run};
pub use state::TrainState;
pub use step::{StepReport, StepSettings, train_step};
pub use stop::StopSignal;
