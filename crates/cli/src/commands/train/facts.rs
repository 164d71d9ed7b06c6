//! Facts of a run for its report: baselines, papers, the plan beside what came.

use jikji_eval::{CharacterBaseline, NgramBaseline, Order};
use jikji_loader::{Prepared, Split};
use jikji_telemetry::report::{Baseline, DataPaper};

use crate::failure::Failure;

/// Text that the baselines count at most; more does not help three bytes of context.
const BASELINE_BYTES: u64 = 64 * 1024 * 1024;

/// The baseline that sees three syllables where the byte trigram sees one; for the report.
pub(super) const CHARACTERS: &str = "character trigram";

/// Held-back text that they are measured on at most.
const MEASURED_BYTES: usize = 4 * 1024 * 1024;

/// Unigram and trigram over bytes, and the stronger trigram over characters: trained on the training documents, measured on the held-back ones.
pub(super) fn baselines(prepared: &Prepared) -> Result<Vec<Baseline>, Failure> {
    let mut held_back = Vec::new();
    let mut bytes = 0;
    for document in prepared.documents(Split::Validation) {
        let text = document?.text;
        bytes += text.len();
        held_back.push(text);
        if bytes > MEASURED_BYTES {
            break;
        }
    }
    let mut baselines = Vec::new();
    for (name, order) in [("unigram", Order::Unigram), ("trigram", Order::Trigram)] {
        // A part that cannot be read was found when the shards were made from it.
        let texts = prepared
            .documents(Split::Train)
            .map_while(Result::ok)
            .map(|document| document.text);
        let model = NgramBaseline::train(order, texts, BASELINE_BYTES);
        if let Some(bits_per_byte) = model.bits_per_byte(&held_back) {
            baselines.push(Baseline {
                name: name.to_owned(),
                bits_per_byte,
            });
        }
    }
    let texts = prepared
        .documents(Split::Train)
        .map_while(Result::ok)
        .map(|document| document.text);
    let model = CharacterBaseline::train(texts, BASELINE_BYTES);
    if let Some(bits_per_byte) = model.bits_per_byte(&held_back) {
        baselines.push(Baseline {
            name: CHARACTERS.to_owned(),
            bits_per_byte,
        });
    }
    Ok(baselines)
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
