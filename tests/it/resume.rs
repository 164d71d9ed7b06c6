//! A run that was interrupted, however it was, ends as if nothing had happened.

mod damage;
mod durable_calls;
mod full_disk;
mod kills;
mod lock;
mod partner;
mod random;
mod signals;

use std::io::Write;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use crate::lab::{Lab, Running};
use crate::run_folder::RunResult;

/// Steps of the small recipe.
const STEPS: u64 = 40;

/// Steps between its checkpoints.
const INTERVAL: u64 = 5;

/// What the small recipe's run leaves when nobody disturbs it.
static UNINTERRUPTED: LazyLock<RunResult> = LazyLock::new(|| {
    let lab = Lab::new();
    lab.jikji("train small.toml").succeeds();
    lab.run().result(STEPS)
});

/// Waits until something holds; `false` if the process ended before.
fn wait_until(running: &mut Running, holds: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    while !holds() {
        if !running.is_running() {
            return false;
        }
        assert!(start.elapsed() < Duration::from_mins(2), "nothing came");
        std::thread::sleep(Duration::from_millis(1));
    }
    true
}

/// Prints `name, cases, passed, seconds`, also when the test runner captures output.
fn report(name: &str, cases: usize, start: Instant) {
    let seconds = start.elapsed().as_secs_f64();
    let line = format!("{name}, {cases} cases, {cases} passed, {seconds:.1} s\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}
