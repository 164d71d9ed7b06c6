//! The hand-written lexicon: predicates with their classes, and noun classes whose entries may carry fields (a counter, a
//! verb that goes with the noun, a fact), so that a template can only combine what belongs together.

use std::collections::BTreeMap;

use super::conjugate::{Irregular, Predicate, WordClass};

const PREDICATES: &str = include_str!("lexicon/predicates.txt");
const NOUNS: [&str; 4] = [
    include_str!("lexicon/people.txt"),
    include_str!("lexicon/daily.txt"),
    include_str!("lexicon/world.txt"),
    include_str!("lexicon/trades.txt"),
];

/// A stem with its class, owned by the lexicon.
#[derive(Debug, Clone)]
pub(super) struct Stem {
    text: String,
    class: WordClass,
    irregular: Irregular,
}

impl Stem {
    pub(super) fn predicate(&self) -> Predicate<'_> {
        Predicate {
            stem: &self.text,
            class: self.class,
            irregular: self.irregular,
        }
    }
}

/// One field of an entry: its text and, when it ends in a known predicate, what precedes it and the stem.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) text: String,
    pub(super) predicate: Option<Phrase>,
}

/// A predicate with the words before it: `책을 ` + 읽.
#[derive(Debug, Clone)]
pub(super) struct Phrase {
    pub(super) head: String,
    pub(super) stem: Stem,
}

/// Entries of all classes, and the classes as lists of entry numbers.
#[derive(Debug)]
pub(super) struct Lexicon {
    pub(super) entries: Vec<Vec<Field>>,
    pub(super) classes: Vec<Vec<u32>>,
    class_ids: BTreeMap<String, usize>,
    stems: BTreeMap<String, Stem>,
}

impl Lexicon {
    /// Reads the built-in lists; the message of an error names the class or word.
    pub(super) fn built_in() -> Result<Self, String> {
        let mut lexicon = Self {
            entries: Vec::new(),
            classes: Vec::new(),
            class_ids: BTreeMap::new(),
            stems: read_stems(PREDICATES)?,
        };
        for text in NOUNS {
            lexicon.read_nouns(text)?;
        }
        Ok(lexicon)
    }

    pub(super) fn class(&self, name: &str) -> Option<usize> {
        self.class_ids.get(name).copied()
    }

    /// Distinct predicate stems.
    #[cfg(test)]
    pub(super) fn stem_count(&self) -> usize {
        self.stems.len()
    }

    /// The phrase that ends in a dictionary form, if the lexicon knows the predicate (하다, 되다 and 시키다 compounds of
    /// nouns are verbs unless listed as adjectives).
    pub(super) fn phrase(&self, text: &str) -> Option<Phrase> {
        let at = text.rfind(' ').map_or(0, |space| space + 1);
        let (head, word) = text.split_at(at);
        let stem = self.stems.get(word).cloned().or_else(|| {
            let stem = word
                .trim_end_matches(|c: char| c.is_ascii_digit())
                .strip_suffix('다')?;
            let derived = ["하", "되", "시키", "당하", "거리"]
                .iter()
                .any(|end| stem.ends_with(end) && stem != *end);
            derived.then(|| Stem {
                text: stem.to_owned(),
                class: WordClass::Verb,
                irregular: Irregular::None,
            })
        })?;
        Some(Phrase {
            head: head.to_owned(),
            stem,
        })
    }

    fn read_nouns(&mut self, text: &str) -> Result<(), String> {
        let mut current: Option<usize> = None;
        for line in text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            let mut rest = line;
            if let Some((name, list)) = class_heading(line) {
                let id = self.classes.len();
                if self.class_ids.insert(name.to_owned(), id).is_some() {
                    return Err(format!("class `{name}` is listed twice"));
                }
                self.classes.push(Vec::new());
                current = Some(id);
                rest = list;
            }
            let id = current.ok_or_else(|| format!("`{line}` stands before any class"))?;
            for item in rest
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
            {
                if let Some(name) = item.strip_prefix('@') {
                    let other = self
                        .class(name)
                        .ok_or_else(|| format!("no class `{name}` before `{line}`"))?;
                    let included = self.classes[other].clone();
                    self.classes[id].extend(included);
                    continue;
                }
                let fields = item
                    .split('=')
                    .map(|field| self.field(field.trim()))
                    .collect();
                self.classes[id].push(self.entries.len() as u32);
                self.entries.push(fields);
            }
        }
        Ok(())
    }

    fn field(&self, text: &str) -> Field {
        // Entries cannot hold the separators, so a comma inside a field is written as a semicolon.
        let text = text.replace(';', ",");
        let plain = text.trim_end_matches(|c: char| c.is_ascii_digit());
        let predicate = if plain.ends_with('다') {
            self.phrase(&text)
        } else {
            None
        };
        let text = if predicate.is_some() {
            plain.to_owned()
        } else {
            text
        };
        Field { text, predicate }
    }
}

/// `name: entries`, where the name is plain ASCII.
fn class_heading(line: &str) -> Option<(&str, &str)> {
    let (name, list) = line
        .split_once(": ")
        .or_else(|| line.strip_suffix(':').map(|name| (name, "")))?;
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    name.bytes().all(plain).then_some((name, list))
}

/// Lines of `class irregularity: words`; a digit after a word tells homonyms apart and is no part of the stem.
fn read_stems(text: &str) -> Result<BTreeMap<String, Stem>, String> {
    let mut stems = BTreeMap::new();
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let (kind, words) = line
            .split_once(':')
            .ok_or_else(|| format!("`{line}` has no colon"))?;
        let mut kind = kind.split_whitespace();
        let class = match kind.next() {
            Some("v") => WordClass::Verb,
            Some("a") => WordClass::Adjective,
            Some("e") => WordClass::Existential,
            other => return Err(format!("unknown word class `{other:?}`")),
        };
        let irregular = match kind.next() {
            None => Irregular::None,
            Some("ㅂ") => Irregular::Bieup,
            Some("ㄷ") => Irregular::Digeut,
            Some("ㅅ") => Irregular::Siot,
            Some("르") => Irregular::Reu,
            Some("러") => Irregular::Reo,
            Some("우") => Irregular::U,
            Some("ㅎ") => Irregular::Hieut,
            Some(other) => return Err(format!("unknown irregular class `{other}`")),
        };
        for word in words.split_whitespace() {
            let plain = word.trim_end_matches(|c: char| c.is_ascii_digit());
            let stem = plain
                .strip_suffix('다')
                .ok_or_else(|| format!("`{word}` is no dictionary form"))?;
            let stem = Stem {
                text: stem.to_owned(),
                class,
                irregular,
            };
            if stems.insert(word.to_owned(), stem).is_some() {
                return Err(format!("predicate `{word}` is listed twice"));
            }
        }
    }
    Ok(stems)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_lexicon_is_large_and_readable() {
        let lexicon = Lexicon::built_in().unwrap();
        let words: BTreeSet<&str> = lexicon
            .entries
            .iter()
            .flatten()
            .map(|field| field.text.as_str())
            .collect();
        println!(
            "{} stems, {} entries, {} distinct fields",
            lexicon.stem_count(),
            lexicon.entries.len(),
            words.len()
        );
        assert!(
            lexicon.stem_count() + words.len() >= 1_500,
            "the lexicon shrank"
        );
        assert!(
            lexicon.classes.iter().all(|class| !class.is_empty()),
            "a class without entries"
        );
    }
}
