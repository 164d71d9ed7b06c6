//! Folders in and folders out: `import`, `deepen`, `merge`, and a run that starts from one.

use std::fs;

use serde_json::{Value, json};

use super::TRAINED;
use crate::lab::Lab;
use crate::parity::fixture::Fixture;

/// The path of the trained model.
fn trained() -> String {
    TRAINED.path("runs/small/export").display().to_string()
}

fn model(lab: &Lab, arguments: &[&str]) -> String {
    let arguments: Vec<&str> = std::iter::once("model")
        .chain(arguments.iter().copied())
        .collect();
    lab.jikji_args(&arguments).succeeds().stdout
}

fn lineage(lab: &Lab, folder: &str) -> Value {
    let text = fs::read(lab.path(folder).join("lineage.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

#[test]
fn an_import_says_what_was_read_and_keeps_it() {
    let lab = Lab::empty();
    let from = trained();
    let said = model(&lab, &["import", "--model", &from, "--output", "imported"]);
    assert!(said.starts_with("106,880 parameters"), "{said}");
    assert!(
        said.contains("tokenizer with 512 tokens, no chat template"),
        "{said}"
    );
    assert!(said.ends_with("imported\n"), "{said}");
    for file in ["tokenizer.json", "tokenizer_config.json", "config.json"] {
        let read = |folder: &str| fs::read(lab.path(folder).join(file)).unwrap();
        assert_eq!(read(&from), read("imported"), "{file}");
    }
    let lineage = lineage(&lab, "imported");
    assert_eq!(lineage["operation"], "import");
    let hash = lineage["sources"][0]["sha256"]["model.safetensors"].as_str();
    assert_eq!(hash.map(str::len), Some(64));
}

/// What would fail only when somebody asks the model is found out when it comes in.
#[test]
fn an_import_tries_what_stands_beside_the_weights() {
    let lab = Lab::empty();
    model(&lab, &["export", "--model", &trained(), "--output", "m"]);
    let refused = || {
        let ended = lab.jikji("model import --model m --output out").fails(10);
        ended.error().to_owned()
    };
    lab.write("m/chat_template.jinja", "{% if %}");
    let template = refused();
    assert!(
        template.contains("`m`: chat template, line `1`: syntax error"),
        "{template}"
    );
    fs::remove_file(lab.path("m/chat_template.jinja")).unwrap();
    lab.write("m/generation_config.json", "{\"eos_token_id\": [2, 99999]}");
    let ids = refused();
    assert!(
        ids.contains("field `eos_token_id`: 99999 is no id of a model whose `vocab_size` is 512"),
        "{ids}"
    );
    lab.write("m/generation_config.json", "{}");
    std::os::unix::fs::symlink("/etc/hostname", lab.path("m/LICENSE")).unwrap();
    let link = refused();
    assert!(
        link.contains("m/LICENSE` is a link that leads out of its folder"),
        "{link}"
    );
    assert!(!lab.path("out").exists());
}

#[test]
fn a_weight_that_is_no_number_is_named() {
    let lab = Lab::empty();
    let fixture = Fixture::copied(&lab, "llama");
    fixture.change_tensor("model.layers.1.mlp.up_proj.weight", |rows| {
        rows[1][4..8].copy_from_slice(&f32::NAN.to_le_bytes());
    });
    let ended = lab
        .jikji("model import --model llama --output out")
        .fails(10);
    assert!(
        ended.error().contains(
            "tensor `model.layers.1.mlp.up_proj.weight` in `llama` holds `NaN` at element "
        ),
        "{}",
        ended.stderr
    );
    assert!(!lab.path("out").exists());
}

#[test]
fn a_deeper_model_writes_and_remembers_where_it_came_from() {
    let lab = Lab::empty();
    let from = trained();
    model(
        &lab,
        &[
            "deepen", "--model", &from, "--output", "deep", "--layers", "0,0-1",
        ],
    );
    model(
        &lab,
        &[
            "deepen", "--model", "deep", "--output", "deeper", "--remove", "1",
        ],
    );
    let info = model(&lab, &["info", "deeper"]);
    assert!(info.contains("\n4 layers"), "{info}");
    let lineage = lineage(&lab, "deeper");
    assert_eq!(lineage["settings"], json!({"layers": "0-1,1-2"}));
    let parent = &lineage["sources"][0]["lineage"];
    assert_eq!(parent["settings"], json!({"layers": "0,0-1"}));
    let (shallow, deep) = (
        Fixture::at(from.as_ref()).tensors(),
        Fixture::at(&lab.path("deep")).tensors(),
    );
    let name = |layer: usize| format!("model.layers.{layer}.mlp.up_proj.weight");
    assert_eq!(deep[&name(0)], shallow[&name(0)]);
    assert_eq!(deep[&name(1)], shallow[&name(0)]);
    assert_eq!(deep[&name(2)], shallow[&name(1)]);
    let written = lab
        .jikji("generate --model deeper --prompt 오늘 --max-new-tokens 4")
        .succeeds();
    assert!(written.stdout.starts_with("오늘"), "{}", written.stdout);
    for (arguments, words) in [
        ("--layers 0-2", "has no layer 2: it has 2, counted from 0"),
        (
            "--remove 2",
            "2 layers cannot be removed from each copy: the model has 2",
        ),
        ("--layers 1-0", "expected layers such as `0-23,8-31`"),
        ("", "required arguments"),
        ("--layers 0 --remove 1", "cannot be used with"),
    ] {
        let ended = lab
            .jikji(&format!(
                "model deepen --model {from} --output no {arguments}"
            ))
            .ends();
        assert!(
            ended.code != Some(0) && ended.stderr.contains(words),
            "{arguments}: {}",
            ended.stderr
        );
    }
    assert!(!lab.path("no").exists());
}

#[test]
fn models_are_merged_number_by_number() {
    let lab = Lab::empty();
    let [one, other] = ["one", "other"].map(|name| {
        let fixture = Fixture::copied(&lab, "llama");
        let named = Fixture::at(&lab.path(name));
        fs::rename(&fixture.dir, &named.dir).unwrap();
        named
    });
    let name = "model.layers.0.mlp.up_proj.weight";
    let numbers = |fixture: &Fixture| -> Vec<f32> {
        let bytes = &fixture.tensors()[name].2;
        bytes
            .chunks(4)
            .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
            .collect()
    };
    other.change_tensor(name, |rows| {
        for row in rows {
            for bytes in row.chunks_mut(4) {
                let value = f32::from_le_bytes(bytes.try_into().unwrap());
                bytes.copy_from_slice(&(value + 1.0).to_le_bytes());
            }
        }
    });
    let before = numbers(&one);
    for (method, added) in [
        (
            "--method linear --model one --model other --weight 1 --weight 3",
            0.75,
        ),
        ("--method slerp --model one --model other --t 0", 0.0),
        ("--method slerp --model one --model other --t 1", 1.0),
        (
            "--method task-arithmetic --base one --model other --model other --weight 0.5 --weight 0.25",
            0.75,
        ),
        (
            "--method ties --base one --model other --density 1 --scale 0.5",
            0.5,
        ),
    ] {
        lab.jikji(&format!("model merge {method} --output merged"))
            .succeeds();
        let merged = Fixture::at(&lab.path("merged"));
        let far = |(got, before): (&f32, &f32)| (got - before - added).abs() > 1e-6;
        assert!(!numbers(&merged).iter().zip(&before).any(far), "{method}");
        let untouched = "model.layers.1.mlp.up_proj.weight";
        let same = merged.tensors()[untouched] == one.tensors()[untouched];
        assert!(same || method.contains("slerp"), "{method}");
    }
    let made = lineage(&lab, "merged");
    assert_eq!(
        made["settings"],
        json!({"method": "ties", "weights": [1.0], "density": 1.0, "scale": 0.5})
    );
    assert_eq!(
        (&made["sources"][0]["role"], &made["sources"][1]["role"]),
        (&json!("base"), &json!("model"))
    );
}

#[test]
fn models_that_do_not_belong_together_are_not_merged() {
    let lab = Lab::empty();
    for name in ["llama", "llama-llama3", "qwen2"] {
        Fixture::copied(&lab, name);
    }
    let refused = |arguments: &str, code: i32| {
        let ended = lab
            .jikji(&format!("model merge {arguments} --output merged"))
            .fails(code);
        ended.error().to_owned()
    };
    insta::assert_snapshot!(refused("--method linear --model llama --model qwen2", 10), @r#"
    error: the models cannot be merged: `model_type` is `"llama"` in `llama` and `"qwen2"` in `qwen2`
    hint: merge models of one base with the same config and tokenizer; `jikji model merge --help` says what each method takes
    "#);
    insta::assert_snapshot!(refused("--method linear --model llama --model llama-llama3", 10), @"
    error: the models cannot be merged: `head_dim` is `4` in `llama` and `8` in `llama-llama3`
    hint: merge models of one base with the same config and tokenizer; `jikji model merge --help` says what each method takes
    ");
    insta::assert_snapshot!(refused("--method linear --model llama", 10), @"
    error: the models cannot be merged: a mean needs at least two models, whose weights do not cancel out
    hint: merge models of one base with the same config and tokenizer; `jikji model merge --help` says what each method takes
    ");
    insta::assert_snapshot!(refused("--method ties --model llama", 10), @"
    error: the models cannot be merged: this method counts what each model changed, and needs the base they came from
    hint: merge models of one base with the same config and tokenizer; `jikji model merge --help` says what each method takes
    ");
    insta::assert_snapshot!(refused("--method slerp --model llama --model llama --t 2", 10), @"
    error: the models cannot be merged: `t` is 2, expected 0 to 1
    hint: merge models of one base with the same config and tokenizer; `jikji model merge --help` says what each method takes
    ");
    insta::assert_snapshot!(refused("--method linear --model llama --model llama --t 0.5", 2), @"
    error: `--t` has no meaning with this method
    hint: leave `--t` out; `jikji model merge --help` says what each takes
    ");
    insta::assert_snapshot!(refused("--method linear --model llama --model llama --weight 1", 2), @"
    error: got 1 `--weight` for 2 `--model`
    hint: give one weight a model, in the same order, or none
    ");
    assert!(!lab.path("merged").exists());
}

#[test]
fn nothing_that_is_there_is_lost_to_a_mistyped_output() {
    let lab = Lab::empty();
    for name in ["llama", "qwen2"] {
        Fixture::copied(&lab, name);
    }
    lab.write("thesis.odt", "years");
    let before = fs::read(lab.path("llama/model.safetensors")).unwrap();
    let refused = |arguments: &str| lab.jikji(arguments).fails(10).error().to_owned();
    insta::assert_snapshot!(refused("model import --model llama --output llama"), @"
    error: `llama` is the model that is read
    hint: name another `--output`
    ");
    for arguments in [
        "model export --model llama --output ./llama --dtype bf16",
        "model deepen --model llama --output llama --remove 1",
        "model merge --method linear --model qwen2 --model llama --output llama",
        "model merge --method linear --model llama --model llama --output llama",
    ] {
        let message = refused(arguments);
        assert!(message.contains("is the model that is read"), "{message}");
    }
    insta::assert_snapshot!(refused("model export --model qwen2 --output thesis.odt --format gguf"), @"
    error: `thesis.odt` is no GGUF file and would be overwritten
    hint: name another `--output`, or move the file aside
    ");
    refused("model export --model llama --output llama/model.safetensors --format gguf");
    assert_eq!(fs::read(lab.path("thesis.odt")).unwrap(), b"years");
    assert_eq!(
        fs::read(lab.path("llama/model.safetensors")).unwrap(),
        before
    );
    // An earlier model may be replaced.
    let again = "model export --model qwen2 --output q.gguf --format gguf --dtype f16";
    lab.jikji(again).succeeds();
    assert!(
        lab.jikji(again)
            .succeeds()
            .stderr
            .contains("the file has no tokenizer")
    );
}

#[test]
fn no_model_leaves_with_a_weight_that_is_no_number() {
    let lab = Lab::empty();
    let fixture = Fixture::copied(&lab, "llama");
    let name = "model.layers.1.mlp.up_proj.weight";
    let put = |value: f32| {
        fixture.change_tensor(name, |rows| {
            rows[0][8..12].copy_from_slice(&value.to_le_bytes());
        });
    };
    put(1e5);
    let refused = |arguments: &str| {
        let ended = lab.jikji(&format!("model {arguments}")).fails(10);
        ended.error().to_owned()
    };
    insta::assert_snapshot!(refused("export --model llama --output half --dtype f16"), @"
    error: tensor `model.layers.1.mlp.up_proj.weight` holds `100000` at element 2, which is no finite number in float16
    hint: write it in bf16 or f32, which reach further
    ");
    refused("export --model llama --output half.gguf --format gguf --dtype f16");
    lab.jikji("model export --model llama --output half --dtype bf16")
        .succeeds();
    put(f32::INFINITY);
    insta::assert_snapshot!(refused("export --model llama --output other"), @"
    error: tensor `model.layers.1.mlp.up_proj.weight` holds `inf` at element 2, which is no finite number in float32
    hint: the weights are damaged or diverged: take an earlier checkpoint, or copy the model again
    ");
    refused("deepen --model llama --output other --remove 1");
    refused("merge --method linear --model llama --model llama --output other");
    refused("export --model llama --output other.gguf --format gguf");
    assert!(!lab.path("other").exists() && !lab.path("other.gguf").exists());
}

/// The parts of a published folder that no weight holds: several tokens that end a text, sampling settings, a licence.
#[test]
fn a_fine_tuned_model_keeps_what_its_folder_says() {
    let lab = Lab::new();
    let half = "published";
    model(
        &lab,
        &[
            "export",
            "--model",
            &trained(),
            "--output",
            half,
            "--dtype",
            "bf16",
        ],
    );
    lab.write(
        "published/generation_config.json",
        "{\"eos_token_id\": [2, 3], \"temperature\": 0.6}",
    );
    lab.write("published/LICENSE", "free");
    lab.write("published/chat_template.jinja", "{{ messages[0].content }}");
    let published = Fixture::at(&lab.path(half));
    let mut config = published.config();
    config["eos_token_id"] = json!([2, 3]);
    published.write("config.json", config.to_string());
    lab.write_recipe_without_model();
    let train = |steps: &str, more: &[&str]| {
        let from = [
            "train",
            "small.toml",
            "--fresh",
            "--set",
            "model.from=published",
            "--set",
            steps,
        ];
        lab.jikji_args(&[&from[..], more].concat())
    };
    let with_its_tokenizer = ["--set", "tokenizer.from=published"];
    for steps in ["train.steps=0", "train.steps=2"] {
        train(steps, &with_its_tokenizer).succeeds();
        let export = Fixture::at(&lab.path("runs/small/export"));
        for file in [
            "generation_config.json",
            "LICENSE",
            "chat_template.jinja",
            "tokenizer.json",
            "tokenizer_config.json",
        ] {
            let read = |fixture: &Fixture| fs::read(fixture.dir.join(file)).unwrap();
            assert_eq!(read(&export), read(&published), "{file}");
        }
        assert_eq!(export.config()["eos_token_id"], json!([2, 3]));
        assert_eq!(export.dtype(), "bfloat16");
        assert_eq!(
            export.tensors() == published.tensors(),
            steps.ends_with('0')
        );
        let lineage = lineage(&lab, "runs/small/export");
        assert_eq!(lineage["operation"], "train");
    }
    // The same ids from another folder, with another template: that folder's is the one that was trained with.
    let talk = lab.path("talk");
    fs::create_dir(&talk).unwrap();
    for file in ["tokenizer.json", "tokenizer_config.json"] {
        fs::copy(published.dir.join(file), talk.join(file)).unwrap();
    }
    fs::write(
        talk.join("chat_template.jinja"),
        "{{ messages[-1].content }}",
    )
    .unwrap();
    train("train.steps=0", &["--set", "tokenizer.from=talk"]).succeeds();
    let settings = fs::read_to_string(lab.path("runs/small/export/tokenizer_config.json")).unwrap();
    assert!(settings.contains("messages[-1]"), "{settings}");
    // Trained anew, the tokenizer would give the rows of the embedding other meanings.
    let ended = train(
        "train.steps=2",
        &[
            "--set",
            "tokenizer={ vocab_size = 400, reserved_tokens = 1 }",
        ],
    )
    .fails(10);
    assert!(
        ended
            .error()
            .contains("hint: set `tokenizer.from` to the folder of `model.from`"),
        "{}",
        ended.stderr
    );
}

#[test]
fn an_id_with_two_meanings_is_not_merged() {
    let lab = Lab::empty();
    for name in ["one", "other"] {
        model(&lab, &["export", "--model", &trained(), "--output", name]);
    }
    let other = Fixture::at(&lab.path("other"));
    let mut tokenizer = other.json("tokenizer.json");
    let vocabulary = tokenizer["model"]["vocab"].as_object_mut().unwrap();
    for id in vocabulary.values_mut() {
        *id = match id.as_u64() {
            Some(500) => json!(501),
            Some(501) => json!(500),
            _ => id.clone(),
        };
    }
    other.write("tokenizer.json", tokenizer.to_string());
    let ended = lab
        .jikji("model merge --method linear --model one --model other --output merged")
        .fails(10);
    let error = ended.error();
    assert!(
        error.starts_with("error: the models cannot be merged: id 500 is `")
            && error.contains("in `one` and `"),
        "{error}"
    );
}

/// What goes in comes out: nothing on the way through a run changes a weight that no step trained.
#[test]
fn a_run_of_no_steps_exports_what_it_started_from() {
    let lab = Lab::new();
    let from = trained();
    lab.write_recipe_without_model();
    let (weights, tokenizer) = (
        format!("model.from={from}"),
        format!("tokenizer.from={from}"),
    );
    let ended = lab
        .jikji_args(&[
            "train",
            "small.toml",
            "--set",
            "train.steps=0",
            "--set",
            &weights,
            "--set",
            &tokenizer,
        ])
        .ends();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let (before, after) = (
        Fixture::at(from.as_ref()),
        Fixture::at(&lab.path("runs/small/export")),
    );
    assert_eq!(before.tensors(), after.tensors());
    assert_eq!(before.config(), after.config());
    assert!(ended.says(&["step 0: validation"]), "{}", ended.stderr);
}
