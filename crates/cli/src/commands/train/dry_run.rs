//! `--dry-run`: every check of a run, its budget, and one example as the loss will see it. Nothing
//! is written and no step is made.

use std::fmt::Write as _;
use std::path::PathBuf;

use jikji_checkpoint::Loaded;
use jikji_loader::TokenizerPlan;
use jikji_recipe::RunConfig;
use jikji_telemetry::Console;
use jikji_tokenizer::Tokenizer;

use super::assemble::Plan;
use super::prepare::prepare_config;
use super::sample::SourceSample;
use super::{budget, checks, folder, horizon, identity, own_tokenizer, sample};
use crate::arguments::TrainArguments;
use crate::console;
use crate::failure::Failure;

/// Text that a throw-away tokenizer is trained on.
const TRAINING_BYTES: usize = 2 << 20;

/// Tokens of the example that are shown.
const SHOWN_TOKENS: usize = 160;

pub(super) fn run(
    config: &RunConfig,
    arguments: &TrainArguments,
    talk: &Console,
) -> Result<(), Failure> {
    let plan = Plan::new(config)?;
    let found = folder::look(config, arguments, talk);
    let checked = checks::inputs(&plan, config);
    // The plan may be for another machine or another folder: it is shown, and what the run refuses
    // ends it.
    let resumed = found
        .as_ref()
        .ok()
        .and_then(|found| found.as_ref()?.checkpoint.as_ref());
    let shown = show(config, &plan, resumed, arguments, talk);
    // In the order in which the run would meet them.
    found?;
    checked?;
    shown
}

fn show(
    config: &RunConfig,
    plan: &Plan,
    resumed: Option<&Loaded>,
    arguments: &TrainArguments,
    talk: &Console,
) -> Result<(), Failure> {
    // The same look at the same files as the preparation, before anything else needs them.
    for line in jikji_corpus::probe(&prepare_config(config)?.corpus)?.lines() {
        console::data(line);
    }
    let samples = sample::sample(config)?;
    let own = resumed.map(|checkpoint| own_tokenizer::of_run(config, checkpoint, talk));
    let (tokenizer, whose) = tokenizer(config, plan, own.transpose()?, &samples)?;
    let sources = budget::of_sources(config, &samples, &tokenizer)?;
    let tokens = budget::training_tokens(&sources);
    let settled = horizon::settle(config, &tokens, resumed.map(Loaded::run))?;
    let run = &settled.config;
    for line in plan.lines(run) {
        console::data(line);
    }
    for source in &config.data.sources {
        let weight = source
            .weight
            .map_or_else(|| "by size".to_owned(), |weight| weight.to_string());
        let from = source.path.as_deref().unwrap_or("the grammar");
        console::data(format!("source {}: {from}, weight {weight}", source.name));
    }
    for line in budget::text_lines(&sources, &whose) {
        console::data(line);
    }
    console::data(budget::asked_line(run, &horizon::passes_line(run, &tokens)));
    for line in budget::disk_lines(run, plan, &sources, &tokenizer) {
        console::data(line);
    }
    console::data(budget::time_line(run, plan));
    horizon::tell(config, &settled, &tokens, resumed, talk);
    if let Some(checkpoint) = resumed {
        identity::check(&settled, checkpoint, arguments)?;
    }
    if config.log.private {
        console::data("no example is shown: log.private");
        return Ok(());
    }
    console::data(format!(
        "example, the first {} of {} tokens: `|` ends a token, ⟦ ⟧ holds what the loss does not count",
        SHOWN_TOKENS.min(config.train.seq_len.get()),
        config.train.seq_len
    ));
    let documents: Vec<&String> = samples.iter().flat_map(|sample| &sample.texts).collect();
    console::data(example(config, &tokenizer, &documents)?);
    Ok(())
}

/// The run's tokenizer, or one that is trained on the sample; and what to call it.
fn tokenizer(
    config: &RunConfig,
    plan: &Plan,
    own: Option<PathBuf>,
    samples: &[SourceSample],
) -> Result<(Tokenizer, String), Failure> {
    let recipes = prepare_config(config)?.tokenizer;
    let settings = match own.map_or(recipes, TokenizerPlan::Load) {
        TokenizerPlan::Load(dir) => {
            let tokenizer = Tokenizer::load(&dir)?;
            return Ok((tokenizer, format!("`{}`", dir.display())));
        }
        TokenizerPlan::Train(settings) => settings,
    };
    let share = TRAINING_BYTES / samples.len().max(1);
    let texts = samples.iter().flat_map(|sample| {
        sample.texts.iter().scan(share, |room, text| {
            let has_room = *room > 0;
            *room = room.saturating_sub(text.len());
            has_room.then_some(text.as_str())
        })
    });
    let tokenizer = jikji_tokenizer::train(texts, &settings)?;
    plan.check_tokenizer(config, &tokenizer)?;
    let whose =
        "a tokenizer trained on the beginning of the text; the run's own is trained on all of it";
    Ok((tokenizer, whose.to_owned()))
}

/// The first sequence of the plainly concatenated documents. A target is counted where it follows
/// its input in the same document.
fn example(
    config: &RunConfig,
    tokenizer: &Tokenizer,
    documents: &[&String],
) -> Result<String, Failure> {
    let mut tokens = Vec::new();
    for document in documents {
        let ids = tokenizer.encode_document(document)?.into_iter();
        tokens.extend(
            ids.enumerate()
                .map(|(index, id)| (id, index > 0 || config.data.cross_documents)),
        );
        if tokens.len() > config.train.seq_len.get() {
            break;
        }
    }
    let mut shown = String::new();
    for (id, counted) in tokens
        .into_iter()
        .take(SHOWN_TOKENS.min(config.train.seq_len.get()))
    {
        let piece = tokenizer.token_text(id).unwrap_or_default();
        let _ = if counted {
            write!(shown, "{piece}|")
        } else {
            write!(shown, "⟦{piece}⟧")
        };
    }
    Ok(shown)
}
