//! Builds into temporary folders: accounting, interruption, the papers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::{Document, Dropped, FieldMapping};

/// Few enough parts that the disk's flushes do not make the suite slow.
const SMALL: Limits = Limits {
    part_bytes: 800,
    progress_rows: 1,
};

fn input(name: &str, path: &Path) -> InputConfig {
    InputConfig {
        name: name.to_owned(),
        path: path.to_str().unwrap().to_owned(),
        exclude: vec![],
        fields: vec![],
        license: None,
    }
}

fn made(name: &str, fingerprint: &str, texts: Vec<String>) -> SyntheticInput {
    SyntheticInput {
        name: name.to_owned(),
        license: "CC0-1.0".to_owned(),
        fingerprint: fingerprint.to_owned(),
        documents: Box::new(move || Box::new(texts.clone().into_iter())),
    }
}

fn write_rows(path: &Path, texts: impl IntoIterator<Item = String>) {
    let object = |text: String| serde_json::json!({ "text": text }).to_string();
    let rows = texts.into_iter().map(object).collect::<Vec<_>>().join("\n");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, rows).unwrap();
}

fn all_documents(corpus: &Corpus) -> Vec<Document> {
    let of = |part| {
        corpus
            .documents(part)
            .unwrap()
            .map(Result::unwrap)
            .collect::<Vec<_>>()
    };
    corpus.parts().iter().flat_map(of).collect()
}

fn files_of(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.unwrap().path();
        (
            path.strip_prefix(dir).unwrap().to_owned(),
            fs::read(&path).unwrap(),
        )
    };
    fs::read_dir(dir).unwrap().map(read).collect()
}

fn assert_same_files(dir: &Path, expect: &BTreeMap<PathBuf, Vec<u8>>, when: &str) {
    let got = files_of(dir);
    assert!(got.keys().eq(expect.keys()), "{when}: {:?}", got.keys());
    for (path, bytes) in &got {
        assert!(
            *bytes == expect[path],
            "{when}: `{}` differs",
            path.display()
        );
    }
}

/// Two sources of several files with drops of each kind, one that does not fit, and a synthetic one.
fn mixed(raw: &Path) -> BuildConfig {
    let row = |n: usize| format!("{n}번째 문서입니다. {}", "한글 본문 ".repeat(n % 7));
    write_rows(&raw.join("a/1.jsonl"), (0..20).map(row));
    write_rows(
        &raw.join("a/2.jsonl"),
        (10..40).map(row).chain(["짧".to_owned(), " \n".to_owned()]),
    );
    fs::write(raw.join("a/xml.jsonl"), "{\"xml\":\"<a/>\"}\n").unwrap();
    fs::write(raw.join("a/picture.png"), [0; 4]).unwrap();
    fs::write(raw.join("a/.hidden.txt"), "숨은 파일").unwrap();
    write_rows(&raw.join("b/all-dropped.jsonl"), (0..5).map(row));
    fs::write(
        raw.join("b/whole.md"),
        "# 제목\r\n\r\n본문이 여기에 있습니다.  \r\n",
    )
    .unwrap();
    BuildConfig {
        inputs: vec![input("a", &raw.join("a")), input("b", &raw.join("b"))],
        min_chars: 3,
        drop_exact_duplicates: true,
        synthetic: vec![made("grammar", "v1 seed 7", (35..60).map(row).collect())],
    }
}

#[test]
fn every_row_is_accounted_for_and_every_passed_over_file_listed() {
    let (raw, out) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let config = mixed(raw.path());
    let corpus = build_within(&config, out.path(), &mut |_| {}, SMALL).unwrap();
    corpus.verify().unwrap();
    let [a, b, grammar] = corpus.manifest().sources.as_slice() else {
        panic!("three sources")
    };

    assert_eq!((a.rows, a.documents), (52, 40));
    assert_eq!(
        a.dropped,
        Dropped {
            empty: 1,
            too_short: 1,
            duplicate: 10
        }
    );
    let skipped: Vec<_> = a.skipped.iter().map(|s| s.path.as_str()).collect();
    assert_eq!(skipped, ["picture.png", "xml.jsonl"]);
    assert_eq!(a.skipped[1].reason, "no field `text`, it has `xml`");
    let files: Vec<_> = a
        .files_read
        .iter()
        .map(|f| (f.path.as_str(), f.rows, f.documents))
        .collect();
    assert_eq!(files, [("1.jsonl", 20, 20), ("2.jsonl", 32, 20)]);
    assert_eq!(a.licenses, BTreeMap::from([("not stated".to_owned(), 40)]));
    let raw_bytes = fs::read(raw.path().join("a/2.jsonl")).unwrap();
    assert_eq!(
        a.files_read[1].blake3,
        blake3::hash(&raw_bytes).to_hex().to_string()
    );
    assert_eq!(a.files_read[1].bytes, raw_bytes.len() as u64);

    assert_eq!((b.rows, b.documents, b.dropped.duplicate), (6, 1, 5));
    assert!(grammar.synthetic && grammar.files_read.is_empty());
    assert_eq!((grammar.documents, grammar.dropped.duplicate), (20, 5));
    assert_eq!(
        grammar.licenses,
        BTreeMap::from([("CC0-1.0".to_owned(), 20)])
    );

    let documents = all_documents(&corpus);
    assert_eq!(documents.len(), 61);
    assert_eq!(documents[40].text, "# 제목\n\n본문이 여기에 있습니다.");
    assert_eq!(documents[40].origin, "whole.md:1");
    assert!(documents[41].synthetic && documents[41].origin == "grammar:6");
    assert!(corpus.parts().len() > 4, "the limit makes many parts");
    let sizes = corpus.parts().iter().map(|part| part.bytes);
    assert_eq!(
        sizes.sum::<u64>(),
        documents.iter().map(|d| d.text.len() as u64).sum::<u64>()
    );
}

#[test]
fn a_finished_folder_is_opened_and_another_corpus_refused() {
    let (raw, out) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut config = mixed(raw.path());
    build(&config, out.path(), &mut |_| {}).unwrap();
    let before = files_of(out.path());
    let mut reports = 0;
    build(&config, out.path(), &mut |_| reports += 1).unwrap();
    assert_same_files(out.path(), &before, "opened again");
    assert_eq!(reports, 0);

    config.min_chars = 4;
    let error = build(&config, out.path(), &mut |_| {}).unwrap_err();
    assert!(
        matches!(error, CorpusError::OtherFingerprint { .. }),
        "{error}"
    );
    fs::remove_file(out.path().join("manifest.json")).unwrap();
    let error = build(&config, out.path(), &mut |_| {}).unwrap_err();
    assert!(
        matches!(error, CorpusError::OtherFingerprint { .. }),
        "unfinished too: {error}"
    );
}

#[test]
fn the_fingerprint_knows_settings_and_files_but_not_where_they_lie() {
    let (raw, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let config = || mixed(raw.path());
    let base = config();
    let first = fingerprint(&base).unwrap();
    assert_eq!(fingerprint(&base).unwrap(), first);

    let moved = elsewhere.path().join("moved");
    fs::rename(raw.path().join("a"), &moved).unwrap();
    let mut at_new_place = BuildConfig {
        inputs: vec![input("a", &moved), base.inputs[1].clone()],
        ..base
    };
    assert_eq!(fingerprint(&at_new_place).unwrap(), first);

    let mut seen = BTreeSet::from([first]);
    let mut changed = |config: &BuildConfig| assert!(seen.insert(fingerprint(config).unwrap()));
    at_new_place.min_chars = 9;
    changed(&at_new_place);
    at_new_place.inputs[0].license = Some("MIT".to_owned());
    changed(&at_new_place);
    at_new_place.synthetic[0].fingerprint.push('x');
    changed(&at_new_place);
    at_new_place.inputs[0].exclude.push("2.jsonl".to_owned());
    changed(&at_new_place);
    fs::write(moved.join("1.jsonl"), "{\"text\":\"other\"}").unwrap();
    changed(&at_new_place);
}

#[test]
fn without_the_manifest_and_any_number_of_parts_the_rest_is_made_again() {
    let (raw, whole) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let config = mixed(raw.path());
    let corpus = build_within(&config, whole.path(), &mut |_| {}, SMALL).unwrap();
    let expect = files_of(whole.path());
    let names: Vec<String> = corpus
        .parts()
        .iter()
        .map(|part| part.file.clone())
        .collect();
    for kept in [0, 1, names.len() - 1, names.len()] {
        let out = TempDir::new().unwrap();
        for (path, bytes) in &expect {
            let lost = names[kept..].iter().any(|name| Path::new(name) == path);
            if !lost && path != Path::new("manifest.json") {
                fs::write(out.path().join(path), bytes).unwrap();
            }
        }
        build_within(&config, out.path(), &mut |_| {}, SMALL).unwrap();
        assert_same_files(out.path(), &expect, &format!("{kept} parts kept"));
    }
}

#[test]
fn stopped_at_any_row_a_build_ends_in_the_same_bytes() {
    let (raw, whole) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let config = mixed(raw.path());
    let mut rows = 0;
    let corpus = build_within(&config, whole.path(), &mut |_| rows += 1, SMALL).unwrap();
    let last_part = &corpus.parts().last().unwrap().file;
    let expect = files_of(whole.path());
    assert!(rows > 80);
    for stop in (1..=rows).step_by(11) {
        let out = TempDir::new().unwrap();
        let mut seen = 0;
        let mut stop_there = |_: BuildProgress| {
            seen += 1;
            // Unwinds through the build without its error paths, as near to a kill as one process allows.
            if seen == stop {
                panic::resume_unwind(Box::new("stopped"));
            }
        };
        let stopped = panic::catch_unwind(AssertUnwindSafe(|| {
            build_within(&config, out.path(), &mut stop_there, SMALL)
        }));
        assert!(stopped.is_err());
        assert!(!out.path().join("manifest.json").exists());
        for left in [last_part, "manifest.json"] {
            fs::write(
                out.path().join(format!("{left}.tmp")),
                "left by a killed process",
            )
            .unwrap();
        }
        build_within(&config, out.path(), &mut |_| {}, SMALL).unwrap();
        assert_same_files(out.path(), &expect, &format!("stopped at row {stop}"));
    }
}

#[test]
fn a_torn_journal_and_an_altered_part_cost_only_work() {
    let (raw, whole) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let config = mixed(raw.path());
    build_within(&config, whole.path(), &mut |_| {}, SMALL).unwrap();
    let expect = files_of(whole.path());
    let journal = &expect[Path::new("journal.jsonl")];
    let head = journal.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for cut in [head, head + 1, journal.len() / 2, journal.len() - 1] {
        let out = TempDir::new().unwrap();
        for (path, bytes) in &expect {
            fs::write(out.path().join(path), bytes).unwrap();
        }
        fs::remove_file(out.path().join("manifest.json")).unwrap();
        fs::write(out.path().join("journal.jsonl"), &journal[..cut]).unwrap();
        let part = out.path().join("a-00001.jsonl.zst");
        let mut altered = fs::read(&part).unwrap();
        altered[20] ^= 1;
        fs::write(&part, altered).unwrap();
        build_within(&config, out.path(), &mut |_| {}, SMALL).unwrap();
        assert_same_files(out.path(), &expect, &format!("journal cut at {cut}"));
    }
}

#[test]
fn a_finished_corpus_that_was_damaged_is_refused() {
    let (raw, out) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let config = mixed(raw.path());
    let corpus = build_within(&config, out.path(), &mut |_| {}, SMALL).unwrap();
    let part = out.path().join(&corpus.parts()[1].file);
    let whole = fs::read(&part).unwrap();
    let manifest = fs::read_to_string(out.path().join("manifest.json")).unwrap();

    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    fs::write(&part, flipped).unwrap();
    let opened = Corpus::open(out.path()).unwrap();
    assert!(matches!(
        opened.verify(),
        Err(CorpusError::PartAltered { what: "hash", .. })
    ));
    assert!(
        opened
            .documents(&opened.parts()[1])
            .unwrap()
            .any(|document| document.is_err())
    );

    fs::write(&part, &whole[1..]).unwrap();
    assert!(matches!(
        Corpus::open(out.path()),
        Err(CorpusError::PartAltered { what: "size", .. })
    ));
    fs::remove_file(&part).unwrap();
    let error = Corpus::open(out.path()).unwrap_err();
    assert!(error.to_string().contains("a-00001.jsonl.zst"), "{error}");
    fs::write(&part, &whole).unwrap();

    let check = |from: &str, to: &str, expect: &str| {
        assert!(manifest.contains(from));
        fs::write(
            out.path().join("manifest.json"),
            manifest.replacen(from, to, 1),
        )
        .unwrap();
        let error = Corpus::open(out.path()).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    };
    check(
        "\"format_version\": 1",
        "\"format_version\": 2",
        "format version 2, expected 1",
    );
    check(
        "\"rows\": 52",
        "\"rows\": 53",
        "rows of source `a` do not add up",
    );
    check(
        "\"file\": \"a-00001",
        "\"file\": \"../a-00001",
        "does not lie in the folder itself",
    );
    check("{", "[", "is not a corpus manifest");
}

#[test]
fn an_empty_corpus_says_what_was_dropped_and_why() {
    let (raw, out) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    write_rows(
        &raw.path().join("a/x.jsonl"),
        ["", "짧다", "글"].map(str::to_owned),
    );
    fs::write(raw.path().join("a/y.jsonl"), "{\"body\":\"\"}").unwrap();
    let inputs = vec![input("a", &raw.path().join("a"))];
    let config = BuildConfig {
        inputs,
        min_chars: 10,
        ..BuildConfig::default()
    };
    let error = build(&config, out.path(), &mut |_| {}).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the corpus is empty after filtering: source `a`: 3 rows read, 1 empty, 2 too short, 0 duplicates, \
         files 1 skipped: `y.jsonl` no field `text`, it has `body`"
    );
    assert!(!out.path().join("manifest.json").exists());
    let nowhere = TempDir::new().unwrap();
    let error = build(&BuildConfig::default(), nowhere.path(), &mut |_| {}).unwrap_err();
    assert!(
        error.to_string().ends_with(": no source is configured"),
        "{error}"
    );
}

#[test]
fn sources_with_one_name_are_refused() {
    let raw = TempDir::new().unwrap();
    write_rows(&raw.path().join("a/x.jsonl"), ["글".to_owned()]);
    let inputs = vec![
        input("law", &raw.path().join("a")),
        input("Law", &raw.path().join("a")),
    ];
    let config = BuildConfig {
        inputs,
        ..BuildConfig::default()
    };
    assert!(matches!(
        fingerprint(&config),
        Err(CorpusError::DuplicateName { .. })
    ));
}

#[test]
fn a_second_build_in_the_folder_is_refused_while_the_first_runs() {
    let (raw, out) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let config = mixed(raw.path());
    let mut refused = 0;
    let mut second = |_: BuildProgress| {
        if refused == 0 {
            let error = build(&config, out.path(), &mut |_| {}).unwrap_err();
            refused += usize::from(matches!(error, CorpusError::Busy { .. }));
        }
    };
    build_within(&config, out.path(), &mut second, SMALL).unwrap();
    assert_eq!(refused, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// The kept documents are those of a ten-line model, and rows in = documents + drops, by file and by source.
    #[test]
    fn rows_add_up_and_the_kept_ones_are_the_right_ones(
        files in prop::collection::vec(prop::collection::vec("[가나ab \u{0}\n]{0,4}", 0..12), 1..4),
        min_chars in 0_usize..4,
        drop_exact_duplicates: bool,
    ) {
        let (raw, out) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        for (index, rows) in files.iter().enumerate() {
            write_rows(&raw.path().join(format!("raw/{index}.jsonl")), rows.clone());
        }
        let inputs = vec![input("raw", &raw.path().join("raw"))];
        let config = BuildConfig { inputs, min_chars, drop_exact_duplicates, synthetic: vec![] };

        let mut seen = BTreeSet::new();
        let mut kept = Vec::new();
        for text in files.iter().flatten().map(|text| crate::clean(text)) {
            let wanted = !text.is_empty() && text.chars().count() >= min_chars;
            if wanted && (!drop_exact_duplicates || seen.insert(text.clone())) {
                kept.push(text);
            }
        }
        match build_within(&config, out.path(), &mut |_| {}, Limits { part_bytes: 40, progress_rows: 1 }) {
            Ok(corpus) => {
                let got: Vec<_> = all_documents(&corpus).into_iter().map(|document| document.text).collect();
                prop_assert_eq!(&got, &kept);
                let source = &corpus.manifest().sources[0];
                prop_assert_eq!(source.rows, files.iter().map(|rows| rows.len() as u64).sum::<u64>());
                prop_assert_eq!(source.rows, source.documents + source.dropped.total());
                prop_assert_eq!(source.rows, source.files_read.iter().map(|f| f.rows).sum::<u64>());
                prop_assert_eq!(source.documents, source.files_read.iter().map(|f| f.documents).sum::<u64>());
                prop_assert_eq!(source.documents, source.licenses.values().sum::<u64>());
            }
            Err(error) => prop_assert!(kept.is_empty() && matches!(error, CorpusError::Empty { .. }), "{}", error),
        }
    }
}

/// Real files, where a folder of them is named: all of it must be read, all rows must add up.
#[test]
fn a_folder_of_real_korean_text_goes_in_unchanged() {
    let Some(data) = std::env::var_os("JIKJI_SHARED_DATA").map(PathBuf::from) else {
        println!("skipped: JIKJI_SHARED_DATA does not name a folder of real text");
        return;
    };
    let out = TempDir::new().unwrap();
    let mut inputs: Vec<_> = ["general", "law", "medicine", "finance"]
        .map(|name| input(name, &data.join(name)))
        .into();
    let markdown = FieldMapping {
        glob: "statutes_raw_markdown*".to_owned(),
        text: vec!["markdown".to_owned()],
        license: Some("license".to_owned()),
    };
    inputs[1].fields.push(markdown);
    let config = BuildConfig {
        inputs,
        min_chars: 10,
        drop_exact_duplicates: true,
        synthetic: vec![],
    };
    let corpus = build(&config, out.path(), &mut |_| {}).unwrap();
    corpus.verify().unwrap();
    for source in &corpus.manifest().sources {
        assert!(source.documents > 500, "{}", source.name);
        let skipped: Vec<_> = source
            .skipped
            .iter()
            .map(|file| file.path.as_str())
            .collect();
        let expect: &[&str] = if source.name == "law" {
            &["statutes_raw_xml.jsonl.zst"]
        } else {
            &[]
        };
        assert_eq!(skipped, expect);
    }
}
