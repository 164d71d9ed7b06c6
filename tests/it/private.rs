//! `log.private`: no text of the run reaches its folder or the terminal.

use std::fs;

use crate::lab::Lab;
use crate::run_folder::files;

const PROMPT: &str = "비밀이다";

#[test]
fn no_text_reaches_the_folder_of_the_run_or_the_terminal() {
    let lab = Lab::new();
    lab.recipe_with(
        "prompts = [\"오늘\"]",
        &format!("prompts = [\"{PROMPT}\"]\nprivate = true"),
    );
    let ended = lab.jikji("train small.toml --set train.steps=4").succeeds();
    let text = fs::read_to_string(lab.path("text/domains-law-001.txt")).unwrap();
    let row: String = text.chars().take(12).collect();
    let holds = |bytes: &[u8], what: &str| {
        bytes
            .windows(what.len())
            .any(|part| part == what.as_bytes())
    };
    let mut places = files(&lab.path("runs/small"));
    // The model and its tokenizer hold what they were made from.
    places.retain(|path, _| !path.starts_with("export/"));
    places.insert("stdout".to_owned(), ended.stdout.clone().into_bytes());
    places.insert("stderr".to_owned(), ended.stderr.clone().into_bytes());
    for (place, bytes) in &places {
        for what in [PROMPT, row.as_str()] {
            assert!(!holds(bytes, what), "{place} holds `{what}`");
        }
    }
    assert!(
        ended.says(&["(4 characters, 12 bytes, blake3 "]),
        "{}",
        ended.stderr
    );
    let samples = String::from_utf8_lossy(&places["samples/step-00000004.md"]).into_owned();
    assert!(samples.contains("blake3"), "{samples}");
    let report = String::from_utf8_lossy(&places["report.json"]).into_owned();
    assert!(report.contains("blake3"), "{report}");
    let plan = lab.jikji("train small.toml --fresh --dry-run").succeeds();
    assert!(
        !plan.stdout.contains(&row) && plan.stdout.contains("log.private"),
        "{}",
        plan.stdout
    );
}

#[test]
fn an_error_about_a_row_does_not_repeat_it() {
    let lab = Lab::new();
    lab.write(
        "text/rows.jsonl",
        format!("{{\"text\": \"하나\"}}\n\"{PROMPT}\"\n"),
    );
    let open = lab.jikji("train small.toml").fails(4);
    for arguments in ["", " --dry-run"] {
        let ended = lab
            .jikji(&format!(
                "train small.toml --set log.private=true{arguments}"
            ))
            .fails(4);
        assert!(!ended.error().contains(PROMPT), "{}", ended.error());
        assert!(ended.error().contains("rows.jsonl:2"), "{}", ended.error());
    }
    assert!(open.error().contains("rows.jsonl:2"), "{}", open.error());
}
