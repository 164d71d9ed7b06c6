//! The run's folder: whose it is, whether it is used, where the run goes on.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use jikji_checkpoint::{Loaded, RunLock, discover, durable};
use jikji_recipe::RunConfig;
use jikji_telemetry::{Console, ReportInput};

use crate::arguments::TrainArguments;
use crate::commands::report::REPORT_FACTS;
use crate::exit;
use crate::failure::Failure;

/// The folder of a run that is to start or to go on.
pub(super) struct RunFolder {
    pub(super) path: PathBuf,
    /// The checkpoint to continue from; `None` starts at step 0.
    pub(super) checkpoint: Option<Loaded>,
    /// Held for the life of the run.
    _lock: RunLock,
}

pub(super) enum Opened {
    Run(Box<RunFolder>),
    /// There is nothing to do; the lines say why and what one may do.
    AlreadyComplete(Vec<String>),
}

impl RunFolder {
    pub(super) fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// Steps that are done.
    pub(super) fn step(&self) -> u64 {
        self.checkpoint.as_ref().map_or(0, Loaded::step)
    }
}

pub(super) fn open(
    config: &RunConfig,
    arguments: &TrainArguments,
    console: &Console,
) -> Result<Opened, Failure> {
    let path = config.run.output.clone();
    durable::create_dir_all(&path)?;
    let (mut lock, stale) = RunLock::acquire(&path)?;
    if let Some(stale) = stale {
        console.warn(stale.to_string());
    }
    if arguments.fresh && is_used(&path) {
        // The lock file lies in the folder that moves away.
        drop(lock);
        let aside = move_aside(&path)?;
        console.say(format!("the older run was moved to `{}`", aside.display()));
        durable::create_dir_all(&path)?;
        lock = RunLock::acquire(&path)?.0;
    }
    // What a killed process was writing: an export and a checkpoint can be as large as the model.
    durable::sweep_stale(&path)?;
    let checkpoints = path.join("checkpoints");
    if checkpoints.is_dir() {
        durable::sweep_stale(&checkpoints)?;
    }
    let found = discover(&checkpoints);
    for (passed, error) in &found.passed_over {
        console.warn(format!("passed over `{}`: {error}", passed.display()));
    }
    let Some(newest) = found.newest else {
        if !found.passed_over.is_empty() && !arguments.resume {
            return Err(Failure::new(
                exit::RUN_FOLDER,
                format!("no checkpoint in `{}` verifies", checkpoints.display()),
            )
            .with_hint(
                "`--resume` starts at step 0 in this folder, `--fresh` moves the run aside first",
            ));
        }
        if arguments.resume {
            console.say(format!(
                "`{}` has no checkpoint to resume from: starting at step 0",
                path.display()
            ));
        }
        return Ok(Opened::Run(Box::new(RunFolder {
            path,
            checkpoint: None,
            _lock: lock,
        })));
    };
    let steps = config.train.steps;
    // A run that ended between its last checkpoint and its report goes on like any other: no step is left, but the rest is.
    let is_unfinished = newest.step() == steps && !is_told(&path, steps);
    if newest.step() >= steps && !is_unfinished {
        return Ok(Opened::AlreadyComplete(complete_lines(
            &path,
            newest.step(),
            steps,
            arguments,
        )));
    }
    if !arguments.resume {
        return Err(Failure::new(
            exit::RUN_FOLDER,
            format!(
                "`{}` holds a run with checkpoints up to step {} of {steps}",
                path.display(),
                newest.step()
            ),
        )
        .with_hint(
            "continue it with `--resume`, or begin anew with `--fresh` (which moves it aside)",
        ));
    }
    let checkpoint = Loaded::open_verified(newest)?;
    console.say(format!(
        "resuming from step {}: `{}`",
        checkpoint.step(),
        checkpoint.dir().display()
    ));
    Ok(Opened::Run(Box::new(RunFolder {
        path,
        checkpoint: Some(checkpoint),
        _lock: lock,
    })))
}

/// Whether a run of so many steps was told of to its end: the facts of the report are the last file that is written.
fn is_told(run: &Path, steps: u64) -> bool {
    std::fs::read(run.join(REPORT_FACTS))
        .ok()
        .and_then(|bytes| serde_json::from_slice::<ReportInput>(&bytes).ok())
        .and_then(|input| input.plan?.steps.actual)
        .is_some_and(|actual| actual == steps)
}

/// Whether anything of a run lies in the folder.
fn is_used(path: &Path) -> bool {
    ["checkpoints", "metrics.jsonl", "recipe.resolved.toml"]
        .iter()
        .any(|name| path.join(name).exists())
}

/// A link stays: the folder it points to is renamed beside itself.
fn move_aside(path: &Path) -> Result<PathBuf, Failure> {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let path = if path.is_symlink() { &real } else { path };
    if std::env::current_dir().is_ok_and(|here| here.starts_with(&real)) {
        return Err(Failure::new(
            exit::RUN_FOLDER,
            format!(
                "`{}` cannot be moved aside: it is the current folder",
                path.display()
            ),
        )
        .with_hint("start from another folder, or name another one with `run.output`"));
    }
    let name = path.file_name().map_or_else(
        || "run".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    );
    let aside = (1..u32::MAX)
        .map(|number| path.with_file_name(format!("{name}.old-{number}")))
        .find(|aside| !aside.exists())
        .expect("numbers do not end before folders do");
    durable::rename_dir_durably(path, &aside)?;
    Ok(aside)
}

fn complete_lines(path: &Path, step: u64, steps: u64, arguments: &TrainArguments) -> Vec<String> {
    let done = if step > steps {
        format!("it is at step {step}, past the {steps} of `train.steps`")
    } else {
        format!("{step} of {steps} steps are done")
    };
    vec![
        format!("the run in `{}` is complete: {done}", path.display()),
        format!(
            "  go longer   {}",
            longer_command(arguments, step + step.max(1))
        ),
        format!(
            "  afresh      {}   (moves this run aside)",
            command(arguments, "--fresh", |_| true)
        ),
        format!(
            "  use it      jikji generate --model {} --prompt \"오늘 아침에는\"",
            quoted(&path.join("export").to_string_lossy())
        ),
    ]
}

/// The command that continues a run that was started with these arguments.
pub(super) fn resume_command(arguments: &TrainArguments) -> String {
    command(arguments, "--resume", |_| true)
}

/// The same with another number of steps.
pub(super) fn longer_command(arguments: &TrainArguments, steps: u64) -> String {
    let command = command(arguments, "--resume", |set| {
        !set.trim_start().starts_with("train.steps")
    });
    format!("{command} --set train.steps={steps}")
}

/// `jikji train` with what decides the run's settings and folder, as one can type it into a shell.
fn command(arguments: &TrainArguments, flag: &str, keeps: impl Fn(&str) -> bool) -> String {
    let recipe = &arguments.recipe;
    let mut command = format!("jikji train {}", quoted(&recipe.recipe.to_string_lossy()));
    let _ = write!(command, " {flag}");
    if let Some(scale) = &recipe.scale {
        let _ = write!(command, " --scale {}", quoted(scale));
    }
    for set in recipe.set.iter().filter(|set| keeps(set)) {
        let _ = write!(command, " --set {}", quoted(set));
    }
    command
}

/// A word as a shell reads it back.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
