//! The cleaning that every document gets: only what no reader would miss, so that statutes and judgments stay
//! word for word what they were. Quality filters are not here.

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// U+FEFF. Also removed inside the text, where joining files leaves it.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Makes a text clean; doing it twice changes nothing more.
///
/// Byte order marks are removed; CRLF and lone CR become LF; other control characters but tab and LF are removed; the
/// text is brought to NFC; blanks at the ends of lines and blank lines around the text are removed. Indentation, runs
/// of spaces and blank lines inside the text stay. The result is empty if nothing else was there.
pub fn clean(text: &str) -> String {
    // Control characters go before normalization: one between two jamo would keep them from composing.
    let bare = without_controls(text);
    let composed = if is_nfc_quick(bare.chars()) == IsNormalized::Yes {
        bare
    } else {
        bare.nfc().collect()
    };

    let mut out = String::with_capacity(composed.len());
    let mut blank_lines = 0;
    for line in composed.split('\n').map(str::trim_end) {
        if line.is_empty() {
            blank_lines += 1;
            continue;
        }
        if !out.is_empty() {
            out.extend(std::iter::repeat_n('\n', blank_lines + 1));
        }
        blank_lines = 0;
        out.push_str(line);
    }
    out
}

fn without_controls(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                chars.next_if_eq(&'\n');
                out.push('\n');
            }
            '\n' | '\t' => out.push(c),
            BYTE_ORDER_MARK => {}
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_normalization::is_nfc;

    use super::*;

    #[test]
    fn each_rule() {
        for (raw, expect) in [
            ("\u{feff}제1조", "제1조"),
            ("가\r\n나\r다", "가\n나\n다"),
            ("\u{1112}\u{1161}\u{11ab}국", "한국"),
            ("\u{1112}\u{0}\u{1161}\u{11ab}", "한"),
            ("가\u{0}\u{7}\u{7f}\u{85}나", "가나"),
            ("가 \t\n나\u{3000}", "가\n나"),
            ("\n \t\n  들여쓰기\n\n\n끝\n \n", "  들여쓰기\n\n\n끝"),
            ("칸    칸\t칸", "칸    칸\t칸"),
            (" \r\n\u{feff}\u{0}\n", ""),
        ] {
            assert_eq!(clean(raw), expect, "{raw:?}");
        }
    }

    proptest! {
        #[test]
        fn clean_text_is_stable_nfc_and_without_controls(
            text in "(\\PC|[\u{0}-\u{20}]|\u{feff}|[\u{1100}-\u{11ff}]|[\u{300}-\u{310}]|\r\n){0,60}",
        ) {
            let once = clean(&text);
            prop_assert_eq!(clean(&once), once.clone());
            prop_assert!(is_nfc(&once));
            prop_assert!(once.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()));
            prop_assert!(once.lines().all(|line| line.trim_end() == line));
        }
    }
}
