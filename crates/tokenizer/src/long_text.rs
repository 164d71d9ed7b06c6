//! Where a long text may be cut so that the ids of its pieces are those of the whole.
//!
//! Hugging Face's library holds some sixty bytes for each byte of a text. A cut is made before a space between two characters
//! that stand alone, and only if every part of the file is known to work on both sides by themselves: no added token reaches
//! over the place, the normalizer changes characters one by one there, and either the pre-tokenizer begins a piece at the space
//! or no token of the vocabulary holds the character before the space and the space, so that no merge can join them.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use serde_json::Value;
use tokenizers::{ModelWrapper, NormalizedString, Normalizer, NormalizerWrapper};

use crate::byte_alphabet;
use crate::scan::Scanner;

/// Where the library may be given a text in pieces.
#[derive(Debug)]
pub(crate) struct Cuts {
    normalizer: Option<NormalizerWrapper>,
    /// The normalizer puts a space in front of each text, so that a piece is given without its own.
    prepends: bool,
    cutting: Cutting,
    added: Vec<Added>,
    /// Where the pre-tokenizer does not cut: what may stand before the space.
    ends: Option<Ends>,
}

/// What a pre-tokenizer does at a space.
#[derive(Debug, Default)]
struct Cutting {
    /// A piece begins there, whatever stands around it.
    begins_piece: bool,
    /// What `Metaspace` writes for a space.
    metaspace: Option<char>,
    /// Pieces are spelled in the alphabet of bytes.
    bytes: bool,
}

/// An added token that may be found in text, as it is looked for there.
#[derive(Debug)]
struct Added {
    content: String,
    in_normalized: bool,
}

/// Characters that are tokens and that no token holds before a space.
#[derive(Debug)]
struct Ends {
    space: char,
    safe: BTreeSet<char>,
}

impl Cuts {
    /// `None` if a part is unknown or looks further than at single characters.
    pub(crate) fn of(library: &tokenizers::Tokenizer) -> Option<Self> {
        let normalizer = library.get_normalizer().cloned();
        let pre_tokenizer = library.get_pre_tokenizer();
        let cutting = Cutting::of(&serde_json::to_value(pre_tokenizer).ok()?)?;
        let parts = Normalizing::of(&serde_json::to_value(&normalizer).ok()?)?;
        // A character may be another one in a cluster with those before it, which matters only to the model.
        if parts.reads_clusters && !cutting.begins_piece {
            return None;
        }
        let mut cuts = Self {
            added: Vec::new(),
            ends: None,
            normalizer,
            prepends: parts.prepends,
            cutting,
        };
        cuts.added = cuts.added_tokens(library)?;
        if !cuts.cutting.begins_piece {
            cuts.ends = Some(cuts.ends(library)?);
        }
        Some(cuts)
    }

    /// The pieces of a text, of about `bytes`: longer where no earlier place is sure.
    pub(crate) fn pieces<'a>(&self, text: &'a str, bytes: usize) -> Vec<&'a str> {
        let known = RefCell::new(HashMap::new());
        let is_safe = |around: (char, char)| {
            let mut known = known.borrow_mut();
            *known.entry(around).or_insert_with(|| self.is_safe(around))
        };
        let mut pieces = Vec::new();
        let mut rest = text;
        while rest.len() > bytes {
            let middle = rest.floor_char_boundary(bytes);
            let earlier = rest[..middle].rmatch_indices(' ').map(|(at, _)| at);
            let later = rest[middle..].match_indices(' ').map(|(at, _)| middle + at);
            let mut places = earlier.chain(later);
            let Some(at) = places.find(|&at| around(rest, at).is_some_and(&is_safe)) else {
                break;
            };
            pieces.push(&rest[..at]);
            rest = &rest[at + usize::from(self.prepends)..];
        }
        pieces.push(rest);
        pieces
    }

    /// Whether a text may be cut between these two characters, which have a space between them.
    fn is_safe(&self, (before, after): (char, char)) -> bool {
        let second = if self.prepends {
            after.to_string()
        } else {
            format!(" {after}")
        };
        let (Some(left), Some(right), Some(whole)) = (
            self.normalized(&before.to_string()),
            self.normalized(&second),
            self.normalized(&format!("{before} {after}")),
        ) else {
            return false;
        };
        let (Some(end), Some(space)) = (left.chars().next_back(), right.chars().next()) else {
            return false;
        };
        let begins_word = right.chars().nth(1).is_some_and(|c| !is_blank(c));
        if whole != format!("{left}{right}") || is_blank(end) || !begins_word {
            return false;
        }
        let is_space = space == ' ' || self.cutting.metaspace == Some(space);
        let may_be_other =
            !self.cutting.begins_piece && self.cutting.metaspace.is_none() && !self.cutting.bytes;
        (is_space || may_be_other)
            && self
                .ends
                .as_ref()
                .is_none_or(|ends| ends.allow(end, space, &self.cutting))
            && self.added.iter().all(|token| {
                let content = token.content.as_str();
                if token.in_normalized {
                    return !content.contains(&format!("{end}{space}"));
                }
                let touches = content.ends_with(before) || content.starts_with([after, ' ']);
                let spans = content.contains(&format!("{before} "));
                !(spans || self.prepends && touches)
            })
    }

    fn normalized(&self, text: &str) -> Option<String> {
        let mut normalized = NormalizedString::from(text);
        if let Some(normalizer) = &self.normalizer {
            normalizer.normalize(&mut normalized).ok()?;
        }
        Some(normalized.get().to_owned())
    }

    /// Tokens that are found in text, with those that hide them by standing over them; `None` where one takes in the white
    /// space around it.
    fn added_tokens(&self, library: &tokenizers::Tokenizer) -> Option<Vec<Added>> {
        let all = library.get_added_vocabulary().get_added_tokens_decoder();
        let found = || all.values().filter(|token| !token.special);
        if found().any(|token| token.lstrip || token.rstrip || token.single_word) {
            return None;
        }
        if found().next().is_none() {
            return Some(Vec::new());
        }
        let added = all.values().map(|token| {
            let content = if token.normalized {
                self.normalized(&token.content)?
            } else {
                token.content.clone()
            };
            let in_normalized = token.normalized;
            Some(Added {
                content,
                in_normalized,
            })
        });
        added.collect()
    }

    /// `None` if the model does more than to merge neighbours.
    fn ends(&self, library: &tokenizers::Tokenizer) -> Option<Ends> {
        let ModelWrapper::BPE(model) = library.get_model() else {
            return None;
        };
        let affixes = [&model.continuing_subword_prefix, &model.end_of_word_suffix];
        if model.ignore_merges || affixes.into_iter().flatten().any(|affix| !affix.is_empty()) {
            return None;
        }
        let space = match (self.cutting.metaspace, self.cutting.bytes) {
            (Some(replacement), _) => replacement,
            (None, true) => byte_alphabet::char_of(b' '),
            (None, false) => {
                let text = if self.prepends { "a" } else { " a" };
                self.normalized(text)?.chars().next()?
            }
        };
        let vocabulary: BTreeSet<String> = model.get_vocab().into_keys().collect();
        let mut safe: BTreeSet<char> = vocabulary
            .iter()
            .filter_map(|token| only_char(token))
            .collect();
        if !safe.contains(&space) {
            return None;
        }
        for token in &vocabulary {
            for (character, next) in token.chars().zip(token.chars().skip(1)) {
                if next == space {
                    safe.remove(&character);
                }
            }
        }
        Some(Ends { space, safe })
    }
}

impl Ends {
    fn allow(&self, end: char, space: char, cutting: &Cutting) -> bool {
        let end = if cutting.bytes {
            let mut bytes = [0; 4];
            let last = end.encode_utf8(&mut bytes).bytes().next_back();
            last.map_or(end, byte_alphabet::char_of)
        } else {
            end
        };
        let becomes_space = cutting.bytes || cutting.metaspace.is_some() || space == self.space;
        becomes_space && self.safe.contains(&end)
    }
}

impl Cutting {
    /// Of the JSON of a pre-tokenizer; `None` where it may cut both sides otherwise than the whole.
    fn of(json: &Value) -> Option<Self> {
        let mut cutting = Self::default();
        let parts = match json["type"].as_str() {
            None => return json.is_null().then_some(cutting),
            Some("Sequence") => json["pretokenizers"].as_array()?.as_slice(),
            Some(_) => std::slice::from_ref(json),
        };
        for (index, part) in parts.iter().enumerate() {
            cutting.add(part, index == 0)?;
        }
        Some(cutting)
    }

    fn add(&mut self, part: &Value, is_first: bool) -> Option<()> {
        let kind = part["type"].as_str()?;
        if self.begins_piece {
            // What follows sees pieces only; one kind asks where in the text they stand.
            let asks = kind == "Sequence" || part["prepend_scheme"] == "first";
            return (!asks).then_some(());
        }
        let has_spaces = self.metaspace.is_none() && !self.bytes;
        match kind {
            // Both put a space in front of a text that does not begin with one; a piece does.
            "Metaspace" if is_first => {
                self.metaspace = Some(only_char(part["replacement"].as_str()?)?);
                self.begins_piece = part["split"] == true;
            }
            "ByteLevel" if has_spaces && (is_first || part["add_prefix_space"] == false) => {
                self.bytes = true;
                self.begins_piece = part["use_regex"] == true;
            }
            "BertPreTokenizer" | "Whitespace" | "WhitespaceSplit" if has_spaces => {
                self.begins_piece = true;
            }
            "Digits" | "Punctuation" => {}
            "Split" if part["invert"] == false => match &part["pattern"] {
                pattern if pattern["String"].as_str().and_then(only_char).is_some() => {}
                pattern if has_spaces && part["behavior"] == "Isolated" => {
                    let scanner = Scanner::new(pattern["Regex"].as_str()?)?;
                    self.begins_piece = scanner.begins_at_spaces()?;
                }
                _ => return None,
            },
            _ => return None,
        }
        Some(())
    }
}

/// What a normalizer does around a single space between other characters: it changes them one by one, and this.
#[derive(Debug, Default)]
struct Normalizing {
    prepends: bool,
    reads_clusters: bool,
}

impl Normalizing {
    /// Of the JSON of a normalizer; `None` where a part is not known to change characters one by one.
    fn of(json: &Value) -> Option<Self> {
        let mut all = Self::default();
        if !json.is_null() {
            all.add(json)?;
        }
        Some(all)
    }

    fn add(&mut self, part: &Value) -> Option<()> {
        match part["type"].as_str()? {
            "NFC" | "NFD" | "NFKC" | "NFKD" | "Lowercase" | "Nmt" | "StripAccents" => {}
            "Precompiled" => self.reads_clusters = true,
            "Replace" => {
                let pattern = &part["pattern"];
                let one = pattern["String"].as_str().and_then(only_char);
                // Runs of spaces: there is one space at the place.
                (one.is_some() || pattern["Regex"] == " {2,}").then_some(())?;
            }
            "Prepend" if !self.prepends => self.prepends = true,
            "Sequence" => {
                for part in part["normalizers"].as_array()? {
                    self.add(part)?;
                }
            }
            _ => return None,
        }
        Some(())
    }
}

/// The characters beside the space at `at`, if both stand alone.
fn around(text: &str, at: usize) -> Option<(char, char)> {
    let before = text[..at].chars().next_back()?;
    let after = text[at + 1..].chars().next()?;
    (stands_alone(before) && stands_alone(after)).then_some((before, after))
}

/// Characters that never combine with others beside them, under any normal form: printable ASCII, Latin, Greek and Cyrillic
/// letters, kana, Chinese characters and Hangul syllables.
fn stands_alone(c: char) -> bool {
    matches!(c,
        '!'..='~'
        | '\u{C0}'..='\u{24F}'
        | '\u{391}'..='\u{3C9}'
        | '\u{410}'..='\u{44F}'
        | '\u{3041}'..='\u{3096}'
        | '\u{30A1}'..='\u{30FA}'
        | '\u{4E00}'..='\u{9FFF}'
        | '\u{AC00}'..='\u{D7A3}')
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '▁'
}

fn only_char(text: &str) -> Option<char> {
    let mut chars = text.chars();
    chars.next().filter(|_| chars.next().is_none())
}

#[cfg(test)]
mod tests;
