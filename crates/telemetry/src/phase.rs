//! Parts of a command that may take long: which one is under way, how far it is, how long it will take.
//!
//! In a terminal a live line that moves even when the work reports nothing; elsewhere a line every
//! ten seconds. A phase that ends sooner shows nothing.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::console::{Console, ProgressMode};
use crate::human_units::{human_bytes, human_duration, with_separators};

/// How often the live line of a terminal is drawn.
const LIVE_EVERY: Duration = Duration::from_millis(500);

/// How often a line is written where there is no terminal.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// Before this much of the work is done, the time left would be a guess.
const LEAST_SHARE: f64 = 0.02;

/// What a phase counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes of text or of files.
    Bytes,
    /// Things that have a name, such as `documents`.
    Count(&'static str),
}

/// A phase under way; it ends when this is dropped.
///
/// ```
/// use jikji_telemetry::{Console, Phase, ProgressMode, Unit};
///
/// let console = Console::new(ProgressMode::Plain);
/// let phase = Phase::start(&console, "reading");
/// for file in 0..3 {
///     phase.at(file, 3, Unit::Count("files"));
/// }
/// ```
#[derive(Debug)]
pub struct Phase {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug)]
struct State {
    name: String,
    since: Instant,
    at: Option<At>,
    is_over: bool,
}

#[derive(Debug, Clone, Copy)]
struct At {
    /// Where the work was when it first reported: an interrupted one does not begin at 0.
    first: u64,
    done: u64,
    total: u64,
    unit: Unit,
}

impl Phase {
    /// Begins a phase called `name`, such as `tokenizing`.
    pub fn start(console: &Console, name: impl Into<String>) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                name: name.into(),
                since: Instant::now(),
                at: None,
                is_over: false,
            }),
            ended: Condvar::new(),
        });
        let (shown, console) = (shared.clone(), console.clone());
        let thread = std::thread::Builder::new()
            .name("phase".to_owned())
            .spawn(move || show(&shown, &console));
        Self {
            shared,
            // Without a thread the work goes on unseen.
            thread: thread.ok(),
        }
    }

    /// Reports `done` of `total`; a `total` of 0 is unknown.
    pub fn at(&self, done: u64, total: u64, unit: Unit) {
        let mut state = self.shared.lock();
        let first = state.at.map_or(done, |at| at.first.min(done));
        state.at = Some(At {
            first,
            done,
            total,
            unit,
        });
    }
}

impl Drop for Phase {
    fn drop(&mut self) {
        self.shared.lock().is_over = true;
        self.shared.ended.notify_all();
        if let Some(thread) = self.thread.take() {
            // It neither panics nor waits for anything but this.
            let _ = thread.join();
        }
    }
}

/// Phases one after the other, each known by its name.
#[derive(Debug)]
pub struct Phases {
    console: Console,
    current: Option<(&'static str, Phase)>,
}

impl Phases {
    /// None under way yet.
    pub fn on(console: &Console) -> Self {
        Self {
            console: console.clone(),
            current: None,
        }
    }

    /// Begins the phase `name`, unless it is the one under way.
    pub fn begin(&mut self, name: &'static str) -> &Phase {
        if self
            .current
            .as_ref()
            .is_none_or(|(current, _)| *current != name)
        {
            // The line of the phase before goes first.
            self.current = None;
        }
        let (_, phase) = self
            .current
            .get_or_insert_with(|| (name, Phase::start(&self.console, name)));
        phase
    }

    /// Reports from the phase `name`, as [`Phase::at`] does.
    pub fn at(&mut self, name: &'static str, done: u64, total: u64, unit: Unit) {
        self.begin(name).at(done, total, unit);
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn show(shared: &Shared, console: &Console) {
    let is_live = console.mode() == ProgressMode::Terminal;
    let every = if is_live { LIVE_EVERY } else { PLAIN_EVERY };
    let mut has_line = false;
    let mut state = shared.lock();
    while !state.is_over {
        let (next, waited) = shared
            .ended
            .wait_timeout_while(state, every, |state| !state.is_over)
            .unwrap_or_else(PoisonError::into_inner);
        state = next;
        if !waited.timed_out() {
            break;
        }
        let text = line(&state.name, state.since.elapsed(), state.at);
        // Writing may block: not while the work waits to report.
        drop(state);
        if is_live {
            console.set_live(Some(&text));
            has_line = true;
        } else {
            console.say(text);
        }
        state = shared.lock();
    }
    drop(state);
    if has_line {
        console.set_live(None);
    }
}

/// `tokenizing: 1.2 GB of 4.8 GB (25 %), 31 s, ETA 1 min 33 s`
fn line(name: &str, elapsed: Duration, at: Option<At>) -> String {
    let seconds = elapsed.as_secs_f64();
    let time = human_duration(seconds.round());
    let Some(at) = at else {
        return format!("{name}: {time}");
    };
    let shown = |value: u64| match at.unit {
        Unit::Bytes => human_bytes(value),
        Unit::Count(_) => with_separators(value),
    };
    let noun = match at.unit {
        Unit::Bytes => String::new(),
        Unit::Count(noun) => format!(" {noun}"),
    };
    if at.total == 0 {
        return format!("{name}: {}{noun}, {time}", shown(at.done));
    }
    let done = at.done.min(at.total);
    // Rounded down, so that 100 % means done.
    let percent = u128::from(done) * 100 / u128::from(at.total);
    let left = (at.total - done) as f64;
    let made = done.saturating_sub(at.first) as f64;
    let eta = if made >= LEAST_SHARE * at.total as f64 && left > 0.0 {
        format!(", ETA {}", human_duration((seconds / made * left).round()))
    } else {
        String::new()
    };
    format!(
        "{name}: {} of {}{noun} ({percent} %), {time}{eta}",
        shown(done),
        shown(at.total)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let at = |first, done, total, unit| {
            Some(At {
                first,
                done,
                total,
                unit,
            })
        };
        let check = |at, expect: &str| {
            assert_eq!(line("tokenizing", Duration::from_secs(30), at), expect);
        };
        check(None, "tokenizing: 30 s");
        let documents = Unit::Count("documents");
        check(
            at(0, 250, 1000, documents),
            "tokenizing: 250 of 1,000 documents (25 %), 30 s, ETA 1 min 30 s",
        );
        // Half was there already; the other half is at its middle.
        check(
            at(500, 750, 1000, documents),
            "tokenizing: 750 of 1,000 documents (75 %), 30 s, ETA 30 s",
        );
        check(
            at(0, 10, 1000, documents),
            "tokenizing: 10 of 1,000 documents (1 %), 30 s",
        );
        check(
            at(0, 1000, 1000, documents),
            "tokenizing: 1,000 of 1,000 documents (100 %), 30 s",
        );
        check(at(0, 7, 0, documents), "tokenizing: 7 documents, 30 s");
        check(
            at(0, 2_000_000, 1_000_000, Unit::Bytes),
            "tokenizing: 1 MB of 1 MB (100 %), 30 s",
        );
    }

    #[test]
    fn a_short_phase_shows_nothing() {
        let console = Console::in_memory();
        let phase = Phase::start(&console, "reading");
        phase.at(1, 2, Unit::Count("files"));
        drop(phase);
        assert!(console.lines().is_empty());
    }
}
