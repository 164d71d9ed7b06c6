//! The only place that prints.
#![expect(clippy::print_stderr, reason = "this module is the program's mouth")]
#![expect(
    clippy::exit,
    reason = "what cannot be said to anybody is not computed to its end"
)]

use std::io::{ErrorKind, Write};

use crate::exit;
use crate::failure::Failure;

/// Data, on stdout.
pub(crate) fn data(text: impl AsRef<str>) {
    piece(&format!("{}\n", text.as_ref()));
}

/// A piece of data without a line's end, shown at once. Where it cannot be, the program ends: nobody would see the rest.
pub(crate) fn piece(text: &str) {
    let mut stdout = std::io::stdout();
    let written = stdout.write_all(text.as_bytes());
    let Err(error) = written.and_then(|()| stdout.flush()) else {
        return;
    };
    // A reader that went away (`| head`) has what it wanted.
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

/// Talk, on stderr.
pub(crate) fn say(text: impl AsRef<str>) {
    eprintln!("{}", text.as_ref());
}

/// Why the command ends, and the way out.
pub(crate) fn report(failure: &Failure) {
    eprintln!("error: {}", harmless(&failure.message));
    if let Some(hint) = &failure.hint {
        eprintln!("hint: {}", harmless(hint));
    }
}

/// With control characters escaped, but for ends of lines: messages repeat what strangers wrote into their files, and a terminal obeys it.
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
