//! From the recipe's `[data]` and `[tokenizer]` to prepared shards, with a word now and then.

use std::path::PathBuf;
use std::time::Instant;

use jikji_corpus::synth::{GENERATOR_VERSION, SynthConfig, documents};
use jikji_corpus::{BuildConfig, InputConfig, SyntheticInput};
use jikji_loader::{
    PrepareConfig, PrepareProgress, Prepared, Split, TokenizerPlan, ValidationSplit,
};
use jikji_recipe::{RunConfig, TokenizerSource};
use jikji_telemetry::human_units::{human_bytes, with_separators};
use jikji_telemetry::{Console, Phases, Unit};

use crate::commands::corpus::parse_topics;
use crate::failure::Failure;

/// The licence of what the generator writes.
const SYNTHETIC_LICENSE: &str = "CC0-1.0";

/// `tokenizer` is that of a run that goes on; without it the recipe's is found or trained.
pub(super) fn prepare(
    config: &RunConfig,
    tokenizer: Option<PathBuf>,
    console: &Console,
) -> Result<Prepared, Failure> {
    let clock = Instant::now();
    let mut plan = prepare_config(config)?;
    if let Some(own) = tokenizer {
        plan.tokenizer = TokenizerPlan::Load(own);
    }
    let mut phases = Phases::on(console);
    let mut is_training_tokenizer = false;
    let prepared = jikji_loader::prepare(&plan, &mut |progress| match progress {
        PrepareProgress::Waiting => {
            phases.begin("waiting for another run");
            console.say(format!(
                "another run prepares text in `{}`: waiting for it",
                config.data.prepared.display()
            ));
        }
        PrepareProgress::Corpus(at) => {
            phases.at("reading", at.input_bytes_done, at.input_bytes, Unit::Bytes);
        }
        PrepareProgress::CountingPieces { bytes, of } => {
            if !std::mem::replace(&mut is_training_tokenizer, true) {
                console.say("training the tokenizer");
            }
            phases.at("tokenizer: reading", bytes, of, Unit::Bytes);
        }
        PrepareProgress::LearningTokens { tokens, of } => {
            phases.at("tokenizer: learning", tokens, of, Unit::Count("tokens"));
        }
        PrepareProgress::Tokenizing { bytes, of } => {
            phases.at("tokenizing", bytes, of, Unit::Bytes);
        }
    })?;
    drop(phases);
    tell(&prepared, console, clock.elapsed().as_secs_f64());
    Ok(prepared)
}

fn tell(prepared: &Prepared, console: &Console, seconds: f64) {
    for source in &prepared.corpus.manifest().sources {
        for skipped in &source.skipped {
            console.say(format!(
                "skipped `{}` of `{}`: {}",
                skipped.path, source.name, skipped.reason
            ));
        }
    }
    let total = |split: Split| {
        let sources = prepared.shards.sources(split);
        (
            sources.iter().map(|s| s.documents).sum::<u64>(),
            sources.iter().map(|s| s.tokens).sum::<u64>(),
            sources.iter().map(|s| s.text_bytes).sum::<u64>(),
        )
    };
    let (documents, tokens, bytes) = total(Split::Train);
    let (held_back, _, _) = total(Split::Validation);
    if held_back == 0 {
        console.warn(
            "no document is held back: the run will have no validation and no baselines; \
             raise `data.validation_fraction` or add text",
        );
    }
    console.say(format!(
        "data: {} documents, {} of text, {} tokens ({:.2} bytes/token), {} documents held back; ready in {seconds:.1} s",
        with_separators(documents),
        human_bytes(bytes),
        with_separators(tokens),
        bytes as f64 / tokens.max(1) as f64,
        with_separators(held_back),
    ));
}

pub(super) fn prepare_config(config: &RunConfig) -> Result<PrepareConfig, Failure> {
    let data = &config.data;
    let mut corpus = BuildConfig {
        min_chars: data.min_chars,
        drop_exact_duplicates: data.drop_exact_duplicates,
        ..BuildConfig::default()
    };
    for source in &data.sources {
        if let Some(path) = &source.path {
            corpus.inputs.push(InputConfig {
                name: source.name.clone(),
                path: path.clone(),
                exclude: source.exclude.clone(),
                fields: source.fields.clone(),
                license: source.license.clone(),
            });
        }
        if let Some(synth) = &source.synth {
            let settings = SynthConfig {
                seed: synth.seed,
                documents: synth.documents,
                topics: parse_topics(&synth.topics)?,
            };
            corpus.synthetic.push(SyntheticInput {
                name: source.name.clone(),
                license: source
                    .license
                    .clone()
                    .unwrap_or_else(|| SYNTHETIC_LICENSE.to_owned()),
                fingerprint: format!(
                    "grammar {GENERATOR_VERSION}, seed {}, {} documents, topics {:?}",
                    synth.seed, synth.documents, synth.topics
                ),
                documents: Box::new(move || {
                    let texts: Vec<String> =
                        documents(&settings).map(|document| document.text).collect();
                    Box::new(texts.into_iter())
                }),
            });
        }
    }
    Ok(PrepareConfig {
        dir: data.prepared.clone(),
        corpus,
        tokenizer: match &config.tokenizer {
            TokenizerSource::From(dir) => TokenizerPlan::Load(dir.clone()),
            TokenizerSource::Train(settings) => TokenizerPlan::Train(settings.clone()),
        },
        validation: ValidationSplit {
            fraction: data.validation_fraction,
            sources: data.validation_sources.clone(),
        },
    })
}
