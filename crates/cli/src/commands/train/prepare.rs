//! From the recipe's `[data]` and `[tokenizer]` to prepared shards, with a word now and then.

use std::path::PathBuf;
use std::time::Instant;

use jikji_corpus::synth::{GENERATOR_VERSION, SynthConfig, documents};
use jikji_corpus::{BuildConfig, CorpusError, InputConfig, NotRead, SyntheticInput};
use jikji_loader::{
    PrepareConfig, PrepareError, PrepareProgress, Prepared, Split, TokenizerPlan, ValidationSplit,
};
use jikji_recipe::{DataSection, RunConfig, SourceConfig, TokenizerSource};
use jikji_telemetry::human_units::{human_bytes, with_separators};
use jikji_telemetry::{Console, Phases, Unit};

use crate::commands::corpus::parse_topics;
use crate::exit;
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
    });
    drop(phases);
    let prepared = prepared.map_err(|error| match error {
        PrepareError::Corpus(error) => corpus_failure(config, error),
        error => error.into(),
    })?;
    tell(&prepared, console, clock.elapsed().as_secs_f64());
    Ok(prepared)
}

/// An error about the raw text. With `log.private` it names the row, but not the parser's reason, which may repeat it.
pub(super) fn corpus_failure(config: &RunConfig, error: CorpusError) -> Failure {
    match &error {
        CorpusError::Json { .. } | CorpusError::Parquet { .. } if config.log.private => {
            let place = match &error {
                CorpusError::Parquet { path, row, .. } => {
                    format!(
                        "failed to read `{}` as Parquet at row {row}",
                        path.display()
                    )
                }
                CorpusError::Json {
                    path, row, place, ..
                } => {
                    format!("`{}:{row}` is not a JSON object, {place}", path.display())
                }
                error => error.to_string(),
            };
            let message =
                format!("{place}; the reason may hold text and is left out (log.private)");
            let failure = Failure::new(exit::DATA, message);
            match error.hint() {
                Some(hint) => failure.with_hint(hint),
                None => failure,
            }
        }
        _ => error.into(),
    }
}

fn tell(prepared: &Prepared, console: &Console, seconds: f64) {
    for line in prepared.corpus.manifest().remarks() {
        console.say(line);
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
        left_out: data.left_out.clone(),
        ..BuildConfig::default()
    };
    // First: a text that is on both sides is kept where it came first.
    for source in &data.validation {
        corpus.inputs.extend(input(source, data, Vec::new()));
    }
    let not_read = config.not_read();
    for source in &data.sources {
        corpus.inputs.extend(input(source, data, not_read.clone()));
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
            held_out: data
                .validation
                .iter()
                .map(|source| source.name.clone())
                .collect(),
        },
    })
}

/// What is read of a source; `None` for one that a program makes.
fn input(source: &SourceConfig, data: &DataSection, not_read: Vec<NotRead>) -> Option<InputConfig> {
    Some(InputConfig {
        name: source.name.clone(),
        path: source.path.clone()?,
        exclude: source.exclude.clone(),
        fields: source.fields.clone(),
        license: source.license.clone(),
        encoding: source.encoding,
        on_error: data.on_error,
        split_by: data.split_by.clone(),
        not_read,
    })
}
