//! From the words of the command line to [`Arguments`].

use std::any::TypeId;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Command, CommandFactory, FromArgMatches, ValueHint};
use jikji_checkpoint::durable;

use crate::arguments::Arguments;
use crate::console;

/// Reads the command line; the first word is the program's name.
pub(crate) fn parse(words: Vec<OsString>) -> Result<Arguments, clap::Error> {
    let mut command = command();
    let words = with_attached_values(&command, words);
    let matches = command.try_get_matches_from_mut(words)?;
    Arguments::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// The commands as they are parsed: a value may begin with a dash (`--prompt "- 안녕"`,
/// `--temperature -1`).
pub(crate) fn command() -> Command {
    with_user_paths(taking_dashes(Arguments::command()))
}

/// Every path as its user means it: `~` is the home folder, and a name finds the file that spells it
/// in other Unicode. Globs (`--input`) and paths inside `--set` are expanded where they are read;
/// file outputs have a parser of their own.
fn with_user_paths(command: Command) -> Command {
    command
        .mut_args(|arg| {
            let is_path = arg.get_value_parser().type_id() == TypeId::of::<PathBuf>();
            if is_path && arg.get_value_hint() != ValueHint::FilePath {
                arg.value_parser(PathBufValueParser::new().map(durable::user_path))
            } else {
                arg
            }
        })
        .mut_subcommands(with_user_paths)
}

/// Shows help, version or error where it belongs, and gives the exit code.
pub(crate) fn show(error: &clap::Error) -> ExitCode {
    // A message that cannot be written is dropped; help that was asked for is data.
    if let Err(failed) = error.print()
        && matches!(
            error.kind(),
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
        )
    {
        console::end_without_stdout(&failed);
    }
    console::piece("");
    ExitCode::from(error.exit_code() as u8)
}

fn taking_dashes(command: Command) -> Command {
    command
        .mut_args(|arg| {
            let takes_one = is_option_with_value(&arg) && !takes_many(&arg);
            // Options with several values would take every later option for one of them.
            arg.allow_hyphen_values(takes_one)
        })
        .mut_subcommands(taking_dashes)
}

fn is_option_with_value(arg: &Arg) -> bool {
    arg.get_long().is_some() && arg.get_action().takes_values()
}

fn takes_many(arg: &Arg) -> bool {
    arg.get_num_args()
        .is_some_and(|number| number.max_values() > 1)
}

/// Writes values of options that take several, and that begin with a dash, as `--option=value`,
/// which clap understands; so too the values after them. A word with two dashes is a value only if
/// there is such a file: more likely it is a misspelt option.
fn with_attached_values(root: &Command, words: Vec<OsString>) -> Vec<OsString> {
    let (mut command, mut in_commands) = (root, true);
    let mut written = Vec::with_capacity(words.len());
    let mut words = words.into_iter().peekable();
    written.extend(words.next());
    while let Some(word) = words.next() {
        if word == "--" {
            written.push(word);
            break;
        }
        let option = option(command, &word);
        let Some(option) = option else {
            match command.find_subcommand(&word).filter(|_| in_commands) {
                Some(found) => command = found,
                None => in_commands &= word.as_encoded_bytes().starts_with(b"-"),
            }
            written.push(word);
            continue;
        };
        let (long, many) = (option.get_long().unwrap_or_default(), takes_many(option));
        written.push(word);
        if !many {
            // Whatever it is, it is the value.
            written.extend(words.next());
            continue;
        }
        let mut attaching = false;
        while let Some(value) = words.next_if(|word| is_value(command, word)) {
            attaching |= value.len() > 1 && value.as_encoded_bytes().starts_with(b"-");
            if attaching {
                let mut attached = OsString::from(format!("--{long}="));
                attached.push(value);
                // Alone, the option would miss its value.
                if written
                    .last()
                    .is_some_and(|last| *last == *format!("--{long}"))
                {
                    written.pop();
                }
                written.push(attached);
            } else {
                written.push(value);
            }
        }
    }
    written.extend(words);
    written
}

/// The option with a value that a word names, unless the value is attached to it.
fn option<'a>(command: &'a Command, word: &OsStr) -> Option<&'a Arg> {
    let name = word.to_str()?.strip_prefix("--")?;
    command
        .get_arguments()
        .find(|arg| is_option_with_value(arg) && arg.get_long() == Some(name))
}

/// Whether a word behind an option that takes several is one more of them.
fn is_value(command: &Command, word: &OsStr) -> bool {
    let bytes = word.as_encoded_bytes();
    if !bytes.starts_with(b"-") || bytes == b"-" {
        return true;
    }
    if !bytes.starts_with(b"--") {
        return bytes != b"-h" && bytes != b"-V";
    }
    let text = word.to_string_lossy();
    let name = text.trim_start_matches("--");
    let name = name.split_once('=').map_or(name, |(name, _)| name);
    let is_known = name == "help"
        || command
            .get_arguments()
            .any(|arg| arg.get_long() == Some(name));
    bytes != b"--" && !is_known && std::path::Path::new(word).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every command without sub-commands, with its path.
    fn leaves(command: &Command, path: &[String], found: &mut Vec<(Vec<String>, Command)>) {
        let mut path = path.to_vec();
        path.push(command.get_name().to_owned());
        if !command.has_subcommands() {
            found.push((path, command.clone()));
            return;
        }
        for below in command.get_subcommands() {
            leaves(below, &path, found);
        }
    }

    #[test]
    fn every_value_of_every_option_may_begin_with_a_dash() {
        let mut all = Vec::new();
        leaves(&command(), &[], &mut all);
        let mut options = 0;
        for (path, leaf) in all {
            for arg in leaf.get_arguments().filter(|arg| is_option_with_value(arg)) {
                let long = arg.get_long().unwrap();
                options += 1;
                if takes_many(arg) {
                    let mut words: Vec<OsString> = path.iter().map(Into::into).collect();
                    words.extend([format!("--{long}"), "-5도".into(), "b".into()].map(Into::into));
                    let attached = with_attached_values(&command(), words);
                    let expected = [format!("--{long}=-5도"), format!("--{long}=b")];
                    assert!(
                        attached.ends_with(&expected.map(OsString::from)),
                        "{path:?} {attached:?}"
                    );
                } else {
                    assert!(arg.is_allow_hyphen_values_set(), "{path:?} --{long}");
                }
            }
        }
        assert!(options > 50, "{options}");
    }

    fn attached(line: &str) -> String {
        let words = line.split(' ').map(OsString::from).collect();
        let words = with_attached_values(&command(), words);
        let words: Vec<&str> = words.iter().map(|word| word.to_str().unwrap()).collect();
        words.join(" ")
    }

    #[test]
    fn options_end_a_list_of_values() {
        for (line, expected) in [
            (
                "jikji corpus build --input a b --output c",
                "jikji corpus build --input a b --output c",
            ),
            (
                "jikji corpus build --input a -b c --output d --exclude -e",
                "jikji corpus build --input a --input=-b --input=c --output d --exclude -e",
            ),
            (
                "jikji corpus build --input -b --ouput d",
                "jikji corpus build --input=-b --ouput d",
            ),
            (
                "jikji generate --prompt --model --model m",
                "jikji generate --prompt --model --model m",
            ),
            (
                "jikji corpus build --input -h",
                "jikji corpus build --input -h",
            ),
            ("jikji report -- --input -a", "jikji report -- --input -a"),
        ] {
            assert_eq!(attached(line), expected, "{line}");
        }
    }
}
