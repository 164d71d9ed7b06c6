//! The only place that prints: data on stdout, messages on stderr.
//!
//! A message that cannot be written is dropped and the command goes on. Data that cannot be written
//! ends the command.
#![expect(
    clippy::exit,
    reason = "without stdout the rest of the data would be computed for nothing"
)]

use std::io::{ErrorKind, Write};
use std::sync::LazyLock;

use jikji_telemetry::{Console, ProgressMode};

use crate::exit;
use crate::failure::Failure;

static SHARED: LazyLock<Console> = LazyLock::new(|| Console::new(ProgressMode::detect()));

/// The way to stderr, shared by everything that may show a live line there.
pub(crate) fn shared() -> &'static Console {
    &SHARED
}

/// Data, on stdout.
pub(crate) fn data(text: impl AsRef<str>) {
    piece(&format!("{}\n", text.as_ref()));
}

/// A piece of data without a line's end, shown at once.
pub(crate) fn piece(text: &str) {
    let mut stdout = std::io::stdout();
    let written = stdout.write_all(text.as_bytes());
    if let Err(error) = written.and_then(|()| stdout.flush()) {
        end_without_stdout(&error);
    }
}

/// Ends the program: quietly if the reader went away (`| head` has what it wanted), with an error
/// otherwise.
pub(crate) fn end_without_stdout(error: &std::io::Error) -> ! {
    if error.kind() == ErrorKind::BrokenPipe {
        std::process::exit(0);
    }
    report(
        &Failure::new(
            exit::RUN_FOLDER,
            format!("failed to write to the standard output: {error}"),
        )
        .with_hint("free space where it goes, or send it elsewhere"),
    );
    std::process::exit(exit::RUN_FOLDER.into());
}

/// A message, on stderr.
pub(crate) fn say(text: impl AsRef<str>) {
    SHARED.say(text);
}

/// Why the command ends, and the way out.
pub(crate) fn report(failure: &Failure) {
    SHARED.say(format!("error: {}", harmless(&failure.message)));
    if let Some(hint) = &failure.hint {
        SHARED.say(format!("hint: {}", harmless(hint)));
    }
}

/// Escapes control characters other than line ends: messages quote files, and a terminal would obey
/// what is written there.
fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && c != '\n' {
            shown.extend(c.escape_debug());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_message_cannot_steer_the_terminal() {
        assert_eq!(super::harmless("a\u{1b}[2J\n가\r"), "a\\u{1b}[2J\n가\\r");
    }
}
