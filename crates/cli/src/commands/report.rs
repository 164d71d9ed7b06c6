//! `jikji report`.

use std::path::Path;

use jikji_telemetry::{ReportInput, write_report};

use crate::console;
use crate::exit;
use crate::failure::Failure;

/// What a run knows beside its metrics, kept for this command.
pub(crate) const REPORT_FACTS: &str = "report.json";

pub(crate) fn run(run: &Path) -> Result<(), Failure> {
    if !run.join("metrics.jsonl").is_file() {
        return Err(Failure::new(
            exit::RUN_FOLDER,
            format!(
                "`{}` is not the folder of a run: it has no metrics.jsonl",
                run.display()
            ),
        )
        .with_hint("name the folder that `train` wrote, such as runs/quickstart"));
    }
    let facts = run.join(REPORT_FACTS);
    let mut input = match std::fs::read(&facts) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
            Failure::new(
                exit::RUN_FOLDER,
                format!("`{}` is damaged: {error}", facts.display()),
            )
            .with_hint("remove it; the report then shows what the metrics hold")
        })?,
        // A run that was stopped before its first report has metrics only.
        Err(_) => ReportInput {
            title: run.display().to_string(),
            language: "en".to_owned(),
            ..ReportInput::default()
        },
    };
    if input.resolved_recipe.is_none() {
        input.resolved_recipe = std::fs::read_to_string(run.join("recipe.resolved.toml")).ok();
    }
    let page = write_report(run, &input)?;
    console::data(page.display().to_string());
    Ok(())
}
