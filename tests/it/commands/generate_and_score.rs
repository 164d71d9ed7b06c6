//! What an exported model says.

use std::fs;

use serde_json::{Value, json};

use super::TRAINED;
use crate::lab::Lab;

const MODEL: &str = "--model runs/small/export";

fn generate(more: &[&str]) -> String {
    let model = [
        "generate",
        "--model",
        "runs/small/export",
        "--prompt",
        "오늘 아침",
        "--max-new-tokens",
        "12",
    ];
    TRAINED
        .jikji_args(&[&model, more].concat())
        .succeeds()
        .stdout
}

#[test]
fn the_seed_decides_the_text() {
    let text = generate(&["--seed", "5"]);
    assert!(text.starts_with("오늘 아침"), "{text}");
    assert!(text.ends_with('\n') && text.chars().count() > 6, "{text}");
    assert_eq!(generate(&["--seed", "5"]), text);
    let others: Vec<String> = ["6", "7", "8"]
        .map(|seed| generate(&["--seed", seed]))
        .into();
    assert!(
        others.iter().any(|other| *other != text),
        "the seed has no effect"
    );
    // The likeliest token needs no seed.
    let greedy = generate(&["--temperature", "0", "--seed", "1"]);
    assert_eq!(generate(&["--temperature", "0", "--seed", "2"]), greedy);
}

#[test]
fn settings_out_of_range_are_refused() {
    for (more, word) in [
        (["--temperature", "nan"], "temperature"),
        (["--temperature", "-1"], "temperature"),
        (["--top-p", "0"], "top_p"),
        (["--top-p", "1.5"], "top_p"),
    ] {
        let arguments = ["generate", "--model", "runs/small/export", "--prompt", "가"];
        let more = [format!("{}={}", more[0], more[1])];
        let more: Vec<&str> = more.iter().map(String::as_str).collect();
        let ended = TRAINED
            .jikji_args(&[&arguments, more.as_slice()].concat())
            .fails(10);
        assert!(ended.error().contains(word), "{}", ended.error());
    }
    let long = "가나다라".repeat(200);
    let ended = TRAINED
        .jikji_args(&[
            "generate",
            "--model",
            "runs/small/export",
            "--prompt",
            &long,
        ])
        .fails(10);
    assert!(
        ended.error().contains("max_position_embeddings"),
        "{}",
        ended.error()
    );
}

fn json_lines(lines: &[Value]) -> String {
    lines.iter().map(|line| line.to_string() + "\n").collect()
}

/// Scores lines in a folder of its own.
fn score(lines: &[Value]) -> Result<Vec<Value>, String> {
    let lab = Lab::empty();
    lab.write("in.jsonl", json_lines(lines));
    let (input, output) = (lab.path("in.jsonl"), lab.path("out.jsonl"));
    let arguments = format!(
        "score {MODEL} --input {} --output {}",
        input.display(),
        output.display()
    );
    let ended = TRAINED.jikji(&arguments).ends();
    if ended.code != Some(0) {
        assert_eq!(ended.code, Some(10), "{}", ended.stderr);
        assert!(!output.exists(), "nothing half done");
        return Err(lab.redact(ended.error()));
    }
    let lines = fs::read_to_string(output).unwrap();
    Ok(lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect())
}

fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|number| number.as_f64().unwrap())
        .collect()
}

#[test]
fn each_line_has_its_log_probabilities_and_their_negative_mean() {
    let scored = score(&[
        json!({ "text": "오늘 아침에는 비가 내렸다." }),
        json!({ "ids": [300, 301, 302, 303] }),
        json!({ "ids": [300, 301] }),
    ])
    .unwrap();
    assert_eq!(scored.len(), 3);
    for line in &scored {
        let (ids, logprobs) = (line["ids"].as_array().unwrap(), numbers(&line["logprobs"]));
        assert_eq!(logprobs.len(), ids.len() - 1);
        assert!(logprobs.iter().all(|logprob| *logprob < 0.0), "{line}");
        let mean = -logprobs.iter().sum::<f64>() / logprobs.len() as f64;
        let loss = line["loss"].as_f64().unwrap();
        assert!((loss - mean).abs() < 1e-5, "{loss} is not {mean}");
    }
    // What comes later cannot change what was said before.
    let (long, short) = (
        numbers(&scored[1]["logprobs"]),
        numbers(&scored[2]["logprobs"]),
    );
    assert!(
        (long[0] - short[0]).abs() < 1e-5,
        "{} and {}",
        long[0],
        short[0]
    );
    // Text is scored as its ids are.
    let as_ids = score(&[json!({ "ids": scored[0]["ids"] })]).unwrap();
    assert_eq!(as_ids[0], scored[0]);
}

#[test]
fn a_line_that_cannot_be_scored_is_named() {
    let good = json!({ "ids": [1, 2] });
    let mut messages = Vec::new();
    for bad in [
        json!({ "ids": (0..129).collect::<Vec<u32>>() }),
        json!({ "ids": [1] }),
        json!({ "ids": [1, 512] }),
        json!({ "ids": [1, -2] }),
        json!({ "ids": [1, 2], "text": "가" }),
        json!({ "other": 1 }),
        json!(7),
    ] {
        messages.push(score(&[good.clone(), bad]).unwrap_err());
    }
    insta::assert_snapshot!(messages.join("\n\n"), @r#"
    error: `[lab]/in.jsonl:2` cannot be scored: got `129` ids, but `max_position_embeddings` is `128`
    hint: cut the text into pieces, each within the model's context

    error: `[lab]/in.jsonl:2` cannot be scored: got `1` ids, expected at least `2`: the first token has no log-probability
    hint: leave the line out, or put a token that starts documents in front

    error: `[lab]/in.jsonl:2` cannot be scored: id `512` at position `1` is outside the vocabulary: `vocab_size` is `512`
    hint: encode with the tokenizer of this model

    error: `[lab]/in.jsonl:2` cannot be scored: expected a JSON object with `ids` or `text`: invalid value: integer `-2`, expected u32 at line 1 column 12
    hint: each line is one JSON object such as {"text": "안녕"} or {"ids": [1, 5, 7]}

    error: `[lab]/in.jsonl:2` cannot be scored: expected either `ids` or `text`, got both
    hint: each line is one JSON object such as {"text": "안녕"} or {"ids": [1, 5, 7]}

    error: `[lab]/in.jsonl:2` cannot be scored: expected either `ids` or `text`, got neither
    hint: each line is one JSON object such as {"text": "안녕"} or {"ids": [1, 5, 7]}

    error: `[lab]/in.jsonl:2` cannot be scored: expected a JSON object with `ids` or `text`: invalid type: integer `7`, expected an object with `ids` or `text` at line 1 column 1
    hint: each line is one JSON object such as {"text": "안녕"} or {"ids": [1, 5, 7]}
    "#);
}

/// The run's last validation and `score` are two ways to one number. All that is held back fits into one sequence, so that no
/// document is cut there: documents are packed, and what stands before a cut is not seen after it.
#[test]
fn score_agrees_with_the_run_s_validation() {
    let lab = Lab::new();
    let texts: Vec<Value> = (0..12)
        .map(|number| json!({ "text": format!("문장 {number}번은 짧다.") }))
        .collect();
    lab.write("short.jsonl", json_lines(&texts));
    lab.recipe_with(
        "path = \"text\"\nlicense = \"CC0-1.0\"\nvalidation_fraction = 0.2\n",
        "validation_fraction = 0.999999999\nvalidation_sources = [\"short\"]\n\
         [[data.sources]]\nname = \"long\"\npath = \"text\"\n\
         [[data.sources]]\nname = \"short\"\npath = \"short.jsonl\"\n",
    );
    let wide = "--set model.max_position_embeddings=512 --set train.seq_len=512";
    lab.jikji(&format!("train small.toml --set train.steps=4 {wide}"))
        .succeeds();
    let metrics = fs::read_to_string(lab.run().path("metrics.jsonl")).unwrap();
    let last = metrics
        .lines()
        .rfind(|line| line.contains(r#""kind":"validation""#))
        .unwrap();
    let last: Value = serde_json::from_str(last).unwrap();
    let (expected, tokens) = (
        last["loss"].as_f64().unwrap(),
        last["tokens"].as_u64().unwrap(),
    );

    assert!(tokens < 512, "{tokens} tokens do not fit into a sequence");
    let encode = "tokenizer encode --tokenizer runs/small/export";
    lab.jikji(&format!("{encode} --input short.jsonl --output ids.jsonl"))
        .succeeds();
    // A run also learns where a document ends.
    let (eos, ids) = (eos_id(&lab), fs::read_to_string(lab.path("ids.jsonl")));
    let with_end = |line: &str| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        line["ids"].as_array_mut().unwrap().push(json!(eos));
        line
    };
    let with_end: Vec<Value> = ids.unwrap().lines().map(with_end).collect();
    lab.write("ids.jsonl", json_lines(&with_end));
    lab.jikji(&format!(
        "score {MODEL} --input ids.jsonl --output scored.jsonl"
    ))
    .succeeds();
    let (mut nats, mut count) = (0.0, 0);
    for line in fs::read_to_string(lab.path("scored.jsonl"))
        .unwrap()
        .lines()
    {
        let logprobs = numbers(&serde_json::from_str::<Value>(line).unwrap()["logprobs"]);
        nats -= logprobs.iter().sum::<f64>();
        count += logprobs.len() as u64;
    }
    assert_eq!(count, tokens, "the same tokens are counted");
    let loss = nats / count as f64;
    assert!(
        (loss - expected).abs() < 1e-4,
        "score says {loss}, the run {expected}"
    );
}

fn eos_id(lab: &Lab) -> u64 {
    let config = fs::read_to_string(lab.run().path("export/generation_config.json")).unwrap();
    let config: Value = serde_json::from_str(&config).unwrap();
    config["eos_token_id"].as_u64().expect("one end token")
}
