//! Decoding while ids are still coming: whole characters only.

use tokenizers::DecoderWrapper;

use crate::tokenizer::{Spelling, fallback_byte};
use crate::{Tokenizer, TokenizerError};

/// Turns ids into text one at a time; made by [`Tokenizer::decode_stream`] and [`Tokenizer::decode_stream_after`].
///
/// A Hangul syllable or an emoji may take several ids: nothing is returned until it is whole. With `text` for what
/// [`Tokenizer::decode`] gives, the pieces put together are `text(context + ids)` without `text(context)` in front, and without
/// what stands at the end for bytes that are no whole character.
#[derive(Debug)]
pub struct DecodeStream<'a> {
    tokenizer: &'a Tokenizer,
    /// Byte-level files: bytes of a character that is not whole yet.
    pending: Vec<u8>,
    /// Other files, which only the library can decode: the end of the context, and the ids since.
    ids: Vec<u32>,
    /// How much of the text of `ids` belongs to the context or was returned, in bytes.
    given: usize,
    /// Tokens such as `<0x0A>` stand for bytes.
    has_byte_tokens: bool,
    /// Byte-level files: how many U+FFFD stand for bytes that are no character, shown only if something follows.
    replaced: usize,
}

/// Ids that are kept for the sake of what follows them. Decoders look at the first token of a text and at neighbours.
const KEPT_IDS: usize = 64;

impl<'a> DecodeStream<'a> {
    pub(crate) fn new(tokenizer: &'a Tokenizer) -> Self {
        Self {
            tokenizer,
            pending: Vec::new(),
            ids: Vec::new(),
            given: 0,
            has_byte_tokens: has_byte_tokens(tokenizer.library().get_decoder()),
            replaced: 0,
        }
    }

    /// The same stream behind `context`, whose text was shown already.
    pub(crate) fn after(mut self, context: &[u32]) -> Result<Self, TokenizerError> {
        if self.is_byte_level() {
            self.pending = self.tokenizer.decode_bytes(context);
            take_whole_characters(&mut self.pending, &mut 0);
        } else {
            self.ids = context.to_vec();
            self.given = self.text()?.len();
            self.forget()?;
        }
        Ok(self)
    }

    /// Takes one id and returns the text that is whole with it: often one word, sometimes nothing.
    ///
    /// # Errors
    /// Those of [`Tokenizer::decode`].
    pub fn push(&mut self, id: u32) -> Result<String, TokenizerError> {
        if self.is_byte_level() {
            self.tokenizer.push_bytes(id, &mut self.pending);
            return Ok(take_whole_characters(&mut self.pending, &mut self.replaced));
        }
        self.ids.push(id);
        // One byte that is not UTF-8 turns every byte token beside it into U+FFFD, so a run of them is shown at its end.
        if self.byte_of(id).is_some() || self.has_no_text(id) {
            return Ok(String::new());
        }
        let text = self.text()?;
        if !self.has_byte_tokens && text.ends_with(char::REPLACEMENT_CHARACTER) {
            return Ok(String::new());
        }
        let new = self.give(&text);
        self.forget()?;
        Ok(new)
    }

    /// Ends the stream and returns what was held back, but for the bytes of a character that never became whole.
    ///
    /// # Errors
    /// Those of [`Tokenizer::decode`].
    pub fn finish(mut self) -> Result<String, TokenizerError> {
        if self.is_byte_level() {
            return Ok(String::new());
        }
        self.drop_unfinished_character();
        let text = self.text()?;
        let rest = self.give(&text);
        if self.has_byte_tokens {
            return Ok(rest);
        }
        Ok(rest
            .trim_end_matches(char::REPLACEMENT_CHARACTER)
            .to_owned())
    }

    fn is_byte_level(&self) -> bool {
        self.tokenizer.spelling() == Spelling::ByteLevel
    }

    fn byte_of(&self, id: u32) -> Option<u8> {
        let token = self
            .tokenizer
            .id_to_token(id)
            .filter(|_| self.has_byte_tokens)?;
        fallback_byte(&token)
    }

    fn text(&self) -> Result<String, TokenizerError> {
        self.tokenizer.decode(&self.ids)
    }

    /// The part of `text` that was not returned yet.
    fn give(&mut self, text: &str) -> String {
        let new = text.get(self.given..).unwrap_or_default().to_owned();
        self.given = self.given.max(text.len());
        new
    }

    /// Control tokens, and ids without a token: what stands on both sides of one are neighbours.
    fn has_no_text(&self, id: u32) -> bool {
        self.tokenizer.is_special(id) || self.tokenizer.id_to_token(id).is_none()
    }

    /// Drops the byte tokens at the end from the first on that is no part of a character.
    fn drop_unfinished_character(&mut self) {
        let ids = self.ids.iter().copied();
        self.ids = ids.filter(|id| !self.has_no_text(*id)).collect();
        let run = self.ids.iter().rev().map_while(|id| self.byte_of(*id));
        let mut bytes: Vec<u8> = run.collect();
        bytes.reverse();
        let whole = bytes
            .utf8_chunks()
            .next()
            .map_or(0, |first| first.valid().len());
        self.ids.truncate(self.ids.len() - (bytes.len() - whole));
    }

    /// Drops ids whose text was returned long ago, so that a long text does not cost more with each token. What is left must
    /// begin with text, since decoders treat the first token of a text in their own way.
    fn forget(&mut self) -> Result<(), TokenizerError> {
        if self.ids.len() < 2 * KEPT_IDS || self.tokenizer.spelling() != Spelling::SentencePiece {
            return Ok(());
        }
        let oldest = self.ids.len() - KEPT_IDS;
        let is_text = |id: u32| {
            let token = self.tokenizer.id_to_token(id).unwrap_or_default();
            let has_letters = token.contains(|c: char| c != '▁' && !c.is_whitespace());
            has_letters && self.byte_of(id).is_none() && !self.tokenizer.is_special(id)
        };
        let Some(start) = (oldest..self.ids.len()).find(|&at| is_text(self.ids[at])) else {
            return Ok(());
        };
        let whole = self.text()?;
        let kept = self.tokenizer.decode(&self.ids[start..])?;
        if whole.len() == self.given && whole.ends_with(&kept) {
            self.ids.drain(..start);
            self.given = kept.len();
        }
        Ok(())
    }
}

fn has_byte_tokens(decoder: Option<&DecoderWrapper>) -> bool {
    match decoder {
        Some(DecoderWrapper::ByteFallback(_)) => true,
        Some(DecoderWrapper::Sequence(parts)) => parts
            .get_decoders()
            .iter()
            .any(|part| has_byte_tokens(Some(part))),
        _ => false,
    }
}

/// Takes the front of `bytes` up to an unfinished character. What can never become one is U+FFFD, as in lossy decoding: it is
/// counted in `replaced` and stands in front of the next character.
fn take_whole_characters(bytes: &mut Vec<u8>, replaced: &mut usize) -> String {
    let mut text = String::new();
    let mut taken = 0;
    for chunk in bytes.utf8_chunks() {
        if !chunk.valid().is_empty() {
            let marks = std::iter::repeat_n(char::REPLACEMENT_CHARACTER, std::mem::take(replaced));
            text.extend(marks);
            text.push_str(chunk.valid());
        }
        taken += chunk.valid().len();
        let invalid = chunk.invalid();
        if invalid.is_empty() {
            continue;
        }
        let at_end = taken + invalid.len() == bytes.len();
        if at_end && may_still_become_a_character(invalid) {
            break;
        }
        *replaced += 1;
        taken += invalid.len();
    }
    bytes.drain(..taken);
    text
}

/// Whether these bytes are the front of some character.
fn may_still_become_a_character(bytes: &[u8]) -> bool {
    match std::str::from_utf8(bytes) {
        Ok(_) => false,
        Err(error) => error.error_len().is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::take_whole_characters;
    use proptest::prelude::*;

    #[test]
    fn half_a_syllable_waits_and_so_does_nonsense() {
        let mut replaced = 0;
        let mut bytes = "가".as_bytes()[..2].to_vec();
        assert_eq!(take_whole_characters(&mut bytes, &mut replaced), "");
        bytes.push("가".as_bytes()[2]);
        assert_eq!(take_whole_characters(&mut bytes, &mut replaced), "가");
        let mut bytes = vec![b'a', 0xFF, 0xEA];
        assert_eq!(take_whole_characters(&mut bytes, &mut replaced), "a");
        assert_eq!((bytes.as_slice(), replaced), (&[0xEA][..], 1));
        bytes.push(b'b');
        assert_eq!(
            take_whole_characters(&mut bytes, &mut replaced),
            "\u{FFFD}\u{FFFD}b"
        );
    }

    proptest! {
        #[test]
        fn any_cut_gives_what_lossy_decoding_gives(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..5), 0..20)) {
            let (mut pending, mut replaced) = (Vec::new(), 0);
            let mut text = String::new();
            for chunk in &chunks {
                pending.extend_from_slice(chunk);
                text += &take_whole_characters(&mut pending, &mut replaced);
            }
            text.extend(std::iter::repeat_n(char::REPLACEMENT_CHARACTER, replaced));
            text += &String::from_utf8_lossy(&pending);
            let all = chunks.concat();
            prop_assert_eq!(text, String::from_utf8_lossy(&all));
        }
    }
}
