//! `docs/reference/cli.md`, made from the definitions of the command line and compared with the
//! file.
//!
//! `JIKJI_UPDATE=1 cargo test --release -p jikji reference` writes it again.

use std::fmt::Write as _;
use std::path::Path;

use clap::{Arg, Command};

use crate::command_line;

const HEAD: &str = "# Command line

Generated from `crates/cli/src/arguments/`; a test compares the two. `jikji COMMAND --help` shows the same.

- A value may begin with a dash: `--prompt \"- 안녕\"`. In a list of values, write two dashes as
  `--input=--name`. After `--` everything is an argument.
- A file that a command writes may be a stream: `-` or `/dev/stdout`, `/dev/fd/3`, a named pipe. Streams
  are appended to, files are replaced when the new content is complete.
- Output paths are checked before the work starts.
- Data goes to stdout, messages to stderr. [Exit codes](exit-codes.md),
  [signals](../guides/resume-and-faults.md).
";

/// The whole page.
fn page() -> String {
    let mut command = command_line::command().term_width(100);
    command.build();
    let mut page = HEAD.to_owned();
    for command in command.get_subcommands() {
        section(command, "jikji", &mut page);
    }
    page
}

fn section(command: &Command, above: &str, page: &mut String) {
    if command.get_name() == "help" {
        return;
    }
    let path = format!("{above} {}", command.get_name());
    let about = command.get_about().map(ToString::to_string);
    let about = about.unwrap_or_default();
    if command.has_subcommands() {
        let _ = write!(page, "\n## {path}\n\n{about}.\n");
        for below in command.get_subcommands() {
            section(below, &path, page);
        }
        return;
    }
    let level = if above == "jikji" { "##" } else { "###" };
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").trim();
    let _ = write!(page, "\n{level} {path}\n\n{about}.\n\n```\n{usage}\n```\n");
    let shown = |arg: &&Arg| !["help", "version"].contains(&arg.get_id().as_str());
    let arguments: Vec<&Arg> = command.get_arguments().filter(shown).collect();
    if !arguments.is_empty() {
        page.push_str("\n| argument | meaning |\n| --- | --- |\n");
        for argument in arguments {
            row(argument, page);
        }
    }
    if let Some(after) = command.get_after_help() {
        let _ = write!(page, "\n```\n{}\n```\n", after.to_string().trim_end());
    }
}

fn row(argument: &Arg, page: &mut String) {
    let takes_value = argument.get_action().takes_values();
    let names = argument.get_value_names().unwrap_or_default();
    let value = names.first().map(ToString::to_string).unwrap_or_default();
    let name = match argument.get_long() {
        Some(long) if takes_value => format!("--{long} {value}"),
        Some(long) => format!("--{long}"),
        None => value,
    };
    let mut meaning = argument
        .get_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    let values: Vec<_> = argument.get_possible_values();
    if takes_value && !values.is_empty() {
        for value in values {
            let _ = write!(meaning, "<br>`{}`", value.get_name());
            if let Some(help) = value.get_help() {
                let _ = write!(meaning, ": {help}");
            }
        }
    }
    let defaults = argument.get_default_values().iter();
    let defaults: Vec<_> = defaults.map(|value| value.to_string_lossy()).collect();
    if takes_value && defaults.iter().any(|default| !default.is_empty()) {
        let _ = write!(meaning, "<br>Default: `{}`", defaults.join(" "));
    }
    let is_list = argument
        .get_num_args()
        .is_some_and(|number| number.max_values() > 1);
    if is_list && argument.get_long().is_some() {
        meaning.push_str("<br>Takes several values");
    }
    if argument.is_required_set() {
        meaning.push_str("<br>Required");
    }
    let cell = |text: &str| text.replace('\n', " ").replace('|', "\\|");
    let _ = writeln!(page, "| `{}` | {} |", cell(&name), cell(&meaning));
}

#[test]
fn the_page_is_that_of_the_definitions() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/cli.md");
    let page = page();
    if std::env::var_os("JIKJI_UPDATE").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        page == found,
        "docs/reference/cli.md is not that of the command line; JIKJI_UPDATE=1 writes it again"
    );
}
