//! A run whose length is given in epochs, and runs that are made longer or shorter.

use std::fs;

use crate::lab::Lab;

/// The step records' learning rates.
fn rates(lab: &Lab) -> Vec<f64> {
    let text = fs::read_to_string(lab.path("runs/small/metrics.jsonl")).unwrap();
    let records = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    records
        .filter(|record| record["kind"] == "step")
        .map(|record| record["learning_rate"].as_f64().unwrap())
        .collect()
}

fn resolved(lab: &Lab) -> String {
    fs::read_to_string(lab.path("runs/small/recipe.resolved.toml")).unwrap()
}

fn steps_line(resolved: &str) -> String {
    let line = resolved.lines().find(|line| line.starts_with("steps = "));
    line.unwrap().to_owned()
}

#[test]
fn epochs_are_settled_once_and_kept_on_resume() {
    let lab = Lab::new();
    let epochs = "--set train.epochs=1 --set optimizer.schedule.warmup_ratio=0.25";
    let first = lab.jikji(&format!("train small.toml {epochs}")).succeeds();
    assert!(
        first.says(&["train.epochs = 1: ", "reads text 1.0"]),
        "{}",
        first.stderr
    );
    let steps = steps_line(&resolved(&lab));
    let done = lab.run().newest_step().unwrap();
    assert_eq!(steps, format!("steps = {done}"));
    let warmup = done.div_ceil(4);
    assert!(
        resolved(&lab).contains(&format!("warmup_steps = {warmup}")),
        "{}",
        resolved(&lab)
    );
    assert!(!resolved(&lab).contains("epochs"), "{}", resolved(&lab));
    // The same number of epochs: nothing is left to do.
    let again = lab
        .jikji(&format!("train small.toml --resume {epochs}"))
        .succeeds();
    assert!(again.says(&["is complete"]), "{}", again.stderr);
    // Another number is computed again; the warm-up stays as it was made.
    let more = lab
        .jikji("train small.toml --resume --set train.epochs=1.5 --set optimizer.schedule.warmup_ratio=0.25")
        .succeeds();
    assert!(more.says(&["train.epochs = 1.5: "]), "{}", more.stderr);
    let longer = lab.run().newest_step().unwrap();
    assert!(longer > done, "{longer} of {done}");
    assert!(
        resolved(&lab).contains(&format!("warmup_steps = {warmup}")),
        "{}",
        resolved(&lab)
    );
    // The resolved recipe is the same run.
    let resolved = lab.path("runs/small/recipe.resolved.toml");
    let same = lab
        .jikji(&format!("train {} --resume", resolved.display()))
        .succeeds();
    assert!(same.says(&["is complete"]), "{}", same.stderr);
}

#[test]
fn an_interrupted_run_of_epochs_goes_on_to_its_settled_end() {
    let lab = Lab::new();
    let epochs = "--set train.epochs=1";
    lab.jikji(&format!("train small.toml {epochs}")).succeeds();
    let done = lab.run().newest_step().unwrap();
    // As if it had been killed before its last checkpoint.
    let kept = lab.run().checkpoint(done);
    fs::remove_dir_all(kept).unwrap();
    let before = lab.run().newest_step().unwrap();
    assert!(before < done);
    let refused = lab.jikji(&format!("train small.toml {epochs}")).fails(5);
    assert!(
        refused
            .error()
            .contains(&format!("up to step {before} of {done}")),
        "{}",
        refused.error()
    );
    let resumed = lab
        .jikji(&format!("train small.toml --resume {epochs}"))
        .succeeds();
    assert!(
        resumed.says(&["as settled when the run started"]),
        "{}",
        resumed.stderr
    );
    assert_eq!(lab.run().newest_step(), Some(done));
}

#[test]
fn a_run_that_gets_longer_says_what_its_learning_rate_does() {
    let lab = Lab::new();
    let schedule = "--set optimizer.schedule.type=wsd --set optimizer.schedule.warmup_steps=2 \
                    --set optimizer.schedule.decay_ratio=0.5 --set optimizer.schedule.final_ratio=0.1";
    lab.jikji(&format!("train small.toml {schedule} --set train.steps=8"))
        .succeeds();
    assert!((rates(&lab)[7] - 3e-4).abs() < 1e-12, "{:?}", rates(&lab));
    let longer = lab
        .jikji(&format!(
            "train small.toml {schedule} --resume --set train.steps=12"
        ))
        .succeeds();
    assert!(
        longer.says(&["the run is 12 steps long now, 8 before: at step 9 the learning rate rises from 3.000e-4 to "]),
        "{}",
        longer.stderr
    );
    let rates = rates(&lab);
    assert!(
        rates[8] > rates[7] && (rates[11] - 3e-4).abs() < 1e-12,
        "{rates:?}"
    );
}

#[test]
fn a_constant_rate_goes_on_and_a_shorter_run_is_complete() {
    let lab = Lab::new();
    lab.jikji("train small.toml --set train.steps=5").succeeds();
    let longer = lab
        .jikji("train small.toml --resume --set train.steps=7")
        .succeeds();
    assert!(
        longer.says(&["the learning rate goes on at 3.000e-3"]),
        "{}",
        longer.stderr
    );
    let shorter = lab
        .jikji("train small.toml --resume --set train.steps=6")
        .succeeds();
    assert!(
        shorter.says(&["past the 6 of `train.steps`"]),
        "{}",
        shorter.stderr
    );
    assert_eq!(lab.run().newest_step(), Some(7));
}
