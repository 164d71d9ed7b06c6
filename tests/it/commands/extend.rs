//! `tokenizer extend`, and the recipe that trains on what it wrote.

use std::fs;

use serde_json::Value;

use super::TRAINED;
use crate::lab::Lab;

const ENGLISH: &str = "The library opens at nine and closes at six. You will find it near the station, behind the post \
    office. Opening hours change in winter; the staff of the library will tell you when you ask them.\n";

fn lab() -> Lab {
    let lab = Lab::new();
    lab.write("english.txt", ENGLISH.repeat(4));
    lab
}

fn export() -> String {
    TRAINED.path("runs/small/export").display().to_string()
}

#[test]
fn a_model_is_fitted_to_text_in_one_folder() {
    let lab = lab();
    let extend = format!(
        "tokenizer extend --model {} --input en=english.txt --keep-input ko=text/*.txt",
        export()
    );
    let ended = lab
        .jikji(&format!(
            "{extend} --replace 10% --add 20 --output extended"
        ))
        .succeeds();
    assert!(
        ended.says(&["51 tokens replaced, 20 added"]),
        "{}",
        ended.stderr
    );
    let lengths = |input: &str| -> Vec<f64> {
        let line = ended.stdout.lines().find(|line| line.ends_with(input));
        let words = line.unwrap().split_whitespace();
        words.filter_map(|word| word.parse().ok()).collect()
    };
    let (english, korean) = (lengths("  en"), lengths("  ko"));
    assert!(english[1] > 1.5 * english[0], "{}", ended.stdout);
    assert!(
        korean[1] < korean[0] && korean[1] > 0.8 * korean[0],
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.ends_with("extended\n"), "{}", ended.stdout);

    let lineage: Value =
        serde_json::from_slice(&fs::read(lab.path("extended/lineage.json")).unwrap()).unwrap();
    assert_eq!(lineage["operation"], "extend");
    assert_eq!(lineage["settings"]["init"], "similar");
    assert_eq!(lineage["settings"]["tokens"].as_array().unwrap().len(), 71);
    let info = lab.jikji("model info extended").succeeds().stdout;
    assert!(info.contains("vocabulary 576,"), "{info}");
    let text = lab
        .jikji("generate --model extended --prompt The --max-new-tokens 3")
        .succeeds();
    assert!(text.stdout.starts_with("The"), "{}", text.stdout);

    for init in ["mean", "noisy-mean", "weighted", "random"] {
        lab.jikji(&format!(
            "{extend} --replace 10% --init {init} --output {init}"
        ))
        .succeeds();
    }
    // Tokens of their own need no text that is to be kept.
    lab.jikji(&format!(
        "tokenizer extend --model {} --input english.txt --add 20 --output added",
        export()
    ))
    .succeeds();
}

#[test]
fn what_cannot_be_extended_is_refused() {
    let lab = lab();
    lab.write("empty.txt", "");
    let refusal = |arguments: &str, code| {
        let command = format!(
            "tokenizer extend --model {} {arguments} --output out",
            export()
        );
        let ended = lab.jikji(&command).fails(code);
        assert!(!lab.path("out").exists());
        ended.error().to_owned()
    };
    let unkept = refusal("--input english.txt --replace 20% --add 5", 2);
    assert!(unkept.contains("--keep-input <[NAME=]GLOB>..."), "{unkept}");
    insta::assert_snapshot!(refusal("--input english.txt --keep-input text --replace 120%", 2), @r"
    error: invalid value '120%' for '--replace <N>': expected a number of tokens, or a share such as 20%

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(refusal("--input english.txt --keep-input text --replace 500", 4), @r"
    error: the tokenizer cannot be extended: 500 tokens are to be replaced, and only 232 can go
    ");
    insta::assert_snapshot!(refusal("--input english.txt --add 0", 4), @r"
    error: the tokenizer cannot be extended: no token is to be added or replaced
    ");
    let unkept = refusal("--input english.txt --keep-input empty.txt --replace 5%", 4);
    assert!(unkept.contains("the text to keep is empty"), "{unkept}");
    let huge = refusal("--input english.txt --add 18446744073709551615", 4);
    assert!(huge.contains("a vocabulary has at most 1048576"), "{huge}");
    // A folder that an export would not replace is found before the texts are read.
    std::fs::create_dir(lab.path("thesis")).unwrap();
    lab.write("thesis/thesis.odt", "years");
    let occupied = lab
        .jikji(&format!(
            "tokenizer extend --model {} --input no-such-file.txt --add 5 --output thesis",
            export()
        ))
        .ends();
    assert!(
        occupied.error().contains("`thesis` holds `thesis.odt`"),
        "{}",
        occupied.stderr
    );
    insta::assert_snapshot!(refusal("--input empty.txt --add 5", 4), @r"
    error: there is no text to train a tokenizer on
    hint: check that the data path holds documents that are not empty after filtering
    ");
}

#[test]
fn an_extended_model_is_trained_in_two_steps() {
    let lab = Lab::repository();
    lab.write("english.txt", ENGLISH.repeat(4));
    lab.jikji("train recipes/quickstart.toml --scale tiny")
        .succeeds();
    lab.jikji(
        "tokenizer extend --model runs/quickstart-tiny/export --input english.txt --keep-input data/korean --replace 40 \
         --output runs/extended-tiny",
    )
    .succeeds();
    let train = |step: &str| {
        let recipe =
            format!("train recipes/extend/{step}.toml --scale tiny --set data.path=data/korean");
        lab.jikji(&format!(
            "{recipe} --set train.steps=12 --set optimizer.schedule.warmup_steps=2"
        ))
        .succeeds();
    };
    let tensors = |folder: &str| crate::parity::fixture::Fixture::at(&lab.path(folder)).tensors();
    train("embeddings");
    let (before, after) = (
        tensors("runs/extended-tiny"),
        tensors("runs/embeddings-tiny/export"),
    );
    for (name, values) in &before {
        let is_trained = name == "model.embed_tokens.weight";
        assert_eq!(after[name] != *values, is_trained, "{name}");
    }
    train("whole");
    let last = tensors("runs/whole-tiny/export");
    assert!(last.iter().all(|(name, values)| after[name] != *values));
}
