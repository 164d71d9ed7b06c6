//! Which documents are held back for validation.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The side of the training/validation border a document is on.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Learned from.
    Train,
    /// Only ever scored.
    Validation,
}

impl Split {
    /// The name used in files and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which documents are held back: a pure function of the document's hash, so the same text falls on the same side
/// whatever the order, the unit or the source it arrives in.
///
/// The hash is hashed once more, so that any other choice made by the document hash (order, subsets) stays independent of
/// this one. A fraction of 0 or less (or NaN) holds nothing back, 1 or more everything.
pub fn split_of(hash: &[u8; 16], validation_fraction: f64) -> Split {
    let mut drawn = [0; 8];
    blake3::Hasher::new_derive_key("jikji loader 1: validation split")
        .update(hash)
        .finalize_xof()
        .fill(&mut drawn);
    // The upper 53 bits are what an f64 holds exactly: uniform on [0, 1).
    let uniform = (u64::from_le_bytes(drawn) >> 11) as f64 / (1_u64 << 53) as f64;
    if uniform < validation_fraction {
        Split::Validation
    } else {
        Split::Train
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash_of(number: u64) -> [u8; 16] {
        let mut hash = [0; 16];
        hash[..8].copy_from_slice(&number.to_le_bytes());
        hash
    }

    #[test]
    fn the_fraction_is_met_even_for_hashes_that_only_count() {
        let held = (0..20_000)
            .filter(|&i| split_of(&hash_of(i), 0.05) == Split::Validation)
            .count();
        assert!(
            (850..1150).contains(&held),
            "{held} of 20000 held back at 0.05"
        );
    }

    #[test]
    fn a_larger_fraction_only_adds_documents() {
        for i in 0..2_000 {
            if split_of(&hash_of(i), 0.1) == Split::Validation {
                assert_eq!(split_of(&hash_of(i), 0.3), Split::Validation);
            }
        }
    }

    #[test]
    fn the_ends_hold_nothing_and_everything() {
        assert!((0..500).all(|i| split_of(&hash_of(i), 0.0) == Split::Train));
        assert!((0..500).all(|i| split_of(&hash_of(i), f64::NAN) == Split::Train));
        assert!((0..500).all(|i| split_of(&hash_of(i), 1.0) == Split::Validation));
    }

    #[test]
    fn the_border_is_part_of_the_format() {
        let held: Vec<u64> = (0..60)
            .filter(|&i| split_of(&hash_of(i), 0.1) == Split::Validation)
            .collect();
        assert_eq!(
            held,
            [2, 30, 43],
            "a changed border would move documents between training and validation"
        );
    }
}
