//! What is checked before the work begins. `train` and `train --dry-run` call the same functions on
//! the same inputs, so that a dry run passes nothing that the run would refuse.

use std::path::Path;

use jikji_interop::ModelFolder;
use jikji_loader::PrepareError;
use jikji_recipe::{RunConfig, TokenizerSource};
use jikji_telemetry::human_units::human_bytes;
use jikji_tokenizer::Tokenizer;

use super::assemble::Plan;
use super::prepare::prepare_config;
use crate::exit;
use crate::failure::Failure;

/// Memory, disk, and the folders of model and tokenizer that the recipe names.
pub(super) fn inputs(plan: &Plan, config: &RunConfig) -> Result<(), Failure> {
    plan.check_memory(config)?;
    disk(plan, config)?;
    model_folder(plan, config)?;
    if let TokenizerSource::From(dir) = &config.tokenizer {
        tokenizer_folder(plan, config, dir)?;
    }
    prepare_config(config).map(|_| ())
}

/// The weights that the run starts from: every one there, of the right shape and finite.
fn model_folder(plan: &Plan, config: &RunConfig) -> Result<(), Failure> {
    let Some(dir) = &config.model.from else {
        return Ok(());
    };
    let folder = ModelFolder::open(dir)?;
    folder.check_parameters(plan.layout.table())?;
    Ok(folder.check_finite()?)
}

fn tokenizer_folder(plan: &Plan, config: &RunConfig, dir: &Path) -> Result<(), Failure> {
    let tokenizer = Tokenizer::load(dir)?;
    if tokenizer.eos_id().is_none() {
        let path = dir.to_owned();
        return Err(PrepareError::NoEndToken { path }.into());
    }
    plan.check_tokenizer(config, &tokenizer)
}

/// Bytes of one checkpoint: all weights, and the moments of those that are trained.
pub(super) fn checkpoint_bytes(plan: &Plan) -> u64 {
    plan.memory.bytes_of("checkpoint copy")
}

/// Bytes that the run's folder takes: the checkpoints that are kept, the one being written, and the
/// exported model.
pub(super) fn run_folder_bytes(plan: &Plan, config: &RunConfig) -> u64 {
    let checkpoints = config.checkpoint.keep.get() as u64 + 1;
    checkpoint_bytes(plan)
        .saturating_mul(checkpoints)
        .saturating_add(plan.memory.bytes_of("weights"))
}

/// Room for one checkpoint at least: without it the run could save nothing.
fn disk(plan: &Plan, config: &RunConfig) -> Result<(), Failure> {
    let output = &config.run.output;
    let needed = checkpoint_bytes(plan);
    let Ok(free) = jikji_checkpoint::durable::free_space(output) else {
        return Ok(());
    };
    if free >= needed {
        return Ok(());
    }
    Err(Failure::new(
        exit::RUN_FOLDER,
        format!(
            "a checkpoint takes {}, but the disk of `{}` has {} free",
            human_bytes(needed),
            output.display(),
            human_bytes(free)
        ),
    )
    .with_hint("free space there, or name a folder on another disk with `run.output`"))
}
