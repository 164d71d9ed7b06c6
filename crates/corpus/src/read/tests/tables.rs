//! CSV and TSV.

use super::*;

fn table(name: &str, content: &str) -> (Vec<String>, Vec<String>) {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join(name), content).unwrap();
    let config = config(dir.path());
    let file = &discover(&config).unwrap().files[0];
    let shorten = |error: CorpusError| error.to_string().replace(dir.path().to_str().unwrap(), "");
    let (mut texts, mut errors) = (Vec::new(), Vec::new());
    match read(&config, file) {
        Err(error) => errors.push(shorten(error)),
        Ok(documents) => {
            for document in documents {
                match document {
                    Ok(document) => texts.push(format!("{}={}", document.origin, document.text)),
                    Err(error) => errors.push(shorten(error)),
                }
            }
        }
    }
    (texts, errors)
}

#[test]
fn quotes_line_ends_and_delimiters() {
    for (name, content, expected) in [
        (
            "a.csv",
            "\u{feff}text,n\r\n가,1\r\n나,2\r\n",
            &["a.csv:2=가", "a.csv:3=나"][..],
        ),
        (
            "a.csv",
            "n,text\n1,\"두\n줄, \"\"인용\"\"\"\n2,끝",
            &["a.csv:2=두\n줄, \"인용\"", "a.csv:4=끝"],
        ),
        (
            "a.csv",
            "text\n\n\n가\n\n나\n",
            &["a.csv:4=가", "a.csv:6=나"],
        ),
        ("a.csv", "n;text\n1;가,나\n", &["a.csv:2=가,나"]),
        ("a.csv", "sep=;\nn;text\n1;가\n", &["a.csv:3=가"]),
        ("a.csv", "n\ttext\n1\t가\n", &["a.csv:2=가"]),
        ("a.csv", "text,,\n가,,\n", &["a.csv:2=가"]),
        ("a.csv", " text ,n\n가,1\n", &["a.csv:2=가"]),
        (
            "a.csv",
            "text,n\r가,1\r나,2\r",
            &["a.csv:1=가", "a.csv:1=나"],
        ),
        ("a.csv", "text,n\n", &[]),
        ("a.csv", "", &[]),
        ("a.csv", "text,n\n5\" 판,1\n", &["a.csv:2=5\" 판"]),
        ("a.csv", "text,n\n,1\n\"\",2\n", &["a.csv:2=", "a.csv:3="]),
        ("a.tsv", "text\tn\n가, \"나\"\t1\n", &["a.tsv:2=가, \"나\""]),
        ("a.tsv", "text\tn\n\"가\n나\"\t1\n", &["a.tsv:2=가\n나"]),
        (
            "a.tsv",
            "text\tn\n\"인용\" 뒤\t1\n\"열림\t2\n끝\t3\n",
            &["a.tsv:2=\"인용\" 뒤", "a.tsv:3=\"열림", "a.tsv:4=끝"],
        ),
    ] {
        let (texts, errors) = table(name, content);
        assert_eq!(errors, [""; 0], "{content:?}");
        assert_eq!(texts, expected, "{content:?}");
    }
}

#[test]
fn a_malformed_record_is_its_line_s_fault() {
    for (content, texts, errors) in [
        (
            "text,n\n가,1\n나\n다,3,4\n라,5\n",
            &["a.csv:2=가", "a.csv:5=라"][..],
            &[
                "`/a.csv:3` has 1 fields, the header has 2",
                "`/a.csv:4` has 3 fields, the header has 2",
            ][..],
        ),
        (
            "text,n\n\"열림,1\n나,2\n다,3\n",
            &["a.csv:3=나", "a.csv:4=다"],
            &["`/a.csv:2` has a quote that is not closed, or text beside a quoted field"],
        ),
        (
            "text,n\n\"인용\" 뒤,1\n나,2\n",
            &["a.csv:3=나"],
            &["`/a.csv:2` has a quote that is not closed, or text beside a quoted field"],
        ),
        (
            "text,n\n가,1\n\"끝이 없다,2\n",
            &["a.csv:2=가"],
            &["`/a.csv:3` has a quote that is not closed, or text beside a quoted field"],
        ),
    ] {
        let (got, failed) = table("a.csv", content);
        assert_eq!(
            (got.as_slice(), failed.as_slice()),
            (
                &texts
                    .iter()
                    .map(|&text| text.to_owned())
                    .collect::<Vec<_>>()[..],
                &errors
                    .iter()
                    .map(|&error| error.to_owned())
                    .collect::<Vec<_>>()[..]
            ),
            "{content:?}"
        );
    }
    let (_, errors) = table("a.csv", "body,n\n가,1\n");
    assert_eq!(
        errors,
        ["`/a.csv` does not fit: no field `text`, it has `body`, `n`"]
    );
    let (_, errors) = table("a.csv", "text,text\n가,나\n");
    assert_eq!(errors, ["`/a.csv` has two columns named `text`"]);
}

#[test]
fn a_row_that_is_not_in_the_encoding_is_its_own_fault() {
    let mut bytes = "text,n\n가,1\n나나,2\n다,3\n".as_bytes().to_vec();
    let at = 7 + 6 + 3;
    bytes[at] = 0xff;
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("a.csv"), &bytes).unwrap();
    let config = config(dir.path());
    let file = &discover(&config).unwrap().files[0];
    let rows: Vec<_> = read(&config, file).unwrap().collect();
    assert_eq!(rows.len(), 3);
    let error = rows[1].as_ref().unwrap_err().to_string();
    assert!(
        error.ends_with(&format!("is not UTF-8 at byte {at}, line 3")),
        "{error}"
    );
}
