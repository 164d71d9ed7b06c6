//! `jikji report`.

use std::path::Path;

use jikji_checkpoint::durable;
use jikji_telemetry::{
    CurveOptions, ReferenceLine, ReportInput, Series, SeriesStyle, YScale, curve_svg, read_metrics,
    write_report,
};

use crate::console;
use crate::exit;
use crate::failure::Failure;

/// What a run knows beside its metrics, kept for this command.
pub(crate) const REPORT_FACTS: &str = "report.json";

pub(crate) fn run(run: &Path, curve: Option<&Path>) -> Result<(), Failure> {
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
    if let Some(curve) = curve {
        durable::write_file(curve, validation_curve(run, &input)?.as_bytes())?;
        console::data(curve.display().to_string());
    }
    Ok(())
}

/// Training loss has another unit, so the picture shows what can be compared: bits per byte of held-back text.
fn validation_curve(run: &Path, input: &ReportInput) -> Result<String, Failure> {
    let validations = read_metrics(run)?.validations;
    let series = Series {
        label: "this model".to_owned(),
        points: validations
            .iter()
            .map(|found| (found.step as f64, found.bits_per_byte))
            .collect(),
        style: SeriesStyle::Line,
    };
    let options = CurveOptions {
        title: format!("{}: validation", input.title),
        x_label: "step".to_owned(),
        y_label: "bits per byte of held-back text".to_owned(),
        y_scale: YScale::Linear,
        reference_lines: input
            .baselines
            .iter()
            .map(|baseline| ReferenceLine {
                label: baseline.name.clone(),
                value: baseline.bits_per_byte,
            })
            .collect(),
    };
    Ok(curve_svg(&[series], &options))
}
