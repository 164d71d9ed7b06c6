//! A document and the hash that stands for its text everywhere else: de-duplication, the train/validation split,
//! and the papers of a run all name documents by it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// One text and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// The text: as found after [`read`](crate::read()), clean in a [`Corpus`](crate::Corpus).
    pub text: String,
    /// Name of the source, from [`InputConfig::name`](crate::InputConfig::name).
    pub source: String,
    /// The row's own licence, else the source's; absent where neither states one.
    pub license: Option<String>,
    /// `path:row`, the path relative to the source's root, rows (lines, in JSON Lines) counted from 1.
    pub origin: String,
    /// True for text made by a program.
    pub synthetic: bool,
}

impl Document {
    /// The hash of the text alone; two documents with the same text have the same hash wherever they come from.
    pub fn hash(&self) -> DocumentHash {
        DocumentHash::of(&self.text)
    }
}

/// The first 128 bits of the BLAKE3 hash of a text's NFC form. Displayed, parsed and serialized as 32 hex digits,
/// which sort as the hashes do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentHash([u8; 16]);

impl DocumentHash {
    /// Hashes a text. Canonically equivalent texts (Hangul as jamo or as syllables) have the same hash.
    pub fn of(text: &str) -> Self {
        let full = if is_nfc_quick(text.chars()) == IsNormalized::Yes {
            blake3::hash(text.as_bytes())
        } else {
            blake3::hash(text.nfc().collect::<String>().as_bytes())
        };
        let mut short = [0; 16];
        short.copy_from_slice(&full.as_bytes()[..16]);
        Self(short)
    }

    /// The hash as a number, the first byte the most significant, so that numbers compare as hashes do.
    pub fn as_u128(&self) -> u128 {
        u128::from_be_bytes(self.0)
    }
}

impl fmt::Display for DocumentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.as_u128())
    }
}

impl fmt::Debug for DocumentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DocumentHash({self})")
    }
}

/// A string that should have been a [`DocumentHash`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a document hash, expected 32 hexadecimal digits")]
pub struct InvalidDocumentHash(String);

impl FromStr for DocumentHash {
    type Err = InvalidDocumentHash;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // `from_str_radix` also takes a sign, which is no hexadecimal digit.
        let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match u128::from_str_radix(text, 16) {
            Ok(number) if is_hex => Ok(Self(number.to_be_bytes())),
            _ => Err(InvalidDocumentHash(text.chars().take(64).collect())),
        }
    }
}

impl Serialize for DocumentHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DocumentHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hash_is_the_published_blake3_cut_to_128_bits() {
        // The empty string's digest, from the BLAKE3 test vectors.
        assert_eq!(
            DocumentHash::of("").to_string(),
            "af1349b9f5f9a1a6a0404dea36dcc949"
        );
    }

    #[test]
    fn jamo_and_syllables_have_one_hash() {
        assert_eq!(
            DocumentHash::of("\u{1112}\u{1161}\u{11ab}"),
            DocumentHash::of("한")
        );
        assert_ne!(DocumentHash::of("한"), DocumentHash::of("하"));
    }

    #[test]
    fn what_is_not_32_hex_digits_is_refused() {
        for text in [
            "",
            "12",
            "+0000000000000000000000000000000",
            "g0000000000000000000000000000000",
        ] {
            assert!(text.parse::<DocumentHash>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn display_serde_and_order_agree(a in ".*", b in ".*") {
            let (x, y) = (DocumentHash::of(&a), DocumentHash::of(&b));
            prop_assert_eq!(x.to_string().parse::<DocumentHash>().unwrap(), x);
            let json = serde_json::to_string(&x).unwrap();
            prop_assert_eq!(serde_json::from_str::<DocumentHash>(&json).unwrap(), x);
            prop_assert_eq!(x.cmp(&y), x.to_string().cmp(&y.to_string()));
            prop_assert_eq!(x.cmp(&y), x.as_u128().cmp(&y.as_u128()));
        }
    }
}
