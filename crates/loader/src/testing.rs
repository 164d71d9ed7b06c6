//! Small shard sets for the tests of this crate.

use std::convert::Infallible;
use std::path::Path;

use crate::{EncodedDocument, ShardSet, ShardSetBuilder, ShardSetSpec, Split};

pub(crate) const VOCAB: usize = 5_000;

pub(crate) fn spec() -> ShardSetSpec {
    ShardSetSpec {
        fingerprint: "corpus-1".into(),
        tokenizer: "tokenizer-1".into(),
        vocab_size: VOCAB,
        eos_id: Some(1),
        bos_id: None,
    }
}

/// A document whose hash, length and ids follow from its number.
pub(crate) fn document(number: u64, tokens: usize, split: Split) -> EncodedDocument {
    let mut hash = [0; 16];
    hash.copy_from_slice(&blake3::hash(&number.to_le_bytes()).as_bytes()[..16]);
    let ids = (0..tokens as u64)
        .map(|i| ((number * 131 + i * 7 + i * i) % VOCAB as u64) as u32)
        .collect();
    EncodedDocument {
        ids,
        text_bytes: (tokens * 3 + number as usize % 5) as u32,
        hash,
        split,
    }
}

/// A unit: its name, its source, and its documents.
pub(crate) type Unit<'a> = (&'a str, &'a str, Vec<EncodedDocument>);

pub(crate) fn write_unit(builder: &mut ShardSetBuilder, (unit, source, documents): Unit<'_>) {
    builder
        .write_unit(
            unit,
            source,
            false,
            &mut documents.into_iter().map(Ok::<_, Infallible>),
        )
        .unwrap();
}

pub(crate) fn build(dir: &Path, units: Vec<Unit<'_>>) -> ShardSet {
    let mut builder = ShardSetBuilder::open(dir, spec()).unwrap();
    for unit in units {
        write_unit(&mut builder, unit);
    }
    builder.finish().unwrap()
}

/// Two sources in three units, with documents of many lengths on both sides.
pub(crate) fn units() -> Vec<Unit<'static>> {
    let documents = |numbers: std::ops::Range<u64>| -> Vec<EncodedDocument> {
        numbers
            .map(|number| {
                let split = if number % 5 == 0 {
                    Split::Validation
                } else {
                    Split::Train
                };
                document(number, 1 + (number * 37 % 90) as usize, split)
            })
            .collect()
    };
    vec![
        ("00000", "law", documents(0..60)),
        ("00001", "news", documents(60..100)),
        ("00002", "law", documents(100..150)),
    ]
}
