//! A dry run: what it says a run would take, and that it passes nothing that the run refuses.

use std::fs;

use crate::lab::Lab;
use crate::run_folder::files;

/// The message that ends `train` and `train --dry-run` alike, with the exit code.
fn refused_alike(lab: &Lab, arguments: &str, code: i32) -> String {
    let before = files(&lab.path("."));
    let dry = lab
        .jikji(&format!("train small.toml --dry-run {arguments}"))
        .fails(code);
    assert_eq!(files(&lab.path(".")), before, "a dry run wrote something");
    let real = lab
        .jikji(&format!("train small.toml {arguments}"))
        .fails(code);
    assert_eq!(dry.error(), real.error(), "{arguments}");
    lab.redact(dry.error())
}

#[test]
fn a_dry_run_budgets_text_tokens_disk_and_time() {
    let lab = Lab::new();
    let plan = lab.jikji("train small.toml --dry-run").succeeds().stdout;
    let line = |start: &str| {
        let found = plan.lines().find(|line| line.starts_with(start));
        found
            .unwrap_or_else(|| panic!("no `{start}` in\n{plan}"))
            .to_owned()
    };
    assert!(line("text of text: ").contains(" documents, "), "{plan}");
    assert!(line("text of text: ").contains("(counted)"), "{plan}");
    assert!(line("text in all: ").contains("for training"), "{plan}");
    assert!(
        line("asked for: ").contains("10.2 k tokens (40 steps of 256)"),
        "{plan}"
    );
    assert!(line("asked for: ").contains("reads text "), "{plan}");
    assert!(
        line("disk, prepared text: ").contains("`shards/small`"),
        "{plan}"
    );
    assert!(
        line("disk, run: ").contains("2 checkpoints of 1.28 MB"),
        "{plan}"
    );
    assert!(line("disk, run: ").contains(" free"), "{plan}");
    assert!(line("time: about ").contains("40 steps"), "{plan}");
    // What it estimates is near what the run finds.
    lab.jikji("train small.toml --set train.steps=1 --set optimizer.schedule.warmup_steps=1")
        .succeeds();
    let epochs = lab
        .jikji("train small.toml --dry-run --fresh --set train.epochs=2")
        .succeeds();
    assert!(
        epochs.stdout.contains(" steps of 256); reads text 2.0"),
        "{}",
        epochs.stdout
    );
}

#[test]
fn a_dry_run_refuses_what_the_run_refuses() {
    let lab = Lab::new();
    let error = refused_alike(&lab, "--device cuda:0", 9);
    assert!(error.contains("built for the cpu only"), "{error}");
    let error = refused_alike(&lab, "--set optimizer.schedule.warmup_steps=41", 3);
    assert!(error.contains("longer than the run of 40"), "{error}");
    lab.write("file", "no folder");
    refused_alike(&lab, "--set run.output=file/run", 5);
    lab.write("text/old.txt", b"damaged \xff\xff\n");
    refused_alike(&lab, "", 4);
    fs::remove_file(lab.path("text/old.txt")).unwrap();
    // How much is free changes from one moment to the next.
    let large = "--set train.global_batch_size=1000000000000 --set train.micro_batch_size=1";
    let needs = ["--dry-run ", ""].map(|dry| {
        let ended = lab
            .jikji(&format!("train small.toml {dry}{large}"))
            .fails(8);
        let (needs, _) = ended.error().split_once(" of memory, ").unwrap();
        needs.to_owned()
    });
    assert_eq!(needs[0], needs[1]);

    lab.jikji("train small.toml --set train.steps=5").succeeds();
    let error = refused_alike(&lab, "", 5);
    assert!(error.contains("up to step 5 of 40"), "{error}");
    let error = refused_alike(&lab, "--resume --set run.seed=7", 5);
    assert!(error.contains("`run.seed`"), "{error}");
    lab.jikji("train small.toml --dry-run --resume").succeeds();
    lab.jikji("train small.toml --dry-run --fresh").succeeds();
    let done = lab
        .jikji("train small.toml --dry-run --set train.steps=5")
        .succeeds();
    assert!(done.says(&["is complete"]), "{}", done.stderr);
}

#[test]
fn a_dry_run_looks_into_the_folders_of_model_and_tokenizer() {
    let lab = Lab::new();
    lab.jikji("train small.toml --set train.steps=2").succeeds();
    fs::rename(lab.path("runs/small/export"), lab.path("model")).unwrap();
    lab.write_recipe_without_model();
    let fresh = "--fresh --set model.from=model --set tokenizer.from=model";
    lab.jikji(&format!("train small.toml --dry-run {fresh}"))
        .succeeds();
    let weights = fs::read(lab.path("model/model.safetensors")).unwrap();
    fs::write(
        lab.path("model/model.safetensors"),
        &weights[..weights.len() / 2],
    )
    .unwrap();
    refused_alike(&lab, fresh, 10);
    fs::remove_file(lab.path("model/model.safetensors")).unwrap();
    refused_alike(&lab, fresh, 10);
    fs::write(lab.path("model/model.safetensors"), &weights).unwrap();
    let tokenizer = fs::read(lab.path("model/tokenizer.json")).unwrap();
    fs::write(lab.path("model/tokenizer.json"), &tokenizer[..100]).unwrap();
    refused_alike(&lab, fresh, 4);
    fs::remove_file(lab.path("model/tokenizer.json")).unwrap();
    refused_alike(&lab, fresh, 3);
}
