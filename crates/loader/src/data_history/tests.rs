use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use tempfile::TempDir;

use crate::testing::{build, document};
use crate::{
    DataHistory, EncodedDocument, Loader, OrderSettings, RunData, ShardSet, Split, StagedLoader,
    StagedSource, WeightStage,
};

const BATCH: usize = 4;

fn order() -> OrderSettings {
    OrderSettings {
        seed: 3,
        seq_len: 16,
        global_batch_size: BATCH,
        cross_documents: false,
        weights: BTreeMap::new(),
        weight_stages: Vec::new(),
    }
}

fn documents(numbers: Range<u64>) -> Vec<EncodedDocument> {
    let document = |number| document(number, 40, Split::Train);
    numbers.map(document).collect()
}

fn set(law: Range<u64>, news: Range<u64>) -> (TempDir, ShardSet) {
    let dir = TempDir::new().unwrap();
    let units = vec![
        ("00000", "law", documents(law)),
        ("00001", "news", documents(news)),
    ];
    let set = build(dir.path(), units);
    (dir, set)
}

/// The run's data over the given sets, one a stage.
fn data(history: &DataHistory, sets: &[&ShardSet]) -> RunData {
    let staged = history.stages().iter().zip(sets).map(|(stage, set)| {
        let shards = ShardSet::open(set.dir()).unwrap();
        StagedLoader {
            from_step: stage.from_step,
            global_batch_size: BATCH,
            loader: Loader::new(shards, stage.loader_config(0)).unwrap().into(),
        }
    });
    RunData::staged(staged.collect())
}

fn source(history: &DataHistory, name: &str) -> StagedSource {
    history.stages().last().unwrap().sources[name].clone()
}

#[test]
fn the_same_data_begins_no_stage() {
    let (_dir, set) = set(0..40, 100..140);
    let mut history = DataHistory::new(&set, order());
    let before = history.clone();
    assert_eq!(history.resume(7, &set, order()).unwrap(), None);
    assert_eq!(history, before);
    assert_eq!(DataHistory::from_json(&history.to_json()).unwrap(), before);
}

#[test]
fn done_steps_keep_their_data_and_a_grown_source_is_read_from_its_start() {
    let (_a, old) = set(0..40, 100..140);
    let (_b, grown) = set(0..60, 100..140);
    let mut history = DataHistory::new(&old, order());
    let only_old = data(&history, &[&old]);
    let change = history.resume(9, &grown, order()).unwrap().unwrap();
    assert_eq!(change.from_step, 9);
    assert_eq!(change.changed, [("law".to_owned(), 40, 60)]);
    assert_eq!(change.may_recur, ["law"]);
    let both = data(&history, &[&old, &grown]);
    for step in 0..9 {
        assert_eq!(
            both.batch(step, 0, 1).unwrap(),
            only_old.batch(step, 0, 1).unwrap()
        );
    }

    // News goes on where it was.
    let read = |data: &RunData, steps: u64, name: &str| {
        let position = data.position(steps).into_iter();
        position
            .filter(|p| p.source == name)
            .map(|p| p.sequences)
            .sum::<u64>()
    };
    assert_eq!(
        source(&history, "news").first_sequence,
        read(&only_old, 9, "news")
    );
    // Law begins a pass, and one pass reads each of its documents once more.
    let law = source(&history, "law").first_sequence;
    let a_pass = 60_u64 * 40 / 16;
    assert_eq!(law % a_pass, 0);
    assert!(law > 0, "a pass of the old text is no pass of the new one");
    let mut seen = BTreeSet::new();
    let mut step = 9;
    while read(&both, step, "law") < law + a_pass || step == 9 {
        for spans in both.batch(step, 0, 1).unwrap().spans {
            let law = spans.iter().filter(|span| &*span.source == "law");
            seen.extend(law.map(|span| span.hash));
        }
        step += 1;
    }
    assert_eq!(seen.len(), 60, "all documents of a pass");
}

#[test]
fn a_stage_of_which_no_step_was_made_never_happened() {
    let (_a, old) = set(0..40, 100..140);
    let (_b, grown) = set(0..60, 100..140);
    let (_c, larger) = set(0..60, 100..180);
    let first = DataHistory::new(&old, order());
    let mut history = first.clone();
    history.resume(9, &grown, order()).unwrap().unwrap();
    let mut back = history.clone();
    assert_eq!(back.resume(9, &old, order()).unwrap(), None);
    assert_eq!(back, first);
    let change = history.resume(9, &larger, order()).unwrap().unwrap();
    assert_eq!(history.stages().len(), 2);
    assert_eq!(change.changed.len(), 2);
    // From an older checkpoint the later stage stays, as long as its data does.
    let later = history.clone();
    assert_eq!(history.resume(5, &larger, order()).unwrap(), None);
    assert_eq!(history, later);
    assert!(history.agrees_until(&first, 9) && !history.agrees_until(&first, 10));
}

#[test]
fn another_order_begins_a_stage_too_and_weights_go_on_by_step() {
    let (_a, set) = set(0..40, 100..140);
    let weights = |law: f64| BTreeMap::from([("law".to_owned(), law), ("news".to_owned(), 1.0)]);
    let mut weighted = OrderSettings {
        weights: weights(1.0),
        weight_stages: [(4, 3.0), (20, 9.0)]
            .map(|(from_step, law)| WeightStage {
                from_step,
                weights: weights(law),
            })
            .into(),
        ..order()
    };
    let mut history = DataHistory::new(&set, weighted.clone());
    weighted.weights = weights(2.0);
    let change = history.resume(10, &set, weighted.clone()).unwrap().unwrap();
    assert!(
        change.changed.is_empty() && change.may_recur.is_empty(),
        "{change:?}"
    );
    let config = history.stages()[1].loader_config(0);
    assert_eq!(config.weights[0], ("law".to_owned(), 3.0));
    assert_eq!(config.stages.len(), 1);
    assert_eq!(config.stages[0].from_sequence, 10 * BATCH as u64);

    weighted.seq_len = 8;
    let change = history.resume(12, &set, weighted).unwrap().unwrap();
    assert_eq!(change.may_recur, ["law", "news"]);
    assert!(
        Arc::new(Loader::new(set, history.stages()[2].loader_config(0)).unwrap()).seq_len() == 8
    );
}

#[test]
fn a_run_that_recorded_nothing_goes_on_and_says_that_rows_may_recur() {
    let (_a, old) = set(0..40, 100..140);
    let (_b, grown) = set(0..60, 100..140);
    let mut history = DataHistory::of_content(old.content_hash(), order());
    assert_eq!(history.resume(9, &old, order()).unwrap(), None);
    let change = history.resume(9, &grown, order()).unwrap().unwrap();
    assert_eq!(change.may_recur, ["law", "news"]);
    assert!(source(&history, "news").first_sequence > 0);
}

#[test]
fn what_is_no_history_is_refused() {
    let (_a, set) = set(0..40, 100..140);
    let json = String::from_utf8(DataHistory::new(&set, order()).to_json()).unwrap();
    for (from, to, expect) in [
        (
            "\"format_version\": 1",
            "\"format_version\": 2",
            "expected 1, got 2",
        ),
        ("\"from_step\": 0", "\"from_step\": 3", "begin with 0"),
        ("\"seed\"", "\"sead\"", "unknown field `sead`"),
    ] {
        assert!(json.contains(from), "{json}");
        let error = DataHistory::from_json(json.replacen(from, to, 1).as_bytes()).unwrap_err();
        assert!(error.contains(expect), "{error}");
    }
}
