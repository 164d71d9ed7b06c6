//! `report.html`: a run on one self-contained page.
//!
//! The charts come from the logs of the run folder, everything else from the caller as
//! [`ReportInput`]. All text is escaped. A content security policy forbids scripts and external
//! resources.

mod charts;
mod comparison;
mod html;
mod input;
mod page;
mod sections;

use std::path::{Path, PathBuf};

pub use comparison::{ComparedRun, ComparedTable, Comparison, is_page, write_comparison};
pub(crate) use html::escape;
pub use input::{Baseline, DataPaper, PlanAgainstActual, Planned, ReportInput, SamplePair};

use crate::{TelemetryError, aside, read_metrics, read_timings};

const REPORT_FILE: &str = "report.html";

/// Writes `report.html` into the run folder and returns its path. Without `timing.jsonl` the page
/// has no speed chart.
///
/// # Errors
/// If `metrics.jsonl` is missing or has an invalid line, or the page cannot be written.
pub fn write_report(
    run_dir: impl AsRef<Path>,
    input: &ReportInput,
) -> Result<PathBuf, TelemetryError> {
    let run_dir = run_dir.as_ref();
    let metrics = read_metrics(run_dir)?;
    // Only the speed chart needs it, so a missing file is not an error.
    let timings = read_timings(run_dir).unwrap_or_default();
    let html = page::page(&metrics, &timings, input);
    let path = run_dir.join(REPORT_FILE);
    aside::replace(&path, |out| out.write_all(html.as_bytes()))?;
    Ok(path)
}

#[cfg(test)]
mod tests;
