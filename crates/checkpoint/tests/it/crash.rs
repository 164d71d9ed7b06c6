//! A save that is killed before any one of its durable calls leaves the old checkpoint or the new one, whole.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::Instant;

use jikji_checkpoint::{Loaded, Saver, Snapshot, discover, write};

use crate::support::{child, child_dir, durable_calls, entries, holds, report, snapshot};

/// Large enough for several chunks, so that half-written files occur.
const ELEMENTS: usize = 70_000;

fn save(dir: &Path, snapshot: &Snapshot) {
    let mut saver = Saver::new(dir, 1);
    saver.submit(snapshot.clone());
    let outcome = saver.finish().pop().unwrap();
    outcome.result.unwrap();
    assert!(outcome.not_retained.is_none());
}

/// Kills `test`, which as a child saves `new` over a folder that holds `old`, before each of its calls in turn; `fault` names
/// another fault to inject all the while, given the calls of a save without one.
fn kill_everywhere(
    test: &str,
    old: &Snapshot,
    new: &Snapshot,
    fault: Option<fn(&[String]) -> String>,
) {
    let start = Instant::now();
    let prepare = || {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), old).unwrap();
        dir
    };
    let mut calls = durable_calls(test, prepare().path(), "");
    let fault = fault
        .map(|choose| format!(",{}", choose(&calls)))
        .unwrap_or_default();
    if !fault.is_empty() {
        calls = durable_calls(test, prepare().path(), &fault);
    }
    assert!(calls.len() > 20, "only {calls:?}");
    let (mut found_old, mut found_new) = (0, 0);
    for (number, call) in calls.iter().enumerate() {
        let dir = prepare();
        let killed = child(test, dir.path())
            .env("JIKJI_FAULT", format!("kill@{}{fault}", number + 1))
            .output()
            .unwrap();
        assert_eq!(killed.status.signal(), Some(9), "not killed before {call}");

        let newest = discover(dir.path())
            .newest
            .unwrap_or_else(|| panic!("nothing is left after a kill before {call}"));
        let loaded = Loaded::open_verified(newest).unwrap();
        if holds(&loaded, old) {
            assert_eq!(
                found_new, 0,
                "the new checkpoint was lost again before {call}"
            );
            found_old += 1;
        } else {
            assert!(
                holds(&loaded, new),
                "neither old nor new after a kill before {call}"
            );
            found_new += 1;
        }
        // The next save needs no person and clears away what the killed one left.
        save(dir.path(), new);
        assert_eq!(
            entries(dir.path()),
            [format!("step-{:08}", new.step)],
            "after a kill before {call}"
        );
    }
    assert!(
        found_old > 0 && found_new > 0,
        "{found_old} old, {found_new} new"
    );
    report(test.rsplit("::").next().unwrap_or(test), calls.len(), start);
}

#[test]
fn kill_at_every_call_of_a_save() {
    let (old, new) = (snapshot(10, 1, ELEMENTS), snapshot(20, 1, ELEMENTS));
    match child_dir() {
        Some(dir) => save(&dir, &new),
        None => kill_everywhere("crash::kill_at_every_call_of_a_save", &old, &new, None),
    }
}

#[test]
fn kill_at_every_call_of_a_save_of_the_same_step() {
    let (old, new) = (snapshot(10, 1, ELEMENTS), snapshot(10, 2, ELEMENTS));
    match child_dir() {
        Some(dir) => save(&dir, &new),
        None => kill_everywhere(
            "crash::kill_at_every_call_of_a_save_of_the_same_step",
            &old,
            &new,
            None,
        ),
    }
}

/// A file system that cannot exchange two names takes the longer way, which must be as safe.
#[test]
fn kill_at_every_call_where_names_cannot_be_exchanged() {
    let (old, new) = (snapshot(10, 1, ELEMENTS), snapshot(10, 2, ELEMENTS));
    if let Some(dir) = child_dir() {
        return save(&dir, &new);
    }
    let fail_the_exchange: fn(&[String]) -> String = |calls| {
        let tried = calls
            .windows(2)
            .position(|pair| pair.iter().all(|call| call.starts_with("rename")));
        format!(
            "einval@{}",
            tried.expect("an exchange follows the refused rename") + 2
        )
    };
    let test = "crash::kill_at_every_call_where_names_cannot_be_exchanged";
    kill_everywhere(test, &old, &new, Some(fail_the_exchange));
}
