//! Which text a run reads, and on which side of the split it stands.

use std::collections::BTreeMap;
use std::fs;

use crate::lab::Lab;

const DRY: &str = "train small.toml --dry-run";

/// Documents by source and side, as the prepared shards have them.
fn documents(lab: &Lab) -> BTreeMap<(String, String), u64> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(lab.path("shards/small")).unwrap() {
        let path = entry.unwrap().path();
        if !path
            .file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("tokens-")
        {
            continue;
        }
        let json = fs::read(path.join("manifest.json")).unwrap();
        let manifest: serde_json::Value = serde_json::from_slice(&json).unwrap();
        for shard in manifest["shards"].as_array().unwrap() {
            let text = |key: &str| shard[key].as_str().unwrap().to_owned();
            *found.entry((text("source"), text("split"))).or_default() +=
                shard["documents"].as_u64().unwrap();
        }
    }
    found
}

fn count(lab: &Lab, source: &str, side: &str) -> u64 {
    let key = (source.to_owned(), side.to_owned());
    documents(lab).get(&key).copied().unwrap_or(0)
}

#[test]
fn a_run_never_reads_what_runs_write() {
    let lab = Lab::new();
    lab.recipe_with("path = \"text\"", "path = \".\"");
    lab.jikji("train small.toml --set train.steps=2").succeeds();
    let before = documents(&lab);
    // Its own folders, those of another run, a moved run, an exported model, a tokenizer.
    lab.jikji("train small.toml --set train.steps=2 --set run.name=other")
        .succeeds();
    lab.jikji("train small.toml --set train.steps=2 --fresh")
        .succeeds();
    lab.jikji("model export --model runs/small/export --output model --dtype bf16")
        .succeeds();
    lab.jikji("tokenizer train --input text --vocab-size 400 --output tok")
        .succeeds();
    let ended = lab
        .jikji("train small.toml --set train.steps=2 --fresh")
        .succeeds();
    assert_eq!(documents(&lab), before, "{}", ended.stderr);
    let ended = lab.jikji(DRY).ends();
    for (place, reason) in [
        ("runs", "the folder of a run"),
        ("shards", "prepared text"),
        ("model", "a model folder"),
        ("tok", "a tokenizer's folder"),
    ] {
        let told = ended.stdout.lines().chain(ended.stderr.lines());
        let mut told = told.filter(|line| line.contains(place) && line.contains(reason));
        assert!(
            told.next().is_some(),
            "{place}: {}{}",
            ended.stdout,
            ended.stderr
        );
    }
    for named in ["runs/small", "shards/small"] {
        let set = format!("{DRY} --set data.path={named}");
        let ended = lab.jikji(&set).fails(3);
        assert!(
            ended.error().contains("where this run"),
            "{}",
            ended.error()
        );
    }
}

#[test]
fn validation_files_of_their_own_are_never_trained_on() {
    let lab = Lab::new();
    fs::create_dir(lab.path("text/held")).unwrap();
    let line =
        |number: u32| format!("{number}번째 판결은 계약의 해석을 다룬다. 법원은 문언을 먼저 본다.");
    let rows: Vec<String> = (0..8).map(line).collect();
    for (number, row) in rows.iter().enumerate() {
        lab.write(&format!("text/held/{number}.txt"), row);
    }
    // The same text, in training too.
    lab.write("text/copy.txt", &rows[3]);
    let validation = "[[data.validation]]\nname = \"judgments\"\npath = \"held\"\n\n[tokenizer]";
    lab.recipe_with(
        "validation_fraction = 0.2\n\n[tokenizer]",
        &format!("\n{validation}"),
    );
    let ended = lab.jikji("train small.toml --set train.steps=2").succeeds();
    assert_eq!(
        count(&lab, "judgments", "validation"),
        8,
        "{}",
        ended.stderr
    );
    assert_eq!(count(&lab, "judgments", "train"), 0);
    assert_eq!(count(&lab, "text", "train"), 12, "the copy went");
    assert_eq!(
        count(&lab, "text", "validation"),
        0,
        "no share beside files of their own"
    );
    assert_eq!(count(&lab, "held", "train"), 0);

    let ended = lab
        .jikji("train small.toml --resume --set train.steps=3 --set data.validation_fraction=0.1")
        .fails(5);
    assert!(
        ended.error().contains("data.validation_fraction"),
        "{}",
        ended.error()
    );
}

#[test]
fn rows_with_one_key_stand_on_one_side() {
    let lab = Lab::new();
    fs::remove_dir_all(lab.path("text")).unwrap();
    fs::create_dir_all(lab.path("text/visits")).unwrap();
    fs::create_dir_all(lab.path("text/letters")).unwrap();
    let row = |patient: u32, note: u32| {
        format!(
            "{{\"patient_id\": {patient}, \"text\": \"환자 {patient}의 기록 {note}. 혈압을 재고 약을 처방했다.\"}}\n"
        )
    };
    let mut visits = String::new();
    for patient in 0..40 {
        for note in 0..4 {
            // A number here, a string elsewhere: one patient.
            visits += &row(patient, note);
        }
    }
    lab.write("text/visits/a.jsonl", visits);
    let letter =
        |patient| format!("{patient},{patient}번 환자에게 보내는 편지. 다음 예약을 알린다.");
    let letters: Vec<String> = (0..40).map(letter).collect();
    let letters = format!("patient_id,text\n{}\n", letters.join("\n"));
    lab.write("text/letters/b.csv", letters);
    let keyed =
        "--set data.split_by=patient_id --set data.validation_fraction=0.3 --set train.steps=2";
    lab.jikji(&format!("train small.toml {keyed}")).succeeds();
    let (visits, letters) = (
        count(&lab, "visits", "validation"),
        count(&lab, "letters", "validation"),
    );
    assert!(letters > 2 && letters < 30, "{letters}");
    assert_eq!(visits, 4 * letters, "all rows of the same patients");

    lab.write(
        "text/letters/c.csv",
        "patient_id,text\n3,좋은 글이다.\n,누구의 글인가.\n",
    );
    let ended = lab
        .jikji(&format!("train small.toml {keyed} --set run.name=more"))
        .fails(4);
    assert!(
        ended.error().contains("no value in the field `patient_id`"),
        "{}",
        ended.error()
    );
    lab.write("text/letters/c.csv", "text\n없는 열\n");
    lab.write("text/letters/d.txt", "필드가 없는 글\n");
    let ended = lab.jikji(&format!("{DRY} {keyed}")).ends();
    for name in ["c.csv", "d.txt"] {
        assert!(
            ended
                .stdout
                .lines()
                .any(|line| line.contains(name) && line.contains("patient_id")),
            "{name}: {}{}",
            ended.stdout,
            ended.stderr
        );
    }
}

#[test]
fn a_second_run_over_the_same_text_waits_for_the_first() {
    let lab = Lab::new();
    let first = lab
        .jikji("train small.toml --set train.steps=2 --set run.output=a")
        .starts();
    let second = lab
        .jikji("train small.toml --set train.steps=2 --set run.output=b")
        .starts();
    for run in [first, second] {
        let ended = run.ends();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
}
