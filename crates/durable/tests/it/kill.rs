//! A write that is killed before any one of its durable calls leaves the old file or the new one, whole.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use jikji_durable::{sweep_stale, write_file, write_file_beside};

use crate::support::{child, child_dir, durable_calls, entries};

/// Kills `test`, which as a child writes `new` over `file`, before each of its calls in turn; `clear` removes what it leaves.
fn kill_everywhere(test: &str, clear: fn(&Path)) {
    let (old, new) = contents();
    let prepare = || {
        let dir = tempfile::tempdir().unwrap();
        write_file(&dir.path().join("file"), &old).unwrap();
        dir
    };
    let calls = durable_calls(test, prepare().path(), None);
    // Created, written in chunks, flushed, renamed, folder flushed.
    assert!(calls.len() >= 7, "only {calls:?}");
    let (mut found_old, mut found_new) = (0, 0);
    for (number, call) in calls.iter().enumerate() {
        let dir = prepare();
        let killed = child(test, dir.path())
            .env("JIKJI_FAULT", format!("kill@{}", number + 1))
            .output()
            .unwrap();
        assert_eq!(killed.status.signal(), Some(9), "not killed before {call}");
        let found = std::fs::read(dir.path().join("file")).unwrap();
        assert!(
            found == old || found == new,
            "torn after a kill before {call}"
        );
        found_old += usize::from(found == old);
        found_new += usize::from(found == new);
        clear(dir.path());
        assert_eq!(entries(dir.path()), ["file"], "after a kill before {call}");
    }
    assert!(
        found_old > 0 && found_new > 0,
        "{found_old} old, {found_new} new"
    );
}

fn contents() -> (Vec<u8>, Vec<u8>) {
    (vec![1; 600_000], vec![2; 700_000])
}

#[test]
fn kill_at_every_call_of_a_file() {
    if let Some(dir) = child_dir() {
        return write_file(&dir.join("file"), &contents().1).unwrap();
    }
    kill_everywhere("kill::kill_at_every_call_of_a_file", |dir| {
        sweep_stale(dir).unwrap();
    });
}

#[test]
fn kill_at_every_call_of_a_file_with_a_fixed_name_aside() {
    if let Some(dir) = child_dir() {
        return write_file_beside(&dir.join("file"), ".part", &contents().1).unwrap();
    }
    let test = "kill::kill_at_every_call_of_a_file_with_a_fixed_name_aside";
    kill_everywhere(test, |dir| {
        write_file_beside(&dir.join("file"), ".part", b"the next write").unwrap();
    });
}
