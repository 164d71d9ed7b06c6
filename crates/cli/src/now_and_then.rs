//! How often a command that takes long says how far it is.

use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_secs(5);

/// A clock for words about progress.
pub(crate) struct NowAndThen {
    last: Instant,
}

impl NowAndThen {
    pub(crate) fn new() -> Self {
        Self {
            last: Instant::now(),
        }
    }

    /// Whether a word is due; the next one is five seconds later.
    pub(crate) fn is_due(&mut self) -> bool {
        let is_due = self.last.elapsed() >= EVERY;
        if is_due {
            self.last = Instant::now();
        }
        is_due
    }
}
