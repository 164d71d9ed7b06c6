//! The `jikji` binary: parse, resolve, call the library, print, exit code.
//!
//! stdout is data, stderr is talk. Every failure ends in one `Failure` with a documented exit code (`exit.rs`).

mod arguments;
mod commands;
mod console;
mod exit;
mod failure;
mod now_and_then;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    jikji_ops::compute_on_this_thread();
    match commands::run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            console::report(&failure);
            ExitCode::from(failure.code)
        }
    }
}
