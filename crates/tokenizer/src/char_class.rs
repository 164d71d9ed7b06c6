//! Classes of characters, as the split patterns of published tokenizers name them.

use std::sync::LazyLock;

use regex_syntax::hir::{Class, Hir, HirKind};
use unicode_normalization::char::canonical_combining_class;
use unicode_normalization::{IsNormalized, is_nfc_quick};

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

/// Whether `text` is in NFC for certain; most text is.
pub(crate) fn is_nfc_for_certain(text: &str) -> bool {
    let (table, bytes) = (table(), text.as_bytes());
    let mut at = 0;
    while let Some((classes, after)) = next(table, bytes, at) {
        if classes & NOT_NFC != 0 {
            return false;
        }
        at = after;
    }
    true
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
    use unicode_normalization::UnicodeNormalization;

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
    fn what_is_called_nfc_is_nfc() {
        for character in '\0'..=char::MAX {
            for text in [
                format!("{character}"),
                format!("가{character}"),
                format!("e{character}\u{301}"),
                format!("{character}\u{11A8}"),
            ] {
                if is_nfc_for_certain(&text) {
                    assert!(text.nfc().eq(text.chars()), "{text:?}");
                }
            }
        }
        assert!(is_nfc_for_certain("한글 é GPU를 ㅋㅋ\n"));
    }
}
