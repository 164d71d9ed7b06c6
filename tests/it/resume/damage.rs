//! Checkpoints that were torn or altered are named and passed over.

use std::fs;
use std::path::Path;

use crate::lab::Lab;
use crate::run_folder::copy_folder;

fn cut(file: &Path, bytes: u64) {
    let file = fs::OpenOptions::new().write(true).open(file).unwrap();
    file.set_len(bytes).unwrap();
}

fn flip_bit(file: &Path, at: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[at] ^= 1;
    fs::write(file, bytes).unwrap();
}

/// A lab with checkpoints of the steps 5 and 10, and a copy of them in `whole`.
fn two_checkpoints() -> Lab {
    let lab = Lab::new();
    lab.jikji("train small.toml --set train.steps=10")
        .succeeds();
    copy_folder(&lab.path("runs/small"), &lab.path("whole"));
    lab
}

#[test]
fn a_damaged_checkpoint_is_named_and_the_older_one_used() {
    type Damage = fn(&Path, &Path);
    let cases: [(&str, Damage); 8] = [
        ("model.safetensors", |new, _| {
            cut(&new.join("model.safetensors"), 4096);
        }),
        ("optimizer.safetensors", |new, _| {
            flip_bit(&new.join("optimizer.safetensors"), 100_000);
        }),
        ("model.safetensors", |new, _| {
            flip_bit(&new.join("model.safetensors"), 9);
        }),
        ("run.json", |new, _| {
            fs::remove_file(new.join("run.json")).unwrap();
        }),
        ("recipe.resolved.toml", |new, _| {
            cut(&new.join("recipe.resolved.toml"), 0);
        }),
        ("manifest.json", |new, _| cut(&new.join("manifest.json"), 0)),
        ("manifest.json", |new, _| {
            flip_bit(&new.join("manifest.json"), 50);
        }),
        ("optimizer.safetensors", |new, old| {
            let name = "optimizer.safetensors";
            fs::copy(old.join(name), new.join(name)).unwrap();
        }),
    ];
    let lab = two_checkpoints();
    let run = lab.run();
    for (file, damage) in cases {
        fs::remove_dir_all(lab.path("runs/small")).unwrap();
        copy_folder(&lab.path("whole"), &lab.path("runs/small"));
        damage(&run.checkpoint(10), &run.checkpoint(5));
        let ended = lab
            .jikji("train small.toml --resume --set train.steps=6")
            .succeeds();
        assert!(
            ended.says(&["warning: passed over", "step-00000010", file]),
            "{}",
            ended.stderr
        );
        assert!(ended.says(&["resuming from step 5"]), "{}", ended.stderr);
        assert!(run.checkpoint(6).is_dir(), "{file}");
    }
}

#[test]
fn if_no_checkpoint_verifies_the_run_needs_a_word() {
    let lab = two_checkpoints();
    let run = lab.run();
    for step in [5, 10] {
        cut(&run.checkpoint(step).join("model.safetensors"), 1);
    }
    let ended = lab.jikji("train small.toml").fails(5);
    insta::assert_snapshot!(ended.error(), @r"
    error: no checkpoint in `runs/small/checkpoints` verifies
    hint: `--resume` starts at step 0 in this folder, `--fresh` moves the run aside first
    ");
    let ended = lab
        .jikji("train small.toml --resume --set train.steps=3")
        .succeeds();
    assert!(
        ended.says(&["has no checkpoint to resume from: starting at step 0"]),
        "{}",
        ended.stderr
    );
    assert_eq!(run.newest_step(), Some(3));
}

#[test]
fn resume_without_a_checkpoint_starts_at_step_0_and_says_so() {
    let lab = Lab::new();
    let ended = lab
        .jikji("train small.toml --resume --set train.steps=3")
        .succeeds();
    assert!(
        ended.says(&["`runs/small` has no checkpoint to resume from: starting at step 0"]),
        "{}",
        ended.stderr
    );
}
