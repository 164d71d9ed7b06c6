//! From the recipe's `[data]` and `[tokenizer]` to prepared shards, with a word now and then.

use std::time::Instant;

use jikji_corpus::synth::{GENERATOR_VERSION, SynthConfig, documents};
use jikji_corpus::{BuildConfig, InputConfig, SyntheticInput};
use jikji_loader::{
    PrepareConfig, PrepareProgress, Prepared, Split, TokenizerPlan, ValidationSplit,
};
use jikji_recipe::{RunConfig, TokenizerSource};
use jikji_telemetry::Console;
use jikji_telemetry::human_units::{human_bytes, with_separators};

use crate::commands::corpus::parse_topics;
use crate::failure::Failure;
use crate::now_and_then::NowAndThen;

/// The licence of what the generator writes.
const SYNTHETIC_LICENSE: &str = "CC0-1.0";

pub(super) fn prepare(config: &RunConfig, console: &Console) -> Result<Prepared, Failure> {
    let clock = Instant::now();
    let mut word = NowAndThen::new();
    let prepared =
        jikji_loader::prepare(&prepare_config(config)?, &mut |progress| match progress {
            PrepareProgress::Corpus(at) if word.is_due() => {
                console.say(format!(
                    "reading `{}`: {} of {}",
                    at.source,
                    human_bytes(at.input_bytes_done),
                    human_bytes(at.input_bytes)
                ));
            }
            PrepareProgress::TrainingTokenizer => console.say("training the tokenizer"),
            PrepareProgress::Tokenizing(done, all) if word.is_due() => {
                console.say(format!("tokenizing: part {} of {all}", done + 1));
            }
            PrepareProgress::Corpus(_) | PrepareProgress::Tokenizing(..) => {}
        })?;
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
