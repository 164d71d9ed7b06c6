//! What the folder of a run tells a command that only looks at it.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jikji_checkpoint::{LockState, RunLock};
use jikji_telemetry::{Metrics, ReportInput, Timings, read_metrics, read_timings};
use toml::{Table, Value};

use crate::exit;
use crate::failure::Failure;

/// What a run knows beside its metrics, kept for `jikji report`.
pub(crate) const REPORT_FACTS: &str = "report.json";

/// Lines at the end of a log in which an error is looked for.
const LOG_TAIL_BYTES: u64 = 4096;

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// A process trains in it.
    Running,
    /// A process of another host or container holds its lock; whether it lives cannot be told from
    /// here.
    RunningOn(String),
    /// All steps are done, exported and reported.
    Finished,
    /// It ended before its last step, as asked.
    Stopped,
    /// It ended with an error, or was killed.
    Failed,
}

impl State {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Running | Self::RunningOn(_) => "running",
            Self::Finished => "finished",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

/// A run as its files tell of it; what is missing is empty.
#[derive(Debug)]
pub(crate) struct RunFacts {
    pub(crate) path: PathBuf,
    pub(crate) metrics: Metrics,
    pub(crate) timings: Timings,
    /// The resolved recipe.
    pub(crate) recipe: Table,
    pub(crate) report: Option<ReportInput>,
    pub(crate) state: State,
}

/// Whether a folder is one that `train` made.
pub(crate) fn is_run(path: &Path) -> bool {
    ["metrics.jsonl", "recipe.resolved.toml"]
        .iter()
        .any(|name| path.join(name).is_file())
}

impl RunFacts {
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        if !is_run(path) {
            return Err(Failure::new(
                exit::RUN_FOLDER,
                format!(
                    "`{}` is not the folder of a run: it has no metrics.jsonl",
                    path.display()
                ),
            )
            .with_hint("name the folder that `train` wrote, such as runs/quickstart"));
        }
        let recipe = fs::read_to_string(path.join("recipe.resolved.toml")).unwrap_or_default();
        let mut facts = Self {
            path: path.to_owned(),
            metrics: if path.join("metrics.jsonl").is_file() {
                read_metrics(path)?
            } else {
                Metrics::default()
            },
            timings: read_timings(path).unwrap_or_default(),
            recipe: recipe.parse().unwrap_or_default(),
            report: read_report(path)?,
            state: State::Stopped,
        };
        facts.state = facts.find_state();
        Ok(facts)
    }

    /// Updates that are logged.
    pub(crate) fn step(&self) -> u64 {
        self.metrics.steps.last().map_or(0, |step| step.step)
    }

    /// Updates that the recipe asks for.
    pub(crate) fn steps(&self) -> Option<u64> {
        let train = self.recipe.get("train");
        let steps = train.and_then(|train| train.get("steps")?.as_integer());
        let planned = || self.report.as_ref()?.plan.as_ref()?.steps.planned;
        // A recipe that counts epochs has no steps; its report has.
        steps
            .and_then(|steps| u64::try_from(steps).ok())
            .or_else(planned)
    }

    /// A line of the report's table of the environment.
    pub(crate) fn environment(&self, name: &str) -> Option<&str> {
        let environment = &self.report.as_ref()?.environment;
        let found = environment.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// When the run last wrote.
    pub(crate) fn updated(&self) -> Option<SystemTime> {
        let files = ["metrics.jsonl", "report.json", "recipe.resolved.toml"];
        let times = files.iter().filter_map(|name| {
            fs::metadata(self.path.join(name))
                .and_then(|found| found.modified())
                .ok()
        });
        times.max()
    }

    fn find_state(&self) -> State {
        match RunLock::look(&self.path) {
            LockState::Held(_) => return State::Running,
            LockState::Elsewhere(holder) => return State::RunningOn(holder.host),
            LockState::Left => return State::Failed,
            LockState::Free => {}
        }
        let reported = self.report.as_ref().and_then(|report| report.plan.as_ref());
        let reported = reported.and_then(|plan| plan.steps.actual);
        if reported.is_some() && reported >= self.steps() {
            State::Finished
        } else if ends_with_error(&self.path.join("log.rank0.txt")) {
            State::Failed
        } else {
            State::Stopped
        }
    }
}

fn read_report(run: &Path) -> Result<Option<ReportInput>, Failure> {
    let path = run.join(REPORT_FACTS);
    // A run from before there were such facts has metrics only.
    let Ok(bytes) = fs::read(&path) else {
        return Ok(None);
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        Failure::new(
            exit::RUN_FOLDER,
            format!("`{}` is damaged: {error}", path.display()),
        )
        .with_hint("remove it; the report then shows what the metrics hold")
    })
}

/// Whether the last thing a log says is an error, with its details and its hint.
fn ends_with_error(log: &Path) -> bool {
    let tail = fs::File::open(log).and_then(|mut file| {
        let bytes = file.metadata()?.len();
        file.seek(SeekFrom::Start(bytes.saturating_sub(LOG_TAIL_BYTES)))?;
        let mut tail = Vec::new();
        file.read_to_end(&mut tail)?;
        Ok(tail)
    });
    let tail = tail.unwrap_or_default();
    let text = String::from_utf8_lossy(&tail);
    let mut lines = text.lines().rev();
    // Details of an error are indented.
    let last = lines.find(|line| !line.starts_with("hint: ") && !line.starts_with("  "));
    last.is_some_and(|line| line.starts_with("error: "))
}

/// The values of a table under their dotted keys; lists are values.
pub(crate) fn flat(table: &Table) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (key, value) in table {
        match value {
            Value::Table(inner) => {
                let below = flat(inner).into_iter();
                found.extend(below.map(|(inner, value)| (format!("{key}.{inner}"), value)));
            }
            value => found.push((key.clone(), value.to_string())),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_the_end_of_a_log_or_none() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        for (text, expected) in [
            ("step 1\nerror: a\nhint: b\n", true),
            ("error: a\n  `x`: y\nhint: b\n", true),
            ("error: a\nhint: b\nresuming from step 1\n", false),
            ("", false),
        ] {
            fs::write(&log, text).unwrap();
            assert_eq!(ends_with_error(&log), expected, "{text}");
        }
    }
}
