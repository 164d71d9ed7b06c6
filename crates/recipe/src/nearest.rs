//! Known words that are like an unknown one, for messages about slips of the pen. A suggestion must
//! not lead to another computation, so words that differ by more than a slip suggest nothing.

/// Known keys like this one, best first; several only where several hold all its words, as
/// `hidden_size` and `hidden_act` do for `hidden`.
pub(crate) fn keys<'a>(word: &str, known: &[&'a str]) -> impl Iterator<Item = &'a str> {
    let mut alike: Vec<(f64, bool, &str)> = known
        .iter()
        .map(|other| {
            let shares_words = has_words_of(other, word) || has_words_of(word, other);
            let bonus = if shares_words { 0.4 } else { 0.0 };
            let score = strsim::normalized_damerau_levenshtein(word, other) + bonus;
            (score, shares_words, *other)
        })
        .filter(|(score, ..)| *score >= 0.5)
        .collect();
    alike.sort_by(|a, b| b.0.total_cmp(&a.0));
    let best = alike
        .first()
        .map(|(score, shares_words, _)| (*score, *shares_words));
    let belongs = move |score: f64, shares_words: bool| {
        best.is_some_and(|(best, both)| score == best || both && shares_words && best - score < 0.1)
    };
    let alike = alike.into_iter().take(3);
    alike
        .filter(move |(score, shares_words, _)| belongs(*score, *shares_words))
        .map(|(.., other)| other)
}

fn has_words_of(all: &str, of: &str) -> bool {
    of.split('_')
        .all(|part| all.split('_').any(|one| one == part))
}

/// The value that was meant, if this one is a slip of the pen. Values that differ in a digit are
/// different things (`qwen2` is not `qwen3`), and so may be short ones that differ at all (`f16`
/// is not `bf16`).
pub(crate) fn choice<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let digits = |word: &str| {
        let digits = word.chars().filter(char::is_ascii_digit);
        digits.collect::<String>()
    };
    let is_long = word.chars().filter(char::is_ascii_alphabetic).count() >= 4;
    known
        .iter()
        .filter(|other| is_long && digits(other) == digits(word))
        .map(|other| (strsim::normalized_damerau_levenshtein(word, other), *other))
        .filter(|(score, _)| *score >= 0.65)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_suggested() {
        let model = ["hidden_size", "intermediate_size", "hidden_act", "head_dim"];
        let near = |word| keys(word, &model).collect::<Vec<_>>();
        assert_eq!(near("hiden_size"), ["hidden_size"]);
        assert_eq!(near("hidden"), ["hidden_act", "hidden_size"]);
        assert_eq!(near("hidden_dim"), ["hidden_size"]);
        assert_eq!(near("zzz"), Vec::<&str>::new());
    }

    #[test]
    fn a_value_is_suggested_only_for_a_slip() {
        let known = ["f32", "bf16"];
        assert_eq!(choice("bf61", &known), None);
        assert_eq!(choice("fp16", &known), None);
        assert_eq!(choice("f16", &known), None);
        let families = ["llama", "qwen2", "qwen3", "exaone4"];
        assert_eq!(choice("qwen4", &families), None);
        assert_eq!(choice("llama4", &families), None);
        assert_eq!(choice("lama", &families), Some("llama"));
        assert_eq!(choice("exoane4", &families), Some("exaone4"));
        assert_eq!(choice("cosin", &["constant", "cosine"]), Some("cosine"));
    }
}
