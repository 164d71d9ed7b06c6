//! The length of a run and the schedule that must fit into it.

use jikji_train::Horizon;

use super::*;

const WSD: &str =
    "optimizer.schedule={type=\"wsd\", warmup_steps=8, decay_steps=8, final_ratio=0.1}";

#[test]
fn a_schedule_that_does_not_fit_is_refused() {
    let workplace = Workplace::new();
    let refusal = |set: &[&str]| workplace.refusal(LEAST, set);
    insta::assert_snapshot!(refusal(&[WSD]), @r#"
    the learning rate's schedule in `--set optimizer.schedule={type="wsd", warmup_steps=8, decay_steps=8, final_ratio=0.1}` does not fit into `train.steps` = 10
    caused by: the warm-up of 8 steps and the decay of 8 are together longer than the run of 10
    hint: shorten the warm-up or the decay in `[optimizer.schedule]`, or lengthen the run (`train.steps` or `train.epochs`); `warmup_ratio` and `decay_ratio` follow the length
    "#);
    insta::assert_snapshot!(refusal(&["optimizer.schedule.warmup_steps=11"]), @"
    the learning rate's schedule in `--set optimizer.schedule.warmup_steps=11` does not fit into `train.steps` = 10
    caused by: the warm-up of 11 steps is longer than the run of 10: the learning rate would never reach its peak
    hint: shorten the warm-up (`optimizer.schedule.warmup_steps` or `warmup_ratio`), or lengthen the run (`train.steps` or `train.epochs`)
    ");
    insta::assert_snapshot!(refusal(&["train.steps=1"]), @"
    `--set train.steps=1` does not work with the rest of the recipe
    caused by: the learning rate's schedule in `DIR/recipe.toml` does not fit into `train.steps` = 1
    caused by: the warm-up of 2 steps is longer than the run of 1: the learning rate would never reach its peak
    hint: shorten the warm-up (`optimizer.schedule.warmup_steps` or `warmup_ratio`), or lengthen the run (`train.steps` or `train.epochs`)
    ");
    insta::assert_snapshot!(refusal(&["optimizer.schedule={type=\"constant\", warmup_steps=11}"]), @r#"
    the learning rate's schedule in `--set optimizer.schedule={type="constant", warmup_steps=11}` does not fit into `train.steps` = 10
    caused by: the warm-up of 11 steps is longer than the run of 10: the learning rate would never reach its peak
    hint: shorten the warm-up (`optimizer.schedule.warmup_steps` or `warmup_ratio`), or lengthen the run (`train.steps` or `train.epochs`)
    "#);
    insta::assert_snapshot!(refusal(&["optimizer.schedule.warmup_ratio=1"]), @"
    `optimizer.schedule.warmup_ratio` in `--set optimizer.schedule.warmup_ratio=1`: expected a number from 0 up to but not 1, got `1`
    hint: change `optimizer.schedule.warmup_ratio`; docs/reference/recipe.md says what it takes
    ");
    insta::assert_snapshot!(refusal(&["optimizer.schedule.warmup_ratio=nan"]), @"
    `optimizer.schedule.warmup_ratio` in `--set optimizer.schedule.warmup_ratio=nan`: expected a number from 0 up to but not 1, got `NaN`
    hint: change `optimizer.schedule.warmup_ratio`; docs/reference/recipe.md says what it takes
    ");
    // A run without steps asks for no learning rate.
    workplace.load(LEAST, &["train.steps=0"]).unwrap();
}

#[test]
fn just_one_of_two_keys_gives_a_length() {
    let workplace = Workplace::new();
    let refusal = |text: &str, set: &[&str]| workplace.refusal(text, set);
    insta::assert_snapshot!(refusal(&LEAST.replace("steps = 10", "steps = 10\nepochs = 2"), &[]), @"
    `train.steps` and `train.epochs` exclude each other, `DIR/recipe.toml` gives both
    hint: keep the one that you mean: `train.steps` or `train.epochs`
    ");
    insta::assert_snapshot!(refusal(LEAST, &["train.epochs=0"]), @"
    `train.epochs` in `--set train.epochs=0`: expected a number above 0, got `0`
    hint: change `train.epochs`; docs/reference/recipe.md says what it takes
    ");
    insta::assert_snapshot!(refusal(&LEAST.replace("warmup_steps = 2", "warmup_steps = 2, warmup_ratio = 0.1"), &[]), @"
    `optimizer.schedule.warmup_steps` and `optimizer.schedule.warmup_ratio` exclude each other, `DIR/recipe.toml` gives both
    hint: keep the one that you mean: `optimizer.schedule.warmup_steps` or `optimizer.schedule.warmup_ratio`
    ");
    insta::assert_snapshot!(refusal(&LEAST.replace("warmup_steps = 2, ", ""), &[]), @"
    `DIR/recipe.toml` gives neither `optimizer.schedule.warmup_steps` nor `optimizer.schedule.warmup_ratio`
    hint: give `optimizer.schedule.warmup_steps` or `optimizer.schedule.warmup_ratio`
    ");
    let wsd = LEAST.replace("\"cosine\"", "\"wsd\"");
    insta::assert_snapshot!(refusal(&wsd, &[]), @"
    `DIR/recipe.toml` gives neither `optimizer.schedule.decay_steps` nor `optimizer.schedule.decay_ratio`
    hint: give `optimizer.schedule.decay_steps` or `optimizer.schedule.decay_ratio`
    ");
    // The command line wins over the recipe.
    let run = workplace.load(LEAST, &["train.epochs=2"]).unwrap();
    assert_eq!(run.train.horizon(), Horizon::Epochs(2.0));
    let run = workplace
        .load(LEAST, &["train.epochs=2", "train.steps=7"])
        .unwrap();
    assert_eq!(run.train.horizon(), Horizon::Steps(7));
}

#[test]
fn epochs_and_ratios_are_settled_into_steps() {
    let workplace = Workplace::new();
    let file = "data.path=text/law/a.txt";
    let set = [
        file,
        "train.epochs=2",
        "optimizer.schedule.warmup_ratio=0.07",
    ];
    let run = workplace.load(LEAST, &set).unwrap();
    let settled = run.settled(101).unwrap();
    assert_eq!(
        (settled.train.steps, settled.train.epochs),
        (Some(101), None)
    );
    assert_eq!(settled.optimizer.schedule.warmup(), (Some(8), None));
    let text = settled.to_toml();
    assert!(
        text.contains("steps = 101") && text.contains("warmup_steps = 8"),
        "{text}"
    );
    assert!(
        !text.contains("epochs") && !text.contains("ratio = 0.07"),
        "{text}"
    );
    assert_eq!(workplace.load(&text, &[]).unwrap(), settled);
    let settled_again = settled.settled(101).unwrap();
    assert_eq!(settled_again, settled);
    // What does not fit is found then.
    let run = workplace.load(LEAST, &["train.epochs=0.01"]).unwrap();
    insta::assert_snapshot!(workplace.message(&run.settled(1).unwrap_err()), @"
    the learning rate's schedule does not fit into `train.epochs` = 0.01, which is 1 steps of this text
    caused by: the warm-up of 2 steps is longer than the run of 1: the learning rate would never reach its peak
    hint: shorten the warm-up (`optimizer.schedule.warmup_steps` or `warmup_ratio`), or lengthen the run (`train.steps` or `train.epochs`)
    ");
    assert!(!run.identity().contains_key("train.epochs"));
}

#[test]
fn what_is_legal_but_surprising_is_warned_about() {
    let workplace = Workplace::new();
    let warnings = |set: &[&str]| {
        let run = workplace.load(LEAST, set).unwrap();
        run.warnings().join("\n")
    };
    assert_eq!(warnings(&[]), "");
    insta::assert_snapshot!(warnings(&["checkpoint.every_steps=11", "train.validate_every_steps=11", "log.every_steps=11", "log.sample_every_steps=11"]), @"
    `train.validate_every_steps` = 11 is longer than the run of 10 steps: validation runs before the first and after the last step only
    `checkpoint.every_steps` = 11 is longer than the run of 10 steps: only the last step is saved, and a crash costs the whole run
    `log.every_steps` = 11 is longer than the run of 10 steps: only the last step is logged
    `log.sample_every_steps` = 11 is longer than the run of 10 steps: the model is sampled before the first and after the last step only
    ");
    insta::assert_snapshot!(warnings(&["optimizer.schedule={type=\"constant\", warmup_steps=10}"]), @"the warm-up takes all 10 steps of the run: the learning rate reaches its peak at the last step only");
    insta::assert_snapshot!(warnings(&["train.steps=2", "checkpoint.every_steps=1"]), @"the warm-up takes all 2 steps of the run: the learning rate reaches its peak at the last step only, and no step is left for the decay to `final_ratio` = 0.1");
    // On purpose: a later run decays.
    let stable =
        "optimizer.schedule={type=\"wsd\", warmup_steps=1, decay_steps=0, final_ratio=0.0}";
    assert_eq!(warnings(&[stable]), "");
    insta::assert_snapshot!(warnings(&["data.stages=[{from_step=10, weights={law=1}}]"]), @"`data.stages.0` begins at step 10, but the run ends after 10 steps: its weights are never used");
    assert_eq!(
        warnings(&["data.stages=[{from_step=9, weights={law=1}}]"]),
        ""
    );
    assert_eq!(
        warnings(&["checkpoint.every_steps=11", "train.steps=0"]),
        ""
    );
}
