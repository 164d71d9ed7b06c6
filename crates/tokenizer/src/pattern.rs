//! Where text is cut before merging: no token spans two pieces.
//!
//! The pattern is written into `tokenizer.json`, so every program cuts alike. Ours use only what the common regex engines
//! share: property classes, `\u` ranges and look-ahead.

use serde_json::{Value, json};

use crate::{Digits, PreTokenization};

/// How GPT-2 cuts, and every file whose pre-tokenizer is `ByteLevel` alone.
pub const GPT2: &str =
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

/// How Llama 3 cuts: digits in threes from the left.
pub const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// How Qwen2 and Solar Open cut: single digits.
pub const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// How K-EXAONE cuts: several words that single spaces stand between are one piece.
pub const K_EXAONE: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+";

/// How o200k, the encoding of GPT-4o, cuts: at changes from lower to upper case too.
pub const O200K: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Our own expression for Korean. Its matches are the pieces, tried in this order at each place:
///
/// 1. whatever is no blank and no digit, with the blanks in front and the newlines that follow: an eojeol with its
///    punctuation, cut from the digits glued to it,
/// 2. digits, singly or in groups of three from the right (of more than 27, the first ones from the left: looking further
///    ahead would take time that grows with the square of their number),
/// 3. blanks up to and with newlines, then any blanks.
///
/// llama.cpp has a pre-tokenizer that cuts at numbers only, `superbpe`. As merges learned here lie within our pieces, it gives the
/// same ids in nearly all text.
pub fn korean(digits: Digits) -> String {
    korean_words("", digits)
}

/// As [`korean`], but pieces go on over a single space behind a letter: what superwords are made of.
pub fn korean_superwords(digits: Digits) -> String {
    korean_words(r"(?:(?<=[\p{L}\p{M}]) [^\s\p{N}]+)*", digits)
}

fn korean_words(more: &str, digits: Digits) -> String {
    let number = match digits {
        Digits::Single => r"\p{N}",
        Digits::UpToThree => r"\p{N}{1,3}(?=(?:\p{N}{3}){0,8}(?!\p{N}))|\p{N}{1,3}",
    };
    format!(r"[^\S\r\n]*[^\s\p{{N}}]+{more}[\r\n]*|{number}|\s*[\r\n]+|\s+")
}

/// [`K_EXAONE`] where each word is a piece of its own: what it merges before superwords.
pub fn k_exaone_words() -> String {
    K_EXAONE.replace(r"(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+", r"(?:\p{L}\p{M}*)+")
}

impl PreTokenization {
    /// The `pre_tokenizer` of a file; `None` if it has no form `with_superwords`.
    pub(crate) fn json(self, digits: Digits, with_superwords: bool) -> Option<Value> {
        let pattern = match (self, with_superwords) {
            (Self::Korean, false) => korean(digits),
            (Self::Korean, true) => korean_superwords(digits),
            (Self::KExaone, false) => k_exaone_words(),
            (Self::KExaone, true) => K_EXAONE.to_owned(),
            (_, true) => return None,
            (Self::Gpt2, _) => return Some(bytes(true)),
            (Self::Exaone, _) => return Some(sequence([split(r"\p{N}"), bytes(true)])),
            (Self::Llama3, _) => LLAMA3.to_owned(),
            (Self::Qwen2, _) => QWEN2.to_owned(),
            (Self::O200k, _) => O200K.to_owned(),
        };
        Some(sequence([split(&pattern), bytes(false)]))
    }
}

fn sequence(steps: [Value; 2]) -> Value {
    json!({"type": "Sequence", "pretokenizers": steps})
}

fn split(pattern: &str) -> Value {
    json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false})
}

fn bytes(cuts_as_gpt2: bool) -> Value {
    json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": cuts_as_gpt2})
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokenizers::utils::SysRegex;

    fn check(pattern: &str, text: &str, expected: &str) {
        let regex = SysRegex::new(pattern).unwrap();
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
    fn eojeol_keep_their_punctuation() {
        for (text, expected) in [
            ("GPU를 3월에", "GPU를| |3|월에"),
            ("제12조의2(벌칙)", "제|1|2|조의|2|(벌칙)"),
            ("서울  부산", "서울|  부산"),
            ("항\n  2. 목", "항\n|  |2|.| 목"),
            ("좋아ㅋㅋㅋ ㅠㅠ", "좋아ㅋㅋㅋ| ㅠㅠ"),
            ("\u{1112}\u{119E}\u{11AB}글", "\u{1112}\u{119E}\u{11AB}글"),
            ("끝.\n\n다음", "끝.\n\n|다음"),
            ("가\r\n\t나 \n 다 \n3", "가\r\n|\t나| \n| 다| \n|3"),
            ("「민법」 제1조", "「민법」| 제|1|조"),
            ("3.5㎎/㎗", "3|.|5|㎎/㎗"),
            ("--- !", "---| !"),
        ] {
            check(&korean(Digits::Single), text, expected);
        }
    }

    #[test]
    fn latin_digits_marks_and_blanks() {
        for (text, expected) in [
            ("don't we'll 'the", "don't| we'll| 'the"),
            ("cafe\u{301} नमस्ते", "cafe\u{301}| नमस्ते"),
            ("12345원 123 1234567", "12|345|원| |123| |1|234|567"),
            ("f(x1, y)", "f(x|1|,| y)"),
            ("❤\u{FE0F}👨\u{200D}👩 ok", "❤\u{FE0F}👨\u{200D}👩| ok"),
            ("\t x \0", "\t x| \0"),
            ("end   ", "end|   "),
        ] {
            check(&korean(Digits::UpToThree), text, expected);
        }
        let long = "1".repeat(31);
        let pieces = [&["111"; 2][..], &["1"], &["111"; 8]].concat().join("|");
        check(&korean(Digits::UpToThree), &long, &pieces);
    }

    #[test]
    fn superwords_go_on_over_a_space_behind_a_letter() {
        for (text, expected) in [
            ("할 수 있다. 그 뒤", "할 수 있다.| 그 뒤"),
            ("GPU를 쓴다\n가  나 3", "GPU를 쓴다\n|가|  나| |3"),
        ] {
            check(&korean_superwords(Digits::Single), text, expected);
        }
    }

    /// What is merged before superwords must lie within what is merged with them.
    #[test]
    fn no_word_crosses_the_border_of_a_superword() {
        for cutting in [PreTokenization::Korean, PreTokenization::KExaone] {
            let [words, superwords] = [false, true].map(|with| {
                let json = cutting.json(Digits::UpToThree, with).unwrap();
                let pattern = json["pretokenizers"][0]["pattern"]["Regex"]
                    .as_str()
                    .unwrap()
                    .to_owned();
                SysRegex::new(&pattern).unwrap()
            });
            let text = "나는 GPU를 3월에 e\u{301} e\u{301}가 \u{301}나, (다) 라\n\n마 바  사 12345 6 a.b c' d'll 「자」 차 카\t타 ";
            let borders = |regex: &SysRegex| -> Vec<usize> {
                regex.find_iter(text).map(|(_, to)| to).collect()
            };
            let words = borders(&words);
            assert!(
                borders(&superwords)
                    .iter()
                    .all(|border| words.contains(border))
            );
        }
    }
}
