//! How far a command is: one live line on a terminal, a line every ten seconds elsewhere.

use std::time::{Duration, Instant};

use jikji_telemetry::{Console, ProgressMode};

use crate::console;

/// Between two lines where nothing can be redrawn.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// Between two forms of the live line.
const LIVE_EVERY: Duration = Duration::from_millis(250);

/// A clock for messages about progress; the live line goes away with it.
pub(crate) struct NowAndThen {
    console: Console,
    last: Instant,
}

impl NowAndThen {
    pub(crate) fn new() -> Self {
        Self {
            console: console::shared().clone(),
            last: Instant::now(),
        }
    }

    /// Shows the line, if one is due.
    pub(crate) fn tell(&mut self, line: impl FnOnce() -> String) {
        if self.is_due() {
            match self.console.mode() {
                ProgressMode::Terminal => self.console.set_live(Some(&line())),
                ProgressMode::Plain => self.console.say(line()),
            }
        }
    }

    /// Whether a line is due; the next one is a while later.
    pub(crate) fn is_due(&mut self) -> bool {
        let every = match self.console.mode() {
            ProgressMode::Terminal => LIVE_EVERY,
            ProgressMode::Plain => PLAIN_EVERY,
        };
        let is_due = self.last.elapsed() >= every;
        if is_due {
            self.last = Instant::now();
        }
        is_due
    }
}

impl Drop for NowAndThen {
    fn drop(&mut self) {
        self.console.set_live(None);
    }
}
