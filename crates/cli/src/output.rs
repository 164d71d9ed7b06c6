//! Output paths. They are checked before the work, so that no result is computed that cannot be
//! written.

use std::error::Error;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Component, Path, PathBuf};

use clap::builder::{PathBufValueParser, TypedValueParser};
use glob::{MatchOptions, Pattern};
use jikji_checkpoint::durable::{self, DurableError, OutputTarget};

use crate::console;
use crate::exit;
use crate::failure::Failure;

/// Bytes read to recognise a file.
const HEAD_BYTES: u64 = 256;

/// The value of an option that names a file to write; `-` is the standard output.
pub(crate) fn file_value() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().map(|path| {
        if path.as_os_str() == "-" {
            PathBuf::from("/dev/stdout")
        } else {
            durable::user_path(path)
        }
    })
}

/// Whether a file output goes to the standard output, where then nothing else may go.
pub(crate) fn is_stdout(path: &Path) -> bool {
    OutputTarget::of(path).is_ok_and(|target| target == OutputTarget::Descriptor(1))
}

/// Passes on the outcome of writing `path`. If `path` is stdout and its reader has gone, exits
/// quietly.
pub(crate) fn written<T, E: Error + 'static>(path: &Path, outcome: Result<T, E>) -> Result<T, E> {
    if let Err(error) = &outcome
        && is_stdout(path)
        && let Some(cause) = io_cause(error)
        && cause.kind() == ErrorKind::BrokenPipe
    {
        console::end_without_stdout(cause);
    }
    outcome
}

/// The answer of the system that is at the bottom of an error.
fn io_cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a std::io::Error> {
    let own = error.downcast_ref();
    own.or_else(|| error.source().and_then(io_cause))
}

/// Refuses a file output that could not be written.
pub(crate) fn check_file(option: &str, path: &Path) -> Result<(), Failure> {
    durable::check_file_output(path).map_err(|error| refused(option, path, &error))
}

/// As [`check_file`]; also refuses to replace an existing file unless it `is_ours`, judged by its
/// first bytes.
pub(crate) fn check_own_file(
    option: &str,
    path: &Path,
    is_ours: impl Fn(&[u8]) -> bool,
) -> Result<(), Failure> {
    check_file(option, path)?;
    if !matches!(OutputTarget::of(path), Ok(OutputTarget::File(_))) {
        return Ok(());
    }
    let mut head = Vec::new();
    let found = File::open(path).and_then(|file| file.take(HEAD_BYTES).read_to_end(&mut head));
    match found {
        Ok(_) if !head.is_empty() && !is_ours(&head) => {
            let message = format!(
                "`{option}`: `{}` is a file that this command did not write",
                path.display()
            );
            Err(Failure::new(exit::RUN_FOLDER, message).with_hint(format!(
                "name a new file with `{option}`, or remove that one"
            )))
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::new(
            exit::RUN_FOLDER,
            format!("failed to read `{}`: {error}", path.display()),
        )),
    }
}

/// Refuses a folder output that is replaced as a whole and could not be.
pub(crate) fn check_replaced_folder(option: &str, path: &Path) -> Result<(), Failure> {
    durable::check_folder_output(path, true).map_err(|error| refused(option, path, &error))
}

/// Refuses a folder output that cannot be written to, or that contains anything this command does
/// not write.
pub(crate) fn check_filled_folder(
    option: &str,
    path: &Path,
    is_ours: impl Fn(&str) -> bool,
) -> Result<(), Failure> {
    durable::check_folder_output(path, false).map_err(|error| refused(option, path, &error))?;
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let Some(foreign) = names.filter(|name| !is_ours(name)).min() else {
        return Ok(());
    };
    let message = format!(
        "`{option}`: `{}` holds `{foreign}`, which this command does not write",
        path.display()
    );
    Err(Failure::new(exit::DATA, message)
        .with_hint(format!("name a new or an empty folder with `{option}`")))
}

/// Refuses an output that the command would read as input the next time: inside an input folder, or
/// matched by an input glob. `files` are the names written into a folder output; empty for a file
/// output.
pub(crate) fn check_outside(
    option: &str,
    output: &Path,
    files: &[&str],
    inputs: impl IntoIterator<Item = impl AsRef<str>>,
) -> Result<(), Failure> {
    if !matches!(OutputTarget::of(output), Ok(OutputTarget::File(_))) {
        return Ok(());
    }
    let output_path = real(output);
    let written: Vec<PathBuf> = if files.is_empty() {
        vec![output_path.clone()]
    } else {
        files.iter().map(|name| output_path.join(name)).collect()
    };
    for input in inputs {
        let input = input.as_ref();
        let found = durable::user_path(input);
        let is_read = if found.exists() {
            output_path.starts_with(real(&found))
        } else {
            matches_glob(&found.to_string_lossy(), &written)
        };
        if is_read {
            let message = format!(
                "`{option}`: `{}` lies inside the input `{input}`: the next call would read what this one writes",
                output.display()
            );
            return Err(Failure::new(exit::DATA, message)
                .with_hint(format!("name a place outside the input with `{option}`")));
        }
    }
    Ok(())
}

/// Whether a glob reads one of the files. Its fixed part is made real first, since links may stand
/// in either.
fn matches_glob(glob: &str, files: &[PathBuf]) -> bool {
    let is_fixed = |part: &Component| !part.as_os_str().to_string_lossy().contains(['*', '?', '[']);
    let parts: Vec<Component> = Path::new(glob).components().collect();
    let fixed: PathBuf = parts.iter().take_while(|part| is_fixed(part)).collect();
    let rest: PathBuf = parts.iter().skip_while(|part| is_fixed(part)).collect();
    let folder = real(&fixed);
    let options = MatchOptions {
        require_literal_separator: true,
        ..MatchOptions::default()
    };
    let Ok(pattern) = Pattern::new(&rest.to_string_lossy()) else {
        return false;
    };
    files.iter().any(|file| {
        file.strip_prefix(&folder)
            .is_ok_and(|below| pattern.matches_path_with(below, options))
    })
}

/// The path with links resolved, as far as it exists.
fn real(path: &Path) -> PathBuf {
    let path = if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    };
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => real(parent).join(name),
        _ => path.to_owned(),
    }
}

fn refused(option: &str, path: &Path, error: &DurableError) -> Failure {
    let shown = path.display();
    let cause = match error.source.kind() {
        _ if path.as_os_str().is_empty() => "the path is empty".to_owned(),
        ErrorKind::ResourceBusy => {
            "it is the current folder or a mount point, which cannot be replaced".to_owned()
        }
        ErrorKind::IsADirectory => "it is a folder".to_owned(),
        ErrorKind::NotADirectory => "a file stands where a folder should be".to_owned(),
        ErrorKind::NotFound if path.is_symlink() => "it is a link to nothing".to_owned(),
        ErrorKind::NotFound => match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => {
                format!("there is no folder `{}`", parent.display())
            }
            _ => error.source.to_string(),
        },
        _ => error.source.to_string(),
    };
    let failure = Failure::new(
        exit::RUN_FOLDER,
        format!("`{option}`: `{shown}` cannot be written: {cause}"),
    );
    let hint = match error.source.kind() {
        ErrorKind::ResourceBusy => Some(format!(
            "name a new folder with `{option}`, such as one below it"
        )),
        ErrorKind::NotFound => Some(format!(
            "make the folder first, or name another place with `{option}`"
        )),
        ErrorKind::IsADirectory => Some(format!("name a file with `{option}`")),
        ErrorKind::NotADirectory => Some(format!("choose another place with `{option}`")),
        _ => error.hint(),
    };
    Failure { hint, ..failure }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_inside_an_input_is_found_through_links() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("texts/law")).unwrap();
        std::os::unix::fs::symlink("texts", at("link")).unwrap();
        let refuses = |output: &str, files: &[&str], input: &str| {
            let input = at(input).display().to_string();
            check_outside("--output", &at(output), files, [input]).is_err()
        };
        for (output, files, input, expected) in [
            ("texts/new", &["tokenizer.json"][..], "texts", true),
            ("link/law/new", &["tokenizer.json"], "texts", true),
            ("texts/new", &["tokenizer.json"], "link", true),
            ("texts", &["tokenizer.json"], "texts", true),
            ("texts-2", &["tokenizer.json"], "texts", false),
            ("texts/new", &["a.jsonl"], "texts/**/*.jsonl", true),
            ("texts/new", &["a.jsonl"], "link/**/*.jsonl", true),
            ("texts/new", &["a.jsonl"], "texts/*.jsonl", false),
            ("texts/new", &["a.jsonl"], "texts/**/*.txt", false),
            ("texts/a.csv", &[], "texts/*.csv", true),
            ("texts/a.csv", &[], "texts/*.txt", false),
        ] {
            assert_eq!(
                refuses(output, files, input),
                expected,
                "{output} in {input}"
            );
        }
    }
}
