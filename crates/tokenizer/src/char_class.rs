//! Classes of characters, as the split patterns of published tokenizers name them.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex_syntax::hir::{Class, Hir, HirKind};
use unicode_normalization::char::canonical_combining_class;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// A set of classes, one bit each.
pub(crate) type Classes = u16;

/// `\p{L}`
pub(crate) const LETTER: Classes = 1;
/// `\p{M}`
pub(crate) const MARK: Classes = 1 << 1;
/// `\p{N}`
pub(crate) const NUMBER: Classes = 1 << 2;
/// `\s`
pub(crate) const SPACE: Classes = 1 << 3;
/// `[\r\n]`
pub(crate) const NEWLINE: Classes = 1 << 4;
/// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`
pub(crate) const UPPER: Classes = 1 << 5;
/// `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`
pub(crate) const LOWER: Classes = 1 << 6;
/// The ranges of [`HANGUL_RANGES`].
pub(crate) const HANGUL: Classes = 1 << 7;
/// `/`
pub(crate) const SLASH: Classes = 1 << 8;
/// What may change, or change what stands beside it, when text is normalized to NFC.
pub(crate) const NOT_NFC: Classes = 1 << 9;
/// Hangul blocks: jamo, compatibility jamo, extended A, syllables with extended B, half-width forms.
/// Ranges rather than the script property: regex engines spell the property differently.
pub(crate) const HANGUL_RANGES: &str =
    r"\u1100-\u11FF\u3130-\u318F\uA960-\uA97F\uAC00-\uD7FF\uFFA0-\uFFDC";

/// The Unicode version of Oniguruma, the regex engine of Hugging Face's library: characters assigned later are of no class there.
const AGE: &str = r"\p{age:16.0}";

/// The classes of each code point.
static TABLE: LazyLock<Box<[Classes]>> = LazyLock::new(|| {
    let mut table = vec![0; char::MAX as usize + 1].into_boxed_slice();
    let assigned = |class: &str| format!("[{class}&&{AGE}]");
    for (class, pattern) in [
        (LETTER, assigned(r"\p{L}")),
        (MARK, assigned(r"\p{M}")),
        (NUMBER, assigned(r"\p{N}")),
        (SPACE, r"\s".to_owned()),
        (NEWLINE, r"[\r\n]".to_owned()),
        (UPPER, assigned(r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]")),
        (LOWER, assigned(r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]")),
        (HANGUL, format!("[{HANGUL_RANGES}]")),
        (SLASH, "/".to_owned()),
    ] {
        for [first, last] in ranges(&pattern) {
            for classes in &mut table[first as usize..=last as usize] {
                *classes |= class;
            }
        }
    }
    // Nothing beyond composes or has parts.
    for character in '\0'..='\u{2FFFF}' {
        let stable = is_nfc_quick(std::iter::once(character)) == IsNormalized::Yes
            && canonical_combining_class(character) == 0;
        if !stable {
            table[character as usize] |= NOT_NFC;
        }
    }
    table
});

/// The table itself, for loops that look at every character of a text.
pub(crate) fn table() -> &'static [Classes] {
    &TABLE
}

/// The classes of the character at `at`, and where the next one starts; `None` at the end.
///
/// `bytes` are those of a `str`, and `at` is one of its borders.
#[inline]
pub(crate) fn next(table: &[Classes], bytes: &[u8], at: usize) -> Option<(Classes, usize)> {
    let first = *bytes.get(at)?;
    let tail = |index: usize| u32::from(bytes.get(at + index).copied().unwrap_or_default() & 0x3F);
    let (code, len) = match first {
        ..0x80 => (u32::from(first), 1),
        0x80..0xE0 => (u32::from(first & 0x1F) << 6 | tail(1), 2),
        0xE0..0xF0 => (u32::from(first & 0x0F) << 12 | tail(1) << 6 | tail(2), 3),
        _ => (
            u32::from(first & 0x07) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3),
            4,
        ),
    };
    Some((
        table.get(code as usize).copied().unwrap_or_default(),
        at + len,
    ))
}

/// Bytes that are looked at together.
const BLOCK: usize = 64;

/// A text in NFC; most text is. Only what may not be, with the character before it, is worked out.
pub(crate) fn nfc(text: &str) -> Cow<'_, str> {
    let Some(mut at) = perhaps_not_nfc(text, 0) else {
        return text.into();
    };
    let mut normalized = String::with_capacity(text.len());
    let mut done = 0;
    loop {
        let before = text[done..at].char_indices().next_back();
        let start = before.map_or(done, |(offset, _)| done + offset);
        let end = text[at..]
            .char_indices()
            .find(|(_, character)| table()[*character as usize] & NOT_NFC == 0)
            .map_or(text.len(), |(offset, _)| at + offset);
        normalized.push_str(&text[done..start]);
        normalized.extend(text[start..end].nfc());
        done = end;
        match perhaps_not_nfc(text, done) {
            Some(next) => at = next,
            None => break,
        }
    }
    normalized.push_str(&text[done..]);
    normalized.into()
}

/// Where the first character from `at` on begins that may not be in NFC, or may compose with the one before it.
fn perhaps_not_nfc(text: &str, mut at: usize) -> Option<usize> {
    let (table, bytes) = (table(), text.as_bytes());
    while at < bytes.len() {
        let mut end = bytes.len();
        // With the two bytes that the last one may need.
        if let Some(block) = bytes[at..].first_chunk::<{ BLOCK + 2 }>() {
            end = at + BLOCK;
            if is_ascii_or_hangul(block) {
                at = end;
                continue;
            }
        }
        // What the block before ends in the middle of was looked at with it.
        while at < end && !text.is_char_boundary(at) {
            at += 1;
        }
        while at < end
            && let Some((classes, after)) = next(table, bytes, at)
        {
            if classes & NOT_NFC != 0 {
                return Some(at);
            }
            at = after;
        }
    }
    None
}

/// Whether each character that begins in the first [`BLOCK`] bytes is ASCII or a syllable from 가 to 힣. Without branches, so that
/// many bytes are compared at once.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "a branch for each byte would undo that"
)]
fn is_ascii_or_hangul(bytes: &[u8; BLOCK + 2]) -> bool {
    let mut others = 0;
    for index in 0..BLOCK {
        let [first, second, third] = [0, 1, 2].map(|offset| bytes[index + offset]);
        // U+AC00 is EA B0 80, U+D7A3 is ED 9E A3.
        let is_syllable = (first == 0xEB)
            | (first == 0xEC)
            | ((first == 0xEA) & (second >= 0xB0))
            | ((first == 0xED) & ((second < 0x9E) | ((second == 0x9E) & (third <= 0xA3))));
        others |= u8::from((first >= 0xC0) & !is_syllable);
    }
    others == 0
}

/// The ranges of a pattern that is one class.
fn ranges(pattern: &str) -> Vec<[char; 2]> {
    let class = regex_syntax::parse(pattern).map(Hir::into_kind);
    match class {
        Ok(HirKind::Class(Class::Unicode(class))) => class
            .iter()
            .map(|range| [range.start(), range.end()])
            .collect(),
        Ok(HirKind::Literal(literal)) => String::from_utf8_lossy(&literal.0)
            .chars()
            .map(|character| [character; 2])
            .collect(),
        other => unreachable!("{pattern} is a class: {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokenizers::utils::SysRegex;

    /// The engine that other programs cut with has the same classes, of every code point there is.
    #[test]
    fn classes_are_those_of_oniguruma() {
        for (class, pattern) in [
            (LETTER, r"\p{L}"),
            (MARK, r"\p{M}"),
            (NUMBER, r"\p{N}"),
            (SPACE, r"\s"),
            (NEWLINE, r"[\r\n]"),
            (UPPER, r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"),
            (LOWER, r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"),
            (HANGUL, &format!("[{HANGUL_RANGES}]")),
            (SLASH, "/"),
        ] {
            let regex = SysRegex::new(pattern).unwrap();
            let mut letters = [0; 4];
            for character in '\0'..=char::MAX {
                let text: &str = character.encode_utf8(&mut letters);
                let theirs = regex.find_iter(text).next().is_some();
                let (classes, after) = next(table(), text.as_bytes(), 0).unwrap();
                assert_eq!(after, text.len());
                assert_eq!(classes & class != 0, theirs, "{pattern} of {character:?}");
            }
        }
    }

    #[test]
    fn each_character_is_normalized_beside_others() {
        for character in '\0'..=char::MAX {
            for text in [
                format!("{character}"),
                format!("가{character}"),
                format!("e{character}\u{301}"),
                format!("{character}\u{11A8}"),
                format!("{character}{character}e"),
            ] {
                assert!(text.nfc().eq(nfc(&text).chars()), "{text:?}");
            }
        }
        let korean = "한글 é GPU를 ㅋㅋ\n";
        assert!(matches!(nfc(korean), Cow::Borrowed(text) if text == korean));
    }

    /// Long texts, which are looked at in blocks: each place in them, with one character of each kind and with two.
    #[test]
    fn blocks_hide_nothing() {
        let korean = "한글 GPU를 힣힘가\u{D7A3}꿰뚫 ".repeat(12);
        assert!(matches!(nfc(&korean), Cow::Borrowed(_)));
        let composed = ['é', '·', 'ㅋ', '「', '漢', '😀', '\u{AC00}'];
        let others = [
            '\u{301}', '\u{323}', '\u{1112}', '\u{1161}', '\u{11AB}', '\u{F90A}', '\u{FA0A}',
            '\u{D7B0}', 'ﬁ',
        ];
        for (at, _) in korean.char_indices() {
            for character in composed {
                let mut text = korean.clone();
                text.insert(at, character);
                assert!(matches!(nfc(&text), Cow::Borrowed(_)), "{at} {character}");
            }
            for first in others {
                for second in others {
                    let mut text = korean.clone();
                    text.insert(at, first);
                    text.insert(at, second);
                    text.push(first);
                    assert!(
                        text.nfc().eq(nfc(&text).chars()),
                        "{at} {first:?} {second:?}"
                    );
                }
            }
        }
    }
}
