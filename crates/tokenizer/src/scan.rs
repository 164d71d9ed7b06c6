//! Cutting text as the split patterns of published tokenizers do, without a regex engine.
//!
//! A pattern is a list of alternatives, tried in order at each place. Those that published tokenizers are made of have a
//! matcher each; a pattern with any other alternative is left to the regex engine.

use std::ops::Range;

use crate::char_class::{
    self, Classes, LETTER, LOWER, MARK, NEWLINE, NUMBER, SLASH, SPACE, UPPER, next,
};

/// A split pattern as matchers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scanner {
    rules: Vec<Rule>,
}

/// One alternative of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// `'s` and its like.
    Ending { letters: &'static str },
    /// All of them in either case; `ends_word`: only where no letter follows.
    Contraction { ends_word: bool },
    /// Characters of one class after at most one of another, and a tail.
    Run {
        before: Before,
        first: Set,
        more: Set,
        tail: Tail,
    },
    /// Letters with their marks in words that one space may stand between.
    Words,
    /// Upper-case letters and then lower-case ones, with a contraction at the end; the first alternative wants a lower-case
    /// one, the second an upper-case one.
    Cased { wants_lower: bool },
    /// `\p{N}{1,most}`
    Digits { most: usize },
    /// Digits, so many that the rest of a run of at most 27 is groups of three.
    DigitsFromRight,
    /// Runs that single spaces behind letters may stand between.
    Superwords { run: Set },
    /// Blanks up to the last newline of a run.
    Lines,
    /// Blanks that leave one for the next word, or all of them at the end.
    BlanksBeforeWord,
}

/// What may stand once before a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    Space,
    /// `[^\r\n\p{L}\p{N}]`
    AnySeparator,
    /// `[^\S\r\n]*`
    Blanks,
}

/// What a run takes in behind its last character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tail {
    Nothing,
    All(Classes),
    One(Classes),
}

/// Characters of a class, or of none of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Set {
    of: Classes,
    not: Classes,
}

impl Set {
    const fn of(of: Classes) -> Self {
        Self { of, not: 0 }
    }

    /// Any character that is of none of `not`.
    const fn outside(not: Classes) -> Self {
        Self { of: 0, not }
    }

    #[inline]
    fn has(self, classes: Classes) -> bool {
        (self.of == 0 || classes & self.of != 0) && classes & self.not == 0
    }
}

/// `[^\r\n\p{L}\p{N}]`
const SEPARATOR: Set = Set::outside(NEWLINE | LETTER | NUMBER);

/// `[^\S\r\n]`
const BLANKS_OF_LINE: Set = Set {
    of: SPACE,
    not: NEWLINE,
};

/// `\s`
const BLANKS: Set = Set::of(SPACE);

/// The letters of English contractions.
const ENDINGS: [&str; 7] = ["s", "t", "re", "ve", "m", "ll", "d"];

impl Scanner {
    /// The matchers of a pattern, if there are such for all of it.
    pub(crate) fn new(pattern: &str) -> Option<Self> {
        let rules: Vec<Rule> = alternatives(pattern)
            .into_iter()
            .map(rule)
            .collect::<Option<_>>()?;
        // An alternative that looks far ahead and fails would do so again at the next place, and the time would grow with the
        // square of the text: another one must take what it looked at.
        let blanks_are_taken = rules.iter().any(|rule| match rule {
            Rule::Run { first, .. } => *first == BLANKS,
            rule => *rule == Rule::BlanksBeforeWord,
        });
        let is_linear = rules.iter().all(|rule| match rule {
            Rule::Lines
            | Rule::Superwords { .. }
            | Rule::Run {
                before: Before::Blanks,
                ..
            } => blanks_are_taken,
            Rule::Cased { wants_lower: true } => {
                rules.contains(&Rule::Cased { wants_lower: false })
            }
            _ => true,
        });
        is_linear.then_some(Self { rules })
    }

    /// Calls `piece` with each piece of `text`: the matches, and what lies between them.
    pub(crate) fn cut<'a>(&self, text: &'a str, mut piece: impl FnMut(&'a str)) {
        self.cut_ranges(text, |range| {
            piece(
                text.get(range)
                    .expect("matches begin and end between characters"),
            );
        });
    }

    fn cut_ranges(&self, text: &str, mut piece: impl FnMut(Range<usize>)) {
        let text = Text {
            table: char_class::table(),
            bytes: text.as_bytes(),
        };
        let (mut start, mut at) = (0, 0);
        while let Some((classes, after)) = text.next(at) {
            let place = Place { at, classes, after };
            match self.rules.iter().find_map(|rule| rule.end(text, place)) {
                Some(end) => {
                    if start < at {
                        piece(start..at);
                    }
                    piece(at..end);
                    (start, at) = (end, end);
                }
                None => at = after,
            }
        }
        if start < at {
            piece(start..at);
        }
    }
}

/// The alternatives of a pattern, in order.
fn alternatives(pattern: &str) -> Vec<&str> {
    let (mut found, mut start, mut depth) = (Vec::new(), 0, 0);
    let mut escaped = false;
    for (index, byte) in pattern.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b'|' if depth == 0 => {
                found.push(&pattern[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    found.push(&pattern[start..]);
    found
}

/// The matcher of an alternative as published tokenizers write it.
fn rule(alternative: &str) -> Option<Rule> {
    const LETTERS: Set = Set::of(LETTER);
    const SYMBOLS: Set = Set::outside(SPACE | LETTER | NUMBER);
    let run = |before, set, tail| Rule::Run {
        before,
        first: set,
        more: set,
        tail,
    };
    Some(match alternative {
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)" | r"'(?i:[sdmt]|ll|ve|re)" => {
            Rule::Contraction { ends_word: false }
        }
        r"'(?i:[sdmt]|ll|ve|re)(?!\p{L})" => Rule::Contraction { ends_word: true },
        r"\p{L}+" => run(Before::Nothing, LETTERS, Tail::Nothing),
        r" ?\p{L}+" => run(Before::Space, LETTERS, Tail::Nothing),
        r"[^\r\n\p{L}\p{N}]?\p{L}+"
        | r"[^\r\n\p{L}\p{N}]?+\p{L}+"
        | r"[^\r\n\p{L}\p{N}]?+\p{L}++" => run(Before::AnySeparator, LETTERS, Tail::Nothing),
        r"[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+" => Rule::Words,
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?" => {
            Rule::Cased { wants_lower: true }
        }
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?" => {
            Rule::Cased { wants_lower: false }
        }
        r"[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*)+" => Rule::Run {
            before: Before::AnySeparator,
            first: LETTERS,
            more: Set::of(LETTER | MARK),
            tail: Tail::Nothing,
        },
        r"[^\S\r\n]*[^\s\p{N}]+(?:(?<=[\p{L}\p{M}]) [^\s\p{N}]+)*[\r\n]*" => Rule::Superwords {
            run: Set::outside(SPACE | NUMBER),
        },
        r"[^\S\r\n]*[^\s\p{N}]+[\r\n]*" => run(
            Before::Blanks,
            Set::outside(SPACE | NUMBER),
            Tail::All(NEWLINE),
        ),
        r"\p{N}{1,3}(?=(?:\p{N}{3}){0,8}(?!\p{N}))" => Rule::DigitsFromRight,
        r"\p{N}" => Rule::Digits { most: 1 },
        r"\p{N}{1,3}" => Rule::Digits { most: 3 },
        r"\p{N}+" => Rule::Digits { most: usize::MAX },
        r" ?\p{N}+" => run(Before::Space, Set::of(NUMBER), Tail::Nothing),
        r" ?[^\s\p{L}\p{N}]+" => run(Before::Space, SYMBOLS, Tail::Nothing),
        r" ?[^\s\p{L}\p{N}]+[\r\n]*" | r" ?[^\s\p{L}\p{N}]++[\r\n]*" => {
            run(Before::Space, SYMBOLS, Tail::All(NEWLINE))
        }
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*" => run(Before::Space, SYMBOLS, Tail::All(NEWLINE | SLASH)),
        r" ?[^\s\p{L}\p{N}]+[\r\n/]?" => run(Before::Space, SYMBOLS, Tail::One(NEWLINE | SLASH)),
        r"\s*[\r\n]+" | r"\s*[\r\n]" => Rule::Lines,
        r"\s+(?!\S)" => Rule::BlanksBeforeWord,
        r"\s+" => run(Before::Nothing, BLANKS, Tail::Nothing),
        _ => {
            let letters = alternative.strip_prefix('\'')?;
            let letters = ENDINGS.into_iter().find(|ending| *ending == letters)?;
            Rule::Ending { letters }
        }
    })
}

#[derive(Clone, Copy)]
struct Text<'a> {
    table: &'a [Classes],
    bytes: &'a [u8],
}

/// Where a match would begin: the character there, and the place behind it.
#[derive(Clone, Copy)]
struct Place {
    at: usize,
    classes: Classes,
    after: usize,
}

impl Text<'_> {
    #[inline]
    fn next(self, at: usize) -> Option<(Classes, usize)> {
        next(self.table, self.bytes, at)
    }

    #[inline]
    fn is(self, at: usize, set: Set) -> bool {
        self.next(at).is_some_and(|(classes, _)| set.has(classes))
    }

    /// Behind the run of `set` that begins at `at`.
    #[inline]
    fn run(self, mut at: usize, set: Set) -> usize {
        while let Some((classes, after)) = self.next(at)
            && set.has(classes)
        {
            at = after;
        }
        at
    }

    /// Whether a letter or a mark stands before `at`, which is not the start.
    fn ends_word(self, at: usize) -> bool {
        let mut start = at - 1;
        while self.bytes[start] & 0xC0 == 0x80 {
            start -= 1;
        }
        self.is(start, Set::of(LETTER | MARK))
    }

    /// Behind `'ll` and its like in either case.
    fn contraction(self, at: usize) -> Option<usize> {
        if *self.bytes.get(at)? != b'\'' {
            return None;
        }
        let letter = |at: usize| self.bytes.get(at).map(u8::to_ascii_lowercase);
        match (letter(at + 1)?, letter(at + 2)) {
            (b's' | b'd' | b'm' | b't', _) => Some(at + 2),
            // The long s, two bytes, is an s in another case.
            (b'l', Some(b'l')) | (b'v' | b'r', Some(b'e')) | (0xC5, Some(0xBF)) => Some(at + 3),
            _ => None,
        }
    }
}

impl Rule {
    /// Where the match that begins at this place ends, if there is one.
    #[inline]
    fn end(self, text: Text<'_>, place: Place) -> Option<usize> {
        let Place { at, classes, after } = place;
        match self {
            Self::Ending { letters } => {
                let rest = text.bytes.get(at..)?.strip_prefix(b"'")?;
                rest.starts_with(letters.as_bytes())
                    .then_some(after + letters.len())
            }
            Self::Contraction { ends_word } => {
                let end = text.contraction(at)?;
                (!(ends_word && text.is(end, Set::of(LETTER)))).then_some(end)
            }
            Self::Run {
                before,
                first,
                more,
                tail,
            } => {
                let start = before.skip(text, place);
                // What may stand before a run may also begin it.
                let behind_first = |at| match text.next(at) {
                    Some((classes, after)) if first.has(classes) => Some(after),
                    _ => None,
                };
                let behind = match start {
                    Some(start) => behind_first(start),
                    None => None,
                };
                let behind = behind.or_else(|| first.has(classes).then_some(after))?;
                let end = text.run(behind, more);
                Some(match tail {
                    Tail::Nothing => end,
                    Tail::All(of) => text.run(end, Set::of(of)),
                    Tail::One(of) => match text.next(end) {
                        Some((classes, after)) if classes & of != 0 => after,
                        _ => end,
                    },
                })
            }
            Self::Words => {
                let is_letter = |at| text.is(at, Set::of(LETTER));
                let mut end = match Before::AnySeparator.skip(text, place) {
                    Some(start) if is_letter(start) => start,
                    _ if classes & LETTER != 0 => at,
                    _ => return None,
                };
                loop {
                    end = text.run(end, Set::of(LETTER | MARK));
                    if text.bytes.get(end) != Some(&b' ') || !is_letter(end + 1) {
                        return Some(end);
                    }
                    end += 1;
                }
            }
            Self::Cased { wants_lower } => {
                let end = Before::AnySeparator
                    .skip(text, place)
                    .and_then(|start| cased(text, start, wants_lower))
                    .or_else(|| cased(text, at, wants_lower))?;
                Some(text.contraction(end).unwrap_or(end))
            }
            Self::Digits { most } => {
                if classes & NUMBER == 0 {
                    return None;
                }
                let mut end = after;
                for _ in 1..most {
                    match text.next(end) {
                        Some((classes, after)) if classes & NUMBER != 0 => end = after,
                        _ => break,
                    }
                }
                Some(end)
            }
            Self::DigitsFromRight => {
                const GROUPS: usize = 9;
                let mut ends = [0; 3];
                let (mut num_digits, mut end) = (0, at);
                while let Some((classes, after)) = text.next(end)
                    && classes & NUMBER != 0
                {
                    if num_digits == 3 * GROUPS {
                        return None;
                    }
                    if let Some(room) = ends.get_mut(num_digits) {
                        *room = after;
                    }
                    num_digits += 1;
                    end = after;
                }
                (num_digits > 0).then(|| ends[(num_digits - 1) % 3])
            }
            Self::Superwords { run } => {
                let start = text.run(at, BLANKS_OF_LINE);
                let mut end = text.run(start, run);
                if end == start {
                    return None;
                }
                while text.bytes.get(end) == Some(&b' ')
                    && text.is(end + 1, run)
                    && text.ends_word(end)
                {
                    end = text.run(end + 1, run);
                }
                Some(text.run(end, Set::of(NEWLINE)))
            }
            Self::Lines => {
                let (mut at, mut end) = (at, None);
                while let Some((classes, after)) = text.next(at)
                    && classes & SPACE != 0
                {
                    if classes & NEWLINE != 0 {
                        end = Some(after);
                    }
                    at = after;
                }
                end
            }
            Self::BlanksBeforeWord => {
                if classes & SPACE == 0 {
                    return None;
                }
                let (mut last, mut end) = (at, after);
                while let Some((classes, after)) = text.next(end) {
                    if classes & SPACE == 0 {
                        // The last blank belongs to what follows.
                        return (last > at).then_some(last);
                    }
                    (last, end) = (end, after);
                }
                Some(end)
            }
        }
    }
}

impl Before {
    /// Behind what may stand before a run, if it stands here.
    #[inline]
    fn skip(self, text: Text<'_>, place: Place) -> Option<usize> {
        let stands = match self {
            Self::Nothing => false,
            Self::Space => text.bytes[place.at] == b' ',
            Self::AnySeparator => SEPARATOR.has(place.classes),
            Self::Blanks => return Some(text.run(place.at, BLANKS_OF_LINE)),
        };
        stands.then_some(place.after)
    }
}

/// The end of `[upper]*[lower]+`, or of `[upper]+[lower]*`; marks and letters without case are both.
fn cased(text: Text<'_>, start: usize, wants_lower: bool) -> Option<usize> {
    const LOWERS: Set = Set::of(LOWER);
    // Behind the last character of the run of upper-case ones that is also a lower-case one.
    let (mut at, mut last_of_both) = (start, None);
    while let Some((classes, after)) = text.next(at)
        && classes & UPPER != 0
    {
        if classes & LOWER != 0 {
            last_of_both = Some(after);
        }
        at = after;
    }
    if text.is(at, LOWERS) {
        let has_upper = at > start;
        return (wants_lower || has_upper).then(|| text.run(at, LOWERS));
    }
    if wants_lower {
        last_of_both
    } else {
        (at > start).then_some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::{self, GPT2, K_EXAONE, LLAMA3, O200K, QWEN2};
    use crate::{Digits, PreTokenization};
    use tokenizers::utils::SysRegex;

    const CL100K: &str = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+";
    /// Parts of text leave gaps, which are pieces too.
    const WITH_GAPS: &str = r"\p{L}+|\p{N}+| ?\p{N}+";

    fn patterns() -> Vec<String> {
        let digits = [Digits::Single, Digits::UpToThree];
        let ours = digits.map(pattern::korean).into_iter();
        let ours = ours.chain(digits.map(pattern::korean_superwords));
        let k_exaone = PreTokenization::KExaone
            .json(Digits::Single, false)
            .unwrap();
        let words = k_exaone["pretokenizers"][0]["pattern"]["Regex"]
            .as_str()
            .unwrap()
            .to_owned();
        [GPT2, QWEN2, LLAMA3, CL100K, O200K, K_EXAONE, WITH_GAPS]
            .map(str::to_owned)
            .into_iter()
            .chain(ours)
            .chain([words])
            .collect()
    }

    fn assert_cut_alike(pattern: &str, scanner: &Scanner, regex: &SysRegex, text: &str) {
        let mut expected = Vec::new();
        let mut end = 0;
        for (from, to) in regex.find_iter(text) {
            expected.extend([&text[end..from], &text[from..to]]);
            end = to;
        }
        expected.push(&text[end..]);
        expected.retain(|piece| !piece.is_empty());
        let mut got = Vec::new();
        scanner.cut(text, |piece| got.push(piece));
        assert_eq!(got, expected, "{pattern} on {text:?}");
    }

    #[test]
    fn pieces_are_those_of_the_regex_engine() {
        let characters: Vec<char> = "aZsStTlLvVrReEdmMſKéǅʰʻ가힣ㅋᄒ\u{119E}漢3٣½\u{301}\u{0E31}''''    \u{A0}\u{3000}\n\n\r\t/.-「😀\u{200D}\0\u{85}\u{2028}\u{378}"
            .chars()
            .collect();
        let mut state = 1377u64;
        let mut random = |end: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % end
        };
        let texts: Vec<String> = (0..4000)
            .map(|_| {
                (0..random(14))
                    .map(|_| characters[random(characters.len())])
                    .collect()
            })
            .collect();
        for pattern in patterns() {
            let scanner = Scanner::new(&pattern).unwrap_or_else(|| panic!("{pattern} is known"));
            let regex = SysRegex::new(&pattern).unwrap();
            for text in &texts {
                assert_cut_alike(&pattern, &scanner, &regex, text);
            }
        }
    }

    #[test]
    fn every_character_after_an_apostrophe_is_cut_alike() {
        for pattern in patterns() {
            let scanner = Scanner::new(&pattern).unwrap();
            let regex = SysRegex::new(&pattern).unwrap();
            for character in ('\0'..='\u{FFFF}').step_by(if pattern == LLAMA3 { 1 } else { 7 }) {
                for text in [
                    format!("a'{character}"),
                    format!("'{character}{character}e"),
                ] {
                    assert_cut_alike(&pattern, &scanner, &regex, &text);
                }
            }
        }
    }

    #[test]
    fn a_pattern_with_an_alternative_of_its_own_is_left_to_the_engine() {
        for pattern in [
            "",
            r"\p{L}+|x",
            r"\p{L}+|",
            r"(\p{L}+)",
            // Quadratic in the length of a run.
            r"\s*[\r\n]+|\p{L}+",
            r"\w+",
            r"'x| ?\p{L}+",
        ] {
            assert_eq!(Scanner::new(pattern), None, "{pattern}");
        }
    }
}
