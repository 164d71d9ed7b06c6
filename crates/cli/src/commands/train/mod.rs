//! `jikji train`: resolve the recipe, open the run's folder, prepare the data, assemble the run,
//! train, tell what came of it.

mod assemble;
mod budget;
mod checks;
mod data_stages;
mod device;
mod dry_run;
mod export;
mod facts;
mod finish;
mod folder;
mod horizon;
mod identity;
mod own_tokenizer;
mod prepare;
mod sample;
mod sampling;

use jikji_checkpoint::Loaded;
use jikji_loader::Prepared;
use jikji_recipe::RunConfig;
use jikji_telemetry::Console;
use jikji_train::{Activity, StopReason};

use self::folder::{Opened, RunFolder};
use self::horizon::Settled;
use crate::arguments::TrainArguments;
use crate::commands::recipe;
use crate::console;
use crate::failure::Failure;
use crate::output;
use crate::run_facts::is_run;
use crate::signals::RunSignals;

pub(crate) fn run(arguments: &TrainArguments) -> Result<(), Failure> {
    device::check(&arguments.device)?;
    identity::check_allowed(arguments)?;
    let config = recipe::load(&arguments.recipe)?;
    let console = console::shared().clone();
    check_outputs(&config, arguments.fresh)?;
    if arguments.dry_run {
        return dry_run::run(&config, arguments, &console);
    }
    let signals = RunSignals::start(
        &console,
        config.checkpoint.on_usr1,
        folder::resume_command(arguments),
    );
    let plan = assemble::Plan::new(&config)?;
    let prepare = |tokenizer| {
        checks::inputs(&plan, &config)?;
        let prepared = prepare::prepare(&config, tokenizer, &console)?;
        plan.check_tokenizer(&config, &prepared.tokenizer)?;
        if arguments.fresh {
            horizon::settle(&config, &horizon::tokens_of(&prepared.shards), None)?;
        }
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
    signals.holds(folder.path.join("lock"));
    let mut tokenizer = None;
    let checkpoint = folder.checkpoint.as_ref();
    let saved = checkpoint.map(Loaded::run);
    if let Some(checkpoint) = checkpoint {
        if horizon::known_steps(&config, saved).is_some() {
            // Refused before the text is read.
            identity::check(
                &horizon::settle(&config, &[], saved)?,
                checkpoint,
                arguments,
            )?;
        }
        let own = own_tokenizer::of_run(&config, checkpoint, &console)?;
        tokenizer = Some(own_tokenizer::keep_bos(&config, own, checkpoint, &console)?);
    }
    let prepared = prepared.map_or_else(|| prepare(tokenizer), Ok)?;
    let tokens = horizon::tokens_of(&prepared.shards);
    let settled = horizon::settle(&config, &tokens, saved)?;
    if let Some(checkpoint) = checkpoint {
        identity::check(&settled, checkpoint, arguments)?;
    }
    // Only now are the steps of another number of epochs known.
    let steps = settled.config.train.total_steps();
    if let Some(step) = checkpoint.map(Loaded::step).filter(|step| *step > steps) {
        for line in folder::complete_lines(&folder.path, step, steps, arguments) {
            console.say(line);
        }
        return Ok(());
    }
    horizon::tell(&config, &settled, &tokens, checkpoint, &console);
    train(&settled, &folder, &prepared, arguments, &console, &signals)
}

/// Everything that the run will write can be written; asked before any work, and by the dry run
/// too.
fn check_outputs(config: &RunConfig, is_fresh: bool) -> Result<(), Failure> {
    let run = &config.run.output;
    output::check_filled_folder("run.output", run, |_| true)?;
    // One that is complete may lie where nothing can be written.
    if !config.data.prepared.is_dir() {
        output::check_filled_folder("data.prepared", &config.data.prepared, |_| true)?;
    }
    if is_fresh {
        // An earlier run is moved aside, its export with it.
        if is_run(run) {
            output::check_replaced_folder("run.output", run)?;
        }
    } else if run.is_dir() {
        let model = run.join("export");
        output::check_replaced_folder("run.output", &model)?;
        jikji_interop::check_replaceable(&model)?;
    }
    Ok(())
}

fn train(
    settled: &Settled,
    folder: &RunFolder,
    prepared: &Prepared,
    arguments: &TrainArguments,
    console: &Console,
    signals: &RunSignals,
) -> Result<(), Failure> {
    // Again: what the preparation left resident belongs to the plan.
    let config = &settled.config;
    let plan = assemble::Plan::new(config)?;
    let stop = signals.stop();
    let setup = assemble::assemble(settled, &plan, folder, prepared, console, stop.clone())?;
    finish::write_first_facts(config, folder, &plan, prepared)?;
    let mut hooks = sampling::Sampling::new(&config.log, &prepared.tokenizer);
    let outcome = jikji_train::run(setup, &mut hooks)?;
    let peak = jikji_train::peak_resident_bytes();
    match outcome.reason {
        StopReason::Requested => finish::tell_stopped(&outcome, folder, arguments, console),
        StopReason::Complete => {
            stop.set_activity(Activity::Finishing);
            finish::complete(
                config, folder, &plan, prepared, &outcome, peak, arguments, console,
            )?;
        }
    }
    Ok(())
}
