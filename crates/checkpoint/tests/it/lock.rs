//! The run lock between processes.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::time::Instant;

use jikji_checkpoint::{LockError, RunLock, StaleReason};

use crate::support::{child, child_dir, report};

#[test]
fn a_live_process_is_named_and_a_killed_one_is_replaced() {
    if let Some(dir) = child_dir() {
        let (_lock, stale) = RunLock::acquire(&dir).unwrap();
        assert!(stale.is_none());
        writeln!(std::io::stdout(), "\nlocked").unwrap();
        // Until the parent kills us or closes the pipe.
        let _ = std::io::stdin().read_line(&mut String::new());
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let test = "lock::a_live_process_is_named_and_a_killed_one_is_replaced";
    let mut holder = child(test, dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(holder.stdout.take().unwrap())
        .lines()
        .any(|line| line.unwrap() == "locked");
    assert!(said);

    let Err(LockError::Held { holder: named, .. }) = RunLock::acquire(dir.path()) else {
        panic!("not refused");
    };
    assert_eq!(named.pid, holder.id());

    holder.kill().unwrap();
    holder.wait().unwrap();
    let (lock, stale) = RunLock::acquire(dir.path()).unwrap();
    let stale = stale.unwrap();
    assert_eq!(
        (stale.holder.as_ref().unwrap().pid, stale.reason),
        (holder.id(), StaleReason::ProcessGone)
    );
    assert!(
        stale
            .to_string()
            .contains(&format!("process {}", holder.id())),
        "{stale}"
    );
    drop(lock);
    assert!(!dir.path().join("lock").exists());
}

#[test]
fn processes_that_race_never_hold_it_together() {
    const PROCESSES: usize = 4;
    if let Some(dir) = child_dir() {
        for _ in 0..100 {
            if let Ok((_lock, stale)) = RunLock::acquire(&dir) {
                assert!(stale.is_none(), "{stale:?}");
                // The witness is there only while somebody holds the lock.
                OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .open(dir.join("witness"))
                    .unwrap();
                OpenOptions::new()
                    .append(true)
                    .create(true)
                    .open(dir.join("taken"))
                    .unwrap()
                    .write_all(b".")
                    .unwrap();
                fs::remove_file(dir.join("witness")).unwrap();
            }
        }
        return;
    }
    let start = Instant::now();
    let dir = tempfile::tempdir().unwrap();
    let test = "lock::processes_that_race_never_hold_it_together";
    let children: Vec<_> = (0..PROCESSES)
        .map(|_| {
            child(test, dir.path())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for racer in children {
        let output = racer.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
    let taken = fs::read(dir.path().join("taken")).unwrap().len();
    assert!(taken > PROCESSES, "taken {taken} times");
    report("racing_locks", taken, start);
}
