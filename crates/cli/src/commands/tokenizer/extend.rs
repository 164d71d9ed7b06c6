//! `jikji tokenizer extend`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use clap::ValueEnum;
use jikji_interop::{
    Beside, Export, Lineage, LoadedModel, ModelFolder, Neighbours, NewRows, TextStatistics,
    TokenCounts, WithRows, check_exportable, check_not_itself, check_replaceable, export_model,
};
use jikji_ops::Precision;
use jikji_telemetry::human_units::{human_bytes, with_separators};
use jikji_tokenizer::{ExtendConfig, Extended, Extender, Tokenizer};
use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::TextFile;
use crate::arguments::{ExtendArguments, NewRowsArgument, Share, Texts};
use crate::console;
use crate::exit;
use crate::failure::Failure;
use crate::now_and_then::NowAndThen;

/// Texts that all threads encode together, in bytes.
const BATCH_BYTES: usize = 16 << 20;

/// Of a text in an error.
const SHOWN_CHARS: usize = 60;

/// Tokens whose logits are compared.
const COMPARED_TOKENS: usize = 64;

/// Of the largest logit: sums over more columns are added in another order.
const LOGIT_TOLERANCE: f32 = 1e-5;

pub(super) fn run(arguments: &ExtendArguments) -> Result<(), Failure> {
    let folder = ModelFolder::open(&arguments.model)?;
    // Everything that can be refused comes before the texts are read.
    check_not_itself(&arguments.output, folder.dir())?;
    check_replaceable(&arguments.output)?;
    check_exportable(folder.config(), folder.decoder())?;
    let old = folder.tokenizer()?.ok_or_else(|| {
        let message = format!(
            "`{}` has no `tokenizer.json`, which is what is extended",
            folder.dir().display()
        );
        Failure::new(exit::DATA, message).with_hint("put the tokenizer's files into the folder")
    })?;
    let learned = super::files(&arguments.texts)?;
    let kept = super::files(&Texts {
        input: arguments.keep_input.clone(),
        text_field: arguments.texts.text_field.clone(),
    })?;
    let of = |share: Option<Share>| share.map_or(0, |share| share.of(old.vocab_size()));
    let config = ExtendConfig {
        replace: of(arguments.replace),
        add: of(arguments.add),
        min_frequency: arguments.min_frequency,
        memory_bytes: arguments.memory_bytes,
    };
    let mut extender = Extender::new(&old, config, super::scratch(&arguments.output)?)?;
    extender.reserve(folder.named_ids()?);
    let extended = learn(extender, config, &learned, &kept)?;
    let groups = [
        compare_texts(&old, &extended.tokenizer, "input", &learned)?,
        compare_texts(&old, &extended.tokenizer, "keep-input", &kept)?,
    ];
    let statistics = statistics(arguments.init, &extended, &groups, [&learned, &kept])?;
    let lengths: Vec<(&String, &Length)> = groups.iter().flat_map(|group| &group.lengths).collect();
    let rows = init(arguments).rows(&folder, &extended.tokens, &statistics);
    let model = WithRows::new(&folder, rows)?;
    let mut lineage = Lineage::new("extend", settings(arguments, config, &extended, &lengths));
    lineage.add_source("model", &folder)?;
    let export = Export {
        config: model.config(),
        weights: &model,
        beside: Beside::Extended(&folder, &extended.tokenizer),
        lineage: Some(lineage),
        ..Export::of_folder(&folder, None)
    };
    let written = export_model(&arguments.output, &export)?;
    let back = ModelFolder::open(&written.path)?;
    model.check(&back)?;
    let tokenizer = back.tokenizer()?;
    if tokenizer.is_none_or(|tokenizer| tokenizer.fingerprint() != extended.tokenizer.fingerprint())
    {
        let message = format!(
            "the tokenizer in `{}` is not the one that was written",
            back.dir().display()
        );
        return Err(Failure::new(exit::DIFFERS, message));
    }
    if !arguments.no_logits {
        compare_logits(folder.dir(), back.dir(), &extended)?;
    }
    report(&extended, &lengths);
    super::super::model::tell(&written);
    Ok(())
}

fn learn(
    mut extender: Extender,
    config: ExtendConfig,
    learned: &[TextFile],
    kept: &[TextFile],
) -> Result<Extended, Failure> {
    let mut word = NowAndThen::new();
    let mut bytes = 0;
    for (files, is_kept) in [(learned, false), (kept, true)] {
        for file in files {
            for document in file.documents()? {
                let text = document?.text;
                if is_kept {
                    extender.keep(&text)?;
                } else {
                    extender.learn(&text)?;
                }
                bytes += text.len() as u64;
                if word.is_due() {
                    let bytes = human_bytes(bytes);
                    console::say(format!("reading `{}`: {bytes} of text so far", file.label));
                }
            }
        }
    }
    let extended = extender.finish()?;
    let (got, asked) = (extended.tokens.len(), config.replace + config.add);
    if got < asked {
        console::say(format!(
            "{} new tokens instead of {}: no further pair occurs {} times, or tokens were learned that were there before",
            with_separators(got as u64),
            with_separators(asked as u64),
            config.min_frequency
        ));
    }
    Ok(extended)
}

/// Calls `each` with the documents of files and their domains, many at a time, for threads to share.
fn for_each_batch<'a>(
    files: &'a [TextFile],
    unnamed: &'a str,
    mut each: impl FnMut(&[(&'a str, String)]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    for file in files {
        for document in file.documents()? {
            let text = document?.text;
            bytes += text.len();
            batch.push((file.domain().unwrap_or(unnamed), text));
            if bytes >= BATCH_BYTES {
                each(&batch)?;
                batch.clear();
                bytes = 0;
            }
        }
    }
    each(&batch)
}

/// How long the texts of an input are in both vocabularies.
#[derive(Default)]
struct Length {
    bytes: u64,
    tokens_before: u64,
    tokens_after: u64,
}

/// Texts as both vocabularies cut them.
#[derive(Default)]
struct Group {
    /// By domain.
    lengths: BTreeMap<String, Length>,
    before: TokenCounts,
    after: TokenCounts,
}

/// Counts the tokens of all texts, each of which must be encoded to itself as it was before.
fn compare_texts(
    old: &Tokenizer,
    new: &Tokenizer,
    unnamed: &str,
    files: &[TextFile],
) -> Result<Group, Failure> {
    let mut group = Group::default();
    for_each_batch(files, unnamed, |batch| {
        let encoded: Vec<_> = batch
            .par_iter()
            .map(|(_, text)| Ok((old.encode(text)?, new.encode(text)?)))
            .collect::<Result<_, Failure>>()?;
        for ((domain, text), (before, after)) in batch.iter().zip(&encoded) {
            if old.decode_bytes(before) != new.decode_bytes(after) {
                let start: String = text.chars().take(SHOWN_CHARS).collect();
                let message = format!(
                    "a text of `{domain}` is not encoded to what it was encoded to before: `{start}`"
                );
                return Err(Failure::new(exit::DIFFERS, message));
            }
            let length = group.lengths.entry((*domain).to_owned()).or_default();
            length.bytes += text.len() as u64;
            length.tokens_before += before.len() as u64;
            length.tokens_after += after.len() as u64;
            group.before.add(before);
            group.after.add(after);
        }
        Ok(())
    })?;
    Ok(group)
}

/// What the texts say of the tokens, as far as rows depend on it.
fn statistics(
    init: NewRowsArgument,
    extended: &Extended,
    groups: &[Group; 2],
    files: [&[TextFile]; 2],
) -> Result<TextStatistics, Failure> {
    let [learned, kept] = groups;
    let mut counts = learned.after.clone();
    counts.merge(&kept.after);
    let mut neighbours = None;
    if init == NewRowsArgument::Similar {
        let new = extended.tokens.iter().map(|token| token.id);
        let neighbours = neighbours.insert(Neighbours::new(&counts, new));
        for files in files {
            for_each_batch(files, "", |batch| {
                let encoded: Vec<_> = batch
                    .par_iter()
                    .map(|(_, text)| Ok(extended.tokenizer.encode(text)?))
                    .collect::<Result<_, Failure>>()?;
                for ids in &encoded {
                    neighbours.add(ids);
                }
                Ok(())
            })?;
        }
    }
    Ok(TextStatistics {
        before: TokenCounts::per_million(&[&learned.before, &kept.before]),
        after: TokenCounts::per_million(&[&learned.after, &kept.after]),
        counts,
        neighbours,
    })
}

fn init(arguments: &ExtendArguments) -> NewRows {
    let seed = arguments.seed;
    match arguments.init {
        NewRowsArgument::Mean => NewRows::Mean,
        NewRowsArgument::NoisyMean => NewRows::NoisyMean { seed },
        NewRowsArgument::Weighted => NewRows::Weighted,
        NewRowsArgument::Similar => NewRows::Similar,
        NewRowsArgument::Random => NewRows::Random { seed },
    }
}

/// Whether ids that stayed have the logits that they had, after a text of such ids.
fn compare_logits(dir: &Path, written: &Path, extended: &Extended) -> Result<(), Failure> {
    let new: BTreeSet<u32> = extended.tokens.iter().map(|token| token.id).collect();
    let is_new = |id: u32| new.contains(&id);
    let mut ids = Vec::new();
    let logits = |dir: &Path, ids: &mut Vec<u32>| -> Result<(Vec<f32>, usize), Failure> {
        let model = LoadedModel::load(dir, Precision::F32)?;
        let rows = model.decoder.config().vocab_size;
        if ids.is_empty() {
            let longest = COMPARED_TOKENS.min(model.decoder.config().max_position_embeddings);
            ids.extend((0..rows as u32).filter(|id| !is_new(*id)).take(longest));
        }
        Ok((jikji_eval::logits(&model, ids)?, rows))
    };
    let (before, rows_before) = logits(dir, &mut ids)?;
    let (after, rows_after) = logits(written, &mut ids)?;
    let largest = before
        .iter()
        .fold(0.0_f32, |largest, logit| largest.max(logit.abs()));
    for position in 0..ids.len() {
        for id in (0..rows_before).filter(|id| !is_new(*id as u32)) {
            let expected = before[position * rows_before + id];
            let got = after[position * rows_after + id];
            // Written so that what is no number differs too.
            let is_close = (got - expected).abs() <= LOGIT_TOLERANCE * largest;
            if !is_close {
                let message = format!(
                    "the logit of id {id} is `{got}` instead of `{expected}` in `{}`",
                    written.display()
                );
                return Err(Failure::new(exit::DIFFERS, message));
            }
        }
    }
    Ok(())
}

/// What, with the model, says what was done.
fn settings(
    arguments: &ExtendArguments,
    config: ExtendConfig,
    extended: &Extended,
    lengths: &[(&String, &Length)],
) -> Map<String, Value> {
    let tokens = extended
        .tokens
        .iter()
        .map(|new| json!([new.id, new.token, new.replaces]));
    let texts = lengths.iter().map(|(label, length)| {
        json!({"input": label, "bytes": length.bytes, "tokens_before": length.tokens_before, "tokens_after": length.tokens_after})
    });
    let init = arguments.init.to_possible_value();
    let settings = json!({
        "input": arguments.texts.input,
        "text_field": arguments.texts.text_field,
        "keep_input": arguments.keep_input,
        "replace": config.replace,
        "add": config.add,
        "min_frequency": config.min_frequency,
        "init": init.map(|value| value.get_name().to_owned()),
        "seed": arguments.seed,
        "texts": texts.collect::<Vec<_>>(),
        "tokens": tokens.collect::<Vec<_>>(),
    });
    match settings {
        Value::Object(settings) => settings,
        _ => Map::new(),
    }
}

fn report(extended: &Extended, lengths: &[(&String, &Length)]) {
    let replaced = extended
        .tokens
        .iter()
        .filter(|token| token.replaces.is_some())
        .count();
    console::say(format!(
        "{} tokens replaced, {} added; every id that stayed has its token and its weights, every text is encoded to itself",
        with_separators(replaced as u64),
        with_separators((extended.tokens.len() - replaced) as u64)
    ));
    console::data("bytes/token  before   after  input");
    for (label, length) in lengths {
        let per = |tokens: u64| length.bytes as f64 / tokens.max(1) as f64;
        console::data(format!(
            "             {:6.3}  {:6.3}  {label}",
            per(length.tokens_before),
            per(length.tokens_after)
        ));
    }
}
