//! A disk that fails while the run saves.

use std::fs;

use super::{STEPS, UNINTERRUPTED};
use crate::lab::Lab;

/// The number of the first durable call of the save that begins `nth` (from 1).
fn first_call_of_save(lab: &Lab, nth: usize) -> usize {
    let calls = fs::read_to_string(lab.path("calls")).unwrap();
    let begins = |line: &str| line.contains("create the folder") && line.contains("/step-");
    let of_saves = calls.lines().enumerate().filter(|(_, line)| begins(line));
    of_saves.map(|(index, _)| index + 1).nth(nth - 1).unwrap()
}

fn counted() -> Lab {
    let lab = Lab::new();
    lab.jikji("train small.toml --set train.steps=12")
        .fault("count")
        .env("JIKJI_FAULT_FILE", lab.path("calls"))
        .succeeds();
    lab
}

#[test]
fn a_full_disk_warns_and_ends_the_run_only_after_several_saves() {
    let lab = counted();
    let call = first_call_of_save(&lab, 2) + 3;
    let run = lab.run();
    let ended = lab
        .jikji("train small.toml --fresh")
        .fault(&format!("enospc@{call}+"))
        .fails(7);
    for (step, failures) in [(10, 1), (15, 2)] {
        let warning = format!("the checkpoint of step {step} was not saved ({failures} of 3");
        assert!(ended.says(&["warning: ", &warning]), "{}", ended.stderr);
    }
    let error = ended.error();
    assert!(
        error.starts_with("error: 3 saves in a row failed; the last one said: failed to "),
        "{error}"
    );
    assert!(error.contains("No space left on device"), "{error}");
    assert!(error.contains("\nhint: free space"), "{error}");
    assert_eq!(run.newest_step(), Some(5), "the good one is kept");
    assert!(!run.has_half_checkpoint(), "no half checkpoint is left");

    lab.jikji("train small.toml --resume").succeeds();
    run.result(STEPS)
        .assert_same(&UNINTERRUPTED, "after a full disk");
}

#[test]
fn one_failed_save_costs_nothing() {
    let lab = counted();
    let run = lab.run();
    for (error, offset) in [("eio", 0), ("enospc", 5), ("erofs", 9)] {
        let call = first_call_of_save(&lab, 1) + offset;
        let ended = lab
            .jikji("train small.toml --fresh --set train.steps=12")
            .fault(&format!("{error}@{call}"))
            .succeeds();
        assert!(
            ended.says(&["warning: the checkpoint of step 5 was not saved (1 of 3"]),
            "{error}: {}",
            ended.stderr
        );
        assert_eq!(run.newest_step(), Some(12));
    }
}

#[test]
fn a_last_save_that_fails_is_the_run_s_failure() {
    let lab = counted();
    let call = first_call_of_save(&lab, 1) + 1;
    let ended = lab
        .jikji("train small.toml --fresh --set train.steps=3")
        .fault(&format!("eio@{call}+"))
        .fails(7);
    let error = ended.error();
    assert!(error.contains("step-00000003"), "{error}");
    assert!(
        error.contains("Input/output error"),
        "the cause is told: {error}"
    );
    assert!(!lab.run().path("export").exists(), "nothing looks finished");
}
