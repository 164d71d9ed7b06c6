//! Files and templates made to break what reads them, and the one way in which all of them are tried.
//!
//! Each case is data: a name, what is read, and what must come of it. The tests of behaviour and those of memory run the same.

// Two test programs share the cases, and neither uses everything.
#![allow(dead_code, reason = "each test program uses a part")]

pub(crate) mod files;
pub(crate) mod templates;

/// What must come of a case.
#[derive(Debug, Clone)]
pub(crate) enum Expected {
    /// An error whose words hold this.
    Refused(String),
    /// Something that works.
    Usable,
    /// One or the other, as the library decides; no panic and no hang.
    Either,
}

/// The words of an error and of everything behind it.
pub(crate) fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}

/// What a result says against what was expected of it; the complaint, if there is one.
pub(crate) fn complaint(name: &str, expected: &Expected, got: Result<(), &str>) -> Option<String> {
    match (expected, got) {
        (Expected::Refused(part), Err(words)) if words.contains(part.as_str()) => None,
        (Expected::Refused(_), Ok(())) => Some(format!("{name}: worked")),
        (Expected::Usable | Expected::Either, Ok(())) | (Expected::Either, Err(_)) => None,
        (_, Err(words)) => Some(format!(
            "{name}: {}",
            words.chars().take(300).collect::<String>()
        )),
    }
}
