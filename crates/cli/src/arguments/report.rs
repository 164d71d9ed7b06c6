//! `jikji report`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::output::file_value;

#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// Run folder; several are compared on one page
    #[arg(required = true, value_name = "RUN")]
    pub(crate) runs: Vec<PathBuf>,
    /// Also draw the validation curve and its baselines as SVG; `-` is stdout
    #[arg(long, value_name = "FILE.svg", value_parser = file_value(), value_hint = ValueHint::FilePath)]
    pub(crate) curve: Option<PathBuf>,
    /// Page that compares several runs; `-` is stdout [default: comparison.html]
    #[arg(long, value_name = "FILE.html", value_parser = file_value(), value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
}
