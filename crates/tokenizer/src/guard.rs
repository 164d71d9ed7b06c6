//! The border to the tokenizer library: a panic behind it becomes an error in front of it.
//!
//! The library indexes and unwraps on data that a file controls, and its regex engine panics when a pattern takes too many
//! steps. The panic message still reaches stderr through the process-wide hook, which a library must not replace.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `call`; the error is the library's own words, or those of its panic.
pub(crate) fn guarded<T, E: std::fmt::Display>(
    call: impl FnOnce() -> Result<T, E>,
) -> Result<T, String> {
    // Unwind safety: the callers pass tokenizers by shared reference or drop what they were building; the library's only
    // interior state is a per-thread cache that it fills after a word is complete.
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(payload) => {
            let words = payload
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| payload.downcast_ref::<&str>().copied())
                .unwrap_or("no message");
            Err(format!("internal failure: {words}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::guarded;

    #[test]
    fn a_panic_becomes_its_message() {
        let result: Result<(), String> =
            guarded(|| -> Result<(), String> { panic!("index {}", 7) });
        assert_eq!(result.unwrap_err(), "internal failure: index 7");
        assert_eq!(guarded(|| Err::<(), _>("plain")).unwrap_err(), "plain");
        assert_eq!(guarded(|| Ok::<_, String>(3)).unwrap(), 3);
    }
}
