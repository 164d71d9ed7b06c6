//! The first command of the README, with fewer steps: what it prints, what it writes, what it says when it is called again.

use std::fs;
use std::process::{Command, Stdio};

use crate::lab::{Ended, JIKJI, Lab};
use crate::run_folder::{RunDir, names};

const TRAIN: &str = "train recipes/quickstart.toml --scale tiny";

/// The last line that begins so, with its numbers made `N`.
fn line(ended: &Ended, begin: &str) -> String {
    let line = ended.stderr.lines().rfind(|line| line.starts_with(begin));
    let line = line.unwrap_or_else(|| panic!("no line `{begin}`:\n{}", ended.stderr));
    let (mut shape, mut in_number) = (String::new(), false);
    for c in line.chars() {
        let is_digit = c.is_ascii_digit() || (in_number && matches!(c, '.' | ','));
        if !is_digit {
            shape.push(c);
        } else if !in_number {
            shape.push('N');
        }
        in_number = is_digit;
    }
    shape
}

fn says_what_came_of_it(ended: &Ended) {
    let shape = |begin| line(ended, begin);
    insta::assert_snapshot!(shape("validation"), @"validation N -> N bits/byte (unigram N trigram N)");
    insta::assert_snapshot!(shape("memory planned").replace(" kB", " MB"), @"memory planned N MB, used N MB");
    insta::assert_snapshot!(shape("this is a toy"), @"this is a toy of N M parameters: it shows the machine, not what a model can know");
    insta::assert_snapshot!(shape("data: "), @"data: N documents, N kB of text, N tokens (N bytes/token), N documents held back; ready in N s");
    insta::assert_snapshot!(shape("step 8/8"), @"step N/N  N %  loss N  N tokens/s  N % of the machine's matrix rate");
    let from = ended
        .stderr
        .find("  model  ")
        .expect("the run says where the model is");
    insta::assert_snapshot!(ended.stderr[from..].trim_end(), @r#"
      model        runs/quickstart-tiny/export   (for transformers, vLLM, and `jikji generate`)
      report       runs/quickstart-tiny/report.html
      TensorBoard  tensorboard --logdir runs/quickstart-tiny/tensorboard
    next:
      write        jikji generate --model runs/quickstart-tiny/export --prompt "오늘 아침에는"
      go longer    jikji train recipes/quickstart.toml --resume --scale tiny --set train.steps=16
      your text    jikji train recipes/pretrain/small.toml --set data.path=YOUR_FOLDER
      real recipe  jikji recipe list
    "#);
}

fn wrote_everything(run: &RunDir) {
    insta::assert_snapshot!(names(&run.path("")).join(" "), @"checkpoints data.json export log.rank0.txt metrics.jsonl recipe.resolved.toml report.html report.json samples tensorboard timing.jsonl tokenizer");
    insta::assert_snapshot!(names(&run.path("export")).join(" "), @"config.json generation_config.json model.safetensors tokenizer.json tokenizer_config.json");
    insta::assert_snapshot!(names(&run.checkpoints()).join(" "), @"step-00000004 step-00000008");
    insta::assert_snapshot!(names(&run.path("samples")).join(" "), @"step-00000000.md step-00000008.md");
    assert_eq!(names(&run.path("tensorboard")).len(), 1);
    let page = fs::read_to_string(run.path("report.html")).unwrap();
    assert!(page.contains("</svg>") && page.contains("</html>"));
    for outside in ["http://", "https://", "<script src", "<link"] {
        let used = page.replace("http://www.w3.org/", "");
        assert!(!used.contains(outside), "the report needs `{outside}`");
    }
    let log = fs::read_to_string(run.path("log.rank0.txt")).unwrap();
    assert!(log.contains("step 8: validation"), "{log}");
}

/// One long test: each part stands on the run of the part before, and the run is the costly thing.
#[test]
fn the_quickstart_and_what_one_does_after_it() {
    let lab = Lab::repository();
    let run = RunDir::new(lab.path("runs/quickstart-tiny"));
    let ended = lab.jikji(TRAIN).succeeds();
    assert_eq!(ended.stdout, "", "a run's talk is no data");
    says_what_came_of_it(&ended);
    wrote_everything(&run);

    // Again: no error, nothing done, three ways on.
    let metrics = fs::read(run.path("metrics.jsonl")).unwrap();
    let again = lab.jikji(TRAIN).succeeds();
    insta::assert_snapshot!(again.stderr.trim_end(), @r#"
    the run in `runs/quickstart-tiny` is complete: 8 of 8 steps are done
      go longer   jikji train recipes/quickstart.toml --resume --scale tiny --set train.steps=16
      afresh      jikji train recipes/quickstart.toml --fresh --scale tiny   (moves this run aside)
      use it      jikji generate --model runs/quickstart-tiny/export --prompt "오늘 아침에는"
    "#);
    assert_eq!(fs::read(run.path("metrics.jsonl")).unwrap(), metrics);

    // The resolved recipe is the run.
    let resolved = fs::read_to_string(run.path("recipe.resolved.toml")).unwrap();
    let checked = lab
        .jikji("recipe check runs/quickstart-tiny/recipe.resolved.toml")
        .succeeds();
    assert_eq!(checked.stdout.trim_end(), resolved.trim_end());
    let same = lab
        .jikji("train runs/quickstart-tiny/recipe.resolved.toml")
        .succeeds();
    assert!(same.says(&["is complete: 8 of 8 steps"]), "{}", same.stderr);

    // Longer needs a word.
    let longer = format!("{TRAIN} --set train.steps=9");
    let refused = lab.jikji(&longer).fails(5);
    insta::assert_snapshot!(refused.error(), @r"
    error: `runs/quickstart-tiny` holds a run with checkpoints up to step 8 of 9
    hint: continue it with `--resume`, or begin anew with `--fresh` (which moves it aside)
    ");
    let resumed = lab.jikji(&format!("{longer} --resume")).succeeds();
    assert!(
        resumed.says(&["resuming from step 8"]),
        "{}",
        resumed.stderr
    );
    assert_eq!((run.steps_logged(), run.newest_step()), (9, Some(9)));
    let kept = fs::read_to_string(run.path("metrics.jsonl")).unwrap();
    assert!(kept.as_bytes().starts_with(&metrics), "the curve goes on");

    // Afresh: the old run is moved, whole.
    let fresh = lab
        .jikji(&format!("{TRAIN} --fresh --set train.steps=2"))
        .succeeds();
    assert!(
        fresh.says(&["the older run was moved to `runs/quickstart-tiny.old-1`"]),
        "{}",
        fresh.stderr
    );
    assert_eq!(run.newest_step(), Some(2));
    let old = RunDir::new(lab.path("runs/quickstart-tiny.old-1"));
    assert_eq!(old.newest_step(), Some(9));
    assert_eq!(fs::read_to_string(old.path("metrics.jsonl")).unwrap(), kept);
}

/// What a run prints as a command is one, whatever its folder is called.
#[test]
fn printed_commands_can_be_typed_as_they_are() {
    let lab = Lab::new();
    let name = r#"run.name="it's a run""#;
    let run = RunDir::new(lab.path("runs/it's a run"));
    let train = [
        "train",
        "small.toml",
        "--set",
        "train.steps=2",
        "--set",
        name,
    ];
    let typed = |text: &str, begin: &str| {
        let line = text.lines().rfind(|line| line.starts_with(begin)).unwrap();
        let command = line[begin.len()..].trim().replacen("jikji", JIKJI, 1);
        let command = command.split("   (").next().unwrap().to_owned();
        let status = Command::new("sh")
            .args(["-c", &command])
            .current_dir(lab.path(""))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(status.unwrap().success(), "{command}");
    };
    let ended = lab.jikji_args(&train).succeeds();
    typed(&ended.stderr, "  write ");
    typed(&ended.stderr, "  go longer ");
    assert_eq!(run.newest_step(), Some(4));
    let complete = lab.jikji_args(&train).succeeds();
    typed(&complete.stderr, "  use it ");
    typed(&complete.stderr, "  afresh ");
    assert_eq!(run.newest_step(), Some(2));
    assert!(lab.path("runs/it's a run.old-1").is_dir());
}
