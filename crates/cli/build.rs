//! `JIKJI_VERSION`: the version and, where it can be known, the commit that is built.

use std::path::Path;
use std::process::Command;

fn main() {
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    // For builds from a copy without `.git`.
    println!("cargo::rerun-if-env-changed=JIKJI_COMMIT");
    let commit = std::env::var("JIKJI_COMMIT")
        .ok()
        .filter(|commit| !commit.is_empty())
        .or_else(commit);
    let version = commit.map_or(version.clone(), |commit| format!("{version} ({commit})"));
    println!("cargo::rustc-env=JIKJI_VERSION={version}");
}

/// The commit of this very repository; a copy inside another one has none.
fn commit() -> Option<String> {
    let root = Path::new("../..").canonicalize().ok()?;
    let top = git(&root, &["rev-parse", "--show-toplevel"])?;
    if Path::new(&top).canonicalize().ok()? != root {
        return None;
    }
    let folder = git(&root, &["rev-parse", "--absolute-git-dir"])?;
    // The second grows with every commit; it is missing where nothing was committed here.
    for file in ["HEAD", "logs/HEAD"].map(|name| Path::new(&folder).join(name)) {
        if file.exists() {
            println!("cargo::rerun-if-changed={}", file.display());
        }
    }
    println!("cargo::rerun-if-changed=build.rs");
    git(&root, &["rev-parse", "--short=12", "HEAD"])
}

fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(arguments)
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
