//! The run's folder: whose it is, whether it is used, where the run goes on.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use jikji_checkpoint::{Loaded, RunLock, RunState, compare_identity, discover, durable};
use jikji_recipe::RunConfig;
use jikji_telemetry::Console;

use crate::arguments::TrainArguments;
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

    /// The state's identity must be that of the checkpoint, but for the keys that were named.
    pub(super) fn check_identity(
        &self,
        current: &RunState,
        arguments: &TrainArguments,
    ) -> Result<(), Failure> {
        let Some(checkpoint) = &self.checkpoint else {
            return Ok(());
        };
        let allowed: BTreeSet<String> = arguments.allow_change.iter().cloned().collect();
        let differences = compare_identity(checkpoint.run(), current, &allowed);
        if differences.is_empty() {
            return Ok(());
        }
        let shown = |value: &Option<serde_json::Value>| {
            value
                .as_ref()
                .map_or_else(|| "absent".to_owned(), ToString::to_string)
        };
        let mut message = format!(
            "the checkpoint `{}` was made with other settings:",
            checkpoint.dir().display()
        );
        for difference in &differences {
            let _ = write!(
                message,
                "\n  `{}`: the checkpoint has {}, this run {}",
                difference.key,
                shown(&difference.saved),
                shown(&difference.current)
            );
        }
        let key = &differences[0].key;
        Err(Failure::new(exit::RUN_FOLDER, message).with_hint(format!(
            "set it back, begin anew with `--fresh`, or accept the change by name with `--allow-change {key}`"
        )))
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
    let steps = config.train.steps.get();
    if newest.step() >= steps {
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

/// Whether anything of a run lies in the folder.
fn is_used(path: &Path) -> bool {
    ["checkpoints", "metrics.jsonl", "recipe.resolved.toml"]
        .iter()
        .any(|name| path.join(name).exists())
}

fn move_aside(path: &Path) -> Result<PathBuf, Failure> {
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
    let command = resume_command(arguments);
    let longer = step + step.max(1);
    let mut lines = vec![format!(
        "the run in `{}` is complete: {step} of {steps} steps are done",
        path.display()
    )];
    lines.push(format!(
        "  go longer   {command} --set train.steps={longer}"
    ));
    lines.push(format!(
        "  afresh      jikji train {} --fresh   (moves this run aside)",
        arguments.recipe.recipe.display()
    ));
    lines.push(format!(
        "  use it      jikji generate --model {} --prompt \"오늘 아침에는\"",
        path.join("export").display()
    ));
    lines
}

/// The command that continues a run that was started with these arguments.
pub(super) fn resume_command(arguments: &TrainArguments) -> String {
    let mut command = format!("jikji train {} --resume", arguments.recipe.recipe.display());
    if let Some(scale) = &arguments.recipe.scale {
        let _ = write!(command, " --scale {scale}");
    }
    for set in &arguments.recipe.set {
        let _ = write!(command, " --set {set}");
    }
    command
}
