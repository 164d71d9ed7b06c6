//! Messages on stderr, and the live line that shares it.
//!
//! stdout is for data, so nothing of this crate writes there. A message that cannot be written
//! (stderr closed or full, its reader gone) is dropped.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::TelemetryError;
use crate::append_file::AppendFile;
use crate::live_line::LiveLine;

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
    live: LiveLine,
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

    /// Starts, changes or (with `None`) removes the live line, which is redrawn in place below all
    /// other lines. For [`ProgressMode::Terminal`] only.
    pub fn set_live(&self, line: Option<&str>) {
        let mut shared = self.lock();
        let bytes = match line {
            Some(line) => shared.live.set(line, columns()),
            None => Some(shared.live.clear(columns())),
        };
        if let Some(bytes) = bytes {
            print(&bytes);
        }
    }

    /// Columns that the live line may take.
    pub(crate) fn live_columns() -> usize {
        columns().saturating_sub(1)
    }

    fn with_sink(mode: ProgressMode, colour: bool, sink: Sink) -> Self {
        Self {
            mode,
            colour,
            shared: Arc::new(Mutex::new(Shared {
                sink,
                live: LiveLine::default(),
                log: None,
            })),
        }
    }

    fn write(&self, shown: &str, plain: &str) {
        let mut shared = self.lock();
        if let Some(log) = &mut shared.log {
            log.append(format!("{plain}\n").as_bytes());
        }
        let shared = &mut *shared;
        match &mut shared.sink {
            Sink::Memory(lines) => lines.push(plain.to_owned()),
            Sink::Stderr => print(&shared.live.above(shown, columns())),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// In one call, so that lines of several processes do not mix. There is no place to report a
/// failure to.
fn print(bytes: &str) {
    if !bytes.is_empty() {
        let _ = io::stderr().write_all(bytes.as_bytes());
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
