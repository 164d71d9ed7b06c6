//! The only place that prints.
#![expect(clippy::print_stderr, reason = "this module is the program's mouth")]

use std::io::{ErrorKind, Write};
use std::sync::OnceLock;

use crate::exit;
use crate::failure::Failure;

/// Data, on stdout.
pub(crate) fn data(text: impl AsRef<str>) {
    piece(&format!("{}\n", text.as_ref()));
}

/// A piece of data without a line's end, shown at once.
pub(crate) fn piece(text: &str) {
    let mut stdout = std::io::stdout();
    let written = stdout.write_all(text.as_bytes());
    if let Err(error) = written.and_then(|()| stdout.flush())
        && error.kind() != ErrorKind::BrokenPipe
    {
        // A reader that went away (`| head`) has what it wanted; a disk that is full has not.
        LOST.get_or_init(|| error.to_string());
    }
}

/// Why some of the data reached nobody, if so.
pub(crate) fn lost() -> Option<Failure> {
    let error = LOST.get()?;
    Some(Failure::new(
        exit::UNEXPECTED,
        format!("failed to write to the standard output: {error}"),
    ))
}

static LOST: OnceLock<String> = OnceLock::new();

/// Talk, on stderr.
pub(crate) fn say(text: impl AsRef<str>) {
    eprintln!("{}", text.as_ref());
}

/// Why the command ends, and the way out.
pub(crate) fn report(failure: &Failure) {
    eprintln!("error: {}", failure.message);
    if let Some(hint) = &failure.hint {
        eprintln!("hint: {hint}");
    }
}
