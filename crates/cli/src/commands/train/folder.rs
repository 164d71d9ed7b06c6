//! The run's folder: whose it is, whether it is used, where the run goes on.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use jikji_checkpoint::{Discovery, Loaded, RunLock, discover, durable};
use jikji_recipe::RunConfig;
use jikji_telemetry::{Console, ReportInput};

use super::horizon;
use crate::arguments::TrainArguments;
use crate::commands::report::REPORT_FACTS;
use crate::exit;
use crate::failure::Failure;
pub(super) use crate::shell::quoted;

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
    match decide(config, arguments, &path, found, console)? {
        Decision::Complete(lines) => Ok(Opened::AlreadyComplete(lines)),
        Decision::Start(checkpoint) => Ok(Opened::Run(Box::new(RunFolder {
            path,
            checkpoint,
            _lock: lock,
        }))),
    }
}

/// What [`open`] would do, without writing anything: for a dry run. `None` where there is nothing
/// to do.
pub(super) fn look(
    config: &RunConfig,
    arguments: &TrainArguments,
    console: &Console,
) -> Result<Option<Found>, Failure> {
    let path = config.run.output.clone();
    RunLock::check(&path)?;
    if arguments.fresh {
        return Ok(Some(Found { checkpoint: None }));
    }
    let found = discover(&path.join("checkpoints"));
    match decide(config, arguments, &path, found, console)? {
        Decision::Complete(lines) => {
            for line in lines {
                console.say(line);
            }
            Ok(None)
        }
        Decision::Start(checkpoint) => Ok(Some(Found { checkpoint })),
    }
}

/// What a dry run found in the folder of a run.
pub(super) struct Found {
    pub(super) checkpoint: Option<Loaded>,
}

enum Decision {
    /// Start at step 0, or go on from a checkpoint.
    Start(Option<Loaded>),
    /// There is nothing to do.
    Complete(Vec<String>),
}

fn decide(
    config: &RunConfig,
    arguments: &TrainArguments,
    path: &Path,
    found: Discovery,
    console: &Console,
) -> Result<Decision, Failure> {
    for (passed, error) in &found.passed_over {
        console.warn(format!("passed over `{}`: {error}", passed.display()));
    }
    let Some(newest) = found.newest else {
        if !found.passed_over.is_empty() && !arguments.resume {
            return Err(Failure::new(
                exit::RUN_FOLDER,
                format!(
                    "no checkpoint in `{}` verifies",
                    path.join("checkpoints").display()
                ),
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
        return Ok(Decision::Start(None));
    };
    let checkpoint = Loaded::open_verified(newest)?;
    let step = checkpoint.step();
    let steps = horizon::known_steps(config, Some(checkpoint.run()));
    // A run that ended between its last checkpoint and its report goes on like any other: no step
    // is left, but the rest is.
    if let Some(steps) = steps
        && (step > steps || step == steps && is_told(path, steps))
    {
        let lines = complete_lines(path, step, steps, arguments);
        return Ok(Decision::Complete(lines));
    }
    if !arguments.resume {
        let of = steps.map_or_else(String::new, |steps| format!(" of {steps}"));
        return Err(Failure::new(
            exit::RUN_FOLDER,
            format!(
                "`{}` holds a run with checkpoints up to step {step}{of}",
                path.display(),
            ),
        )
        .with_hint(
            "continue it with `--resume`, or begin anew with `--fresh` (which moves it aside)",
        ));
    }
    console.say(format!(
        "resuming from step {step}: `{}`",
        checkpoint.dir().display()
    ));
    Ok(Decision::Start(Some(checkpoint)))
}

/// Whether a run of so many steps was told of to its end: the facts of the report are the last file
/// that is written.
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

pub(super) fn complete_lines(
    path: &Path,
    step: u64,
    steps: u64,
    arguments: &TrainArguments,
) -> Vec<String> {
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
        let key = set.trim_start();
        !key.starts_with("train.steps") && !key.starts_with("train.epochs")
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
