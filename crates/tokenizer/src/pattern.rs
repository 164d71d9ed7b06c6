//! Where text is cut before merging: no token spans two pieces.
//!
//! The pattern is written into `tokenizer.json`, so every program cuts alike. It uses only what the common regex engines
//! share: property classes, `\u` ranges and look-ahead.

use crate::Digits;
use crate::char_class::HANGUL_RANGES as HANGUL;

/// How GPT-2 cuts, and every file whose pre-tokenizer is `ByteLevel` alone.
pub(crate) const GPT2_PATTERN: &str =
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

/// The regular expression by which tokenizers trained here cut text. Its matches are the pieces, tried in this order at each place:
///
/// 1. an English contraction that ends the word (`'s`, `'re`),
/// 2. a run of Hangul with at most one space in front: an eojeol, cut from the Latin and digits glued to it,
/// 3. a run of other letters with their marks, again with at most one space in front,
/// 4. digits, singly or in groups of three from the left,
/// 5. a run of punctuation, symbols and emoji with at most one space in front and the newlines that follow,
/// 6. blanks up to and with newlines, then blanks that leave one space for the next word, then any blanks.
pub fn split_pattern(digits: Digits) -> String {
    let number = match digits {
        Digits::Single => r"\p{N}",
        Digits::UpToThree => r"\p{N}{1,3}",
    };
    [
        r"'(?i:[sdmt]|ll|ve|re)(?!\p{L})",
        &format!(r" ?[{HANGUL}][{HANGUL}\p{{M}}]*"),
        &format!(r" ?(?:(?![{HANGUL}])\p{{L}}\p{{M}}*)+"),
        number,
        r" ?[^\s\p{L}\p{N}]+[\r\n]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    ]
    .join("|")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokenizers::utils::SysRegex;

    fn check(digits: Digits, text: &str, expected: &str) {
        let regex = SysRegex::new(&split_pattern(digits)).unwrap();
        let mut end = 0;
        let mut pieces = Vec::new();
        for (from, to) in regex.find_iter(text) {
            assert_eq!(from, end, "a gap in {text:?}");
            pieces.push(&text[from..to]);
            end = to;
        }
        assert_eq!(end, text.len(), "a tail of {text:?}");
        assert_eq!(pieces.join("|"), expected, "{text:?}");
    }

    #[test]
    fn hangul_is_cut_from_what_is_glued_to_it() {
        for (text, expected) in [
            ("GPU를 3월에", "GPU|를| |3|월에"),
            ("제12조의2(벌칙)", "제|1|2|조의|2|(|벌칙|)"),
            ("서울  부산", "서울| | 부산"),
            ("大韓民國은", "大韓民國|은"),
            ("좋아ㅋㅋㅋ ㅠㅠ", "좋아ㅋㅋㅋ| ㅠㅠ"),
            ("\u{1112}\u{119E}\u{11AB}글", "\u{1112}\u{119E}\u{11AB}글"),
            ("끝.\n\n다음", "끝|.\n\n|다음"),
            ("가\r\n 나", "가|\r\n| 나"),
            ("「민법」 제1조", "「|민법|」| 제|1|조"),
            ("a@b.kr로", "a|@|b|.|kr|로"),
            ("3.5㎎/㎗", "3|.|5|㎎/㎗"),
        ] {
            check(Digits::Single, text, expected);
        }
    }

    #[test]
    fn latin_digits_marks_and_blanks() {
        for (text, expected) in [
            ("don't we'll 'the", "don|'t| we|'ll| '|the"),
            ("cafe\u{301} नमस्ते", "cafe\u{301}| नमस्ते"),
            ("12345원", "123|45|원"),
            ("❤\u{FE0F}👨\u{200D}👩 ok", "❤\u{FE0F}👨\u{200D}👩| ok"),
            ("\t x \0", "\t| x| \0"),
            ("end   ", "end|   "),
        ] {
            check(Digits::UpToThree, text, expected);
        }
    }
}
