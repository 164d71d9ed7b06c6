//! Torn files and flipped bits: always seen, always named, and the older checkpoint is used.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use jikji_checkpoint::{CheckpointError, Loaded, discover, retain, verify, write};

use crate::support::{Random, entries, report, snapshot};

fn two_checkpoints(elements: usize) -> (tempfile::TempDir, PathBuf, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let old = write(dir.path(), &snapshot(10, 1, elements)).unwrap();
    let new = write(dir.path(), &snapshot(20, 1, elements)).unwrap();
    (dir, old, new)
}

/// Applies a damage to the newer checkpoint, checks that it is seen and named, and restores every file.
fn check(dir: &Path, new: &Path, what: &str, named: &[&str], damage: impl FnOnce()) {
    let before: Vec<(String, Vec<u8>)> = entries(new)
        .into_iter()
        .map(|name| (name.clone(), fs::read(new.join(name)).unwrap()))
        .collect();
    damage();
    let error = verify(new).expect_err(what);
    for name in named {
        assert!(
            error.to_string().contains(name),
            "{what}: `{error}` does not name `{name}`"
        );
    }
    assert!(error.hint().is_some(), "{what}: no way out of {error}");
    assert!(Loaded::open(new).is_err(), "{what}");
    let discovery = discover(dir);
    assert_eq!(discovery.newest.expect(what).step(), 10, "{what}");
    assert_eq!(discovery.passed_over.len(), 1, "{what}");
    assert_eq!(discovery.passed_over[0].0, new, "{what}");
    for (name, bytes) in before {
        fs::write(new.join(name), bytes).unwrap();
    }
    verify(new).unwrap();
}

#[test]
fn torn_files_are_detected_and_named() {
    let start = Instant::now();
    let (dir, old, new) = two_checkpoints(3_000);
    let files = entries(&new);
    assert_eq!(
        files,
        [
            "config.json",
            "manifest.json",
            "model.safetensors",
            "optimizer.safetensors",
            "run.json"
        ]
    );
    let mut cases = 0;
    let mut case = |what: &str, named: &[&str], damage: &dyn Fn()| {
        check(dir.path(), &new, what, named, damage);
        cases += 1;
    };
    for file in &files {
        let path = new.join(file);
        let size = fs::metadata(&path).unwrap().len();
        let borders = [0, 1, size / 2, size - 1, 4095, 4096, 4097];
        for length in borders.into_iter().filter(|&length| length < size) {
            let truncate = || {
                OpenOptions::new()
                    .write(true)
                    .open(&path)
                    .unwrap()
                    .set_len(length)
                    .unwrap();
            };
            case(&format!("{file} truncated to {length}"), &[file], &truncate);
        }
        let append =
            || fs::write(&path, [fs::read(&path).unwrap(), b" ".to_vec()].concat()).unwrap();
        case(&format!("{file} with a byte more"), &[file], &append);
        case(&format!("{file} zeroed"), &[file], &|| {
            fs::write(&path, vec![0; size as usize]).unwrap();
        });
        case(&format!("{file} deleted"), &[file], &|| {
            fs::remove_file(&path).unwrap();
        });
        for other in files.iter().filter(|other| *other > file) {
            let swap = || {
                let (one, two) = (fs::read(&path).unwrap(), fs::read(new.join(other)).unwrap());
                fs::write(&path, two).unwrap();
                fs::write(new.join(other), one).unwrap();
            };
            // A manifest that is another file says nothing about the rest.
            let both = [file.as_str(), other.as_str()];
            let with_manifest = both.contains(&"manifest.json");
            let named = if with_manifest {
                &["manifest.json"][..]
            } else {
                &both[..]
            };
            case(&format!("{file} and {other} swapped"), named, &swap);
        }
        let from_old = || {
            fs::copy(old.join(file), &path).unwrap();
        };
        // The old manifest is whole; it is the other files that differ from it.
        let named = if file == "manifest.json" {
            "model.safetensors"
        } else {
            file
        };
        case(&format!("{file} of another step"), &[named], &from_old);
    }
    report("torn_files", cases, start);
}

#[test]
fn all_bad_files_are_listed_with_expected_and_found() {
    let (_dir, _, new) = two_checkpoints(100);
    fs::remove_file(new.join("run.json")).unwrap();
    fs::write(new.join("config.json"), b"{}").unwrap();
    let Err(CheckpointError::Damaged { bad, .. }) = verify(&new) else {
        panic!("not seen")
    };
    let text: Vec<String> = bad.iter().map(ToString::to_string).collect();
    assert_eq!(
        text,
        [
            "`config.json` has 2 bytes, expected 23",
            "`run.json` is missing"
        ]
    );
}

#[test]
fn a_copied_folder_is_refused_by_its_step() {
    let (dir, old, _) = two_checkpoints(100);
    let copy = dir.path().join("step-00000030");
    fs::create_dir(&copy).unwrap();
    for name in entries(&old) {
        fs::copy(old.join(&name), copy.join(&name)).unwrap();
    }
    let discovery = discover(dir.path());
    assert_eq!(discovery.newest.unwrap().step(), 20);
    let text = discovery.passed_over[0].1.to_string();
    assert!(
        text.ends_with("holds step 10, expected step 30 by its name"),
        "{text}"
    );
}

#[test]
fn hints_and_strangers_are_ignored() {
    let (dir, ..) = two_checkpoints(100);
    fs::write(dir.path().join("latest"), b"step-00000010").unwrap();
    for name in [
        "step-00000040.tmp.1.0",
        "step-",
        "step-x",
        "step-50",
        "step-00000060x",
        "60",
    ] {
        fs::create_dir(dir.path().join(name)).unwrap();
    }
    let discovery = discover(dir.path());
    assert_eq!(discovery.newest.unwrap().step(), 20);
    assert!(
        discovery.passed_over.is_empty(),
        "{:?}",
        discovery.passed_over
    );
    assert!(discover(&dir.path().join("missing")).newest.is_none());
}

#[test]
fn the_newest_that_verifies_is_never_removed() {
    let dir = tempfile::tempdir().unwrap();
    for step in [10, 20, 30, 40, 50] {
        write(dir.path(), &snapshot(step, 1, 100)).unwrap();
    }
    for step in [40, 50] {
        let model = dir
            .path()
            .join(format!("step-000000{step}/model.safetensors"));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(model)
            .unwrap();
        let mut last = [0];
        file.read_exact_at(&mut last, 100).unwrap();
        file.write_all_at(&[last[0] ^ 1], 100).unwrap();
    }
    // Of the right size, the altered ones still count towards `keep`, but the one that verifies stays.
    assert_eq!(retain(dir.path(), 1).unwrap().len(), 3);
    assert_eq!(entries(dir.path()), ["step-00000030", "step-00000050"]);
    fs::remove_dir_all(dir.path().join("step-00000030")).unwrap();
    assert_eq!(retain(dir.path(), 0).unwrap(), Vec::<PathBuf>::new());
    assert_eq!(entries(dir.path()), ["step-00000050"]);
}

#[test]
fn flipped_bits_are_detected() {
    const FLIPS: usize = 10_000;
    let start = Instant::now();
    let (_dir, _, new) = two_checkpoints(300);
    let files: Vec<_> = entries(&new)
        .into_iter()
        .map(|name| {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .open(new.join(&name))
                .unwrap();
            let size = file.metadata().unwrap().len() as usize;
            (name, file, size)
        })
        .collect();
    let total: usize = files.iter().map(|(_, _, size)| size).sum();
    let mut random = Random(5);
    for _ in 0..FLIPS {
        let mut at = random.below(total);
        let mut chosen = files.iter();
        let (name, file, _) = chosen
            .find(|(_, _, size)| {
                let here = at < *size;
                if !here {
                    at -= size;
                }
                here
            })
            .unwrap();
        let bit = 1_u8 << random.below(8);
        let mut byte = [0];
        file.read_exact_at(&mut byte, at as u64).unwrap();
        file.write_all_at(&[byte[0] ^ bit], at as u64).unwrap();
        let error = verify(&new).expect_err("a flipped bit").to_string();
        assert!(
            error.contains(name.as_str()),
            "byte {at} of {name}: {error}"
        );
        // Told not to verify, it may believe wrong numbers, but it must not break down.
        if let Ok(loaded) = Loaded::open_unverified(&new) {
            for (name, kind) in loaded.names() {
                let mut data = vec![0.0; loaded.shape(name, kind).unwrap().iter().product()];
                let _ = loaded.read(name, kind, &mut data);
            }
        }
        file.write_all_at(&byte, at as u64).unwrap();
    }
    verify(&new).unwrap();
    report("flipped_bits", FLIPS, start);
}
