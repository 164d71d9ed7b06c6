//! Classes of characters as Python's `str` knows them.
//!
//! Versions of Python differ in their version of Unicode. Characters that came after Unicode 13,
//! the version of Python 3.9, have no answer that holds for all of them.

use std::sync::LazyLock;

use regex_syntax::hir::{Class, HirKind};

/// What Python's `isspace` finds, and `\s` of its patterns.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\x1c'..='\x1f')
}

/// Ranges of a class, in order.
struct Ranges(Vec<(char, char)>);

impl Ranges {
    fn of(pattern: &str) -> Self {
        let parsed = regex_syntax::Parser::new().parse(pattern);
        let mut ranges = Vec::new();
        if let Ok(hir) = parsed
            && let HirKind::Class(Class::Unicode(class)) = hir.kind()
        {
            ranges.extend(class.iter().map(|range| (range.start(), range.end())));
        }
        Self(ranges)
    }

    fn has(&self, c: char) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= c);
        after > 0 && c <= self.0[after - 1].1
    }
}

static ASSIGNED: LazyLock<Ranges> = LazyLock::new(|| Ranges::of(r"\p{age:13.0}"));
static LETTER: LazyLock<Ranges> = LazyLock::new(|| Ranges::of(r"\p{L}"));
static DECIMAL: LazyLock<Ranges> = LazyLock::new(|| Ranges::of(r"\p{Nd}"));
static OTHER_NUMBER: LazyLock<Ranges> = LazyLock::new(|| Ranges::of(r"[\p{No}\p{Nl}]"));
static HIDDEN: LazyLock<Ranges> =
    LazyLock::new(|| Ranges::of(r"[\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Zl}\p{Zp}\p{Zs}]"));
static TITLE: LazyLock<Ranges> = LazyLock::new(|| Ranges::of(r"\p{Lt}"));
static START: LazyLock<Ranges> =
    LazyLock::new(|| Ranges::of(r"[\p{L}\p{Nl}_\x{2118}\x{212E}\x{309B}\x{309C}]"));
static CONTINUE: LazyLock<Ranges> = LazyLock::new(|| {
    Ranges::of(r"[\p{Mn}\p{Mc}\p{Nd}\p{Pc}\x{B7}\x{387}\x{1369}-\x{1371}\x{19DA}]")
});

/// Digits of `isdigit` that are no decimals: superscripts, circled digits and their like.
static DIGIT: LazyLock<Ranges> = LazyLock::new(|| {
    Ranges::of(
        r"[\x{B2}\x{B3}\x{B9}\x{1369}-\x{1371}\x{19DA}\x{2070}\x{2074}-\x{2079}\x{2080}-\x{2089}\x{2460}-\x{2468}\x{2474}-\x{247C}\x{2488}-\x{2490}\x{24EA}\x{24F5}-\x{24FD}\x{24FF}\x{2776}-\x{277E}\x{2780}-\x{2788}\x{278A}-\x{2792}\x{10A40}-\x{10A43}\x{10E60}-\x{10E68}\x{11052}-\x{1105A}\x{1F100}-\x{1F10A}]",
    )
});

/// Ideographs that are numbers.
static IDEOGRAPH: LazyLock<Ranges> = LazyLock::new(|| {
    Ranges::of(
        r"[\x{3405}\x{3483}\x{382A}\x{3B4D}\x{4E00}\x{4E03}\x{4E07}\x{4E09}\x{4E5D}\x{4E8C}\x{4E94}\x{4E96}\x{4EBF}-\x{4EC0}\x{4EDF}\x{4EE8}\x{4F0D}\x{4F70}\x{5104}\x{5146}\x{5169}\x{516B}\x{516D}\x{5341}\x{5343}-\x{5345}\x{534C}\x{53C1}-\x{53C4}\x{56DB}\x{58F1}\x{58F9}\x{5E7A}\x{5EFE}-\x{5EFF}\x{5F0C}-\x{5F0E}\x{5F10}\x{62FE}\x{634C}\x{67D2}\x{6F06}\x{7396}\x{767E}\x{8086}\x{842C}\x{8CAE}\x{8CB3}\x{8D30}\x{9621}\x{9646}\x{964C}\x{9678}\x{96F6}\x{F96B}\x{F973}\x{F978}\x{F9B2}\x{F9D1}\x{F9D3}\x{F9FD}\x{20001}\x{20064}\x{200E2}\x{20121}\x{2092A}\x{20983}\x{2098C}\x{2099C}\x{20AEA}\x{20AFD}\x{20B19}\x{22390}\x{22998}\x{23B1B}\x{2626D}\x{2F890}]",
    )
});

/// Whether every version of Python since 3.9 knows the character in the same way.
pub(super) fn is_settled(c: char) -> bool {
    c.is_ascii() || ASSIGNED.has(c)
}

pub(super) fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic() || !c.is_ascii() && LETTER.has(c)
}

pub(super) fn is_decimal(c: char) -> bool {
    c.is_ascii_digit() || !c.is_ascii() && DECIMAL.has(c)
}

pub(super) fn is_digit(c: char) -> bool {
    is_decimal(c) || !c.is_ascii() && DIGIT.has(c)
}

pub(super) fn is_numeric(c: char) -> bool {
    is_decimal(c) || !c.is_ascii() && (OTHER_NUMBER.has(c) || IDEOGRAPH.has(c))
}

pub(super) fn is_alphanumeric(c: char) -> bool {
    is_letter(c) || is_numeric(c)
}

/// `\w` of Python's patterns.
pub(super) fn is_word(c: char) -> bool {
    c == '_' || is_alphanumeric(c)
}

/// Whether `repr` shows it as it is.
pub(super) fn is_printable(c: char) -> bool {
    match c {
        ' '..='~' => true,
        _ if c.is_ascii() => false,
        _ => ASSIGNED.has(c) && !HIDDEN.has(c),
    }
}

pub(super) fn is_private(c: char) -> bool {
    matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{ffffd}' | '\u{100000}'..='\u{10fffd}')
}

pub(super) fn is_title(c: char) -> bool {
    !c.is_ascii() && TITLE.has(c)
}

pub(super) fn is_upper(c: char) -> bool {
    c.is_uppercase()
}

pub(super) fn is_lower(c: char) -> bool {
    c.is_lowercase()
}

pub(super) fn is_cased(c: char) -> bool {
    is_upper(c) || is_lower(c) || is_title(c)
}

pub(super) fn begins_identifier(c: char) -> bool {
    c == '_' || c.is_ascii_alphabetic() || !c.is_ascii() && START.has(c)
}

pub(super) fn continues_identifier(c: char) -> bool {
    begins_identifier(c) || c.is_ascii_digit() || !c.is_ascii() && CONTINUE.has(c)
}
