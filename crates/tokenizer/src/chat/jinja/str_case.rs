//! Changes of case as Python's `str` makes them.

use super::fault::{Res, unsupported};
use super::unicode::{is_cased, is_lower, is_settled, is_title, is_upper};

/// Refuses letters that some versions of Python do not know.
fn settled(text: &str) -> Res<()> {
    let unknown = |c: &char| {
        let changes = !c.to_uppercase().eq([*c]) || !c.to_lowercase().eq([*c]);
        changes && !is_settled(*c)
    };
    match text.chars().find(unknown) {
        Some(c) => unsupported(format!("the case of the character U+{:04X}", u32::from(c))),
        None => Ok(()),
    }
}

pub(super) fn lower(text: &str) -> Res<String> {
    settled(text)?;
    Ok(text.to_lowercase())
}

pub(super) fn upper(text: &str) -> Res<String> {
    settled(text)?;
    Ok(text.to_uppercase())
}

/// The small letters of a text from a byte on: a sigma at the end of a word has a form of its own.
fn lower_from(text: &str, start: usize) -> String {
    let whole = text.to_lowercase();
    let before: usize = text[..start]
        .chars()
        .flat_map(char::to_lowercase)
        .map(char::len_utf8)
        .sum();
    // Both forms of sigma have two bytes.
    whole.get(before..).unwrap_or_default().to_owned()
}

pub(super) fn capitalize(text: &str) -> Res<String> {
    settled(text)?;
    let mut out = String::with_capacity(text.len());
    if let Some(first) = text.chars().next() {
        title_of(first, &mut out);
        out.push_str(&lower_from(text, first.len_utf8()));
    }
    Ok(out)
}

pub(super) fn title(text: &str) -> Res<String> {
    settled(text)?;
    let small = text.to_lowercase();
    let mut small_at = 0;
    let mut out = String::with_capacity(text.len());
    let mut is_inside = false;
    for c in text.chars() {
        let width: usize = c.to_lowercase().map(char::len_utf8).sum();
        if is_inside {
            out.push_str(small.get(small_at..small_at + width).unwrap_or_default());
        } else {
            title_of(c, &mut out);
        }
        small_at += width;
        is_inside = is_cased(c);
    }
    Ok(out)
}

pub(super) fn swapcase(text: &str) -> Res<String> {
    settled(text)?;
    let small = text.to_lowercase();
    let mut small_at = 0;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let width: usize = c.to_lowercase().map(char::len_utf8).sum();
        if is_upper(c) {
            out.push_str(small.get(small_at..small_at + width).unwrap_or_default());
        } else if is_lower(c) {
            out.extend(c.to_uppercase());
        } else {
            out.push(c);
        }
        small_at += width;
    }
    Ok(out)
}

/// Folding is making small the large form of the small form, but for a few letters.
pub(super) fn casefold(text: &str) -> Res<String> {
    settled(text)?;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            // Cherokee folds to its large letters, and the Turkish letter without a dot stays.
            '\u{13a0}'..='\u{13f5}' | 'ı' => out.push(c),
            '\u{13f8}'..='\u{13fd}' | '\u{ab70}'..='\u{abbf}' => out.extend(c.to_uppercase()),
            _ => {
                let large = c.to_lowercase().flat_map(char::to_uppercase);
                out.extend(large.flat_map(char::to_lowercase));
            }
        }
    }
    Ok(out)
}

/// The title case of a character: the large one, except for letters that are two in one.
fn title_of(c: char, out: &mut String) {
    let with_mark = |first: char, out: &mut String| out.extend([first, '\u{345}']);
    match c {
        'Ǆ' | 'ǅ' | 'ǆ' => out.push('ǅ'),
        'Ǉ' | 'ǈ' | 'ǉ' => out.push('ǈ'),
        'Ǌ' | 'ǋ' | 'ǌ' => out.push('ǋ'),
        'Ǳ' | 'ǲ' | 'ǳ' => out.push('ǲ'),
        '\u{10d0}'..='\u{10ff}' => out.push(c),
        '\u{1f80}'..='\u{1faf}' => {
            out.push(char::from_u32(u32::from(c) | 8).unwrap_or(c));
        }
        'ᾳ' | 'ᾼ' => out.push('ᾼ'),
        'ῃ' | 'ῌ' => out.push('ῌ'),
        'ῳ' | 'ῼ' => out.push('ῼ'),
        'ᾲ' => with_mark('\u{1fba}', out),
        'ᾴ' => with_mark('\u{386}', out),
        'ῂ' => with_mark('\u{1fca}', out),
        'ῄ' => with_mark('\u{389}', out),
        'ῲ' => with_mark('\u{1ffa}', out),
        'ῴ' => with_mark('\u{38f}', out),
        'ᾷ' => out.extend(['Α', '\u{342}', '\u{345}']),
        'ῇ' => out.extend(['Η', '\u{342}', '\u{345}']),
        'ῷ' => out.extend(['Ω', '\u{342}', '\u{345}']),
        'ß' | 'և' | '\u{fb00}'..='\u{fb17}' => {
            let mut large = c.to_uppercase();
            out.extend(large.next());
            out.extend(large.flat_map(char::to_lowercase));
        }
        _ => out.extend(c.to_uppercase()),
    }
}

/// Python's `istitle`.
pub(super) fn is_title_text(text: &str) -> bool {
    let (mut has_cased, mut is_inside) = (false, false);
    for c in text.chars() {
        let begins = is_upper(c) || is_title(c);
        if begins == is_inside && (begins || is_lower(c)) {
            return false;
        }
        is_inside = begins || is_lower(c);
        has_cased |= is_inside;
    }
    has_cased
}

/// Python's `isupper` and `islower`.
pub(super) fn is_all(text: &str, is_wanted: fn(char) -> bool) -> bool {
    let mut has_cased = false;
    for c in text.chars() {
        if is_wanted(c) {
            has_cased = true;
        } else if is_cased(c) {
            return false;
        }
    }
    has_cased
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_pythons() {
        // Values of Python 3.11.
        assert_eq!(
            title("ǆungla ﬁt ßa ΑΣ they're").unwrap(),
            "ǅungla Fit Ssa Ας They'Re"
        );
        assert_eq!(capitalize("ΑΣ ΒΣ").unwrap(), "Ας βς");
        assert_eq!(swapcase("ΑΣ aß").unwrap(), "ας ASS");
        assert_eq!(
            casefold("Straße ΑΣ İı ẞ").unwrap(),
            "strasse ασ i\u{307}ı ss"
        );
        assert!(is_title_text("Ab Cd 가") && !is_title_text("AB") && !is_title_text("a"));
        assert!(is_all("ab1", is_lower) && !is_all("aB", is_lower) && !is_all("1", is_lower));
    }
}
