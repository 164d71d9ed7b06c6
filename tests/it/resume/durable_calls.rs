//! SIGKILL before every durable call of the last part of a run: the last save, the removal of an older checkpoint, the
//! export, the report.

use std::fs;
use std::time::Instant;

use super::report;
use crate::lab::Lab;
use crate::run_folder::{Files, RunResult, copy_folder, files};

const BEGIN: &str = "train small.toml --set train.steps=2 --set checkpoint.every_steps=2";
const GO_ON: &str = "train small.toml --resume --set train.steps=4 --set checkpoint.every_steps=2 \
                     --set checkpoint.keep=1";

/// One part of the calls for each processor: a case is two processes in a row.
const WORKERS: usize = 2;

#[test]
fn a_kill_before_any_durable_call_leaves_the_old_checkpoint_or_the_new_one() {
    let start = Instant::now();
    let lab = Lab::new();
    let run = lab.run();
    lab.jikji(BEGIN).succeeds();
    copy_folder(&lab.path("runs/small"), &lab.path("begun"));
    let old = files(&run.checkpoint(2));

    lab.jikji(GO_ON)
        .fault("count")
        .env("JIKJI_FAULT_UNDER", "runs")
        .env("JIKJI_FAULT_FILE", lab.path("calls"))
        .succeeds();
    let expected = Expected {
        old,
        new: files(&run.checkpoint(4)),
        result: run.result(4),
    };
    assert!(!run.checkpoint(2).exists(), "one checkpoint is kept");
    let calls = fs::read_to_string(lab.path("calls")).unwrap();
    let calls: Vec<&str> = calls.lines().collect();
    assert!(calls.len() > 40, "{calls:#?}");
    std::thread::scope(|scope| {
        for worker in 0..WORKERS {
            let (lab, calls, expected) = (&lab, &calls, &expected);
            scope.spawn(move || {
                let own = Lab::new();
                for (index, call) in calls.iter().enumerate().skip(worker).step_by(WORKERS) {
                    let _ = fs::remove_dir_all(own.path("runs"));
                    copy_folder(&lab.path("begun"), &own.path("runs/small"));
                    kill_before(&own, index, call, expected);
                }
            });
        }
    });
    report("kill_at_every_durable_call", calls.len(), start);
}

struct Expected {
    old: Files,
    new: Files,
    result: RunResult,
}

fn kill_before(lab: &Lab, index: usize, call: &str, expected: &Expected) {
    let run = lab.run();
    let kill = format!("kill@{}", index + 1);
    let ended = lab
        .jikji(GO_ON)
        .fault(&kill)
        .env("JIKJI_FAULT_UNDER", "runs")
        .ends();
    assert_eq!(ended.code, None, "killed before `{call}`");
    let discovery = run.discover();
    assert!(discovery.passed_over.is_empty(), "killed before `{call}`");
    let newest = discovery.newest.expect("one checkpoint is whole");
    let is_old = newest.step() == 2;
    assert!(
        files(&newest.path) == *if is_old { &expected.old } else { &expected.new },
        "killed before `{call}`: step {} is neither the old nor the new checkpoint",
        newest.step()
    );
    // From the old one every fifth goes on, the others would repeat it; from the new one the run must be finished.
    if is_old && !index.is_multiple_of(5) {
        return;
    }
    lab.jikji(GO_ON).succeeds();
    let case = format!("killed before `{call}`");
    run.result(4).assert_same(&expected.result, &case);
    for name in ["report.html", "report.json"] {
        assert!(run.path(name).is_file(), "{case}: {name}");
    }
    let below = files(&lab.path("runs")).into_keys();
    let left: Vec<String> = below.filter(|name| name.contains(".tmp.")).collect();
    assert!(left.is_empty(), "{case}: {left:?} is left");
}
