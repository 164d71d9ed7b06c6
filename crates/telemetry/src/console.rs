//! Everything that is said to people while a command runs: one door to stderr, shared with the live line.
//!
//! stdout is for data, so nothing of this crate writes there.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::TelemetryError;
use crate::append_file::AppendFile;
use crate::display_width::cut_to_width;

/// Columns assumed where the terminal does not tell.
const DEFAULT_COLUMNS: usize = 80;

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgressMode {
    /// One line that is redrawn in place.
    Terminal,
    /// A line of its own now and then, for logs and pipes.
    Plain,
}

impl ProgressMode {
    /// [`ProgressMode::Terminal`] when stderr is a terminal that can redraw a line.
    pub fn detect() -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        if io::stderr().is_terminal() && !dumb {
            Self::Terminal
        } else {
            Self::Plain
        }
    }
}

/// The way to stderr. Clones share it, so that lines from any thread appear above the live line and never in it.
#[derive(Debug, Clone)]
pub struct Console {
    mode: ProgressMode,
    colour: bool,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    sink: Sink,
    live: Option<ProgressBar>,
    log: Option<AppendFile>,
}

#[derive(Debug)]
enum Sink {
    Stderr,
    Memory(Vec<String>),
}

impl Console {
    /// A console on stderr. Colour is used in [`ProgressMode::Terminal`] unless `NO_COLOR` is set.
    pub fn new(mode: ProgressMode) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self::with_sink(
            mode,
            mode == ProgressMode::Terminal && !no_color,
            Sink::Stderr,
        )
    }

    /// A console that keeps its lines for [`Console::lines`] instead of showing them; for tests.
    pub fn in_memory() -> Self {
        Self::with_sink(ProgressMode::Plain, false, Sink::Memory(Vec::new()))
    }

    /// Also writes every line to `path`, such as `log.rank0.txt` of a run.
    ///
    /// # Errors
    /// The file cannot be opened; later failures are passed over.
    pub fn log_to(&self, path: &Path) -> Result<(), TelemetryError> {
        let file = AppendFile::open(path, Duration::ZERO)?;
        self.lock().log = Some(file);
        Ok(())
    }

    /// Says a line.
    pub fn say(&self, line: impl AsRef<str>) {
        self.write(line.as_ref(), line.as_ref());
    }

    /// Says that something went differently than asked.
    pub fn warn(&self, line: impl AsRef<str>) {
        let plain = format!("warning: {}", line.as_ref());
        if self.colour {
            self.write(
                &format!("\u{1b}[33mwarning:\u{1b}[0m {}", line.as_ref()),
                &plain,
            );
        } else {
            self.write(&plain, &plain);
        }
    }

    /// The lines of an [`Console::in_memory`] console so far.
    pub fn lines(&self) -> Vec<String> {
        match &self.lock().sink {
            Sink::Memory(lines) => lines.clone(),
            Sink::Stderr => Vec::new(),
        }
    }

    /// How progress is shown here.
    pub fn mode(&self) -> ProgressMode {
        self.mode
    }

    /// Starts, changes or (with `None`) removes the live line.
    pub(crate) fn set_live(&self, line: Option<&str>) {
        let mut shared = self.lock();
        let Some(line) = line else {
            if let Some(live) = shared.live.take() {
                live.finish_and_clear();
            }
            return;
        };
        let live = shared.live.get_or_insert_with(|| {
            let live = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
            live.set_style(
                ProgressStyle::with_template("{msg}")
                    .unwrap_or_else(|_| ProgressStyle::default_spinner()),
            );
            live
        });
        live.set_message(cut_to_width(line, Self::live_columns()));
        live.tick();
    }

    /// Columns of the live line. The last one stays free: some terminals wrap when it is written.
    pub(crate) fn live_columns() -> usize {
        columns().saturating_sub(1)
    }

    fn with_sink(mode: ProgressMode, colour: bool, sink: Sink) -> Self {
        Self {
            mode,
            colour,
            shared: Arc::new(Mutex::new(Shared {
                sink,
                live: None,
                log: None,
            })),
        }
    }

    fn write(&self, shown: &str, plain: &str) {
        let mut shared = self.lock();
        if let Some(log) = &mut shared.log {
            log.append(format!("{plain}\n").as_bytes());
        }
        let live = shared.live.clone();
        match &mut shared.sink {
            Sink::Memory(lines) => lines.push(plain.to_owned()),
            Sink::Stderr => {
                // Nobody is left to hear about a closed stderr.
                let print = || drop(writeln!(io::stderr(), "{shown}"));
                match live {
                    Some(live) => live.suspend(print),
                    None => print(),
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn columns() -> usize {
    match rustix::termios::tcgetwinsize(io::stderr()) {
        Ok(size) if size.ws_col > 0 => usize::from(size.ws_col),
        _ => DEFAULT_COLUMNS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_the_lines_and_the_log_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.rank0.txt");
        let console = Console::in_memory();
        console.log_to(&path).unwrap();
        console.clone().say("하나");
        console.warn("two");
        assert_eq!(console.lines(), ["하나", "warning: two"]);
        assert_eq!(
            std::fs::read_to_string(path).unwrap(),
            "하나\nwarning: two\n"
        );
    }
}
