//! Commands on text: corpora and tokenizers.

use std::fs;

use serde_json::Value;

use super::TRAINED;
use crate::lab::Lab;

fn json_lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn synth_writes_labelled_documents_and_the_seed_decides() {
    let lab = Lab::empty();
    let synth = |seed| {
        lab.jikji(&format!("corpus synth --documents 20 --seed {seed}"))
            .succeeds()
            .stdout
    };
    let documents = json_lines(&synth(7));
    assert_eq!(documents.len(), 20);
    for document in &documents {
        assert_eq!(document["synthetic"], true);
        assert!(
            document["text"]
                .as_str()
                .is_some_and(|text| text.len() > 20)
        );
        assert!(document["topic"].is_string());
    }
    assert_eq!(synth(7), synth(7));
    assert_ne!(synth(7), synth(8));
    let said = lab
        .jikji("corpus synth --documents 20 --seed 7 --output s.jsonl")
        .succeeds();
    assert_eq!(said.stdout, "");
    assert_eq!(fs::read_to_string(lab.path("s.jsonl")).unwrap(), synth(7));
    let unknown = lab
        .jikji("corpus synth --documents 1 --topic astrology")
        .fails(3);
    assert!(
        unknown.error().contains("topics are "),
        "{}",
        unknown.error()
    );
}

#[test]
fn a_corpus_is_built_from_several_formats_and_lists_what_it_skipped() {
    let lab = Lab::new();
    lab.write(
        "text/rows.jsonl",
        "{\"text\": \"첫째 줄이다.\"}\n{\"text\": \"둘째 줄이다.\"}\n{\"text\": \"  \"}\n",
    );
    lab.write("text/notes.md", "# 제목\n\n글이다.\n");
    lab.write("text/picture.png", b"\x89PNG");
    let built = lab
        .jikji("corpus build --input text --output corpus")
        .succeeds();
    assert!(built.says(&["skipped `picture.png`"]), "{}", built.stderr);
    let words: Vec<&str> = built.stdout.split_whitespace().collect();
    assert_eq!(words[..3], ["text", "15", "documents"], "{}", built.stdout);
    assert!(
        built
            .stdout
            .contains("dropped 1 empty, 0 short, 0 duplicate"),
        "{}",
        built.stdout
    );
    let manifest = fs::read_to_string(lab.path("corpus/manifest.json")).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(manifest["sources"][0]["documents"], 15);
}

#[test]
fn a_tokenizer_is_trained_and_measured() {
    let lab = Lab::new();
    lab.jikji("tokenizer train --input text/*.txt --vocab-size 400 --output tok")
        .succeeds();
    for file in ["tokenizer.json", "tokenizer_config.json"] {
        assert!(lab.path("tok").join(file).is_file(), "{file}");
    }
    // A folder that has one already is left alone.
    let twice = lab
        .jikji("tokenizer train --input text --vocab-size 300 --output tok")
        .fails(4);
    insta::assert_snapshot!(twice.error(), @r"
    error: `tok` holds a tokenizer already
    hint: name a new folder with `--output`
    ");

    let measure = "tokenizer measure --tokenizer tok --input text/general-dialogue-001.txt text/domains-law-001.txt";
    let rows = lab.jikji(&format!("{measure} --json")).succeeds().stdout;
    let rows: Vec<Value> = serde_json::from_str(&rows).unwrap();
    let inputs: Vec<&str> = rows
        .iter()
        .map(|row| row["input"].as_str().unwrap())
        .collect();
    assert_eq!(
        inputs,
        [
            "text/general-dialogue-001.txt",
            "text/domains-law-001.txt",
            "total"
        ]
    );
    for row in &rows {
        assert_eq!(row["tokenizer"], "tok");
        let keys: Vec<&String> = row.as_object().unwrap().keys().collect();
        assert_eq!(
            keys,
            [
                "tokenizer",
                "input",
                "bytes_per_token",
                "tokens_per_eojeol",
                "tokens_per_syllable"
            ]
        );
        assert!(row["bytes_per_token"].as_f64().unwrap() > 1.0, "{row}");
        assert!(row["tokens_per_eojeol"].as_f64().unwrap() > 1.0, "{row}");
    }
    let table = lab.jikji(measure).succeeds().stdout;
    assert_eq!(table.lines().count(), 4, "{table}");
}

#[test]
fn ids_come_back_as_text_was_given() {
    let lab = Lab::new();
    lab.jikji("tokenizer train --input text --vocab-size 400 --output tok")
        .succeeds();
    lab.write(
        "in.jsonl",
        "{\"text\": \"안녕하세요\"}\n{\"text\": \"\", \"other\": 1}\n{\"text\": \"𠀀👩‍👩‍👧\\u0000\"}\n",
    );
    lab.jikji("tokenizer encode --tokenizer tok --input in.jsonl --output out.jsonl")
        .succeeds();
    let rows = json_lines(&fs::read_to_string(lab.path("out.jsonl")).unwrap());
    assert_eq!(rows.len(), 3);
    // The tokenizer's own post-processor puts a token in front that starts documents.
    let lengths: Vec<usize> = rows
        .iter()
        .map(|row| row["ids"].as_array().unwrap().len())
        .collect();
    assert!(
        lengths[0] >= 3 && lengths[1] == 1 && lengths[2] >= 4,
        "{lengths:?}"
    );
    let ids = rows.iter().flat_map(|row| row["ids"].as_array().unwrap());
    assert!(
        ids.into_iter()
            .all(|id| id.as_u64().is_some_and(|id| id < 400))
    );

    lab.write("in.jsonl", "{\"text\": \"가\"}\n{\"txt\": \"나\"}\n");
    let wrong = lab
        .jikji("tokenizer encode --tokenizer tok --input in.jsonl --output o2.jsonl")
        .fails(4);
    insta::assert_snapshot!(wrong.error(), @r#"
    error: `in.jsonl` line 2: expected a string field `text`
    hint: each line is an object such as {"text": "..."}
    "#);
    assert!(!lab.path("o2.jsonl").exists(), "nothing half done");
}

#[test]
fn the_tokenizer_of_a_run_can_be_used_by_another_run() {
    let lab = Lab::new();
    let export = TRAINED.run().path("export");
    let from = format!(
        "tokenizer.from={}",
        toml_string(&export.display().to_string())
    );
    // The recipe's own `vocab_size` and a folder exclude each other.
    lab.recipe_with("[tokenizer]\nvocab_size = 512\n", "");
    lab.jikji_args(&[
        "train",
        "small.toml",
        "--set",
        "train.steps=2",
        "--set",
        &from,
    ])
    .succeeds();
    assert_eq!(
        fs::read(lab.run().path("export/tokenizer.json")).unwrap(),
        fs::read(export.join("tokenizer.json")).unwrap()
    );
}

fn toml_string(text: &str) -> String {
    format!("\"{text}\"")
}
