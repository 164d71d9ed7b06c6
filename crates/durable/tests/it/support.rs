//! A child process that is this very test, and what its calls were.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const CHILD: &str = "JIKJI_DURABLE_CHILD";

/// The folder to work in, if this process is a child.
pub(crate) fn child_dir() -> Option<PathBuf> {
    std::env::var_os(CHILD).map(PathBuf::from)
}

/// This test again, as a child that works in `dir`, under the faults that `JIKJI_FAULT` then names and no others.
pub(crate) fn child(test: &str, dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env_remove("JIKJI_FAULT_UNDER")
        .env(CHILD, dir);
    command
}

/// The durable calls of a child, as `operation<TAB>path` in order; `under` is the value of `JIKJI_FAULT_UNDER`.
pub(crate) fn durable_calls(test: &str, dir: &Path, under: Option<&str>) -> Vec<String> {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("calls");
    let mut command = child(test, dir);
    if let Some(under) = under {
        command.env("JIKJI_FAULT_UNDER", under);
    }
    let output = command
        .env("JIKJI_FAULT", "count")
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
