//! A disk that is full, broken or read-only costs a save and nothing else.

use std::path::Path;
use std::time::Instant;

use jikji_checkpoint::{Loaded, Saver, discover, write};

use crate::support::{child, child_dir, durable_calls, entries, holds, report, snapshot};

const TEST: &str = "disk_errors::a_failed_save_costs_only_itself";
const ELEMENTS: usize = 2_000;

/// The child: one save under a fault, and if the fault passes, the next one, which must work.
fn save_under_fault(dir: &Path) {
    let fault = std::env::var("JIKJI_FAULT").unwrap();
    let mut saver = Saver::new(dir, 1);
    saver.submit(snapshot(20, 1, ELEMENTS));
    let passes = !fault.ends_with('+') && fault != "count";
    let first = if passes {
        saver.submit(snapshot(30, 1, ELEMENTS)).pop()
    } else {
        None
    };
    let last = saver.finish().pop().unwrap();
    if passes {
        assert_eq!(last.result.unwrap().file_name().unwrap(), "step-00000030");
    }
    if let Some(outcome) = first
        && let Err(error) = &outcome.result
    {
        assert!(error.hint().is_some(), "no way out of {error}");
        assert_eq!(outcome.bytes, 0);
    }
}

#[test]
fn a_failed_save_costs_only_itself() {
    if let Some(dir) = child_dir() {
        return save_under_fault(&dir);
    }
    let start = Instant::now();
    let old = snapshot(10, 1, ELEMENTS);
    let prepare = || {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &old).unwrap();
        dir
    };
    let calls = durable_calls(TEST, prepare().path(), "");
    let mut faults = Vec::new();
    for number in 1..=calls.len() {
        let (call, forms): (_, &[&str]) = (&calls[number - 1], &["enospc@", "eio@"]);
        faults.extend(forms.iter().map(|kind| (format!("{kind}{number}"), call)));
        faults.push((format!("enospc@{number}+"), call));
        let kind = ["edquot", "erofs", "emfile"][number % 3];
        faults.push((
            format!("{kind}@{number}{}", if number % 2 == 0 { "+" } else { "" }),
            call,
        ));
    }
    let mut cost_a_save = 0;
    for (fault, call) in &faults {
        let dir = prepare();
        let output = child(TEST, dir.path())
            .env("JIKJI_FAULT", fault)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{fault} at {call}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        let discovery = discover(dir.path());
        assert!(
            discovery.passed_over.is_empty(),
            "{fault} at {call}: {:?}",
            discovery.passed_over
        );
        let loaded = Loaded::open_verified(discovery.newest.unwrap()).unwrap();
        let whole = [10, 20, 30]
            .iter()
            .any(|&step| holds(&loaded, &snapshot(step, 1, ELEMENTS)));
        assert!(
            whole,
            "{fault} at {call}: step {} is not what was saved",
            loaded.step()
        );
        if fault.ends_with('+') {
            cost_a_save += usize::from(loaded.step() == 10);
        } else {
            assert_eq!(loaded.step(), 30, "{fault} at {call}");
        }
        // Space errors never refuse a removal, so they leave no stray; after others, the next save has swept it.
        let space = fault.starts_with("enospc") || fault.starts_with("edquot");
        if space || !fault.ends_with('+') {
            let strays = entries(dir.path())
                .into_iter()
                .filter(|name| name.contains(".tmp."))
                .count();
            assert_eq!(strays, 0, "{fault} at {call}: {:?}", entries(dir.path()));
        }
    }
    assert!(
        cost_a_save > 20,
        "only {cost_a_save} faults hit the save itself"
    );
    report("failed_save_costs_only_itself", faults.len(), start);
}
