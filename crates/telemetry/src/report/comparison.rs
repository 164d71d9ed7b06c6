//! Several runs on one page: overlaid charts, and tables of the differences.

use std::path::Path;

use jikji_durable::write_file;

use super::page;
use crate::{Metrics, TelemetryError, Timings};

/// The content of a page with several runs.
#[derive(Debug, Clone, Default)]
pub struct Comparison {
    /// Heading of the page.
    pub title: String,
    /// Notes at the top, such as the first step at which the losses differ.
    pub notes: Vec<String>,
    /// The runs, in the order of their colours.
    pub runs: Vec<ComparedRun>,
    /// Tables of differing settings, data and versions.
    pub tables: Vec<ComparedTable>,
}

/// One of the runs.
#[derive(Debug, Clone, Default)]
pub struct ComparedRun {
    /// The label in the legend.
    pub label: String,
    /// Its `metrics.jsonl`.
    pub metrics: Metrics,
    /// Its `timing.jsonl`.
    pub timings: Timings,
}

/// A table with its title; each row has as many cells as the head.
#[derive(Debug, Clone, Default)]
pub struct ComparedTable {
    /// Heading of the section; a table without rows is left out.
    pub title: String,
    /// Names of the columns.
    pub head: Vec<String>,
    /// The cells, unescaped.
    pub rows: Vec<Vec<String>>,
}

/// Writes the page to `path`, which is replaced.
///
/// # Errors
/// The file cannot be written.
pub fn write_comparison(path: &Path, comparison: &Comparison) -> Result<(), TelemetryError> {
    Ok(write_file(path, page::comparison(comparison).as_bytes())?)
}

/// Whether a file with these first bytes is a page that this crate wrote.
pub fn is_page(head: &[u8]) -> bool {
    String::from_utf8_lossy(head).contains(page::GENERATOR)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StepMetrics;

    fn run(label: &str, losses: &[f64]) -> ComparedRun {
        let step = |(index, loss): (usize, &f64)| StepMetrics {
            step: index as u64 + 1,
            tokens_total: 1,
            counted_targets: 1.0,
            loss: *loss,
            gradient_norm: 1.0,
            clipped: false,
            learning_rate: 1e-3,
            data: Vec::new(),
        };
        ComparedRun {
            label: label.to_owned(),
            metrics: Metrics {
                steps: losses.iter().enumerate().map(step).collect(),
                ..Metrics::default()
            },
            timings: Timings::default(),
        }
    }

    #[test]
    fn runs_lie_over_each_other_and_nothing_is_markup() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page.html");
        let comparison = Comparison {
            title: "<b>two</b>".to_owned(),
            notes: vec!["<i>".to_owned()],
            runs: vec![
                run("<u>", &[3.0, 2.0]),
                run("b", &[3.0, 1.0]),
                run("c", &[]),
            ],
            tables: vec![ComparedTable {
                title: "Settings".to_owned(),
                head: ["key", "<u>", "b"].map(str::to_owned).to_vec(),
                rows: vec![["run.seed", "1", "<2>"].map(str::to_owned).to_vec()],
            }],
        };
        write_comparison(&path, &comparison).unwrap();
        let page = std::fs::read_to_string(path).unwrap();
        assert!(is_page(page.as_bytes()));
        for markup in ["<b>", "<i>", "<u>", "<2>"] {
            assert!(!page.contains(markup), "{markup}");
        }
        assert!(page.contains("class=\"line one\"") && page.contains("class=\"line two\""));
    }
}
