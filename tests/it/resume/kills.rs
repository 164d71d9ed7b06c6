//! SIGKILL at random moments. `scripts/fault/random_kills.py` does the same two hundred times.

use std::time::{Duration, Instant};

use super::random::Random;
use super::{INTERVAL, STEPS, UNINTERRUPTED, report, wait_until};
use crate::lab::Lab;

const KILLS: usize = 20;

/// Slows each durable call, so that a save takes about as long as its steps and can be hit.
const SLOW_SAVES: &str = "sleep=3";

#[test]
fn a_run_killed_at_random_moments_goes_on_by_itself_and_loses_nothing() {
    let start = Instant::now();
    let mut random = Random(1377);
    let mut killed = 0;
    for run in 0.. {
        if killed == KILLS {
            break;
        }
        let lab = Lab::new();
        // Every other run waits for its saves: it may lose one interval and no more.
        let async_save = run % 2 == 0;
        while killed < KILLS && kill_once(&lab, &mut random, killed, async_save) {
            killed += 1;
        }
        lab.jikji("train small.toml --resume").succeeds();
        lab.run()
            .result(STEPS)
            .assert_same(&UNINTERRUPTED, &format!("after {killed} kills"));
    }
    report("random_kills", killed, start);
}

/// Starts or resumes the run and kills it at some moment; `false` if it was complete before.
fn kill_once(lab: &Lab, random: &mut Random, number: usize, async_save: bool) -> bool {
    let run = lab.run();
    let before = run.newest_step();
    let aims_at_save = number % 2 == 1;
    let call = lab.jikji(&format!(
        "train small.toml --resume --set checkpoint.async_save={async_save}"
    ));
    let mut running = if aims_at_save {
        call.fault(SLOW_SAVES).starts()
    } else {
        call.starts()
    };
    let is_there = if aims_at_save {
        let pid = running.pid();
        let saves_later_than = before.unwrap_or(0) + INTERVAL * random.below(2);
        let hit = wait_until(&mut running, || {
            run.is_saving(pid) && run.steps_logged() > saves_later_than
        });
        std::thread::sleep(Duration::from_millis(random.below(90)));
        hit
    } else if random.below(4) == 0 {
        // While it starts: nothing may be half done there either.
        std::thread::sleep(Duration::from_millis(random.below(300)));
        true
    } else {
        let steps = before.unwrap_or(0) + 1 + random.below(2 * INTERVAL);
        let hit = wait_until(&mut running, || run.steps_logged() >= steps);
        std::thread::sleep(Duration::from_millis(random.below(30)));
        hit
    };
    if !is_there || !running.is_running() {
        let ended = running.ends();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        return false;
    }
    running.signal("KILL");
    let ended = running.ends();
    if let Some(step) = before
        && ended.stderr.contains("resuming")
    {
        assert!(
            ended.says(&["resuming from step", &format!("step {step}:")]),
            "{}",
            ended.stderr
        );
    }
    // A save is waited for before the next begins, so no more can be lost than the steps since the last save began and, where
    // that save did not end because training went on beside it, the interval before it.
    let newest = run.newest_step();
    assert!(
        newest >= before,
        "a good checkpoint was lost: {before:?} -> {newest:?}"
    );
    let lost = run.steps_logged().saturating_sub(newest.unwrap_or(0));
    let most = if async_save { 2 } else { 1 } * INTERVAL;
    assert!(lost <= most, "{lost} steps were lost");
    true
}
