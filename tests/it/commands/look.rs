//! Commands that look and change nothing: help, recipes, models, dry runs, the machine.

use std::fs;

use serde_json::{Value, json};

use super::TRAINED;
use crate::lab::Lab;

#[test]
fn help_of_the_program() {
    insta::assert_snapshot!(Lab::empty().jikji("--help").succeeds().stdout, @"
    Trains compact language models from raw text to a checkpoint that other programs load. One binary;
    no network, no telemetry

    Usage: jikji <COMMAND>

    Commands:
      train      Train a model as a recipe says
      recipe     Check, describe and list recipes
      tokenizer  Train, measure and apply tokenizers
      corpus     Build documents from raw files, or make synthetic ones
      generate   Let a model write
      chat       Talk with a model through its chat template: each line of the input is a message
      score      Log-probability of each token of given texts
      model      Look at models, check, convert, deepen and merge them
      bench      Measure speed on this machine
      report     Write a run's report: one self-contained HTML page
      doctor     Say what is on this machine and what will work
      help       Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version
    ");
}

#[test]
fn help_of_train() {
    insta::assert_snapshot!(Lab::empty().jikji("train --help").succeeds().stdout, @r"
    Train a model as a recipe says

    Usage: jikji train [OPTIONS] <RECIPE>

    Arguments:
      <RECIPE>  The recipe, a TOML file

    Options:
          --set <KEY=VALUE>     Change one setting, such as train.steps=600; may be repeated
          --scale <NAME>        Apply the recipe's [scale.NAME] overrides, such as `tiny`
          --resume              Continue from the newest checkpoint that verifies
          --fresh               Move an older run in the folder aside and begin anew
          --allow-change <KEY>  On resume, accept that this setting differs from the checkpoint's; may
                                be repeated
          --device <DEVICE>     Where to compute: cpu (this build has no other) [default: cpu]
          --dry-run             Resolve everything, print the plan and one example with its loss mask,
                                train nothing
      -h, --help                Print help

    Examples:
      jikji train recipes/quickstart.toml
      jikji train recipes/quickstart.toml --resume --set train.steps=600
      jikji train recipes/pretrain/small.toml --set data.path=/data/korean --dry-run
    ");
}

#[test]
fn every_command_has_a_help_text() {
    let lab = Lab::empty();
    for command in [
        "recipe",
        "recipe check",
        "recipe schema",
        "recipe list",
        "tokenizer",
        "tokenizer train",
        "tokenizer measure",
        "tokenizer encode",
        "corpus",
        "corpus build",
        "corpus synth",
        "generate",
        "chat",
        "score",
        "model",
        "model info",
        "model export",
        "model verify",
        "model import",
        "model deepen",
        "model merge",
        "bench",
        "bench train-step",
        "bench ops",
        "bench decode",
        "report",
        "doctor",
    ] {
        let help = lab.jikji(&format!("{command} --help")).succeeds().stdout;
        assert!(help.contains("Usage: jikji"), "{command}: {help}");
        let widest = help.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(125), "{command}: {help}");
    }
    assert!(
        lab.jikji("--version")
            .succeeds()
            .stdout
            .starts_with("jikji 0.")
    );
    // Nothing asked: the help, and clap's exit code.
    assert_eq!(lab.jikji("").ends().code, Some(2));
}

#[test]
fn a_recipe_is_checked_and_printed_as_it_will_run() {
    let lab = Lab::new();
    let checked = lab
        .jikji("recipe check small.toml --set train.steps=7 --set run.name=seven")
        .succeeds();
    assert!(
        checked.says(&["`small.toml` is a valid recipe"]),
        "{}",
        checked.stderr
    );
    for line in [
        "steps = 7",
        "output = \"runs/seven\"",
        "prepared = \"shards/seven\"",
        "seed = 1377",
    ] {
        assert!(
            checked.stdout.contains(line),
            "no `{line}` in\n{}",
            checked.stdout
        );
    }
    // What is printed is a recipe that resolves to the same.
    lab.write("printed.toml", &checked.stdout);
    let again = lab.jikji("recipe check printed.toml").succeeds();
    assert_eq!(again.stdout, checked.stdout);
}

#[test]
fn each_shipped_recipe_resolves() {
    let lab = Lab::repository();
    let list = lab.jikji("recipe list").succeeds().stdout;
    let recipes: Vec<&str> = list
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(recipes.contains(&"recipes/quickstart.toml"), "{list}");
    assert!(recipes.len() >= 3, "{list}");
    // What an earlier step of a recipe makes.
    for made in [
        "runs/solar-stacked",
        "runs/solar-stacked-tiny",
        "runs/extended",
        "runs/extended-tiny",
        "runs/embeddings/export",
        "runs/embeddings-tiny/export",
    ] {
        fs::create_dir_all(lab.path(made)).unwrap();
        let keys = json!({"model_type": "llama", "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 14336,
            "num_hidden_layers": 48, "num_attention_heads": 32, "max_position_embeddings": 4096, "rms_norm_eps": 1e-5});
        fs::write(lab.path(made).join("config.json"), keys.to_string()).unwrap();
        fs::write(lab.path(made).join("tokenizer.json"), "{}").unwrap();
    }
    for recipe in recipes {
        for scale in ["", " --scale tiny"] {
            let arguments = format!("recipe check {recipe}{scale} --set data.path=data");
            let arguments = match recipe {
                "recipes/quickstart.toml" => format!("recipe check {recipe}{scale}"),
                _ => arguments,
            };
            lab.jikji(&arguments).succeeds();
        }
    }
}

#[test]
fn the_schema_is_json_and_knows_the_tables() {
    let schema = Lab::empty().jikji("recipe schema").succeeds().stdout;
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let properties = schema["properties"].as_object().unwrap();
    for table in [
        "run",
        "data",
        "tokenizer",
        "model",
        "optimizer",
        "train",
        "checkpoint",
        "log",
    ] {
        assert!(properties.contains_key(table), "{table}");
    }
}

#[test]
fn model_info_counts_as_published() {
    let lab = Lab::repository();
    let info = lab
        .jikji("model info configs/models/exaone-4.0-1.2b.toml")
        .succeeds();
    insta::assert_snapshot!(info.stdout, @r"
    1,279,391,488 parameters in 332 tensors; 5.12 GB in f32, 2.56 GB in bf16
    30 layers (0 with a window), hidden 2048, mlp 4096, heads 32 of 64 over 8 key/value heads
    vocabulary 102,400, tied output, context 65,536, norms Post, qk-norm on
    training needs 20.5 GB for weights, gradients and AdamW, beside activations
    ");
    let all = lab
        .jikji("model info configs/models/exaone-4.0-1.2b.toml --parameters")
        .succeeds();
    assert!(
        all.stdout.contains("model.layers.29.mlp.down_proj.weight"),
        "{}",
        all.stdout
    );
}

#[test]
fn model_info_reads_a_model_folder() {
    let info = TRAINED.jikji("model info runs/small/export").succeeds();
    assert!(
        info.stdout.starts_with("106,880 parameters"),
        "{}",
        info.stdout
    );
}

#[test]
fn a_dry_run_prints_the_plan_and_one_example_and_writes_nothing() {
    let lab = Lab::new();
    let plan = lab.jikji("train small.toml --dry-run").succeeds();
    for folder in ["runs", "shards"] {
        assert!(!lab.path(folder).exists(), "it wrote `{folder}`");
    }
    let lines: Vec<&str> = plan.stdout.lines().collect();
    assert_eq!(
        lines[0],
        "model: 106,880 parameters (106,880 trained), 2 layers"
    );
    assert_eq!(
        lines[1],
        "step: 256 tokens (4 sequences of 64, 1 micro-step); 40 steps"
    );
    for owner in [
        "weights",
        "gradients",
        "optimizer state",
        "activations",
        "backward",
        "checkpoint copy",
    ] {
        assert!(lines[2].contains(owner), "{}", lines[2]);
    }
    let (head, example) = plan.stdout.split_once("does not count\n").unwrap();
    assert!(
        head.contains("example, the first 64 of 64 tokens: "),
        "{head}"
    );
    assert!(example.starts_with("⟦<|bos|>⟧"), "{example}");
    // What the loss counts is the text itself, in the order of the files.
    let text: String = example.chars().filter(|c| !"|⟦⟧".contains(*c)).collect();
    assert!(text.contains("\n제1조("), "{text}");
}

#[test]
fn doctor_names_what_there_is() {
    let lines = Lab::empty().jikji("doctor").succeeds().stdout;
    for word in [
        "threads",
        "processor",
        "matrix rate",
        "memory free",
        "disk free",
        "devices",
        "will work",
        "will not",
    ] {
        assert!(lines.contains(word), "no `{word}` in\n{lines}");
    }
}

#[test]
fn bench_gives_the_promised_keys() {
    let lab = Lab::repository();
    let json = lab
        .jikji("bench train-step --model configs/models/tiny/llama.toml --batch 2 --seq 16 --steps 2 --json")
        .succeeds()
        .stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    for key in [
        "tokens_per_second",
        "step_seconds",
        "forward_seconds",
        "backward_seconds",
        "update_seconds",
        "peak_rss_bytes",
        "matmul_limit_seconds",
    ] {
        assert!(
            json[key].as_f64().is_some_and(|value| value > 0.0),
            "{key}: {json}"
        );
    }
}

#[test]
fn bench_ops_holds_each_operation_beside_the_machine() {
    let lab = Lab::repository();
    let bench = "bench ops --model configs/models/tiny/llama.toml --batch 2 --seq 16 --repeats 1";
    let json = lab.jikji(&format!("{bench} --json")).succeeds().stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    let operations = json["operations"].as_array().unwrap();
    for name in ["linear", "attention", "target_log_probs", "adamw_update"] {
        let found = operations.iter().find(|entry| entry["operation"] == name);
        let found = found.unwrap_or_else(|| panic!("no `{name}` in\n{json}"));
        for key in ["seconds", "roofline_share"] {
            assert!(
                found[key].as_f64().is_some_and(|value| value > 0.0),
                "{name} {key}: {json}"
            );
        }
    }
    let lines = lab.jikji(&format!("{bench} --name rope")).succeeds().stdout;
    assert_eq!(lines.lines().count(), 3, "{lines}");
    let refused = lab.jikji(&format!("{bench} --name nothing")).fails(2);
    assert!(refused.says(&["no operation's name contains `nothing`"]));
}

#[test]
fn a_report_is_written_again_from_the_folder_alone() {
    let lab = Lab::new();
    lab.jikji("train small.toml --set train.steps=3").succeeds();
    let page = lab.run().path("report.html");
    let first = fs::read_to_string(&page).unwrap();
    fs::remove_file(&page).unwrap();
    let said = lab.jikji("report runs/small").succeeds();
    assert_eq!(said.stdout, "runs/small/report.html\n");
    assert_eq!(fs::read_to_string(&page).unwrap(), first);
    // A run that was stopped before its end has no facts yet.
    fs::remove_file(lab.run().path("report.json")).unwrap();
    lab.jikji("report runs/small").succeeds();
    assert!(fs::read_to_string(&page).unwrap().contains("</svg>"));
}
