//! What a run says while it runs and what it leaves to be read afterwards.
//!
//! Nothing here can end a run: after the files are open, a failed write becomes a warning (`take_warnings`) and
//! the records that do not fit are dropped.
//!
//! - [`RunLog`] takes each record once and writes it to `metrics.jsonl`, `timing.jsonl` and TensorBoard.
//! - [`TensorBoard`] writes event files that a resumed run continues without repeating a step.
//! - [`Console`], [`Progress`] and [`Phase`] talk to people, on stderr only.
//! - [`report`] turns a run folder into one self-contained HTML page; [`curve_svg`] draws a single curve, [`bars_svg`] bars.
//! - [`human_units`] words bytes, durations and counts the same way everywhere.

mod append_file;
mod aside;
mod bars;
mod console;
mod curve;
mod display_width;
mod error;
pub mod human_units;
mod json_lines;
mod phase;
mod progress;
mod records;
pub mod report;
mod run_log;
mod tensorboard;
mod ticks;
mod wall_clock;

pub use bars::{BarGroup, bars_svg};
pub use console::{Console, ProgressMode};
pub use curve::{CurveOptions, ReferenceLine, Series, SeriesStyle, YScale, curve_svg};
pub use display_width::{cut_to_width, display_width};
pub use error::TelemetryError;
pub use json_lines::{Metrics, Timings, read_metrics, read_timings};
pub use phase::{Phase, Phases, Unit};
pub use progress::{Progress, ProgressUpdate};
pub use records::{
    SampleMetrics, SaveTiming, StepMetrics, StepRecord, StepTiming, TimedStep, ValidationMetrics,
    ValidationRecord,
};
pub use report::{ReportInput, write_report};
pub use run_log::RunLog;
pub use tensorboard::TensorBoard;
