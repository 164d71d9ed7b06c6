//! The `jikji` binary: parse, resolve, call the library, print, exit code.
//!
//! stdout is data, stderr is talk. Every failure ends in one `Failure` with a documented exit code (`exit.rs`).

mod arguments;
mod command_line;
mod commands;
mod console;
mod exit;
mod failure;
mod machine;
mod now_and_then;
mod output;
#[cfg(test)]
mod reference;
mod run_facts;
mod shell;
mod signals;

use std::process::ExitCode;

use crate::failure::Failure;

fn main() -> ExitCode {
    let arguments = match command_line::parse(std::env::args_os().collect()) {
        Ok(arguments) => arguments,
        Err(error) => return command_line::show(&error),
    };
    let done = signals::listen()
        .map_err(|error| {
            Failure::new(
                exit::UNEXPECTED,
                format!("failed to listen for signals: {error}"),
            )
        })
        .and_then(|()| {
            jikji_ops::compute_on_this_thread();
            commands::run(arguments.command)
        });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            console::report(&failure);
            ExitCode::from(failure.code)
        }
    }
}
