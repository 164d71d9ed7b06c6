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
            keys[..5],
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
fn tokenizers_are_compared_by_domain() {
    let lab = Lab::new();
    let (talk, law) = (
        "talk=text/general-dialogue-*.txt",
        "law=text/domains-law-*.txt",
    );
    for (name, options) in [
        ("plain", ""),
        ("weighted", "--weight law=3 talk=0.5"),
        ("super", "--set tokenizer.superword_share=0.3"),
        ("uni", "--set tokenizer.algorithm=unigram"),
    ] {
        lab.jikji(&format!(
            "tokenizer train --input {talk} {law} --vocab-size 500 --output {name} {options}"
        ))
        .succeeds();
    }
    lab.write(
        "morphemes.jsonl",
        r#"{"text": "학교에서는 책을", "words": [["학교에서는", "학교+에서+는", "n"], ["책을", "책+을", "n"]]}"#,
    );
    let measure = format!(
        "tokenizer measure --tokenizer plain weighted super uni --input {talk} {law} --context 4096 --price 2 --endings --morphemes \
         morphemes.jsonl --csv table.csv --svg bars.svg"
    );
    let shown = lab.jikji(&measure).succeeds().stdout;
    for part in [
        "super, law",
        "uni, total",
        "eojeol in 4096 tokens",
        "cost of 1M eojeol",
        "commonest word",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let table = std::fs::read_to_string(lab.path("table.csv")).unwrap();
    assert_eq!(table.lines().count(), 1 + 4 * 3, "{table}");
    let columns = table.lines().map(|line| line.split(',').count());
    assert!(columns.clone().all(|columns| columns == 12), "{table}");
    assert!(
        std::fs::read_to_string(lab.path("bars.svg"))
            .unwrap()
            .starts_with("<svg")
    );
    let rows = lab.jikji(&format!("{measure} --json")).succeeds().stdout;
    let rows: Vec<Value> = serde_json::from_str(&rows).unwrap();
    let total = |tokenizer: &str| {
        let row = rows
            .iter()
            .find(|row| row["tokenizer"] == tokenizer && row["input"] == "total");
        row.unwrap().clone()
    };
    assert!(total("super")["superword_percent"].as_f64().unwrap() > 0.0);
    assert_eq!(total("plain")["superword_percent"].as_f64(), Some(0.0));
    assert!(
        total("uni")["morphemes_at_borders_percent"]
            .as_f64()
            .is_some()
    );
    // Most of the law's words in the vocabulary where the law counts six times as much as talk.
    let law = |tokenizer: &str| {
        let row = rows
            .iter()
            .find(|row| row["tokenizer"] == tokenizer && row["input"] == "law");
        row.unwrap()["bytes_per_token"].as_f64().unwrap()
    };
    assert!(law("weighted") > law("plain"));
}

#[test]
fn settings_of_a_tokenizer_are_checked() {
    let lab = Lab::new();
    lab.write(
        "t.toml",
        "[tokenizer]\nvocab_size = 400\nsuperword_shar = 0.2\n",
    );
    lab.write("from.toml", "[tokenizer]\nfrom = \"t\"\n");
    std::fs::create_dir(lab.path("t")).unwrap();
    lab.write("t/tokenizer.json", "{}");
    let refusal = |options: &str, code| {
        let command = format!("tokenizer train --input text --output tok {options}");
        lab.jikji(&command).fails(code).error().to_owned()
    };
    insta::assert_snapshot!(refusal("--config t.toml", 3), @"
    error: unknown key `tokenizer.superword_shar` in `t.toml`
    hint: did you mean `tokenizer.superword_share`?
    ");
    insta::assert_snapshot!(refusal("--config from.toml", 3), @"
    error: `tokenizer.from` in `from.toml`: a tokenizer that exists is not trained
    hint: change `tokenizer.from`; docs/reference/recipe.md says what it takes
    ");
    insta::assert_snapshot!(refusal("--vocab-size 400 --set tokenizer.memory_bytes=5", 3), @"
    error: the tokenizer that `--set tokenizer.memory_bytes=5` describes is not possible: tokenizer setting `memory_bytes`: expected at least 67108864, got `5`
    hint: change `memory_bytes` in the tokenizer's configuration
    ");
    insta::assert_snapshot!(refusal("--vocab-size 100", 3), @"
    error: the tokenizer that `--set tokenizer.vocab_size=100` describes is not possible: `vocab_size` is `100`, but the special tokens and the 256 bytes alone need `280`
    hint: set `vocab_size` to more than 280, or lower `reserved_tokens`
    ");
    insta::assert_snapshot!(refusal("--vocab-size 400 --weight law", 2), @"error: `--weight law`: expected NAME=TIMES, such as law=2");
    insta::assert_snapshot!(refusal("--vocab-size 400 --weight law=2", 4), @"
    error: tokenizer setting `weights.law`: expected the name of a source that has text, got `law`
    hint: change `weights.law` in the tokenizer's configuration
    ");
    insta::assert_snapshot!(refusal("--vocab-size 400 --set tokenizer.morphemes=nowhere", 3), @"
    error: `tokenizer.morphemes` in `--set tokenizer.morphemes=nowhere`: `nowhere` does not exist
    hint: looked for it in `.`
    ");
    assert!(!lab.path("tok").exists());
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
    hint: each line is an object such as {"text": "..."}; `--text-field` names another field
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
