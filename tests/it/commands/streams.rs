//! Outputs that are streams are appended to; messages that cannot be written are dropped; data that
//! cannot be written is an error.

use std::fs;

use crate::lab::Lab;
use crate::parity::fixture::Fixture;

fn lab() -> Lab {
    let lab = Lab::empty();
    lab.write("in.jsonl", "{\"text\":\"오늘 아침\"}\n");
    lab.sh("cp -r $M/.. run");
    Fixture::copied(&lab, "qwen2");
    lab
}

/// Calls that write a file, with `OUT` for its path.
const WRITERS: [&str; 6] = [
    "$J tokenizer encode --tokenizer $M --input in.jsonl --output OUT",
    "$J score --model $M --input in.jsonl --output OUT",
    "$J corpus synth --documents 2 --output OUT",
    "$J tokenizer measure --tokenizer $M --input in.jsonl --csv OUT",
    "$J report run --curve OUT",
    "$J model export --model qwen2 --format gguf --output OUT",
];

#[test]
fn a_stream_is_appended_to_under_every_name() {
    let lab = lab();
    std::os::unix::fs::symlink("/dev/stdout", lab.path("link")).unwrap();
    for writer in WRITERS {
        let plain = writer.replace("OUT", "plain");
        assert_eq!(
            lab.sh(&format!("rm -f plain; {plain}")).code,
            Some(0),
            "{plain}"
        );
        let expected = fs::read(lab.path("plain")).unwrap();
        // A GGUF file holds the name of the model, which is that of the file.
        let same = |got: &[u8]| got == expected || writer.contains("gguf");
        for name in ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"] {
            let call = writer.replace("OUT", name);
            let ended = lab.sh(&format!(
                "{{ echo HEAD; {call}; echo FOOT; }} > f && echo OLD > g && {call} >> g"
            ));
            assert_eq!(ended.code, Some(0), "{call}: {}", ended.stderr);
            let f = fs::read(lab.path("f")).unwrap();
            let inner = f
                .strip_prefix(b"HEAD\n")
                .and_then(|f| f.strip_suffix(b"FOOT\n"));
            assert!(inner.is_some_and(same), "{call}");
            let g = fs::read(lab.path("g")).unwrap();
            assert!(g.strip_prefix(b"OLD\n").is_some_and(same), "{call}");
        }
    }
}

#[test]
fn other_descriptors_pipes_and_devices_are_written_through() {
    let lab = lab();
    let encode = "$J tokenizer encode --tokenizer $M --input in.jsonl --output";
    let ended = lab.sh(&format!(
        "exec 3>three; echo HEAD >&3; {encode} /dev/fd/3; echo FOOT >&3
         echo OLD > err; {encode} /dev/stderr 2>> err
         mkfifo pipe; cat pipe > piped & {encode} pipe; wait
         {encode} /dev/null && [ -c /dev/null ] && echo null
         {encode} plain; ln -s nowhere dangling; {encode} dangling; cmp plain nowhere && [ -L dangling ] && echo link
         cat > cat < <({encode} -)"
    ));
    assert_eq!(ended.stdout, "null\nlink\n", "{}", ended.stderr);
    let read = |name: &str| fs::read_to_string(lab.path(name)).unwrap();
    let plain = read("plain");
    assert_eq!(read("three"), format!("HEAD\n{plain}FOOT\n"));
    assert!(
        read("err").starts_with(&format!("OLD\n{plain}")),
        "{}",
        read("err")
    );
    assert_eq!((read("piped"), read("cat")), (plain.clone(), plain));
    let closed = lab.jikji_args(&[
        "corpus",
        "synth",
        "--documents",
        "1",
        "--output",
        "/dev/fd/77",
    ]);
    let closed = closed.fails(5);
    assert!(
        closed.error().contains("`/dev/fd/77` cannot be written"),
        "{}",
        closed.stderr
    );
}

#[test]
fn a_message_that_cannot_be_written_stops_nothing() {
    let lab = Lab::new();
    lab.write("in.jsonl", "{\"text\":\"오늘 아침\"}\n");
    for stderr in ["2>/dev/full", "2>&-", "2> >(true)"] {
        for (call, made) in [
            (
                "$J tokenizer encode --tokenizer $M --input in.jsonl --output encoded",
                "encoded",
            ),
            (
                "$J corpus build --input text --output corpus",
                "corpus/manifest.json",
            ),
            (
                "$J tokenizer train --input text --vocab-size 400 --output tok",
                "tok/tokenizer.json",
            ),
            (
                "$J model export --model $M --output model",
                "model/config.json",
            ),
            (
                "$J train small.toml --set train.steps=2",
                "runs/small/report.html",
            ),
            ("$J new mine --from small", "mine.toml"),
        ] {
            let ended = lab.sh(&format!("{call} {stderr} >/dev/null"));
            assert_eq!(ended.code, Some(0), "{call} {stderr}: {}", ended.stderr);
            assert!(lab.path(made).is_file(), "{call} {stderr}");
            let made = made.split('/').next().unwrap();
            lab.sh(&format!("rm -rf {made}"));
        }
        // An error that nobody can read has its code all the same.
        let ended = lab.sh(&format!("$J train nowhere.toml {stderr}"));
        assert_eq!(ended.code, Some(3), "{stderr}");
        let ended = lab.sh(&format!("$J --no-such-option {stderr}"));
        assert_eq!(ended.code, Some(2), "{stderr}");
    }
}

#[test]
fn data_that_cannot_be_written_is_an_error_and_a_reader_that_left_is_none() {
    let lab = lab();
    for call in [
        "$J --help",
        "$J train --help",
        "$J --version",
        "$J recipe list",
        "$J recipe schema",
        "$J completions bash",
        "$J corpus synth --documents 3",
        "$J corpus synth --documents 3 --output /dev/stdout",
        "$J model info configs/models/quickstart.toml",
    ] {
        let ended = lab.sh(&format!("{call} > /dev/full"));
        assert_eq!(ended.code, Some(5), "{call}: {}", ended.stderr);
        assert!(ended.stderr.contains("error: "), "{call}: {}", ended.stderr);
        // bash ignores what its own pipe ends with, so the code is asked of the call.
        let ended = lab.sh(&format!("{{ sleep 0.1; {call}; echo $? >&2; }} | true"));
        assert_eq!(ended.stderr, "0\n", "{call}");
    }
}
