use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use crate::permutation::Permutation;
use crate::testing::{build, document, units};
use crate::{
    Batch, EncodedDocument, Loader, LoaderConfig, LoaderError, Prefetcher, RunData, Sequence,
    ShardSet, Split, Stage, rank_share,
};

const PAD: u32 = 4_999;

fn config(seq_len: usize) -> LoaderConfig {
    LoaderConfig {
        seed: 11,
        seq_len,
        cross_documents: false,
        weights: Vec::new(),
        stages: Vec::new(),
        pad_id: PAD,
        first_sequences: BTreeMap::new(),
    }
}

fn weights(weights: &[(&str, f64)]) -> Vec<(String, f64)> {
    weights
        .iter()
        .map(|&(name, weight)| (name.to_owned(), weight))
        .collect()
}

fn two_sources() -> (tempfile::TempDir, Arc<ShardSet>) {
    let dir = tempfile::tempdir().unwrap();
    let set = build(dir.path(), units());
    (dir, Arc::new(set))
}

/// Checks a sequence against its documents and returns the (document, place of the input) of each counted target.
fn counted(
    sequence: &Sequence,
    documents: &BTreeMap<[u8; 16], EncodedDocument>,
    cross_documents: bool,
) -> Vec<([u8; 16], usize)> {
    let mut counted = Vec::new();
    let mut covered = 0;
    for (number, span) in sequence.provenance.iter().enumerate() {
        assert_eq!(span.tokens.start, covered, "spans follow each other");
        covered = span.tokens.end;
        let document = &documents[&span.hash];
        for at in span.tokens.clone().map(|at| at as usize) {
            let place = span.first_in_document as usize + at - span.tokens.start as usize;
            assert_eq!(sequence.ids[at], document.ids[place]);
            let next = document.ids.get(place + 1);
            if let Some(&next) = next {
                assert_eq!(sequence.targets[at], next);
            }
            if cross_documents {
                assert_eq!(
                    (sequence.documents[at], sequence.positions[at]),
                    (0, at as u32)
                );
            } else {
                assert_eq!(sequence.documents[at], number as u32);
                assert_eq!(sequence.positions[at], at as u32 - span.tokens.start);
                assert_eq!(
                    sequence.loss_weights[at],
                    if next.is_some() { 1.0 } else { 0.0 }
                );
            }
            if sequence.loss_weights[at] != 0.0 {
                counted.push((span.hash, place));
            }
        }
    }
    let padding_document = sequence.documents[covered as usize - 1] + 1;
    for at in covered as usize..sequence.ids.len() {
        assert_eq!(
            (
                sequence.ids[at],
                sequence.targets[at],
                sequence.loss_weights[at]
            ),
            (PAD, PAD, 0.0)
        );
        assert_eq!(
            (sequence.documents[at], sequence.positions[at]),
            (padding_document, at as u32 - covered)
        );
    }
    counted
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn packing_loses_no_pair_and_counts_none_twice(
        lengths in proptest::collection::vec(1_usize..60, 1..40), units in 1_usize..4, seq_len in 1_usize..50, cross_documents: bool, seed: u64,
    ) {
        let documents: Vec<EncodedDocument> =
            lengths.iter().enumerate().map(|(number, &tokens)| document(number as u64, tokens, Split::Train)).collect();
        let tokens: usize = lengths.iter().sum();
        prop_assume!(tokens > seq_len);
        let dir = tempfile::tempdir().unwrap();
        let names = ["a", "b", "c"];
        let per_unit = documents.len().div_ceil(units);
        let set = build(dir.path(), documents.chunks(per_unit).zip(names).map(|(chunk, name)| (name, "law", chunk.to_vec())).collect());
        let by_hash: BTreeMap<_, _> = documents.iter().map(|document| (document.hash, document.clone())).collect();

        let loader = Loader::new(set, LoaderConfig { seed, cross_documents, ..config(seq_len) }).unwrap();
        let sequences = loader.sequences_per_epoch("law").unwrap();
        for epoch in 0..2 {
            let indices = epoch * sequences..(epoch + 1) * sequences;
            let mut pairs: Vec<_> = indices
                .flat_map(|index| {
                    let sequence = loader.sequence(index).unwrap();
                    assert!([&sequence.ids, &sequence.targets, &sequence.positions, &sequence.documents].iter().all(|column| column.len() == seq_len));
                    counted(&sequence, &by_hash, cross_documents)
                })
                .collect();
            pairs.sort_unstable();
            let mut expected: Vec<_> =
                documents.iter().flat_map(|document| (0..document.ids.len() - 1).map(|place| (document.hash, place))).collect();
            if cross_documents {
                // The last token of each document but the last predicts the first of the next.
                expected.extend(documents.iter().rev().skip(1).map(|document| (document.hash, document.ids.len() - 1)));
            }
            expected.sort_unstable();
            prop_assert_eq!(&pairs, &expected);
        }
    }
}

#[test]
fn targets_across_borders_are_the_next_documents_first_token() {
    let dir = tempfile::tempdir().unwrap();
    let documents = vec![document(1, 3, Split::Train), document(2, 3, Split::Train)];
    let tokens: Vec<u32> = documents
        .iter()
        .flat_map(|document| document.ids.clone())
        .collect();
    let set = Arc::new(build(dir.path(), vec![("a", "law", documents)]));
    let sequence = |cross_documents, seq_len| {
        let loader = Loader::new(
            set.clone(),
            LoaderConfig {
                cross_documents,
                ..config(seq_len)
            },
        )
        .unwrap();
        loader.sequence(0).unwrap()
    };
    let apart = sequence(false, 5);
    assert_eq!(
        (&apart.ids[..], &apart.targets[..]),
        (&tokens[..5], &tokens[1..])
    );
    assert_eq!(apart.loss_weights, [1.0, 1.0, 0.0, 1.0, 1.0]);
    assert_eq!(
        (apart.positions, apart.documents),
        (vec![0, 1, 2, 0, 1], vec![0, 0, 0, 1, 1])
    );
    let together = sequence(true, 5);
    assert_eq!((together.ids, together.targets), (apart.ids, apart.targets));
    assert_eq!(
        (together.loss_weights, together.positions),
        (vec![1.0; 5], vec![0, 1, 2, 3, 4])
    );
}

#[test]
fn the_global_order_is_the_same_at_any_number_of_ranks() {
    let (_dir, set) = two_sources();
    let loader = Loader::new(set, config(16)).unwrap();
    for global_batch_size in [1, 7, 12] {
        for step in [0, 5, 1_000] {
            let whole = loader
                .batch(rank_share(step, global_batch_size, 0, 1))
                .unwrap();
            for world in 1..=8 {
                let mut joined = Batch {
                    seq: 16,
                    ..Batch::default()
                };
                for rank in 0..world {
                    let share = loader
                        .batch(rank_share(step, global_batch_size, rank, world))
                        .unwrap();
                    joined.batch += share.batch;
                    joined.ids.extend(share.ids);
                    joined.targets.extend(share.targets);
                    joined.loss_weights.extend(share.loss_weights);
                    joined.positions.extend(share.positions);
                    joined.documents.extend(share.documents);
                    joined.spans.extend(share.spans);
                }
                assert_eq!(joined, whole);
            }
        }
    }
}

#[test]
fn any_index_is_reached_and_follows_from_the_formula() {
    let (_dir, set) = two_sources();
    let loader = Loader::new(
        set,
        LoaderConfig {
            weights: weights(&[("law", 3.0), ("news", 1.0)]),
            ..config(16)
        },
    )
    .unwrap();
    for index in [0, 999, 1_000_000_000, 1_000_000_001, 1 << 50, u64::MAX] {
        let sequence = loader.sequence(index).unwrap();
        let source = sequence.provenance[0].source.to_string();
        let here = loader
            .position(index)
            .into_iter()
            .find(|position| position.source == source)
            .unwrap();
        let sequences = loader.sequences_per_epoch(&source).unwrap();
        assert_eq!(here.epoch, here.sequences / sequences);
        let place = Permutation::of_epoch(11, &source, here.epoch, sequences)
            .at(here.sequences % sequences);
        let all = units();
        let documents = all
            .iter()
            .filter(|unit| unit.1 == source)
            .flat_map(|unit| &unit.2);
        let stream: Vec<u32> = documents
            .filter(|document| document.split == Split::Train)
            .flat_map(|document| document.ids.clone())
            .collect();
        let mut expected: Vec<u32> = stream
            .into_iter()
            .skip(place as usize * 16)
            .take(16)
            .collect();
        expected.resize(16, PAD);
        assert_eq!(sequence.ids, expected, "global index {index}");
    }
}

#[test]
fn weights_and_stages_decide_how_much_of_each_source_is_read() {
    let (_dir, set) = two_sources();
    let stages = vec![Stage {
        from_sequence: 2_500,
        weights: weights(&[("news", 1.0)]),
    }];
    let config = LoaderConfig {
        weights: weights(&[("law", 0.37), ("news", 0.63)]),
        stages,
        ..config(8)
    };
    let loader = Loader::new(set, config).unwrap();
    let law = |indices: std::ops::Range<u64>| {
        indices
            .filter(|&index| &*loader.sequence(index).unwrap().provenance[0].source == "law")
            .count()
    };
    for block in 0..2 {
        assert!((365..=375).contains(&law(block * 1000..(block + 1) * 1000)));
    }
    assert!(law(2_000..2_500) > 100);
    assert_eq!(law(2_500..4_000), 0);
    let position = loader.position(4_000);
    assert_eq!(
        position.iter().map(|source| source.sequences).sum::<u64>(),
        4_000
    );
}

#[test]
fn without_weights_sources_are_read_by_their_tokens() {
    let (_dir, set) = two_sources();
    let share = |set: &ShardSet| {
        let stats = set.sources(Split::Train);
        stats[0].tokens as f64 / (stats[0].tokens + stats[1].tokens) as f64
    };
    let expected = share(&set);
    let loader = Loader::new(set, config(8)).unwrap();
    let got = loader.position(1_000_000)[0].sequences as f64 / 1e6;
    assert!((got - expected).abs() < 1e-5, "{got} of {expected}");
}

#[test]
fn impossible_settings_are_refused_by_name() {
    let (_dir, set) = two_sources();
    let message = |change: &dyn Fn(&mut LoaderConfig)| {
        let mut changed = config(16);
        change(&mut changed);
        Loader::new(set.clone(), changed)
            .map(drop)
            .unwrap_err()
            .to_string()
    };
    insta::assert_snapshot!(message(&|c| c.seq_len = 1_332), @"source `news` has 1332 train tokens, one sequence of `seq_len = 1332` needs 1333");
    insta::assert_snapshot!(message(&|c| c.seq_len = 0), @"`seq_len = 0`: expected 1 to 2147483646");
    insta::assert_snapshot!(message(&|c| c.pad_id = 5_000), @"`pad_id = 5000`: expected less than the shards' `vocab_size = 5000`");
    insta::assert_snapshot!(message(&|c| c.weights = weights(&[("laws", 1.0)])), @r#"`weights` names source `laws`, the shards have ["law", "news"]"#);
    insta::assert_snapshot!(message(&|c| c.weights = weights(&[("law", f64::NAN)])), @"`weights.law = NaN`: expected a finite number, 0 or more");
    insta::assert_snapshot!(message(&|c| c.weights = weights(&[("law", 0.0)])), @r#"`weights = [("law", 0.0)]`: expected at least one weight above 0"#);
    let stage = |from_sequence| Stage {
        from_sequence,
        weights: Vec::new(),
    };
    insta::assert_snapshot!(message(&|c| c.stages = vec![stage(9), stage(9)]), @"`stages[1].from_sequence = 9`: expected more than 9, where the part before begins");
    // A source that is not read may be too short.
    Loader::new(
        set.clone(),
        LoaderConfig {
            weights: weights(&[("law", 1.0)]),
            ..config(1_500)
        },
    )
    .unwrap();
    let error = Loader::new(set.clone(), config(1_500)).unwrap_err();
    assert!(
        matches!(&error, LoaderError::SequenceTooLong { name, tokens: 1_332, .. } if name == "news")
    );
    insta::assert_snapshot!(error.hint().unwrap(), @"set `seq_len` to 1331 or less, add text to `news`, or leave the source out");
}

#[test]
fn a_source_of_one_token_documents_has_nothing_to_learn_from() {
    let dir = tempfile::tempdir().unwrap();
    let documents = (0..40)
        .map(|number| document(number, 1, Split::Train))
        .collect();
    let set = Arc::new(build(dir.path(), vec![("a", "law", documents)]));
    let error = Loader::new(set.clone(), config(8)).unwrap_err();
    assert!(matches!(
        error,
        LoaderError::NothingToPredict {
            tokens: 40,
            documents: 40,
            ..
        }
    ));
    Loader::new(
        set,
        LoaderConfig {
            cross_documents: true,
            ..config(8)
        },
    )
    .unwrap();
}

#[test]
fn micro_batches_are_rows_of_the_batch() {
    let (_dir, set) = two_sources();
    let loader = Loader::new(set, config(16)).unwrap();
    let batch = loader.batch(20..27).unwrap();
    assert_eq!((batch.batch, batch.seq, batch.ids.len()), (7, 16, 7 * 16));
    assert_eq!(batch.rows(2..5), loader.batch(22..25).unwrap());
    assert_eq!(batch.rows(5..99), loader.batch(25..27).unwrap());
    let micro = [batch.rows(0..3), batch.rows(3..7)];
    assert_eq!(
        micro.iter().map(Batch::counted_targets).sum::<f64>(),
        batch.counted_targets()
    );
    assert_eq!(
        batch.counted_targets(),
        batch
            .loss_weights
            .iter()
            .filter(|&&weight| weight == 1.0)
            .count() as f64
    );
}

#[test]
fn prefetched_batches_are_the_same() {
    let (_dir, set) = two_sources();
    let loader = Arc::new(Loader::new(set, config(16)).unwrap());
    let data = Arc::new(RunData::new(loader.clone(), 5));
    let prefetched = Prefetcher::batches(data, 3..9, 2, 1, 2).unwrap();
    for (expected_step, item) in (3..).zip(prefetched) {
        let (step, batch) = item.unwrap();
        assert_eq!(step, expected_step);
        assert_eq!(batch, loader.batch(rank_share(step, 5, 1, 2)).unwrap());
    }
}
