//! Which text a tokenizer is trained on when there is more of it than training may read.

/// Documents are cut into pieces of about this many bytes, so that one long book does not stand or fall as a whole.
const PIECE_BYTES: usize = 64 << 10;

/// Keeps every `stride`-th piece of what it is given and doubles the stride whenever that becomes too much.
///
/// So the kept pieces are spread evenly over all text without knowing its length beforehand, and depend on nothing but the
/// text. Once text overflows, between half of the limit and the limit is kept.
pub(crate) struct EvenSample {
    pieces: Vec<(String, u64)>,
    kept_bytes: u64,
    limit_bytes: u64,
    stride: u64,
    seen: u64,
}

impl EvenSample {
    pub(crate) fn new(limit_bytes: u64) -> Self {
        Self {
            pieces: Vec::new(),
            kept_bytes: 0,
            limit_bytes,
            stride: 1,
            seen: 0,
        }
    }

    /// Adds a document that counts `times` times.
    pub(crate) fn add(&mut self, document: &str, times: u64) {
        let longest = usize::try_from(self.limit_bytes)
            .map_or(PIECE_BYTES, |limit| limit.clamp(4, PIECE_BYTES));
        let mut rest = document;
        while !rest.is_empty() {
            let (piece, tail) = rest.split_at(cut_at(rest, longest));
            self.add_piece(piece, times);
            rest = tail;
        }
    }

    pub(crate) fn into_pieces(self) -> Vec<(String, u64)> {
        self.pieces
    }

    fn add_piece(&mut self, piece: &str, times: u64) {
        let index = self.seen;
        self.seen += 1;
        if !index.is_multiple_of(self.stride) {
            return;
        }
        self.pieces.push((piece.to_owned(), times));
        self.kept_bytes += piece.len() as u64;
        while self.kept_bytes > self.limit_bytes && self.pieces.len() > 1 {
            self.stride *= 2;
            let mut keep = false;
            self.pieces.retain(|_| {
                keep = !keep;
                keep
            });
            self.kept_bytes = self
                .pieces
                .iter()
                .map(|(piece, _)| piece.len() as u64)
                .sum();
        }
    }
}

/// Where to cut `text` so that the head has at most `longest` (>= 4) bytes: behind the last newline, else before the last
/// space, else between two characters.
fn cut_at(text: &str, longest: usize) -> usize {
    if text.len() <= longest {
        return text.len();
    }
    let edge = text.floor_char_boundary(longest);
    let head = &text[..edge];
    if let Some(newline) = head.rfind('\n') {
        return newline + 1;
    }
    match head.rfind(' ') {
        Some(space) if space > 0 => space,
        _ => edge,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(limit_bytes: u64, documents: impl Iterator<Item = String>) -> Vec<String> {
        let mut sample = EvenSample::new(limit_bytes);
        documents.for_each(|document| sample.add(&document, 1));
        sample
            .into_pieces()
            .into_iter()
            .map(|(piece, _)| piece)
            .collect()
    }

    #[test]
    fn everything_is_kept_while_it_fits() {
        assert_eq!(
            sample(6, ["가", "", "나"].map(str::to_owned).into_iter()),
            ["가", "나"]
        );
    }

    #[test]
    fn what_is_kept_is_spread_evenly() {
        let kept = sample(4 * 100, (0..10_000).map(|index| format!("{index:04}")));
        assert!((50..=100).contains(&kept.len()), "{}", kept.len());
        let numbers: Vec<u32> = kept.iter().map(|piece| piece.parse().unwrap()).collect();
        assert!(
            numbers
                .windows(2)
                .all(|pair| pair[1] - pair[0] == numbers[1]),
            "{numbers:?}"
        );
    }

    #[test]
    fn a_long_document_is_cut_and_nothing_of_it_is_lost() {
        let text = format!("{}\n{}", "한글 ".repeat(40_000), "가".repeat(80_000));
        let pieces = sample(u64::MAX, std::iter::once(text.clone()));
        assert!(pieces.len() > 8 && pieces.iter().all(|piece| piece.len() <= PIECE_BYTES));
        assert_eq!(pieces.concat(), text);
    }
}
