//! Snapshots to save, a child process that is this very test, and the line that each large test prints.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use jikji_checkpoint::{Loaded, RunState, Snapshot, StateKind, StateTensor};
use serde_json::json;

pub(crate) use crate::random::Random;

/// A snapshot whose every value depends on `step` and `seed`.
pub(crate) fn snapshot(step: u64, seed: u64, elements: usize) -> Snapshot {
    let mut random = Random(step ^ (seed << 32));
    let mut tensors = Vec::new();
    for (name, shape) in [
        ("model.embed_tokens.weight", vec![elements / 2, 2]),
        ("model.norm.weight", vec![7]),
    ] {
        for kind in [StateKind::Weight, StateKind::M, StateKind::V] {
            let data = (0..shape.iter().product())
                .map(|_| f32::from_bits(random.next() as u32))
                .collect();
            tensors.push(StateTensor {
                name: name.to_owned(),
                kind,
                shape: shape.clone(),
                data,
            });
        }
    }
    let identity = BTreeMap::from([
        ("train.seed".to_owned(), json!(seed)),
        ("lr".to_owned(), json!(0.1 + 0.2)),
    ]);
    let progress = BTreeMap::from([("tokens".to_owned(), json!(step * 1024))]);
    let run = RunState {
        format_version: 1,
        code_version: "test".into(),
        identity,
        progress,
    };
    let extra_files = vec![(
        "config.json".to_owned(),
        format!("{{\"step\": {step}, \"seed\": {seed}}}").into_bytes(),
    )];
    Snapshot {
        step,
        tensors,
        run,
        extra_files,
    }
}

/// Whether an opened checkpoint is this snapshot, bit for bit.
pub(crate) fn holds(loaded: &Loaded, snapshot: &Snapshot) -> bool {
    let tensors_match = snapshot.tensors.iter().all(|tensor| {
        let mut data = vec![0.0; tensor.data.len()];
        loaded
            .read_shaped(&tensor.name, &tensor.kind, &tensor.shape, &mut data)
            .unwrap();
        data.iter()
            .zip(&tensor.data)
            .all(|(a, b)| a.to_bits() == b.to_bits())
    });
    let files_match = snapshot
        .extra_files
        .iter()
        .all(|(name, bytes)| loaded.file(name).unwrap() == *bytes);
    tensors_match
        && files_match
        && loaded.names().count() == snapshot.tensors.len()
        && loaded.step() == snapshot.step
        && *loaded.run() == snapshot.run
}

const CHILD: &str = "JIKJI_CHECKPOINT_CHILD";

/// The folder to work in, if this process is a child.
pub(crate) fn child_dir() -> Option<PathBuf> {
    std::env::var_os(CHILD).map(PathBuf::from)
}

/// This test again, as a child that works in `dir`.
pub(crate) fn child(test: &str, dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, dir);
    command
}

/// The durable calls of a child, as `operation<TAB>path` in order, under other faults: empty, or a list that begins with a comma.
pub(crate) fn durable_calls(test: &str, dir: &Path, faults: &str) -> Vec<String> {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("calls");
    let output = child(test, dir)
        .env("JIKJI_FAULT", format!("count{faults}"))
        .env("JIKJI_FAULT_FILE", &file)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    let calls = fs::read_to_string(file).unwrap();
    calls
        .lines()
        .map(|line| line.split_once('\t').unwrap().1.to_owned())
        .collect()
}

/// Names in a folder, sorted.
pub(crate) fn entries(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Prints `name, cases, passed, seconds`, also when the test runner captures output.
pub(crate) fn report(name: &str, cases: usize, start: Instant) {
    let seconds = start.elapsed().as_secs_f64();
    let line = format!("{name}, {cases} cases, {cases} passed, {seconds:.1} s\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}
