//! The `jikji` binary from outside: real runs, real signals, real damage. Nothing here is a figure of speed.

#![expect(
    clippy::unwrap_used,
    reason = "what the support code cannot do fails the test"
)]

mod bad_input;
mod commands;
mod depth_up;
mod lab;
mod parity;
mod quickstart;
mod resume;
mod run_folder;
mod shipped_text;
mod startup;
