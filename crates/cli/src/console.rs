//! The only place that prints.
#![expect(clippy::print_stderr, reason = "this module is the program's mouth")]

use crate::failure::Failure;

/// Data, on stdout.
pub(crate) fn data(text: impl AsRef<str>) {
    use std::io::Write;
    // A reader that went away (`| head`) is not an error of ours.
    let _ = writeln!(std::io::stdout(), "{}", text.as_ref());
}

/// A piece of data without a line's end, shown at once.
pub(crate) fn piece(text: &str) {
    use std::io::Write;
    let mut stdout = std::io::stdout();
    let _ = stdout.write_all(text.as_bytes());
    let _ = stdout.flush();
}

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
