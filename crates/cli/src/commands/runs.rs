//! `jikji runs`: the runs below a folder, one line each.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use jikji_telemetry::display_width;
use jikji_telemetry::human_units::{human_duration, with_separators};
use serde_json::{Value, json};

use crate::console;
use crate::exit;
use crate::failure::Failure;
use crate::run_facts::{RunFacts, State, is_run};

/// How far below the folder runs are looked for.
const DEPTH: usize = 3;

/// Number of last steps whose median speed is shown.
const RECENT_STEPS: usize = 21;

pub(crate) fn run(dir: &Path, json: bool) -> Result<(), Failure> {
    if !dir.is_dir() {
        let message = format!("`{}` is not a folder", dir.display());
        return Err(Failure::new(exit::RUN_FOLDER, message)
            .with_hint("name the folder that holds runs: jikji runs DIR"));
    }
    let mut folders = Vec::new();
    find(dir, DEPTH, &mut folders);
    let mut rows = Vec::new();
    for folder in folders {
        match RunFacts::read(&folder) {
            Ok(facts) => rows.push(Row::of(dir, &facts)),
            Err(failure) => console::say(format!(
                "passed over `{}`: {}",
                folder.display(),
                failure.message
            )),
        }
    }
    if json {
        let rows: Vec<Value> = rows.iter().map(Row::to_json).collect();
        console::data(serde_json::to_string_pretty(&rows).expect("text and numbers are JSON"));
        return Ok(());
    }
    if rows.is_empty() {
        console::say(format!("no run below `{}`", dir.display()));
        return Ok(());
    }
    for line in table(&rows) {
        console::data(line);
    }
    Ok(())
}

/// Run folders in order of their names. Folders inside a run are not searched.
fn find(dir: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    if is_run(dir) {
        found.push(dir.to_owned());
        return;
    }
    if depth == 0 {
        return;
    }
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    for folder in folders {
        find(&folder, depth - 1, found);
    }
}

/// What is shown of a run.
struct Row {
    name: String,
    path: PathBuf,
    state: State,
    step: u64,
    steps: Option<u64>,
    loss: Option<f64>,
    bits_per_byte: Option<f64>,
    tokens_per_second: Option<f64>,
    age: Option<Duration>,
}

impl Row {
    fn of(dir: &Path, facts: &RunFacts) -> Self {
        let below = facts.path.strip_prefix(dir).unwrap_or(&facts.path);
        let named = if below.as_os_str().is_empty() {
            &facts.path
        } else {
            below
        };
        let recent = facts.timings.steps.iter().rev().take(RECENT_STEPS);
        let mut speeds: Vec<f64> = recent
            .map(|step| step.timing.tokens_per_second)
            .filter(|speed| speed.is_finite())
            .collect();
        speeds.sort_by(f64::total_cmp);
        let validation = facts.metrics.validations.last();
        Self {
            name: named.display().to_string(),
            path: facts.path.clone(),
            state: facts.state.clone(),
            step: facts.step(),
            steps: facts.steps(),
            loss: facts.metrics.steps.last().map(|step| step.loss),
            bits_per_byte: validation.map(|found| found.bits_per_byte),
            tokens_per_second: speeds.get(speeds.len() / 2).copied(),
            age: facts
                .updated()
                .and_then(|time| SystemTime::now().duration_since(time).ok()),
        }
    }

    fn to_json(&self) -> Value {
        let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
        json!({
            "name": self.name,
            "path": self.path.display().to_string(),
            "state": self.state.name(),
            "host": match &self.state {
                State::RunningOn(host) => Some(host),
                _ => None,
            },
            "step": self.step,
            "steps": self.steps,
            "loss": finite(self.loss),
            "bits_per_byte": finite(self.bits_per_byte),
            "tokens_per_second": finite(self.tokens_per_second),
            "age_seconds": self.age.map(|age| age.as_secs()),
        })
    }

    fn cells(&self) -> [String; 7] {
        let number = |value: Option<f64>, digits: usize| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
        };
        let state = match &self.state {
            State::RunningOn(host) => format!("running on {host}"),
            state => state.name().to_owned(),
        };
        let steps = self.steps.map_or_else(|| "?".to_owned(), with_separators);
        [
            self.name.clone(),
            state,
            format!("{}/{steps}", with_separators(self.step)),
            number(self.loss, 3),
            number(self.bits_per_byte, 3),
            self.tokens_per_second
                .map_or_else(|| "-".to_owned(), |speed| with_separators(speed as u64)),
            self.age.map_or_else(
                || "-".to_owned(),
                |age| human_duration(age.as_secs_f64().round()),
            ),
        ]
    }
}

/// Columns as wide as their widest cell, where a Hangul syllable takes two; names and states to the
/// left, numbers to the right.
fn table(rows: &[Row]) -> Vec<String> {
    const HEAD: [&str; 7] = [
        "run",
        "state",
        "step",
        "loss",
        "bits/byte",
        "tokens/s",
        "age",
    ];
    let mut lines = vec![HEAD.map(str::to_owned)];
    lines.extend(rows.iter().map(Row::cells));
    let mut widths = [0; 7];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = display_width(cell).max(*width);
        }
    }
    let padded = |line: &[String; 7]| {
        let cells = line.iter().zip(widths).enumerate();
        let cells = cells.map(|(column, (cell, width))| {
            let room = " ".repeat(width - display_width(cell));
            if column < 2 {
                format!("{cell}{room}")
            } else {
                format!("{room}{cell}")
            }
        });
        cells.collect::<Vec<_>>().join("  ")
    };
    lines.iter().map(padded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, state: State, step: u64) -> Row {
        Row {
            name: name.to_owned(),
            path: PathBuf::from(name),
            state,
            step,
            steps: Some(12_000),
            loss: Some(3.25),
            bits_per_byte: None,
            tokens_per_second: Some(7739.4),
            age: Some(Duration::from_secs(200)),
        }
    }

    #[test]
    fn columns_are_aligned_for_hangul_names() {
        let rows = [
            row("판결문-작은모델", State::Running, 1200),
            row("small", State::Finished, 12_000),
        ];
        let lines = table(&rows);
        insta::assert_snapshot!(lines.join("\n"), @r"
        run              state              step   loss  bits/byte  tokens/s         age
        판결문-작은모델  running    1,200/12,000  3.250          -     7,739  3 min 20 s
        small            finished  12,000/12,000  3.250          -     7,739  3 min 20 s
        ");
        let widths: Vec<usize> = lines.iter().map(|line| display_width(line)).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{widths:?}");
    }
}
