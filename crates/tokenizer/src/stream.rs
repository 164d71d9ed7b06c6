//! Decoding while ids are still coming: whole characters only.

use crate::guard::guarded;
use crate::tokenizer::Spelling;
use crate::{Tokenizer, TokenizerError};

/// Turns ids into text one at a time; made by [`Tokenizer::decode_stream`].
///
/// A Hangul syllable or an emoji may take several ids: nothing is given out until it is whole. The parts put together, with
/// [`finish`](Self::finish) at the end, are what [`Tokenizer::decode`] gives for all ids at once.
#[derive(Debug)]
pub struct DecodeStream<'a> {
    tokenizer: &'a Tokenizer,
    /// Bytes of a character that is not whole yet.
    pending: Vec<u8>,
    /// All ids so far, for files that only the library can decode.
    ids: Vec<u32>,
    /// How much of their text has been given out, in bytes.
    given: usize,
}

impl<'a> DecodeStream<'a> {
    pub(crate) fn new(tokenizer: &'a Tokenizer) -> Self {
        Self {
            tokenizer,
            pending: Vec::new(),
            ids: Vec::new(),
            given: 0,
        }
    }

    /// Takes one id and gives the text that is whole with it: often one word, sometimes nothing.
    ///
    /// # Errors
    /// Those of [`Tokenizer::decode`].
    pub fn push(&mut self, id: u32) -> Result<String, TokenizerError> {
        if self.tokenizer.spelling() == Spelling::ByteLevel {
            self.tokenizer.push_bytes(id, &mut self.pending);
            return Ok(take_whole_characters(&mut self.pending));
        }
        self.ids.push(id);
        let text = self.text()?;
        // Byte tokens decode to U+FFFD until their character is whole.
        if text.ends_with(char::REPLACEMENT_CHARACTER) {
            return Ok(String::new());
        }
        Ok(self.give(&text))
    }

    /// Ends the stream: what is left of a character that never became whole, as U+FFFD.
    ///
    /// # Errors
    /// Those of [`Tokenizer::decode`].
    pub fn finish(mut self) -> Result<String, TokenizerError> {
        if self.tokenizer.spelling() == Spelling::ByteLevel {
            return Ok(String::from_utf8_lossy(&self.pending).into_owned());
        }
        let text = self.text()?;
        Ok(self.give(&text))
    }

    fn text(&self) -> Result<String, TokenizerError> {
        guarded(|| self.tokenizer.library().decode(&self.ids, true)).map_err(|reason| {
            TokenizerError::Library {
                action: "decode ids",
                reason,
            }
        })
    }

    /// The part of `text` that was not given out yet.
    fn give(&mut self, text: &str) -> String {
        let new = text.get(self.given..).unwrap_or_default().to_owned();
        self.given = self.given.max(text.len());
        new
    }
}

/// Takes the front of `bytes` up to an unfinished character; what can never become one is U+FFFD, as in lossy decoding.
fn take_whole_characters(bytes: &mut Vec<u8>) -> String {
    let mut text = String::new();
    let mut taken = 0;
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        taken += chunk.valid().len();
        let invalid = chunk.invalid();
        if invalid.is_empty() {
            continue;
        }
        let at_end = taken + invalid.len() == bytes.len();
        if at_end && may_still_become_a_character(invalid) {
            break;
        }
        text.push(char::REPLACEMENT_CHARACTER);
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
    fn half_a_syllable_waits_and_nonsense_does_not() {
        let mut bytes = "가".as_bytes()[..2].to_vec();
        assert_eq!(take_whole_characters(&mut bytes), "");
        bytes.push("가".as_bytes()[2]);
        assert_eq!(take_whole_characters(&mut bytes), "가");
        let mut bytes = vec![b'a', 0xFF, 0xEA];
        assert_eq!(take_whole_characters(&mut bytes), "a\u{FFFD}");
        assert_eq!(bytes, [0xEA]);
    }

    proptest! {
        #[test]
        fn any_cut_gives_what_lossy_decoding_gives(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..5), 0..20)) {
            let mut pending = Vec::new();
            let mut text = String::new();
            for chunk in &chunks {
                pending.extend_from_slice(chunk);
                text += &take_whole_characters(&mut pending);
            }
            text += &String::from_utf8_lossy(&pending);
            let all = chunks.concat();
            prop_assert_eq!(text, String::from_utf8_lossy(&all));
        }
    }
}
