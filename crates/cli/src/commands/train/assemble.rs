//! From a resolved recipe and prepared data to everything the loop needs.

use std::collections::BTreeMap;
use std::sync::Arc;

use burn::tensor::Device;
use jikji_checkpoint::RunState;
use jikji_interop::ModelFolder;
use jikji_loader::{Prepared, Split, ValidationSet};
use jikji_model::{Decoder, DecoderConfig, Layout, ParameterTable, Store};
use jikji_ops::Precision;
use jikji_recipe::RunConfig;
use jikji_telemetry::human_units::{human_bytes, with_separators};
use jikji_telemetry::{Console, Phases, RunLog};
use jikji_tokenizer::Tokenizer;
use jikji_train::{MemoryPlan, RunSetup, StepSettings, StepSize, StopSignal, TrainState};

use super::folder::RunFolder;
use super::{data_stages, identity, own_tokenizer};
use crate::commands::BF16_IN_F32;
use crate::commands::doctor::available_memory;
use crate::commands::recipe;
use crate::exit;
use crate::failure::Failure;

/// What is known before anything large exists.
pub(super) struct Plan {
    pub(super) decoder: DecoderConfig,
    pub(super) layout: Arc<Layout>,
    pub(super) memory: MemoryPlan,
}

impl Plan {
    /// A tokenizer that the model has rows for and that means by each id what its weights were trained with.
    pub(super) fn check_tokenizer(
        &self,
        config: &RunConfig,
        tokenizer: &Tokenizer,
    ) -> Result<(), Failure> {
        if let Some(dir) = config.model.from.as_ref().filter(|dir| dir.exists()) {
            ModelFolder::open(dir)?.check_tokens(tokenizer)?;
        }
        let (vocab, entries) = (self.decoder.vocab_size, tokenizer.vocab_size());
        if entries <= vocab {
            return Ok(());
        }
        Err(Failure::new(
            exit::RECIPE,
            format!("the tokenizer has {entries} entries, but the model's `vocab_size` is {vocab}"),
        )
        .with_hint("raise `vocab_size` in the model config, or train a smaller tokenizer (`tokenizer.vocab_size`)"))
    }

    pub(super) fn new(config: &RunConfig) -> Result<Self, Failure> {
        let decoder = recipe::check_model(config)?;
        let layout = Layout::new(ParameterTable::new(&decoder), &config.train.trainable)?;
        if layout.num_trainable() == 0 {
            return Err(Failure::new(
                exit::RECIPE,
                "`train.trainable` is empty: nothing would be trained",
            )
            .with_hint("[\"*\"] trains everything"));
        }
        let memory = MemoryPlan::new(
            &decoder,
            &layout,
            StepSize::of(&config.train, &config.optimizer),
            jikji_train::resident_bytes().unwrap_or(0),
        );
        Ok(Self {
            decoder,
            layout,
            memory,
        })
    }

    /// Parameters, tokens per step and bytes by owner, for people.
    pub(super) fn lines(&self, config: &RunConfig) -> Vec<String> {
        let all = self.layout.table().num_elements() as u64;
        let trained = self.layout.num_trainable() as u64;
        let tokens = config
            .train
            .global_batch_size
            .get()
            .saturating_mul(config.train.seq_len.get()) as u64;
        let micro_steps = config
            .train
            .global_batch_size
            .get()
            .div_ceil(config.train.micro_batch_size());
        let owners: Vec<String> = self
            .memory
            .owners
            .iter()
            .map(|(owner, bytes)| format!("{owner} {}", human_bytes(*bytes)))
            .collect();
        let mut lines = vec![
            format!(
                "model: {} parameters ({} trained), {} layers",
                with_separators(all),
                with_separators(trained),
                self.decoder.num_hidden_layers()
            ),
            format!(
                "step: {} tokens ({} sequences of {}, {micro_steps} micro-step{}); {} steps",
                with_separators(tokens),
                config.train.global_batch_size,
                config.train.seq_len,
                if micro_steps == 1 { "" } else { "s" },
                with_separators(config.train.steps)
            ),
            format!(
                "memory planned {}: {}",
                human_bytes(self.memory.total()),
                owners.join(", ")
            ),
        ];
        if !Precision::from(config.train.precision).is_native() {
            lines.push(format!("bf16: {BF16_IN_F32}"));
        }
        lines
    }

    pub(super) fn check_memory(&self, config: &RunConfig) -> Result<(), Failure> {
        let resident = jikji_train::resident_bytes().unwrap_or(0);
        let needed = self.memory.total().saturating_sub(resident);
        let Some(available) = available_memory().filter(|available| *available < needed) else {
            return Ok(());
        };
        let (owner, bytes) = self.memory.largest();
        let hint = if owner == "activations" && config.train.micro_batch_size() > 1 {
            "lower `train.micro_batch_size` (the step stays the same), or set \
             `train.activation_checkpointing = \"blocks\"`"
        } else if owner == "batches" {
            "lower `train.global_batch_size`"
        } else if owner == "activations" || owner == "backward" {
            "set `train.activation_checkpointing = \"blocks\"`, or lower `train.seq_len`"
        } else {
            "choose a smaller model (`model.config`), or train fewer parameters (`train.trainable`)"
        };
        Err(Failure::new(
            exit::MEMORY,
            format!(
                "the run needs {} more memory, {} are available; {owner} takes {}",
                human_bytes(needed),
                human_bytes(available),
                human_bytes(bytes)
            ),
        )
        .with_hint(hint))
    }
}

pub(super) fn assemble(
    config: &RunConfig,
    plan: &Plan,
    folder: &RunFolder,
    prepared: &Prepared,
    console: &Console,
    stop: StopSignal,
) -> Result<RunSetup, Failure> {
    for line in plan.lines(config) {
        console.say(line);
    }
    plan.check_memory(config)?;

    let shards = Arc::new(jikji_loader::ShardSet::open(prepared.shards.dir())?);
    // Every byte, at more than a gigabyte a second: a run must not learn from an altered shard.
    let mut phases = Phases::on(console);
    phases.begin("checking the shards");
    shards.verify()?;
    let pad_id = prepared
        .tokenizer
        .pad_id()
        .or(prepared.tokenizer.eos_id())
        .unwrap_or(0);
    let (data, data_record) = data_stages::plan(config, folder, &shards, pad_id, console)?;
    own_tokenizer::settle(folder, prepared)?;
    let validation = validation_sets(config, &shards, pad_id)?;

    jikji_train::reset_peak();
    phases.begin("loading the weights");
    let weights = match (&folder.checkpoint, &config.model.from) {
        (None, None) => Store::initialized(plan.layout.clone(), config.run.seed),
        (None, Some(dir)) => {
            let mut weights = Store::weights(plan.layout.clone());
            let folder = ModelFolder::open(dir)?;
            folder.check_finite()?;
            folder.load(&mut weights)?;
            weights
        }
        (Some(_), _) => Store::weights(plan.layout.clone()),
    };
    let mut state = TrainState::from_weights(weights, &config.optimizer);
    if let Some(checkpoint) = &folder.checkpoint {
        jikji_train::restore(&mut state, checkpoint)?;
    }

    drop(phases);
    let resolved = config.to_toml();
    jikji_checkpoint::durable::write_file(
        &folder.path.join("recipe.resolved.toml"),
        resolved.as_bytes(),
    )?;
    let mut run_log = match &folder.checkpoint {
        Some(checkpoint) => RunLog::resume(&folder.path, checkpoint.step())?,
        None => RunLog::create(&folder.path)?,
    };
    run_log.text("recipe", 0, &format!("```toml\n{resolved}```"));
    console.log_to(&folder.path.join("log.rank0.txt"))?;

    let precision = config.train.precision.into();
    Ok(RunSetup {
        decoder: Decoder::new(plan.decoder.clone(), precision),
        state,
        data: Arc::new(data),
        validation,
        settings: StepSettings {
            micro_batch_size: config.train.micro_batch_size(),
            activation_checkpointing: config.train.activation_checkpointing,
            optimizer: config.optimizer.clone(),
            z_loss: config.train.z_loss.unwrap_or(0.0) as f32,
            total_steps: config.train.steps,
            device: Device::flex(),
        },
        train: config.train.clone(),
        checkpoint: config.checkpoint.clone(),
        log: config.log.clone(),
        checkpoints_dir: folder.checkpoints(),
        run_state: run_state(config, folder, prepared),
        extra_files: vec![
            ("recipe.resolved.toml".to_owned(), resolved.into_bytes()),
            (data_stages::FILE.to_owned(), data_record),
        ],
        run_log,
        console: console.clone(),
        stop,
        matrix_rate: jikji_ops::measure_matrix_rate(precision),
    })
}

/// What must be the same when the run is resumed.
fn run_state(config: &RunConfig, folder: &RunFolder, prepared: &Prepared) -> RunState {
    let tokenizer = prepared.tokenizer.fingerprint();
    RunState {
        format_version: 1,
        code_version: env!("CARGO_PKG_VERSION").to_owned(),
        identity: identity::of_run(config, &tokenizer, folder.checkpoint.as_ref()),
        progress: BTreeMap::new(),
    }
}

/// One set a source, all together within the budget of tokens.
fn validation_sets(
    config: &RunConfig,
    shards: &Arc<jikji_loader::ShardSet>,
    pad_id: u32,
) -> Result<Vec<(String, ValidationSet)>, Failure> {
    let sources = shards.sources(Split::Validation);
    let total: u64 = sources.iter().map(|source| source.tokens).sum();
    let seq_len = config.train.seq_len.get();
    let mut sets = Vec::new();
    for source in sources.iter().filter(|source| source.tokens > 0) {
        let share =
            config.train.validation_tokens as f64 * source.tokens as f64 / total.max(1) as f64;
        let sequences = ((share / seq_len as f64).ceil() as usize).max(1);
        let limit = (config.train.validation_tokens < total).then_some(sequences);
        let names = [source.name.clone()];
        let set = ValidationSet::new(
            shards.clone(),
            seq_len,
            config.data.cross_documents,
            pad_id,
            limit,
            &names,
        )?;
        sets.push((source.name.clone(), set));
    }
    Ok(sets)
}
