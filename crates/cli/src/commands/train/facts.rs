//! Facts of a run for its report: baselines, papers, the plan beside what came.

use std::cell::Cell;

use jikji_eval::{CharacterBaseline, NgramBaseline, Order};
use jikji_loader::{Prepared, Split, ValidationSet};
use jikji_telemetry::report::{Baseline, DataPaper};
use jikji_telemetry::{Console, Phase, Unit};

use crate::failure::Failure;

/// Text that the baselines count at most; more does not help three bytes of context.
const BASELINE_BYTES: u64 = 64 * 1024 * 1024;

/// The baseline that sees three syllables where the byte trigram sees one; for the report.
pub(super) const CHARACTERS: &str = "character trigram";

/// Unigram and trigram over bytes, and the stronger trigram over characters: trained on the training documents, measured on the
/// documents that the model was measured on.
pub(super) fn baselines(
    prepared: &Prepared,
    validation: &[(String, ValidationSet)],
    console: &Console,
) -> Result<Vec<Baseline>, Failure> {
    let phase = Phase::start(console, "baselines");
    let corpus: u64 = prepared.corpus.parts().iter().map(|part| part.bytes).sum();
    // Each of the three reads the text once.
    let read = Cell::new(0);
    let all = 3 * corpus.min(BASELINE_BYTES);
    let mut held_back = Vec::new();
    for ids in validation.iter().flat_map(|(_, set)| set.token_ids()) {
        let bytes = prepared.tokenizer.decode_bytes(&ids?);
        held_back.push(String::from_utf8_lossy(&bytes).into_owned());
    }
    // A part that cannot be read was found when the shards were made from it.
    let training = || {
        prepared
            .sample_of_training(BASELINE_BYTES)
            .map_while(Result::ok)
            .map(|document| document.text)
            .inspect(|text| {
                read.set(read.get() + text.len() as u64);
                phase.at(read.get(), all, Unit::Bytes);
            })
    };
    let bytes =
        |order| NgramBaseline::train(order, training(), BASELINE_BYTES).bits_per_byte(&held_back);
    let characters = CharacterBaseline::train(training(), BASELINE_BYTES);
    let measured = [
        ("unigram", bytes(Order::Unigram)),
        ("trigram", bytes(Order::Trigram)),
        (CHARACTERS, characters.bits_per_byte(&held_back)),
    ];
    let baseline = |(name, bits_per_byte): (&str, Option<f64>)| {
        Some(Baseline {
            name: name.to_owned(),
            bits_per_byte: bits_per_byte?,
        })
    };
    Ok(measured.into_iter().filter_map(baseline).collect())
}

/// Documents, bytes, tokens and licence of each source.
pub(super) fn papers(prepared: &Prepared) -> Vec<DataPaper> {
    let splits = [Split::Train, Split::Validation].map(|split| prepared.shards.sources(split));
    prepared
        .corpus
        .manifest()
        .sources
        .iter()
        .map(|source| {
            let licences: Vec<&str> = source.licenses.keys().map(String::as_str).collect();
            let of_source = splits
                .iter()
                .flatten()
                .filter(|stats| stats.name == source.name);
            DataPaper {
                source: source.name.clone(),
                documents: source.documents,
                bytes: source.bytes,
                tokens: of_source.map(|stats| stats.tokens).sum(),
                licence: licences.join(", "),
                synthetic: source.synthetic,
            }
        })
        .collect()
}
