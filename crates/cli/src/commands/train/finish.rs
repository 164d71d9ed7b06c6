//! After the last step: the exported model, the report, and the lines that say what came of it.

use jikji_loader::Prepared;
use jikji_recipe::RunConfig;
use jikji_telemetry::human_units::{human_bytes, human_duration, with_separators};
use jikji_telemetry::report::{Baseline, PlanAgainstActual, Planned, SamplePair};
use jikji_telemetry::{Console, Phase, ReportInput, read_metrics, write_report};
use jikji_train::RunOutcome;

use super::assemble::Plan;
use super::folder::{RunFolder, longer_command, quoted, resume_command};
use super::{export, facts};
use crate::arguments::TrainArguments;
use crate::commands::report::REPORT_FACTS;
use crate::failure::Failure;

/// Below this many parameters a model shows the machine and not the language.
const TOY_PARAMETERS: usize = 50_000_000;

pub(super) fn tell_stopped(
    outcome: &RunOutcome,
    folder: &RunFolder,
    arguments: &TrainArguments,
    console: &Console,
) {
    console.say(format!(
        "stopped after step {} as asked; saved in `{}`",
        outcome.state.step,
        folder.checkpoints().display()
    ));
    console.say(format!("continue with: {}", resume_command(arguments)));
}

#[expect(
    clippy::too_many_arguments,
    reason = "everything a run knows meets here once"
)]
pub(super) fn complete(
    config: &RunConfig,
    folder: &RunFolder,
    plan: &Plan,
    prepared: &Prepared,
    outcome: &RunOutcome,
    peak: Option<u64>,
    arguments: &TrainArguments,
    console: &Console,
) -> Result<(), Failure> {
    // A process that found all steps done knows nothing of what they took.
    let peak = peak.filter(|_| outcome.steps > 0);
    let model = folder.path.join("export");
    let phase = Phase::start(console, "writing the model");
    let written = export::write(&model, config, outcome, prepared, console)?;
    drop(phase);
    for warning in written.warnings {
        console.warn(warning);
    }

    let baselines = facts::baselines(prepared, &outcome.validation, console)?;
    let result = result_line(folder, &baselines);
    let input = ReportInput {
        title: config.run.name.clone(),
        language: "en".to_owned(),
        result: result.clone().unwrap_or_default(),
        baselines,
        samples: sample_pairs(folder),
        samples_language: "ko".to_owned(),
        data: facts::papers(prepared),
        plan: Some(plan_against_actual(config, plan, outcome, peak)),
        resolved_recipe: Some(config.to_toml()),
        environment: environment(outcome),
        notes: Vec::new(),
    };
    let report = write_report(&folder.path, &input)?;
    // Last of all: by it the next start knows that everything was told.
    let facts = serde_json::to_vec_pretty(&input).expect("a report's facts are JSON");
    jikji_checkpoint::durable::write_file(&folder.path.join(REPORT_FACTS), &facts)?;

    if outcome.steps > 0 {
        console.say(format!(
            "{} steps in {}: {} tokens/s, {:.0} % of the machine's matrix rate",
            with_separators(outcome.steps),
            human_duration(outcome.seconds),
            with_separators(outcome.tokens_per_second as u64),
            100.0 * outcome.matrix_share
        ));
    }
    if let Some(result) = result {
        console.say(result);
    }
    if outcome.steps > 0 {
        let used = peak.map_or_else(|| "unknown".to_owned(), human_bytes);
        console.say(format!(
            "memory planned {}, used {used}",
            human_bytes(plan.memory.total())
        ));
    }
    let parameters = plan.layout.table().num_elements();
    if parameters < TOY_PARAMETERS {
        console.say(format!(
            "this is a toy of {:.1} M parameters: it shows the machine, not what a model can know",
            parameters as f64 / 1e6
        ));
    }
    console.say(format!(
        "  model        {}   (for transformers, vLLM, and `jikji generate`)",
        model.display()
    ));
    console.say(format!("  report       {}", report.display()));
    console.say(format!(
        "  TensorBoard  tensorboard --logdir {}",
        quoted(&folder.path.join("tensorboard").to_string_lossy())
    ));
    console.say("next:");
    console.say(format!(
        "  write        jikji generate --model {} --prompt \"오늘 아침에는\"",
        quoted(&model.to_string_lossy())
    ));
    if outcome.state.step > 0 {
        console.say(format!(
            "  go longer    {}",
            longer_command(arguments, 2 * outcome.state.step)
        ));
    }
    console
        .say("  your text    jikji train recipes/pretrain/small.toml --set data.path=YOUR_FOLDER");
    console.say("  real recipe  jikji recipe list");
    Ok(())
}

/// `validation 5.9 -> 2.1 bits/byte (unigram 4.4, trigram 2.6)`, from the run's own metrics, so that a resumed run tells of
/// its beginning too.
fn result_line(folder: &RunFolder, baselines: &[Baseline]) -> Option<String> {
    let validations = read_metrics(&folder.path).ok()?.validations;
    let (first, last) = (validations.first()?, validations.last()?);
    let baselines: Vec<String> = baselines
        .iter()
        .filter(|baseline| baseline.name != facts::CHARACTERS)
        .map(|baseline| format!("{} {:.1}", baseline.name, baseline.bits_per_byte))
        .collect();
    let beside = if baselines.is_empty() {
        String::new()
    } else {
        format!(" ({})", baselines.join(", "))
    };
    Some(format!(
        "validation {:.1} -> {:.1} bits/byte{beside}",
        first.bits_per_byte, last.bits_per_byte
    ))
}

/// The first and the last sample of each prompt, from the run's own metrics, as the result is.
fn sample_pairs(folder: &RunFolder) -> Vec<SamplePair> {
    let samples = read_metrics(&folder.path).map_or_else(|_| Vec::new(), |found| found.samples);
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else {
        return Vec::new();
    };
    let text_at = |step: u64, prompt: &str| {
        let mut found = samples.iter().filter(|sample| sample.step == step);
        let sample = found.find(|sample| sample.prompt == prompt);
        sample.map(|sample| sample.text.clone())
    };
    let after = samples.iter().filter(|sample| sample.step == last.step);
    after
        .map(|sample| SamplePair {
            prompt: sample.prompt.clone(),
            before: text_at(first.step, &sample.prompt).filter(|_| first.step < last.step),
            after: Some(sample.text.clone()),
        })
        .collect()
}

fn plan_against_actual(
    config: &RunConfig,
    plan: &Plan,
    outcome: &RunOutcome,
    peak: Option<u64>,
) -> PlanAgainstActual {
    let tokens_of_a_step =
        (config.train.global_batch_size.get() * config.train.seq_len.get()) as u64;
    PlanAgainstActual {
        memory_bytes: Planned {
            planned: Some(plan.memory.total()),
            actual: peak,
        },
        steps: Planned {
            planned: Some(config.train.steps),
            actual: Some(outcome.state.step),
        },
        tokens: Planned {
            planned: Some(config.train.steps * tokens_of_a_step),
            actual: Some(outcome.state.step * tokens_of_a_step),
        },
        // A resumed process knows its own time only.
        seconds: Planned {
            planned: None,
            actual: (outcome.steps == outcome.state.step).then_some(outcome.seconds),
        },
    }
}

fn environment(outcome: &RunOutcome) -> Vec<(String, String)> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut environment = vec![
        ("jikji".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        (
            "processor".to_owned(),
            format!("{}, {threads} threads", std::env::consts::ARCH),
        ),
        ("device".to_owned(), "cpu".to_owned()),
    ];
    // A process that found all steps done has no speed to tell.
    if outcome.steps > 0 {
        environment.push((
            "tokens per second (median)".to_owned(),
            with_separators(outcome.tokens_per_second as u64),
        ));
        environment.push((
            "share of the matrix rate (median)".to_owned(),
            format!("{:.0} %", 100.0 * outcome.matrix_share),
        ));
    }
    environment
}
