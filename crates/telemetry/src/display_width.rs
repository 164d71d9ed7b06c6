//! How many columns text takes in a terminal, where Hangul and other wide characters take two.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns that `text` takes.
pub fn display_width(text: &str) -> usize {
    text.width()
}

/// `text` in at most `columns` columns; what does not fit is replaced by `…`. A wide character is never halved,
/// and control characters, which could move the cursor, become spaces.
pub fn cut_to_width(text: &str, columns: usize) -> String {
    let clean = text.chars().map(|character| {
        if character.is_control() {
            ' '
        } else {
            character
        }
    });
    let clean = clean.collect::<String>();
    if clean.width() <= columns {
        return clean;
    }
    let Some(room) = columns.checked_sub(1) else {
        return String::new();
    };
    let (mut cut, mut used) = (String::new(), 0);
    for character in clean.chars() {
        used += character.width().unwrap_or(0);
        if used > room {
            break;
        }
        cut.push(character);
    }
    // A character's width can depend on its neighbours, so the sum above is only a first guess.
    while cut.width() > room && cut.pop().is_some() {}
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hangul_counts_twice() {
        for (text, columns, expected) in [
            ("직지 train", 10, "직지 train"),
            ("직지 train", 9, "직지 tra…"),
            ("직지심체요절", 12, "직지심체요절"),
            ("직지심체요절", 11, "직지심체요…"),
            ("직지심체요절", 10, "직지심체…"),
            ("직지", 1, "…"),
            ("직지", 0, ""),
            ("loss\t3\u{1b}[2J", 20, "loss 3 [2J"),
        ] {
            assert_eq!(cut_to_width(text, columns), expected, "{text} in {columns}");
        }
        assert_eq!(display_width("직지 train"), 10);
    }

    proptest! {
        #[test]
        fn never_wider_than_asked(text in any::<String>(), columns in 0..40_usize) {
            prop_assert!(display_width(&cut_to_width(&text, columns)) <= columns);
        }
    }
}
