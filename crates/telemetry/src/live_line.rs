//! The line that is redrawn in place, and the bytes that remove it, even after the width of the
//! terminal has changed.
//!
//! Terminals wrap a line again if it no longer fits. The number of rows to clear therefore depends
//! on the drawn text and the current width, not on the width at the time of drawing.

use std::time::{Duration, Instant};

use unicode_width::UnicodeWidthChar;

use crate::display_width::cut_to_width;

/// Minimum time between two updates of the line; earlier updates are not drawn.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// The live line of a console.
#[derive(Debug, Default)]
pub(crate) struct LiveLine {
    /// The text on the screen.
    drawn: Option<String>,
    last: Option<Instant>,
}

impl LiveLine {
    /// The bytes that draw a new text, if an update is due. The last column stays free, because
    /// some terminals wrap when it is written.
    pub(crate) fn set(&mut self, line: &str, columns: usize) -> Option<String> {
        if self.last.is_some_and(|last| last.elapsed() < DRAW_EVERY) {
            return None;
        }
        let line = cut_to_width(line, columns.saturating_sub(1));
        let bytes = format!("{}{line}", self.erase(columns));
        self.drawn = Some(line);
        self.last = Some(Instant::now());
        Some(bytes)
    }

    /// The bytes that remove the line.
    pub(crate) fn clear(&mut self, columns: usize) -> String {
        let bytes = self.erase(columns);
        *self = Self::default();
        bytes
    }

    /// The bytes that print an ordinary line above this one.
    pub(crate) fn above(&mut self, line: &str, columns: usize) -> String {
        let erase = self.erase(columns);
        // After a change of the width, the old text may not fit.
        self.drawn = self
            .drawn
            .as_ref()
            .map(|drawn| cut_to_width(drawn, columns.saturating_sub(1)));
        let drawn = self.drawn.as_deref().unwrap_or_default();
        format!("{erase}{line}\n{drawn}")
    }

    fn erase(&self, columns: usize) -> String {
        let Some(drawn) = &self.drawn else {
            return String::new();
        };
        match rows(drawn, columns) - 1 {
            0 => "\r\u{1b}[K".to_owned(),
            above => format!("\u{1b}[{above}A\r\u{1b}[J"),
        }
    }
}

/// Number of terminal rows of a text. A terminal never splits a wide character.
fn rows(text: &str, columns: usize) -> usize {
    let (mut rows, mut used) = (1, 0);
    for width in text.chars().filter_map(UnicodeWidthChar::width) {
        if used + width > columns {
            rows += 1;
            used = 0;
        }
        used += width;
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_follow_the_width_of_now() {
        for (text, columns, expected) in [
            ("", 10, 1),
            ("0123456789", 10, 1),
            ("0123456789", 9, 2),
            ("가나다라마", 10, 1),
            ("가나다라마", 9, 2),
            ("가나다라마", 3, 5),
        ] {
            assert_eq!(rows(text, columns), expected, "{text} in {columns}");
        }
    }

    #[test]
    fn a_line_is_removed_where_it_is_now() {
        let mut live = LiveLine::default();
        assert_eq!(live.above("하나", 30), "하나\n");
        let drawn = live.set("손실 3.214  1,203 tokens/s", 20).unwrap();
        assert_eq!(drawn, "손실 3.214  1,203 …");
        assert_eq!(live.set("too soon", 20), None);
        assert_eq!(live.above("둘", 20), format!("\r\u{1b}[K둘\n{drawn}"));
        // Wrapped into two rows by a narrower terminal.
        assert_eq!(live.above("셋", 12), "\u{1b}[1A\r\u{1b}[J셋\n손실 3.214…");
        assert_eq!(live.clear(12), "\r\u{1b}[K");
        assert_eq!(live.clear(12), "");
    }
}
