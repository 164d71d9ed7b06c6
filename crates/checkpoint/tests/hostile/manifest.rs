//! Checkpoints whose manifest lies although its hash is right.

use std::fs;

use jikji_checkpoint::Loaded;

use crate::case::{Cost, End, entry, object, tensor_file};

use End::{Read, Refused};

const RUN: &str = r#"{"format_version":1,"code_version":"","identity":{},"progress":{}}"#;

fn state(name: &str, shape: &str, range: &str) -> String {
    format!(
        r#"{{"name":"{name}","kind":"weight","shape":{shape},"file":"model.safetensors","range":{range}}}"#
    )
}

fn body(files: &str, states: &str) -> String {
    format!(r#"{{"format_version":1,"step":1,"files":{{{files}}},"states":[{states}]}}"#)
}

#[test]
fn lies_with_a_hash() {
    const FILE: &str = r#""model.safetensors":{"bytes":1,"blake3":""}"#;
    let deep = "[".repeat(10_000);
    let one = state("a", "[1]", "[0,1]");
    let states = |count: usize| {
        let states: Vec<String> = (0..count)
            .map(|at| state(&format!("{at:x}"), "[0]", "[0,0]"))
            .collect();
        body(FILE, &states.join(","))
    };
    let files = |count: usize| {
        let files = object(count, |at| format!(r#""{at:x}":{{"bytes":1,"blake3":""}}"#));
        format!(r#"{{"format_version":1,"step":1,"files":{files},"states":[]}}"#)
    };
    let long = "n".repeat(100_000);
    let cases: Vec<(&str, String, End)> = vec![
        ("what is right", body(FILE, &one), Read),
        (
            "nothing",
            String::new(),
            Refused("wrong at its byte 0: EOF"),
        ),
        (
            "a file twice",
            body(&format!("{FILE},{FILE}"), &one),
            Refused("the name `model.safetensors` comes twice"),
        ),
        (
            "a strange key",
            body(FILE, &one).replace("\"step\"", "\"x\":0,\"step\""),
            Refused("unknown field `x`"),
        ),
        (
            "seventeen dimensions",
            body(
                FILE,
                &state("a", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "[0,1]"),
            ),
            Refused("more than 16 entries"),
        ),
        (
            "a product that overflows",
            body(FILE, &state("a", "[4294967296,4294967296]", "[0,0]")),
            Refused("state `weight` of `a` has 0 elements"),
        ),
        (
            "a range that is negative",
            body(FILE, &state("a", "[1]", "[-1,1]")),
            Refused("invalid value: integer `-1`"),
        ),
        (
            "a range in reverse",
            body(FILE, &state("a", "[1]", "[1,0]")),
            Refused("do not fit together at element 0"),
        ),
        (
            "a range to 2^64-1",
            body(
                FILE,
                &state("a", "[18446744073709551615]", "[0,18446744073709551615]"),
            ),
            Refused("has shape [1] and type `F32`, expected [18446744073709551615]"),
        ),
        (
            "a state twice",
            body(FILE, &format!("{one},{one}")),
            Refused("do not fit together at element 1"),
        ),
        (
            "a state that its file lacks",
            body(FILE, &state("b", "[1]", "[0,1]")),
            Refused("`model.safetensors` has no tensor `b`"),
        ),
        (
            "a file above the folder",
            body(r#""../x":{"bytes":1,"blake3":""}"#, ""),
            Refused("`../x` is not a plain name"),
        ),
        (
            "a name that clears the terminal",
            body(FILE, &state("\\u001b[2J", "[1]", "[0,1]")),
            Refused("no tensor `\\u{1b}[2J`"),
        ),
        (
            "a name of 100,000 bytes",
            body(FILE, &state(&long, "[1]", "[0,1]")),
            Refused("more characters)`"),
        ),
        (
            "lists ten thousand deep",
            body(FILE, &deep),
            Refused("wrong at its byte"),
        ),
        (
            "too many states",
            states(100_001),
            Refused("a list has more than 100000 entries"),
        ),
        (
            "too many files",
            files(1_001),
            Refused("an object has more than 1000 entries"),
        ),
    ];
    let dir = tempfile::tempdir().unwrap();
    let model = tensor_file(format!("{{{}}}", entry("a", "F32", "[1]", "[0,4]")), 4);
    fs::write(dir.path().join("model.safetensors"), model).unwrap();
    fs::write(dir.path().join("run.json"), RUN).unwrap();
    let mut cost = Cost::default();
    for (name, body, end) in cases {
        let hash = blake3::hash(body.as_bytes()).to_hex();
        let manifest = format!("{{\n\"blake3\": \"{hash}\",\n\"body\": {body}\n}}\n");
        fs::write(dir.path().join("manifest.json"), manifest).unwrap();
        if let Some(loaded) = cost.open(name, body.len(), end, || {
            Loaded::open_unverified(dir.path())
        }) {
            for (name, kind) in loaded.names() {
                let elements = loaded.shape(name, kind).unwrap().iter().product();
                loaded.read(name, kind, &mut vec![0.0; elements]).unwrap();
            }
        }
    }

    let manifest = body(FILE, &one);
    let hash = blake3::hash(manifest.as_bytes()).to_hex();
    let manifest = format!("{{\n\"blake3\": \"{hash}\",\n\"body\": {manifest}\n}}\n");
    fs::write(dir.path().join("manifest.json"), manifest).unwrap();
    let numbers = "0,".repeat(600_000);
    let large = RUN.replace(
        "\"identity\":{}",
        &format!("\"identity\":{{\"a\":[{numbers}0]}}"),
    );
    for (name, run, end) in [
        (
            "a run's state of a megabyte",
            large.as_str(),
            Refused("not a regular file of at most 1048576 bytes"),
        ),
        (
            "a run's state as a list",
            "[]",
            Refused("run.json` cannot be read"),
        ),
        ("no run's state", "", Refused("EOF")),
    ] {
        fs::write(dir.path().join("run.json"), run).unwrap();
        cost.open(name, 0, end, || Loaded::open_unverified(dir.path()));
    }
    cost.report("hostile_manifest");
}
