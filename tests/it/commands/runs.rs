//! `jikji runs`, and reports of unfinished and of several runs.

use std::fs;

use serde_json::Value;

use crate::lab::Lab;

/// The runs of a lab as `jikji runs --json` tells of them.
fn runs(lab: &Lab) -> Vec<Value> {
    let json = lab.jikji("runs --json").succeeds().stdout;
    serde_json::from_str(&json).unwrap()
}

#[test]
fn runs_are_listed_with_their_state() {
    let lab = Lab::new();
    lab.jikji("train small.toml --set train.steps=3 --set run.name=끝")
        .succeeds();
    lab.jikji("train small.toml --set run.name=bad --set optimizer.learning_rate=1e37 --set optimizer.schedule.warmup_steps=0")
        .fails(6);
    lab.sh("cp -r runs/끝 runs/killed; echo '{' > runs/killed/lock");
    let found = runs(&lab);
    let of = |key: &str| {
        found
            .iter()
            .map(|run| run[key].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(of("name"), ["bad", "killed", "끝"]);
    assert_eq!(of("state"), ["failed", "failed", "finished"]);
    assert_eq!(found[2]["step"], 3);
    assert_eq!(found[2]["steps"], 3);
    assert!(found[2]["loss"].is_f64() && found[2]["bits_per_byte"].is_f64());
    let table = lab.jikji("runs").succeeds().stdout;
    assert!(table.starts_with("run "), "{table}");
    let one = lab.jikji("runs runs/끝").succeeds().stdout;
    assert_eq!(one.lines().count(), 2, "{one}");
    lab.jikji("runs nowhere").fails(5);

    // An unfinished run says so on its page, which has date, size, processor and version.
    lab.jikji("report runs/bad").succeeds();
    let page = fs::read_to_string(lab.path("runs/bad/report.html")).unwrap();
    assert!(
        page.contains("This run is not finished: step 1 of 40"),
        "no note"
    );
    for what in ["started", "parameters", "106,880", "processor", "jikji"] {
        assert!(page.contains(what), "{what}");
    }
    let page = fs::read_to_string(lab.path("runs/끝/report.html")).unwrap();
    assert!(!page.contains("not finished") && page.contains("ended"));
}

#[test]
fn runs_are_compared() {
    let lab = Lab::new();
    for (name, set) in [
        ("a", "train.steps=6"),
        ("b", "train.steps=8"),
        ("c", "optimizer.learning_rate=1e-3"),
    ] {
        lab.jikji(&format!(
            "train small.toml --set train.steps=8 --set run.name={name} --set data.prepared=shards/one --set {set}"
        ))
        .succeeds();
    }
    let compared = lab.jikji("report runs/a runs/b runs/c").succeeds().stdout;
    for line in [
        "a: runs/a",
        "optimizer.learning_rate: a 0.003, b 0.003, c 0.001",
        "train.steps: a 6, b 8, c 8",
        "a and b: equal losses in all 6 steps that both logged",
        "the data: equal, as far as the runs say",
        "comparison.html",
    ] {
        assert!(compared.lines().any(|found| found == line), "{compared}");
    }
    assert!(
        compared.contains("a and c: the losses part at step 2 ("),
        "{compared}"
    );
    let page = fs::read_to_string(lab.path("comparison.html")).unwrap();
    assert!(page.contains("line three") && page.contains("Settings that differ"));
    for call in [
        "report runs/a runs/b --curve x.svg",
        "report runs/a --output x.html",
    ] {
        lab.jikji(call).fails(2);
    }
}
