//! `jikji completions`: what a shell needs to complete commands and options.

use clap_complete::{Shell, generate};

use crate::command_line;
use crate::console;

pub(crate) fn run(shell: Shell) {
    let mut script = Vec::new();
    generate(shell, &mut command_line::command(), "jikji", &mut script);
    console::piece(&String::from_utf8_lossy(&script));
}
