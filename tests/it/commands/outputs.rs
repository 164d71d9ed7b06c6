//! An output that cannot be written is refused before the work.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::lab::Lab;
use crate::parity::fixture::Fixture;
use crate::run_folder::names;

/// The error of a call, which must come before anything is read or written.
fn refused(lab: &Lab, script: &str) -> String {
    let before = names(&lab.path(""));
    let ended = lab.sh(script);
    assert!(ended.code.is_some_and(|code| code != 0), "{script}");
    assert!(
        !ended.stderr.contains("os error"),
        "{script}: {}",
        ended.stderr
    );
    assert_eq!(names(&lab.path("")), before, "{script} left something");
    lab.redact(ended.error())
}

#[test]
fn outputs_are_checked_before_the_work() {
    let lab = Lab::new();
    lab.sh("cp -r $M/.. run");
    Fixture::copied(&lab, "qwen2");
    lab.write("file", "mine");
    lab.write("in.jsonl", "not read: it is not JSON");
    fs::create_dir(lab.path("mine")).unwrap();
    lab.write("mine/notes.md", "mine");
    let train = "$J tokenizer train --input text --vocab-size 400 --output";
    let encode = "$J tokenizer encode --tokenizer $M --input in.jsonl --output";
    let export = "$J model export --model $M --output";
    let measure = "$J tokenizer measure --tokenizer $M --input text";
    for (script, expected) in [
        (
            format!("{train} file"),
            "`--output`: `file` cannot be written: a file stands where a folder should be",
        ),
        (
            format!("{train} file/tok"),
            "`--output`: `file/tok` cannot be written: a file stands where a folder should be",
        ),
        (
            format!("{train} mine"),
            "`--output`: `mine` holds `notes.md`, which this command does not write",
        ),
        (
            format!("{train} text/tok"),
            "`--output`: `text/tok` lies inside the input `text`",
        ),
        (
            "$J tokenizer train --input 'text/**/*' --vocab-size 400 --output text/tok".to_owned(),
            "lies inside the input `text/**/*`",
        ),
        (
            "$J corpus build --input text --output text/corpus".to_owned(),
            "`--output`: `text/corpus` lies inside the input `text`",
        ),
        (
            "$J corpus build --input text --output .".to_owned(),
            "holds `file`, which this command does not write",
        ),
        (
            "$J corpus build --input text --output mine".to_owned(),
            "holds `notes.md`, which this command does not write",
        ),
        (
            format!("{encode} no/such.jsonl"),
            "`--output`: `no/such.jsonl` cannot be written: there is no folder `no`",
        ),
        (
            format!("{encode} file/out.jsonl"),
            "a file stands where a folder should be",
        ),
        (
            format!("{encode} mine"),
            "`--output`: `mine` cannot be written: it is a folder",
        ),
        (
            "$J score --model $M --input in.jsonl --output no/such.jsonl".to_owned(),
            "there is no folder `no`",
        ),
        (
            "$J corpus synth --documents 1 --output no/such.jsonl".to_owned(),
            "there is no folder `no`",
        ),
        (
            format!("{measure} --csv no/such.csv"),
            "`--csv`: `no/such.csv` cannot be written",
        ),
        (
            format!("{measure} --csv file"),
            "`--csv`: `file` is a file that this command did not write",
        ),
        (
            format!("{measure} --csv text/t.csv"),
            "`--csv`: `text/t.csv` lies inside the input `text`",
        ),
        (
            format!("{measure} --svg mine"),
            "`--svg`: `mine` cannot be written: it is a folder",
        ),
        (
            format!("{measure} --svg file"),
            "`--svg`: `file` is a file that this command did not write",
        ),
        (
            "$J report run --curve file".to_owned(),
            "`--curve`: `file` is a file that this command did not write",
        ),
        (
            "$J report run run --output file".to_owned(),
            "`--output`: `file` is a file that this command did not write",
        ),
        (
            format!("{export} ."),
            "it is the current folder or a mount point",
        ),
        (
            format!("{export} /proc"),
            "it is the current folder or a mount point",
        ),
        (
            format!("{export} file"),
            "a file stands where a folder should be",
        ),
        (
            format!("{export} file/model"),
            "a file stands where a folder should be",
        ),
        (format!("{export} mine"), "`mine` holds `notes.md`"),
        (format!("{export} mine --format gguf"), "is a folder"),
        (
            "$J model export --model qwen2 --output file --format gguf".to_owned(),
            "`file` is no GGUF file",
        ),
        (
            format!("{export} file/m.gguf --format gguf"),
            "a file stands where a folder should be",
        ),
        (
            "$J model import --model $M --output mine".to_owned(),
            "`mine` holds `notes.md`",
        ),
        (
            "$J model deepen --model $M --remove 1 --output file".to_owned(),
            "a file stands where",
        ),
        (
            "$J model merge --method linear --model $M --model $M --output .".to_owned(),
            "it is the current folder",
        ),
        (
            "$J tokenizer extend --model $M --input text --add 3 --output file".to_owned(),
            "a file stands where",
        ),
        (
            "$J tokenizer extend --model $M --input text --add 3 --output text/m".to_owned(),
            "lies inside the input",
        ),
        (
            "$J train small.toml --set run.output=file/run".to_owned(),
            "`run.output`: `file/run` cannot be written",
        ),
        (
            "$J train small.toml --set run.output=file/run --dry-run".to_owned(),
            "`run.output`: `file/run` cannot be written",
        ),
        (
            "$J train small.toml --set data.prepared=file/p".to_owned(),
            "`data.prepared`: `file/p` cannot be written",
        ),
        (
            "$J new file/mine --from small".to_owned(),
            "`NAME`: `file/mine.toml` cannot be written",
        ),
    ] {
        let error = refused(&lab, &script);
        assert!(error.contains(expected), "{script}: {error}");
        assert!(error.contains("hint: "), "{script} has no hint: {error}");
    }
    assert_eq!(fs::read(lab.path("file")).unwrap(), b"mine");
}

#[test]
fn a_file_of_the_users_in_the_export_is_found_before_training() {
    let lab = Lab::new();
    fs::create_dir_all(lab.path("runs/small/export")).unwrap();
    lab.write("runs/small/export/README.txt", "my notes");
    for call in ["train small.toml", "train small.toml --dry-run"] {
        let error = lab.jikji(call).fails(10);
        assert!(
            error.error().contains("holds `README.txt`"),
            "{}",
            error.stderr
        );
        assert!(!lab.path("shards").exists());
    }
}

#[test]
fn a_run_that_cannot_be_moved_aside_is_found_before_the_work() {
    let lab = Lab::new();
    lab.write("recipe.resolved.toml", "");
    // Text in the run's own folder would be refused for that.
    let text = Lab::new();
    let data = text.path("text");
    let data = format!("data.path={}", data.display());
    let call = [
        "train",
        "small.toml",
        "--fresh",
        "--set",
        "run.output=.",
        "--set",
        &data,
    ];
    let error = lab.jikji_args(&call).fails(5);
    assert!(
        error.error().contains("it is the current folder"),
        "{}",
        error.stderr
    );
    assert!(!lab.path("shards").exists());
}

#[test]
fn a_folder_without_permission_is_found_before_the_work() {
    let lab = Lab::new();
    fs::create_dir(lab.path("closed")).unwrap();
    fs::set_permissions(lab.path("closed"), fs::Permissions::from_mode(0o555)).unwrap();
    // Root can write everywhere.
    if fs::write(lab.path("closed/probe"), "").is_ok() {
        return;
    }
    for call in [
        "tokenizer train --input text --vocab-size 400 --output closed/tok",
        "corpus synth --documents 1 --output closed/s.jsonl",
        "train small.toml --set run.output=closed/run",
    ] {
        let ended = lab.jikji(call).fails(5);
        assert!(
            ended.error().contains("cannot be written"),
            "{call}: {}",
            ended.stderr
        );
    }
}

#[test]
fn own_files_are_replaced() {
    let lab = Lab::new();
    Fixture::copied(&lab, "qwen2");
    lab.sh("cp -r $M/.. run");
    for call in [
        "$J tokenizer measure --tokenizer $M --input text --csv t.csv --svg t.svg",
        "$J report run --curve curve.svg",
        "$J report run run --output both.html",
        "$J model export --model $M --output model",
        "$J model export --model qwen2 --output model.gguf --format gguf",
        "$J corpus build --input text --output corpus",
    ] {
        for _ in 0..2 {
            let ended = lab.sh(call);
            assert_eq!(ended.code, Some(0), "{call}: {}", ended.stderr);
        }
    }
}

#[test]
fn a_limit_on_the_size_of_files_is_a_write_error_that_leaves_nothing() {
    let lab = Lab::new();
    Fixture::copied(&lab, "qwen2");
    for call in [
        "$J model export --model $M --output out",
        "$J model export --model qwen2 --output out --format gguf",
        "$J model import --model $M --output out",
        "$J corpus synth --documents 2000 --output out",
    ] {
        let before = names(&lab.path(""));
        let ended = lab.sh(&format!("ulimit -f 8; {call}"));
        assert!(
            matches!(ended.code, Some(5 | 10)),
            "{call}: {:?}",
            ended.code
        );
        assert!(
            ended
                .error()
                .contains("hint: the limit on the size of files"),
            "{call}: {}",
            ended.stderr
        );
        assert_eq!(names(&lab.path("")), before, "{call}");
    }
}
