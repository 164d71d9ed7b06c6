//! Signal handling. A separate thread receives signals, so each is answered at once, whatever the
//! other threads are doing.
//!
//! `train` finishes its step and saves at the first signal and exits at the second. Every other
//! command removes its temporaries and ends by the signal. Signals that were ignored at the start
//! (`nohup`) stay ignored.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jikji_checkpoint::durable;
use jikji_telemetry::Console;
use jikji_train::{Activity, OnUsr1, StopSignal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU, SIGXFSZ};
use signal_hook::iterator::Signals;
use signal_hook::low_level::{emulate_default_handler, exit, signal_name};

use crate::console;
use crate::exit;

/// Signals that ask a program to end.
const ENDING: [i32; 6] = [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU];

/// A closing terminal sends several SIGHUP, and a session manager SIGTERM after them. Within this
/// time they count as one request.
const ECHO: Duration = Duration::from_secs(2);

/// Longest wait for the last message to be written.
const LAST_MESSAGE: Duration = Duration::from_millis(200);

/// The run that handles signals; `None` in every command but `train`.
static RUN: Mutex<Option<Arc<RunSignals>>> = Mutex::new(None);

/// How a running `train` answers signals.
pub(crate) struct RunSignals {
    console: Console,
    stop: StopSignal,
    on_usr1: OnUsr1,
    resume_command: String,
    /// The lock file that this process holds.
    lock: Mutex<Option<PathBuf>>,
    first: Mutex<Option<(i32, Instant)>>,
}

/// Starts to listen. Without it every signal has its default effect.
pub(crate) fn listen() -> std::io::Result<()> {
    // With a handler, whatever it does, a write beyond the limit on the size of files is an
    // ordinary error.
    signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
    let ignored = ignored_signals();
    // A shell without job control ignores SIGINT for what it starts in the background, where `kill
    // -INT` is still meant.
    let is_heard = |signal: &i32| *signal == SIGINT || ignored & (1 << (signal - 1)) == 0;
    let mut signals = Signals::new(ENDING.iter().filter(|signal| is_heard(signal)))?;
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for signal in &mut signals {
                let run = lock(&RUN).clone();
                if let Some(run) = run {
                    run.receive(signal);
                } else if signal != SIGINT || ignored & (1 << (SIGINT - 1)) == 0 {
                    briefly(|| console::shared().set_live(None));
                    durable::remove_own_temporaries();
                    // Fails only for signals that do not exist.
                    let _ = emulate_default_handler(signal);
                }
            }
        })?;
    Ok(())
}

impl RunSignals {
    /// Routes all signals to this run from now on.
    pub(crate) fn start(
        console: &Console,
        on_usr1: OnUsr1,
        resume_command: String,
    ) -> Arc<RunSignals> {
        let run = Arc::new(RunSignals {
            console: console.clone(),
            stop: StopSignal::default(),
            on_usr1,
            resume_command,
            lock: Mutex::new(None),
            first: Mutex::new(None),
        });
        *lock(&RUN) = Some(run.clone());
        run
    }

    /// The requests that the training loop polls.
    pub(crate) fn stop(&self) -> StopSignal {
        self.stop.clone()
    }

    /// Names the lock file, which is removed when a signal ends the process at once.
    pub(crate) fn holds(&self, path: PathBuf) {
        *lock(&self.lock) = Some(path);
    }

    fn receive(&self, signal: i32) {
        let name = signal_name(signal).unwrap_or("signal");
        let activity = self.stop.activity();
        if signal == SIGUSR1 && self.on_usr1 == OnUsr1::Save {
            self.say(self.save(name, activity));
            return;
        }
        let earlier = *lock(&self.first);
        if let Some((first, at)) = earlier {
            // The kernel repeats SIGXCPU every second.
            let is_echo = (signal == SIGHUP || first == SIGHUP) && at.elapsed() < ECHO;
            if signal == SIGXCPU || is_echo {
                return;
            }
            self.end(format!(
                "{name}: stopped at once; continue with: {}",
                self.resume_command
            ));
        }
        if activity == Activity::Preparing {
            self.end(format!(
                "{name}: stopped while preparing; what is prepared is kept, and the same command continues from it"
            ));
        }
        *lock(&self.first) = Some((signal, Instant::now()));
        self.stop.request();
        let what = match activity {
            Activity::Preparing => "stopping".to_owned(),
            Activity::Step(step) => format!("finishing step {step}, then saving"),
            Activity::Evaluating(0) => {
                "finishing the first validation; there is no step to save yet".to_owned()
            }
            Activity::Evaluating(step) => {
                format!("finishing the validation of step {step}, then saving")
            }
            Activity::Saving(step) => format!("finishing the checkpoint of step {step}"),
            Activity::Finishing => {
                "all steps are done and saved; finishing the export and the report".to_owned()
            }
        };
        self.say(format!("{name}: {what}; again to stop now"));
    }

    /// Asks for a checkpoint; returns the answer.
    fn save(&self, name: &str, activity: Activity) -> String {
        match activity {
            Activity::Preparing => format!("{name}: no step to save yet; the run goes on"),
            Activity::Finishing => format!("{name}: all steps are saved; the run goes on"),
            Activity::Step(step) | Activity::Evaluating(step) | Activity::Saving(step) => {
                self.stop.request_save();
                format!(
                    "{name}: saving at the next end of a step (now at step {step}); the run goes on"
                )
            }
        }
    }

    /// Writes a line from a new thread: a blocked stderr must not delay the next signal.
    fn say(&self, line: String) {
        let console = self.console.clone();
        std::thread::spawn(move || console.say(line));
    }

    fn end(&self, line: String) -> ! {
        let console = self.console.clone();
        briefly(move || {
            console.set_live(None);
            console.say(line);
        });
        if let Some(path) = lock(&self.lock).take() {
            // What stays is recognised by the next run as the lock of a process that is gone.
            let _ = std::fs::remove_file(path);
        }
        exit(exit::SIGNAL)
    }
}

/// Runs something that may block on stderr, and waits for it for at most [`LAST_MESSAGE`].
fn briefly(act: impl FnOnce() + Send + 'static) {
    let acting = std::thread::spawn(act);
    let since = Instant::now();
    while !acting.is_finished() && since.elapsed() < LAST_MESSAGE {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Bit `n - 1` is set if signal `n` was ignored when the process started.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.unwrap_or(0)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
