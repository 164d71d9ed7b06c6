use super::*;
use crate::{RunLog, StepRecord, StepTiming, ValidationRecord};

const HOSTILE: &str = "<script>alert('x')</script>\" onload=\"y";

fn hostile_input() -> ReportInput {
    let text = || HOSTILE.to_owned();
    ReportInput {
        title: text(),
        language: text(),
        result: text(),
        baselines: vec![Baseline {
            name: text(),
            bits_per_byte: 4.4,
        }],
        samples: vec![SamplePair {
            prompt: text(),
            before: Some(text()),
            after: Some(text()),
        }],
        samples_language: text(),
        data: vec![DataPaper {
            source: text(),
            documents: 1234,
            bytes: 5_600_000,
            tokens: 1_900_000,
            licence: text(),
            synthetic: true,
        }],
        plan: Some(PlanAgainstActual {
            memory_bytes: Planned {
                planned: Some(612_000_000),
                actual: Some(640_000_000),
            },
            steps: Planned {
                planned: Some(0),
                actual: Some(3),
            },
            ..PlanAgainstActual::default()
        }),
        resolved_recipe: Some(text()),
        environment: vec![(text(), text())],
        notes: vec![text()],
    }
}

fn logged() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut log = RunLog::create(dir.path()).unwrap();
    for step in 1..=3 {
        log.step(&StepRecord {
            step,
            tokens_total: step * 100,
            counted_targets: 100.0,
            loss: if step == 2 { f64::NAN } else { 5.0 },
            gradient_norm: 0.0,
            clipped: false,
            learning_rate: 1e-3,
            data: vec![(HOSTILE.to_owned(), 0.5)],
            timing: StepTiming::default(),
        });
    }
    log.validation(&ValidationRecord {
        step: 3,
        loss: 2.0,
        bits_per_byte: 2.1,
        tokens: 10,
        bytes: 30,
        per_source: vec![(HOSTILE.to_owned(), 2.0), ("b".to_owned(), 2.2)],
        seconds: 0.1,
    });
    dir
}

#[test]
fn nothing_from_outside_becomes_markup() {
    let dir = logged();
    let html =
        std::fs::read_to_string(write_report(dir.path(), &hostile_input()).unwrap()).unwrap();
    assert!(!html.contains("<script") && !html.contains("\" onload"));
    assert!(
        html.matches("&lt;script&gt;").count() >= 13,
        "every part is on the page"
    );
    assert!(!html.contains("http://") && !html.contains("https://") && !html.contains("url("));
    assert!(
        html.contains("640 MB")
            && html.contains("105 %")
            && html.contains("5.6 MB")
            && html.contains("1.9 M")
    );
}

#[test]
fn tags_are_balanced() {
    let dir = logged();
    let html =
        std::fs::read_to_string(write_report(dir.path(), &hostile_input()).unwrap()).unwrap();
    for tag in [
        "div", "p", "table", "tr", "td", "th", "figure", "svg", "text", "details", "pre", "h2",
        "style",
    ] {
        let opened =
            html.matches(&format!("<{tag}>")).count() + html.matches(&format!("<{tag} ")).count();
        assert!(opened > 0, "{tag}");
        assert_eq!(opened, html.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn empty_run_and_empty_input_give_a_page() {
    let dir = tempfile::tempdir().unwrap();
    drop(RunLog::create(dir.path()).unwrap());
    let html = std::fs::read_to_string(write_report(dir.path(), &ReportInput::default()).unwrap())
        .unwrap();
    assert!(html.contains("No step was recorded") && html.contains("<html lang=\"en\">"));
    assert!(!html.contains("<h2>Data papers"));
}

#[test]
fn folder_without_metrics_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let error = write_report(dir.path(), &ReportInput::default()).unwrap_err();
    assert!(
        error.to_string().contains("metrics.jsonl") && error.hint().is_some(),
        "{error}"
    );
}
