//! Safetensors files that are large, or say so.

use std::fs::File;
use std::os::unix::fs::FileExt;

use jikji_checkpoint::ModelFiles;

use crate::case::{Cost, End, SINGLE, entry, model, object, open_model, tensor_file};
use crate::safetensors::one;

use End::{Read, Refused};

/// The most that is read of a header.
const MOST: usize = 4 << 20;

/// `begin`, then as much filling as a header has room for, then `end`.
fn filled(begin: &str, filling: &str, end: &str) -> String {
    let room = MOST - begin.len() - end.len();
    format!("{begin}{}{end}", filling.repeat(room / filling.len()))
}

/// Headers as large as are read, made of what takes the most memory or time.
#[test]
fn lies() {
    let empty = |dimensions: &str| {
        let entry = |at: usize| entry(&format!("{at:x}"), "U8", dimensions, "[0,0]");
        object(MOST / (entry(1 << 16).len() + 1), entry)
    };
    let shared = object(50_000, |at| {
        entry(&at.to_string(), "F32", "[250000]", "[0,1000000]")
    });
    let nested = filled(
        r#"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":"#,
        "[",
        "",
    );
    let cases: Vec<(&str, Vec<u8>, End)> = vec![
        ("many keys", tensor_file(empty("[0]"), 0), Read),
        (
            "many keys of sixteen dimensions",
            tensor_file(empty("[0,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]"), 0),
            Read,
        ),
        (
            "many keys, the last one lies",
            tensor_file(empty("[0]").replace("}}", r#"},"z":1}"#), 0),
            Refused("tensor `z`: invalid type"),
        ),
        (
            "many tensors at one place",
            tensor_file(shared, 1_000_000),
            Refused(
                "tensor `1`: it overlaps others, since with it the tensors have 2000000 bytes, the data 1000000",
            ),
        ),
        (
            "a long name",
            tensor_file(filled("{\"", "n", "\":1}"), 0),
            Refused("more characters)`: invalid type"),
        ),
        (
            "a long name of escapes",
            tensor_file(filled("{\"", "\\u0001", "\":1}"), 0),
            Refused("more characters)`: invalid type"),
        ),
        (
            "a long type",
            tensor_file(filled(r#"{"a":{"dtype":""#, "F", "\"}}"), 0),
            Refused("tensor `a`: unknown variant"),
        ),
        (
            "a long shape",
            tensor_file(filled(r#"{"a":{"dtype":"U8","shape":["#, "1,", "1]}}"), 0),
            Refused("more than 16 entries"),
        ),
        (
            "a long number",
            tensor_file(filled(r#"{"a":{"dtype":"U8","shape":["#, "9", "]}}"), 0),
            Refused("tensor `a`: "),
        ),
        (
            "a long fraction",
            tensor_file(filled(r#"{"a":{"dtype":"U8","shape":[0."#, "7", "]}}"), 0),
            Refused("tensor `a`: "),
        ),
        (
            "long metadata",
            tensor_file(filled("{\"__metadata__\":{\"", "m", "\":\"\"}}"), 0),
            Read,
        ),
        (
            "much metadata",
            tensor_file(
                filled("{\"__metadata__\":{", "\"\":\"\",", "\"\":\"\"}}"),
                0,
            ),
            Read,
        ),
        (
            "lists millions deep",
            tensor_file(nested, 0),
            Refused("tensor `a`: EOF"),
        ),
        (
            "nothing but spaces",
            tensor_file(filled("{", " ", ""), 0),
            Refused("EOF"),
        ),
        (
            "nothing but newlines",
            tensor_file(filled("{", "\n", "x"), 0),
            Refused("wrong at byte 4194311: key must be a string"),
        ),
    ];
    let mut cost = Cost::default();
    for (name, bytes, end) in cases {
        model(&mut cost, name, end, &[(SINGLE, &bytes)]);
    }
    cost.report("large_safetensors");
}

/// A file of a terabyte that has nothing on the disk.
#[test]
fn sparse_files() {
    let mut cost = Cost::default();
    for (name, length, header, end) in [
        (
            "zeros",
            1 << 40,
            String::new(),
            Refused("does not begin with `{`"),
        ),
        (
            "a header of nothing",
            1 << 40,
            "\u{0}".to_owned(),
            Refused("does not begin with `{`"),
        ),
        (
            "data of no tensor",
            1 << 40,
            "{}".to_owned(),
            Refused("its data has 1099511627766 bytes, expected 0"),
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let file = File::create(dir.path().join(SINGLE)).unwrap();
        if file.set_len(length).is_err() {
            continue;
        }
        file.write_all_at(&tensor_file(header, 0), 0).unwrap();
        open_model(&mut cost, name, 0, end, dir.path());
    }
    let dir = tempfile::tempdir().unwrap();
    let file = File::create(dir.path().join(SINGLE)).unwrap();
    let header = one("U8", "[1099511627776]", "[0,1099511627776]");
    if file.set_len((1 << 40) + 8 + header.len() as u64).is_ok() {
        file.write_all_at(&tensor_file(&header, 0), 0).unwrap();
        let opened = cost.open("a tensor of a terabyte", 0, Read, || {
            ModelFiles::open(dir.path())
        });
        assert_eq!(opened.unwrap().shape("a"), Some(&[1 << 40][..]));
    }
    cost.report("sparse_safetensors");
}
