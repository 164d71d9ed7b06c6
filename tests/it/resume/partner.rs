//! A checkpoint and the run that wants to go on from it must belong together.

use std::fs;
use std::time::{Duration, SystemTime};

use crate::lab::Lab;
use crate::run_folder::copy_folder;

const MORE: &str = "train small.toml --resume --set train.steps=6";

/// A lab with a run of 5 steps, and a copy of it in `whole`.
fn begun() -> Lab {
    let lab = Lab::new();
    lab.jikji("train small.toml --set train.steps=5").succeeds();
    copy_folder(&lab.path("runs/small"), &lab.path("whole"));
    lab
}

#[test]
fn each_setting_that_decides_the_numbers_is_refused_by_key() {
    let lab = begun();
    for (set, key) in [
        ("optimizer.learning_rate=1e-3", "optimizer.learning_rate"),
        (
            "optimizer.schedule.warmup_steps=3",
            "optimizer.schedule.warmup_steps",
        ),
        ("run.seed=1", "run.seed"),
        ("train.seq_len=32", "train.seq_len"),
        ("train.global_batch_size=8", "train.global_batch_size"),
        ("train.precision=bf16", "train.precision"),
        ("model.num_hidden_layers=3", "model.num_hidden_layers"),
        ("model.rope_theta=5e4", "model.rope_theta"),
        ("tokenizer.vocab_size=400", "tokenizer"),
        ("data.validation_fraction=0.3", "data"),
    ] {
        let ended = lab.jikji(&format!("{MORE} --set {set}")).fails(5);
        assert!(
            ended
                .error()
                .contains(&format!("  `{key}`: the checkpoint has ")),
            "{set}: {}",
            ended.error()
        );
        assert!(
            ended.error().contains("--allow-change "),
            "{}",
            ended.error()
        );
        assert!(
            !ended.stderr.contains("% of the machine"),
            "{set} made a step"
        );
    }
    assert_eq!(lab.run().newest_step(), Some(5));
}

#[test]
fn other_text_is_refused() {
    let lab = begun();
    lab.write("text/more.txt", "한 줄이 더 있다.\n");
    let ended = lab.jikji(MORE).fails(5);
    assert!(
        ended.error().contains("  `data`: the checkpoint has "),
        "{}",
        ended.error()
    );
}

#[test]
fn text_that_was_written_again_is_the_same_text() {
    let lab = begun();
    let path = lab.path("text/domains-law-001.txt");
    let (text, soon) = (
        fs::read(&path).unwrap(),
        SystemTime::now() + Duration::from_mins(1),
    );
    fs::write(&path, text).unwrap();
    fs::File::options()
        .write(true)
        .open(&path)
        .and_then(|file| file.set_modified(soon))
        .unwrap();
    let ended = lab.jikji(MORE).succeeds();
    assert!(ended.says(&["resuming from step 5"]), "{}", ended.stderr);
}

#[test]
fn the_message_names_all_that_differs() {
    let lab = begun();
    let ended = lab
        .jikji(&format!(
            "{MORE} --set run.seed=7 --set optimizer.learning_rate=1e-3"
        ))
        .fails(5);
    insta::assert_snapshot!(lab.redact(ended.error()), @r"
    error: the checkpoint `runs/small/checkpoints/step-00000005` was made with other settings:
      `optimizer.learning_rate`: the checkpoint has 0.003, this run 0.001
      `run.seed`: the checkpoint has 1377, this run 7
    hint: set it back, begin anew with `--fresh`, or accept the change by name with `--allow-change optimizer.learning_rate --allow-change run.seed`
    ");
}

#[test]
fn a_change_is_accepted_by_name_and_only_the_named_one() {
    let lab = begun();
    let change = "--set optimizer.learning_rate=1e-3 --set run.seed=7";
    let ended = lab
        .jikji(&format!("{MORE} {change} --allow-change run.seed"))
        .fails(5);
    assert!(!ended.error().contains("`run.seed`"), "{}", ended.error());
    lab.jikji(&format!(
        "{MORE} {change} --allow-change run.seed --allow-change optimizer.learning_rate"
    ))
    .succeeds();
    assert_eq!(lab.run().newest_step(), Some(6));
}

#[test]
fn a_change_of_shapes_cannot_be_forced() {
    let lab = begun();
    let ended = lab
        .jikji(&format!(
            "{MORE} --set model.intermediate_size=64 --allow-change model.intermediate_size"
        ))
        .fails(5);
    assert!(ended.error().contains("mlp"), "{}", ended.error());
}

#[test]
fn length_saves_logs_and_device_may_change() {
    let lab = begun();
    for (number, change) in [
        "--set checkpoint.every_steps=2",
        "--set checkpoint.keep=1",
        "--set log.every_steps=3",
        "--set log.sample_tokens=2",
        "--set train.validate_every_steps=2",
        "--device cpu",
    ]
    .iter()
    .enumerate()
    {
        fs::remove_dir_all(lab.path("runs/small")).unwrap();
        copy_folder(&lab.path("whole"), &lab.path("runs/small"));
        let steps = 6 + number;
        let ended = lab
            .jikji(&format!(
                "train small.toml --resume --set train.steps={steps} {change}"
            ))
            .succeeds();
        assert!(ended.says(&["resuming from step 5"]), "{}", ended.stderr);
        assert_eq!(lab.run().newest_step(), Some(steps as u64));
    }
}
