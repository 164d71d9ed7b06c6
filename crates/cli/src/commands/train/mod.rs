//! `jikji train`: resolve the recipe, open the run's folder, prepare the data, assemble the run, train, tell what came of it.

mod assemble;
mod data_stages;
mod device;
mod dry_run;
mod export;
mod facts;
mod finish;
mod folder;
mod identity;
mod own_tokenizer;
mod prepare;
mod sampling;

use jikji_loader::Prepared;
use jikji_telemetry::{Console, ProgressMode};
use jikji_train::{StopReason, StopSignal};

use self::folder::{Opened, RunFolder};
use crate::arguments::TrainArguments;
use crate::commands::recipe;
use crate::exit;
use crate::failure::Failure;

pub(crate) fn run(arguments: &TrainArguments) -> Result<(), Failure> {
    device::check(&arguments.device)?;
    identity::check_allowed(arguments)?;
    let config = recipe::load(&arguments.recipe)?;
    let console = Console::new(ProgressMode::detect());
    if arguments.dry_run {
        return dry_run::run(&config, &console);
    }
    let plan = assemble::Plan::new(&config)?;
    let prepare = |tokenizer| {
        plan.check_memory(&config)?;
        let prepared = prepare::prepare(&config, tokenizer, &console)?;
        plan.check_tokenizer(&config, &prepared.tokenizer)?;
        Ok::<_, Failure>(prepared)
    };
    // `--fresh` moves a run aside: not before the new one has all it needs.
    let prepared = arguments.fresh.then(|| prepare(None)).transpose()?;
    let folder = match folder::open(&config, arguments, &console)? {
        Opened::Run(folder) => folder,
        Opened::AlreadyComplete(lines) => {
            for line in &lines {
                console.say(line);
            }
            return Ok(());
        }
    };
    let mut tokenizer = None;
    if let Some(checkpoint) = &folder.checkpoint {
        identity::check(&config, checkpoint, arguments)?;
        tokenizer = Some(own_tokenizer::of_run(
            &config, &folder, checkpoint, &console,
        )?);
    }
    let prepared = prepared.map_or_else(|| prepare(tokenizer), Ok)?;
    train(&config, &folder, &prepared, arguments, &console)
}

fn train(
    config: &jikji_recipe::RunConfig,
    folder: &RunFolder,
    prepared: &Prepared,
    arguments: &TrainArguments,
    console: &Console,
) -> Result<(), Failure> {
    // Until here a signal ends the process at once: preparation continues where it stopped.
    let stop = listen_for_signals()?;
    // Again: what the preparation left resident belongs to the plan.
    let plan = assemble::Plan::new(config)?;
    let setup = assemble::assemble(config, &plan, folder, prepared, console, stop)?;
    let mut hooks = sampling::Sampling::new(&config.log, &prepared.tokenizer);
    let outcome = jikji_train::run(setup, &mut hooks)?;
    let peak = jikji_train::peak_resident_bytes();
    match outcome.reason {
        StopReason::Requested => finish::tell_stopped(&outcome, folder, arguments, console),
        StopReason::Complete => {
            finish::complete(
                config, folder, &plan, prepared, &outcome, peak, arguments, console,
            )?;
        }
    }
    Ok(())
}

/// The first SIGINT or SIGTERM asks the run to finish its step and save; the second ends the process at once.
fn listen_for_signals() -> Result<StopSignal, Failure> {
    let stop = StopSignal::default();
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // Order matters: the conditional exit looks at the flag before this signal sets it.
        signal_hook::flag::register_conditional_shutdown(signal, exit::SECOND_SIGNAL, stop.flag())
            .and_then(|_| signal_hook::flag::register(signal, stop.flag()))
            .map_err(|error| {
                Failure::new(
                    exit::UNEXPECTED,
                    format!("failed to listen for signal {signal}: {error}"),
                )
            })?;
    }
    Ok(stop)
}
