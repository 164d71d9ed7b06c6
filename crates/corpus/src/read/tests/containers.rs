//! Compression and JSON in all its forms: whole, cut, padded, mutated, under wrong names.

use ::parquet::basic::{BrotliLevel, Compression as Codec, GzipLevel, ZstdLevel};

use super::*;

fn texts(name: &str, bytes: &[u8]) -> Result<Vec<String>, CorpusError> {
    let documents = read_bytes(name, bytes)?;
    Ok(documents
        .into_iter()
        .map(|document| document.text)
        .collect())
}

/// The first error, or a panic if there is none.
fn error(name: &str, bytes: &[u8]) -> String {
    let error = texts(name, bytes).expect_err(name);
    assert!(error.hint().is_some(), "{error}");
    error.to_string()
}

fn rows(count: usize) -> String {
    let row = |number: usize| format!("{{\"text\":\"{number}번째 줄\"}}\n");
    (0..count).map(row).collect()
}

#[test]
fn parquet_is_read_in_every_codec_but_one() {
    let cells = [
        (Some("가나다"), Some("MIT")),
        (None, None),
        (Some("라"), None),
    ];
    for codec in [
        Codec::UNCOMPRESSED,
        Codec::SNAPPY,
        Codec::GZIP(GzipLevel::default()),
        Codec::BROTLI(BrotliLevel::default()),
        Codec::LZ4,
        Codec::LZ4_RAW,
        Codec::ZSTD(ZstdLevel::default()),
    ] {
        let got = texts("a.parquet", &parquet_with(&cells, codec)).unwrap();
        assert_eq!(got, ["가나다", "", "라"], "{codec:?}");
    }
}

#[test]
fn a_flipped_byte_is_never_a_panic_in_any_codec() {
    let cells = [(Some("가나다라 마바사 아자차카"), Some("MIT")); 4];
    for codec in [
        Codec::BROTLI(BrotliLevel::default()),
        Codec::LZ4,
        Codec::LZ4_RAW,
    ] {
        let whole = parquet_with(&cells, codec);
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x81;
            let _ = texts("a.parquet", &bytes);
        }
    }
    let text = rows(40);
    for (ending, pack) in PACKS {
        let whole = pack(text.as_bytes());
        for name in ["a.jsonl", "a.json", "a.csv", "a.txt"] {
            for at in 0..whole.len() {
                let mut bytes = whole.clone();
                bytes[at] ^= 0x81;
                let _ = texts(&format!("{name}{ending}"), &bytes);
            }
        }
    }
}

/// Wherever a compressed file is cut, it is never taken for a whole one, and up to the cut of its
/// last block it is cut short and not damaged.
#[test]
fn a_cut_file_is_cut_short_wherever_it_is_cut() {
    let text = rows(3000);
    for (ending, pack) in &PACKS[1..] {
        let name = format!("a.jsonl{ending}");
        let whole = pack(text.as_bytes());
        for at in (0..whole.len())
            .step_by(whole.len() / 97 + 1)
            .chain(whole.len() - 9..whole.len())
        {
            let error = error(&name, &whole[..at]);
            assert!(
                error.contains("is cut short"),
                "{name} at {at} of {}: {error}",
                whole.len()
            );
        }
    }
    // LZ4 in independent blocks: a cut between two of them is no end either.
    let mut info = lz4_flex::frame::FrameInfo::new();
    info.block_mode = lz4_flex::frame::BlockMode::Independent;
    info.block_size = lz4_flex::frame::BlockSize::Max64KB;
    let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(rows(9000).as_bytes()).unwrap();
    let whole = encoder.finish().unwrap();
    let mut at = 7;
    while at + 4 < whole.len() {
        let size = u32::from_le_bytes(whole[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
        let error = error("a.jsonl.lz4", &whole[..at]);
        assert!(error.contains("is cut short"), "{error}");
        at += 4 + size as usize;
    }
}

#[test]
fn padding_is_no_damage_and_garbage_is_named() {
    let packs: [(&str, Pack); 3] = [(".gz", gzip), (".zst", zst), (".lz4", lz4)];
    for (ending, pack) in packs {
        let name = format!("a.jsonl{ending}");
        let (one, two) = (pack(rows(1).as_bytes()), pack(rows(2).as_bytes()));
        let padded = [one.clone(), vec![0; 100_000]].concat();
        assert_eq!(texts(&name, &padded).unwrap().len(), 1, "{name}");
        let between = [one.clone(), vec![0; 7], two.clone()].concat();
        assert_eq!(texts(&name, &between).unwrap().len(), 3, "{name}");
        for garbage in [b"garbage".as_slice(), b"\0\0x"] {
            let bytes = [one.as_slice(), garbage].concat();
            let said = error(&name, &bytes);
            let end = one.len() + garbage.iter().take_while(|byte| **byte == 0).count();
            assert!(
                said.contains(&format!("ends at byte {end}, but the file goes on")),
                "{said}"
            );
        }
    }
    let said = error(
        "a.jsonl.br",
        &[br(rows(1).as_bytes()), b"garbage".to_vec()].concat(),
    );
    assert!(said.contains("ends, but the file goes on"), "{said}");
    // Frames that are to be passed over.
    let skippable = [
        &0x184d_2a53_u32.to_le_bytes()[..],
        &3_u32.to_le_bytes(),
        b"abc",
    ]
    .concat();
    for (ending, pack) in [(".zst", zst as Pack), (".lz4", lz4)] {
        let bytes = [
            skippable.clone(),
            pack(rows(2).as_bytes()),
            skippable.clone(),
        ]
        .concat();
        assert_eq!(texts(&format!("a.jsonl{ending}"), &bytes).unwrap().len(), 2);
    }
}

#[test]
fn the_content_decides_where_the_name_is_wrong() {
    let text = rows(2);
    for (ending, _) in PACKS {
        for (_, pack) in &PACKS[..4] {
            let name = format!("a.jsonl{ending}");
            assert_eq!(
                texts(&name, &pack(text.as_bytes())).unwrap().len(),
                2,
                "{name}"
            );
        }
    }
    let noted = |name: &str, bytes: &[u8]| {
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join(name), bytes).unwrap();
        let config = config(dir.path());
        let file = &discover(&config).unwrap().files[0];
        read(&config, file).unwrap().notes().join("; ")
    };
    assert_eq!(
        noted("a.txt.gz", b"plain"),
        "is not compressed in spite of its name"
    );
    assert_eq!(
        noted("a.jsonl", &gzip(text.as_bytes())),
        "is compressed with gzip in spite of its name"
    );
    assert_eq!(noted("a.jsonl.gz", &gzip(text.as_bytes())), "");
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 600800\n";
    for name in [
        "a.txt",
        "a.jsonl",
        "a.jsonl.gz",
        "a.json.br",
        "a.csv",
        "a.parquet",
    ] {
        let said = error(name, pointer);
        assert!(said.contains("is a Git LFS pointer"), "{said}");
    }
    for (name, bytes, expected) in [
        (
            "a.jsonl",
            parquet_file(&[(Some("가"), None)]),
            "is a Parquet file",
        ),
        ("a.txt", b"%PDF-1.7\n".to_vec(), "is a PDF document"),
        ("a.csv", b"PK\x03\x04\x14\0".to_vec(), "is a ZIP archive"),
        ("a.jsonl.gz", gzip(&gzip(text.as_bytes())), "is a gzip file"),
        ("a.parquet", text.clone().into_bytes(), "is plain text"),
        ("a.parquet", gzip(b"x"), "is a gzip file"),
        (
            "a.jsonl.gz",
            vec![1, 2, 3, 4, 5],
            "does not begin as gzip does",
        ),
    ] {
        let error = texts(name, &bytes).unwrap_err();
        let said = super::super::faults::with_cause(&error);
        assert!(said.contains(expected), "{name}: {said}");
    }
}

#[test]
fn a_large_window_is_read_and_a_larger_one_named() {
    let text = rows(20);
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(31).unwrap();
    encoder.include_contentsize(false).unwrap();
    encoder.write_all(text.as_bytes()).unwrap();
    let mut bytes = encoder.finish().unwrap();
    assert_eq!(bytes[5] >> 3, 21, "a window of 2 GiB");
    assert_eq!(texts("a.jsonl.zst", &bytes).unwrap().len(), 20);
    bytes[5] = 22 << 3;
    let error = texts("a.jsonl.zst", &bytes).unwrap_err();
    let said = super::super::faults::with_cause(&error);
    assert!(
        said.contains("a window of 4 GiB; frames with up to 2 GiB are read"),
        "{said}"
    );
    assert_eq!(
        error.hint().unwrap(),
        "compress it again with the usual settings"
    );
}

#[test]
fn json_files_are_lists_objects_or_lines() {
    for (content, expected) in [
        ("[]", &[][..]),
        (" \n", &[]),
        ("\u{feff}[{\"text\":\"가\"}]", &["가"]),
        (
            "[{\"text\":\"[,]\\\"{\"},\n{\"x\":[{}],\"text\":\"b\"}\n]",
            &["[,]\"{", "b"],
        ),
        (
            "{\n  \"text\": \"한 객체\",\n  \"n\": [1, 2]\n}\n",
            &["한 객체"],
        ),
        (
            "{\"text\":\"a\"}{\"text\":\"b\"} {\"text\":\"c\"}",
            &["a", "b", "c"],
        ),
        ("{\"text\":\"a\"}\n\n{\"text\":\"b\"}\n", &["a", "b"]),
        ("{\"text\":\n\"a\"}\n{\"text\":\"b\"}\n", &["a", "b"]),
    ] {
        assert_eq!(
            texts("a.json", content.as_bytes()).unwrap(),
            expected,
            "{content}"
        );
    }
    for (content, expected) in [
        ("[1, 2]", "does not fit: it is a list, but not of objects"),
        (
            "\"x\"",
            "does not fit: it holds neither an object nor a list of objects",
        ),
        (
            "{\"name\":\"x\"}",
            "does not fit: no field `text`, it has `name`",
        ),
        ("<html>", "is not JSON at line 1: it begins with `<`"),
        (
            "[{\"text\":\"a\"},\n{\"text\":\"b\"",
            "at line 2: the file ends inside element 2",
        ),
        (
            "[{\"text\":\"a\"}] x",
            "at line 1: `x` follows the end of the list",
        ),
        ("[{\"text\":\"a\"},]", "a.json:2` is not a JSON object"),
        (
            "{\n\"text\":\"a\"}\n]",
            "at line 3: after 1 objects stands `]`",
        ),
        ("[{\"text\":\"a\"},{\"text\":3}]", "field `text` of"),
    ] {
        let said = error("a.json", content.as_bytes());
        assert!(said.contains(expected), "{content}: {said}");
    }
}

/// What a reader that skips gives: documents, rows left out, and in words what broke the file off.
fn skipping(name: &str, bytes: &[u8]) -> (Vec<String>, u64, Vec<String>) {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join(name), bytes).unwrap();
    let mut config = config(dir.path());
    config.on_error = OnError::Skip;
    let file = &discover(&config).unwrap().files[0];
    let mut documents = read(&config, file).unwrap();
    let texts = documents
        .by_ref()
        .map(|document| document.unwrap().text)
        .collect();
    let lines = documents.faults().lines();
    let shorten = |line: String| line.replace(dir.path().to_str().unwrap(), "");
    (
        texts,
        documents.faults().rows,
        lines.into_iter().map(shorten).collect(),
    )
}

#[test]
fn a_bad_row_is_the_fault_of_that_row() {
    let bad = [
        r#"{"text": "b", "score": NaN}"#,
        r#"{"text": "b", "score": -Infinity}"#,
        r#"{"text": "\ud800"}"#,
        r#"{"text": "x" "y"}"#,
        r#"{"body": "b"}"#,
        r#"{"text": 3}"#,
        "{\"text\": \"\u{1}\"}",
    ];
    for bad in bad {
        let files = [
            (
                "a.jsonl",
                format!("{{\"text\":\"a\"}}\n{bad}\n{{\"text\":\"c\"}}\n"),
            ),
            (
                "a.json",
                format!("[{{\"text\":\"a\"}},\n{bad},\n{{\"text\":\"c\"}}]"),
            ),
            (
                "lines.json",
                format!("{{\"text\":\"a\"}}\n{bad}\n{{\"text\":\"c\"}}\n"),
            ),
        ];
        for (name, content) in files {
            let (texts, rows, lines) = skipping(name, content.as_bytes());
            assert_eq!(
                (texts.as_slice(), rows),
                (&["a".to_owned(), "c".to_owned()][..], 1),
                "{name} {bad}: {lines:?}"
            );
            assert!(lines[0].contains(":2`"), "{lines:?}");
        }
    }
    // Also the first row.
    let (texts, rows, _) = skipping("a.jsonl", b"{\"text\": NaN}\n{\"text\":\"b\"}\n");
    assert_eq!((texts.as_slice(), rows), (&["b".to_owned()][..], 1));
    // Of many the first are told, and all are counted.
    let (texts, rows, lines) = skipping(
        "a.jsonl",
        format!("{{\"text\":\"a\"}}\n{}", "{\n".repeat(9)).as_bytes(),
    );
    assert_eq!((texts.len(), rows, lines.len()), (1, 9, 4));
    assert_eq!(lines[3], "and 6 more rows of this file");
    // A file that breaks off keeps what was before.
    let whole = gzip(rows_of(2000).as_bytes());
    let (texts, rows, lines) = skipping("a.jsonl.gz", &whole[..whole.len() / 2]);
    assert!(texts.len() > 100 && rows == 0, "{}", texts.len());
    assert!(lines[0].contains("is cut short"), "{lines:?}");
}

fn rows_of(count: usize) -> String {
    let row = |number: usize| {
        let (text, hash) = (number * 7919 % 10_007, blake3::hash(&[number as u8]));
        format!("{{\"text\":\"{text} {hash}\"}}")
    };
    let rows: Vec<String> = (0..count).map(row).collect();
    rows.join("\n") + "\n"
}
