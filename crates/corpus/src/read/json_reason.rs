//! Why a JSON text was refused, in words that name the usual culprits.

/// The parser's words without its place, or better ones: programs in Python write `NaN` and halves
/// of surrogate pairs, which are no JSON.
pub(crate) fn json_reason(error: &serde_json::Error, text: &str) -> String {
    let words = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let words = words.strip_suffix(&place).unwrap_or(&words);
    let line = text.split('\n').nth(error.line().saturating_sub(1));
    // The column is the byte that was read last, from 1.
    let before = error.column().saturating_sub(2);
    let near = line
        .unwrap_or_default()
        .as_bytes()
        .get(before..)
        .unwrap_or_default();
    for word in ["-Infinity", "Infinity", "NaN"] {
        let found = (0..=1).any(|skip| {
            near.get(skip..)
                .is_some_and(|it| it.starts_with(word.as_bytes()))
        });
        if found && !words.contains("string") {
            return format!("`{word}` is no JSON value");
        }
    }
    if words.contains("surrogate") || words.contains("end of hex escape") {
        return "a `\\u` escape is half of a surrogate pair, which is no character".to_owned();
    }
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use serde::de::IgnoredAny;

    use super::*;

    fn reason(text: &str) -> String {
        match serde_json::from_str::<serde_json::Value>(text) {
            Ok(_) => serde_json::from_str::<IgnoredAny>(text)
                .map_or_else(|error| json_reason(&error, text), |_| "none".to_owned()),
            Err(error) => json_reason(&error, text),
        }
    }

    #[test]
    fn the_usual_culprits_are_named() {
        for (text, expected) in [
            (r#"{"a": NaN}"#, "`NaN` is no JSON value"),
            (r#"{"a":Infinity}"#, "`Infinity` is no JSON value"),
            (
                r#"{"a": -Infinity, "b": 1}"#,
                "`-Infinity` is no JSON value",
            ),
            ("{\n\"a\": [1, NaN]}", "`NaN` is no JSON value"),
            (
                r#"{"a": "\ud800"}"#,
                r"a `\u` escape is half of a surrogate pair, which is no character",
            ),
            (
                r#"{"a": "\ud800\u0041"}"#,
                r"a `\u` escape is half of a surrogate pair, which is no character",
            ),
            (
                r#"{"a": "\udc00 x"}"#,
                r"a `\u` escape is half of a surrogate pair, which is no character",
            ),
            (r#"{"a": 1"#, "EOF while parsing an object"),
            (r#"{"a": Nope}"#, "expected value"),
        ] {
            assert_eq!(reason(text), expected, "{text}");
        }
    }
}
