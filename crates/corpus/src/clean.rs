//! The cleaning that every document gets: only what no reader would miss, so that statutes and judgments stay
//! word for word what they were. Quality filters are not here.

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Changes when the same text is cleaned to another one.
pub(crate) const CLEAN_VERSION: u32 = 2;

/// U+FEFF. Also removed inside the text, where joining files leaves it.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Makes a text clean; doing it twice changes nothing more.
///
/// Byte order marks are removed. Whatever ends a line becomes LF: CRLF, CR, VT, FF, NEL, the
/// separators FS, GS and RS, and U+2028 and U+2029, as UAX #14 and Python's `splitlines` have it.
/// The unit separator US becomes a space; a tab stays. Other control characters take no place and
/// are removed. The text is brought to NFC; blanks at the ends of lines and blank lines around the
/// text are removed. Indentation, runs of spaces and blank lines inside the text stay. The result
/// is empty if nothing else was there.
///
/// ```
/// assert_eq!(jikji_corpus::clean("제목\u{b}본문  \r\n\u{feff}끝\u{c}"), "제목\n본문\n끝");
/// ```
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

/// What stands between words must not vanish, or they are one word. Which control characters do is
/// their bidirectional class: B (paragraph separators) and the forced breaks of UAX #14 are line
/// ends, S (segment separators) are blanks, BN is nothing.
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
            '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                out.push('\n');
            }
            '\u{1f}' => out.push(' '),
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
            ("가\u{0}\u{7}\u{7f}\u{9b}나", "가나"),
            ("제목\u{b}본문\u{c}쪽", "제목\n본문\n쪽"),
            ("가\u{85}나\u{2028}다\u{2029}라", "가\n나\n다\n라"),
            ("가\u{1c}나\u{1d}다\u{1e}라\u{1f}마", "가\n나\n다\n라 마"),
            ("가\r\u{85}나\u{1f}\n", "가\n\n나"),
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
            text in "(\\PC|[\u{0}-\u{20}]|[\u{7f}-\u{9f}]|[\u{2028}\u{2029}\u{feff}]|[\u{1100}-\u{11ff}]|[\u{300}-\u{310}]|\r\n){0,60}",
        ) {
            let once = clean(&text);
            prop_assert_eq!(clean(&once), once.clone());
            prop_assert!(is_nfc(&once));
            prop_assert!(once.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()));
            prop_assert!(once.lines().all(|line| line.trim_end() == line));
        }

        /// What Python's `str.splitlines` and `str.split` keep apart stays apart.
        #[test]
        fn no_separator_glues_two_words(
            separator in "[\t\n\u{b}\u{c}\r\u{1c}-\u{20}\u{85}\u{a0}\u{1680}\u{2000}-\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}]{1,3}",
        ) {
            let text = clean(&format!("앞{separator}뒤"));
            let words: Vec<&str> = text.split_whitespace().collect();
            prop_assert_eq!(words, ["앞", "뒤"], "{:?}", separator);
        }
    }
}
