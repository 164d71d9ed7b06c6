//! Several runs beside each other: which settings, data and versions differ, and where the losses
//! part.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jikji_checkpoint::{Loaded, RunState};
use jikji_telemetry::display_width;
use jikji_telemetry::human_units::with_separators;
use jikji_telemetry::report::{ComparedRun, ComparedTable, Comparison, is_page, write_comparison};

use crate::console;
use crate::failure::Failure;
use crate::output;
use crate::run_facts::{RunFacts, flat};

/// Columns that names may take in the legend of a curve; longer ones are shown as letters.
const LEGEND_COLUMNS: usize = 48;

/// Settings that name a run and its folders, and so differ always.
const NAMES: [&str; 4] = ["description", "run.name", "run.output", "data.prepared"];

pub(super) fn run(runs: &[PathBuf], page: &Path) -> Result<(), Failure> {
    output::check_own_file("--output", page, is_page)?;
    let facts = runs
        .iter()
        .map(|run| RunFacts::read(run))
        .collect::<Result<Vec<_>, _>>()?;
    let labels = labels(runs);
    let (settings, data, versions) = (settings(&facts), data(&facts), versions(&facts));
    let mut notes = Vec::new();
    for (other, label) in facts.iter().zip(&labels).skip(1) {
        notes.push(parting(&labels[0], &facts[0], label, other));
    }
    for (rows, what) in [
        (&settings, "the settings"),
        (&data, "the data"),
        (&versions, "version and machine"),
    ] {
        if rows.is_empty() {
            notes.push(format!("{what}: equal, as far as the runs say"));
        }
    }
    if !output::is_stdout(page) {
        show(&labels, runs, &settings, &data, &versions, &notes);
    }
    let table = |title: &str, rows: Vec<Vec<String>>| ComparedTable {
        title: title.to_owned(),
        head: head("what", &labels),
        rows,
    };
    let comparison = Comparison {
        title: format!("{} runs", runs.len()),
        notes,
        runs: facts
            .iter()
            .zip(&labels)
            .map(|(facts, label)| ComparedRun {
                label: label.clone(),
                metrics: facts.metrics.clone(),
                timings: facts.timings.clone(),
            })
            .collect(),
        tables: vec![
            ComparedTable {
                title: "Runs".to_owned(),
                head: ["run", "folder", "state", "step", "bits per byte"]
                    .map(str::to_owned)
                    .to_vec(),
                rows: overview(&labels, runs, &facts),
            },
            table("Settings that differ", settings),
            table("Data that differs", data),
            table("Version and machine that differ", versions),
        ],
    };
    output::written(page, write_comparison(page, &comparison))?;
    if !output::is_stdout(page) {
        console::data(page.display().to_string());
    }
    Ok(())
}

/// Names of the folders where they are short and differ, letters otherwise.
fn labels(runs: &[PathBuf]) -> Vec<String> {
    let name = |run: &PathBuf| {
        let real = run.canonicalize().unwrap_or_else(|_| run.clone());
        let name = real.file_name().unwrap_or(real.as_os_str());
        name.to_string_lossy().into_owned()
    };
    let names: Vec<String> = runs.iter().map(name).collect();
    let columns: usize = names.iter().map(|name| display_width(name) + 4).sum();
    let different: BTreeSet<&String> = names.iter().collect();
    if different.len() == names.len() && columns <= LEGEND_COLUMNS {
        return names;
    }
    let letter = |index: usize| match u8::try_from(index) {
        Ok(index) if index < 26 => char::from(b'A' + index).to_string(),
        _ => format!("run {}", index + 1),
    };
    (0..runs.len()).map(letter).collect()
}

fn head(first: &str, labels: &[String]) -> Vec<String> {
    std::iter::once(first.to_owned())
        .chain(labels.iter().cloned())
        .collect()
}

fn overview(labels: &[String], runs: &[PathBuf], facts: &[RunFacts]) -> Vec<Vec<String>> {
    let row = |((label, run), facts): ((&String, &PathBuf), &RunFacts)| {
        let steps = facts
            .steps()
            .map_or_else(|| "?".to_owned(), with_separators);
        let last = facts.metrics.validations.last();
        vec![
            label.clone(),
            run.display().to_string(),
            facts.state.name().to_owned(),
            format!("{} of {steps}", with_separators(facts.step())),
            last.map_or_else(
                || "–".to_owned(),
                |found| format!("{:.4}", found.bits_per_byte),
            ),
        ]
    };
    labels.iter().zip(runs).zip(facts).map(row).collect()
}

/// Keys whose values differ between the runs, with their values.
fn differing(values: &[Vec<(String, String)>]) -> Vec<Vec<String>> {
    let keys: BTreeSet<&str> = values
        .iter()
        .flatten()
        .map(|(key, _)| key.as_str())
        .collect();
    let mut rows = Vec::new();
    for key in keys {
        let of_run = |values: &Vec<(String, String)>| {
            let found = values.iter().find(|(known, _)| known == key);
            found.map_or_else(|| "–".to_owned(), |(_, value)| value.clone())
        };
        let cells: Vec<String> = values.iter().map(of_run).collect();
        if cells.iter().any(|cell| *cell != cells[0]) {
            rows.push(head(key, &cells));
        }
    }
    rows
}

fn settings(facts: &[RunFacts]) -> Vec<Vec<String>> {
    let values = facts.iter().map(|facts| {
        let mut values = flat(&facts.recipe);
        values.retain(|(key, _)| !NAMES.contains(&key.as_str()));
        values
    });
    differing(&values.collect::<Vec<_>>())
}

/// What was read, and the hashes of the shards and of the tokenizer.
fn data(facts: &[RunFacts]) -> Vec<Vec<String>> {
    let values = facts.iter().map(|facts| {
        let mut values = Vec::new();
        if let Some(state) = newest_state(&facts.path) {
            for (key, name) in [("data", "hash of the shards"), ("tokenizer", "tokenizer")] {
                let value = state.identity.get(key);
                values.extend(value.map(|value| (name.to_owned(), value.to_string())));
            }
        }
        for source in facts.report.iter().flat_map(|report| &report.data) {
            values.push((
                format!("source {}", source.source),
                format!(
                    "{} documents, {} tokens",
                    with_separators(source.documents),
                    with_separators(source.tokens)
                ),
            ));
        }
        values
    });
    differing(&values.collect::<Vec<_>>())
}

fn versions(facts: &[RunFacts]) -> Vec<Vec<String>> {
    let values = facts.iter().map(|facts| {
        let known = ["jikji", "processor", "device"];
        let known = known.map(|name| Some((name.to_owned(), facts.environment(name)?.to_owned())));
        known.into_iter().flatten().collect::<Vec<_>>()
    });
    differing(&values.collect::<Vec<_>>())
}

/// The run state of the newest checkpoint, which names its data. No tensor is read.
fn newest_state(run: &Path) -> Option<RunState> {
    let entries = std::fs::read_dir(run.join("checkpoints")).ok()?.flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    folders.sort();
    let mut newest = folders.iter().rev();
    newest.find_map(|folder| Some(Loaded::open_unverified(folder).ok()?.run().clone()))
}

/// The first step at which the losses of two runs differ.
fn parting(name: &str, one: &RunFacts, other_name: &str, other: &RunFacts) -> String {
    let mut common = 0;
    for step in &one.metrics.steps {
        let found = other
            .metrics
            .steps
            .binary_search_by_key(&step.step, |step| step.step);
        let Ok(index) = found else {
            continue;
        };
        let other_loss = other.metrics.steps[index].loss;
        if step.loss.to_bits() != other_loss.to_bits() {
            return format!(
                "{name} and {other_name}: the losses part at step {} ({} and {other_loss})",
                with_separators(step.step),
                step.loss
            );
        }
        common += 1;
    }
    if common == 0 {
        format!("{name} and {other_name}: no step is logged in both")
    } else {
        format!(
            "{name} and {other_name}: equal losses in all {} steps that both logged",
            with_separators(common)
        )
    }
}

fn show(
    labels: &[String],
    runs: &[PathBuf],
    settings: &[Vec<String>],
    data: &[Vec<String>],
    versions: &[Vec<String>],
    notes: &[String],
) {
    for (label, run) in labels.iter().zip(runs) {
        if *label != run.display().to_string() {
            console::data(format!("{label}: {}", run.display()));
        }
    }
    for row in [settings, data, versions].into_iter().flatten() {
        let values = labels.iter().zip(&row[1..]);
        let values = values.map(|(label, value)| format!("{label} {value}"));
        console::data(format!(
            "{}: {}",
            row[0],
            values.collect::<Vec<_>>().join(", ")
        ));
    }
    for note in notes {
        console::data(note);
    }
}
