//! The text that comes with the repository: how it is written down, how much it is, and that its papers are true.
//!
//! `JIKJI_UPDATE=1 cargo test -p jikji --test it shipped_text` writes the papers again.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use jikji_corpus::{DocumentHash, clean};
use serde_json::{Value, json};

use crate::lab::repository;
use crate::run_folder::files;

const LICENCE: &str = "CC0-1.0";
const SOURCE: &str = "written for Jikji";

fn manifest_path() -> PathBuf {
    repository().join("data/korean.manifest.json")
}

fn texts() -> Vec<(String, String)> {
    let files = files(&repository().join("data/korean"));
    let text = |(name, bytes): (String, Vec<u8>)| {
        let text = String::from_utf8(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, text)
    };
    files.into_iter().map(text).collect()
}

#[test]
fn each_file_is_clean_and_ends_with_one_newline() {
    for (name, text) in texts() {
        assert_eq!(Path::new(&name).extension(), Some("txt".as_ref()), "{name}");
        // Cleaning composes to NFC and takes away controls, blanks at line ends and empty lines around the text.
        assert_eq!(clean(&text) + "\n", text, "{name}");
    }
}

#[test]
fn there_is_enough_of_it_and_it_is_varied() {
    let texts = texts();
    let bytes: usize = texts.iter().map(|(_, text)| text.len()).sum();
    assert!(bytes >= 60_000, "{bytes} bytes");
    let sentences: BTreeSet<&str> = texts
        .iter()
        .flat_map(|(_, text)| text.split_inclusive(['.', '?', '!', '\n']))
        .map(str::trim)
        .filter(|sentence| sentence.chars().count() >= 8)
        .collect();
    assert!(sentences.len() >= 700, "{} sentences", sentences.len());
    let hashes: BTreeSet<DocumentHash> = texts
        .iter()
        .map(|(_, text)| DocumentHash::of(&clean(text)))
        .collect();
    assert_eq!(hashes.len(), texts.len(), "two files have the same text");
}

#[test]
fn papers_match_the_files() {
    let rows: Vec<Value> = texts()
        .iter()
        .map(|(name, text)| {
            json!({
                "file": format!("korean/{name}"),
                "licence": LICENCE,
                "source": SOURCE,
                "bytes": text.len(),
                "hash": DocumentHash::of(&clean(text)).to_string(),
            })
        })
        .collect();
    // A row a line, so that a changed text is a changed line.
    let lines: Vec<String> = rows.iter().map(|row| format!("  {row}")).collect();
    let expected = format!("[\n{}\n]\n", lines.join(",\n"));
    if std::env::var_os("JIKJI_UPDATE").is_some() {
        fs::write(manifest_path(), &expected).unwrap();
    }
    let found = fs::read_to_string(manifest_path()).unwrap_or_default();
    assert!(
        found == expected,
        "data/korean.manifest.json is not that of data/korean; JIKJI_UPDATE=1 writes it again"
    );
}
