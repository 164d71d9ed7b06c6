//! Durable writes under the fault hook, each in a process of its own.
#![expect(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test, in a helper as in the test itself"
)]

mod kill;
mod scope;
mod support;
