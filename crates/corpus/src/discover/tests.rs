//! Trees of files, globs and links.

use std::path::Path;

use tempfile::TempDir;

use super::*;

fn tree(files: &[&str]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for file in files {
        let path = dir.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "글").unwrap();
    }
    dir
}

fn listed(path: &Path, exclude: &[&str]) -> Result<(Vec<String>, Vec<String>), CorpusError> {
    let inputs = discover(&InputConfig {
        name: "s".to_owned(),
        path: path.to_str().unwrap().to_owned(),
        exclude: exclude.iter().map(|&glob| glob.to_owned()).collect(),
        ..InputConfig::default()
    })?;
    let files = inputs.files.into_iter().map(|file| file.relative).collect();
    Ok((
        files,
        inputs.skipped.into_iter().map(|file| file.path).collect(),
    ))
}

#[test]
fn folders_globs_and_exclusions() {
    let files = [
        "b.txt",
        "a/x.jsonl",
        "a/deep/y.MD",
        "a.md",
        "eval/z.txt",
        ".git/c.txt",
        "p.pdf",
    ];
    let dir = tree(&files);
    let check = |path: &str, exclude: &[&str], expect: &[&str]| {
        let (files, _) = listed(&dir.path().join(path), exclude).unwrap();
        assert_eq!(files, expect, "{path} without {exclude:?}");
    };
    check(
        "",
        &[],
        &["a.md", "a/deep/y.MD", "a/x.jsonl", "b.txt", "eval/z.txt"],
    );
    check(
        "",
        &["eval", "*.md"],
        &["a/deep/y.MD", "a/x.jsonl", "b.txt"],
    );
    check("", &["**/*.txt", "a/deep/**"], &["a.md", "a/x.jsonl"]);
    check("b.txt", &[], &["b.txt"]);
    check("*.txt", &[], &["b.txt"]);
    check("**/*.txt", &[], &["b.txt", "eval/z.txt"]);
    check("[ab]", &[], &["a/deep/y.MD", "a/x.jsonl"]);
    check("*/*.txt", &[], &["eval/z.txt"]);
    check("a/*.jsonl", &[], &["x.jsonl"]);
    assert_eq!(listed(dir.path(), &[]).unwrap().1, ["p.pdf"]);
}

#[test]
fn what_is_not_there_is_named() {
    let dir = tree(&["p.pdf", "[draft].txt"]);
    let error = |path: &str| listed(&dir.path().join(path), &[]).unwrap_err();
    assert!(matches!(error("nothing"), CorpusError::NotFound { .. }));
    assert!(matches!(
        error("nothing/*.txt"),
        CorpusError::NoMatch { .. }
    ));
    assert!(matches!(error("*.jsonl"), CorpusError::NoMatch { .. }));
    let text = error("*.pdf").to_string();
    assert!(
        text.contains("1 skipped: `p.pdf` not a kind that is read"),
        "{text}"
    );
    // A name with wildcards that exists is a name.
    assert_eq!(
        listed(&dir.path().join("[draft].txt"), &[]).unwrap().0,
        ["[draft].txt"]
    );
}

#[test]
fn every_kind_is_listed_and_what_is_left_out_is_counted() {
    let dir = tree(&[
        "a.ndjson",
        "b.json.gz",
        "c.csv",
        "d.tsv.zst",
        "e.txt.br",
        "f.jsonl.lz4",
        "g.md.zstd",
        "x.parquet.gz",
        "y.xz",
        ".hidden/a.txt",
        "sub/.b.txt",
        "out/a.txt",
        "out/b.txt",
        "raw/no.csv",
    ]);
    let inputs = discover(&InputConfig {
        name: "s".to_owned(),
        path: dir.path().to_str().unwrap().to_owned(),
        exclude: vec!["out".to_owned(), "raw/*".to_owned()],
        ..InputConfig::default()
    })
    .unwrap();
    let read: Vec<_> = inputs
        .files
        .iter()
        .map(|file| file.relative.as_str())
        .collect();
    assert_eq!(
        read,
        [
            "a.ndjson",
            "b.json.gz",
            "c.csv",
            "d.tsv.zst",
            "e.txt.br",
            "f.jsonl.lz4",
            "g.md.zstd"
        ]
    );
    let skipped: Vec<_> = inputs
        .skipped
        .iter()
        .map(|file| file.path.as_str())
        .collect();
    assert_eq!(skipped, ["x.parquet.gz", "y.xz"]);
    assert_eq!((inputs.hidden, inputs.excluded), (2, 2));
    assert_eq!(
        inputs.what_else(),
        "a folder with nothing that is read (1 .xz, 1 Parquet is not read through gzip: unpack it, its columns are compressed inside, 2 hidden, 2 excluded)"
    );
}

#[test]
fn paths_are_found_in_either_spelling() {
    use unicode_normalization::UnicodeNormalization;
    let decomposed: String = "법률/가.txt".nfd().collect();
    let dir = tree(&[&decomposed]);
    for path in ["법률", "법률/가.txt", "법률/*.txt", "법*/가.txt"] {
        let (files, _) = listed(&dir.path().join(path), &[]).unwrap();
        assert_eq!(files.len(), 1, "{path}");
    }
}

#[test]
fn links_and_pipes_and_names_that_are_no_text() {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    let dir = tree(&["real.txt", "sub/s.txt"]);
    let at = |name: &str| dir.path().join(name);
    symlink(at("real.txt"), at("link.txt")).unwrap();
    symlink(dir.path(), at("sub/loop")).unwrap();
    symlink(at("gone.txt"), at("dangling.txt")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(at("socket.txt")).unwrap();
    fs::write(
        dir.path()
            .join(std::ffi::OsStr::from_bytes(b"\xb0\xa1.txt")),
        "x",
    )
    .unwrap();
    let (files, skipped) = listed(dir.path(), &[]).unwrap();
    assert_eq!(files, ["link.txt", "real.txt", "sub/s.txt"]);
    assert_eq!(
        skipped,
        [
            "dangling.txt",
            "socket.txt",
            "sub/loop",
            "\u{fffd}\u{fffd}.txt"
        ]
    );
}

/// However links are laid, each folder is read once, real ones where they are.
#[test]
fn linked_folders_are_followed_once() {
    use std::os::unix::fs::symlink;

    let elsewhere = tree(&["law/1.txt", "law/deep/2.txt"]);
    let dir = tree(&["a.txt", "own/o.txt"]);
    let at = |name: &str| dir.path().join(name);
    symlink(elsewhere.path().join("law"), at("law")).unwrap();
    symlink(elsewhere.path().join("law"), at("law-again")).unwrap();
    symlink(at("own"), at("another")).unwrap();
    symlink(dir.path().parent().unwrap(), at("own/around")).unwrap();
    symlink(
        elsewhere.path().join("law"),
        elsewhere.path().join("law/deep/self"),
    )
    .unwrap();
    let inputs = discover(&InputConfig {
        name: "s".to_owned(),
        path: dir.path().to_str().unwrap().to_owned(),
        ..InputConfig::default()
    })
    .unwrap();
    let read: Vec<_> = inputs
        .files
        .iter()
        .map(|file| file.relative.as_str())
        .collect();
    assert_eq!(read, ["a.txt", "law/1.txt", "law/deep/2.txt", "own/o.txt"]);
    let skipped: Vec<_> = inputs
        .skipped
        .iter()
        .map(|skipped| (skipped.path.as_str(), skipped.reason.as_str()))
        .collect();
    assert_eq!(
        skipped,
        [
            ("another", "a link to a folder that is read as `own`"),
            ("law-again", "a link to a folder that is read as `law`"),
            ("law/deep/self", "a link to a folder that is read as `law`"),
            (
                "own/around",
                "a link to a folder around it, which would lead in a circle"
            ),
        ]
    );
    // Through a glob, and as the path itself.
    assert_eq!(listed(&at("l*/**/*.txt"), &[]).unwrap().0.len(), 2);
    assert_eq!(listed(&at("law"), &[]).unwrap().0, ["1.txt", "deep/2.txt"]);
}

#[test]
fn what_this_program_wrote_is_no_text() {
    let dir = tree(&[
        "a.txt",
        "runs/x/recipe.resolved.toml",
        "runs/x/log.rank0.txt",
        "shards/x/corpus-0123456789ab/law-00000.jsonl.zst",
        "shards/x/prepare.lock",
    ]);
    let (files, skipped) = listed(dir.path(), &[]).unwrap();
    assert_eq!(files, ["a.txt"]);
    assert_eq!(skipped, ["runs/x", "shards/x"]);
}
