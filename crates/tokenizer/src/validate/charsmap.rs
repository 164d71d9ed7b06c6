//! The table of a `Precompiled` normalizer: SentencePiece's map of characters to texts.
//!
//! The library reserves memory for as many entries as the table says it has, before it looks how long the table is.

use serde_json::Value;

use super::File;
use crate::TokenizerError;

/// The longest table, in base64; published ones have about 320 KB.
const MAX_BYTES: usize = 1 << 20;

/// The longest text that a character becomes, in bytes; the longest of NFKC has 33.
const MAX_TEXT_BYTES: usize = 48;

/// The most bytes that one byte of text becomes: only characters of three bytes have the longest texts.
pub(super) const MAX_EXPANSION: usize = 16;

/// Checks that the table has the length it says, and no text that is longer than any character's.
pub(super) fn check(file: File<'_>, table: &Value, field: &str) -> Result<(), TokenizerError> {
    let refuse = |expected: &str, got: &Value| Err(file.error(field, expected, got));
    let Some(text) = table.as_str().filter(|text| text.len() <= MAX_BYTES) else {
        return refuse("base64 of at most 1 MiB", &Value::Null);
    };
    let Some(bytes) = decode(text) else {
        return refuse("base64", table);
    };
    let Some((head, body)) = bytes.split_first_chunk::<4>() else {
        return refuse("a table with its length in front", table);
    };
    let trie = u32::from_le_bytes(*head) as usize;
    if trie < 4 || trie > body.len() || !trie.is_multiple_of(4) {
        let got = Value::from(format!("{trie} of {} bytes", body.len()));
        return refuse("a table as long as it says", &got);
    }
    let texts = &body[trie..];
    let longest = texts
        .split(|&byte| byte == 0)
        .map(<[u8]>::len)
        .max()
        .unwrap_or(0);
    if longest > MAX_TEXT_BYTES {
        return refuse("texts of at most 48 bytes", &Value::from(longest));
    }
    Ok(())
}

/// Standard base64 with padding.
fn decode(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').as_bytes();
    if !text.len().is_multiple_of(4) || text.len() - digits.len() > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for chunk in digits.chunks(4) {
        let mut bits = 0_u32;
        for &digit in chunk {
            let value = match digit {
                b'A'..=b'Z' => digit - b'A',
                b'a'..=b'z' => digit - b'a' + 26,
                b'0'..=b'9' => digit - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(value);
        }
        bits <<= 6 * (4 - chunk.len());
        bytes.extend_from_slice(&bits.to_be_bytes()[1..chunk.len()]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn base64_is_decoded() {
        for (text, expected) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYmE=", "fooba"),
        ] {
            assert_eq!(decode(text).as_deref(), Some(expected.as_bytes()), "{text}");
        }
        for text in ["Z", "Zg=", "Z===", "Zm 9", "Zm9v===="] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
