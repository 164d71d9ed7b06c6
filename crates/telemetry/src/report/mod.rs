//! `report.html`: a run on one page that needs nothing but itself.
//!
//! Curves come from the run folder; everything else is given by the caller as a [`ReportInput`]. Whatever comes
//! from outside is escaped, and the page forbids itself scripts and any load from elsewhere.

mod charts;
mod html;
mod input;
mod page;
mod sections;

use std::path::{Path, PathBuf};

pub(crate) use html::escape;
pub use input::{Baseline, DataPaper, PlanAgainstActual, Planned, ReportInput, SamplePair};

use crate::{TelemetryError, aside, read_metrics, read_timings};

const REPORT_FILE: &str = "report.html";

/// Writes `report.html` into the run folder and returns its path. A folder without timing gives a page without
/// that curve.
///
/// # Errors
/// `metrics.jsonl` is absent or holds a line that is no record, or the page cannot be written.
pub fn write_report(
    run_dir: impl AsRef<Path>,
    input: &ReportInput,
) -> Result<PathBuf, TelemetryError> {
    let run_dir = run_dir.as_ref();
    let metrics = read_metrics(run_dir)?;
    // Only the speed curve needs it, so a report without it is better than none.
    let timings = read_timings(run_dir).unwrap_or_default();
    let html = page::page(&metrics, &timings, input);
    let path = run_dir.join(REPORT_FILE);
    aside::replace(&path, |out| out.write_all(html.as_bytes()))?;
    Ok(path)
}

#[cfg(test)]
mod tests;
