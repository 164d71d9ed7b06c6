//! A thread with a stack of a known size: parsing, rendering and freeing go down by recursion.

use crate::guard::guarded;

/// Several times what the deepest template and value have been seen to take.
const STACK_BYTES: usize = 16 << 20;

/// Runs `work` with a stack of a known size, whatever the caller's is. The error is the words of a
/// panic.
pub(super) fn with_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("chat-template".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, || guarded(|| Ok::<T, String>(work())));
        match thread.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err("the template's thread died".to_owned()),
            Err(error) => Err(format!("no thread for the template: {error}")),
        }
    })
}
