//! One signal stops a run with everything saved, two end it at once; each is answered at once.

use std::time::{Duration, Instant};

use super::random::Random;
use super::{INTERVAL, STEPS, UNINTERRUPTED, report, wait_until};
use crate::lab::{Lab, Running};
use crate::run_folder::names;

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
        ("HUP", INTERVAL, "sleep=2"),
        ("USR1", 2, "sleep=2"),
        ("USR2", 4, ""),
        ("XCPU", 2, ""),
    ] {
        if is_ignored(signal) && signal == "HUP" {
            continue;
        }
        let before = run.newest_step().unwrap_or(0);
        let mut running = lab.jikji("train small.toml --resume").fault(fault).starts();
        // Before the first step a signal ends the process at once.
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
            ended.says(&[&format!("SIG{signal}: finishing "), "; again to stop now"]),
            "{}",
            ended.stderr
        );
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
    for (first, second) in [
        ("TERM", "INT"),
        ("INT", "INT"),
        ("INT", "TERM"),
        ("USR1", "USR2"),
    ] {
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
        assert!(
            ended.says(&[
                &format!("SIG{second}: stopped at once"),
                "jikji train small.toml --resume"
            ]),
            "{}",
            ended.stderr
        );
        assert!(!run.path("lock").exists(), "the lock is taken along");
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

/// Whether whoever runs the tests ignores a signal (`nohup`, a background job of a script), which
/// programs inherit.
fn is_ignored(signal: &str) -> bool {
    let number = match signal {
        "HUP" => 1,
        "INT" => 2,
        _ => return false,
    };
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.unwrap_or(0) & (1 << (number - 1)) != 0
}

/// A run that trains for long, and its process after the first step.
fn long_run(lab: &Lab, more: &str) -> Running {
    let mut running = lab
        .jikji(&format!(
            "train small.toml --set train.steps=100000 --set checkpoint.every_steps=50000 {more}"
        ))
        .starts();
    let run = lab.run();
    assert!(wait_until(&mut running, || run.steps_logged() >= 2));
    running
}

#[test]
fn usr1_saves_and_goes_on_if_the_recipe_says_so() {
    let lab = Lab::new();
    let run = lab.run();
    let mut running = long_run(&lab, "--set checkpoint.on_usr1=save");
    for saves in 1..=2 {
        running.signal("USR1");
        assert!(wait_until(&mut running, || names(&run.checkpoints())
            .iter()
            .filter(|name| !name.contains(".tmp."))
            .count()
            >= saves));
    }
    let saved = run.newest_step().unwrap();
    assert!(wait_until(&mut running, || run.steps_logged() > saved));
    running.signal("TERM");
    let ended = running.ends();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(
        ended.says(&["SIGUSR1: saving at the next end of a step"]),
        "{}",
        ended.stderr
    );
    assert!(
        ended.says(&["checkpoint as asked; the run goes on"]),
        "{}",
        ended.stderr
    );
    assert!(run.newest_step().unwrap() > saved);
}

#[test]
fn repeated_signals_of_a_closing_terminal_and_of_the_kernel_are_one_request() {
    for signals in [&["HUP", "HUP", "TERM"][..], &["XCPU", "XCPU", "XCPU"]] {
        if is_ignored(signals[0]) {
            continue;
        }
        let lab = Lab::new();
        let running = long_run(&lab, "");
        for signal in signals {
            running.signal(signal);
            std::thread::sleep(Duration::from_millis(5));
        }
        let ended = running.ends();
        assert_eq!(ended.code, Some(0), "{signals:?}: {}", ended.stderr);
        assert!(lab.run().newest_step().is_some());
    }
}

#[test]
fn a_hangup_that_nohup_ignores_stays_ignored() {
    let lab = Lab::new();
    let ended = lab.sh(
        "nohup $J train small.toml --set train.steps=100000 --set checkpoint.every_steps=50000 > log 2>&1 & p=$!
         until grep -qs '\"step\":2,' runs/small/metrics.jsonl; do sleep 0.05; kill -0 $p || exit 9; done
         kill -HUP $p; sleep 0.5; kill -0 $p || exit 8
         kill -TERM $p; wait $p",
    );
    let log = std::fs::read_to_string(lab.path("log")).unwrap();
    assert_eq!(ended.code, Some(0), "{log}");
    assert!(
        !log.contains("SIGHUP") && log.contains("SIGTERM: finishing step"),
        "{log}"
    );
}

#[test]
fn a_signal_while_text_is_prepared_ends_the_run_at_once() {
    for signal in ["HUP", "USR1", "USR2", "XCPU", "INT", "TERM"] {
        if is_ignored(signal) {
            continue;
        }
        let lab = Lab::new();
        let mut running = lab
            .jikji("train small.toml --resume")
            .env("JIKJI_FAULT", "sleep=60")
            .starts();
        assert!(wait_until(&mut running, || lab.run().path("lock").exists()));
        std::thread::sleep(Duration::from_millis(100));
        running.signal(signal);
        let sent = Instant::now();
        let ended = running.ends();
        assert_eq!(ended.code, Some(130), "{signal}: {}", ended.stderr);
        assert!(sent.elapsed() < Duration::from_secs(2));
        let expected = format!("SIG{signal}: stopped while preparing");
        assert!(
            ended.says(&[&expected, "the same command continues"]),
            "{}",
            ended.stderr
        );
        assert!(!lab.run().path("lock").exists());
        if signal == "TERM" {
            lab.jikji("train small.toml --resume").succeeds();
            lab.run()
                .result(STEPS)
                .assert_same(&UNINTERRUPTED, "after a signal while preparing");
        }
    }
}

#[test]
fn a_signal_after_the_last_step_lets_the_export_finish() {
    let lab = Lab::new();
    // Slow from the export on, which is written beside its place.
    let mut running = lab
        .jikji("train small.toml --set train.steps=3")
        .env("JIKJI_FAULT", "sleep=150")
        .env("JIKJI_FAULT_UNDER", "runs")
        .starts();
    let run = lab.run();
    assert!(wait_until(&mut running, || names(&run.path(""))
        .iter()
        .any(|name| name.starts_with("export.tmp."))));
    running.signal("TERM");
    let ended = running.ends();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(
        ended.says(&["SIGTERM: all steps are done and saved; finishing the export"]),
        "{}",
        ended.stderr
    );
    assert!(run.path("report.html").exists());
}

#[test]
fn other_commands_leave_nothing_half_written() {
    let lab = Lab::empty();
    for signal in ["TERM", "INT", "HUP"] {
        if is_ignored(signal) {
            continue;
        }
        let mut running = lab
            .jikji("corpus synth --documents 100000000 --output out.jsonl")
            .starts();
        assert!(wait_until(&mut running, || names(&lab.path("")).len() == 1));
        running.signal(signal);
        let ended = running.ends();
        assert_eq!(ended.code, None, "it ends as the signal ends a program");
        assert_eq!(names(&lab.path("")), Vec::<String>::new(), "{signal}");
    }
}
