//! What a pattern costs: tried on short runs of what stands in it, with few steps allowed.
//!
//! A pattern such as `(a+)+$` takes time that doubles with each letter, and one such as `\w*\w*\w*=` time that grows with its
//! cube. The engine stops at ten million steps back for each place of a text, which is a quarter of a second: too long, many
//! times over, for a text that a crawler brought. Both show on a run of one letter or of one word.

use onig::{MatchParam, Regex, Region, SearchOptions};

/// How often a run repeats what it is of: some patterns are slow on what is just too short for them.
const RUNS: [usize; 2] = [48, 23];

/// Steps back at one place. Published patterns take up to 100 on these runs: each letter of a run once, and twice.
const MAX_STEPS: u32 = 6_000;

/// One of each class that patterns of tokenizers tell apart.
const CLASSES: [char; 14] = [
    'a', 'A', '1', ' ', '\n', '\t', '한', 'é', '漢', '!', '_', '\'', '\u{301}', '😀',
];

/// Runs are made of this many of a pattern's own letters and words, at most.
const MAX_OWN: usize = 64;

/// A text on which `pattern` takes too many steps; the error is what the engine does not understand.
pub(super) fn slow_text(pattern: &str) -> Result<Option<String>, String> {
    let regex = Regex::new(pattern).map_err(|error| error.description().to_owned())?;
    // The engine does not even begin where a letter that a match needs is nowhere in the text.
    let own: String = pattern.chars().take(MAX_OWN * 4).collect();
    let ends = [String::new(), format!("\u{1}{own}"), format!("\n{own}")];
    for unit in units(pattern) {
        for length in RUNS {
            let run = unit.repeat(length);
            for end in &ends {
                if is_slow(&regex, &format!("{run}{end}")) {
                    return Ok(Some(unit));
                }
            }
        }
    }
    Ok(None)
}

fn is_slow(regex: &Regex, text: &str) -> bool {
    let mut region = Region::new();
    let mut from = 0;
    while from <= text.len() {
        let mut limit = MatchParam::default();
        limit.set_retry_limit_in_match(MAX_STEPS);
        let options = SearchOptions::SEARCH_OPTION_NONE;
        let found =
            regex.search_with_param(text, from, text.len(), options, Some(&mut region), limit);
        match found {
            Err(_) => return true,
            Ok(None) => return false,
            Ok(Some(_)) => {}
        }
        let end = region.pos(0).map_or(from, |(_, end)| end);
        // An empty match goes on at the next character, as the library does.
        from = end.max(from + text[from..].chars().next().map_or(1, char::len_utf8));
        while !text.is_char_boundary(from) && from < text.len() {
            from += 1;
        }
    }
    false
}

/// What runs are made of: single characters, pairs of classes, and the words of the pattern.
fn units(pattern: &str) -> Vec<String> {
    let mut units: Vec<String> = CLASSES.iter().map(char::to_string).collect();
    let paired = CLASSES.get(..8).unwrap_or_default();
    for &first in paired {
        units.extend(
            paired
                .iter()
                .filter(|&&c| c != first)
                .map(|c| format!("{first}{c}")),
        );
    }
    let mut own: Vec<String> = pattern.chars().map(String::from).collect();
    let words = pattern.split(|c: char| !c.is_alphanumeric());
    own.extend(
        words
            .filter(|word| (2..=24).contains(&word.len()))
            .map(str::to_owned),
    );
    own.sort_unstable();
    own.dedup();
    own.truncate(MAX_OWN);
    units.extend(own);
    units
}

#[cfg(test)]
mod tests {
    use super::slow_text;
    use crate::{Digits, pattern::korean};

    #[test]
    fn published_patterns_are_quick() {
        for pattern in [
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            r"[!#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            r"(?:\r?\n)+(?!\r?\n)|\p{N}(?=(?:\p{N}{3})+(?!\p{N}))",
            &korean(Digits::UpToThree),
            &korean(Digits::Single),
        ] {
            assert_eq!(slow_text(pattern), Ok(None), "{pattern}");
        }
    }

    #[test]
    fn patterns_that_explode_are_found() {
        for pattern in [
            "(a+)+$",
            "(?:a|aa)+$",
            r"(\w*)*=",
            r"\w*\w*\w*\w*=",
            r"(?:(?:x|xx)+)+(?:y|z)|[^x]",
            "(한+글*)*!",
            "(foo(foo)?)*foobaz",
            r"(?:\s+\S*)*\z#",
            "(a|b|ab)*c",
            "([a-zA-Z]+)*1",
            r"(.*)*\z\z0",
            "(?i)(q+)+!",
            "(0|00)+x",
        ] {
            assert!(matches!(slow_text(pattern), Ok(Some(_))), "{pattern}");
        }
        assert!(slow_text("(a").is_err());
    }
}
