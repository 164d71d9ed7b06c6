//! Keys that are taken away: `--set KEY=none` and `unset = [...]`.

use super::*;

#[test]
fn an_optional_key_or_table_is_unset() {
    let workplace = Workplace::new();
    let recipe = LEAST.replace(
        "learning_rate = 1e-3",
        "learning_rate = 1e-3\nmax_grad_norm = 1.0\nmuon = { momentum = 0.9 }\nbetas = [0.5, 0.5]",
    );
    let load = |set: &[&str]| workplace.load(&recipe, set).unwrap();
    let full = load(&[]).optimizer;
    assert!(full.muon.is_some() && full.max_grad_norm.is_some());
    let less = load(&[
        "optimizer.muon=none",
        "optimizer.max_grad_norm=none",
        "optimizer.betas=none",
    ])
    .optimizer;
    assert_eq!(
        (less.muon, less.max_grad_norm, less.betas),
        (None, None, [0.9, 0.95])
    );
    // A table that is given anew after it begins empty.
    let anew = load(&["optimizer.muon=none", "optimizer.muon.nesterov=false"]);
    assert_eq!(anew.optimizer.muon.unwrap().momentum, 0.95);
    // Text in quotes is text; a bare word that only begins so is too.
    assert_eq!(load(&["run.name=\"none\""]).run.name, "none");
    assert_eq!(load(&["run.name='none'"]).run.name, "none");
    assert_eq!(load(&["run.name=x", "run.name=none"]).run.name, "recipe");
    assert_eq!(
        load(&["log.prompts=[\"가\"]", "log.prompts=none"])
            .log
            .prompts,
        Vec::<String>::new()
    );
    // A choice whose word is `none` means the same either way.
    let blocks = "train.activation_checkpointing=blocks";
    assert_eq!(
        load(&[blocks, "train.activation_checkpointing=none"]),
        load(&[])
    );
    assert_eq!(
        load(&[blocks, "train.activation_checkpointing=\"none\""]),
        load(&[])
    );
}

#[test]
fn what_the_file_of_a_model_gives_is_unset_too() {
    let workplace = Workplace::new();
    workplace.write(
        "model.toml",
        &format!("{MODEL}rope_theta = 5e5\nrope_scaling = {{ rope_type = 'yarn', factor = 2.0 }}"),
    );
    let load = |set: &[&str]| workplace.load(LEAST, set).unwrap().model.config;
    assert_eq!(load(&[]).rope_theta, Some(5e5));
    assert_eq!(load(&["model.rope_theta=none"]).rope_theta, None);
    assert_eq!(
        load(&["model.rope_theta=none", "model.rope_theta=2e4"]).rope_theta,
        Some(2e4)
    );
    assert_eq!(
        load(&["model.rope_parameters=none"]).rope_scaling,
        None,
        "under its second spelling"
    );
    let scaling = load(&["model.rope_scaling.factor=4.0"])
        .rope_scaling
        .unwrap();
    assert_eq!(
        (scaling.rope_type.as_deref(), scaling.factor),
        (Some("yarn"), Some(4.0))
    );
}

#[test]
fn entries_of_lists_are_unset() {
    let workplace = Workplace::new();
    let sources = "[[data.sources]]\nname = 'a'\npath = 'law'\nweight = 1\n[[data.sources]]\nname = 'b'\npath = 'news'\nweight = 2\n";
    let recipe = format!("{LEAST}{sources}");
    let names = |set: &[&str]| {
        let run = workplace.load(&recipe, set).unwrap();
        let sources = run.data.sources.into_iter();
        sources
            .map(|source| (source.name, source.weight))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names(&["data.sources.a=none"]),
        [("b".to_owned(), Some(2.0))]
    );
    assert_eq!(
        names(&["data.sources.a.weight=none", "data.sources.1.weight=none"]),
        [("a".to_owned(), None), ("b".to_owned(), None)]
    );
    insta::assert_snapshot!(workplace.refusal(&recipe, &["data.sources.c=none"]), @"
    `data.sources` in `--set data.sources.c=none`: the list has no entry `c`
    hint: its entries are `a` and `b`
    ");
}

#[test]
fn a_file_and_a_scale_unset_what_layers_below_gave() {
    let workplace = Workplace::new();
    workplace.write("optim.toml", "[optimizer]\nmax_grad_norm = 1.0\nmuon = {}");
    let head = "include = ['optim.toml']\nunset = ['optimizer.muon']\n";
    let recipe = format!("{head}{LEAST}\n[scale.tiny]\nunset = ['optimizer.max_grad_norm']");
    workplace.write("recipe.toml", &recipe);
    let load = |scale| {
        workplace
            .load_file("recipe.toml", &overrides(scale, &[]))
            .unwrap()
            .optimizer
    };
    assert_eq!(
        (load(None).muon, load(None).max_grad_norm),
        (None, Some(1.0))
    );
    assert_eq!(load(Some("tiny")).max_grad_norm, None);
    // Again by `--set`, which is above both.
    let again = workplace.load(&recipe, &["optimizer.muon={}"]).unwrap();
    assert!(again.optimizer.muon.is_some());
    insta::assert_snapshot!(workplace.refusal(&recipe.replace("'optimizer.muon'", "'optimizer.moun'"), &[]), @"
    unknown key `optimizer.moun` in `DIR/recipe.toml`
    hint: did you mean `optimizer.muon`?
    ");
    insta::assert_snapshot!(workplace.refusal(&recipe.replace("['optimizer.muon']", "'optimizer.muon'"), &[]), @"
    `unset` in `DIR/recipe.toml`: expected a list, got the string `optimizer.muon`
    hint: change `unset`; docs/reference/recipe.md says what it takes
    ");
}

#[test]
fn a_slip_and_a_required_key_are_refused() {
    let workplace = Workplace::new();
    let refusal = |set: &str| workplace.refusal(LEAST, &[set]);
    insta::assert_snapshot!(refusal("optimizer.moun=none"), @"
    unknown key `optimizer.moun` in `--set optimizer.moun=none`
    hint: did you mean `optimizer.muon`?
    ");
    insta::assert_snapshot!(refusal("trian=none"), @"
    unknown key `trian` in `--set trian=none`
    hint: did you mean `train`?
    ");
    insta::assert_snapshot!(refusal("max_steps=none"), @"
    unknown key `max_steps` in `--set max_steps=none`
    hint: `max_steps` is `train.steps` here
    ");
    insta::assert_snapshot!(refusal("train.seq_len=none"), @"
    `--set train.seq_len=none` does not work with the rest of the recipe
    caused by: `train.seq_len` is missing in `DIR/recipe.toml`
    hint: add it, or give it with `--set train.seq_len=VALUE`
    ");
    insta::assert_snapshot!(refusal("optimizer.schedule=none"), @"
    `--set optimizer.schedule=none` does not work with the rest of the recipe
    caused by: `optimizer.schedule` is missing in `DIR/recipe.toml`
    hint: add it, or give it with `--set optimizer.schedule=VALUE`
    ");
    insta::assert_snapshot!(refusal("train.steps=none"), @"
    `--set train.steps=none` does not work with the rest of the recipe
    caused by: `DIR/recipe.toml` gives neither `train.steps` nor `train.epochs`
    hint: give `train.steps` or `train.epochs`
    ");
    insta::assert_snapshot!(refusal("tokenizer.vocab_size=none"), @"
    `--set tokenizer.vocab_size=none` does not work with the rest of the recipe
    caused by: `DIR/recipe.toml` gives neither `tokenizer.from` nor `tokenizer.vocab_size`
    hint: give `tokenizer.from` or `tokenizer.vocab_size`
    ");
    insta::assert_snapshot!(refusal("data.path=none"), @"
    `--set data.path=none` does not work with the rest of the recipe
    caused by: `DIR/recipe.toml` gives neither `data.path` nor `[[data.sources]]`
    hint: name a file, folder or glob with `--set data.path=PATH`, or write `[[data.sources]]`
    ");
}
