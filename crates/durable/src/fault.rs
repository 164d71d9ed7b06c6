//! The fault-injection hook of the test-suite: every durable call of the process passes [`point`] first.
//!
//! The environment variable `JIKJI_FAULT`, read once per process, holds a comma-separated list of:
//!
//! | rule | effect |
//! |---|---|
//! | `kill@N` | the process sends itself SIGKILL before its `N`th durable call (counted from 1) |
//! | `enospc@N`, `edquot@N`, `eio@N`, `erofs@N`, `emfile@N`, `einval@N` | the `N`th call fails with that error |
//! | `enospc@N+` (and the like) | the `N`th call and all later ones fail |
//! | `sleep=MS` | each call waits `MS` milliseconds, so that a random kill lands inside a save |
//! | `count` | each call writes a line `number<TAB>operation<TAB>path` to the file named by `JIKJI_FAULT_FILE`, or to stderr |
//!
//! Several parts of a program write durably. To aim at one of them, `JIKJI_FAULT_UNDER` holds a piece of a path, such as
//! `checkpoints` or `run/checkpoints`: only calls on a folder of that name, or on what lies below one, are then counted, and no
//! rule touches the others. Paths are compared as the caller wrote them, name by name; empty is the same as unset.
//!
//! Errors of space (`enospc`, `edquot`) spare removals, which no full disk refuses. A rule that cannot be read makes every
//! durable call fail: a misspelt fault must not look like a passed test. Unset, the hook costs one atomic load.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Signal, getpid, kill_process};

/// What a durable call does; the words stand in error messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Create and open a new file.
    Create,
    /// Create a folder.
    CreateDir,
    /// Hand a chunk of bytes to the file.
    Write,
    /// Flush a file to the device.
    SyncFile,
    /// Flush a folder's entries to the device.
    SyncDir,
    /// Rename or exchange a file or a folder.
    Rename,
    /// Remove a file or an emptied folder.
    Remove,
    /// Ask about a path; changes nothing, so it never passes the hook.
    Inspect,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Operation::Create => "create",
            Operation::CreateDir => "create the folder",
            Operation::Write => "write",
            Operation::SyncFile => "flush",
            Operation::SyncDir => "flush the folder",
            Operation::Rename => "rename",
            Operation::Remove => "remove",
            Operation::Inspect => "inspect",
        })
    }
}

/// Passes the hook before a durable call on `path`.
///
/// # Errors
/// The injected error, if this call is the one a rule names.
pub fn point(operation: Operation, path: &Path) -> io::Result<()> {
    static PLAN: OnceLock<Option<Plan>> = OnceLock::new();
    match PLAN.get_or_init(Plan::from_environment) {
        None => Ok(()),
        Some(plan) => plan.pass(operation, path),
    }
}

#[derive(Debug)]
struct Plan {
    /// The rules, or the text of the one that cannot be read.
    rules: Result<Vec<Rule>, String>,
    /// Calls elsewhere pass unseen.
    under: Option<PathBuf>,
    calls: AtomicU64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Kill {
        at: u64,
    },
    Fail {
        errno: Errno,
        at: u64,
        and_later: bool,
    },
    Sleep(Duration),
    Count,
}

impl Plan {
    fn from_environment() -> Option<Self> {
        let text = std::env::var_os("JIKJI_FAULT").filter(|value| !value.is_empty())?;
        Some(Plan {
            rules: parse(&text.to_string_lossy()),
            under: std::env::var_os("JIKJI_FAULT_UNDER")
                .filter(|value| !value.is_empty())
                .map(PathBuf::from),
            calls: AtomicU64::new(0),
        })
    }

    fn pass(&self, operation: Operation, path: &Path) -> io::Result<()> {
        let rules = self.rules.as_ref().map_err(|rule| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("JIKJI_FAULT holds the unknown rule `{rule}`"),
            )
        })?;
        if !self
            .under
            .as_deref()
            .is_none_or(|under| lies_under(path, under))
        {
            return Ok(());
        }
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        for rule in rules {
            match *rule {
                Rule::Sleep(duration) => std::thread::sleep(duration),
                Rule::Count => report(call, operation, path)?,
                Rule::Kill { at } if at == call => {
                    kill_process(getpid(), Signal::KILL)?;
                }
                Rule::Fail {
                    errno,
                    at,
                    and_later,
                } if call == at || (and_later && call > at) => {
                    let of_space = errno == Errno::NOSPC || errno == Errno::DQUOT;
                    if !(of_space && operation == Operation::Remove) {
                        return Err(errno.into());
                    }
                }
                Rule::Kill { .. } | Rule::Fail { .. } => {}
            }
        }
        Ok(())
    }
}

/// Whether the names of `under` follow one another somewhere in `path`.
fn lies_under(path: &Path, under: &Path) -> bool {
    let path: Vec<_> = path.components().collect();
    let under: Vec<_> = under.components().collect();
    !under.is_empty() && path.windows(under.len()).any(|names| names == under)
}

fn parse(text: &str) -> Result<Vec<Rule>, String> {
    text.split(',')
        .map(str::trim)
        .map(|rule| parse_rule(rule).ok_or_else(|| rule.to_owned()))
        .collect()
}

fn parse_rule(rule: &str) -> Option<Rule> {
    if rule == "count" {
        return Some(Rule::Count);
    }
    if let Some(millis) = rule.strip_prefix("sleep=") {
        return Some(Rule::Sleep(Duration::from_millis(millis.parse().ok()?)));
    }
    let (kind, position) = rule.split_once('@')?;
    let (digits, and_later) = position
        .strip_suffix('+')
        .map_or((position, false), |digits| (digits, true));
    let at: u64 = digits.parse().ok().filter(|&at| at > 0)?;
    let errno = match kind {
        "kill" => return (!and_later).then_some(Rule::Kill { at }),
        "enospc" => Errno::NOSPC,
        "edquot" => Errno::DQUOT,
        "eio" => Errno::IO,
        "erofs" => Errno::ROFS,
        "emfile" => Errno::MFILE,
        "einval" => Errno::INVAL,
        _ => return None,
    };
    Some(Rule::Fail {
        errno,
        at,
        and_later,
    })
}

fn report(call: u64, operation: Operation, path: &Path) -> io::Result<()> {
    let line = format!("{call}\t{operation}\t{}\n", path.display());
    match std::env::var_os("JIKJI_FAULT_FILE") {
        Some(file) => OpenOptions::new()
            .append(true)
            .create(true)
            .open(file)?
            .write_all(line.as_bytes()),
        None => io::stderr().write_all(line.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(rules: &str, under: Option<&str>) -> Plan {
        Plan {
            rules: parse(rules),
            under: under.map(PathBuf::from),
            calls: AtomicU64::new(0),
        }
    }

    #[test]
    fn rules_are_read_strictly() {
        assert_eq!(parse("kill@7"), Ok(vec![Rule::Kill { at: 7 }]));
        assert_eq!(
            parse("sleep=3, enospc@2+"),
            Ok(vec![
                Rule::Sleep(Duration::from_millis(3)),
                Rule::Fail {
                    errno: Errno::NOSPC,
                    at: 2,
                    and_later: true
                },
            ])
        );
        for bad in [
            "kill",
            "kill@0",
            "kill@7+",
            "enospc@",
            "nospace@1",
            "sleep=x",
            "count,",
            "",
        ] {
            assert!(parse(bad).is_err(), "`{bad}` was read as {:?}", parse(bad));
        }
    }

    #[test]
    fn full_disk_refuses_writes_but_not_removals() {
        let plan = plan("enospc@2+", None);
        let path = Path::new("x");
        assert!(plan.pass(Operation::Write, path).is_ok());
        let error = plan
            .pass(Operation::Write, path)
            .expect_err("the second call fails");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(plan.pass(Operation::Remove, path).is_ok());
        assert!(plan.pass(Operation::Rename, path).is_err());
    }

    #[test]
    fn an_unreadable_rule_fails_every_call() {
        let plan = plan("kil@3", None);
        let error = plan
            .pass(Operation::Write, Path::new("x"))
            .expect_err("not a rule");
        assert!(error.to_string().contains("`kil@3`"), "{error}");
    }

    #[test]
    fn calls_elsewhere_are_neither_counted_nor_failed() {
        let plan = plan("eio@2", Some("run/checkpoints"));
        let pass = |path| plan.pass(Operation::Write, Path::new(path)).is_ok();
        assert!(pass("run/metrics.jsonl") && pass("run/checkpoints"));
        assert!(pass("run/report.html") && !pass("/a/run/checkpoints/step/f"));
    }

    #[test]
    fn a_folder_is_named_by_whole_names() {
        for (path, under, expected) in [
            ("run/checkpoints", "checkpoints", true),
            ("run/checkpoints/", "checkpoints/", true),
            ("checkpoints/step.tmp.1.0/f", "checkpoints", true),
            ("/run/checkpoints/step", "/run", true),
            ("run/checkpoints/step", "/run", false),
            ("run/checkpoints-old/step", "checkpoints", false),
            ("run/old/checkpoints/step", "run/checkpoints", false),
            ("run", "run/checkpoints", false),
        ] {
            let got = lies_under(Path::new(path), Path::new(under));
            assert_eq!(got, expected, "`{path}` under `{under}`");
        }
    }
}
