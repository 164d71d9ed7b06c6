//! `jikji report`: the page of one run, or of several over each other.

mod compare;

use std::path::{Path, PathBuf};

use jikji_checkpoint::durable;
use jikji_telemetry::human_units::with_separators;
use jikji_telemetry::{
    CurveOptions, ReferenceLine, ReportInput, Series, SeriesStyle, YScale, curve_svg, is_picture,
    write_report,
};

use crate::arguments::ReportArguments;
use crate::console;
use crate::exit;
use crate::failure::Failure;
use crate::output;
pub(crate) use crate::run_facts::REPORT_FACTS;
use crate::run_facts::{RunFacts, State};

pub(crate) fn run(arguments: &ReportArguments) -> Result<(), Failure> {
    match (arguments.runs.as_slice(), &arguments.output) {
        ([run], None) => one(run, arguments.curve.as_deref()),
        ([_], Some(_)) => Err(Failure::new(
            exit::COMMAND_LINE,
            "`--output` is for several runs; the page of one is `report.html` in its folder",
        )
        .with_hint("leave `--output` out, or name more runs")),
        (runs, output) => {
            if arguments.curve.is_some() {
                let message = "`--curve` is for one run";
                return Err(Failure::new(exit::COMMAND_LINE, message)
                    .with_hint("leave `--curve` out: the page has the curves of all runs"));
            }
            let default = PathBuf::from("comparison.html");
            compare::run(runs, output.as_ref().unwrap_or(&default))
        }
    }
}

fn one(run: &Path, curve: Option<&Path>) -> Result<(), Failure> {
    let facts = RunFacts::read(run)?;
    if let Some(curve) = curve {
        output::check_own_file("--curve", curve, is_picture)?;
    }
    let mut input = facts.report.clone().unwrap_or_else(|| ReportInput {
        title: run.display().to_string(),
        language: "en".to_owned(),
        ..ReportInput::default()
    });
    if input.resolved_recipe.is_none() {
        input.resolved_recipe = std::fs::read_to_string(run.join("recipe.resolved.toml")).ok();
    }
    input.notes.extend(unfinished(&facts));
    let page = write_report(run, &input)?;
    let to_stdout = curve.is_some_and(output::is_stdout);
    if !to_stdout {
        console::data(page.display().to_string());
    }
    if let Some(curve) = curve {
        let picture = validation_curve(&facts, &input);
        let written = durable::write_file(curve, picture.as_bytes());
        output::written(curve, written)?;
        if !to_stdout {
            console::data(curve.display().to_string());
        }
    }
    Ok(())
}

/// What a reader of the page of an unfinished run must know.
fn unfinished(facts: &RunFacts) -> Option<String> {
    let so_far = match &facts.state {
        State::Finished => return None,
        State::Running => "it is running",
        State::RunningOn(_) => "another host may be running it",
        State::Stopped => "it was stopped",
        State::Failed => "it ended with an error or was killed",
    };
    let steps = facts
        .steps()
        .map_or_else(|| "an unknown number".to_owned(), with_separators);
    Some(format!(
        "This run is not finished: step {} of {steps} is logged; {so_far}.",
        with_separators(facts.step())
    ))
}

/// Training loss has another unit, so the picture shows what can be compared: bits per byte of
/// held-back text.
fn validation_curve(facts: &RunFacts, input: &ReportInput) -> String {
    let series = Series {
        label: "this model".to_owned(),
        points: facts
            .metrics
            .validations
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
    curve_svg(&[series], &options)
}
