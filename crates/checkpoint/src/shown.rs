//! Words of a file that a stranger made, as they stand in a message.

use std::fmt::{self, Write};

/// Longest part of a name that a message repeats, in characters; published names have fewer than 100.
const NAME: usize = 120;

/// As much of what a parser says. It repeats what it did not expect, however long that is.
const PROBLEM: usize = 1_000;

/// A name, cut, and with control characters escaped, so that no file can fill a terminal or steer it.
pub(crate) fn shown(name: &str) -> Shown<'_> {
    Shown {
        text: name,
        most: NAME,
    }
}

/// As [`shown`], for a whole sentence.
pub(crate) fn shown_problem(problem: &str) -> Shown<'_> {
    Shown {
        text: problem,
        most: PROBLEM,
    }
}

pub(crate) struct Shown<'a> {
    text: &'a str,
    most: usize,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut characters = self.text.chars();
        let mut written = 0;
        while written < self.most
            && let Some(character) = characters.next()
        {
            match character {
                // Alone in a message, they need no escape.
                '"' | '\'' | '\\' => {
                    f.write_char(character)?;
                    written += 1;
                }
                other => {
                    let escaped = other.escape_debug();
                    written += escaped.len();
                    write!(f, "{escaped}")?;
                }
            }
        }
        match characters.count() {
            0 => Ok(()),
            more => write!(f, "... ({more} more characters)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn names_stay_and_what_steers_a_terminal_does_not() {
        for name in ["model.layers.0.q_proj.weight", "가중치 \"a\" \\ 'b'"] {
            assert_eq!(shown(name).to_string(), name);
        }
        let steering = "\u{1b}[2J\n\0\u{202e}";
        assert_eq!(shown(steering).to_string(), r"\u{1b}[2J\n\0\u{202e}");
        let long = shown(&"a".repeat(1_000)).to_string();
        assert!(long.ends_with("a... (880 more characters)"), "{long}");
    }
}
