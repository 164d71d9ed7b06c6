//! Every format, well-formed and hostile, through the public door.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use ::parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::parser::parse_message_type;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::{FieldMapping, discover};

fn config(path: &Path) -> InputConfig {
    InputConfig {
        name: "s".to_owned(),
        path: path.to_str().unwrap().to_owned(),
        exclude: vec![],
        fields: vec![],
        license: None,
    }
}

fn read_all(config: &InputConfig) -> Result<Vec<Document>, CorpusError> {
    let mut documents = Vec::new();
    for file in discover(config)?.files {
        for document in read(config, &file)? {
            documents.push(document?);
        }
    }
    Ok(documents)
}

fn read_bytes(name: &str, bytes: &[u8]) -> Result<Vec<Document>, CorpusError> {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join(name), bytes).unwrap();
    read_all(&config(dir.path()))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zst(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

/// Columns `text` and `license`, with nulls, and a number beside them.
fn parquet_file(rows: &[(Option<&str>, Option<&str>)]) -> Vec<u8> {
    let schema = "message rows { optional binary text (UTF8); required int64 n; optional binary license (UTF8); }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let compression = ::parquet::basic::Compression::SNAPPY;
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .build();
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::new(properties)).unwrap();
    for group in rows.chunks(3) {
        let mut row_group = writer.next_row_group().unwrap();
        for column in 0..3 {
            let mut out = row_group.next_column().unwrap().unwrap();
            let pick = |row: &(Option<&str>, Option<&str>)| {
                (if column == 0 { row.0 } else { row.1 }).map(str::to_owned)
            };
            if column == 1 {
                let numbers: Vec<i64> = (0..group.len() as i64).collect();
                out.typed::<Int64Type>()
                    .write_batch(&numbers, None, None)
                    .unwrap();
            } else {
                let cells: Vec<Option<String>> = group.iter().map(pick).collect();
                let levels: Vec<i16> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
                let values: Vec<ByteArray> = cells
                    .iter()
                    .flatten()
                    .map(|cell| cell.as_str().into())
                    .collect();
                out.typed::<ByteArrayType>()
                    .write_batch(&values, Some(&levels), None)
                    .unwrap();
            }
            out.close().unwrap();
        }
        row_group.close().unwrap();
    }
    writer.close().unwrap();
    bytes
}

#[test]
fn every_format_gives_the_same_rows() {
    let rows = [
        ("가나다", Some("MIT")),
        ("둘\n셋", None),
        ("", Some("CC0-1.0")),
        ("넷", None),
    ];
    let object = |(text, license): &(&str, Option<&str>)| {
        serde_json::json!({ "n": [1, {}], "text": text, "license": license }).to_string()
    };
    let jsonl = rows.iter().map(object).collect::<Vec<_>>().join("\n");
    let cells: Vec<_> = rows
        .iter()
        .map(|(text, license)| (Some(*text), *license))
        .collect();
    let two_members = [gzip(&jsonl.as_bytes()[..20]), gzip(&jsonl.as_bytes()[20..])].concat();
    let two_frames = [zst(&jsonl.as_bytes()[..20]), zst(&jsonl.as_bytes()[20..])].concat();
    for (name, bytes) in [
        ("a.jsonl", jsonl.clone().into_bytes()),
        (
            "A.JSONL",
            format!("\u{feff}{}", jsonl.replace('\n', "\r\n")).into_bytes(),
        ),
        ("a.jsonl.gz", gzip(jsonl.as_bytes())),
        ("b.jsonl.gz", two_members),
        ("a.jsonl.zst", zst(jsonl.as_bytes())),
        ("b.jsonl.zst", two_frames),
        ("a.parquet", parquet_file(&cells)),
    ] {
        let documents = read_bytes(name, &bytes).unwrap();
        let got: Vec<_> = documents
            .iter()
            .map(|d| (d.text.as_str(), d.license.as_deref()))
            .collect();
        assert_eq!(got, rows, "{name}");
        assert_eq!(documents[3].origin, format!("{name}:4"));
    }
    for name in ["a.txt", "읽어.md"] {
        let documents = read_bytes(name, "\u{feff}한 줄\r\n두 줄".as_bytes()).unwrap();
        assert_eq!(documents.len(), 1);
        assert_eq!(documents[0].text, "\u{feff}한 줄\r\n두 줄");
        assert_eq!(documents[0].origin, format!("{name}:1"));
    }
}

#[test]
fn mapped_fields_are_joined_and_licences_fall_back() {
    let dir = TempDir::new().unwrap();
    let rows = "{\"t\":\"제목\",\"b\":\"본문\",\"l\":\"MIT\"}\n\n{\"t\":null,\"b\":\"글\"}\n";
    fs::write(dir.path().join("a.jsonl"), rows).unwrap();
    let mut config = config(dir.path());
    config.license = Some("CC0-1.0".to_owned());
    config.fields = vec![FieldMapping {
        glob: "*.jsonl".to_owned(),
        text: vec!["t".to_owned(), "b".to_owned()],
        license: Some("l".to_owned()),
    }];
    let documents = read_all(&config).unwrap();
    let got: Vec<_> = documents
        .iter()
        .map(|d| {
            (
                d.text.as_str(),
                d.license.as_deref().unwrap(),
                d.origin.as_str(),
            )
        })
        .collect();
    assert_eq!(
        got,
        [
            ("제목\n본문", "MIT", "a.jsonl:1"),
            ("글", "CC0-1.0", "a.jsonl:3")
        ]
    );
}

#[test]
fn a_first_row_of_another_kind_is_a_file_that_does_not_fit() {
    let parquet = parquet_file(&[(Some("가"), None)]);
    for (name, bytes, expect) in [
        (
            "a.jsonl",
            &b"{\"id\":1,\"xml\":\"<a/>\"}"[..],
            "no field `text`, it has `id`, `xml`",
        ),
        (
            "a.jsonl",
            b"{\"text\":[1,2]}",
            "field `text` is an array, expected a string",
        ),
        (
            "a.jsonl",
            b"{\"text\":\"x\",\"license\":3}",
            "field `license` is a number, expected a string",
        ),
        ("a.jsonl", b"{}", "no field `text`, it has none"),
    ] {
        let error = read_bytes(name, bytes).unwrap_err();
        assert!(matches!(error, CorpusError::DoesNotFit { .. }), "{error}");
        assert!(error.to_string().ends_with(expect), "{error}");
    }
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("a.parquet"), parquet).unwrap();
    let mut config = config(dir.path());
    for (field, expect) in [
        ("body", "no field `body`, it has `text`, `n`, `license`"),
        ("n", "field `n` is a column of numbers, expected a string"),
    ] {
        let text = vec![field.to_owned()];
        config.fields = vec![FieldMapping {
            glob: "*".to_owned(),
            text,
            license: None,
        }];
        let error = read_all(&config).unwrap_err();
        assert!(error.to_string().ends_with(expect), "{error}");
    }
}

#[test]
fn hostile_files_end_in_an_error_that_names_the_place() {
    let good = "{\"text\":\"가\"}\n";
    let deep = format!(
        "{good}{{\"text\":\"x\",\"a\":{}1{}}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let many = format!("{{\"text\":\"{}\"}}\n", "나".repeat(9)).repeat(5000);
    let mut wrong_crc = gzip(many.as_bytes());
    let at = wrong_crc.len() - 6;
    wrong_crc[at] ^= 1;
    let cut = |bytes: Vec<u8>| bytes[..bytes.len() / 2].to_vec();
    let cp949 = [
        b"{\"text\":\"ok\"}\n{\"text\":\"".as_slice(),
        &[0xb0, 0xa1],
        b"\"}",
    ]
    .concat();
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        (
            "a.txt",
            vec![b'o', b'k', 0xb0, 0xa1],
            "is not UTF-8 at byte 2",
        ),
        ("a.md", vec![0xff, 0xfe, b'a', 0], "is not UTF-8 at byte 0"),
        ("a.jsonl", cp949.clone(), "is not UTF-8 at byte 23"),
        (
            "a.jsonl.gz",
            gzip(&cp949),
            "is not UTF-8 at byte 23 of its decompressed content",
        ),
        (
            "a.jsonl",
            b"\0".to_vec(),
            "a.jsonl:1` is not a JSON object (at column 1",
        ),
        (
            "a.jsonl",
            b"[1]".to_vec(),
            "a.jsonl:1` is not a JSON object",
        ),
        (
            "a.jsonl",
            format!("{good}{{\"text\":\"가").into_bytes(),
            "a.jsonl:2` is not a JSON object",
        ),
        (
            "a.jsonl",
            format!("{good}{good}{good} {{}} x").into_bytes(),
            "a.jsonl:4` is not a JSON object",
        ),
        (
            "a.jsonl",
            format!("{good}{{\"text\":\"\\ud800\"}}").into_bytes(),
            "a.jsonl:2` is not a JSON",
        ),
        (
            "a.jsonl",
            format!("{good}{{\"text\":1e999}}").into_bytes(),
            "a.jsonl:2` is not a JSON object",
        ),
        (
            "a.jsonl",
            format!("{good}{{\"body\":\"\"}}").into_bytes(),
            "a.jsonl:2` has no field `text`, it has `body`",
        ),
        (
            "a.jsonl",
            format!("{good}{{\"text\":{{}}}}").into_bytes(),
            "field `text` of `",
        ),
        (
            "a.jsonl.zst",
            many.clone().into_bytes(),
            "failed to decompress `",
        ),
        (
            "a.jsonl.zst",
            cut(zst(many.as_bytes())),
            "failed to decompress `",
        ),
        (
            "a.jsonl.zst",
            [zst(good.as_bytes()), b"garbage".to_vec()].concat(),
            "failed to decompress `",
        ),
        (
            "a.jsonl.gz",
            many.clone().into_bytes(),
            "failed to decompress `",
        ),
        (
            "a.jsonl.gz",
            cut(gzip(many.as_bytes())),
            "failed to decompress `",
        ),
        ("a.jsonl.gz", wrong_crc, "failed to decompress `"),
        (
            "a.jsonl.gz",
            [gzip(good.as_bytes()), b"garbage".to_vec()].concat(),
            "failed to decompress `",
        ),
        ("a.jsonl.zst", vec![], "failed to decompress `"),
        ("a.parquet", vec![], "as Parquet at row 0"),
        ("a.parquet", b"PAR1".to_vec(), "as Parquet at row 0"),
        (
            "a.parquet",
            [b"PAR1".as_slice(), &[0xff; 8], b"PAR1"].concat(),
            "as Parquet at row 0",
        ),
        (
            "a.parquet",
            cut(parquet_file(&[(Some("가"), None); 9])),
            "as Parquet at row 0",
        ),
    ];
    for (index, (name, bytes, expect)) in cases.iter().enumerate() {
        let error = read_bytes(name, bytes).expect_err(&format!("case {index} {name}"));
        assert!(error.to_string().contains(expect), "case {index}: {error}");
        assert!(error.hint().is_some(), "case {index}: {error}");
    }
    // A value that is not wanted may be as deep as it likes: passing over it takes no stack.
    assert_eq!(read_bytes("a.jsonl", deep.as_bytes()).unwrap().len(), 2);
    // Rows may be empty, and so may a file.
    assert_eq!(read_bytes("a.jsonl", b"\n \r\n").unwrap().len(), 0);
    assert_eq!(read_bytes("a.jsonl.zst", &zst(b"")).unwrap().len(), 0);
}

#[test]
fn a_decompression_bomb_stops_at_the_longest_row() {
    // 257 MiB of one line in a few kilobytes.
    let bomb = zstd::encode_all(std::io::repeat(b' ').take(MAX_ROW_BYTES + (1 << 20)), 1).unwrap();
    assert!(bomb.len() < 1 << 20);
    let error = read_bytes("a.jsonl.zst", &bomb).unwrap_err();
    assert!(
        matches!(
            error,
            CorpusError::RowTooLong {
                row: 1,
                limit: MAX_ROW_BYTES,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn one_flipped_byte_in_parquet_is_never_a_panic() {
    let rows: Vec<(Option<&str>, Option<&str>)> = (0..9)
        .map(|row| (Some("가나다라 마바사"), (row % 2 == 0).then_some("MIT")))
        .collect();
    let whole = parquet_file(&rows);
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("a.parquet");
    let mut refused = 0;
    for at in 0..whole.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            fs::write(&path, &bytes).unwrap();
            // Without checksums in the file a changed character cannot be seen; what matters is coming back.
            refused += usize::from(read_all(&config(&path)).is_err());
        }
    }
    assert!(
        refused > whole.len() / 2,
        "{refused} of {}",
        whole.len() * 3
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_strings_pass_through_jsonl_and_parquet(texts in prop::collection::vec("\\PC{0,20}", 1..8)) {
        let object = |text: &String| serde_json::json!({ "text": text }).to_string();
        let jsonl = texts.iter().map(object).collect::<Vec<_>>().join("
");
        let cells: Vec<_> = texts.iter().map(|text| (Some(text.as_str()), None)).collect();
        for (name, bytes) in [("a.jsonl.zst", zst(jsonl.as_bytes())), ("a.parquet", parquet_file(&cells))] {
            let got: Vec<String> = read_bytes(name, &bytes).unwrap().into_iter().map(|d| d.text).collect();
            prop_assert_eq!(&got, &texts);
        }
    }

    #[test]
    fn any_bytes_come_back_as_rows_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for name in ["a.txt", "a.jsonl", "a.jsonl.zst", "a.jsonl.gz", "a.parquet"] {
            let _ = read_bytes(name, &bytes);
        }
    }
}
