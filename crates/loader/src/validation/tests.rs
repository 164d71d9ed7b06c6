use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use crate::testing::{build, document, units};
use crate::{EncodedDocument, LoaderError, ShardSet, Split, ValidationSet};

fn two_sources() -> (tempfile::TempDir, Arc<ShardSet>) {
    let dir = tempfile::tempdir().unwrap();
    let set = build(dir.path(), units());
    (dir, Arc::new(set))
}

fn documents() -> BTreeMap<[u8; 16], EncodedDocument> {
    let all = units().into_iter().flat_map(|unit| unit.2);
    all.filter(|document| document.split == Split::Validation)
        .map(|document| (document.hash, document))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn bytes_and_scored_tokens_are_of_the_same_documents(
        seq_len in 2_usize..70, max in proptest::option::of(1_usize..60), cross_documents: bool,
    ) {
        let (_dir, set) = two_sources();
        let validation = ValidationSet::new(set, seq_len, cross_documents, 0, max, &[]).unwrap();
        let len = validation.len();
        let batch = validation.batch(0..len).unwrap();
        let known = documents();

        // Whole documents: each one's parts follow each other from its first token to its last.
        let mut read: BTreeMap<[u8; 16], usize> = BTreeMap::new();
        for span in batch.spans.iter().flatten() {
            let so_far = read.entry(span.hash).or_default();
            prop_assert_eq!(span.first_in_document as usize, *so_far);
            *so_far += span.tokens.len();
        }
        let tokens: usize = read.keys().map(|hash| known[hash].ids.len()).sum();
        // The last token of all may be only a target.
        prop_assert!([tokens, tokens - 1].contains(&read.values().sum::<usize>()));
        prop_assert_eq!(validation.tokens(), tokens as u64);
        let scored = if cross_documents { tokens - 1 } else { tokens - validation.documents() };
        prop_assert_eq!(batch.counted_targets(), scored as f64);

        let mut bytes: u64 = read.keys().map(|hash| u64::from(known[hash].text_bytes)).sum();
        if validation.documents() > read.len() {
            // A last document of one token is only a target and has no span.
            bytes = validation.text_bytes();
        }
        prop_assert_eq!(validation.text_bytes(), bytes);

        if let Some(max) = max.filter(|_| validation.documents() > 1) {
            prop_assert!(len <= max);
        }
        if max.is_none() {
            prop_assert_eq!(validation.documents(), known.len());
        }
    }
}

#[test]
fn a_limited_set_is_filled_with_documents_of_every_source() {
    let (_dir, set) = two_sources();
    let whole = ValidationSet::new(set.clone(), 16, false, 0, None, &[]).unwrap();
    let half = ValidationSet::new(set, 16, false, 0, Some(whole.len() / 2), &[]).unwrap();
    // No document is longer than 90 tokens, so no more than that stays free.
    assert!(half.len() <= whole.len() / 2 && half.len() >= whole.len() / 2 - 6);
    let batch = half.batch(0..half.len()).unwrap();
    for source in ["law", "news"] {
        assert!(
            batch
                .spans
                .iter()
                .flatten()
                .any(|span| &*span.source == source)
        );
    }
}

#[test]
fn the_sample_does_not_depend_on_how_units_were_cut() {
    let documents: Vec<EncodedDocument> = (0..40)
        .map(|i| document(i, 5 + i as usize, Split::Validation))
        .collect();
    let chosen = |unit_sizes: usize| {
        let dir = tempfile::tempdir().unwrap();
        let names: Vec<String> = (0..40).map(|i| format!("{i:03}")).collect();
        let units = documents
            .chunks(unit_sizes)
            .zip(&names)
            .map(|(chunk, name)| (name.as_str(), "law", chunk.to_vec()))
            .collect();
        let validation =
            ValidationSet::new(build(dir.path(), units), 16, false, 0, Some(12), &[]).unwrap();
        let batch = validation.batch(0..validation.len()).unwrap();
        (batch.ids, batch.loss_weights)
    };
    assert_eq!(chosen(40), chosen(7));
}

#[test]
fn the_filter_keeps_only_the_sources_named() {
    let (_dir, set) = two_sources();
    let validation =
        ValidationSet::new(set.clone(), 16, false, 0, None, &["news".to_owned()]).unwrap();
    let batch = validation.batch(0..validation.len()).unwrap();
    assert!(
        batch
            .spans
            .iter()
            .flatten()
            .all(|span| &*span.source == "news")
    );
    let expected = set
        .sources(Split::Validation)
        .into_iter()
        .find(|stats| stats.name == "news")
        .unwrap();
    assert_eq!(
        (validation.tokens(), validation.text_bytes()),
        (expected.tokens, expected.text_bytes)
    );

    let unknown = ValidationSet::new(set, 16, false, 0, None, &["poems".to_owned()]).unwrap_err();
    assert!(matches!(unknown, LoaderError::UnknownSource { name, .. } if name == "poems"));
}

#[test]
fn nothing_held_back_is_an_error_and_so_is_a_row_beyond_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let set = build(
        dir.path(),
        vec![("a", "law", vec![document(1, 50, Split::Train)])],
    );
    let error = ValidationSet::new(set, 16, false, 0, None, &[]).unwrap_err();
    assert!(matches!(
        error,
        LoaderError::NothingToPredict {
            split: Split::Validation,
            tokens: 0,
            ..
        }
    ));
    assert!(error.hint().is_some());

    // One token each: predicted only from the document before.
    let dir = tempfile::tempdir().unwrap();
    let documents = (0..4)
        .map(|number| document(number, 1, Split::Validation))
        .collect();
    let set = Arc::new(build(dir.path(), vec![("a", "law", documents)]));
    let error = ValidationSet::new(set.clone(), 16, false, 0, None, &[]).unwrap_err();
    assert!(matches!(
        error,
        LoaderError::NothingToPredict {
            documents: 4,
            tokens: 4,
            ..
        }
    ));
    assert_eq!(
        ValidationSet::new(set.clone(), 16, true, 0, None, &[])
            .unwrap()
            .len(),
        1
    );
    let error = ValidationSet::new(set, 16, true, 0, Some(0), &[]).unwrap_err();
    insta::assert_snapshot!(error, @"`max_sequences = 0`: expected 1 or more, or none for all");

    let (_dir, set) = two_sources();
    let validation = ValidationSet::new(set, 16, false, 0, None, &[]).unwrap();
    let len = validation.len();
    assert!(matches!(
        validation.batch(0..len + 1),
        Err(LoaderError::OutOfRange { .. })
    ));
}
