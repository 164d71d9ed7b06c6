//! The border to a decoder that may panic on damaged files: a panic inside becomes an error outside, silently.
//!
//! Needs unwinding panics; in a build with `panic = "abort"` a panic of the decoder still ends the process.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

static QUIET_HOOK: Once = Once::new();

/// Runs `work`, and gives the panic's message as the error if it panics. Nothing of what `work` touched may be used
/// after an error but to drop it.
///
/// The process's panic hook is wrapped on first use, so that such a panic prints nothing; all others print as before.
pub(crate) fn contain<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    QUIET_HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !INSIDE.get() {
                before(info);
            }
        }));
    });
    let outer = INSIDE.replace(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(work));
    INSIDE.set(outer);
    outcome.map_err(|payload| message(payload.as_ref()))
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    format!(
        "the decoder gave up ({})",
        text.unwrap_or("no reason given")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_and_the_thread_goes_on() {
        assert_eq!(contain(|| 7), Ok(7));
        let error = contain(|| panic!("page {} is short", 3)).unwrap_err();
        assert!(error.contains("page 3 is short"), "{error}");
        assert!(!INSIDE.get());
    }
}
