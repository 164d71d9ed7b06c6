//! The saver's thread, and two of them in one folder.

use std::time::{Duration, Instant};

use jikji_checkpoint::{Loaded, Saver, discover};

use crate::support::{entries, holds, report, snapshot};

#[test]
fn saves_in_turn_and_keeps_the_newest() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoints = dir.path().join("run/checkpoints");
    let mut saver = Saver::new(&checkpoints, 2);
    assert!(saver.poll().is_empty());
    let mut told = Vec::new();
    for step in [10, 20, 30] {
        told.extend(saver.submit(snapshot(step, 1, 1000)));
    }
    let deadline = Instant::now() + Duration::from_mins(1);
    while told.len() < 3 && Instant::now() < deadline {
        told.extend(saver.poll());
        std::thread::yield_now();
    }
    let steps: Vec<u64> = told.iter().map(|outcome| outcome.step).collect();
    assert_eq!(steps, [10, 20, 30]);
    for outcome in &told {
        assert!(outcome.result.is_ok() && outcome.not_retained.is_none());
        assert!(outcome.bytes > 12_000, "{} bytes", outcome.bytes);
    }
    assert!(saver.finish().is_empty());
    assert_eq!(entries(&checkpoints), ["step-00000020", "step-00000030"]);
}

#[test]
fn a_folder_that_cannot_be_is_an_outcome() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), b"").unwrap();
    let mut saver = Saver::new(dir.path().join("file/checkpoints"), 2);
    saver.submit(snapshot(10, 1, 10));
    let outcome = saver.finish().pop().unwrap();
    let error = outcome.result.unwrap_err().to_string();
    assert!(error.contains("file"), "{error}");
}

#[test]
fn two_savers_leave_whole_checkpoints() {
    const STEPS: u64 = 15;
    let start = Instant::now();
    let dir = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut saver = Saver::new(dir.path(), 2);
                for step in 1..=STEPS {
                    saver.submit(snapshot(step, 1, 500));
                }
            });
        }
    });
    let discovery = discover(dir.path());
    assert!(
        discovery.passed_over.is_empty(),
        "{:?}",
        discovery.passed_over
    );
    let newest = Loaded::open_verified(discovery.newest.unwrap()).unwrap();
    assert!(holds(&newest, &snapshot(STEPS, 1, 500)));
    assert!(
        entries(dir.path())
            .iter()
            .all(|name| !name.contains(".tmp.")),
        "{:?}",
        entries(dir.path())
    );
    report("two_savers", 2 * STEPS as usize, start);
}
