//! CP949, UTF-16 and UTF-32, found out, forced, damaged and mixed.

use super::*;

const KOREAN: &str = "환자의 상태가 나아졌다";

fn cp949(text: &str) -> Vec<u8> {
    let (bytes, _, lossy) = encoding_rs::EUC_KR.encode(text);
    assert!(!lossy);
    bytes.into_owned()
}

fn utf16(text: &str) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

fn utf32(text: &str) -> Vec<u8> {
    let chars = std::iter::once('\u{feff}').chain(text.chars());
    chars.flat_map(|c| u32::from(c).to_be_bytes()).collect()
}

/// Texts, the encoding found, and the error that ended it.
fn read_with(
    encoding: Option<&str>,
    name: &str,
    bytes: &[u8],
) -> (Vec<String>, Option<String>, Option<String>) {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join(name), bytes).unwrap();
    let mut config = config(dir.path());
    config.encoding = encoding.map(|name| name.parse().unwrap());
    let file = &discover(&config).unwrap().files[0];
    let shorten = |error: CorpusError| error.to_string().replace(dir.path().to_str().unwrap(), "");
    let mut documents = match read(&config, file) {
        Ok(documents) => documents,
        Err(error) => return (vec![], None, Some(shorten(error))),
    };
    let (mut texts, mut failed) = (Vec::new(), None);
    for document in documents.by_ref() {
        match document {
            Ok(document) => texts.push(document.text),
            Err(error) => failed = failed.or(Some(shorten(error))),
        }
    }
    let found = documents
        .converted_from()
        .map(|encoding| encoding.to_string());
    (texts, found, failed)
}

#[test]
fn every_format_is_read_in_every_encoding() {
    type Encode = fn(&str) -> Vec<u8>;
    let encodings: [(Encode, Option<&str>); 4] = [
        (|text| text.as_bytes().to_vec(), None),
        (cp949, Some("cp949")),
        (utf16, Some("utf-16le")),
        (utf32, Some("utf-32be")),
    ];
    let files = [
        ("a.txt", KOREAN.to_owned()),
        ("a.jsonl", format!("{{\"text\":\"{KOREAN}\"}}\n")),
        ("a.json", format!("[{{\"text\":\"{KOREAN}\"}}]")),
        ("a.csv", format!("text,n\r\n\"{KOREAN}\",1\r\n")),
        ("a.tsv", format!("n\ttext\n1\t{KOREAN}\n")),
    ];
    for (encode, expected) in encodings {
        for (name, content) in &files {
            for (ending, pack) in PACKS {
                let name = format!("{name}{ending}");
                let (texts, found, failed) = read_with(None, &name, &pack(&encode(content)));
                assert_eq!(failed, None, "{name} {expected:?}");
                assert_eq!(texts, [KOREAN], "{name} {expected:?}");
                assert_eq!(found.as_deref(), expected, "{name}");
            }
        }
    }
    // A long beginning of ASCII, and letters beyond EUC-KR.
    let late = format!(
        "{}{{\"text\":\"똠방각하의 문서가 있는 곳\"}}",
        "{\"text\":\"a\"}\n".repeat(90_000)
    );
    let (texts, found, failed) = read_with(None, "a.jsonl", &cp949(&late));
    assert_eq!(
        (texts.len(), found.as_deref(), failed),
        (90_001, Some("cp949"), None)
    );
    assert_eq!(texts.last().unwrap(), "똠방각하의 문서가 있는 곳");
}

#[test]
fn damage_is_found_in_its_row_and_named_by_its_place() {
    let object = |text: &str| format!("{{\"text\":\"{text}\"}}\n");
    let lines: Vec<String> = (0..4)
        .map(|number| object(&format!("{number} {KOREAN}")))
        .collect();
    let start = |encoded: &[Vec<u8>]| encoded[..2].concat().len();

    let mut utf8: Vec<Vec<u8>> = lines.iter().map(|line| line.clone().into_bytes()).collect();
    utf8[2][14] = 0xff;
    let place = start(&utf8) + 14;
    let (texts, _, failed) = read_with(None, "a.jsonl", &utf8.concat());
    assert_eq!(texts.len(), 3);
    // The byte is the middle of a character, which begins one or two before it.
    let failed = failed.unwrap();
    let named = (place - 2..=place)
        .any(|at| failed == format!("`/a.jsonl` is not UTF-8 at byte {at}, line 3"));
    assert!(named, "{failed}, not near {place}");

    let mut korean: Vec<Vec<u8>> = lines.iter().map(|line| cp949(line)).collect();
    korean[2][11] = 0xff;
    let place = start(&korean) + 11;
    let (texts, found, failed) = read_with(None, "a.jsonl", &korean.concat());
    assert_eq!((texts.len(), found.as_deref()), (3, Some("cp949")));
    assert_eq!(
        failed.unwrap(),
        format!("`/a.jsonl` is not cp949 at byte {place}, line 3")
    );

    // A row of UTF-8 in a file of CP949 is no Hangul of another kind, and the other way round.
    let mixed = [
        korean[0].clone(),
        korean[1].clone(),
        utf8[3].clone(),
        korean[3].clone(),
    ]
    .concat();
    let (texts, _, failed) = read_with(None, "a.jsonl", &mixed);
    assert_eq!(texts.len(), 3);
    assert!(failed.unwrap().ends_with("line 3"));
    let mixed = [utf8[0].clone(), korean[1].clone(), utf8[3].clone()].concat();
    let (texts, found, failed) = read_with(None, "a.jsonl", &mixed);
    assert_eq!((texts.len(), found), (2, None));
    assert!(failed.unwrap().contains("is not UTF-8 at byte"));

    let mut wide = utf16(&lines.concat());
    let at = wide.len() - 9;
    wide[at] = 0xdc;
    let (texts, _, failed) = read_with(None, "a.jsonl", &wide);
    assert_eq!(texts.len(), 3);
    assert_eq!(
        failed.unwrap(),
        format!("`/a.jsonl` is not utf-16le at byte {}, line 4", at - 1)
    );
}

#[test]
fn what_is_not_sure_is_refused_and_can_be_forced() {
    let japanese = "{\"text\":\"日本語の文章です。\"}\n";
    let sjis = encoding_rs::SHIFT_JIS.encode(japanese).0.into_owned();
    let (texts, _, failed) = read_with(None, "a.jsonl", &sjis);
    assert!(texts.is_empty());
    let failed = failed.unwrap();
    assert_eq!(
        failed,
        "`/a.jsonl` is neither UTF-8 nor for sure CP949 (EUC-KR), from byte 9, line 1 on"
    );
    let (texts, found, failed) = read_with(Some("shift_jis"), "a.jsonl", &sjis);
    assert_eq!(failed, None);
    assert_eq!(
        (texts[0].as_str(), found.as_deref()),
        ("日本語の文章です。", Some("shift_jis"))
    );

    // Too short to tell.
    let short = cp949("뷁쉙");
    assert!(read_with(None, "a.txt", &short).2.is_some());
    assert_eq!(read_with(Some("cp949"), "a.txt", &short).0, ["뷁쉙"]);

    // UTF-16 without a mark.
    let wide = utf16("{\"text\":\"abc\"}")[2..].to_vec();
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("a.jsonl"), &wide).unwrap();
    let error = read_all(&config(dir.path())).unwrap_err();
    assert!(
        error.hint().unwrap().contains("encoding = \"utf-16le\""),
        "{error}"
    );
    assert_eq!(read_with(Some("utf-16le"), "a.jsonl", &wide).0, ["abc"]);

    // A byte order mark wins over what is forced; UTF-8 that is called CP949 is no CP949.
    assert_eq!(
        read_with(Some("cp949"), "a.txt", &utf16(KOREAN)).0,
        [KOREAN]
    );
    let marked = format!("\u{feff}{KOREAN}");
    assert_eq!(
        read_with(Some("cp949"), "a.txt", marked.as_bytes()).0,
        [KOREAN]
    );
    assert!(
        read_with(Some("cp949"), "a.txt", KOREAN.as_bytes())
            .2
            .is_some()
    );
    assert!(
        read_with(Some("utf-8"), "a.txt", &cp949(KOREAN))
            .2
            .unwrap()
            .contains("is not UTF-8 at byte 2")
    );
}
