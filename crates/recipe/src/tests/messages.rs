//! What a user reads. Paths are redacted.

use super::*;
use crate::load_model_config;

#[test]
fn slips_of_the_pen() {
    let workplace = Workplace::new();
    let refusal = |text: &str, set: &[&str]| workplace.refusal(text, set);
    insta::assert_snapshot!(refusal(&LEAST.replace("seq_len", "seq_length"), &[]), @r"
        unknown key `train.seq_length` in `DIR/recipe.toml`
        hint: did you mean `train.seq_len`?
        ");
    insta::assert_snapshot!(refusal(LEAST, &["train.step=3"]), @r"
        unknown key `train.step` in `--set train.step=3`
        hint: did you mean `train.steps`?
        ");
    insta::assert_snapshot!(refusal(LEAST, &["trian.steps=3"]), @r"
        unknown key `trian` in `--set trian.steps=3`
        hint: did you mean `train`?
        ");
    insta::assert_snapshot!(refusal(LEAST, &["model.num_heads=3"]), @r"
        unknown key `model.num_heads` in `--set model.num_heads=3`
        hint: did you mean `model.num_attention_heads`?
        ");
    insta::assert_snapshot!(refusal(LEAST, &["tokenizer.special_tokens.eso=x"]), @r"
        unknown key `tokenizer.special_tokens.eso` in `--set tokenizer.special_tokens.eso=x`
        hint: did you mean `tokenizer.special_tokens.eos`?
        ");
    insta::assert_snapshot!(refusal(LEAST, &["optimizer.schedule.warmup=3"]), @r"
        unknown key `optimizer.schedule.warmup` in `--set optimizer.schedule.warmup=3`
        hint: did you mean `optimizer.schedule.warmup_steps`?
        ");
    insta::assert_snapshot!(refusal(LEAST, &["optimizer.schedule.type=cosin"]), @r"
        `optimizer.schedule.type` in `--set optimizer.schedule.type=cosin`: expected one of `constant`, `linear`, `cosine`, `wsd`, got `cosin`
        hint: did you mean `cosine`?
        ");
    insta::assert_snapshot!(refusal(LEAST, &["optimizer.momentum_of_inertia=3"]), @"
    unknown key `optimizer.momentum_of_inertia` in `--set optimizer.momentum_of_inertia=3`
    hint: known here are `learning_rate`, `betas`, `eps`, `weight_decay`, `decay_embeddings`, `muon`, `max_grad_norm`, `schedule`
    ");
    insta::assert_snapshot!(refusal(&format!("{LEAST}\n[scale.tiny.train]\nstepz = 3"), &[]), @r"
        unknown key `scale.tiny.train.stepz` in `DIR/recipe.toml`
        hint: did you mean `scale.tiny.train.steps`?
        ");
    insta::assert_snapshot!(refusal(&format!("{LEAST}\n[scale.tiny.model]\nhidden = 3"), &[]), @r"
        unknown key `scale.tiny.model.hidden` in `DIR/recipe.toml`
        hint: did you mean `scale.tiny.model.hidden_act`?
        ");
    insta::assert_snapshot!(refusal("[train\nsteps = 3", &[]), @r"
        `DIR/recipe.toml` is not TOML, line 1: unclosed table, expected `]`
        hint: text stands in quotes, lists in `[ ]`, a table begins with `[name]`
        ");
    insta::assert_snapshot!(refusal(&format!("{LEAST}\nevery_steps = 6"), &[]), @r"
        `DIR/recipe.toml` is not TOML, line 18: duplicate key
        hint: text stands in quotes, lists in `[ ]`, a table begins with `[name]`
        ");
}

#[test]
fn wrong_kinds() {
    let workplace = Workplace::new();
    let refusal = |text: &str, set: &[&str]| workplace.refusal(text, set);
    insta::assert_snapshot!(refusal(&LEAST.replace("steps = 10", "steps = \"ten\""), &[]), @"
    `train.steps` in `DIR/recipe.toml`: expected a whole number, 0 or above, got the string `ten`
    hint: change `train.steps`; docs/reference/recipe.md says what it takes
    ");
    insta::assert_snapshot!(refusal(LEAST, &["train.global_batch_size=0"]), @"
    `train.global_batch_size` in `--set train.global_batch_size=0`: expected a whole number, 1 or above, got `0`
    hint: change `train.global_batch_size`; docs/reference/recipe.md says what it takes
    ");
    insta::assert_snapshot!(refusal(LEAST, &["train.seq_len=-1"]), @"
    `train.seq_len` in `--set train.seq_len=-1`: expected a whole number, 1 or above, got `-1`
    hint: change `train.seq_len`; docs/reference/recipe.md says what it takes
    ");
    insta::assert_snapshot!(refusal(LEAST, &["train.precision=fp16"]), @r"
        `train.precision` in `--set train.precision=fp16`: expected one of `f32`, `bf16`, got `fp16`
        hint: did you mean `bf16`?
        ");
    insta::assert_snapshot!(refusal(LEAST, &["train=3"]), @"
    `train` in `--set train=3`: expected a table, got `3`
    hint: change `train`; docs/reference/recipe.md says what it takes
    ");
    insta::assert_snapshot!(refusal(LEAST, &["run.name=2024"]), @r#"
        `run.name` in `--set run.name=2024`: expected a string, got `2024`
        hint: quote it twice so that it stays text: `--set 'run.name="2024"'`
        "#);
    insta::assert_snapshot!(refusal(LEAST, &["log.prompts=가"]), @"
    `log.prompts` in `--set log.prompts=가`: expected a list, got the string `가`
    hint: change `log.prompts`; docs/reference/recipe.md says what it takes
    ");
    insta::assert_snapshot!(refusal(LEAST, &["optimizer.betas=[0.9]"]), @"
    `optimizer.betas` in `--set optimizer.betas=[0.9]`: expected a list of 2, got a list of 1
    hint: change `optimizer.betas`; docs/reference/recipe.md says what it takes
    ");
    insta::assert_snapshot!(refusal(LEAST, &["optimizer.betas=[0.9, 0.95, 0.99]"]), @"
    `optimizer.betas` in `--set optimizer.betas=[0.9, 0.95, 0.99]`: expected a list of 2, got a list of 3
    hint: change `optimizer.betas`; docs/reference/recipe.md says what it takes
    ");
    insta::assert_snapshot!(refusal(LEAST, &["optimizer.schedule.warmup_steps=few"]), @"
    `optimizer.schedule.warmup_steps` in `--set optimizer.schedule.warmup_steps=few`: expected a whole number, 0 or above, got the string `few`
    hint: change `optimizer.schedule.warmup_steps`; docs/reference/recipe.md says what it takes
    ");
    insta::assert_snapshot!(refusal(LEAST, &["model.hidden_size=wide"]), @"
    `model.hidden_size` in `--set model.hidden_size=wide`: expected a whole number, 0 or above, got the string `wide`
    hint: change `model.hidden_size`; docs/reference/recipe.md says what it takes
    ");
    insta::assert_snapshot!(refusal(LEAST, &["model.config=3"]), @r#"
        `model.config` in `--set model.config=3`: expected a string, got `3`
        hint: quote it twice so that it stays text: `--set 'model.config="3"'`
        "#);
    insta::assert_snapshot!(refusal(LEAST, &["data.drop_exact_duplicates=1"]), @"
    `data.drop_exact_duplicates` in `--set data.drop_exact_duplicates=1`: expected `true` or `false`, got `1`
    hint: change `data.drop_exact_duplicates`; docs/reference/recipe.md says what it takes
    ");
    insta::assert_snapshot!(refusal(LEAST, &["run.seed=2026-11-22"]), @"
    `run.seed` in `--set run.seed=2026-11-22`: expected a whole number, 0 or above, got a date
    hint: change `run.seed`; docs/reference/recipe.md says what it takes
    ");
    insta::assert_snapshot!(refusal(&format!("include = 'x'\n{LEAST}"), &[]), @"
    `include` in `DIR/recipe.toml`: expected a list, got the string `x`
    hint: change `include`; docs/reference/recipe.md says what it takes
    ");
}

#[test]
fn out_of_range() {
    let workplace = Workplace::new();
    let refusal = |set: &str| workplace.refusal(LEAST, &[set]);
    insta::assert_snapshot!(refusal("optimizer.learning_rate=0"), @"
    `optimizer.learning_rate` in `--set optimizer.learning_rate=0`: expected a number above 0, got `0`
    hint: change `optimizer.learning_rate`; docs/reference/recipe.md says what it takes
    ");
    insta::assert_snapshot!(refusal("optimizer.learning_rate=nan"), @"
    `optimizer.learning_rate` in `--set optimizer.learning_rate=nan`: expected a number above 0, got `NaN`
    hint: change `optimizer.learning_rate`; docs/reference/recipe.md says what it takes
    ");
    insta::assert_snapshot!(refusal("optimizer.betas=[0.9, 1.0]"), @"
    `optimizer.betas` in `--set optimizer.betas=[0.9, 1.0]`: expected two numbers from 0 up to but not 1, got `1`
    hint: change `optimizer.betas`; docs/reference/recipe.md says what it takes
    ");
    insta::assert_snapshot!(refusal("optimizer.schedule.final_ratio=1.5"), @"
    `optimizer.schedule.final_ratio` in `--set optimizer.schedule.final_ratio=1.5`: expected a number from 0 to 1, got `1.5`
    hint: change `optimizer.schedule.final_ratio`; docs/reference/recipe.md says what it takes
    ");
    insta::assert_snapshot!(refusal("data.validation_fraction=1"), @"
    `data.validation_fraction` in `--set data.validation_fraction=1`: expected a number from 0 up to but not 1, got `1`
    hint: change `data.validation_fraction`; docs/reference/recipe.md says what it takes
    ");
    insta::assert_snapshot!(refusal("run.name=a/b"), @r"
    `run.name` in `--set run.name=a/b`: expected 1 to 200 bytes without `/` or `\` that do not begin with `.`, got `a/b`
    hint: change `run.name`; docs/reference/recipe.md says what it takes
    ");
    insta::assert_snapshot!(refusal("tokenizer.vocab_size=100"), @r"
        the tokenizer that `DIR/recipe.toml` describes is not possible
        caused by: `vocab_size` is `100`, but the special tokens and the 256 bytes alone need `280`
        hint: set `vocab_size` to more than 280, or lower `reserved_tokens`
        ");
}

#[test]
fn contradictions_name_both_sides() {
    let workplace = Workplace::new();
    let refusal = |text: &str, set: &[&str]| workplace.refusal(text, set);
    insta::assert_snapshot!(refusal(LEAST, &["train.seq_len=256"]), @r"
        `train.seq_len` = 256 in `--set train.seq_len=256` exceeds `model.max_position_embeddings` = 128
        hint: change `train.seq_len` or `model.max_position_embeddings`
        ");
    insta::assert_snapshot!(refusal(LEAST, &["train.micro_batch_size=8"]), @r"
        `train.micro_batch_size` = 8 in `--set train.micro_batch_size=8` exceeds `train.global_batch_size` = 4
        hint: change `train.micro_batch_size` or `train.global_batch_size`
        ");
    insta::assert_snapshot!(refusal(LEAST, &["tokenizer.vocab_size=513"]), @r"
        `tokenizer.vocab_size` = 513 in `--set tokenizer.vocab_size=513` exceeds `model.vocab_size` = 512
        hint: change `tokenizer.vocab_size` or `model.vocab_size`
        ");
    insta::assert_snapshot!(refusal(LEAST, &["optimizer.schedule.warmup_steps=11"]), @r"
        `optimizer.schedule.warmup_steps` = 11 in `--set optimizer.schedule.warmup_steps=11` exceeds `train.steps` = 10
        hint: change `optimizer.schedule.warmup_steps` or `train.steps`
        ");
    insta::assert_snapshot!(refusal(LEAST, &["model.num_key_value_heads=3"]), @"
    the model that `--set model.num_key_value_heads=3` describes is not possible
    caused by: model config: `num_key_value_heads` is `3`, expected a divisor of `num_attention_heads` = 4
    hint: change `num_key_value_heads`; `configs/models/` shows complete files
    ");
    workplace.write(
        "bad.toml",
        &MODEL.replace("num_key_value_heads = 2", "num_key_value_heads = 3"),
    );
    insta::assert_snapshot!(refusal(LEAST, &["model.config=bad.toml"]), @"
    the model that `DIR/bad.toml` describes is not possible
    caused by: model config: `num_key_value_heads` is `3`, expected a divisor of `num_attention_heads` = 4
    hint: change `num_key_value_heads`; `configs/models/` shows complete files
    ");
    insta::assert_snapshot!(refusal(&LEAST.replace("[model]", "[model]\nfrom = 'no/such'"), &[]), @r"
        `model.config` and `model.from` exclude each other, `DIR/recipe.toml` gives both
        hint: remove `model.config` or `model.from`
        ");
    workplace.write("tok/tokenizer.json", "{}");
    insta::assert_snapshot!(refusal(&LEAST.replace("[tokenizer]", "[tokenizer]\nfrom = 'tok'"), &[]), @r"
        `tokenizer.from` and `tokenizer.vocab_size` exclude each other, `DIR/recipe.toml` gives both
        hint: remove `tokenizer.from` or `tokenizer.vocab_size`
        ");
    insta::assert_snapshot!(refusal(&LEAST.replace("[model]\nconfig = \"model.toml\"", ""), &[]), @r"
        `DIR/recipe.toml` gives neither `model.config` nor `model.from`
        hint: give `model.config` or `model.from`
        ");
    insta::assert_snapshot!(refusal(&LEAST.replace("[tokenizer]\nvocab_size = 512", ""), &[]), @r"
        `DIR/recipe.toml` gives neither `tokenizer.from` nor `tokenizer.vocab_size`
        hint: give `tokenizer.from` or `tokenizer.vocab_size`
        ");
    insta::assert_snapshot!(refusal(&LEAST.replace("path = \"text\"", ""), &[]), @r"
        `DIR/recipe.toml` gives neither `data.path` nor `[[data.sources]]`
        hint: name a file, folder or glob with `--set data.path=PATH`, or write `[[data.sources]]`
        ");
    insta::assert_snapshot!(refusal(&LEAST.replace("steps = 10", ""), &[]), @r"
        `train.steps` is missing in `DIR/recipe.toml`
        hint: add it, or give it with `--set train.steps=VALUE`
        ");
    insta::assert_snapshot!(refusal(&LEAST.replace("[checkpoint]\nevery_steps = 5", ""), &[]), @r"
        `checkpoint` is missing in `DIR/recipe.toml`
        hint: add it; the files below `recipes/` and `configs/` are complete examples
        ");
}

#[test]
fn sources_and_stages() {
    let workplace = Workplace::new();
    let with = |sources: &str| workplace.refusal(&format!("{LEAST}{sources}"), &[]);
    let two = "[[data.sources]]\nname = 'a'\npath = 'law'\n[[data.sources]]\nname = 'b'\nsynth.documents = 3\n";
    let refusal = |set: &[&str]| workplace.refusal(&format!("{LEAST}{two}"), set);
    insta::assert_snapshot!(refusal(&["data.sources.b.name=a"]), @r"
        two sources in `DIR/recipe.toml` are named `a`
        hint: give each source a name of its own
        ");
    insta::assert_snapshot!(refusal(&["data.sources.b.weight=1"]), @r"
        source `b` has a `weight` and source `a` has none in `DIR/recipe.toml`
        hint: give every source a weight, or none: then each is read as much as it is long
        ");
    insta::assert_snapshot!(refusal(&["data.sources.a.weight=0", "data.sources.b.weight=1"]), @"
    `data.sources.0.weight` in `--set data.sources.a.weight=0`: expected a number above 0, got `0`
    hint: change `data.sources.0.weight`; docs/reference/recipe.md says what it takes
    ");
    insta::assert_snapshot!(refusal(&["data.sources.c.weight=1"]), @r"
        `data.sources` in `--set data.sources.c.weight=1`: the list has no entry `c`
        hint: its entries are `a`, `b`
        ");
    insta::assert_snapshot!(refusal(&["data.sources.b.path=law"]), @r"
        `data.sources.1.path` and `data.sources.1.synth` exclude each other, `--set data.sources.b.path=law` gives both
        hint: remove `data.sources.1.path` or `data.sources.1.synth`
        ");
    insta::assert_snapshot!(refusal(&["data.sources.b.exclude=[\"x\"]"]), @r#"
        `data.sources.1.exclude` in `--set data.sources.b.exclude=["x"]` has no effect: a synthetic source reads no files
        hint: remove `data.sources.1.exclude`
        "#);
    insta::assert_snapshot!(refusal(&["data.sources.a.path=medicine"]), @r"
        `data.sources.0.path` in `--set data.sources.a.path=medicine`: `medicine` does not exist
        hint: looked for it in `DIR/text`
        ");
    insta::assert_snapshot!(refusal(&["data.path=text/c.txt"]), @r"
        `data.path` in `--set data.path=text/c.txt` has no effect: beside `[[data.sources]]` it is the folder where their paths begin, and this is no folder
        hint: remove `data.path`
        ");
    insta::assert_snapshot!(refusal(&["data.validation_sources=[\"c\"]"]), @r#"
        `data.validation_sources` in `--set data.validation_sources=["c"]` names the source `c`, which does not exist
        hint: the sources are `a`, `b`
        "#);
    insta::assert_snapshot!(refusal(&["data.stages=[{from_step=0, weights={a=1}}]"]), @"
    `data.stages.0.from_step` in `--set data.stages=[{from_step=0, weights={a=1}}]`: expected a step above 0: the sources' own weights count from the start, got `0`
    hint: change `data.stages.0.from_step`; docs/reference/recipe.md says what it takes
    ");
    insta::assert_snapshot!(refusal(&["data.stages=[{from_step=5, weights={a=1}}, {from_step=5, weights={b=1}}]"]), @"
    `data.stages.1.from_step` in `--set data.stages=[{from_step=5, weights={a=1}}, {from_step=5, weights={b=1}}]`: expected a step above 5, where the stage before begins, got `5`
    hint: change `data.stages.1.from_step`; docs/reference/recipe.md says what it takes
    ");
    insta::assert_snapshot!(refusal(&["data.stages=[{from_step=5, weights={c=1}}]"]), @r"
        `data.stages.0.weights` in `--set data.stages=[{from_step=5, weights={c=1}}]` names the source `c`, which does not exist
        hint: the sources are `a`, `b`
        ");
    insta::assert_snapshot!(refusal(&["data.stages=[{from_step=5, weights={}}]"]), @"
    `data.stages.0.weights` in `--set data.stages=[{from_step=5, weights={}}]`: expected at least one source, got `{}`
    hint: change `data.stages.0.weights`; docs/reference/recipe.md says what it takes
    ");
    insta::assert_snapshot!(with("[[data.sources]]\nname = 'a'\n"), @r"
        `DIR/recipe.toml` gives neither `data.sources.0.path` nor `data.sources.0.synth`
        hint: give `data.sources.0.path` or `data.sources.0.synth`
        ");
}

#[test]
fn files_that_are_not_there() {
    let workplace = Workplace::new();
    let refusal = |set: &str| workplace.refusal(LEAST, &[set]);
    insta::assert_snapshot!(refusal("data.path=no/such"), @r"
        `data.path` in `--set data.path=no/such`: `no/such` does not exist
        hint: looked for it in `DIR`
        ");
    insta::assert_snapshot!(refusal("data.path=/no/such/*.txt"), @"`data.path` in `--set data.path=/no/such/*.txt`: `/no/such/*.txt` does not exist");
    insta::assert_snapshot!(refusal("data.path=text/empty"), @r"
        `data.path` in `--set data.path=text/empty` gives no sources
        caused by: `DIR/text/empty`, the `path` of source `empty`, holds no file that can be read (1 skipped: `e.bin` not a kind that is read (.txt, .md, .jsonl, .jsonl.zst, .jsonl.gz, .parquet))
        hint: files that end in .txt, .md, .jsonl, .jsonl.zst, .jsonl.gz and .parquet are read; look at `exclude` too
        ");
    insta::assert_snapshot!(refusal("data.exclude=[\"[\"]"), @r"
        `data.path` in `DIR/recipe.toml` gives no sources
        caused by: glob `[` of source `text` is malformed
        caused by: Pattern syntax error near position 0: invalid range pattern
        hint: `*` and `?` match within one folder, `**` stands alone between slashes, `[` needs its `]`
        ");
    insta::assert_snapshot!(refusal("model.config=no.toml"), @r"
        `model.config` in `--set model.config=no.toml`: `no.toml` does not exist
        hint: looked for it in `DIR`
        ");
    insta::assert_snapshot!(refusal("model.from=text"), @"`model.from` in `--set model.from=text`: `DIR/text/config.json` does not exist");
    insta::assert_snapshot!(refusal("tokenizer.from=text"), @"`tokenizer.from` in `--set tokenizer.from=text`: `DIR/text/tokenizer.json` does not exist");
    insta::assert_snapshot!(refusal("data.sources.law.weight=2"), @r"
        `data.sources` in `--set data.sources.law.weight=2`: expected a list, got a table
        hint: write `[[data.sources]]` entries: only those can be changed by name
        ");
    insta::assert_snapshot!(refusal("tokenizer.from=no"), @r"
        `tokenizer.from` in `--set tokenizer.from=no`: `no` does not exist
        hint: looked for it in `DIR`
        ");
    insta::assert_snapshot!(workplace.refusal(&format!("include = ['no.toml']\n{LEAST}"), &[]), @r"
        `include` in `DIR/recipe.toml`: `no.toml` does not exist
        hint: looked for it in `DIR`
        ");
    workplace.write("part.toml", "include = ['x']");
    insta::assert_snapshot!(workplace.refusal(&format!("include = ['part.toml']\n{LEAST}"), &[]), @r"
        `include` in `DIR/part.toml`: an included file holds tables only
        hint: move `include` to the recipe that includes this file
        ");
    let scale = |text: &str| {
        workplace.write("recipe.toml", text);
        workplace.message(
            &workplace
                .load_file("recipe.toml", &overrides(Some("tinny"), &[]))
                .unwrap_err(),
        )
    };
    insta::assert_snapshot!(scale(LEAST), @r"
        `DIR/recipe.toml` has no scale `tinny`
        hint: the recipe has no `[scale.NAME]` tables; leave `--scale` out
        ");
    insta::assert_snapshot!(scale(&format!("{LEAST}\n[scale.tiny.train]\nsteps = 3")), @r"
        `DIR/recipe.toml` has no scale `tinny`
        hint: its scales are `tiny`
        ");
    let missing = workplace
        .load_file("none.toml", &Overrides::default())
        .unwrap_err();
    insta::assert_snapshot!(workplace.message(&missing), @r"
        failed to read `DIR/none.toml`
        caused by: No such file or directory (os error 2)
        hint: check that the path is right and the file can be read
        ");
}

#[test]
fn model_configs() {
    let workplace = Workplace::new();
    let refusal = |name: &str, text: &str| {
        workplace.write(name, text);
        let error = load_model_config(&workplace.path().join(name)).unwrap_err();
        workplace.message(&error)
    };
    insta::assert_snapshot!(refusal("m.toml", &MODEL.replace("hidden_size", "hidden_dim")), @r"
        unknown key `hidden_dim` in `DIR/m.toml`
        hint: did you mean `hidden_size`?
        ");
    insta::assert_snapshot!(refusal("m.toml", &MODEL.replace("512", "'512'")), @"
    `vocab_size` in `DIR/m.toml`: expected a whole number, 0 or above, got the string `512`
    hint: change `vocab_size`; docs/reference/recipe.md says what it takes
    ");
    insta::assert_snapshot!(refusal("m.toml", &MODEL.replace("\"llama\"", "\"gpt2\"")), @"
    `model_type` in `DIR/m.toml`: expected one of `llama`, `mistral`, `qwen2`, `qwen3`, `exaone`, `exaone4`, `hyperclovax`, got `gpt2`
    hint: change `model_type`; docs/reference/recipe.md says what it takes
    ");
    insta::assert_snapshot!(refusal("m.toml", &MODEL.replace("vocab_size = 512", "")), @r"
        `vocab_size` is missing in `DIR/m.toml`
        hint: add it; the files below `recipes/` and `configs/` are complete examples
        ");
    insta::assert_snapshot!(refusal("config.json", r#"{"model_type": "llama", "quantization_config": {}}"#), @"
    `DIR/config.json` cannot be used
    caused by: field `vocab_size`: missing field `vocab_size`
    hint: docs/guides/published-models.md says what is taken; remove the key only if it steers nothing but another program
    ");
    insta::assert_snapshot!(refusal("config.json", r#"{"model_type": "#), @"
    `DIR/config.json` cannot be used
    caused by: not a JSON object
    caused by: EOF while parsing a value at line 1 column 15
    hint: copy the file again from where it was published; it may be cut off
    ");
    insta::assert_snapshot!(refusal("m.toml", &format!("{MODEL}hidden_act = 'gelu'")), @r#"
        the model that `DIR/m.toml` describes is not possible
        caused by: model config: `hidden_act = gelu` is not supported for `model_type = "llama"`
        hint: remove `hidden_act` or choose a family that has it; docs list what each family reads
        "#);
}
