//! The 256 characters that stand for bytes inside a byte-level vocabulary.
//!
//! A printable Latin-1 byte stands for itself; the 68 others (controls, space, soft hyphen) take the code points from U+0100 on,
//! in byte order. It is the alphabet of GPT-2, which every byte-level `tokenizer.json` uses.

/// The character that stands for `byte`.
pub(crate) fn char_of(byte: u8) -> char {
    ALPHABET[usize::from(byte)]
}

/// The byte that `character` stands for, if it is one of the 256.
pub(crate) fn byte_of(character: char) -> Option<u8> {
    let code = u32::from(character);
    match code {
        0..256 => {
            let byte = code as u8;
            stands_for_itself(byte).then_some(byte)
        }
        256..324 => Some(MOVED[code as usize - 256]),
        _ => None,
    }
}

/// The bytes that a token stands for, or nothing if it has a character outside the alphabet.
pub(crate) fn unspell(token: &str) -> Option<Vec<u8>> {
    token.chars().map(byte_of).collect()
}

const fn stands_for_itself(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF)
}

/// Bytes that do not stand for themselves, in order.
const MOVED: [u8; 68] = {
    let mut moved = [0; 68];
    let mut count = 0;
    let mut byte = 0;
    while byte < 256 {
        if !stands_for_itself(byte as u8) {
            moved[count] = byte as u8;
            count += 1;
        }
        byte += 1;
    }
    moved
};

const ALPHABET: [char; 256] = {
    let mut alphabet = ['\0'; 256];
    let mut byte = 0;
    while byte < 256 {
        alphabet[byte] = byte as u8 as char;
        byte += 1;
    }
    let mut index = 0;
    while index < MOVED.len() {
        alphabet[MOVED[index] as usize] = match char::from_u32(256 + index as u32) {
            Some(character) => character,
            None => panic!("U+0100 to U+0143 are characters"),
        };
        index += 1;
    }
    alphabet
};

#[cfg(test)]
mod tests {
    use super::{byte_of, char_of, unspell};
    use tokenizers::pre_tokenizers::byte_level::ByteLevel;

    #[test]
    fn is_the_published_alphabet_and_inverts() {
        let published = ByteLevel::alphabet();
        for byte in 0..=255u8 {
            assert!(published.contains(&char_of(byte)), "{byte}");
            assert_eq!(byte_of(char_of(byte)), Some(byte));
        }
        assert_eq!(
            (char_of(b' '), char_of(b'\n'), char_of(0), char_of(0xAD)),
            ('Ġ', 'Ċ', 'Ā', 'Ń')
        );
        assert_eq!(byte_of(' '), None);
        assert_eq!(byte_of('\u{144}'), None);
        let spelled: String = " 한".bytes().map(char_of).collect();
        assert_eq!(spelled, "Ġíķľ");
        assert_eq!(unspell("ĠíķľX").as_deref(), Some(" 한X".as_bytes()));
        assert_eq!(unspell("한"), None);
    }
}
