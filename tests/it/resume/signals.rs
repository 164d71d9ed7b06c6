//! SIGTERM and SIGINT: one stops the run with everything saved, two end it at once.

use std::time::{Duration, Instant};

use super::random::Random;
use super::{INTERVAL, STEPS, UNINTERRUPTED, report, wait_until};
use crate::lab::Lab;

/// Long enough for a second signal to arrive during a save.
const SLOW_SAVES: &str = "sleep=20";

#[test]
fn a_signal_finishes_the_step_saves_and_says_how_to_go_on() {
    let start = Instant::now();
    let (mut random, mut stopped) = (Random(19), 0);
    let lab = Lab::new();
    let run = lab.run();
    // At once, then after so many steps more; a save of step 5 or 10 is under way where the saves are slow.
    for (signal, more, fault) in [
        ("TERM", 1, ""),
        ("INT", 3, ""),
        ("TERM", INTERVAL, "sleep=2"),
        ("INT", 2, "sleep=2"),
        ("TERM", 4, ""),
    ] {
        let before = run.newest_step().unwrap_or(0);
        let mut running = lab.jikji("train small.toml --resume").fault(fault).starts();
        // Signals are heard from the first step on; before it they end the process at once.
        let reached = wait_until(&mut running, || {
            run.path("lock").exists() && run.steps_logged() >= before + more
        });
        assert!(reached, "the run ended before step {}", before + more);
        std::thread::sleep(Duration::from_millis(random.below(20)));
        running.signal(signal);
        let ended = running.ends();
        assert_eq!(ended.code, Some(0), "{signal}: {}", ended.stderr);
        let saved = run.newest_step().unwrap_or(0);
        assert!(
            ended.says(&[&format!("stopped after step {saved} as asked")]),
            "{}",
            ended.stderr
        );
        assert!(
            ended.says(&["continue with: jikji train small.toml --resume"]),
            "{}",
            ended.stderr
        );
        assert_eq!(run.steps_logged(), saved, "{signal}: each step is saved");
        stopped += 1;
    }
    lab.jikji("train small.toml --resume").succeeds();
    run.result(STEPS)
        .assert_same(&UNINTERRUPTED, "after the signals");
    report("stop_signals", stopped, start);
}

#[test]
fn a_second_signal_ends_the_run_at_once_and_costs_no_checkpoint() {
    let start = Instant::now();
    let (mut random, mut stopped) = (Random(23), 0);
    let lab = Lab::new();
    let run = lab.run();
    for (first, second) in [("TERM", "INT"), ("INT", "INT"), ("INT", "TERM")] {
        let before = run.newest_step();
        let mut running = lab
            .jikji("train small.toml --resume")
            .fault(SLOW_SAVES)
            .starts();
        let pid = running.pid();
        assert!(wait_until(&mut running, || run.is_saving(pid)));
        std::thread::sleep(Duration::from_millis(random.below(200)));
        running.signal(first);
        std::thread::sleep(Duration::from_millis(30));
        running.signal(second);
        let ended = running.ends();
        assert_eq!(ended.code, Some(130), "{}", ended.stderr);
        let discovery = run.discover();
        let newest = discovery.newest.map(|newest| newest.step());
        assert!(newest >= before, "{before:?} -> {newest:?}");
        assert!(
            discovery.passed_over.is_empty(),
            "{:?}",
            discovery.passed_over
        );
        stopped += 1;
    }
    lab.jikji("train small.toml --resume").succeeds();
    run.result(STEPS)
        .assert_same(&UNINTERRUPTED, "after the second signals");
    report("second_signals", stopped, start);
}
