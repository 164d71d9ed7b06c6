//! The logs and messages of a run, and the report written from them.
//!
//! Nothing in this crate can end a run. Once the files are open, a failed write is a warning
//! (`take_warnings`), and records that cannot be written are dropped.
//!
//! - [`RunLog`] writes each record to `metrics.jsonl`, `timing.jsonl` and TensorBoard.
//! - [`TensorBoard`] writes event files. A resumed run continues them without repeating a step.
//! - [`Console`], [`Progress`] and [`Phase`] print messages for users, on stderr only.
//! - [`report`] renders a run folder as one self-contained HTML page. [`curve_svg`] draws curves,
//!   [`bars_svg`] bar charts.
//! - [`human_units`] formats bytes, durations and counts in one way.
//!
//! ```
//! use jikji_telemetry::human_units::{human_bytes, human_count, human_duration};
//!
//! assert_eq!(human_bytes(634_000_000), "634 MB");
//! assert_eq!(human_count(32_508_416), "32.5 M");
//! assert_eq!(human_duration(125.0), "2 min 5 s");
//! ```

mod append_file;
mod aside;
mod bars;
mod console;
mod curve;
mod display_width;
mod error;
pub mod human_units;
mod json_lines;
mod live_line;
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
pub use curve::{CurveOptions, ReferenceLine, Series, SeriesStyle, YScale, curve_svg, is_picture};
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
