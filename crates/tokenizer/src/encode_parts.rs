//! Ids of a rendered conversation: control tokens where the template wrote them, ordinary text everywhere else.

use tokenizers::AddedToken;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};
use tokenizers::pre_tokenizers::sequence::Sequence;

use crate::chat::{ChatError, ChatTemplate, Conversation, Part, RenderOptions};
use crate::{Tokenizer, TokenizerError};

impl Tokenizer {
    /// The control tokens in their spelling, by id.
    pub fn control_tokens(&self) -> Vec<String> {
        self.control()
            .into_iter()
            .map(|(_, token)| token.content.clone())
            .collect()
    }

    /// The ids of a conversation that was rendered in parts.
    ///
    /// Control tokens are found inside of [`Part::Template`] only. The text between two of them is encoded in one piece,
    /// whoever wrote it, so that the ids of a conversation which spells no control token are those that transformers gives
    /// for the rendered text.
    ///
    /// # Errors
    /// Those of [`encode`](Self::encode).
    pub fn encode_parts(&self, parts: &[Part]) -> Result<Vec<u32>, TokenizerError> {
        let mut text = String::new();
        let mut ranges = Vec::new();
        for part in parts {
            let start = text.len();
            text.push_str(part.text());
            if let Part::Template(_) = part {
                ranges.push(start..text.len());
            }
        }
        let control = self.control();
        let mut matches: Vec<Match> = Vec::new();
        // The library looks for tokens in the text as it is first, and for those in normalized text in what is left.
        for normalized in [false, true] {
            let tokens: Vec<(u32, &AddedToken)> = control
                .iter()
                .filter(|(_, token)| token.normalized == normalized)
                .copied()
                .collect();
            for range in &ranges {
                find_tokens(&text, range.clone(), &tokens, &mut matches);
            }
            matches.sort_unstable_by_key(|found| found.start);
        }
        let mut ids = Vec::new();
        let mut done = 0;
        for found in matches {
            self.encode_piece(&text, done..found.start, &mut ids)?;
            ids.push(found.id);
            done = found.end;
        }
        self.encode_piece(&text, done..text.len(), &mut ids)?;
        Ok(ids)
    }

    /// Renders a conversation and encodes it; nothing is added to what the template writes.
    ///
    /// # Errors
    /// Those of [`ChatTemplate::render_parts`] and of [`encode`](Self::encode).
    pub fn encode_conversation(
        &self,
        template: &ChatTemplate,
        conversation: &Conversation,
        options: &RenderOptions,
    ) -> Result<Vec<u32>, ChatError> {
        let parts = template.render_parts(conversation, options, &self.control_tokens())?;
        Ok(self.encode_parts(&parts)?)
    }

    fn control(&self) -> Vec<(u32, &AddedToken)> {
        let added = self
            .library()
            .get_added_vocabulary()
            .get_added_tokens_decoder();
        let mut control: Vec<(u32, &AddedToken)> = added
            .iter()
            .filter(|(_, token)| token.special && !token.content.is_empty())
            .map(|(id, token)| (*id, token))
            .collect();
        control.sort_unstable_by_key(|(id, _)| *id);
        control
    }

    fn encode_piece(
        &self,
        text: &str,
        range: std::ops::Range<usize>,
        ids: &mut Vec<u32>,
    ) -> Result<(), TokenizerError> {
        let begins = range.start == 0;
        let piece = text.get(range).unwrap_or_default();
        if !piece.is_empty() {
            ids.extend(if begins {
                self.encode(piece)?
            } else {
                self.encode_continuation(piece)?
            });
        }
        Ok(())
    }
}

/// A control token with the white space that it takes in.
#[derive(Debug, Clone, Copy)]
struct Match {
    start: usize,
    end: usize,
    id: u32,
}

/// Adds the tokens that stand in `range`: the leftmost first, of several at one place the longest.
fn find_tokens(
    text: &str,
    range: std::ops::Range<usize>,
    tokens: &[(u32, &AddedToken)],
    matches: &mut Vec<Match>,
) {
    let earlier = matches.clone();
    let mut begins = [false; 256];
    for (_, token) in tokens {
        if let Some(first) = token.content.as_bytes().first() {
            begins[usize::from(*first)] = true;
        }
    }
    let mut done = 0;
    let mut at = range.start;
    while at < range.end {
        // Inside of a character, no byte begins a token.
        if !begins[usize::from(text.as_bytes()[at])] {
            at += 1;
            continue;
        }
        let here = text.get(at..range.end).unwrap_or_default();
        let longest = tokens
            .iter()
            .filter(|(_, token)| here.starts_with(token.content.as_str()))
            .max_by_key(|(_, token)| token.content.len());
        let Some((id, token)) = longest else {
            at += 1;
            continue;
        };
        let (mut start, mut end) = (at, at + token.content.len());
        at = end;
        let taken = earlier
            .iter()
            .any(|other| start < other.end && other.start < end);
        if taken || token.single_word && !stands_alone(text, start, end) {
            continue;
        }
        let floor = earlier
            .iter()
            .filter(|other| other.end <= start)
            .map(|other| other.end);
        let floor = floor.max().unwrap_or(0).max(done);
        let ceiling = earlier
            .iter()
            .filter(|other| other.start >= end)
            .map(|other| other.start);
        let ceiling = ceiling.min().unwrap_or(text.len());
        if token.lstrip {
            start = floor + text[floor..start].trim_end().len();
        }
        if token.rstrip {
            end = ceiling - text[end..ceiling].trim_start().len();
            at = at.max(end);
        }
        done = end;
        matches.push(Match {
            start,
            end,
            id: *id,
        });
    }
}

fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let in_word = |c: char| c == '_' || c.is_alphanumeric();
    !text[..start].ends_with(in_word) && !text[end..].starts_with(in_word)
}

/// The library for pieces inside of a text, if its pre-tokenizer treats the beginning of a text in a special way.
pub(crate) fn inside_of_text(library: &tokenizers::Tokenizer) -> Option<tokenizers::Tokenizer> {
    let pre_tokenizer = without_first_space(library.get_pre_tokenizer()?)?;
    let mut inside = library.clone();
    inside.with_pre_tokenizer(Some(pre_tokenizer));
    Some(inside)
}

fn without_first_space(pre_tokenizer: &PreTokenizerWrapper) -> Option<PreTokenizerWrapper> {
    match pre_tokenizer {
        PreTokenizerWrapper::Metaspace(space) if space.prepend_scheme == PrependScheme::First => {
            let inside = Metaspace::new(space.get_replacement(), PrependScheme::Never, space.split);
            Some(PreTokenizerWrapper::Metaspace(inside))
        }
        PreTokenizerWrapper::Sequence(sequence) => {
            let parts: &[PreTokenizerWrapper] = sequence.as_ref();
            let changed: Vec<_> = parts.iter().map(without_first_space).collect();
            changed.iter().any(Option::is_some).then(|| {
                let parts = parts.iter().zip(changed);
                let parts = parts.map(|(part, changed)| changed.unwrap_or_else(|| part.clone()));
                PreTokenizerWrapper::Sequence(Sequence::new(parts.collect()))
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::config_file::ConfigFile;

    /// A vocabulary of characters, as published SentencePiece files have it, with three control tokens.
    fn tokenizer(pre_tokenizer: &Value, flags: &Value) -> Tokenizer {
        let characters = "▁ab글.<|endx>\n".chars().map(String::from);
        let vocab: serde_json::Map<String, Value> = characters
            .enumerate()
            .map(|(id, token)| (token, json!(id)))
            .collect();
        let first = vocab.len();
        let added = |at: usize, content: &str| {
            let mut token = json!({"id": first + at, "content": content, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": true});
            for (name, value) in flags.as_object().unwrap() {
                token[name] = value.clone();
            }
            token
        };
        let document = json!({
            "version": "1.0", "truncation": null, "padding": null,
            "added_tokens": [added(0, "<|end|>"), added(1, "<|end|>x"), added(2, "한")],
            "normalizer": null, "pre_tokenizer": pre_tokenizer, "post_processor": null, "decoder": null,
            "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
                "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
                "vocab": vocab, "merges": []},
        });
        Tokenizer::from_document(document, ConfigFile::default(), Path::new("tokenizer.json"))
            .unwrap()
    }

    /// What transformers makes of a rendered text: control tokens are found wherever they stand.
    fn with_control_tokens(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
        let mut library = tokenizer.library().clone();
        library.set_encode_special_tokens(false);
        library.encode_fast(text, false).unwrap().get_ids().to_vec()
    }

    fn metaspace(scheme: &str) -> Value {
        json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": true})
    }

    proptest! {
        #[test]
        fn text_of_the_template_has_the_ids_of_transformers(
            pieces in proptest::collection::vec(
                proptest::sample::select(&["<|end|>", "<|end|>x", "한", "a", "b", " ", "\n", ".", "<|", "end"][..]), 0..14),
            scheme in proptest::sample::select(&["first", "always", "never"][..]),
            sequence in any::<bool>(),
            flag in proptest::sample::select(&["", "lstrip", "rstrip", "single_word", "normalized"][..]),
        ) {
            let pre_tokenizer = metaspace(scheme);
            let pre_tokenizer = if sequence {
                json!({"type": "Sequence", "pretokenizers": [pre_tokenizer]})
            } else {
                pre_tokenizer
            };
            let flags = if flag.is_empty() { json!({}) } else { json!({flag: true}) };
            let tokenizer = tokenizer(&pre_tokenizer, &flags);
            let text = pieces.concat();
            let ids = tokenizer.encode_parts(&[Part::Template(text.clone())]).unwrap();
            prop_assert_eq!(ids, with_control_tokens(&tokenizer, &text));
        }

        #[test]
        fn text_of_a_message_has_no_control_token(
            pieces in proptest::collection::vec(
                (any::<bool>(), proptest::sample::select(&["<|end|>", "<|end|>x", "한", "a", " ", "<|", "end", "|>"][..])), 0..10),
        ) {
            let tokenizer = tokenizer(&metaspace("never"), &json!({}));
            let part = |(own, text): &(bool, &str)| {
                if *own { Part::Template((*text).to_owned()) } else { Part::Content((*text).to_owned()) }
            };
            let parts: Vec<Part> = pieces.iter().map(part).collect();
            let ids = tokenizer.encode_parts(&parts).unwrap();
            let own = parts.iter().filter(|part| {
                matches!(part, Part::Template(text) if tokenizer.control_tokens().contains(text))
            });
            prop_assert_eq!(ids.iter().filter(|id| tokenizer.is_special(**id)).count(), own.count());
        }
    }
}
