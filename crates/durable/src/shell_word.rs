//! Words of a shell command, for hints that people copy.

use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Quotes a text so that a POSIX shell reads it as one word; a plain one stays as it is.
///
/// Control characters are written as `$'\n'`, which bash and zsh read.
///
/// ```
/// assert_eq!(jikji_durable::shell_word("train.steps=7"), "train.steps=7");
/// assert_eq!(jikji_durable::shell_word("it's here"), r"'it'\''s here'");
/// ```
pub fn shell_word(text: &str) -> String {
    quoted("", text.as_bytes())
}

/// The same for a path, which is then no option either: `-x` becomes `./-x`. Bytes that are not
/// UTF-8 are written as `$'\xff'`.
///
/// ```
/// assert_eq!(jikji_durable::shell_path("runs/law"), "runs/law");
/// assert_eq!(jikji_durable::shell_path("-내 문서"), "'./-내 문서'");
/// ```
pub fn shell_path(path: impl AsRef<Path>) -> String {
    let bytes = path.as_ref().as_os_str().as_bytes();
    quoted(if bytes.starts_with(b"-") { "./" } else { "" }, bytes)
}

fn quoted(prefix: &str, bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() && text.chars().all(is_plain) => format!("{prefix}{text}"),
        Ok(text) if !text.chars().any(char::is_control) => {
            format!("'{prefix}{}'", text.replace('\'', r"'\''"))
        }
        _ => {
            let mut word = format!("$'{prefix}");
            for chunk in bytes.utf8_chunks() {
                for c in chunk.valid().chars() {
                    match c {
                        '\'' | '\\' => word.extend(['\\', c]),
                        c if c.is_ascii_control() => {
                            let _ = write!(word, "\\x{:02x}", u32::from(c));
                        }
                        c if c.is_control() => {
                            let _ = write!(word, "\\u{:04x}", u32::from(c));
                        }
                        c => word.push(c),
                    }
                }
                for byte in chunk.invalid() {
                    let _ = write!(word, "\\x{byte:02x}");
                }
            }
            word.push('\'');
            word
        }
    }
}

/// No shell gives these a meaning inside a word. A `~` has one at the start, so it is quoted
/// everywhere.
fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || "_-./:@%+,=".contains(c)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        let names: [&[u8]; 12] = [
            b"plain/a-b_c.txt",
            "한글/글.txt".as_bytes(),
            b"with space",
            b"it's \"both\"",
            b"$HOME `x` $(y) \\",
            b"*?[a]{b,c}",
            b"~/x",
            b"#x;y&z|(w)<v>!",
            b"-rf",
            b"line\nend\ttab\x7f",
            b"\xb0\xa1'\\x",
            b"- -",
        ];
        for name in names {
            let word = shell_path(Path::new(OsStr::from_bytes(name)));
            let command = format!("printf %s {word}");
            let output = Command::new("bash")
                .args(["-c", &command])
                .output()
                .unwrap();
            let read = output.stdout.strip_prefix(b"./").unwrap_or(&output.stdout);
            assert_eq!(read, name, "{word}");
            assert_eq!(name.starts_with(b"-"), output.stdout.starts_with(b"./"));
        }
        assert_eq!(shell_word(""), "''");
        assert_eq!(shell_word("-x"), "-x");
    }
}
