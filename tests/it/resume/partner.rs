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
    for (set, key, may_be_accepted) in [
        (
            "optimizer.learning_rate=1e-3",
            "optimizer.learning_rate",
            true,
        ),
        (
            "optimizer.schedule.warmup_steps=3",
            "optimizer.schedule.warmup_steps",
            true,
        ),
        ("run.seed=1", "run.seed", true),
        ("train.seq_len=32", "train.seq_len", true),
        ("train.global_batch_size=8", "train.global_batch_size", true),
        ("train.precision=bf16", "train.precision", true),
        ("data.min_chars=5", "data.min_chars", true),
        (
            "model.num_hidden_layers=3",
            "model.num_hidden_layers",
            false,
        ),
        ("model.rope_theta=5e4", "model.rope_theta", false),
        ("tokenizer.vocab_size=400", "tokenizer.vocab_size", false),
        (
            "data.validation_fraction=0.3",
            "data.validation_fraction",
            false,
        ),
    ] {
        let ended = lab.jikji(&format!("{MORE} --set {set}")).fails(5);
        assert!(
            ended
                .error()
                .contains(&format!("  `{key}`: the checkpoint has ")),
            "{set}: {}",
            ended.error()
        );
        assert_eq!(
            ended.error().contains("--allow-change "),
            may_be_accepted,
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
fn what_is_settled_cannot_be_allowed_to_change() {
    let lab = begun();
    for allowed in [
        "tokenizer",
        "tokenizer.*",
        "tokenizer.vocab_size",
        "data.validation_fraction",
    ] {
        let change = format!("{MORE} --set tokenizer.vocab_size=400 --allow-change {allowed}");
        let ended = lab.jikji(&change).fails(2);
        assert!(
            ended.error().contains("cannot change in a run"),
            "{}",
            ended.error()
        );
    }
    // A pattern above it does not reach it.
    let change = "--set data.validation_fraction=0.3 --allow-change data.*";
    let ended = lab.jikji(&format!("{MORE} {change}")).fails(5);
    assert!(
        ended.error().contains("  `data.validation_fraction`: "),
        "{}",
        ended.error()
    );
}

/// Learns the losses of a run's steps.
fn losses(lab: &Lab) -> Vec<String> {
    let metrics = fs::read_to_string(lab.path("runs/small/metrics.jsonl")).unwrap();
    let steps = metrics.lines().filter(|line| line.contains("\"loss\""));
    steps.map(str::to_owned).collect()
}

#[test]
fn added_documents_begin_a_data_stage_under_the_runs_own_tokenizer() {
    let lab = begun();
    let tokenizer = fs::read(lab.path("runs/small/tokenizer/tokenizer.json")).unwrap();
    let before = losses(&lab);
    let line = "한강에는 다리가 여럿 있고 다리마다 이름과 길이가 다르다. 강변을 따라 자전거 길이 이어진다.\n";
    for number in 0..20 {
        lab.write(
            &format!("text/new-{number}.txt"),
            format!("{number} {line}"),
        );
    }
    let ended = lab.jikji(MORE).succeeds();
    assert!(
        ended.says(&["from step 6 on: a new data stage"])
            && ended.says(&["rows seen before step 6 may come again"])
            && !ended.stderr.contains("allow-change"),
        "{}",
        ended.stderr
    );
    assert_eq!(
        fs::read(lab.path("runs/small/tokenizer/tokenizer.json")).unwrap(),
        tokenizer
    );
    assert_eq!(
        fs::read(lab.path("runs/small/export/tokenizer.json")).unwrap(),
        tokenizer
    );
    assert_eq!(losses(&lab)[..before.len()], before);
    let record = fs::read_to_string(lab.path("runs/small/data.json")).unwrap();
    assert!(record.contains("\"from_step\": 5"), "{record}");

    // The stage goes on: resumed again, nothing is new.
    let ended = lab
        .jikji("train small.toml --resume --set train.steps=8")
        .succeeds();
    assert!(!ended.says(&["data stage"]), "{}", ended.stderr);
}

#[test]
fn a_run_in_stages_resumes_bit_for_bit() {
    let lab = Lab::new();
    let train = |more: &str| format!("train small.toml --set checkpoint.keep=9 {more}");
    lab.jikji(&train("--set train.steps=10")).succeeds();
    lab.write(
        "text/more.txt",
        "한 줄이 더 있다. 그리고 또 한 줄이 더 있다.\n".repeat(20),
    );
    let on = train("--resume --set train.steps=20");
    lab.jikji(&on).succeeds();
    let whole = losses(&lab);
    // Without the checkpoints from step 10 on, the steps from 5 to 10 read the old text again.
    for step in [10, 15, 20] {
        let path = lab.path(&format!("runs/small/checkpoints/step-{step:08}"));
        fs::remove_dir_all(path).unwrap();
    }
    let ended = lab.jikji(&on).succeeds();
    assert!(ended.says(&["resuming from step 5"]), "{}", ended.stderr);
    assert_eq!(losses(&lab), whole);
}

#[test]
fn a_new_source_is_no_difference() {
    let lab = begun();
    fs::create_dir(lab.path("text/news")).unwrap();
    let line = "신문은 어제의 일을 오늘 전한다. 기자는 현장에서 사실을 확인하고 기사를 쓴다.\n";
    lab.write("text/news/a.txt", line.repeat(30));
    let ended = lab.jikji(MORE).succeeds();
    assert!(
        ended.says(&["`news`: 1 training documents, 0 before"]),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_run_without_a_copy_of_its_tokenizer_finds_the_one_it_was_begun_with() {
    let lab = begun();
    fs::remove_dir_all(lab.path("runs/small/tokenizer")).unwrap();
    lab.jikji(MORE).succeeds();
    assert!(lab.path("runs/small/tokenizer/tokenizer.json").is_file());

    for folder in ["runs/small/tokenizer", "runs/small/export", "shards/small"] {
        fs::remove_dir_all(lab.path(folder)).unwrap();
    }
    let ended = lab
        .jikji("train small.toml --resume --set train.steps=7")
        .fails(5);
    assert!(
        ended
            .error()
            .contains("the tokenizer that the run was begun with"),
        "{}",
        ended.error()
    );
}

#[test]
fn a_tokenizer_that_the_recipe_names_must_be_the_runs_own() {
    let lab = begun();
    let train = "tokenizer train --input text --vocab-size 400 --output other";
    lab.jikji(train).succeeds();
    lab.recipe_with("vocab_size = 512\n\n[model]", "from = \"other\"\n\n[model]");
    let ended = lab.jikji(MORE).fails(5);
    assert!(
        ended.error().contains("begun with another tokenizer")
            && ended
                .error()
                .contains("tokenizer.from=runs/small/tokenizer"),
        "{}",
        ended.error()
    );
    let own = format!("{MORE} --set tokenizer.from=runs/small/tokenizer");
    lab.jikji(&own).succeeds();
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
