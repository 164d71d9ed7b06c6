//! Values of options that are more than a number or a path.

/// A number of tokens, or a share of a vocabulary.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Share {
    Tokens(usize),
    Percent(f64),
}

impl Share {
    pub(crate) fn of(self, vocab_size: usize) -> usize {
        match self {
            Self::Tokens(tokens) => tokens,
            Self::Percent(percent) => (vocab_size as f64 * percent / 100.0).round() as usize,
        }
    }
}

impl std::str::FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let share = match text.strip_suffix('%') {
            Some(percent) => percent.parse().ok().map(Self::Percent),
            None => text.parse().ok().map(Self::Tokens),
        };
        let is_share = |share: &Self| !matches!(share, Self::Percent(percent) if !(0.0..=100.0).contains(percent));
        share
            .filter(is_share)
            .ok_or_else(|| "expected a number of tokens, or a share such as 20%".to_owned())
    }
}

/// A number of bytes with an optional unit. KB, MB and GB are powers of 1,000, as in file sizes of
/// published models.
pub(super) fn parse_bytes(text: &str) -> Result<u64, String> {
    let expected = || format!("expected a number of bytes such as `5GB` or `500MB`, got `{text}`");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return Err(expected()),
    };
    let number: u64 = digits.parse().map_err(|_| expected())?;
    number
        .checked_mul(unit)
        .filter(|bytes| *bytes > 0)
        .ok_or_else(expected)
}
