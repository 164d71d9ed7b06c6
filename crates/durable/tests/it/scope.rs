//! `JIKJI_FAULT_UNDER` aims the hook at one folder.

use std::os::unix::process::ExitStatusExt;

use jikji_durable::{create_dir_all, write_file};

use crate::support::{child, child_dir, durable_calls};

const TEST: &str = "scope::only_calls_below_the_named_folder_count";

#[test]
fn only_calls_below_the_named_folder_count() {
    if let Some(dir) = child_dir() {
        create_dir_all(&dir.join("checkpoints/step")).unwrap();
        write_file(&dir.join("corpus.json"), b"1").unwrap();
        return write_file(&dir.join("checkpoints/step/f"), b"2").unwrap();
    }
    let scratch = || tempfile::tempdir().unwrap();
    let all = durable_calls(TEST, scratch().path(), None);
    let below = durable_calls(TEST, scratch().path(), Some("checkpoints"));
    assert!(all.iter().any(|call| call.contains("corpus.json")));
    assert!(below.iter().all(|call| call.contains("/checkpoints")));
    let counted = all.iter().filter(|call| call.contains("/checkpoints"));
    assert_eq!(below.len(), counted.count());

    // The last call of those below is the flush of the step's folder, by when everything else is in place.
    let dir = scratch();
    let killed = child(TEST, dir.path())
        .env("JIKJI_FAULT", format!("kill@{}", below.len()))
        .env("JIKJI_FAULT_UNDER", "checkpoints")
        .output()
        .unwrap();
    assert_eq!(killed.status.signal(), Some(9));
    assert!(dir.path().join("corpus.json").exists());
    assert!(dir.path().join("checkpoints/step/f").exists());
    // One further would never be reached.
    let dir = scratch();
    let passed = child(TEST, dir.path())
        .env("JIKJI_FAULT", format!("kill@{}", below.len() + 1))
        .env("JIKJI_FAULT_UNDER", "checkpoints")
        .output()
        .unwrap();
    assert!(passed.status.success());
}
