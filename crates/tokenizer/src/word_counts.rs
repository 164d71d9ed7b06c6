//! How often each piece of text occurs: all that merging needs to know of a corpus.

use std::collections::HashMap;

use rayon::prelude::*;
use tokenizers::utils::SysRegex;
use unicode_normalization::UnicodeNormalization;

use crate::{TokenizerError, guard::guarded};

/// Longer pieces (text without spaces, ruled lines) are counted in parts of this many bytes: merging walks over a whole piece
/// each time one of its pairs merges, and no token worth having is that long.
const LONGEST_PIECE_BYTES: usize = 256;

type Counts = HashMap<String, u64>;

/// The distinct pieces of `texts`, in NFC, with their counts, in byte order.
///
/// Sorted, so that neither the number of threads nor the order of a hash map can show in what is made of it.
pub(crate) fn count_pieces(
    texts: &[String],
    pattern: &str,
) -> Result<Vec<(String, u64)>, TokenizerError> {
    let library = |reason| TokenizerError::Library {
        action: "cut text into pieces",
        reason,
    };
    let regex = guarded(|| SysRegex::new(pattern)).map_err(library)?;
    let counts = texts
        .par_iter()
        .try_fold(Counts::new, |mut counts, text| {
            guarded(|| {
                count_text(&regex, &text.nfc().collect::<String>(), &mut counts);
                Ok::<_, String>(())
            })?;
            Ok(counts)
        })
        .try_reduce(Counts::new, |left, right| Ok(merged(left, right)))
        .map_err(library)?;
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_unstable();
    Ok(counts)
}

fn count_text(regex: &SysRegex, text: &str, counts: &mut Counts) {
    let mut end = 0;
    for (from, to) in regex.find_iter(text) {
        count_piece(&text[end..from], counts);
        count_piece(&text[from..to], counts);
        end = to;
    }
    count_piece(&text[end..], counts);
}

fn count_piece(mut piece: &str, counts: &mut Counts) {
    while !piece.is_empty() {
        let (part, rest) = piece.split_at(piece.floor_char_boundary(LONGEST_PIECE_BYTES));
        match counts.get_mut(part) {
            Some(count) => *count += 1,
            None => {
                counts.insert(part.to_owned(), 1);
            }
        }
        piece = rest;
    }
}

fn merged(left: Counts, right: Counts) -> Counts {
    let (mut large, small) = if left.len() < right.len() {
        (right, left)
    } else {
        (left, right)
    };
    #[expect(
        clippy::iter_over_hash_type,
        reason = "sums do not depend on the order"
    )]
    for (piece, count) in small {
        *large.entry(piece).or_default() += count;
    }
    large
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Digits, pattern::split_pattern};

    #[test]
    fn counts_are_sorted_normalized_and_complete() {
        let decomposed: String = "한글".nfd().collect();
        let texts = [
            "한글 한글을".to_owned(),
            decomposed,
            "한글 한글을".to_owned(),
        ];
        let counts = count_pieces(&texts, &split_pattern(Digits::Single)).unwrap();
        let expected =
            [(" 한글을", 2), ("한글", 3)].map(|(piece, count)| (piece.to_owned(), count));
        assert_eq!(counts, expected);
    }

    #[test]
    fn long_pieces_are_counted_in_parts() {
        let counts = count_pieces(&["가".repeat(1_000)], &split_pattern(Digits::Single)).unwrap();
        let bytes: u64 = counts
            .iter()
            .map(|(piece, count)| piece.len() as u64 * count)
            .sum();
        assert_eq!(bytes, 3_000);
        assert!(
            counts
                .iter()
                .all(|(piece, _)| piece.len() <= LONGEST_PIECE_BYTES)
        );
    }
}
